// Draws a card of schema 2.0 and turns what is pressed in it into a call of `act`.

import { el } from "./dom.js";
import { markdown } from "./text.js";
import { currentLanguage, said, t } from "./words.js";

// `context`: { people(openId) -> name, act(path, form, value) -> Promise, confirm(confirm) -> Promise<boolean>,
//              drafts: Map of path -> typed text, which outlives a change of the page's language }
export function drawCard(card, context) {
  if (card.schema !== "2.0") return el("div", { class: "card card-old" }, t("old"));
  const node = el("article", { class: "card", "aria-label": said(card.header?.title) });
  if (card.header) node.append(header(card.header));
  const body = el("div", { class: "card-body" });
  layout(body, card.body);
  body.append(...elements(card.body?.elements, "body.elements", context, null));
  node.append(body);
  return node;
}

function header(value) {
  const tags = value.i18n_text_tag_list?.[currentLanguage()] ?? value.text_tag_list ?? [];
  return el(
    "header",
    { class: `card-header tint-${value.template ?? "default"}` },
    el("div", { class: "card-headline" },
      el("h3", { class: "card-title" }, said(value.title)),
      tags.length > 0 && el("span", { class: "card-tags" }, tags.map((tag) => el("span", { class: `tag tag-${tag.color ?? "neutral"}` }, said(tag.text))))),
    value.subtitle && el("p", { class: "card-subtitle" }, said(value.subtitle)),
  );
}

const elements = (list, path, context, form) => (list ?? []).map((each, index) => element(each, `${path}.${index}`, context, form));

function element(value, path, context, form) {
  const draw = DRAWINGS[value.tag];
  const node = draw ? draw(value, path, context, form) : el("div", { class: "unknown" }, value.tag);
  if (value.margin) node.style.margin = value.margin;
  return node;
}

const DRAWINGS = {
  div: (value, path, context) => el("div", { class: "c-div" }, text(value.text, context)),
  markdown: (value, path, context) => styled(markdown(said(value), context.people), value),
  hr: () => el("hr", { class: "c-hr" }),
  img: (value) => el("div", { class: "c-img", role: "img", "aria-label": said(value.alt) || t("picture") }, el("span", {}, said(value.alt) || t("picture"))),
  person: (value, path, context) => person(value, context),
  column_set: columnSet,
  collapsible_panel: panel,
  form: formOf,
  button,
  input,
  select_static: (value, path, context, form) => select(value, path, context, form, false),
  multi_select_static: (value, path, context, form) => select(value, path, context, form, true),
  select_person: (value, path, context, form) => select(value, path, context, form, false),
  checker,
  table,
};

function text(value, context) {
  if (!value) return null;
  if (value.tag === "lark_md") return styled(markdown(said(value), context.people), value);
  return styled(el("div", { class: "c-plain" }, said(value)), value);
}

function styled(node, value) {
  if (value.text_size) node.classList.add(`size-${value.text_size}`);
  if (value.text_color) node.classList.add(`ink-${value.text_color.split("-")[0]}`);
  if (value.text_align) node.classList.add(`align-${value.text_align}`);
  if (value.lines) {
    node.classList.add("clamped");
    node.style.setProperty("-webkit-line-clamp", String(value.lines));
  }
  return node;
}

function layout(node, value) {
  if (!value) return;
  if (value.direction === "horizontal") node.classList.add("horizontal");
  if (value.padding) node.style.padding = value.padding;
  const spacing = { small: "4px", medium: "8px", large: "12px", extra_large: "16px" };
  if (value.vertical_spacing) node.style.rowGap = spacing[value.vertical_spacing] ?? value.vertical_spacing;
  if (value.horizontal_spacing) node.style.columnGap = spacing[value.horizontal_spacing] ?? value.horizontal_spacing;
}

function person(value, context) {
  const name = context.people(value.user_id) ?? value.user_id;
  return el("div", { class: "c-person" }, el("span", { class: "avatar avatar-small", "aria-hidden": "true" }, [...name].at(-1)), el("span", {}, name));
}

function columnSet(value, path, context, form) {
  const node = el("div", { class: `c-columns flex-${value.flex_mode ?? "none"}` });
  if (value.background_style && value.background_style !== "default") node.classList.add("filled", `fill-${value.background_style.split("-")[0]}`);
  layout(node, value);
  value.columns.forEach((column, index) => {
    const inner = el("div", { class: `c-column width-${/px$/.test(column.width ?? "") ? "fixed" : column.width ?? "weighted"}` });
    if (/px$/.test(column.width ?? "")) inner.style.width = column.width;
    else if ((column.width ?? "weighted") === "weighted") inner.style.flexGrow = String(column.weight ?? 1);
    if (column.background_style && column.background_style !== "default") inner.classList.add("filled", `fill-${column.background_style.split("-")[0]}`);
    if (column.vertical_align) inner.classList.add(`valign-${column.vertical_align}`);
    layout(inner, column);
    inner.append(...elements(column.elements, `${path}.columns.${index}.elements`, context, form));
    node.append(inner);
  });
  return node;
}

function panel(value, path, context, form) {
  const body = el("div", { class: "c-panel-body" });
  layout(body, value);
  body.append(...elements(value.elements, `${path}.elements`, context, form));
  const node = el("details", { class: "c-panel", open: value.expanded === true }, el("summary", {}, text(value.header.title, context)), body);
  if (value.border?.color) node.classList.add("bordered");
  return node;
}

function formOf(value, path, context) {
  const form = { fields: new Map() };
  const node = el("form", { class: "c-form", novalidate: true, on: { submit: (event) => event.preventDefault() } });
  layout(node, value);
  node.append(...elements(value.elements, `${path}.elements`, context, form));
  form.collect = () => Object.fromEntries([...form.fields].map(([name, field]) => [name, field.read()]));
  form.complete = () => [...form.fields.values()].map((field) => field.check()).every(Boolean);
  form.reset = () => node.reset();
  return node;
}

function button(value, path, context, form) {
  const label = said(value.text);
  const address = (value.behaviors ?? []).find((each) => each.type === "open_url")?.default_url;
  const calls = (value.behaviors ?? []).some((each) => each.type === "callback");
  const node = el("button", {
    type: "button",
    class: `c-button button-${value.type ?? "default"} button-${value.size ?? "medium"} width-${/px$/.test(value.width ?? "") ? "fixed" : value.width ?? "default"}`,
    disabled: value.disabled === true,
    title: said(value.disabled ? value.disabled_tips : value.hover_tips) || null,
    "data-name": value.name,
  }, label);
  if (address) node.setAttribute("aria-description", t("opens"));
  node.addEventListener("click", async () => {
    if (value.form_action_type === "reset") return form?.reset();
    const submits = value.form_action_type === "submit";
    if (submits && form && !form.complete()) return undefined;
    if (value.confirm && !(await context.confirm(value.confirm))) return undefined;
    if (address) window.open(address, "_blank", "noopener,noreferrer");
    if (!calls) return undefined;
    node.setAttribute("aria-busy", "true");
    try {
      await context.act(path, submits && form ? form.collect() : undefined);
    } finally {
      node.removeAttribute("aria-busy");
    }
    return undefined;
  });
  return node;
}

// A control in a form is read with it; one that stands alone calls back when it changes.
function field(value, path, context, form, control, read, isEmpty) {
  control.disabled = value.disabled === true;
  control.setAttribute("aria-required", String(value.required === true));
  const wrong = el("p", { class: "c-wrong", role: "alert", hidden: true }, t("required"));
  const node = el("label", { class: "c-field" });
  if (value.label) {
    const star = value.required && el("span", { class: "c-star", "aria-hidden": "true" }, "*");
    node.append(el("span", { class: "c-label" }, said(value.label), star || ""));
  } else {
    control.setAttribute("aria-label", said(value.placeholder) || value.name || value.tag);
  }
  node.append(control, wrong);
  const check = () => {
    const missing = value.required === true && isEmpty();
    wrong.hidden = !missing;
    control.setAttribute("aria-invalid", String(missing));
    if (missing) {
      for (let at = control.closest("details"); at; at = at.parentElement.closest("details")) at.open = true;
      control.focus();
    }
    return !missing;
  };
  if (form) form.fields.set(value.name, { read, check });
  else control.addEventListener("change", () => check() && context.act(path, undefined, read()));
  return node;
}

function input(value, path, context, form) {
  const tall = value.input_type === "multiline_text";
  const control = tall ? el("textarea", { rows: value.rows ?? 3 }) : el("input", { type: value.input_type === "password" ? "password" : "text" });
  control.className = "c-input";
  control.maxLength = value.max_length ?? 1000;
  control.placeholder = said(value.placeholder);
  control.defaultValue = value.i18n_default_value?.[currentLanguage()] ?? value.default_value ?? "";
  control.name = value.name ?? "";
  if (context.drafts.has(path)) control.value = context.drafts.get(path);
  control.addEventListener("input", () => context.drafts.set(path, control.value));
  const node = field(value, path, context, form, control, () => control.value, () => control.value === "");
  if (tall) {
    const count = el("span", { class: "c-count", "aria-hidden": "true" });
    const tell = () => (count.textContent = `${[...control.value].length}/${control.maxLength}`);
    control.addEventListener("input", tell);
    tell();
    node.append(count);
  }
  return node;
}

function select(value, path, context, form, many) {
  const label = (option) => said(option.text) || context.people(option.value) || option.value;
  const chosen = new Set(context.drafts.get(path) ?? value.selected_values ?? [value.initial_option]);
  const control = el("select", { class: "c-input", multiple: many, name: value.name },
    many ? null : el("option", { value: "" }, said(value.placeholder) || t("choose")),
    (value.options ?? []).map((option) => el("option", { value: option.value, selected: chosen.has(option.value) }, label(option))));
  const read = () => (many ? [...control.selectedOptions].map((option) => option.value) : control.value);
  control.addEventListener("change", () => context.drafts.set(path, [read()].flat()));
  return field(value, path, context, form, control, read, () => read().length === 0);
}

function checker(value, path, context, form) {
  const control = el("input", { type: "checkbox", class: "c-check", checked: context.drafts.get(path) ?? value.checked === true, name: value.name });
  control.addEventListener("change", () => context.drafts.set(path, control.checked));
  const node = field(value, path, context, form, control, () => control.checked, () => !control.checked);
  node.classList.add("c-checker");
  control.removeAttribute("aria-label");
  control.after(el("span", {}, said(value.text)));
  return node;
}

function table(value) {
  const head = el("tr", {}, value.columns.map((column) => el("th", { scope: "col" }, column.display_name ?? column.name)));
  const rows = value.rows.map((row) => el("tr", {}, value.columns.map((column) => el("td", {}, String(row[column.name] ?? "")))));
  return el("div", { class: "c-table" }, el("table", {}, el("thead", {}, head), el("tbody", {}, rows)));
}
