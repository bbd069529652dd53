"""A person's own settings: the card with its form, and the text that stands in for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from uuid import UUID
from zoneinfo import ZoneInfo

from cards import elements as node
from cards.said_in_text import labelled, lines, safe_line
from cards.shown import name
from cards.words import LANGUAGES, Bilingual, moment, zone_name
from models.enums import Language
from models.values import JsonObject

SAVE = "settings_save"
USUAL = "default"
"""The option that stands for the organisation's value."""

NEVER = "never"


@dataclass(frozen=True, slots=True)
class SettingsView:
    """`own` and `usual` go by the names of the form's fields; None is the organisation's, which `usual` has."""

    person_id: UUID
    name: str
    now: datetime
    own: Mapping[str, str | None]
    usual: Mapping[str, str]
    zone: tzinfo
    away_until: datetime | None = None
    delegate: str | None = None
    saved: tuple[str, ...] | None = None  # what was changed just now; () when nothing was


LABELS: dict[str, Bilingual] = {
    "language": Bilingual("语言", "Language"),
    "quiet_hours": Bilingual("免打扰时段", "Quiet hours"),
    "working_days": Bilingual("工作日", "Working days"),
    "time_zone": Bilingual("时区", "Time zone"),
    "digest_at": Bilingual("每日摘要", "Daily digest"),
}
_MEANINGS: dict[str, Bilingual] = {
    "language": Bilingual("机器人用什么语言回复您", "In which the bot writes to you"),
    "quiet_hours": Bilingual("这段时间不提醒；特别重要的请求可能例外", "No reminders then; what is critical may pass"),
    "working_days": Bilingual("其他日子不提醒", "No reminders on other days"),
    "time_zone": Bilingual("您的时间按它显示和理解", "Your times are shown and understood in it"),
    "digest_at": Bilingual("智能体自行完成了什么", "What your agents did on their own"),
}
_QUIET = ("20:00-08:00", "21:00-08:00", "22:00-07:00", "22:00-08:00", "22:00-09:00", "23:00-08:00", "00:00-08:00")
_DAYS = ("12345", "123456", "12347", "1234567")
_ZONES = (
    "Asia/Shanghai",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Asia/Bangkok",
    "Asia/Kolkata",
    "Asia/Dubai",
    "Europe/Moscow",
    "Europe/Berlin",
    "Europe/London",
    "America/Sao_Paulo",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "Australia/Sydney",
)
_CITIES = {
    "Asia/Shanghai": Bilingual("北京、上海", "Beijing, Shanghai"),
    "Asia/Singapore": Bilingual("新加坡", "Singapore"),
    "Asia/Tokyo": Bilingual("东京", "Tokyo"),
    "Asia/Bangkok": Bilingual("曼谷", "Bangkok"),
    "Asia/Kolkata": Bilingual("新德里", "New Delhi"),
    "Asia/Dubai": Bilingual("迪拜", "Dubai"),
    "Europe/Moscow": Bilingual("莫斯科", "Moscow"),
    "Europe/Berlin": Bilingual("柏林、巴黎", "Berlin, Paris"),
    "Europe/London": Bilingual("伦敦", "London"),
    "America/Sao_Paulo": Bilingual("圣保罗", "São Paulo"),
    "America/New_York": Bilingual("纽约", "New York"),
    "America/Chicago": Bilingual("芝加哥", "Chicago"),
    "America/Los_Angeles": Bilingual("洛杉矶", "Los Angeles"),
    "Australia/Sydney": Bilingual("悉尼", "Sydney"),
}
_DIGESTS = ("08:00", "09:00", "10:00", "12:00", "16:00", "17:00", "18:00", "19:00", "20:00", "21:00")
_DAY_NAMES = (
    Bilingual("一", "Mon"),
    Bilingual("二", "Tue"),
    Bilingual("三", "Wed"),
    Bilingual("四", "Thu"),
    Bilingual("五", "Fri"),
    Bilingual("六", "Sat"),
    Bilingual("日", "Sun"),
)
_TITLE = Bilingual("我的设置", "My settings")


def settings_card(view: SettingsView) -> JsonObject:
    """A form with one choice for each setting; what was saved just now is named above it."""
    tags = [node.text_tag(Bilingual("✓ 已保存", "✓ Saved"), "green")] if view.saved else []
    header: JsonObject = {
        "title": node.plain_text(_TITLE),
        "subtitle": node.plain_text(name(view.name)),
        **({"text_tag_list": [*tags]} if tags else {}),
        "template": "green" if view.saved else "blue",
    }
    return node.card(header, _TITLE, _body(view))


def _body(view: SettingsView) -> Iterator[JsonObject]:
    if view.saved is not None:
        yield node.block(saved_words(view), color="green" if view.saved else "grey")
    if view.away_until is not None:
        yield node.block(_away(view, name))
    yield node.form("settings", _fields(view))
    yield node.note(
        Bilingual(
            "其他值可以直接发送，例如：/settings quiet 21:30-07:30、/settings zone 上海\n"
            "要离开一阵：/away until 周一 9:00 代理人邮箱",
            "Anything else can be typed: /settings quiet 21:30-07:30, /settings zone Berlin\n"
            "To be away for a while: /away until Monday 9:00 li@example.com",
        )
    )


def _fields(view: SettingsView) -> Iterator[JsonObject]:
    for field, label in LABELS.items():
        meant = Bilingual("{label}  ·  {meaning}", "{label}  ·  {meaning}")
        yield node.block(meant.format(label=label, meaning=_MEANINGS[field]), size="notation")
        yield _select(field, label, _options(field, view), view.own[field] or USUAL)
    value: JsonObject = {"act": SAVE, "person_id": str(view.person_id)}
    yield node.submit(f"{SAVE}:{view.person_id}", Bilingual("保存", "Save"), "primary_filled", value)


def _select(field: str, label: Bilingual, options: Sequence[tuple[str, Bilingual]], chosen: str) -> JsonObject:
    return {
        "tag": "select_static",
        "name": field,
        "width": "fill",
        "placeholder": node.plain_text(label),
        "options": [{"text": node.plain_text(words), "value": value} for value, words in options],
        "initial_option": chosen,
    }


def _options(field: str, view: SettingsView) -> list[tuple[str, Bilingual]]:
    """What may be picked; a value of the person's own that is not in the list is added to it."""
    if field == "language":
        return [("zh_cn", Bilingual("简体中文", "简体中文")), ("en_us", Bilingual("English", "English"))]
    usual = Bilingual("跟随组织：{value}", "As in my organisation: {value}")
    values = dict.fromkeys(_offered(field))
    if own := view.own[field]:
        values.setdefault(own)
    options = [(USUAL, usual.format(value=said(field, view.usual[field], view.now)))]
    return options + [(value, said(field, value, view.now)) for value in values]


def _offered(field: str) -> Iterable[str]:
    return {
        "quiet_hours": (NEVER, *_QUIET),
        "working_days": _DAYS,
        "time_zone": _ZONES,
        "digest_at": (NEVER, *_DIGESTS),
    }[field]


def said(field: str, value: str, now: datetime) -> Bilingual:
    """A stored value in words."""
    if field == "language":
        return LANGUAGES[Language(value)]
    if field == "time_zone":
        return _zone(value, now)
    if value == NEVER:
        return Bilingual("不设", "none") if field == "quiet_hours" else Bilingual("不发送", "never")
    if field == "working_days":
        return days_said(value)
    shown = value.replace("-", "–")
    return Bilingual(shown, shown)


def days_said(days: str) -> Bilingual:
    """12345 → 周一至周五, Mon–Fri."""
    if days == "1234567":
        return Bilingual("每天", "every day")
    spans: list[list[Bilingual]] = []
    for place, day in enumerate(_DAY_NAMES, start=1):
        if str(place) in days:
            if spans and str(place - 1) in days:
                spans[-1].append(day)
            else:
                spans.append([day])
    if len(spans) == 2 and "1" in days and "7" in days:
        spans = [spans[1] + spans[0]]  # over the weekend
    if len(spans) == 1 and len(spans[0]) > 2:
        first, last = spans[0][0], spans[0][-1]
        return Bilingual(f"周{first.zh}至周{last.zh}", f"{first.en}–{last.en}")
    alone = [day for span in spans for day in span]
    return Bilingual("周" + "、".join(day.zh for day in alone), ", ".join(day.en for day in alone))


def _zone(value: str, now: datetime) -> Bilingual:
    offset = zone_name(now, ZoneInfo(value))
    city = value.rpartition("/")[2].replace("_", " ")
    known = _CITIES.get(value, Bilingual(city, city))
    if value.startswith("Etc/") or value == "UTC":
        return Bilingual(offset, offset)
    return Bilingual("{city}（{offset}）", "{city} ({offset})").format(city=known, offset=offset)


def saved_words(view: SettingsView) -> Bilingual:
    """What was changed just now."""
    if not view.saved:
        return Bilingual("没有改动。", "Nothing was changed.")
    changed = [(LABELS[field], _present(field, view)) for field in view.saved]
    zh = "；".join(f"{label.zh}：{value.zh}" for label, value in changed)
    en = "; ".join(f"{label.en.lower()}: {value.en}" for label, value in changed)
    return Bilingual(f"✓ 已保存。{zh}", f"✓ Saved. {en[:1].upper()}{en[1:]}")


def saved_toast_words(view: SettingsView) -> Bilingual:
    return Bilingual("没有改动", "Nothing was changed") if view.saved == () else Bilingual("已保存", "Saved")


def settings_text(view: SettingsView, language: Language) -> str:
    """The same in a text, where the card is refused, and after a setting was typed."""
    return lines(
        saved_words(view).in_(language) if view.saved is not None else _TITLE.in_(language),
        (f"· {labelled(label, _present(field, view), language)}" for field, label in LABELS.items()),
        _away(view, safe_line).in_(language) if view.away_until is not None else None,
        Bilingual(
            "修改：/settings language|quiet|days|zone|digest 值",
            "Change one: /settings language|quiet|days|zone|digest VALUE",
        ).in_(language),
    )


def _present(field: str, view: SettingsView) -> Bilingual:
    own = view.own[field]
    if own is not None:
        return said(field, own, view.now)
    usual = Bilingual("{value}（跟随组织）", "{value} (as in your organisation)")
    return usual.format(value=said(field, view.usual[field], view.now))


def _away(view: SettingsView, shown: Callable[[str], str]) -> Bilingual:
    if view.away_until is None:
        raise ValueError("nobody is away")
    words = Bilingual(
        "您离开到 {at}{who}。提前回来：/away off", "You are away until {at}{who}. Back earlier: /away off"
    )
    who = Bilingual("", "")
    if view.delegate is not None:
        who = Bilingual("，由 {name} 代您审批", "; {name} decides for you").format(name=shown(view.delegate))
    return words.format(at=moment(view.away_until, view.now, view.zone), who=who)
