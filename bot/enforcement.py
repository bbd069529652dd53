"""The check: an action request in, an answer out, and the record committed before the answer is given.

Free of HTTP: every integration is a translation around `EnforcementEngine.check`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from asyncpg import TransactionRollbackError
from tortoise.exceptions import IntegrityError

from bot import answers
from bot.approvals import ApprovalService, Claimed, rendezvous_of, stored_request
from bot.approvals.refusing import audit_refusal
from bot.checking.binding import Binding, counted
from bot.checking.careful import CarefulPath, UsesGrants
from bot.checking.deciding import decide, freeze_in_force, sparing, under_grant
from bot.checking.earlier import Earlier
from bot.checking.holding import ROUNDS, GateBusy, Holding
from bot.checking.idempotency import Ask, KeyInUse, KeyMismatch, keep
from bot.checking.recording import Recorder, check_fact
from bot.checking.turns import Turns
from bot.digest import action_digest
from bot.directory import Caller, Directory, KnownAgent, current_epoch, hold_epoch
from bot.journal.flushing import Journal
from bot.ledger import Ledger
from bot.outbox import Bell
from bot.ports import Clock
from bot.quotas import Quotas, TooManyChecks
from bot.receipts import people_reached
from bot.waiters.registry import Waiters
from models.approval import ApprovalRequest, IdempotentCheck
from models.enums import Layer, Level
from models.grant import Grant
from models.values import ActionRequest, CheckAnswer, Decision, JsonObject, Refusal, RefusalKind

__all__ = ["EnforcementEngine", "GateBusy"]

OVERTAKEN = (IntegrityError, TransactionRollbackError)
"""Another check got to the rendezvous or the key first, or PostgreSQL ended a deadlock (with a token's rotation)."""


class EnforcementEngine:
    def __init__(
        self,
        directory: Directory,
        journal: Journal,
        ledger: Ledger,
        approvals: ApprovalService,
        binding: Binding,
        grants: UsesGrants,
        quotas: Quotas,
        waiters: Waiters,
        bell: Bell,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._ledger = ledger
        self._approvals = approvals
        self._binding = binding
        self._quotas = quotas
        self._clock = clock
        self._recorder = Recorder(journal, approvals.telling, bell, clock)
        self._turns = Turns()
        self._earlier = Earlier(ledger, approvals, binding, self._recorder, self._turns, clock)
        self._careful = CarefulPath(ledger, approvals, binding, self._earlier, self._recorder, grants, self._turns)
        self._holding = Holding(directory, self._earlier, waiters)
        self._under_way: set[str] = set()

    async def check(
        self,
        caller: Caller,
        request: ActionRequest,
        *,
        idempotency_key: str | None = None,
        wait: float = 0,
        listening: Callable[[], bool] = lambda: True,
    ) -> CheckAnswer:
        """Answers after the record of this check is committed; a pending answer is held up to `wait` seconds.

        A go-ahead that comes while it is held is only taken when somebody is still `listening`.
        Raises CredentialRefused, QuotaExceeded, NotCanonical, KeyInUse, KeyMismatch, GateBusy, JournalFault.
        """
        await self._admit(caller)
        ask = Ask.of(caller, request, idempotency_key)
        if ask.key is not None and ask.key in self._under_way:
            raise KeyInUse
        if ask.key is not None:
            self._under_way.add(ask.key)
        try:
            answer = await self._settle(ask)
        finally:
            # Holding is not being under way: a repeat during the hold joins it.
            self._under_way.discard(ask.key or "")
        return await self._holding.hold(ask, answer, wait, listening) if wait > 0 else answer

    async def rehearse(self, caller: Caller, request: ActionRequest) -> Decision:
        """What a check would decide. Nothing is recorded, nobody is asked, nothing is allowed."""
        digest = action_digest(request)
        await self._directory.refresh()
        known, now = await self._directory.agent(caller), self._clock.now()
        decision = await self._binding.foresee(known, request, now)
        grants = sparing(known, request, digest, decision, now)
        spared = bool(grants) and await self._approvals.opening.one_decides(known, request, decision, now)
        return under_grant(decision, grants[0]) if spared else decision

    async def look(self, caller: Caller, approval_id: UUID, *, wait: float = 0) -> JsonObject | None:
        """The approval as the agent sees it, held while it may still change; None when it is not this agent's."""
        approval = await ApprovalRequest.get_or_none(id=approval_id, agent_id=caller.agent_id)
        if approval is None:
            return None
        if wait > 0 and answers.may_change(approval):
            await self._holding.wait_for(approval_id, wait)
            await self._directory.refresh()
            await self._directory.agent(caller)  # a token that ended during the wait learns nothing more
            await approval.refresh_from_db()
        return answers.approval_json(approval, reached=await people_reached(approval.id))

    async def claim(self, caller: Caller, approval_id: UUID, digest: str) -> CheckAnswer | Refusal:
        """The one go-ahead, by id. A policy that denies the action by now takes it back.

        Raises CredentialRefused, GateBusy.
        """
        for _ in range(ROUNDS):
            known = await self._directory.agent(caller)
            approval = await ApprovalRequest.get_or_none(id=approval_id, agent_id=caller.agent_id)
            if approval is None:
                return Refusal(RefusalKind.UNKNOWN_APPROVAL, detail=str(approval_id))
            async with self._turns.of(known.facts.id):
                outcome = await self._claim_by_id(known, approval, digest)
            if outcome is not None:
                return outcome
            await self._directory.refresh()
        raise GateBusy

    async def _claim_by_id(
        self, known: KnownAgent, approval: ApprovalRequest, digest: str
    ) -> CheckAnswer | Refusal | None:
        """The go-ahead or why not; None when the policy moved meanwhile."""
        request = stored_request(approval)
        await self._binding.prepare(known, request, self._clock.now())
        async with self._ledger.transaction() as work:
            if await hold_epoch() != known.epoch:
                return None
            bound = await self._binding.decide(known, request, work.now)
            outcome: Claimed | Refusal | None = _denied(known, bound.decision, work.now)
            outcome = outcome or await self._approvals.using.claim_in(work, approval, digest)
            if isinstance(outcome, Refusal):
                audit_refusal(work, f"agent:{known.facts.id}", outcome, approval)
                return outcome
            await bound.ran()
            return answers.claimed(approval.check_id, bound.decision, approval)

    async def _admit(self, caller: Caller) -> None:
        """The agent may ask once more. Raises TooManyChecks."""
        facts = (await self._directory.agent(caller)).facts
        wait = self._quotas.take(facts)
        if wait is not None:
            raise TooManyChecks(self._quotas.checks_per_minute(facts), wait)

    async def _settle(self, ask: Ask) -> CheckAnswer:
        for left in reversed(range(ROUNDS)):
            known = await self._directory.agent(ask.caller)
            try:
                answer = await self._round(ask, known)
            except OVERTAKEN:
                if not left:  # one that comes every time is no race
                    raise
                answer = None  # the next round meets whoever was first
            if answer is not None:
                return answer
            await self._directory.refresh()
        raise GateBusy

    async def _round(self, ask: Ask, known: KnownAgent) -> CheckAnswer | None:
        """One attempt; None when the policy, or another check, moved under it."""
        stored = await IdempotentCheck.get_or_none(key=ask.key) if ask.key else None
        if stored is None:
            return await self._decide(ask, known)
        if stored.payload_hash != ask.payload_hash:
            raise KeyMismatch
        return await self._repeat(replace(ask, bound=True), known, stored)

    async def _repeat(self, ask: Ask, known: KnownAgent, stored: IdempotentCheck) -> CheckAnswer | None:
        """The stored answer of a repeated key, or how its approval stands; no go-ahead that is denied by now."""
        answer = answers.from_json(json.loads(stored.answer)) if stored.answer else None
        if answer is not None and not answer.allowed:
            return answer if await current_epoch() == known.epoch else None
        ran_at = await _ran_at(stored, answer) if answer is not None else None
        decision = await self._binding.foresee(known, ask.request, self._clock.now(), besides=ran_at)
        if answer is not None:
            if await _withdrawn(answer, decision):
                return await self._recorder.decided(ask, known, replace(decision, level=Level.DENY))
            return answer if await current_epoch() == known.epoch else None
        return await self._follow(ask, known, decision, await ApprovalRequest.get(id=stored.approval_id))

    async def _follow(
        self, ask: Ask, known: KnownAgent, decision: Decision, approval: ApprovalRequest
    ) -> CheckAnswer | None:
        """How the approval stands for which a repeated key is kept."""
        if decision.level is Level.DENY and decision.layer is not Layer.FREEZE:
            return await self._recorder.decided(ask, known, decision)
        asked = Decision(Level.L3, approval.rule, approval.policy_version, "the same Idempotency-Key", approval.layer)
        due = self._earlier.standing(approval, decision)
        if due is not None:
            return await self._earlier.answer(ask, known, asked, approval, due)
        if decision.layer is Layer.FREEZE:
            return await self._recorder.decided(ask, known, decision)
        await self._earlier.close_stale(approval)
        await approval.refresh_from_db()
        return await self._recorder.noted(ask, known, asked, approval, "check.answered")

    async def _decide(self, ask: Ask, known: KnownAgent) -> CheckAnswer | None:
        if counted(known, ask.request):
            return await self._carefully(ask, known)
        now = self._clock.now()
        decision = decide(known, await self._binding.question(known, ask.request, now))
        if sparing(known, ask.request, ask.digest, decision, now):
            return await self._carefully(ask, known)
        if decision.level is Level.L3 or decision.layer is Layer.FREEZE:
            return await self._ask(ask, known, decision)
        return await self._recorder.decided(ask, known, decision)

    async def _carefully(self, ask: Ask, known: KnownAgent) -> CheckAnswer | None:
        taken = await self._careful.take(ask, known)
        return await self._ask(ask, known, taken) if isinstance(taken, Decision) else taken

    async def _ask(self, ask: Ask, known: KnownAgent, decision: Decision) -> CheckAnswer | None:
        """The answer of an earlier request for the same action, or of a new one; frozen, only of one that is open."""
        met = await self._earlier.met(ask, known)
        due = self._earlier.standing(met, decision)
        if met is not None and due is not None:
            return await self._earlier.answer(ask, known, decision, met, due)
        if decision.layer is Layer.FREEZE:
            return await self._recorder.decided(ask, known, decision)
        if met is not None:
            await self._earlier.close_stale(met)
            await met.refresh_from_db()
            due = self._earlier.standing(met, decision)
            if due is not None:  # its plan rejects what nobody answered in time
                return await self._earlier.answer(ask, known, decision, met, due)
        return await self._open(ask, known, decision, previous=met)

    async def _open(
        self, ask: Ask, known: KnownAgent, decision: Decision, previous: ApprovalRequest | None
    ) -> CheckAnswer | None:
        """A new approval request, in one transaction with its audit and its card; None when the ground moved."""
        async with self._turns.of(known.facts.id), self._ledger.transaction() as work:
            if await hold_epoch() != known.epoch:
                return None
            await self._approvals.opening.make_room(work, known, self._quotas.max_pending(known.facts))
            if await self._overtaken(ask, known, previous):
                return None
            approval = await self._approvals.opening.open(
                work,
                known,
                ask.request,
                decision,
                digest=ask.digest,
                check_id=ask.check_id,
                rendezvous=rendezvous_of(known.facts.id, ask.request.session, ask.digest),
                attempt=previous.attempt + 1 if previous else 1,
            )
            answer = answers.of_approval(ask.check_id, decision, approval)
            work.audit(check_fact(ask, known, decision, "check.pending", approval.id))
            await keep(ask, answer, work.now, approval)
            return answer

    async def _overtaken(self, ask: Ask, known: KnownAgent, previous: ApprovalRequest | None) -> bool:
        """Whether this call was asked about, and changed by a person, since it was looked for: no index would tell."""
        met = await self._earlier.met(ask, known)
        return (met.id if met else None) != (previous.id if previous else None)


def _denied(known: KnownAgent, decision: Decision, now: datetime) -> Refusal | None:
    """Why an approved action gets no go-ahead after all."""
    freeze = freeze_in_force(known, now)
    if freeze is not None:
        return Refusal(RefusalKind.FROZEN, by=freeze.frozen_by_name, at=freeze.frozen_at)
    return Refusal(RefusalKind.DENIED_NOW) if decision.level is Level.DENY else None


async def _withdrawn(answer: CheckAnswer, decision: Decision) -> bool:
    """Whether the rules in force take back the stored go-ahead.

    Where they ask by now, it stands if a person gave it for this one action. A budget that was used up since, under
    the same rules, takes nothing back: the run is in it.
    """
    if decision.level is not Level.L3 or answer.approval_id is not None:
        return decision.level is Level.DENY
    if decision.floor_level.strictness >= Level.L3.strictness or answer.layer is Layer.OBSERVE:
        return True
    if answer.grant_id is not None:
        return await Grant.filter(id=answer.grant_id, revoked_at__isnull=False).exists()
    return answer.policy_version != decision.policy_version


async def _ran_at(stored: IdempotentCheck, answer: CheckAnswer) -> datetime:
    """When the run was counted that a stored go-ahead stands for."""
    approval = await ApprovalRequest.get_or_none(id=answer.approval_id) if answer.approval_id else None
    return (approval.claimed_at if approval else None) or stored.created_at
