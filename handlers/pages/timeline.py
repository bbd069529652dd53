"""An approval's audit entries as lines that a person reads: who, did what, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.approval_pages import TimelineStep
from handlers.pages.notes import Names, note
from handlers.pages.values import name
from handlers.pages.words import STEPS, SYSTEM
from models.enums import Language

_TONES = {
    "approval.resolved.approved": "good",
    "approval.resolved.rejected": "bad",
    "approval.resolved.expired": "quiet",
    "approval.resolved.cancelled": "quiet",
    "approval.refused": "warn",
    "approval.consented": "good",
    "approval.amended": "warn",
    "approval.claimed": "good",
    "execution.finished.succeeded": "good",
    "execution.finished.failed": "bad",
    "execution.finished.unknown": "warn",
    "approval.claim_lapsed": "quiet",
    "execution.refused": "bad",
    "execution.answer_too_late": "warn",
    "delivery.degraded": "warn",
    "delivery.failed": "bad",
    "delivery.seen": "good",
    "approval.reminded": "quiet",
    "approval.nudge_spared": "quiet",
    "approval.snoozed": "quiet",
    "run.finished.failed": "bad",
    "run.flagged": "warn",
    "run.stopped": "warn",
}


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime
    who: str
    what: str
    tone: str  # good, bad, warn, quiet or plain
    note: str | None = None


def lines(steps: tuple[TimelineStep, ...], language: Language, names: Names) -> list[Line]:
    return [_line(step, language, names) for step in steps]


def _line(step: TimelineStep, language: Language, names: Names) -> Line:
    key = _key(step)
    words = STEPS.get(key) or STEPS.get(step.action)
    what = words.in_(language) if words else step.action
    who = SYSTEM.in_(language) if step.actor_kind == "system" else name(step.actor)
    return Line(step.at, who, what, _TONES.get(key, "plain"), note(step, language, names))


_OUTCOMES = {"approval.resolved": "status", "execution.finished": "execution", "run.finished": "status"}


def _key(step: TimelineStep) -> str:
    outcome = step.details.get(_OUTCOMES.get(step.action, ""))
    return f"{step.action}.{outcome}" if isinstance(outcome, str) else step.action
