"""People who decide about questions at the gate, and the plans by which they are asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.amending import Edits
from bot.approvals import AlreadyDone, Consenting, Resolved
from models.asking import AskingPlanVersion
from models.enums import Verdict, Via
from models.tables import ApprovalRequest, User
from models.values import CheckAnswer, Refusal
from tests.support.gate import Gate, operator

Outcome = Resolved | Consenting | Refusal | AlreadyDone

TWO_PEOPLE: Mapping[str, Any] = {
    "default": {"approvals": 2, "steps": [{"after": "0m", "ask": ["creator", "admins"]}], "open_for": "24h"}
}


async def write_plan(gate: Gate, plan: Mapping[str, Any], *, tenant: str = "default") -> None:
    version = 1 + await AskingPlanVersion.filter(tenant=tenant).count()
    await AskingPlanVersion.create(
        tenant=tenant, version=version, document=json.dumps(plan), author="test", created_at=gate.clock.now()
    )


async def row(answer: CheckAnswer) -> ApprovalRequest:
    return await ApprovalRequest.get(id=answer.approval_id)


async def decide(gate: Gate, answer: CheckAnswer, by: User, verdict: Verdict = Verdict.APPROVE, **more: Any) -> Outcome:
    """A press on the card that shows the present state, unless `code` says that it showed another."""
    assert answer.approval_id is not None
    approval = await row(answer)
    return await gate.approvals.resolve(
        answer.approval_id, verdict, operator(by), **({"via": Via.CARD, "code": approval.action_digest} | more)
    )


async def amend(gate: Gate, answer: CheckAnswer, by: User, texts: Mapping[int, str], **more: Any) -> Outcome:
    """The form's fields hold `texts`, and "approve as edited" is pressed."""
    return await decide(gate, answer, by, edits=Edits(texts, meant=True), **more)
