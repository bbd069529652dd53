"""Checks that are held while a person decides, and what they collect at the end of the wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from bot import answers, lifecycle
from bot.checking.earlier import Earlier
from bot.checking.idempotency import Ask, store
from bot.directory import Directory, KnownAgent
from bot.waiters.registry import Waiters
from models.approval import ApprovalRequest
from models.values import CheckAnswer, Decision

ROUNDS = 20
"""How often a check is taken again when the policy or another check moved under it, before it is refused as busy."""

MAX_WAIT = 600.0
"""Seconds that a check or a look may be held (docs/http-hook.md)."""


class GateBusy(Exception):
    """The check could not be settled in ROUNDS rounds. Nothing was allowed."""


class Holding:
    def __init__(self, directory: Directory, earlier: Earlier, waiters: Waiters) -> None:
        self._directory = directory
        self._earlier = earlier
        self._waiters = waiters

    async def hold(self, ask: Ask, answer: CheckAnswer, wait: float, listening: Callable[[], bool]) -> CheckAnswer:
        """Waits while there is something to wait for, then repeats the check once in the agent's name."""
        if not answers.unfinished(answer) or answer.approval_id is None:
            return answer
        await self.wait_for(answer.approval_id, wait)
        ask = replace(ask, bound=ask.key is not None)
        for _ in range(ROUNDS):
            await self._directory.refresh()
            known = await self._directory.agent(ask.caller)
            approval = await ApprovalRequest.get(id=answer.approval_id)
            if answers.may_change(approval) or not listening():
                return answers.of_approval(ask.check_id, _decision_of(answer, approval), approval)
            collected = await self._collect(ask, known, _decision_of(answer, approval), approval)
            if collected is not None:
                return collected
        raise GateBusy

    async def _collect(
        self, ask: Ask, known: KnownAgent, decision: Decision, approval: ApprovalRequest
    ) -> CheckAnswer | None:
        """What the wait was for; None when the policy, or another check, moved under it."""
        due = self._earlier.standing(approval, decision)
        if isinstance(due, lifecycle.Claim | lifecycle.Report):
            return await self._earlier.answer(ask, known, decision, approval, due)
        answer = answers.of_approval(ask.check_id, decision, approval)
        await store(ask, answer)
        return answer

    async def wait_for(self, approval_id: UUID, wait: float) -> ApprovalRequest | None:
        """The approval once it can change no more, or waiting is in vain; None after `wait` seconds."""

        async def settled() -> ApprovalRequest | None:
            approval = await ApprovalRequest.get(id=approval_id)
            return None if answers.may_change(approval) and not answers.in_vain(approval) else approval

        return await self._waiters.wait(approval_id, settled, min(wait, MAX_WAIT))


def _decision_of(answer: CheckAnswer, approval: ApprovalRequest) -> Decision:
    return Decision(answer.level, answer.rule, answer.policy_version or 0, "asked before", approval.layer)
