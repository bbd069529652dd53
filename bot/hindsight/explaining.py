"""Why a check was answered as it was, put together from what is recorded of it. Reads only; nothing is worded here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

from bot import answers
from bot.administration.values import Declined
from bot.asking.parsing import from_json
from bot.hindsight.locating import Located, Reader, locate
from bot.people.joining import People
from bot.policy.parse import PolicyFault, parse_floor, parse_policy
from bot.policy.rules import Rule
from bot.ports import Clock
from cards.mask import mask, mask_text
from models.agent import Agent
from models.approval import ApprovalRequest, CardCopy
from models.audit import AuditEntry
from models.enums import Layer, Level, OutboxKind
from models.grant import Grant
from models.notification import Notification
from models.outbox import OutboxMessage
from models.policy import FloorVersion, PolicyVersion
from models.user import User
from models.values import ActionRequest, JsonObject, Refusal, RefusalKind
from models.why import AskedPerson, PinnedVersion, Why, WhyApproval, WhyDelivery, WhyGrant, WhyStep

__all__ = ["Explaining", "Why"]

STEPS = 200  # of a timeline, the newest
DETAIL_LIMIT = 300  # characters

_TELLING = (
    *("level", "status", "refusal", "execution", "via", "missing", "reason", "error", "fault", "attempt", "state"),
)


class Explaining:
    def __init__(self, people: People, clock: Clock) -> None:
        self._people = people
        self._clock = clock

    async def why(self, reader: Reader, text: str) -> Why | Refusal | Declined:
        """What `text` names: a check or an approval request by its id or the beginning of it, or the code on a card.

        Whoever may not see it gets the refusal of an id that does not exist.
        """
        found = await locate(self._people, reader, text)
        if not isinstance(found, Located):
            return found
        details = _details(found)
        if details is None:
            return Refusal(RefusalKind.UNKNOWN_SUBJECT, detail=text)
        return await self._explain(found, details)

    async def _explain(self, found: Located, details: JsonObject) -> Why:
        entry, approval = found.entry, found.approval
        agent_id = entry.agent_id if entry is not None else approval.agent_id if approval is not None else None
        agent = await Agent.get(id=agent_id).select_related("creator")
        at = entry.at if entry is not None else approval.created_at if approval is not None else agent.created_at
        request = _request(details, approval)
        requester = await self._requester(agent.tenant, request, approval)
        policy = await PolicyVersion.get_or_none(agent_id=agent.id, version=_whole(details, "policy_version") or 0)
        floor_version = _whole(details, "floor_version")
        floor = await FloorVersion.get_or_none(tenant=agent.tenant, version=floor_version) if floor_version else None
        layer = Layer(str(details.get("layer") or Layer.POLICY.value))
        return Why(
            check_id=_check_id(found),
            at=at,
            now=self._clock.now(),
            outcome=entry.action if entry is not None else "approval.requested",
            agent=agent.name,
            creator=agent.creator.name,
            requester=requester.name if requester else request.requested_by,
            requester_known=requester is not None,
            request=request,
            action_digest=str(details.get("action_digest")),
            level=Level(str(details["level"])),
            rule=_text(details, "rule"),
            rule_note=_rule_note(layer, details, policy, floor),
            policy_version=_whole(details, "policy_version") or 0,
            layer=layer,
            reason=_text(details, "reason") or "",
            matched=_texts(details, "matched"),
            faults=_texts(details, "faults"),
            would_be=_level(details, "would_be"),
            floor_version=floor_version,
            floor_rule=_text(details, "floor_rule"),
            floor_level=_level(details, "floor_level"),
            policy=await _pinned(policy),
            floor=await _pinned(floor),
            approval=await _approval(approval) if approval is not None else None,
            grant=await _grant(_text(details, "grant_id")),
            timeline=await _timeline(entry, approval),
            deliveries=await _deliveries(approval) if approval is not None else (),
        )

    async def _requester(self, tenant: str, request: ActionRequest, approval: ApprovalRequest | None) -> User | None:
        if approval is not None and approval.requester_id is not None:
            return await self._people.user(approval.requester_id)
        return await self._people.find(tenant, request.requested_by) if request.requested_by else None


def _details(found: Located) -> JsonObject | None:
    """What the check recorded of its decision; for a request whose check is not found, what the request kept."""
    if found.entry is not None:
        details = json.loads(found.entry.details)
        return details if isinstance(details, dict) and "level" in details else None
    approval = found.approval
    if approval is None:
        return None
    return {
        "level": Level.L3.value,
        "rule": approval.rule,
        "policy_version": approval.policy_version,
        "floor_version": approval.floor_version,
        "layer": approval.layer.value,
        "action_digest": approval.action_digest,
    }


def _request(details: JsonObject, approval: ApprovalRequest | None) -> ActionRequest:
    written = details.get("request")
    if not isinstance(written, dict) and approval is not None:
        written = json.loads(approval.request)
    return from_json(written if isinstance(written, dict) else {})


def _check_id(found: Located) -> UUID | None:
    if found.entry is not None:
        return UUID(found.entry.subject.partition(":")[2])
    return found.approval.check_id if found.approval else None


def _rule_note(
    layer: Layer, details: JsonObject, policy: PolicyVersion | None, floor: FloorVersion | None
) -> str | None:
    """What its author wrote beside the rule that decided."""
    rules: tuple[Rule, ...] = ()
    try:
        if layer is Layer.FLOOR:
            rules = parse_floor(json.loads(floor.document)).rules if floor else ()
        elif policy is not None:
            rules = parse_policy(json.loads(policy.document), default=Level.DENY).rules
    except PolicyFault:
        return None
    name = _text(details, "floor_rule" if layer is Layer.FLOOR else "rule")
    return next((rule.note for rule in rules if rule.name == name), None)


async def _pinned(row: PolicyVersion | FloorVersion | None) -> PinnedVersion | None:
    if row is None:
        return None
    names = await _names([row.author])
    return PinnedVersion(row.version, names.get(row.author, row.author), row.created_at, row.note)


async def _approval(row: ApprovalRequest) -> WhyApproval:
    return WhyApproval(
        id=row.id,
        status=row.status,
        created_at=row.created_at,
        expires_at=row.expires_at,
        attempt=row.attempt,
        reminders=row.reminders_sent,
        executor=row.executor,
        execution=answers.execution_of(row),
        asked=await _asked(row.id),
        resolver=row.resolver_name,
        resolved_at=row.resolved_at,
        via=row.resolved_via,
        resolution_reason=row.resolution_reason,
        claimed_at=row.claimed_at,
    )


async def _asked(approval_id: UUID) -> tuple[AskedPerson, ...]:
    copies = await CardCopy.filter(approval_id=approval_id).order_by("id").select_related("person")
    lines = Notification.filter(approval_id=approval_id, read_at__isnull=False)
    seen: dict[UUID, datetime] = {}
    for person_id, read_at in await lines.order_by("-read_at").values_list("person_id", "read_at"):
        seen[person_id] = read_at
    return tuple(
        AskedPerson(
            person=copy.person.name,
            state=copy.state,
            sent_at=copy.sent_at,
            seen_at=min(filter(None, (copy.seen_at, seen.get(copy.person_id))), default=None),
            detail=copy.fault,
        )
        for copy in copies
    )


async def _grant(grant_id: str | None) -> WhyGrant | None:
    row = await Grant.get_or_none(id=grant_id).select_related("giver") if grant_id else None
    if row is None:
        return None
    return WhyGrant(
        id=row.id,
        kind=row.kind,
        giver=row.giver.name,
        created_at=row.created_at,
        expires_at=row.expires_at,
        uses=row.uses,
        max_uses=row.max_uses,
        revoked_at=row.revoked_at,
    )


async def _timeline(entry: AuditEntry | None, approval: ApprovalRequest | None) -> tuple[WhyStep, ...]:
    """The newest entries of the check and of its approval request, oldest first."""
    if approval is not None:
        rows = await AuditEntry.filter(approval_id=approval.id).order_by("-id").limit(STEPS)
    else:
        rows = [entry] if entry is not None else []
    names = await _names(row.actor for row in rows)
    return tuple(
        WhyStep(row.at, names.get(row.actor, row.actor), row.action, _told(json.loads(row.details)))
        for row in sorted(rows, key=lambda row: row.id)
    )


def _told(details: JsonObject) -> str | None:
    told = [f"{name}={details[name]}" for name in _TELLING if details.get(name) not in (None, "")]
    return mask_text("; ".join(filter(None, (" ".join(told), *_changes(details)))))[:DETAIL_LIMIT] or None


def _changes(details: JsonObject) -> Iterator[str]:
    """What a person made of the arguments before approving them."""
    names, before, after = (details.get(name) for name in ("arguments", "before", "after"))
    if isinstance(names, list) and isinstance(before, dict) and isinstance(after, dict):
        old, new = mask(before.get("args")), mask(after.get("args"))
        if isinstance(old, dict) and isinstance(new, dict):
            yield from (f"{name}: {old.get(str(name))} → {new.get(str(name))}" for name in names)


async def _deliveries(approval: ApprovalRequest) -> tuple[WhyDelivery, ...]:
    sent = OutboxMessage.filter(approval_id=approval.id).exclude(kind=OutboxKind.EXECUTE)
    rows = await sent.order_by("-id").limit(STEPS)
    names = await _names(f"user:{row.person_id}" for row in rows if row.person_id)
    return tuple(
        WhyDelivery(
            kind=row.kind,
            to=names.get(f"user:{row.person_id}"),
            created_at=row.created_at,
            state=row.state,
            attempts=row.attempts,
            done_at=row.done_at,
            fault=row.fault,
        )
        for row in reversed(rows)
    )


async def _names(actors: Iterable[str]) -> dict[str, str]:
    """The display name of every actor that is an agent or a person."""
    ids: dict[str, set[UUID]] = {"agent": set(), "user": set()}
    for actor in set(actors):
        kind, _, name = actor.partition(":")
        if kind in ids:
            ids[kind].add(UUID(name))
    agents = await Agent.filter(id__in=list(ids["agent"])).values_list("id", "name") if ids["agent"] else []
    people = await User.filter(id__in=list(ids["user"])).values_list("id", "name") if ids["user"] else []
    return {f"agent:{id_}": name for id_, name in agents} | {f"user:{id_}": name for id_, name in people}


def _text(details: JsonObject, name: str) -> str | None:
    value = details.get(name)
    return value if isinstance(value, str) else None


def _texts(details: JsonObject, name: str) -> tuple[str, ...]:
    value = details.get(name)
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def _whole(details: JsonObject, name: str) -> int | None:
    value = details.get(name)
    return value if isinstance(value, int) else None


def _level(details: JsonObject, name: str) -> Level | None:
    value = _text(details, name)
    return Level(value) if value else None
