"""One check in the making, and the answer that is kept for its Idempotency-Key (draft-ietf-httpapi-idempotency-key)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from bot import answers
from bot.asking.parsing import as_json
from bot.digest import action_digest, canonical
from bot.directory import Caller
from models.approval import ApprovalRequest, IdempotentCheck
from models.ids import new_id
from models.values import ActionRequest, CheckAnswer


class KeyInUse(Exception):
    """A check with the same Idempotency-Key is under way."""


class KeyMismatch(Exception):
    """The Idempotency-Key was used for another payload."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One check in the making."""

    caller: Caller
    request: ActionRequest
    digest: str
    check_id: UUID
    key: str | None  # SHA-256 of agent id and Idempotency-Key
    payload_hash: str
    bound: bool = False  # the key has its row, and the row is for this payload

    @classmethod
    def of(cls, caller: Caller, request: ActionRequest, idempotency_key: str | None) -> Ask:
        """Raises NotCanonical for a request that cannot be hashed."""
        payload = canonical(as_json(request))
        key = None
        if idempotency_key is not None:
            key = hashlib.sha256(f"{caller.agent_id}\n{idempotency_key}".encode()).hexdigest()
        return cls(caller, request, action_digest(request), new_id(), key, hashlib.sha256(payload).hexdigest())

    def without_key(self) -> Ask:
        """The same check, whose answer is not kept."""
        return replace(self, key=None, bound=False)


def row_of(
    ask: Ask, answer: CheckAnswer, now: datetime, approval: ApprovalRequest | None = None
) -> IdempotentCheck | None:
    """The row of a new key: it stands for the answer, or for the approval until the answer is decided."""
    if ask.key is None or ask.bound:
        return None
    open_yet = approval is not None and answers.unfinished(answer)
    return IdempotentCheck(
        key=ask.key,
        agent_id=ask.caller.agent_id,
        payload_hash=ask.payload_hash,
        approval_id=approval.id if approval is not None and open_yet else None,
        answer=None if open_yet else json.dumps(answers.as_json(answer)),
        created_at=now,
    )


async def keep(ask: Ask, answer: CheckAnswer, now: datetime, approval: ApprovalRequest | None = None) -> None:
    """Within a transaction: the key is written with what it stands for.

    Raises IntegrityError when the key was used meanwhile: then nothing of this round may stay.
    """
    row = row_of(ask, answer, now, approval)
    if row is not None:
        await row.save(force_create=True)
    await store(ask, answer)


async def store(ask: Ask, answer: CheckAnswer) -> None:
    """A key that stood for its approval stands for the decided answer from now on."""
    if ask.bound and not answers.unfinished(answer):
        await IdempotentCheck.filter(key=ask.key, answer=None).update(answer=json.dumps(answers.as_json(answer)))
