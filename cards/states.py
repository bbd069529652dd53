"""How an approval request stands at a glance: the card's title, colour and state tag."""

from __future__ import annotations

from dataclasses import dataclass

from cards.arguments import risk
from cards.presets import preset
from cards.shown import action_phrase, name
from cards.views import ApprovalView
from cards.words import EXECUTIONS, STATUSES, Bilingual
from models.enums import ApprovalStatus, ExecutionStatus, Executor, Severity, Via


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
            return _pending(view)
        case ApprovalStatus.APPROVED:
            return _approved(view)
        case ApprovalStatus.REJECTED:
            return _rejected(view)
        case ApprovalStatus.EXPIRED | ApprovalStatus.CANCELLED:
            tag = _ARCHIVED if view.closed_with_agent else None
            return CardState(_titled(STATUSES[view.status], view), "grey", tag)


_ARCHIVED = Bilingual("智能体已归档", "Agent archived")
SEVERITIES = {
    Severity.HIGH: (Bilingual("重要", "Important"), "orange"),
    Severity.CRITICAL: (Bilingual("特别重要", "Critical"), "red"),
}


def _pending(view: ApprovalView) -> CardState:
    grave = view.severity is not Severity.NORMAL or risk(view.action_type, view.tool) is not None
    tag, tag_color = SEVERITIES.get(view.severity, (None, "neutral"))
    if view.consented:
        tag, tag_color = Bilingual("您已同意", "You approved"), "green"
    return CardState(question(view.agent, view.action_type), "carmine" if grave else "orange", tag, tag_color)


def _rejected(view: ApprovalView) -> CardState:
    tag = known.label if (known := preset(view.preset)) else None
    if view.via is Via.EXPIRY:
        tag = Bilingual("到期未答复", "Nobody answered")
    return CardState(_titled(STATUSES[ApprovalStatus.REJECTED], view), "red", tag, "red")


def _approved(view: ApprovalView) -> CardState:
    approved = STATUSES[ApprovalStatus.APPROVED]
    if view.original_args is not None:
        approved = Bilingual("改后同意", "Approved with changes")
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
    if view.lapsed or view.is_orphaned:
        lapsed = _titled(Bilingual("已失效", "Lapsed"), view)
        return CardState(lapsed, "grey", _ARCHIVED if view.is_orphaned else STATUSES[ApprovalStatus.APPROVED])
    if view.frozen_by is not None:
        return CardState(title, "orange", Bilingual("等待解冻", "Frozen"), "orange")
    if view.executor is Executor.SERVICE:
        return CardState(title, "green", Bilingual("即将执行", "Starting"), "blue")
    return CardState(title, "green", Bilingual("待智能体执行", "Waiting for the agent"), "blue")


def question(agent: str, action_type: str) -> Bilingual:
    """What a person is asked to say yes or no to."""
    phrase, who = action_phrase(action_type), name(agent)
    if phrase is not None:
        return Bilingual("允许「{agent}」{action}吗？", "Allow “{agent}” to {action}?").format(agent=who, action=phrase)
    words = Bilingual("允许「{agent}」执行 {action} 吗？", "Allow “{agent}” to run {action}?")
    return words.format(agent=who, action=name(action_type))


def _titled(status: Bilingual, view: ApprovalView) -> Bilingual:
    words = Bilingual("{status}：「{agent}」{action}", "{status}: {action} (“{agent}”)")
    raw = name(view.action_type)
    action = action_phrase(view.action_type) or Bilingual(f"执行 {raw}", f"run {raw}")
    return words.format(status=status, agent=name(view.agent), action=action)
