"""The check: an action request in, an answer out, and the record committed before the answer is given.

Free of HTTP: every integration is a translation around `EnforcementEngine.check`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias, assert_never
from uuid import UUID

from asyncpg import TransactionRollbackError
from tortoise.exceptions import IntegrityError

from bot import answers, lifecycle
from bot.approvals import ApprovalService, Claimed, rendezvous_of, stored_request
from bot.asking.parsing import as_json
from bot.digest import action_digest
from bot.directory import Caller, Directory, KnownAgent, current_epoch, hold_epoch
from bot.idempotency import Ask, KeyInUse, KeyMismatch, keep, row_of, store
from bot.journal.flushing import CheckRecord, Journal, Recorded
from bot.ledger import AuditFact, Ledger
from bot.outbox import Bell
from bot.people.joining import People
from bot.policy.evaluate import evaluate
from bot.ports import Clock
from bot.waiters.registry import Waiters
from models.approval import ApprovalRequest, IdempotentCheck
from models.enums import Level
from models.values import ActionRequest, CheckAnswer, Decision, JsonObject, Refusal, RefusalKind

ROUNDS = 20
"""How often a check is taken again when the policy or another check moved under it, before it is refused as busy."""

OVERTAKEN = (IntegrityError, TransactionRollbackError)
"""Another check got to the rendezvous or the key first, or PostgreSQL ended a deadlock (with a token's rotation)."""

_Standing: TypeAlias = lifecycle.Join | lifecycle.Claim | lifecycle.Report | lifecycle.Reject
"""How an earlier request answers a repeat; what is left of lifecycle.Rendezvous when no new request is due."""

MAX_WAIT = 600.0
"""Seconds that a check or a look may be held (docs/http-hook.md)."""


class GateBusy(Exception):
    """The check could not be settled in ROUNDS rounds. Nothing was allowed."""


class EnforcementEngine:
    def __init__(
        self,
        directory: Directory,
        journal: Journal,
        ledger: Ledger,
        approvals: ApprovalService,
        people: People,
        waiters: Waiters,
        bell: Bell,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._journal = journal
        self._ledger = ledger
        self._approvals = approvals
        self._people = people
        self._waiters = waiters
        self._bell = bell
        self._clock = clock
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
        Raises CredentialRefused, NotCanonical, KeyInUse, KeyMismatch, GateBusy, JournalFault.
        """
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
        return await self._hold(ask, answer, wait, listening) if wait > 0 else answer

    async def rehearse(self, caller: Caller, request: ActionRequest) -> Decision:
        """What a check would decide. Nothing is recorded, nobody is asked, nothing is allowed."""
        action_digest(request)
        await self._directory.refresh()
        return decide(await self._directory.agent(caller), request)

    async def look(self, caller: Caller, approval_id: UUID, *, wait: float = 0) -> JsonObject | None:
        """The approval as the agent sees it, held while it may still change; None when it is not this agent's."""
        approval = await ApprovalRequest.get_or_none(id=approval_id, agent_id=caller.agent_id)
        if approval is None:
            return None
        if wait > 0 and answers.may_change(approval):
            await self._wait_for(approval_id, wait)
            await self._directory.refresh()
            await self._directory.agent(caller)  # a token that ended during the wait learns nothing more
            await approval.refresh_from_db()
        return answers.approval_json(approval)

    async def claim(self, caller: Caller, approval_id: UUID, digest: str) -> CheckAnswer | Refusal:
        """The one go-ahead, by id. A policy that denies the action by now takes it back.

        Raises CredentialRefused, GateBusy.
        """
        for _ in range(ROUNDS):
            known = await self._directory.agent(caller)
            approval = await ApprovalRequest.get_or_none(id=approval_id, agent_id=caller.agent_id)
            if approval is None:
                return Refusal(RefusalKind.UNKNOWN_APPROVAL, detail=str(approval_id))
            outcome = await self._claim_by_id(known, approval, digest)
            if outcome is not None:
                return outcome
            await self._directory.refresh()
        raise GateBusy

    async def _claim_by_id(
        self, known: KnownAgent, approval: ApprovalRequest, digest: str
    ) -> CheckAnswer | Refusal | None:
        """The go-ahead or why not; None when the policy moved meanwhile."""
        decision = decide(known, stored_request(approval))
        async with self._ledger.transaction() as work:
            if await hold_epoch() != known.epoch:
                return None
            if decision.level is Level.DENY:
                outcome: Claimed | Refusal = Refusal(RefusalKind.DENIED_NOW)
            else:
                outcome = await self._approvals.claim_in(work, approval, digest)
            if isinstance(outcome, Refusal):
                self._approvals.audit_refusal(work, f"agent:{known.facts.id}", outcome, approval)
                return outcome
            return answers.claimed(approval.check_id, decision, approval)

    async def _wait_for(self, approval_id: UUID, wait: float) -> ApprovalRequest | None:
        """The approval once it can change no more, or None after `wait` seconds."""

        async def settled() -> ApprovalRequest | None:
            approval = await ApprovalRequest.get(id=approval_id)
            return None if answers.may_change(approval) else approval

        return await self._waiters.wait(approval_id, settled, min(wait, MAX_WAIT))

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
        """The stored answer of a repeated key, or how its approval stands; no go-ahead that the policy denies now."""
        answer = answers.from_json(json.loads(stored.answer)) if stored.answer else None
        decision = decide(known, ask.request)
        if decision.level is Level.DENY and (answer is None or answer.allowed):
            return await self._record(ask, known, decision)
        if answer is not None:
            return answer if await current_epoch() == known.epoch else None
        approval = await ApprovalRequest.get(id=stored.approval_id)
        decision = Decision(Level.L3, approval.rule, approval.policy_version, "the same Idempotency-Key")
        due = self._due(approval)
        if not isinstance(due, lifecycle.Fresh):
            return await self._continue(ask, known, decision, approval, due)
        await self._close_stale(approval)
        await approval.refresh_from_db()
        return await self._note(ask, known, decision, approval, "check.answered")

    async def _decide(self, ask: Ask, known: KnownAgent) -> CheckAnswer | None:
        decision = decide(known, ask.request)
        if decision.level is not Level.L3:
            return await self._record(ask, known, decision)
        rendezvous = rendezvous_of(known.facts.id, ask.request.session, ask.digest)
        met = await self._met(rendezvous)
        if met is not None:
            due = self._due(met)
            if not isinstance(due, lifecycle.Fresh):
                return await self._continue(ask, known, decision, met, due)
            await self._close_stale(met)
        return await self._open(ask, known, decision, rendezvous, previous=met)

    async def _met(self, rendezvous: str) -> ApprovalRequest | None:
        """The request that repeats must join, else the latest. Attempts count on even where the clock steps back."""
        joined = await ApprovalRequest.get_or_none(rendezvous=rendezvous)
        return joined or await ApprovalRequest.filter(rendezvous_key=rendezvous).order_by("-attempt").first()

    def _due(self, approval: ApprovalRequest) -> lifecycle.Rendezvous:
        return lifecycle.rendezvous(approval.facts(), self._clock.now(), self._approvals.times.rejection_cooldown)

    async def _continue(
        self, ask: Ask, known: KnownAgent, decision: Decision, approval: ApprovalRequest, due: _Standing
    ) -> CheckAnswer | None:
        """The answer that an earlier request for the same action gives."""
        match due:
            case lifecycle.Join():
                return await self._note(ask, known, decision, approval, "check.joined")
            case lifecycle.Claim():
                return await self._claim(ask, known, decision, approval)
            case lifecycle.Report():
                return await self._report(ask, known, decision, approval)
            case lifecycle.Reject():
                return await self._note(ask, known, decision, approval, "check.denied")
            case unreachable:
                assert_never(unreachable)

    async def _close_stale(self, approval: ApprovalRequest) -> None:
        """A request whose time is over makes room for a new one without waiting for the next tick."""
        if approval.rendezvous is not None:
            await self._approvals.expire(approval.id)
            await ApprovalRequest.filter(
                id=approval.id, claim_expires_at__lte=self._clock.now(), claimed_at=None
            ).update(rendezvous=None)

    async def _record(self, ask: Ask, known: KnownAgent, decision: Decision) -> CheckAnswer | None:
        """L1, L2 and DENY: committed with many others; None when the policy moved, or the key was taken, meanwhile."""
        answer = answers.decided(ask.check_id, ask.digest, decision)
        told = await self._approvals.telling.executing(known, ask.request, decision, self._clock.now())
        record = CheckRecord(
            epoch=known.epoch,
            fact=self._fact(ask, known, decision, "check.allowed" if answer.allowed else "check.denied"),
            outbox=told.messages,
            notifications=told.lines,
            idempotent=row_of(ask, answer, self._clock.now()),
        )
        if await self._journal.record(record) is not Recorded.COMMITTED:
            return None
        await store(ask, answer)
        if told.messages:
            self._bell.ring()
        return answer

    async def _open(
        self, ask: Ask, known: KnownAgent, decision: Decision, rendezvous: str, previous: ApprovalRequest | None
    ) -> CheckAnswer | None:
        """A new approval request, in one transaction with its audit and its card; None when the ground moved."""
        async with self._ledger.transaction() as work:
            if await hold_epoch() != known.epoch:
                return None
            approval = await self._approvals.open(
                work,
                known,
                ask.request,
                decision,
                digest=ask.digest,
                check_id=ask.check_id,
                rendezvous=rendezvous,
                attempt=previous.attempt + 1 if previous else 1,
            )
            answer = answers.of_approval(ask.check_id, decision, approval)
            work.audit(self._fact(ask, known, decision, "check.pending", approval.id))
            await keep(ask, answer, work.now, approval)
            return answer

    async def _note(
        self, ask: Ask, known: KnownAgent, decision: Decision, approval: ApprovalRequest, action: str
    ) -> CheckAnswer | None:
        """A check that an existing request answers; recorded like any other check."""
        answer = answers.of_approval(ask.check_id, decision, approval)
        record = CheckRecord(
            epoch=known.epoch,
            fact=self._fact(ask, known, decision, action, approval.id),
            idempotent=row_of(ask, answer, self._clock.now(), approval),
        )
        if await self._journal.record(record) is not Recorded.COMMITTED:
            return None
        await store(ask, answer)
        return answer

    async def _claim(
        self, ask: Ask, known: KnownAgent, decision: Decision, approval: ApprovalRequest
    ) -> CheckAnswer | None:
        """The repeat of an approved call takes the one go-ahead; None when another call took it first."""
        async with self._ledger.transaction() as work:
            if await hold_epoch() != known.epoch:
                return None
            outcome = await self._approvals.claim_in(work, approval, ask.digest)
            if isinstance(outcome, Refusal):
                return None
            answer = answers.claimed(ask.check_id, decision, approval)
            work.audit(self._fact(ask, known, decision, "check.allowed", approval.id))
            await keep(ask, answer, work.now, approval)
            return answer

    async def _report(
        self, ask: Ask, known: KnownAgent, decision: Decision, approval: ApprovalRequest
    ) -> CheckAnswer | None:
        """The service executes: the agent gets state and result. A finished result is handed over once."""
        async with self._ledger.transaction() as work:
            if await hold_epoch() != known.epoch:
                return None
            await approval.refresh_from_db()
            if approval.execution.finished:
                kept = ApprovalRequest.filter(id=approval.id, claimed_at=None)
                if not await kept.update(rendezvous=None, claimed_at=work.now):
                    return None
            answer = answers.of_approval(ask.check_id, decision, approval)
            await keep(ask, answer, work.now, approval)
            work.audit(self._fact(ask, known, decision, "check.reported", approval.id))
            return answer

    async def _hold(self, ask: Ask, answer: CheckAnswer, wait: float, listening: Callable[[], bool]) -> CheckAnswer:
        """Waits while there is something to wait for, then repeats the check once in the agent's name."""
        if not answers.unfinished(answer) or answer.approval_id is None:
            return answer
        await self._wait_for(answer.approval_id, wait)
        ask = replace(ask, bound=ask.key is not None)
        for _ in range(ROUNDS):
            await self._directory.refresh()
            known = await self._directory.agent(ask.caller)
            approval = await ApprovalRequest.get(id=answer.approval_id)
            if answers.may_change(approval) or not listening():
                return answers.of_approval(ask.check_id, _decision_of(answer), approval)
            collected = await self._collect(ask, known, _decision_of(answer), approval)
            if collected is not None:
                return collected
        raise GateBusy

    async def _collect(
        self, ask: Ask, known: KnownAgent, decision: Decision, approval: ApprovalRequest
    ) -> CheckAnswer | None:
        """What the wait was for; None when the policy, or another check, moved under it."""
        match self._due(approval):
            case lifecycle.Claim():
                current = decide(known, ask.request)
                if current.level is Level.DENY:
                    return await self._record(ask, known, current)
                return await self._claim(ask, known, decision, approval)
            case lifecycle.Report():
                return await self._report(ask, known, decision, approval)
            case _:
                answer = answers.of_approval(ask.check_id, decision, approval)
                await store(ask, answer)
                return answer

    def _fact(
        self, ask: Ask, known: KnownAgent, decision: Decision, action: str, approval_id: UUID | None = None
    ) -> AuditFact:
        details: JsonObject = {
            "level": decision.level.value,
            "rule": decision.rule,
            "policy_version": decision.policy_version,
            "reason": decision.reason,
            "action_digest": ask.digest,
            "request": as_json(ask.request),
        }
        return AuditFact(
            tenant=known.facts.tenant,
            actor=f"agent:{known.facts.id}",
            action=action,
            subject=f"check:{ask.check_id}",
            details=details,
            agent_id=known.facts.id,
            approval_id=approval_id,
        )


def decide(known: KnownAgent, request: ActionRequest) -> Decision:
    """The policy's decision; a paused agent is denied everything."""
    if known.facts.paused:
        return Decision(Level.DENY, None, known.policy.version, "the agent is paused")
    return evaluate(known.policy, request)


def _decision_of(answer: CheckAnswer) -> Decision:
    return Decision(answer.level, answer.rule, answer.policy_version or 0, "asked before")
