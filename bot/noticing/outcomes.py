"""What an agent says of an action that it ran without being asked about; a failure is always told to its creator."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
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
from bot.ports import Clock
from bot.telling import TITLE_LIMIT
from cards.running import failed_notice
from cards.views import RunView
from models.agent import Agent
from models.audit import AuditEntry
from models.enums import Employment
from models.inbound import InboundRecord
from models.notification import Notification
from models.outbox import OutboxMessage
from models.user import User
from models.values import Json, JsonObject, Refusal, RefusalKind

Ended = Literal["succeeded", "failed"]

OUTCOME = "outcome."
"""Before the status, in the kind of the record that one report was taken."""

TAKEN_FOR = timedelta(days=30)
"""After the check; older runs are history."""

TRIES = 5  # of one report that others overtake


@dataclass(frozen=True, slots=True)
class Reported:
    """The outcome is recorded."""

    check_id: UUID
    status: str
    at: datetime


class RunOutcomes:
    def __init__(
        self, ledger: Ledger, people: People, bell: Bell, clock: Clock, zone: tzinfo, *, per_hour: int = 6
    ) -> None:
        """`per_hour`: failures of one agent that one person is told in the chat; all are in the inbox."""
        self._ledger = ledger
        self._people = people
        self._bell = bell
        self._clock = clock
        self._zone = zone
        self._per_hour = max(per_hour, 1)

    async def report(
        self, caller: Caller, check_id: UUID, status: Ended, result: Json, error: str | None
    ) -> Reported | Refusal:
        """The outcome of a run that was allowed at once, recorded once. The same report again is answered alike.

        An approved action is reported to its approval instead: then the refusal is NOT_APPROVED. EXPIRED: too late.
        """
        located = await locate(self._people, caller, str(check_id))
        entry = getattr(located, "entry", None)
        if not isinstance(entry, AuditEntry) or entry.subject != f"check:{check_id}":
            return Refusal(RefusalKind.UNKNOWN_SUBJECT, detail=str(check_id))
        if entry.action != "check.allowed" or entry.approval_id is not None:
            return Refusal(RefusalKind.NOT_APPROVED, detail=str(check_id))
        if entry.at < self._clock.now() - TAKEN_FOR:
            return Refusal(RefusalKind.EXPIRED, detail=str(check_id), at=entry.at + TAKEN_FOR)
        run = as_run(await Agent.get(id=caller.agent_id), check_id, entry)
        for _ in range(TRIES - 1):
            with suppress(IntegrityError):  # the same report came twice at once, or two took the same place in the hour
                return await self._record(run, status, result, error)
        return await self._record(run, status, result, error)

    async def _record(self, run: Run, status: Ended, result: Json, error: str | None) -> Reported | Refusal:
        key = f"outcome:{run.check_id}"
        async with self._ledger.transaction() as work:
            known = await InboundRecord.get_or_none(key=key)
            if known is not None:
                if known.kind != f"{OUTCOME}{status}":
                    return Refusal(
                        RefusalKind.OUTCOME_KNOWN, at=known.received_at, detail=known.kind.removeprefix(OUTCOME)
                    )
                return Reported(run.check_id, status, known.received_at)
            await InboundRecord.create(key=key, kind=f"{OUTCOME}{status}", received_at=work.now)
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
            notice = failed_notice(view, error, person.language)
            await Notification.create(
                tenant=run.agent.tenant,
                person_id=person.id,
                type="run.failed",
                title=notice.title[:TITLE_LIMIT],
                body=notice.body,
                created_at=work.now,
            )
            await self._say(work, run, person, view, error, app_id)
        work.after_commit(self._bell.ring)

    async def _say(
        self, work: Work, run: Run, person: User, view: RunView, error: str | None, app_id: str | None
    ) -> None:
        """In the chat, where this hour still has room for it; the last of an hour says that it is."""
        hour = f"run-failed:{run.agent.id}:{person.id}:{work.now:%Y%m%d%H}"
        places = [f"{hour}:{place}" for place in range(self._per_hour)]
        taken = {message.dedupe for message in await OutboxMessage.filter(dedupe__in=places).only("id", "dedupe")}
        free = [place for place in places if place not in taken]
        if not free:
            return
        message = outbox.text(
            tenant=run.agent.tenant,
            person_id=person.id,
            app_id=app_id or self._people.default_app_id,
            text=failed_notice(view, error, person.language, last=len(free) == 1).text,
            now=work.now,
            dedupe=free[0],
        )
        message.lane = f"notice:{person.id}"  # a failing agent never stands before anybody's questions
        await outbox.add([message])


def _reads(person: User) -> bool:
    """Whether anybody reads what is sent to this account."""
    return person.employment is Employment.ACTIVE
