// The page: one column of chats per person, drawn from /sim/state whenever the world says that it has changed.

import { drawCard } from "./card.js";
import { el, link, post } from "./dom.js";
import { buzzesOf, isRead, marks, unread, wayOf } from "./receipts.js";
import { markdown, mention, messageText } from "./text.js";
import { chooseLanguage, currentLanguage, nameOf, said, t } from "./words.js";

const desk = document.getElementById("desk");
const tabs = document.getElementById("tabs");
const panels = document.getElementById("panels");
const columns = new Map(); // person key → Column
let world = null;
let shownTab = null;
let panelLines = [];

// -- one person ---------------------------------------------------------------------------------------------------------

class Column {
  constructor(person) {
    this.key = person.key;
    this.chatId = null;
    this.behind = false; // the newest message is still to be shown
    this.restedAt = NaN; // where the log was left when it was shown
    this.drawn = new Map(); // message id → { mark, version, drafts, node }
    this.buzzed = null; // how many buzzes have been told; null before the first drawing
    this.avatar = el("span", { class: `avatar avatar-${person.key}`, "aria-hidden": "true" });
    this.name = el("h2", { class: "column-name" });
    this.role = el("span", { class: "column-role" });
    this.pin = el("span", { class: "chip chip-pin", role: "status" });
    this.account = el("span", { class: "chip chip-account", role: "status" });
    this.freeze = el("button", { type: "button", on: { click: () => this.change({ frozen: !this.person.frozen }) } });
    this.leave = el("button", { type: "button", on: { click: () => this.change({ resigned: !this.person.resigned }) } });
    this.more = el("details", { class: "more" }, el("summary", {}, "⋯"), el("div", { class: "more-menu", role: "group" }, this.freeze, this.leave));
    this.chats = el("div", { class: "column-chats", role: "group" });
    this.log = el("div", { class: "log", role: "log", "aria-live": "polite", tabindex: "0" });
    this.empty = el("p", { class: "log-empty" });
    this.toasts = el("div", { class: "toasts", "aria-live": "assertive" });
    this.text = el("textarea", { class: "composer-text", rows: "1", on: { keydown: (event) => this.key_(event) } });
    this.button = el("button", { type: "submit", class: "composer-send" });
    this.commands = el("div", { class: "composer-commands", role: "group" });
    this.named = el("input", { type: "checkbox", checked: true });
    this.namedLabel = el("label", { class: "composer-named", hidden: true }, this.named, el("span", {}));
    this.composer = el("form", { class: "composer", on: { submit: (event) => this.say(event) } },
      this.commands, el("div", { class: "composer-row" }, this.text, this.button), this.namedLabel);
    this.node = el("section", { class: "column", id: `column-${person.key}`, "data-person": person.key, role: "tabpanel" },
      el("header", { class: "column-head" }, this.avatar, el("div", { class: "column-who" }, this.name, this.role), el("div", { class: "column-state" }, this.pin, this.account), this.more),
      this.chats, this.toasts, this.log, this.composer);
  }

  draw(person) {
    this.person = person;
    this.out = person.frozen || person.resigned;
    const name = nameOf(person);
    this.avatar.textContent = currentLanguage() === "zh_cn" ? [...name].slice(-2).join("") : initials(name);
    this.name.textContent = name;
    this.role.textContent = t(person.key) === person.key ? person.email : `${t(person.key)} · ${person.email}`;
    this.node.setAttribute("aria-label", name);
    this.drawAccount();
    this.text.placeholder = t(this.out ? "signedOut" : "hint");
    this.text.disabled = this.button.disabled = this.out;
    this.text.setAttribute("aria-label", `${name}: ${t("message")}`);
    this.button.textContent = t("send");
    this.named.nextElementSibling.textContent = t("mention");
    const mine = world.chats.filter((chat) => chat.people.includes(this.key)).sort((one, other) => this.isPinned(other) - this.isPinned(one));
    if (!mine.some((chat) => chat.chat_id === this.chatId)) this.chatId = mine[0]?.chat_id ?? null;
    this.drawChats(mine);
    const chat = mine.find((each) => each.chat_id === this.chatId);
    this.composer.hidden = !chat;
    this.namedLabel.hidden = chat?.kind !== "group";
    this.drawCommands(chat);
    this.drawLog(chat);
    this.tellBuzzes(mine);
  }

  isPinned(chat) {
    return chat.kind === "p2p" && chat.apps.some((app) => this.person.pinned.includes(app));
  }

  drawAccount() {
    const { frozen, resigned, pinned } = this.person;
    this.pin.textContent = pinned.length ? t("pinned") : "";
    this.account.textContent = resigned ? t("resigned") : frozen ? t("frozen") : "";
    this.freeze.textContent = t(frozen ? "revive" : "freeze");
    this.freeze.hidden = resigned;
    this.leave.textContent = t(resigned ? "rejoin" : "leave");
    this.more.firstElementChild.setAttribute("aria-label", t("account"));
  }

  async change(what) {
    this.more.open = false;
    await post("/sim/person", { user: this.key, ...what });
  }

  // What Feishu puts on the screen, or rings about, whatever the person is looking at.
  tellBuzzes(mine) {
    const buzzes = buzzesOf(mine, this.key);
    if (this.buzzed !== null) for (const buzz of buzzes.slice(this.buzzed)) this.toast("buzz", wayOf(buzz), brief(buzz.message));
    this.buzzed = buzzes.length;
  }

  drawChats(mine) {
    this.chats.hidden = mine.length < 2;
    this.chats.setAttribute("aria-label", t("chats"));
    this.chats.replaceChildren(...mine.map((chat) => {
      const waiting = unread(chat, this.key);
      return el("button", {
        type: "button", class: "chat-tab", "aria-pressed": String(chat.chat_id === this.chatId),
        on: { click: () => { this.chatId = chat.chat_id; redraw(); } },
      }, el("span", { class: "chat-kind" }, t(chat.kind === "group" ? "group" : "private")), this.isPinned(chat) ? el("span", { class: "chat-pin", title: t("pinned") }, "📌") : null, chat.name, waiting ? el("span", { class: "badge" }, String(waiting)) : null);
    }));
  }

  drawCommands(chat) {
    const known = world.apps.filter((app) => chat?.apps.includes(app.app_id)).flatMap((app) => app.commands);
    this.commands.hidden = known.length === 0;
    this.commands.replaceChildren(...known.map((each) => el("button", {
      type: "button", class: "command", title: each.description.i18n?.[currentLanguage()] ?? each.description.default_value,
      on: { click: () => { this.text.value = `/${each.command} `; this.text.focus(); } },
    }, `/${each.command}`)));
  }

  drawLog(chat) {
    const messages = chat?.messages ?? [];
    const visible = this.node.offsetParent !== null;
    const opened = visible && this.openChat !== this.chatId;
    const atEnd = opened || this.isAtEnd();
    const calls = messages.some((each) => !this.drawn.has(each.message_id) && (each.sender.kind === "app" || each.sender.id === this.key));
    const wanted = [];
    const drawn = new Map();
    let fresh = false;
    for (const message of messages) {
      const mark = [message.version, message.gone, currentLanguage()].join("|");
      let entry = this.drawn.get(message.message_id);
      if (!entry || entry.mark !== mark) {
        const replaced = entry && entry.version !== message.version;
        const drafts = entry && !replaced ? entry.drafts : new Map();
        entry = { mark, drafts, version: message.version, node: this.message(message, chat, drafts) };
        if (replaced) entry.node.classList.add("replaced");
        fresh = true;
      }
      entry.node.querySelector(".message-marks").replaceChildren(...marks(message, chat, this.key, personOf, clockOf).filter(Boolean));
      drawn.set(message.message_id, entry);
      wanted.push(entry.node);
    }
    this.drawn = drawn;
    this.empty.textContent = t("empty");
    if (wanted.length === 0) wanted.push(this.empty);
    place(this.log, wanted);
    if (visible) this.openChat = this.chatId;
    this.behind ||= opened || calls || (atEnd && fresh);
    if (visible && this.behind && !this.isFillingIn()) this.showNewest();
    this.markRead(messages);
  }

  // At the end, or where the newest message was shown from its beginning and nobody has scrolled since.
  isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.log;
    return scrollHeight - scrollTop - clientHeight < 80 || Math.abs(scrollTop - this.restedAt) < 2;
  }

  // Whoever is typing into a card is not carried away from it; the next change after that catches up.
  isFillingIn() {
    return this.log.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");
  }

  showNewest() {
    showLast(this.log);
    this.restedAt = this.log.scrollTop;
    this.behind = false;
  }

  markRead(messages) {
    if (document.hidden || this.node.offsetParent === null || this.out) return;
    const news = messages.filter((each) => each.sender.kind === "app" && !each.gone && !isRead(each, this.key));
    if (news.length) post("/sim/read", { user: this.key, message_ids: news.map((each) => each.message_id) });
  }

  message(message, chat, drafts) {
    const own = message.sender.kind === "person" && message.sender.id === this.key;
    const sender = senderName(message);
    const bubble = message.gone ? el("p", { class: "gone" }, t("recalled")) : this.content(message, drafts);
    const bare = message.gone || message.type === "interactive";
    const quoted = message.reply_to && chat.messages.find((each) => each.message_id === message.reply_to);
    return el("div", { class: own ? "message own" : "message", "data-message": message.message_id, "data-type": message.type },
      el("span", { class: `avatar avatar-${message.sender.kind === "app" ? "bot" : message.sender.id}`, "aria-hidden": "true" }, message.sender.kind === "app" ? "" : shortName(sender)),
      el("div", { class: "message-body" },
        el("div", { class: "message-who" }, own ? null : sender, message.sender.kind === "app" ? el("span", { class: "bot-mark" }, t("app")) : null,
          el("time", { datetime: new Date(Number(message.at)).toISOString(), title: ZONE.hint }, clockOf(message.at)), el("span", { class: "message-marks" })),
        quoted ? el("p", { class: "quote" }, message.thread ? el("span", { class: "topic" }, t("topic")) : null, `${t("reply")} ${senderName(quoted)}: ${brief(quoted)}`) : null,
        el("div", { class: bare ? "bare" : "bubble" }, bubble)));
  }

  content(message, drafts) {
    const people = (id) => personOf(id, message);
    if (message.type === "text") return el("p", { class: "text" }, messageText(message.body.text, people));
    if (message.type === "post") return drawPost(message.body, people);
    return drawCard(message.body, {
      people,
      drafts,
      confirm: ask,
      act: (path, form, value) => this.press(message, path, form, value),
    });
  }

  async press(message, path, form, value) {
    const body = { message_id: message.message_id, user: this.key, control: path, version: message.version, form, value };
    try {
      const { ok, answer } = await post("/sim/click", body);
      if (!ok) return this.toast("warning", t("refused"), answer.error);
      if (answer.code) return this.toast("error", t("failed", answer.code), answer.why);
      if (answer.toast) this.toast(answer.toast.type, answer.toast.i18n[currentLanguage()] ?? answer.toast.content);
    } catch {
      this.toast("error", t("unreachable"));
    }
    return undefined;
  }

  async say(event) {
    event.preventDefault();
    const text = this.text.value.trim();
    if (!text) return;
    this.text.value = "";
    const chat = world.chats.find((each) => each.chat_id === this.chatId);
    try {
      const { ok, answer } = await post("/sim/say", { user: this.key, text, chat_id: this.chatId, mention: this.named.checked });
      if (!ok) this.toast("warning", t("refused"), answer.error);
      else if (answer.delivered === null && chat.kind === "group") this.toast("info", t("notTold"));
      else if (!answer.delivered) this.toast("warning", t("undelivered"));
    } catch {
      this.toast("error", t("unreachable"));
    }
  }

  key_(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.composer.requestSubmit();
  }

  toast(kind, text, detail) {
    const node = el("div", { class: `toast toast-${kind}`, role: kind === "error" ? "alert" : "status" },
      el("span", { class: "toast-mark", "aria-hidden": "true" }, { success: "✓", error: "✕", warning: "!", info: "i", buzz: "↯" }[kind] ?? "i"),
      el("span", { class: "toast-text" }, text, detail ? el("small", {}, detail) : null));
    this.toasts.append(node);
    setTimeout(() => node.remove(), kind === "error" || detail ? 8000 : 4500);
  }
}

// The last message: its end, or its beginning when it is taller than the window.
function showLast(log) {
  const last = log.lastElementChild;
  log.scrollTop = last.offsetHeight > log.clientHeight ? last.offsetTop - log.offsetTop - 12 : log.scrollHeight;
}

// Children in this order, moving and removing as little as possible, so that focus and typed text survive.
function place(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  wanted.forEach((node, index) => { if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null); });
}

// -- posts, names, times ------------------------------------------------------------------------------------------------

function drawPost(body, people) {
  const chosen = body[currentLanguage()] ?? body.en_us ?? Object.values(body)[0];
  const nodes = {
    text: (node) => styledText(node.text, node.style),
    a: (node) => link(node.href, node.text),
    at: (node) => mention(node.user_id, "", people),
    md: (node) => markdown(node.text, people),
    hr: () => el("hr", { class: "c-hr" }),
  };
  return el("div", { class: "post" }, chosen.title ? el("h3", {}, chosen.title) : null,
    chosen.content.map((row) => el("p", { class: "text" }, row.map((node) => nodes[node.tag]?.(node)))));
}

function styledText(text, style = []) {
  const tags = { bold: "b", italic: "i", underline: "u", lineThrough: "s" };
  return style.reduce((inner, each) => (tags[each] ? el(tags[each], {}, inner) : inner), text);
}

function personOf(id, message) {
  const named = message?.mentions.find((each) => each.key === id);
  if (named) return named.name;
  const person = world.people.find((each) => Object.values(each.open_ids).includes(id) || each.key === id);
  return person && nameOf(person);
}

function senderName(message) {
  if (message.sender.kind === "app") return world.apps.find((app) => app.app_id === message.sender.id)?.name ?? "";
  return personOf(message.sender.id) ?? message.sender.id;
}

function brief(message) {
  if (message.gone) return t("recalled");
  if (message.type === "text") return message.body.text.slice(0, 60);
  return message.type === "interactive" ? said(message.body.header?.title) : "…";
}

const initials = (name) => name.split(/\s+/).map((part) => part[0]).join("").slice(0, 2).toUpperCase();
const shortName = (name) => (/[\u4e00-\u9fff]/.test(name.slice(0, 3)) ? [...name].slice(-2).join("") : initials(name));
// Cards tell China's time wherever the browser is, and so does the page.
const ZONE = { name: "Asia/Shanghai", hint: "UTC+8" };
const inZone = (at, parts) => at.toLocaleString(currentLanguage() === "zh_cn" ? "zh-CN" : "en-GB", { ...parts, timeZone: ZONE.name, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const clockOf = (ms) => inZone(new Date(Number(ms)), {});

// -- the question before a press ----------------------------------------------------------------------------------------

function ask(confirm) {
  return new Promise((decide) => {
    const done = (answer) => { dialog.close(); dialog.remove(); decide(answer); };
    const dialog = el("dialog", { class: "ask", "aria-label": said(confirm.title) },
      el("h3", {}, said(confirm.title)), confirm.text ? el("p", {}, said(confirm.text)) : null,
      el("div", { class: "ask-buttons" },
        el("button", { type: "button", class: "c-button button-default button-medium", on: { click: () => done(false) } }, t("cancel")),
        el("button", { type: "button", class: "c-button button-primary_filled button-medium", autofocus: true, on: { click: () => done(true) } }, t("confirm"))));
    dialog.addEventListener("cancel", (event) => { event.preventDefault(); done(false); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

// -- the whole page -----------------------------------------------------------------------------------------------------

function redraw() {
  if (!world) return;
  document.getElementById("title").textContent = t("title");
  const connection = document.getElementById("connection");
  const connected = world.apps.some((app) => app.connected);
  connection.textContent = t(connected ? "connected" : "unconnected");
  connection.classList.toggle("bar-chip-good", connected);
  connection.classList.toggle("bar-chip-bad", !connected);
  const faults = document.getElementById("faults");
  faults.hidden = world.faults.length === 0;
  faults.textContent = t("faults", world.faults.length);
  for (const each of document.querySelectorAll("[data-language]")) each.setAttribute("aria-pressed", String(each.dataset.language === currentLanguage()));
  for (const person of world.people) {
    if (!columns.has(person.key)) {
      columns.set(person.key, new Column(person));
      desk.append(columns.get(person.key).node);
    }
  }
  drawPanels();
  drawTabs();
  for (const person of world.people) columns.get(person.key).draw(person);
  tick();
}

function drawTabs() {
  const places = [
    ...world.people.map((person) => ({ id: person.key, label: nameOf(person), badge: world.chats.filter((chat) => chat.people.includes(person.key)).reduce((sum, chat) => sum + unread(chat, person.key), 0) })),
    ...(world.panels.length ? [{ id: "panels", label: t("panel"), badge: 0 }] : []),
  ];
  if (!places.some((each) => each.id === shownTab)) shownTab = places[0]?.id ?? null;
  tabs.setAttribute("aria-label", t("people"));
  place(tabs, places.map((each) => {
    const node = tabs.querySelector(`[data-tab="${CSS.escape(each.id)}"]`) ?? el("button", { type: "button", role: "tab", "data-tab": each.id, on: { click: () => { shownTab = each.id; redraw(); }, keydown: moveTab } });
    node.replaceChildren(each.label, each.badge ? el("span", { class: "badge" }, String(each.badge)) : "");
    node.setAttribute("aria-selected", String(each.id === shownTab));
    node.tabIndex = each.id === shownTab ? 0 : -1;
    return node;
  }));
  for (const [key, column] of columns) column.node.classList.toggle("shown", key === shownTab);
  panels.classList.toggle("shown", shownTab === "panels");
}

function moveTab(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const all = [...tabs.children];
  const next = all[(all.indexOf(event.currentTarget) + step + all.length) % all.length];
  next.click();
  next.focus();
}

function drawPanels() {
  panels.hidden = world.panels.length === 0;
  document.body.classList.toggle("with-panels", world.panels.length > 0);
  world.panels.forEach((panel, index) => {
    const node = panels.children[index] ?? panels.appendChild(el("section", { class: "panel" }, el("h2", {}), el("ul", { class: "panel-lines", tabindex: "0" })));
    const title = currentLanguage() === "zh_cn" ? panel.title : panel.title_en;
    node.setAttribute("aria-label", title);
    node.firstElementChild.textContent = title;
    const list = node.lastElementChild;
    const lines = panelLines[index];
    if (!lines) return;
    const before = new Set((list.dataset.lines ?? "").split("\n"));
    if (list.dataset.lines === lines.join("\n") && list.childElementCount) return;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.replaceChildren(...(lines.length ? lines : [t("nothing")]).map((line) => el("li", { class: list.dataset.lines !== undefined && !before.has(line) ? "fresh" : null }, line)));
    list.dataset.lines = lines.join("\n");
    if (atEnd) list.scrollTop = list.scrollHeight;
  });
}

async function lookAtPanels() {
  if (!document.hidden && world?.panels.length) {
    try {
      panelLines = (await (await fetch("/sim/panels")).json()).panels;
      drawPanels();
    } catch { /* the stream of changes says that the connection is lost */ }
  }
  setTimeout(lookAtPanels, 1000);
}

function tick() {
  if (!world) return;
  const now = new Date(Date.parse(world.now) + (performance.now() - world.fetchedAt));
  const clock = document.getElementById("clock");
  clock.dateTime = now.toISOString();
  clock.replaceChildren(inZone(now, { month: "short", day: "numeric" }), " ", el("small", {}, ZONE.hint));
}

let fetching = false;
let again = false;
async function refresh() {
  if (fetching) { again = true; return; }
  fetching = true;
  try {
    do {
      again = false;
      const state = await (await fetch("/sim/state")).json();
      state.fetchedAt = performance.now();
      world = state;
      redraw();
    } while (again);
  } catch { /* told by the stream */ } finally { fetching = false; }
}

for (const each of document.querySelectorAll("[data-language]")) {
  each.addEventListener("click", () => { chooseLanguage(each.dataset.language); redraw(); });
}
document.addEventListener("visibilitychange", redraw);
const stream = new EventSource("/sim/events");
stream.addEventListener("message", refresh);
stream.addEventListener("error", () => {
  const connection = document.getElementById("connection");
  connection.textContent = t("lost");
  connection.classList.remove("bar-chip-good");
  connection.classList.add("bar-chip-bad");
});
setInterval(tick, 10_000);
refresh();
lookAtPanels();
