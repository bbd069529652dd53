// The page's own words, and the choice of a text's language.

let language = localStorage.getItem("simulator.language") === "en_us" ? "en_us" : "zh_cn";

const WORDS = {
  zh_cn: {
    title: "飞书模拟器", connected: "机器人已连接", unconnected: "机器人未连接", lost: "连接已断开,正在重连…",
    faults: (count) => `${count} 个故障生效中`, message: "发消息", send: "发送", to: (name) => `发送给 ${name}`,
    empty: "还没有消息", hint: "输入消息或 / 命令", all: "所有人", recalled: "消息已撤回", reply: "回复",
    topic: "话题", buzzApp: "应用内加急", buzzSms: "短信加急", buzzPhone: "电话加急", read: "已读", unread: "未读",
    readBy: (some, all) => `${some}/${all} 已读`, pinned: "机器人已置顶", frozen: "账号已冻结", resigned: "已离职",
    freeze: "冻结账号", revive: "恢复账号", leave: "离职", rejoin: "重新入职", account: "账号", signedOut: "已无法登录", cancel: "取消", confirm: "确定", required: "必填,请先填写",
    failed: (code) => `出错了,错误码:${code}`, refused: "客户端无法执行此操作", unreachable: "模拟器没有响应",
    notTold: "未 @ 机器人,机器人收不到这条消息", undelivered: "已发送,但机器人没有正常应答;稍后会重新推送",
    choose: "请选择", group: "群聊", private: "私聊", people: "聊天", creator: "创建者", admin: "管理员", stranger: "其他同事",
    panel: "面板", nothing: "(空)", app: "机器人", chats: "会话", opens: "打开链接", picture: "图片", loading: "提交中",
    old: "此卡片不是 2.0 格式,模拟器不绘制", mention: "@ 机器人",
  },
  en_us: {
    title: "Feishu simulator", connected: "Bot connected", unconnected: "Bot not connected", lost: "Connection lost, trying again…",
    faults: (count) => (count === 1 ? "1 fault in force" : `${count} faults in force`), message: "Message", send: "Send",
    to: (name) => `Message ${name}`, empty: "No messages yet", hint: "A message or a /command", all: "All",
    recalled: "Message recalled", reply: "Reply to", topic: "Thread", buzzApp: "Buzz", buzzSms: "Buzz by SMS",
    buzzPhone: "Buzz by phone", read: "Read", unread: "Unread", readBy: (some, all) => `${some}/${all} read`,
    pinned: "Bot pinned", frozen: "Account frozen", resigned: "Has left", freeze: "Freeze account", revive: "Revive account",
    leave: "Leaves the company", rejoin: "Joins again", account: "Account", signedOut: "Cannot sign in", cancel: "Cancel", confirm: "OK",
    required: "Required, please fill in", failed: (code) => `Something went wrong, error code: ${code}`,
    refused: "The client cannot do that", unreachable: "The simulator does not answer",
    notTold: "The bot was not mentioned, so it is not told", undelivered: "Sent, but the bot did not accept it; it is pushed again later",
    choose: "Choose", group: "Group", private: "Private", people: "Chats", creator: "Creator", admin: "Admin", stranger: "Colleague",
    panel: "Panel", nothing: "(empty)", app: "Bot", chats: "Conversations", opens: "opens a link", picture: "Picture", loading: "Sending",
    old: "This card is not of schema 2.0 and is not drawn", mention: "@ the bot",
  },
};

export const t = (key, ...values) => {
  const word = WORDS[language][key];
  return typeof word === "function" ? word(...values) : word ?? key;
};
export const currentLanguage = () => language;
export function chooseLanguage(chosen) {
  language = chosen;
  localStorage.setItem("simulator.language", chosen);
  document.documentElement.lang = chosen === "zh_cn" ? "zh-CN" : "en";
}
chooseLanguage(language);

// The text of an object with i18n_content for this reader: their language, then English, then the content.
export const said = (text) => {
  if (!text) return "";
  const choices = text.i18n_content ?? {};
  return choices[language] ?? choices.en_us ?? text.content ?? "";
};
export const nameOf = (person) => (language === "zh_cn" ? person.name : person.en_name);
