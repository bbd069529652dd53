"""What is different: against the last approved call of this kind, and against what the agent had asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from itertools import islice, repeat

from cards import elements as node
from cards.argument_types import AMOUNTS, grouped
from cards.escape import json_bytes, one_line
from cards.mask import mask
from cards.room import Room
from cards.shown import name, names
from cards.views import ApprovalView, ChangedView, Difference
from cards.words import Bilingual, moment
from models.values import Json, JsonObject

_NAME = 90  # bytes as JSON at worst, as all here
_SIDE = 200
_READ = 4_000  # characters of a value that are looked at
_DEEPEST = 64  # levels that are compared
_LEAD = 8  # characters that are kept before the first difference

FIRST = Bilingual("第一次：这类操作还没有同意过", "A first: nothing of this kind was approved yet")
_AGAINST = Bilingual("与上次同意的相比（{when}）", "Against the last approved one ({when})")
_EQUAL = Bilingual("与上次同意的完全相同（{when}）", "Exactly as the last approved one ({when})")
SAME = Bilingual("相同：{names}", "Same: {names}")
_MORE = Bilingual("还有 {n} 处不同", "{n} more differences")
_AMENDED = Bilingual("{who}改了参数再同意", "Approved by {who} with changes")


def differences(before: JsonObject, after: JsonObject) -> tuple[Difference, ...]:
    """In the order of the present arguments, then what is gone."""
    there = [
        Difference(key, before.get(key), value, had=key in before)
        for key, value in after.items()
        if key not in before or not _equal(before[key], value)
    ]
    gone = [Difference(key, value, None, has=False) for key, value in before.items() if key not in after]
    return (*there, *gone)


def changed_nodes(view: ApprovalView, zone: tzinfo, room: Room) -> Iterator[JsonObject]:
    """The question against the last approved one of its kind."""
    if view.changed is not None:
        yield _compared(view.changed, view, zone, room)
    elif view.first_of_kind:
        yield node.tinted("blue", [node.block(FIRST)])


def amended_nodes(view: ApprovalView, room: Room) -> Iterator[JsonObject]:
    """What a person changed before approving, for whoever approves beside and for the record; else nothing."""
    if view.original_args is None:
        return
    lines = _lines(differences(view.original_args, view.args), room)
    yield node.tinted("orange", [node.note(amended_words(view)), *lines])


def amended_words(view: ApprovalView) -> Bilingual:
    """Who changed it is the first who approved it as it now stands; that need not be who settled it."""
    who = view.consents[0].person if view.consents else view.resolver
    return _AMENDED.format(who=name(who or "—"))


def compared_words(changed: ChangedView, view: ApprovalView, zone: tzinfo) -> Bilingual:
    """With which approved one it is compared, and whether it is the same."""
    at = moment(changed.last_at, view.now, zone)
    when = Bilingual("{at} {who}", "{at}, {who}").format(at=at, who=name(changed.last_by)) if changed.last_by else at
    return (_AGAINST if changed.differences else _EQUAL).format(when=when)


def _compared(changed: ChangedView, view: ApprovalView, zone: tzinfo, room: Room) -> JsonObject:
    heading = compared_words(changed, view, zone)
    if not changed.differences:
        return node.tinted("green", [node.block(heading)])
    parts = [node.note(heading), *_lines(changed.differences, room)]
    if changed.same:
        parts.append(node.note(SAME.format(names=names(changed.same, room.people))))
    return node.tinted("orange", parts)


def difference_lines(changes: Sequence[Difference], most: int) -> list[str]:
    """A line for each, masked and cut."""
    return [_line(change) for change in islice(changes, most)]


def _lines(changes: Sequence[Difference], room: Room) -> Iterator[JsonObject]:
    """One text with a line for each difference."""
    if changes:
        yield node.block("\n".join(difference_lines(changes, room.differences)))
    if len(changes) > room.differences:
        yield node.note(_MORE.format(n=len(changes) - room.differences))


def _line(change: Difference) -> str:
    """amount: 120 → 12,000 (×100)"""
    label = one_line(_only_name(change.name), _NAME, size=json_bytes) or "␣"
    before, after = _masked(change.name, change.before), _masked(change.name, change.after)
    if not change.had:
        return f"＋ {label}: {_cut(_brief(change.name, after))}"
    if not change.has:
        return f"－ {label}: {_cut(_brief(change.name, before))}"
    left, right = _apart(_brief(change.name, before), _brief(change.name, after))
    return f"{label}: {_cut(left)} → {_cut(right)}{times_as_much(before, after)}"


def _cut(text: str) -> str:
    return one_line(text, _SIDE, size=json_bytes) or '""'


def _only_name(text: str) -> str:
    """The name as it may be shown: names are masked too."""
    [shown] = _object(mask({text: None}))
    return shown


def _masked(label: str, value: Json) -> Json:
    [masked] = _object(mask({label: value})).values()
    return masked


def _brief(label: str, value: Json) -> str:
    if label.lower() in AMOUNTS and (amount := grouped(value)) is not None:
        return amount
    return value[:_READ] if isinstance(value, str) else json.dumps(value, ensure_ascii=False)[:_READ]


def _apart(before: str, after: str) -> tuple[str, str]:
    """Both from shortly before their first difference on: two long texts must not look alike once they are cut."""
    pairs = enumerate(zip(before, after, strict=False))
    first = next((place for place, (one, other) in pairs if one != other), min(len(before), len(after)))
    if first <= 3 * _LEAD or json_bytes(before) <= _SIDE >= json_bytes(after):
        return before, after
    return f"…{before[first - _LEAD :]}", f"…{after[first - _LEAD :]}"


def times_as_much(before: Json, after: Json) -> str:
    """How many times as much, where that is much."""
    if not _is_amount(before) or not _is_amount(after):
        return ""
    one, other = float(str(before)), float(str(after))
    if other >= 2 * one:
        return f" (×{other / one:,.3g})" if other / one < 1_000 else f" (×{other / one:,.0f})"
    return f" (÷{one / other:,.3g})" if one >= 2 * other and one / other < 1_000 else ""


def _is_amount(value: Json) -> bool:
    return not isinstance(value, (bool, str)) and isinstance(value, (int, float)) and 0 < value < 10**15


def _equal(one: Json, other: Json, depth: int = 0) -> bool:
    """1 and true are not the same, nor are 1 and "1"; the order of members is none. Too deep to tell is not equal."""
    if type(one) is not type(other) or depth > _DEEPEST:
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key], depth + 1) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other, repeat(depth + 1)))
    return one == other


def _object(value: Json) -> JsonObject:
    """What masking makes of an object, for the type checker."""
    return value if isinstance(value, dict) else {}
