"""An approval's audit entries as lines that a person reads: who, did what, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.reading import TimelineStep
from handlers.pages.values import name, quoted
from handlers.pages.words import REFUSALS, STEPS, SYSTEM
from models.enums import Language
from models.values import JsonObject

_TONES = {
    "approval.resolved.approved": "good",
    "approval.resolved.rejected": "bad",
    "approval.resolved.expired": "quiet",
    "approval.resolved.cancelled": "quiet",
    "approval.refused": "warn",
    "approval.claimed": "good",
    "execution.finished.succeeded": "good",
    "execution.finished.failed": "bad",
    "execution.finished.unknown": "warn",
    "approval.claim_lapsed": "quiet",
    "execution.refused": "bad",
    "execution.answer_too_late": "warn",
    "delivery.degraded": "warn",
    "delivery.failed": "bad",
}

_TELLING = ("reason", "error", "fault", "detail")


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime
    who: str
    what: str
    tone: str  # good, bad, warn, quiet or plain
    note: str | None = None


def lines(steps: tuple[TimelineStep, ...], language: Language) -> list[Line]:
    return [_line(step, language) for step in steps]


def _line(step: TimelineStep, language: Language) -> Line:
    key = _key(step)
    what = STEPS[key].in_(language) if key in STEPS else step.action
    who = SYSTEM.in_(language) if step.actor_kind == "system" else name(step.actor)
    return Line(step.at, who, what, _TONES.get(key, "plain"), _note(step, language))


def _key(step: TimelineStep) -> str:
    outcome = step.details.get({"approval.resolved": "status", "execution.finished": "execution"}.get(step.action, ""))
    return f"{step.action}.{outcome}" if isinstance(outcome, str) else step.action


def _note(step: TimelineStep, language: Language) -> str | None:
    """The one member of the details that explains the step."""
    if step.action == "approval.requested":
        return None  # its reason is the policy's, which the page names elsewhere
    refusal = _text(step.details, "refusal")
    if refusal is not None:
        known = next((words for kind, words in REFUSALS.items() if kind == refusal), None)
        return known.in_(language) if known else refusal
    told = next((told for member in _TELLING if (told := _text(step.details, member))), None)
    return quoted(told) if told else None


def _text(details: JsonObject, member: str) -> str | None:
    value = details.get(member)
    return value if isinstance(value, str) and value else None
