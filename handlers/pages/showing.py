"""What the approval's page and the inbox are drawn from: the same words and the same order as on the card."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from bot.approval_pages import ApprovalPage
from bot.inboxes import InboxPage, WaitingLine
from cards.action import UNKNOWN_RISK, Action
from cards.approval import ONCE, decided
from cards.arguments import risk
from cards.changed import FIRST, SAME, amended_words, compared_words, differences
from cards.consents import consent_lines, consented_words, standing_lines
from cards.execution import execution_words
from cards.plan_words import ASKED_AS
from cards.presets import own_words, preset
from cards.room import Room
from cards.shown import names
from cards.states import SEVERITIES, card_state, question
from cards.views import ApprovalView
from handlers.pages import timeline
from handlers.pages.arguments import arguments, changes
from handlers.pages.asking import planned, reached
from handlers.pages.drawing import Look
from handlers.pages.values import name
from models.enums import ApprovalStatus, AskedAs, Severity, Via


@dataclass(frozen=True, slots=True)
class Waiting:
    """One request in the list of what waits."""

    line: WaitingLine
    title: str
    over: str | None  # small, above
    large: str | None  # what the action is about
    severity: str | None
    tone: str
    asked_as: str | None
    asked: str | None


def drawn_approval(page: ApprovalPage, look: Look) -> dict[str, Any]:
    """Names and values for approval.html. Call it away from the event loop."""
    view = replace(page.view, zone=look.zone)
    action = Action(view.action_type, view.tool, view.args, look.zone)
    over, large = action.headline_texts()
    pending = view.status is ApprovalStatus.PENDING
    return {
        "a": page,
        "v": view,
        "state": card_state(view),
        "pending": pending,
        "over": over,
        "large": large,
        "grave": [look.say(line) for line in action.grave_lines(view.severity)] if pending else [],
        "unknown_risk": look.say(UNKNOWN_RISK),
        "standing": [look.say(line) for line in standing_lines(view, look.zone)] if pending else [],
        "consents": [look.say(line) for line in consent_lines(view, look.zone)] if pending else [],
        "decided": None if pending else look.say(decided(view, look.zone)),
        "together": _together(view, look),
        "instruction": look.say(known.instruction) if (known := preset(view.preset)) else None,
        "said": _said(view),
        "compared": _compared(view, look),
        "amended": _amended(view, look),
        "arguments": arguments(view.args, look.zone),
        "once": look.say(ONCE[view.executor]),
        "executing": look.say(execution_words(view, look.zone)),
        "people": reached(page, look),
        "plan": planned(page, look),
        "steps": timeline.lines(page.timeline, look.language, page.names),
    }


def drawn_waiting(inbox: InboxPage, look: Look) -> list[Waiting]:
    """What waits, as the queue card tells it. Call it away from the event loop."""
    return [_waiting(line, look, look.zone) for line in inbox.waiting]


def _waiting(line: WaitingLine, look: Look, zone: tzinfo) -> Waiting:
    over, large = Action(line.action_type, line.tool, line.args, zone).headline_texts()
    severity = SEVERITIES.get(line.severity)
    grave = line.severity is not Severity.NORMAL or risk(line.action_type, line.tool) is not None
    other = line.asked_as if line.asked_as is not AskedAs.CREATOR else None
    return Waiting(
        line=line,
        title=look.say(question(line.agent, line.action_type)),
        over=over,
        large=large,
        severity=look.say(severity[0]) if severity else None,
        tone="critical" if line.severity is Severity.CRITICAL else "high" if grave else "normal",
        asked_as=look.say(ASKED_AS[other]) if other else None,
        asked=look.t("also_asked", who=names(line.asked)) if line.asked else None,
    )


def _together(view: ApprovalView, look: Look) -> str | None:
    """Who approved, where several had to."""
    told = consented_words(view, Room()) if view.status is ApprovalStatus.APPROVED else None
    return look.say(told) if told else None


def _said(view: ApprovalView) -> str | None:
    """A person's own words; what the service records when nobody answered is none."""
    nobody = view.closed_with_agent or view.via is Via.EXPIRY
    return None if nobody else own_words(view.resolution_reason, view.preset) or None


def _compared(view: ApprovalView, look: Look) -> dict[str, Any] | None:
    """Against the last approved call of this kind; None where there is nothing to say."""
    if view.changed is None:
        first = view.first_of_kind and view.status is ApprovalStatus.PENDING
        return {"words": look.say(FIRST), "changes": [], "same": None, "tone": "wait"} if first else None
    same = ", ".join(name(one) for one in view.changed.same)
    return {
        "words": look.say(compared_words(view.changed, view, look.zone)),
        "changes": list(changes(view.changed.differences, look.zone)),
        "same": look.say(SAME.format(names=same)) if same and view.changed.differences else None,
        "tone": "warn" if view.changed.differences else "good",
    }


def _amended(view: ApprovalView, look: Look) -> dict[str, Any] | None:
    """What a person changed before approving."""
    if view.original_args is None:
        return None
    changed = changes(differences(view.original_args, view.args), look.zone)
    return {"words": look.say(amended_words(view)), "changes": list(changed)}
