"""What an earlier approval request for the same action answers to a repeat, and how a go-ahead is taken from it."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from tortoise.expressions import Q

from bot import answers, lifecycle
from bot.approvals import ApprovalService, rendezvous_of
from bot.checking.binding import Binding
from bot.checking.idempotency import Ask, keep
from bot.checking.recording import Recorder, check_fact
from bot.checking.turns import Turns
from bot.directory import KnownAgent, hold_epoch
from bot.ledger import Ledger
from bot.ports import Clock
from models.approval import ApprovalRequest
from models.enums import Layer, Level
from models.values import CheckAnswer, Decision, Refusal

Standing: TypeAlias = lifecycle.Join | lifecycle.Claim | lifecycle.Report | lifecycle.Reject
"""How an earlier request answers a repeat; what is left of lifecycle.Rendezvous when no new request is due."""


class Earlier:
    def __init__(
        self,
        ledger: Ledger,
        approvals: ApprovalService,
        binding: Binding,
        recorder: Recorder,
        turns: Turns,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._approvals = approvals
        self._binding = binding
        self._recorder = recorder
        self._turns = turns
        self._clock = clock

    async def met(self, ask: Ask, known: KnownAgent) -> ApprovalRequest | None:
        """The request that repeats must join, else the latest. Attempts count on even where the clock steps back.

        A call whose arguments a person changed before approving still meets that request.
        """
        rendezvous = rendezvous_of(known.facts.id, ask.request.session, ask.digest)
        joined = await ApprovalRequest.get_or_none(rendezvous=rendezvous)
        if joined is not None:
            return joined
        met = ApprovalRequest.filter(Q(rendezvous_key=rendezvous) | Q(original_rendezvous=rendezvous))
        return await met.order_by("-attempt", "-id").first()

    def standing(self, approval: ApprovalRequest | None, decision: Decision) -> Standing | None:
        """How it answers a check that is decided so; None when it does not, and a new request may be due.

        A freeze leaves questions open and executions visible, and gives no go-ahead.
        """
        if approval is None:
            return None
        due = lifecycle.rendezvous(approval.facts(), self._clock.now(), self._approvals.times.rejection_cooldown)
        if decision.layer is Layer.FREEZE and not isinstance(due, lifecycle.Join | lifecycle.Report):
            return None
        return None if isinstance(due, lifecycle.Fresh) else due

    async def close_stale(self, approval: ApprovalRequest) -> None:
        """A request whose time is over makes room for a new one without waiting for the next tick."""
        if approval.rendezvous is not None:
            await self._approvals.settling.expire(approval.id)
            await ApprovalRequest.filter(
                id=approval.id, claim_expires_at__lte=self._clock.now(), claimed_at=None
            ).update(rendezvous=None)

    async def answer(
        self, ask: Ask, known: KnownAgent, decision: Decision, approval: ApprovalRequest, due: Standing
    ) -> CheckAnswer | None:
        """The answer that the earlier request gives; None when the ground moved.

        What a person changed the call into is approved, and never the call itself.
        """
        match due:
            case lifecycle.Join():
                return await self._recorder.noted(ask, known, decision, approval, "check.joined")
            case lifecycle.Claim() if ask.digest != approval.action_digest:
                return await self._recorder.noted(ask, known, decision, approval, "check.amended")
            case lifecycle.Claim():
                return await self.claim(ask, known, decision, approval)
            case lifecycle.Report():
                return await self._report(ask, known, decision, approval)
            case lifecycle.Reject():
                return await self._recorder.noted(ask, known, decision, approval, "check.denied")
            case unreachable:
                assert_never(unreachable)

    async def claim(
        self, ask: Ask, known: KnownAgent, decision: Decision, approval: ApprovalRequest
    ) -> CheckAnswer | None:
        """The repeat of an approved call takes the one go-ahead; None when another call took it first.

        What the rules deny by now, a freeze included, is denied all the same.
        """
        async with self._turns.of(known.facts.id):
            taken = await self._take(ask, known, decision, approval)
        return await self._recorder.decided(ask, known, taken) if isinstance(taken, Decision) else taken

    async def _take(
        self, ask: Ask, known: KnownAgent, decision: Decision, approval: ApprovalRequest
    ) -> CheckAnswer | Decision | None:
        """The go-ahead, or the decision that denies it."""
        await self._binding.prepare(known, ask.request, self._clock.now())
        async with self._ledger.transaction() as work:
            if await hold_epoch() != known.epoch:
                return None
            bound = await self._binding.decide(known, ask.request, work.now)
            if bound.decision.level is not Level.DENY:
                outcome = await self._approvals.using.claim_in(work, approval, ask.digest)
                if isinstance(outcome, Refusal):
                    return None
                await bound.ran()
                answer = answers.claimed(ask.check_id, decision, approval)
                work.audit(check_fact(ask, known, decision, "check.allowed", approval.id))
                await keep(ask, answer, work.now, approval)
                return answer
            return bound.decision

    async def _report(
        self, ask: Ask, known: KnownAgent, decision: Decision, approval: ApprovalRequest
    ) -> CheckAnswer | None:
        """The service executes: the agent gets state and result. A finished result is handed over once."""
        async with self._turns.of(known.facts.id), self._ledger.transaction() as work:
            if await hold_epoch() != known.epoch:
                return None
            await approval.refresh_from_db()
            if approval.execution.finished:
                kept = ApprovalRequest.filter(id=approval.id, claimed_at=None)
                if not await kept.update(rendezvous=None, claimed_at=work.now):
                    return None
            answer = answers.of_approval(ask.check_id, decision, approval)
            await keep(ask, answer, work.now, approval)
            work.audit(check_fact(ask, known, decision, "check.reported", approval.id))
            return answer
