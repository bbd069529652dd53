"""What explains one step of the timeline: the reason, who was asked, how somebody was reminded, what was changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from bot.approval_pages import TimelineStep
from cards.mask import mask
from cards.plan_words import ASKED_AS, NUDGES, ref_words
from cards.presets import own_words, preset
from handlers.pages.values import name, quoted
from handlers.pages.words import REFUSALS, SKIPPED, SPARED
from models.enums import Language
from models.values import Json, JsonObject

Names = Mapping[str, str]
"""Of the people whom the entries mention, by id."""

_TELLING = ("reason", "error", "fault", "detail")


def note(step: TimelineStep, language: Language, names: Names) -> str | None:
    """What explains the step, in one member of its details or put together from several."""
    if step.action == "approval.requested":
        return None  # its reason is the policy's, which the page names elsewhere
    refusal = _text(step.details, "refusal")
    if refusal is not None:
        known = next((words for kind, words in REFUSALS.items() if kind == refusal), None)
        return known.in_(language) if known else refusal
    if (tell := _NOTES.get(step.action)) is not None:
        return tell(step.details, language, names) or None
    told = next((told for member in _TELLING if (told := _text(step.details, member))), None)
    return quoted(told) if told else None


def _resolved(details: JsonObject, language: Language, names: Names) -> str | None:
    """The prepared instruction by its label, and the person's own words."""
    key = _text(details, "preset")
    known, words = preset(key), own_words(_text(details, "reason"), key)
    return "\n".join(filter(None, (known.label.in_(language) if known else None, quoted(words))))


def _asked(details: JsonObject, language: Language, names: Names) -> str | None:
    return "\n".join((*_newly_asked(details, language, names), *_skipped(details, language)))


def _newly_asked(details: JsonObject, language: Language, names: Names) -> Iterator[str]:
    zh = language is Language.ZH_CN
    for one in _list(details, "asked"):
        if isinstance(one, dict):
            shown, why = _who(one, "person", names), _text(one, "as")
            words = next((words.in_(language) for kind, words in ASKED_AS.items() if kind == why), None)
            if _text(one, "instead_of"):
                other = _who(one, "instead_of", names)
                words = f"代 {other}" if zh else f"for {other}"
            yield (f"{shown}（{words}）" if zh else f"{shown} ({words})") if words else shown


def _skipped(details: JsonObject, language: Language) -> Iterator[str]:
    for one in _list(details, "skipped"):
        if isinstance(one, list) and len(one) == 2:
            why = next((words.in_(language) for kind, words in SKIPPED.items() if kind == one[1]), str(one[1]))
            yield (
                f"{ref_words(str(one[0])).in_(language)}：{why}"
                if language is Language.ZH_CN
                else (f"{ref_words(str(one[0])).en}: {why}")
            )


def _nudged(details: JsonObject, language: Language, names: Names) -> str | None:
    way = next((words.in_(language) for kind, words in NUDGES.items() if kind == _text(details, "way")), None)
    fault = _text(details, "instead_because")
    return _joined(_who(details, "person", names), way, quoted(fault) if fault else None)


def _spared(details: JsonObject, language: Language, names: Names) -> str | None:
    why = next((words.in_(language) for kind, words in SPARED.items() if kind == _text(details, "why")), None)
    return _joined(_who(details, "person", names), why)


def _seen(details: JsonObject, language: Language, names: Names) -> str | None:
    return _who(details, "person", names)


def _undelivered(details: JsonObject, language: Language, names: Names) -> str | None:
    fault = _text(details, "fault")
    return _joined(_who(details, "person", names), quoted(fault) if fault else None)


def _amended(details: JsonObject, language: Language, names: Names) -> str | None:
    """What a person made of the arguments: "amount: 12000 → 120"; masked as everywhere."""
    before, after = _args(details, "before"), _args(details, "after")
    changed = [
        f"{one}: {before.get(one)} → {after.get(one)}" for one in _list(details, "arguments") if isinstance(one, str)
    ]
    return quoted("\n".join(changed)) if changed else None


def _args(details: JsonObject, side: str) -> JsonObject:
    request = details.get(side)
    masked = mask(request.get("args")) if isinstance(request, dict) else None
    return masked if isinstance(masked, dict) else {}


def _who(details: JsonObject, member: str, names: Names) -> str:
    """The name of the person; nothing where it is not known."""
    return name(names[found]) if (found := _text(details, member)) in names and found else ""


def _joined(*parts: str | None) -> str | None:
    return " · ".join(filter(None, parts)) or None


def _list(details: JsonObject, member: str) -> list[Json]:
    value = details.get(member)
    return value if isinstance(value, list) else []


def _text(details: JsonObject, member: str) -> str | None:
    value = details.get(member)
    return value if isinstance(value, str) and value else None


_NOTES: dict[str, Callable[[JsonObject, Language, Names], str | None]] = {
    "approval.resolved": _resolved,
    "approval.asked": _asked,
    "approval.amended": _amended,
    "approval.nudged": _nudged,
    "approval.nudge_spared": _spared,
    "delivery.seen": _seen,
    "delivery.degraded": _undelivered,
    "delivery.failed": _undelivered,
}
