"""How an approval request stands at a glance: the card's title, colour and state tag."""

from __future__ import annotations

from dataclasses import dataclass

from cards.arguments import risk
from cards.shown import action_phrase, name
from cards.views import ApprovalView
from cards.words import EXECUTIONS, STATUSES, Bilingual
from models.enums import ApprovalStatus, ExecutionStatus, Executor


@dataclass(frozen=True, slots=True)
class CardState:
    """Colours are Feishu's: green done, red refused, orange attention, grey over, carmine for what can't be undone."""

    title: Bilingual
    color: str
    tag: Bilingual | None = None
    tag_color: str = "neutral"


def card_state(view: ApprovalView) -> CardState:
    """The state of this request's decision and, once approved, of its execution."""
    match view.status:
        case ApprovalStatus.PENDING:
            return CardState(_question(view), "carmine" if risk(view.action_type, view.tool) else "orange")
        case ApprovalStatus.APPROVED:
            return _approved(view)
        case ApprovalStatus.REJECTED:
            return _ended(view, "red")
        case ApprovalStatus.EXPIRED | ApprovalStatus.CANCELLED:
            return _ended(view, "grey")


def _ended(view: ApprovalView, color: str) -> CardState:
    status = STATUSES[view.status]
    return CardState(_titled(status, view), color)


def _approved(view: ApprovalView) -> CardState:
    approved = STATUSES[ApprovalStatus.APPROVED]
    match view.execution_status:
        case ExecutionStatus.NOT_STARTED:
            return _not_started(view)
        case ExecutionStatus.RUNNING:
            return CardState(_titled(EXECUTIONS[ExecutionStatus.RUNNING], view), "green", approved, "green")
        case ExecutionStatus.SUCCEEDED:
            return CardState(_titled(Bilingual("已执行", "Done"), view), "green", approved, "green")
        case ExecutionStatus.FAILED | ExecutionStatus.UNKNOWN as trouble:
            return CardState(_titled(EXECUTIONS[trouble], view), "orange", approved, "green")


def _not_started(view: ApprovalView) -> CardState:
    title = _titled(STATUSES[ApprovalStatus.APPROVED], view)
    if view.executor is Executor.SERVICE:
        return CardState(title, "green", Bilingual("即将执行", "Starting"), "blue")
    if view.lapsed:
        return CardState(_titled(Bilingual("已失效", "Lapsed"), view), "grey", STATUSES[ApprovalStatus.APPROVED])
    return CardState(title, "green", Bilingual("待智能体执行", "Waiting for the agent"), "blue")


def _question(view: ApprovalView) -> Bilingual:
    phrase = action_phrase(view.action_type)
    agent = name(view.agent)
    if phrase is not None:
        return Bilingual("允许「{agent}」{action}吗？", "Allow “{agent}” to {action}?").format(
            agent=agent, action=phrase
        )
    words = Bilingual("允许「{agent}」执行 {action} 吗？", "Allow “{agent}” to run {action}?")
    return words.format(agent=agent, action=name(view.action_type))


def _titled(status: Bilingual, view: ApprovalView) -> Bilingual:
    words = Bilingual("{status}：「{agent}」{action}", "{status}: {action} (“{agent}”)")
    raw = name(view.action_type)
    action = action_phrase(view.action_type) or Bilingual(f"执行 {raw}", f"run {raw}")
    return words.format(status=status, agent=name(view.agent), action=action)
