"""Checks that spend something, a budget or a grant: decided and recorded in one transaction of their own."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from bot.approvals import ApprovalService
from bot.checking.binding import Binding
from bot.checking.deciding import sparing, under_grant
from bot.checking.earlier import Earlier
from bot.checking.idempotency import Ask
from bot.checking.recording import Recorder
from bot.checking.turns import Turns
from bot.directory import KnownAgent, hold_epoch
from bot.granting.values import Used
from bot.ledger import Ledger, Work
from models.enums import Layer, Level
from models.values import ActionRequest, AgentFacts, CheckAnswer, Decision, GrantFacts


class UsesGrants(Protocol):
    """bot.granting.grants.Grants, as a check needs it."""

    async def use(
        self, work: Work, agent: AgentFacts, grant: GrantFacts, request: ActionRequest, *, check_id: UUID
    ) -> Used | None:
        """One use was taken; None when none is left, or the giver may not give it any more."""
        ...


class CarefulPath:
    def __init__(
        self,
        ledger: Ledger,
        approvals: ApprovalService,
        binding: Binding,
        earlier: Earlier,
        recorder: Recorder,
        grants: UsesGrants,
        turns: Turns,
    ) -> None:
        self._ledger = ledger
        self._approvals = approvals
        self._binding = binding
        self._earlier = earlier
        self._recorder = recorder
        self._grants = grants
        self._turns = turns

    async def take(self, ask: Ask, known: KnownAgent) -> CheckAnswer | Decision | None:
        """The recorded answer; the decision where an earlier or a new request must answer; None when the epoch moved.

        Raises IntegrityError when the Idempotency-Key was taken meanwhile.
        """
        async with self._turns.of(known.facts.id):
            await self._binding.prepare(known, ask.request, self._ledger.now())
            return await self._take(ask, known)

    async def _take(self, ask: Ask, known: KnownAgent) -> CheckAnswer | Decision | None:
        async with self._ledger.transaction() as work:
            if await hold_epoch() != known.epoch:
                return None
            bound = await self._binding.decide(known, ask.request, work.now)
            decision, used = bound.decision, None
            if decision.layer is Layer.FREEZE:
                return decision
            if decision.level is Level.L3:
                spared = await self._spared(work, ask, known, decision)
                if spared is None:
                    return decision
                decision, used = spared
            answer = await self._recorder.decided_in(work, ask, known, decision, used)
            if answer.allowed:
                await bound.ran()
            return answer

    async def _spared(
        self, work: Work, ask: Ask, known: KnownAgent, decision: Decision
    ) -> tuple[Decision, Used] | None:
        """The decision under a grant that was used for it. A request that stands comes first: it is a person's word.

        One person's grant spares no question that takes two.
        """
        candidates = sparing(known, ask.request, ask.digest, decision, work.now)
        if not candidates or not await self._approvals.opening.one_decides(known, ask.request, decision, work.now):
            return None
        if self._earlier.standing(await self._earlier.met(ask, known), decision) is not None:
            return None
        for grant in candidates:
            used = await self._grants.use(work, known.facts, grant, ask.request, check_id=ask.check_id)
            if used is not None:
                return under_grant(decision, grant), used
        return None
