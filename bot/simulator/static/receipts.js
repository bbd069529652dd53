// What becomes of a message: whether it was read, and how people were called to it. Kept current without redrawing it.

import { el } from "./dom.js";
import { t } from "./words.js";

const WAYS = { urgent_app: "buzzApp", urgent_sms: "buzzSms", urgent_phone: "buzzPhone" };

export const isRead = (message, key) => key in message.read_by;
export const unread = (chat, key) => chat.messages.filter((each) => each.sender.kind === "app" && !each.gone && !isRead(each, key)).length;
export const buzzesOf = (chats, key) => chats.flatMap((chat) => chat.messages.flatMap((message) => message.buzzes.filter((buzz) => buzz.person === key).map((buzz) => ({ ...buzz, message })))).sort((one, other) => one.at - other.at);
export const wayOf = (buzz) => t(WAYS[buzz.how] ?? "buzzApp");

// The marks beside a message's time, as `key` sees them; `named` and `clock` turn keys and times into words.
export function marks(message, chat, key, named, clock) {
  return [...buzzMarks(message, key, clock), message.sender.kind === "app" && !message.gone ? tick(message, chat, named, clock) : null];
}

function buzzMarks(message, key, clock) {
  const mine = message.buzzes.filter((buzz) => buzz.person === key);
  return [...new Set(mine.map((buzz) => buzz.how))].map((how) => {
    const times = mine.filter((buzz) => buzz.how === how).map((buzz) => clock(buzz.at));
    return el("span", { class: `buzz buzz-${how}`, title: times.join(", ") }, wayOf({ how }), times.length > 1 ? ` ×${times.length}` : "");
  });
}

function tick(message, chat, named, clock) {
  const readers = chat.people.filter((key) => isRead(message, key));
  const all = readers.length === chat.people.length;
  const label = chat.people.length === 1 ? t(all ? "read" : "unread") : t("readBy", readers.length, chat.people.length);
  const who = readers.map((key) => `${named(key)} ${clock(message.read_by[key])}`).join(", ");
  return el("span", { class: all ? "tick tick-all" : "tick", title: who || label }, label);
}
