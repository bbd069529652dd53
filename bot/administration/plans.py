"""Asking plans of tenants: each change a new version with its author, for every question that is opened after it.

Everybody may read the plan of the own tenant, for all are asked by it; only its admins may write it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from bot.administration.actors import Actor
from bot.administration.grounds import author_name
from bot.administration.saving import AUTHOR_LIMIT, HISTORY_LIMIT, NOTE_LIMIT
from bot.administration.values import Declined, PlanSaved, VersionLine, Why
from bot.digest import NotCanonical, canonical
from bot.directory import UNWRITTEN
from bot.ledger import AuditFact, Work
from bot.people.joining import People
from bot.plans import AskingPlan, PlanFault, parse_plan, plan_document
from bot.policy.diff import Change, ChangeKind
from bot.policy.lint import Finding, Severity
from models.asking import AskingPlanVersion
from models.enums import Nudge
from models.values import Json, JsonObject, Refusal, RefusalKind

PLAN = "plan"
HISTORY = 20  # versions shown unless told otherwise
WHOLE = "whole plan"


class PlanAdministration:
    """`tenant` None: the actor's."""

    def __init__(self, people: People, starter: AskingPlan) -> None:
        """`starter` is in force where nobody wrote a plan."""
        self._people = people
        self._starter = starter

    async def show(self, actor: Actor, *, tenant: str | None = None) -> PlanSaved | Refusal:
        """What is in force, with who wrote it and when."""
        tenant = tenant or actor.tenant
        if not actor.may_read(tenant):
            return _not_permitted()
        return await self._saved(tenant, await self._newest(tenant), changed=False)

    async def version(
        self, actor: Actor, version: int | None, *, tenant: str | None = None
    ) -> AskingPlan | Refusal | Declined:
        """What this version said; None: the one in force, 0: the starter plan."""
        tenant = tenant or actor.tenant
        if not actor.may_read(tenant):
            return _not_permitted()
        if version is None:
            return self._read(await self._newest(tenant))
        return await self._version(tenant, version)

    async def save(
        self,
        work: Work,
        actor: Actor,
        written: Json,
        *,
        expected: int | None = None,
        note: str | None = None,
        tenant: str | None = None,
    ) -> PlanSaved | Refusal | Declined:
        """The plan is what was written. Refused when another version than `expected` is in force.

        Raises IntegrityError when somebody else wrote one at the same time: bot.administration.in_one_transaction.
        """
        plan = self.draft(written)
        return plan if isinstance(plan, Declined) else await self._save(work, actor, plan, expected, note, tenant)

    async def rollback(
        self, work: Work, actor: Actor, to: int, *, expected: int | None = None, tenant: str | None = None
    ) -> PlanSaved | Refusal | Declined:
        """A new version that says what version `to` said; 0 is the starter plan."""
        if not actor.administers(tenant or actor.tenant):
            return _not_permitted()
        plan = await self._version(tenant or actor.tenant, to)
        if isinstance(plan, Declined):
            return plan
        return await self._save(work, actor, plan, expected, f"rollback to v{to}", tenant, rolled_back_to=to)

    async def history(
        self, actor: Actor, *, limit: int = HISTORY, tenant: str | None = None
    ) -> list[VersionLine] | Refusal:
        """The versions, newest first, each with what it changed."""
        tenant = tenant or actor.tenant
        if not actor.may_read(tenant):
            return _not_permitted()
        limit = min(max(limit, 1), HISTORY_LIMIT)
        rows = await AskingPlanVersion.filter(tenant=tenant).order_by("-version").limit(limit + 1)
        plans = [*(self._read(row) for row in rows), self._starter]
        return [
            VersionLine(
                row.version,
                await author_name(row.author),
                row.created_at,
                row.note,
                diff_plans(plans[place + 1], plans[place]),
            )
            for place, row in enumerate(rows[:limit])
        ]

    def draft(self, written: Json) -> AskingPlan | Declined:
        """The plan that would be saved, without saving it."""
        try:
            plan = parse_plan(written, standard=self._starter.default)
            canonical(plan_document(plan))
        except PlanFault as fault:
            return Declined(Why.BAD_PLAN, PLAN, tuple(f"{path or PLAN}: {detail}" for path, detail in fault.faults))
        except NotCanonical as fault:
            return Declined(Why.BAD_PLAN, PLAN, (str(fault),))
        return plan

    async def _save(
        self,
        work: Work,
        actor: Actor,
        plan: AskingPlan,
        expected: int | None,
        note: str | None,
        tenant: str | None,
        *,
        rolled_back_to: int | None = None,
    ) -> PlanSaved | Refusal | Declined:
        tenant = tenant or actor.tenant
        if not actor.administers(tenant):
            return _not_permitted()
        newest = await self._newest(tenant)
        present = self._read(newest)
        if expected is not None and expected != present.version:
            by = await author_name(newest.author) if newest else None
            at = newest.created_at if newest else None
            return Refusal(RefusalKind.VERSION_MOVED, by=by, at=at, detail=str(present.version))
        document = plan_document(plan)
        if newest is not None and document == plan_document(present):
            return await self._saved(tenant, newest, changed=False)
        row = await AskingPlanVersion.create(
            tenant=tenant,
            version=present.version + 1,
            document=canonical(document).decode(),
            author=actor.name[:AUTHOR_LIMIT],
            note=(note or WHOLE)[:NOTE_LIMIT],
            created_at=work.now,
        )
        details: JsonObject = {"version": row.version, "note": row.note, "plan": document}
        if rolled_back_to is not None:
            details["rolled_back_to"] = rolled_back_to
        work.audit(AuditFact(tenant, actor.name, "plan.saved", f"tenant:{tenant}", details))
        return await self._saved(tenant, row, changed=True, changes=diff_plans(present, self._read(row)))

    async def _saved(
        self, tenant: str, row: AskingPlanVersion | None, *, changed: bool, changes: tuple[Change, ...] = ()
    ) -> PlanSaved:
        plan = self._read(row)
        author, at = await _origin(row)
        return PlanSaved(
            tenant=tenant,
            plan=plan,
            author=author,
            at=at,
            changed=changed,
            changes=changes,
            findings=await self._findings(tenant, plan),
            note=row.note if row else None,
        )

    async def _findings(self, tenant: str, plan: AskingPlan) -> tuple[Finding, ...]:
        """Whoever is named and not known yet: asked all the same, by e-mail address, unless it is a slip of the pen.

        And each way to remind that nobody opted in to: the next softer one is taken.
        """
        return tuple(
            [
                Finding(Severity.WARNING, path, f"nobody is known as {email} yet", "unknown_person")
                for path, email in _emails(plan)
                if await self._people.find(tenant, email) is None
            ]
            + [Finding(Severity.WARNING, path, f"budgets has no {nudge}", "no_budget") for path, nudge in _unpaid(plan)]
        )

    async def _version(self, tenant: str, version: int) -> AskingPlan | Declined:
        if version == UNWRITTEN:
            return self._starter
        row = await AskingPlanVersion.get_or_none(tenant=tenant, version=version) if 0 < version < 2**31 else None
        return self._read(row) if row else Declined(Why.NO_SUCH_VERSION, str(version)[:20])

    def _read(self, row: AskingPlanVersion | None) -> AskingPlan:
        if row is None:
            return self._starter
        return parse_plan(json.loads(row.document), standard=self._starter.default, version=row.version)

    @staticmethod
    async def _newest(tenant: str) -> AskingPlanVersion | None:
        return await AskingPlanVersion.filter(tenant=tenant).order_by("-version").first()


def diff_plans(old: AskingPlan, new: AskingPlan) -> tuple[Change, ...]:
    """Place by place, in the order of the new version, what is gone last."""
    before, after = dict(_leaves(plan_document(old))), dict(_leaves(plan_document(new)))
    changes = [
        Change(ChangeKind.CHANGED if path in before else ChangeKind.ADDED, path, before.get(path), value)
        for path, value in after.items()
        if before.get(path) != value
    ]
    return (*changes, *(Change(ChangeKind.REMOVED, path, was) for path, was in before.items() if path not in after))


def _leaves(value: Json, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text, number and list of texts, under the path by which faults name it."""
    match value:
        case dict() if value:
            for name, inner in value.items():
                yield from _leaves(inner, f"{path}.{name}" if path else name)
        case list() if any(isinstance(inner, dict) for inner in value):
            for place, inner in enumerate(value):
                yield from _leaves(inner, f"{path}[{place}]")
        case dict() | list():
            yield path, ", ".join(str(inner) for inner in value) or "-"
        case _:
            yield path, json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value


def _unpaid(plan: AskingPlan) -> Iterator[tuple[str, Nudge]]:
    """Each way to remind that has no budget, with the first place where it is used."""
    seen: set[Nudge] = set()
    for where, steps in plan.written_steps():
        for number, step in enumerate(steps):
            if step.nudge is not None and not plan.budgets[step.nudge] and step.nudge not in seen:
                yield f"{where}[{number}].nudge", step.nudge
                seen.add(step.nudge)


def _emails(plan: AskingPlan) -> Iterator[tuple[str, str]]:
    """Everybody whom the plan names by address, once, with the first place."""
    seen: set[str] = set()
    for name, members in plan.groups.items():
        for place, email in enumerate(members):
            if email not in seen:
                yield f"groups.{name}[{place}]", email
            seen.add(email)
    for where, steps in plan.written_steps():
        for number, step in enumerate(steps):
            for ref in step.ask:
                email = ref.removeprefix("person:")
                if email != ref and email not in seen:
                    yield f"{where}[{number}].ask", email
                    seen.add(email)


async def _origin(row: AskingPlanVersion | None) -> tuple[str, datetime | None]:
    return (await author_name(row.author), row.created_at) if row else ("system", None)


def _not_permitted() -> Refusal:
    return Refusal(RefusalKind.NOT_PERMITTED, detail=PLAN, admins_only=True)
