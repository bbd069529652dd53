"""All there is to know of one approval request: what its card shows, whole, and how it came to stand as it does.

Nothing is masked or worded here (cards.mask and the pages do), and nothing is decided.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from bot.comparing import changed_since
from bot.consenting import consents_to, deciding_facts
from bot.lifecycle import entitled
from bot.plans import QuestionPlan, from_json
from bot.stored import stored_request
from bot.views import Views, copy_view
from cards.views import ApprovalView, CopyView
from models.agent import Agent
from models.approval import ApprovalRequest, CardCopy
from models.audit import AuditEntry
from models.enums import ApprovalStatus, Delivery, Ending, Nudge
from models.user import User
from models.values import ActionRequest, Json, JsonObject, Operator

TIMELINE_STEPS = 200
AUDIT_ENTRIES = 200
"""Newest first; a page says how many there are in all."""


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """Something that happened to an approval request, as its audit entry tells it."""

    at: datetime
    actor: str  # display name
    actor_kind: str  # agent, user, system, cli, link
    action: str
    details: JsonObject


@dataclass(frozen=True, slots=True)
class ChainedEntry:
    """Where an audit entry stands in its chain."""

    at: datetime
    writer: str
    seq: int
    hash: str
    actor: str
    action: str


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """When the question's plan asks whom, and how everyone who has not answered is reminded."""

    at: datetime
    ask: tuple[str, ...]  # creator, backup, group:NAME … as the plan has it
    nudge: Nudge | None
    taken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonAsked:
    """One person who was asked, how far the question got there, and what the person made of it so far."""

    copy: CopyView
    reads: bool  # is the reader
    consented_at: datetime | None = None
    snoozed_until: datetime | None = None  # while that lies ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPage:
    """Arguments, reason and result are whole and unmasked. `view` is what the reader's card is drawn from."""

    reader: Operator
    view: ApprovalView
    request: ActionRequest
    check_id: UUID
    may_decide: bool  # the reader, by the card or the command
    delivery: Delivery
    delivery_detail: str | None
    people: tuple[PersonAsked, ...]
    steps: tuple[PlannedStep, ...]  # none for a question from before there were plans
    ending: Ending
    timeline: tuple[TimelineStep, ...]  # oldest first
    names: Mapping[str, str]  # of the people whom the timeline mentions, by id
    entries: tuple[ChainedEntry, ...]  # oldest first
    entries_total: int


class _Unlinked:
    """The page does not link to itself."""

    def approval(self, approval_id: UUID, person_id: UUID, now: datetime) -> str:
        return ""


_VIEWS = Views(_Unlinked())


async def page_of(approval: ApprovalRequest, reader: Operator, now: datetime) -> ApprovalPage:
    """The page as this reader sees it; who may see it was settled before."""
    view = await _VIEWS.of(approval, now, person_id=reader.id)
    if view.status is not ApprovalStatus.PENDING:  # the page goes on telling what was new about it
        view = replace(view, changed=await changed_since(approval))
    plan = from_json(approval.plan) if approval.plan else None
    timeline, names = await _timeline(approval.id)
    entries, total = await _entries(approval.id)
    return ApprovalPage(
        reader=reader,
        view=view,
        request=stored_request(approval),
        check_id=approval.check_id,
        may_decide=await _may_decide(approval, view, reader, now),
        delivery=approval.delivery,
        delivery_detail=approval.delivery_detail,
        people=await _people(approval, reader, now),
        steps=tuple(_steps(approval, plan)) if plan else (),
        ending=plan.ending if plan else Ending.EXPIRE,
        timeline=timeline,
        names=names,
        entries=entries,
        entries_total=total,
    )


async def _may_decide(approval: ApprovalRequest, view: ApprovalView, reader: Operator, now: datetime) -> bool:
    """Whether an approval by this reader would count now."""
    if approval.status is not ApprovalStatus.PENDING or approval.expires_at <= now or view.consented:
        return False
    if approval.duties_separated and reader.id == approval.requester_id:
        return False
    return entitled(await deciding_facts(approval), reader)


async def _people(approval: ApprovalRequest, reader: Operator, now: datetime) -> tuple[PersonAsked, ...]:
    rows = await CardCopy.filter(approval_id=approval.id).order_by("id").select_related("person")
    consents = {one.person_id: one.at for one in await consents_to(approval)}
    return tuple(
        PersonAsked(
            copy=copy_view(row),
            reads=row.person_id == reader.id,
            consented_at=consents.get(row.person_id),
            snoozed_until=row.snoozed_until if row.snoozed_until and row.snoozed_until > now else None,
        )
        for row in rows
    )


def _steps(approval: ApprovalRequest, plan: QuestionPlan) -> Iterator[PlannedStep]:
    """The steps of its plan that come before it closes; `reminders_sent` counts those after the first."""
    for place, step in enumerate(plan.steps):
        at = approval.created_at + step.after
        if at < approval.expires_at:
            yield PlannedStep(at, step.ask, step.nudge, place <= approval.reminders_sent)


async def _timeline(approval_id: UUID) -> tuple[tuple[TimelineStep, ...], dict[str, str]]:
    """What happened, and the names of the people who are mentioned.

    Every check repeats the whole request in its details, so checks are not even loaded.
    """
    told = AuditEntry.filter(approval_id=approval_id).exclude(action__startswith="check.")
    rows = await told.order_by("-id").limit(TIMELINE_STEPS)
    names = await names_of(row.actor for row in rows)
    steps = tuple(
        TimelineStep(row.at, names.get(row.actor, row.actor), row.actor.split(":")[0], row.action, details)
        for row in reversed(rows)
        if isinstance(details := json.loads(row.details), dict)
    )
    mentioned = {f"user:{one}" for step in steps for one in _mentioned(step.details)}
    people = await names_of(mentioned)
    return steps, {actor.removeprefix("user:"): name for actor, name in people.items()}


def _mentioned(details: JsonObject) -> Iterator[str]:
    """The ids of people in the details of an entry about asking, reminding or seeing."""
    asked = details.get("asked")
    members: list[Json] = [details, *(asked if isinstance(asked, list) else [])]
    for member in members:
        if isinstance(member, dict):
            yield from (one for key in ("person", "instead_of", "absent") if isinstance(one := member.get(key), str))


async def _entries(approval_id: UUID) -> tuple[tuple[ChainedEntry, ...], int]:
    """The newest entries with their place in the chain, and how many there are."""
    own = AuditEntry.filter(approval_id=approval_id)
    rows = await own.only("id", "at", "writer", "seq", "hash", "actor", "action").order_by("-id").limit(AUDIT_ENTRIES)
    names = await names_of(row.actor for row in rows)
    entries = tuple(
        ChainedEntry(row.at, row.writer, row.seq, row.hash, names.get(row.actor, row.actor), row.action)
        for row in reversed(rows)
    )
    return entries, await own.count()


async def names_of(actors: Iterable[str]) -> dict[str, str]:
    """The display name of every actor that is an agent or a person."""
    ids: dict[str, set[UUID]] = {"agent": set(), "user": set()}
    for actor in set(actors):
        kind, _, name = actor.partition(":")
        if kind in ids and (found := _uuid(name)):
            ids[kind].add(found)
    agents = await Agent.filter(id__in=list(ids["agent"])).values_list("id", "name") if ids["agent"] else []
    people = await User.filter(id__in=list(ids["user"])).values_list("id", "name") if ids["user"] else []
    return {f"agent:{id_}": name for id_, name in agents} | {f"user:{id_}": name for id_, name in people}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
