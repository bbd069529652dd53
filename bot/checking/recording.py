"""What a check leaves behind: its audit, the notices of it, the answer kept for its Idempotency-Key."""

from __future__ import annotations

from uuid import UUID

from bot import answers, outbox
from bot.asking.parsing import as_json
from bot.checking.deciding import freeze_in_force
from bot.checking.idempotency import Ask, keep, row_of, store
from bot.directory import KnownAgent
from bot.granting.values import Used
from bot.journal.flushing import CheckRecord, Journal, Recorded
from bot.ledger import AuditFact, Work
from bot.outbox import Bell
from bot.ports import Clock
from bot.telling import Telling
from models.approval import ApprovalRequest
from models.enums import Layer
from models.values import CheckAnswer, Decision, Json, JsonObject


class Recorder:
    def __init__(self, journal: Journal, telling: Telling, bell: Bell, clock: Clock) -> None:
        self._journal = journal
        self._telling = telling
        self._bell = bell
        self._clock = clock

    async def decided(self, ask: Ask, known: KnownAgent, decision: Decision) -> CheckAnswer | None:
        """L1, L2 and DENY: committed with many others; None when the policy moved, or the key was taken, meanwhile."""
        ask, now = _kept(ask, decision), self._clock.now()
        answer = self._answer(ask, known, decision)
        told = await self._telling.executing(known, ask.request, decision, ask.check_id, now)
        record = CheckRecord(
            epoch=known.epoch,
            fact=check_fact(ask, known, decision, "check.allowed" if answer.allowed else "check.denied"),
            outbox=told.messages,
            notifications=told.lines,
            idempotent=row_of(ask, answer, now),
        )
        if await self._journal.record(record) is not Recorded.COMMITTED:
            return None
        await store(ask, answer)
        if told.messages:
            self._bell.ring()
        return answer

    async def decided_in(
        self, work: Work, ask: Ask, known: KnownAgent, decision: Decision, used: Used | None = None
    ) -> CheckAnswer:
        """The same within `work`, which holds the epoch; `used` is the grant under which it runs.

        Raises IntegrityError when the key was taken meanwhile.
        """
        ask = _kept(ask, decision)
        answer = self._answer(ask, known, decision)
        if used is not None:
            told = await self._telling.spared(known, used.view, work.now)
        else:
            told = await self._telling.executing(known, ask.request, decision, ask.check_id, work.now)
        work.audit(check_fact(ask, known, decision, "check.allowed" if answer.allowed else "check.denied"))
        await outbox.add(told.messages)
        for line in told.lines:
            await line.save(force_create=True)
        await keep(ask, answer, work.now)
        if told.messages:
            work.after_commit(self._bell.ring)
        return answer

    async def noted(
        self, ask: Ask, known: KnownAgent, decision: Decision, approval: ApprovalRequest, action: str
    ) -> CheckAnswer | None:
        """A check that an existing request answers; recorded like any other check."""
        answer = answers.of_approval(ask.check_id, decision, approval)
        record = CheckRecord(
            epoch=known.epoch,
            fact=check_fact(ask, known, decision, action, approval.id),
            idempotent=row_of(ask, answer, self._clock.now(), approval),
        )
        if await self._journal.record(record) is not Recorded.COMMITTED:
            return None
        await store(ask, answer)
        return answer

    def _answer(self, ask: Ask, known: KnownAgent, decision: Decision) -> CheckAnswer:
        freeze = freeze_in_force(known, self._clock.now()) if decision.layer is Layer.FREEZE else None
        return answers.decided(ask.check_id, ask.digest, decision, freeze)


def check_fact(
    ask: Ask, known: KnownAgent, decision: Decision, action: str, approval_id: UUID | None = None
) -> AuditFact:
    details: JsonObject = {
        "level": decision.level.value,
        "rule": decision.rule,
        "policy_version": decision.policy_version,
        "reason": decision.reason,
        "layer": decision.layer.value,
        "action_digest": ask.digest,
        "request": as_json(ask.request),
    }
    return AuditFact(
        tenant=known.facts.tenant,
        actor=f"agent:{known.facts.id}",
        action=action,
        subject=f"check:{ask.check_id}",
        details=details | _more(decision),
        agent_id=known.facts.id,
        approval_id=approval_id,
    )


def _more(decision: Decision) -> JsonObject:
    """What is only written where it says something."""
    matched: list[Json] = list(decision.matched)
    faults: list[Json] = list(decision.faults)
    said: JsonObject = {
        "floor_version": decision.floor_version,
        "floor_rule": decision.floor_rule,
        "floor_level": decision.floor_level.value if decision.floor_rule is not None else None,
        "matched": matched or None,
        "faults": faults or None,
        "grant_id": str(decision.grant_id) if decision.grant_id else None,
        "would_be": decision.would_be.value if decision.would_be else None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _kept(ask: Ask, decision: Decision) -> Ask:
    """A freeze ends: what it refuses is not kept as the answer for good."""
    return ask.without_key() if decision.layer is Layer.FREEZE else ask
