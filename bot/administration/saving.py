"""One history of versions: shown, told, and written so that of two writers at once neither overwrites the other.

The epoch moves first in the transaction that changes something. Its row is then locked, so that whoever else changes
rules waits, reads this change, and either builds on it or, having named the version that was expected, is refused.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.administration.actors import Actor
from bot.administration.grounds import FloorGround, Ground, Present, Saved, author_name, floor_in_force
from bot.administration.values import Declined, VersionLine, Why
from bot.digest import NotCanonical, canonical
from bot.directory import UNWRITTEN
from bot.epoch import move_epoch
from bot.ledger import AuditFact, Work
from bot.policy.diff import diff
from bot.policy.lint import Finding, lint
from bot.policy.parse import PolicyFault
from bot.policy.rules import Floor, Policy
from models.values import JsonObject, Refusal, RefusalKind

AUTHOR_LIMIT = 200
NOTE_LIMIT = 500
HISTORY_LIMIT = 500

P = TypeVar("P", Policy, Floor)


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of whichever of the two is named."""

    policy: Callable[[Policy], Policy]
    floor: Callable[[Floor], Floor]
    note: str
    rolled_back_to: int | None = None


async def save(
    work: Work,
    actor: Actor,
    ground: Ground[P],
    edit: Edit,
    change: Callable[[P], P],
    expected: int | None,
) -> Saved | Refusal | Declined:
    """Judged once without waiting for anybody, so that what changes nothing moves nothing; then again, alone."""
    seen = await ground.present()
    drafted = await _judge(ground, seen, change, expected)
    if not isinstance(drafted, _Drafted):
        return drafted
    await move_epoch()
    present = await ground.present()
    if present.version != seen.version:
        drafted = await _judge(ground, present, change, expected)
        if not isinstance(drafted, _Drafted):
            return drafted
    rules = drafted.rules.with_version(present.version + 1)
    note, author = edit.note[:NOTE_LIMIT], actor.name[:AUTHOR_LIMIT]
    await ground.write(rules, drafted.text, author=author, note=note, at=work.now)
    await ground.forget_counts()
    changes = diff(present.rules, rules)
    work.audit(_fact(ground, actor, rules, edit))
    saved = Present(rules, author, work.now, note)
    return ground.saved(saved, await author_name(author), True, changes, drafted.findings)


@dataclass(frozen=True, slots=True)
class _Drafted(Generic[P]):
    rules: P
    text: str  # canonical JSON
    findings: tuple[Finding, ...]  # looked for before the epoch is held, for every check waits for that


async def _judge(
    ground: Ground[P], present: Present[P], change: Callable[[P], P], expected: int | None
) -> _Drafted[P] | Saved | Refusal | Declined:
    if expected is not None and expected != present.version:
        by = await author_name(present.author)
        return Refusal(RefusalKind.VERSION_MOVED, by=by, at=present.at, detail=str(present.version))
    try:
        rules = change(present.rules)
        text = canonical(ground.document(rules)).decode()
    except (PolicyFault, NotCanonical) as fault:
        return Declined(Why.BAD_POLICY, ground.name, faults_of(fault))
    findings = await _findings(ground, rules)
    if present.version != UNWRITTEN and ground.document(rules) == ground.document(present.rules):
        return ground.saved(present, await author_name(present.author), False, (), findings)
    return _Drafted(rules, text, findings)


async def shown(ground: Ground[P]) -> Saved:
    present = await ground.present()
    findings = await _findings(ground, present.rules)
    return ground.saved(present, await author_name(present.author), False, (), findings)


async def version_of(ground: Ground[P], version: int | None) -> P | Declined:
    if version is None:
        return (await ground.present()).rules
    row = await ground.row(version) if 0 < version < 2**31 else None
    if row is not None:
        return ground.parse(json.loads(row.document), version=row.version)
    if version == UNWRITTEN and isinstance(ground, FloorGround):
        return ground.unwritten()
    return Declined(Why.NO_SUCH_VERSION, str(version)[:20])


async def history_of(ground: Ground[P], limit: int) -> list[VersionLine]:
    limit = min(max(limit, 1), HISTORY_LIMIT)
    rows = await ground.rows(limit=limit + 1)
    rules: list[P] = []
    for row in rows:
        rules.append(ground.parse(json.loads(row.document), version=row.version))
        await asyncio.sleep(0)  # a long policy takes its time, and there may be hundreds of versions
    rules.append(ground.unwritten())
    return [
        VersionLine(
            row.version, await author_name(row.author), row.created_at, row.note, diff(rules[place + 1], rules[place])
        )
        for place, row in enumerate(rows[:limit])
    ]


async def _findings(ground: Ground[P], rules: Policy | Floor) -> tuple[Finding, ...]:
    """In a thread: pairs of hundreds of rules are compared, and meanwhile checks go on."""
    floor = None if isinstance(rules, Floor) else await floor_in_force(ground.tenant)
    return await asyncio.to_thread(lint, rules, floor)


def _fact(ground: Ground[P], actor: Actor, rules: P, edit: Edit) -> AuditFact:
    details: JsonObject = {"name": ground.name, "version": rules.version, "note": edit.note}
    details["policy"] = ground.document(rules)
    if edit.rolled_back_to is not None:
        details["rolled_back_to"] = edit.rolled_back_to
    return AuditFact(
        tenant=ground.tenant,
        actor=actor.name,
        action=ground.saved_action,
        subject=ground.subject,
        details=details,
        agent_id=ground.agent_id,
    )


def faults_of(fault: PolicyFault | NotCanonical) -> tuple[str, ...]:
    if isinstance(fault, PolicyFault):
        return tuple(f"{path or 'policy'}: {detail}" for path, detail in fault.faults)
    return (str(fault),)
