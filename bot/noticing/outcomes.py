"""What an agent says of an action that it ran without being asked about; a failure is always told to its creator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal
from uuid import UUID

from tortoise.exceptions import IntegrityError

from bot import outbox
from bot.directory import Caller
from bot.hindsight.locating import locate
from bot.ledger import Ledger, Work
from bot.noticing.runs import Run, as_run, view_of
from bot.outbox import Bell
from bot.people.joining import People
from cards.running import failed_notice
from cards.views import Notice
from models.agent import Agent
from models.audit import AuditEntry
from models.enums import Employment
from models.inbound import InboundRecord
from models.notification import Notification
from models.user import User
from models.values import Json, JsonObject, Refusal, RefusalKind

Ended = Literal["succeeded", "failed"]

TITLE_LIMIT = 200  # characters of an inbox line's title


@dataclass(frozen=True, slots=True)
class Reported:
    """The outcome is recorded."""

    check_id: UUID
    status: str
    at: datetime


class RunOutcomes:
    def __init__(self, ledger: Ledger, people: People, bell: Bell, zone: tzinfo) -> None:
        self._ledger = ledger
        self._people = people
        self._bell = bell
        self._zone = zone

    async def report(
        self, caller: Caller, check_id: UUID, status: Ended, result: Json, error: str | None
    ) -> Reported | Refusal:
        """The outcome of a run that was allowed at once, recorded once. The same report again is answered alike.

        An approved action is reported to its approval instead: then the refusal is NOT_APPROVED.
        """
        located = await locate(self._people, caller, str(check_id))
        entry = getattr(located, "entry", None)
        if not isinstance(entry, AuditEntry) or entry.subject != f"check:{check_id}":
            return Refusal(RefusalKind.UNKNOWN_SUBJECT, detail=str(check_id))
        if entry.action != "check.allowed" or entry.approval_id is not None:
            return Refusal(RefusalKind.NOT_APPROVED, detail=str(check_id))
        run = as_run(await Agent.get(id=caller.agent_id), check_id, entry)
        try:
            return await self._record(run, status, result, error)
        except IntegrityError:  # the same report came twice at once
            return await self._record(run, status, result, error)

    async def _record(self, run: Run, status: Ended, result: Json, error: str | None) -> Reported | Refusal:
        key = f"outcome:{run.check_id}"
        async with self._ledger.transaction() as work:
            known = await InboundRecord.get_or_none(key=key)
            if known is not None:
                if known.kind != f"outcome.{status}":
                    return Refusal(RefusalKind.OUTCOME_KNOWN, at=known.received_at, detail=known.kind[8:])
                return Reported(run.check_id, status, known.received_at)
            await InboundRecord.create(key=key, kind=f"outcome.{status}", received_at=work.now)
            details: JsonObject = {"status": status, "result": result, "error": error}
            work.audit(run.fact(f"agent:{run.agent.id}", "run.finished", details))
            if status == "failed":
                await self._tell(work, run, error)
            return Reported(run.check_id, status, work.now)

    async def _tell(self, work: Work, run: Run, error: str | None) -> None:
        """The creator; where that person left or is frozen, the admins."""
        creator = await self._people.user(run.agent.creator_id)
        people = [creator] if _reads(creator) else await self._people.admins(run.agent.tenant)
        view = await view_of(run, work.now, self._zone)
        for person in filter(_reads, people):
            app_id = run.agent.app_id if person.id == creator.id else None  # admins may not be in the agent's app
            await self._tell_one(work, run, person, failed_notice(view, error, person.language), app_id)
        work.after_commit(self._bell.ring)

    async def _tell_one(self, work: Work, run: Run, person: User, notice: Notice, app_id: str | None) -> None:
        message = outbox.text(
            tenant=run.agent.tenant,
            person_id=person.id,
            app_id=app_id or self._people.default_app_id,
            text=notice.text,
            now=work.now,
            dedupe=f"run-failed:{run.check_id}:{person.id}",
        )
        await outbox.add([message])
        await Notification.create(
            tenant=run.agent.tenant,
            person_id=person.id,
            type="run.failed",
            title=notice.title[:TITLE_LIMIT],
            body=notice.body,
            created_at=work.now,
        )


def _reads(person: User) -> bool:
    """Whether anybody reads what is sent to this account."""
    return person.employment is Employment.ACTIVE
