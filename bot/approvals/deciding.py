"""A person's word on an approval request: locked, decided by the rules, written; once, whatever races it.

The row is locked from the first look to the commit (SQLite has one writer at a time anyway). So of two approvals at
the same instant the second sees the first, and nobody approves an action that is being changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from asyncpg import TransactionRollbackError
from tortoise.exceptions import IntegrityError
from tortoise.expressions import F

from bot import lifecycle
from bot.amending import Edits
from bot.approvals.changing import Change, Changing
from bot.approvals.refusing import refused
from bot.approvals.settling import Settling, acted
from bot.approvals.values import AlreadyDone, Consenting, Resolved
from bot.consenting import consents_to, deciding_facts
from bot.ledger import Ledger, Work, approval_fact
from bot.seen import first_time
from bot.telling import Telling
from cards.presets import instructed, preset
from models.approval import ApprovalRequest, CardCopy, Consent
from models.enums import ApprovalStatus, Verdict, Via
from models.values import ApprovalFacts, Operator, Refusal, RefusalKind, Resolution

TRIES = 3
"""Of one press: the same event twice at once, or PostgreSQL ending a deadlock."""


class Overtaken(Exception):
    """A conditional update met another state than was decided upon. Nothing of this transaction may stay."""


OVERTAKEN = (Overtaken, IntegrityError, TransactionRollbackError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What one person said about one approval request, and how."""

    approval_id: UUID
    verdict: Verdict | None
    operator: Operator
    via: Via
    reason: str | None = None
    code: str | None = None
    clicked_message: str | None = None
    event_key: str | None = None
    preset: str | None = None
    edits: Edits | None = None


class Deciding:
    def __init__(self, ledger: Ledger, telling: Telling, settling: Settling, changing: Changing) -> None:
        self._ledger = ledger
        self._telling = telling
        self._settling = settling
        self._changing = changing

    async def hear(self, word: Word) -> Resolved | Consenting | Refusal | AlreadyDone:
        """The word is settled and committed, or refused; both are audited."""
        for _ in range(TRIES - 1):
            try:
                return await self._hear(word)
            except OVERTAKEN:
                continue
        return await self._hear(word)

    async def _hear(self, word: Word) -> Resolved | Consenting | Refusal | AlreadyDone:
        async with self._ledger.transaction() as work:
            await self._changing.hold(word.edits)
            seen = word.event_key is not None and not await first_time(work, word.event_key)
            approval = await ApprovalRequest.filter(id=word.approval_id).select_for_update().first()
            if approval is None:
                unknown = Refusal(RefusalKind.UNKNOWN_APPROVAL, detail=str(word.approval_id))
                return refused(work, word.operator, unknown)
            facts = await deciding_facts(approval)
            ruled, change = await self._rule(work, word, approval, facts)
            if isinstance(ruled, Refusal) and ruled.kind is RefusalKind.NOT_YOURS:
                return refused(work, word.operator, ruled, approval)
            if seen:
                return AlreadyDone(approval.id)
            if isinstance(ruled, Refusal):
                return refused(work, word.operator, ruled, approval)
            if change is not None and not await self._changing.apply(work, approval, change, word.operator):
                raise Overtaken
            if isinstance(ruled, lifecycle.Consented):
                return await self._consent(work, word, approval, ruled)
            return await self._resolve(work, word, approval, ruled)

    async def _rule(
        self, work: Work, word: Word, approval: ApprovalRequest, facts: ApprovalFacts
    ) -> tuple[Resolution | lifecycle.Consented | Refusal, Change | None]:
        """The outcome by the rules, and the change of the arguments that comes with it."""
        ruled = self._by_rules(work, word, facts, await _code_of(word, approval))
        stale = isinstance(ruled, Refusal) and ruled.kind is RefusalKind.WRONG_CODE and word.via is Via.CARD
        if stale and approval.original_digest is not None:
            ruled = Refusal(RefusalKind.EDITED, by=await _who_changed(approval))
        again = isinstance(ruled, Refusal) and ruled.kind is RefusalKind.CONSENTED
        if word.edits is None or word.verdict is not Verdict.APPROVE or (isinstance(ruled, Refusal) and not again):
            return ruled, None
        change = await self._changing.propose(approval, word.edits, work.now)
        if isinstance(change, Refusal):
            return change, None
        if change is None:
            return ruled, None
        return self._by_rules(work, word, change.of(facts), None), change

    @staticmethod
    def _by_rules(
        work: Work, word: Word, facts: ApprovalFacts, code: str | None
    ) -> Resolution | lifecycle.Consented | Refusal:
        reason = word.reason
        if word.preset is not None:
            if preset(word.preset) is None or word.verdict is not Verdict.REJECT:
                unknown = lifecycle.resolve(facts, None, word.operator, work.now, via=word.via)
                return unknown if isinstance(unknown, Refusal) else Refusal(RefusalKind.UNKNOWN_VERDICT)
            reason = instructed(word.preset, reason)
        return lifecycle.resolve(facts, word.verdict, word.operator, work.now, via=word.via, reason=reason, code=code)

    async def _resolve(self, work: Work, word: Word, approval: ApprovalRequest, resolution: Resolution) -> Resolved:
        if word.preset is not None:
            await ApprovalRequest.filter(id=approval.id, status=ApprovalStatus.PENDING).update(preset=word.preset)
        if not await self._settling.settle(work, approval, resolution, word.clicked_message):
            raise Overtaken
        return Resolved(approval.id, resolution)

    async def _consent(
        self, work: Work, word: Word, approval: ApprovalRequest, consented: lifecycle.Consented
    ) -> Consenting:
        """One of several approvals is written down; the same person's second meets the unique index."""
        operator = word.operator
        await Consent.create(
            approval_id=approval.id,
            person_id=operator.id,
            person_name=operator.name,
            action_digest=approval.action_digest,
            via=word.via,
            at=consented.at,
        )
        pending = ApprovalRequest.filter(
            id=approval.id,
            status=ApprovalStatus.PENDING,
            action_digest=approval.action_digest,
            expires_at__gt=work.now,
        )
        if not await pending.update(revision=F("revision") + 1):
            raise Overtaken
        await acted(approval, operator, work.now)
        await approval.refresh_from_db()
        work.audit(
            approval_fact(
                approval,
                f"user:{operator.id}",
                "approval.consented",
                {
                    "via": word.via.value,
                    "action_digest": approval.action_digest,
                    "needed": approval.approvals_needed,
                    "missing": consented.missing,
                },
            )
        )
        await self._telling.changed(work, approval, word.clicked_message)
        return Consenting(approval.id, consented.at, consented.missing)


async def _code_of(word: Word, approval: ApprovalRequest) -> str | None:
    """Which action the person had in view.

    A card says so itself. Where the client lost it, and the arguments were changed once, only a card that shows the
    present state is believed.
    """
    if word.code is not None or word.via is not Via.CARD or word.verdict is not Verdict.APPROVE:
        return word.code
    if approval.original_digest is None:
        return None
    shown = word.clicked_message is not None and await CardCopy.exists(
        approval_id=approval.id, message_id=word.clicked_message, shown_revision=approval.revision
    )
    return approval.action_digest if shown else ""


async def _who_changed(approval: ApprovalRequest) -> str:
    """Whose version of the arguments stands: the first who approved it."""
    consents = await consents_to(approval)
    return consents[0].person_name if consents else approval.resolver_name or "?"
