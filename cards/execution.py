"""How the execution of an approved action stands, on the card: progress, result, fault."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo

from cards import elements as node
from cards.consents import frozen_until
from cards.shown import error_text, name, result_text
from cards.views import ApprovalView
from cards.words import CHINA, Bilingual, moment
from models.enums import ApprovalStatus, ExecutionStatus, Executor
from models.values import JsonObject

_SHORT_RESULT = 200  # characters shown without folding


def execution_nodes(view: ApprovalView, zone: tzinfo = CHINA) -> Iterator[JsonObject]:
    """Nothing unless approved: what was not approved is not performed."""
    if view.status is not ApprovalStatus.APPROVED:
        return
    yield node.labelled(Bilingual("执行", "Execution"), execution_words(view, zone))
    if view.execution is None:
        return
    if view.execution.error:
        yield node.note(Bilingual("错误信息", "Error"))
        yield node.block(error_text(view.execution.error))
    if view.execution.result is not None:
        yield from _result(result_text(view.execution.result))


def execution_words(view: ApprovalView, zone: tzinfo = CHINA) -> Bilingual:
    """One sentence: where the execution stands, and since when."""
    match view.execution_status:
        case ExecutionStatus.NOT_STARTED:
            return _waiting(view, zone)
        case ExecutionStatus.RUNNING:
            words = Bilingual("执行中，{at} 开始", "Executing since {at}")
            at = (view.execution and view.execution.started_at) or view.claimed_at
        case ExecutionStatus.SUCCEEDED:
            words, at = Bilingual("执行成功，{at}", "Succeeded, {at}"), _finished(view)
        case ExecutionStatus.FAILED:
            words, at = Bilingual("执行失败，{at}", "Failed, {at}"), _finished(view)
        case ExecutionStatus.UNKNOWN:
            words, at = _UNKNOWN, _finished(view)
    return words.format(at=moment(at or view.now, view.now, zone))


_UNKNOWN = Bilingual(
    "{at} 结果不明：已开始执行，但没有收到结果。可能已经执行，不会自动重试，请核实。",
    "Outcome unknown, {at}: it was started but no answer came back. It may have run; it is not retried. Please check.",
)


def _waiting(view: ApprovalView, zone: tzinfo) -> Bilingual:
    if view.is_orphaned:
        return Bilingual("不会执行：智能体已归档", "It does not run: the agent was archived")
    if view.frozen_by is not None and view.claimed_at is None and not view.lapsed:
        words = Bilingual("{who}冻结了智能体（{until}），解冻前不执行", "Waits: frozen by {who} ({until})")
        return words.format(who=name(view.frozen_by), until=frozen_until(view, zone))
    if view.executor is Executor.SERVICE:
        return Bilingual("即将执行", "Starting")
    if view.claimed_at is not None:
        words = Bilingual("智能体已认领，{at}", "Claimed by the agent, {at}")
        return words.format(at=moment(view.claimed_at, view.now, zone))
    if view.claim_expires_at is None:
        return Bilingual("等待智能体认领", "Waiting for the agent to claim it")
    at = moment(view.claim_expires_at, view.now, zone)
    if view.lapsed:
        return Bilingual("智能体未在 {at} 前认领，已失效", "Lapsed: the agent did not claim it by {at}").format(at=at)
    return Bilingual("等待智能体认领，{at} 前有效", "Waiting for the agent, until {at}").format(at=at)


def _finished(view: ApprovalView) -> datetime | None:
    return view.execution.finished_at if view.execution else None


def _result(text: str) -> Iterator[JsonObject]:
    if len(text) <= _SHORT_RESULT and text.count("\n") < 4:
        yield node.note(Bilingual("执行结果", "Result"))
        yield node.block(text)
    else:
        yield node.panel(Bilingual("执行结果", "Result"), [node.block(text)])
