"""Whom a question was put to, how far it got with each, and when its plan asks whom: as values to draw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bot.approval_pages import ApprovalPage, PersonAsked, PlannedStep
from cards.plan_words import ASKED_AS, listed, ref_words, reminding
from cards.words import DELIVERIES
from handlers.pages.drawing import Look
from handlers.pages.values import name, quoted
from models.enums import ApprovalStatus, Delivery, Ending

_AMISS = {Delivery.DEGRADED: "warn", Delivery.UNDELIVERABLE: "bad"}


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the four that a question passes with a person; `at` None: not yet, or not known when."""

    words: str
    at: datetime | None
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """One person who was asked."""

    who: str
    asked_as: str
    reads: bool
    stages: tuple[Stage, ...]
    notes: tuple[str, ...]  # what the person made of it so far
    amiss: str | None  # where it did not go as it should
    tone: str  # of that
    fault: str | None


@dataclass(frozen=True, slots=True)
class Planned:
    """One line of the plan. `state`: taken, ahead or never."""

    at: datetime
    words: str
    state: str


def reached(page: ApprovalPage, look: Look) -> list[Reached]:
    return [_reached(one, look) for one in page.people]


def _reached(one: PersonAsked, look: Look) -> Reached:
    notes = []
    if one.consented_at is not None:
        notes.append(look.t("consented_at", at=look.moment(one.consented_at)))
    if one.snoozed_until is not None:
        notes.append(look.t("snoozed_until", at=look.moment(one.snoozed_until)))
    state = one.copy.state
    return Reached(
        who=name(one.copy.person),
        asked_as=ASKED_AS[one.copy.asked_as].in_(look.language),
        reads=one.reads,
        stages=tuple(_stages(one, look)),
        notes=tuple(notes),
        amiss=DELIVERIES[state].in_(look.language) if state in _AMISS else None,
        tone=_AMISS.get(state, "quiet"),
        fault=quoted(one.copy.detail) if one.copy.detail else None,
    )


def _stages(one: PersonAsked, look: Look) -> Iterator[Stage]:
    """Whoever acted has seen it, and whoever has seen it got it, also where nobody was told so."""
    copy = one.copy
    times = (copy.asked_at, copy.sent_at, copy.seen_at, copy.acted_at)
    furthest = max((place for place, at in enumerate(times) if at is not None), default=0)
    if copy.state in (Delivery.SENT, Delivery.SEEN, Delivery.ACTED, Delivery.DEGRADED):
        furthest = max(furthest, {Delivery.SEEN: 2, Delivery.ACTED: 3}.get(copy.state, 1))
    labels = (look.t("stage_asked"), look.t("stage_sent"), look.t("stage_seen"), look.t("stage_acted"))
    for place, (words, at) in enumerate(zip(labels, times, strict=True)):
        yield Stage(words, at, place <= furthest)


def planned(page: ApprovalPage, look: Look) -> list[Planned]:
    """The steps, and how it ends when nobody answers; nothing where there is no plan."""
    if not page.steps:
        return []
    waits = page.view.status is ApprovalStatus.PENDING
    lines = [_planned(step, look, waits=waits) for step in page.steps]
    key = "ends_rejected" if page.ending is Ending.REJECT else "ends_expired"
    nobody = page.view.status is ApprovalStatus.EXPIRED or (
        page.view.via is not None and page.view.via.value == "expiry"
    )
    state = "taken" if nobody else "ahead" if waits else "never"
    return [*lines, Planned(page.view.expires_at, look.t(key), state)]


def _planned(step: PlannedStep, look: Look, *, waits: bool) -> Planned:
    doing = []
    if step.ask:
        who = listed([ref_words(ref) for ref in step.ask], "、", ", ").in_(look.language)
        doing.append(look.t("step_asks", who=who))
    if step.nudge is not None:
        doing.append(reminding(step.nudge, all_of_them=True).in_(look.language))
    state = "taken" if step.taken else "ahead" if waits else "never"
    return Planned(step.at, ("；" if look.language.value == "zh_cn" else "; ").join(doing), state)
