// Texts as Feishu's client shows them: the tags of a text message, and the markdown of a card. Everything becomes nodes.

import { el, link } from "./dom.js";
import { t } from "./words.js";

const MESSAGE_TOKEN =
  /<at\s+(?:user_id|id)\s*=\s*["']?([^"'>\s]+)["']?\s*>(.{0,200}?)<\/at>|<(b|i|u|s)>(.{0,4000}?)<\/\3>|\[([^\]\n]+)\]\((https?:\/\/[^\s)]+)\)|(https?:\/\/[^\s<>"'，。；）)]+)|(@_user_\d+)/gis;

// The text of msg_type=text: <at>, <b> <i> <u> <s>, [text](url) and bare links are interpreted, as in Feishu.
export function messageText(text, people) {
  const out = [];
  let from = 0;
  for (const found of text.matchAll(MESSAGE_TOKEN)) {
    out.push(text.slice(from, found.index));
    from = found.index + found[0].length;
    const [whole, who, name, tag, inner, label, address, bare, placeholder] = found;
    if (who !== undefined) out.push(mention(who, name, people));
    else if (tag) out.push(el(tag.toLowerCase(), {}, messageText(inner, people)));
    else if (label) out.push(link(address, label));
    else if (bare) out.push(link(bare, bare));
    else if (placeholder) out.push(mention(placeholder, "", people));
    else out.push(whole);
  }
  out.push(text.slice(from));
  return out;
}

export function mention(who, name, people) {
  const everybody = who === "all" || who === "@_all";
  const known = everybody ? t("all") : people(who) ?? (name || who);
  return el("span", { class: everybody ? "at at-all" : "at" }, `@${known}`);
}

export function markdown(source, people) {
  const blocks = [];
  const lines = source.replace(/<br\s*\/?>/gi, "\n").split("\n");
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index];
    const fence = line.match(/^\s*(```|~~~)/);
    if (fence) {
      const code = [];
      for (index += 1; index < lines.length && !lines[index].trim().startsWith(fence[1]); index += 1) code.push(lines[index]);
      blocks.push(el("pre", {}, el("code", {}, code.join("\n"))));
      continue;
    }
    blocks.push(block(line, people));
  }
  return el("div", { class: "markdown" }, blocks);
}

function block(line, people) {
  const heading = line.match(/^(#{1,6})\s+(.*)$/);
  if (heading) return el("div", { class: `md-heading md-heading-${heading[1].length}` }, inline(heading[2], people));
  if (/^\s*(---+|\*\*\*+|<hr\s*\/?>)\s*$/.test(line)) return el("hr");
  const quote = line.match(/^\s*>\s?(.*)$/);
  if (quote) return el("blockquote", {}, inline(quote[1], people));
  const item = line.match(/^(\s*)(?:([-*+])|(\d+)[.)])\s+(.*)$/);
  if (item) {
    const row = el("div", { class: "md-item" }, el("span", { class: "md-bullet" }, item[3] ? `${item[3]}.` : "•"), el("span", {}, inline(item[4], people)));
    if (item[1].length > 1) row.classList.add("md-item-deep");
    return row;
  }
  return el("div", { class: line.trim() ? "md-line" : "md-gap" }, inline(line, people));
}

const INLINE =
  /`([^`\n]+)`|\*\*(.+?)\*\*|__(.+?)__|~~(.+?)~~|\*([^*\n]+)\*|\[([^\]\n]*)\]\((https?:\/\/[^\s)]+)\)|<at\s+(?:id|user_id)\s*=\s*["']?([^"'>\s]+)["']?\s*>(.*?)<\/at>|<font\s+color\s*=\s*["']?([a-z-]+)["']?\s*>(.*?)<\/font>|<text_tag\s+color\s*=\s*["']?([a-z]+)["']?\s*>(.*?)<\/text_tag>|(https?:\/\/[^\s<>"'，。；）)]+)|&#(\d{1,6});/gis;

function inline(text, people) {
  const out = [];
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    out.push(text.slice(from, found.index));
    from = found.index + found[0].length;
    const [, code, bold, bold2, struck, italic, label, address, who, name, color, colored, tagColor, tagged, bare, entity] = found;
    if (code !== undefined) out.push(el("code", {}, code));
    else if (bold ?? bold2) out.push(el("strong", {}, inline(bold ?? bold2, people)));
    else if (struck) out.push(el("s", {}, inline(struck, people)));
    else if (italic) out.push(el("em", {}, inline(italic, people)));
    else if (address) out.push(link(address, label || address));
    else if (who) out.push(mention(who, name, people));
    else if (color) out.push(el("span", { class: `ink-${color}` }, inline(colored, people)));
    else if (tagColor) out.push(el("span", { class: `tag tag-${tagColor}` }, tagged));
    else if (bare) out.push(link(bare, bare));
    else if (entity) out.push(String.fromCodePoint(Math.min(Number(entity), 0x10ffff)));
  }
  out.push(text.slice(from));
  return out;
}
