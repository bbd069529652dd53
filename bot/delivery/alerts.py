"""Telling the admins what could not be delivered: in their chat and in their web inbox, once for each cause."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, tzinfo
from uuid import UUID

from bot import outbox
from bot.ledger import Work
from bot.outbox import Bell
from bot.people.joining import People
from bot.views import ApprovalLinks
from cards import messages
from cards.views import UndeliverableView
from models.notification import Notification
from models.outbox import OutboxMessage
from models.user import User

_PREFIX = "alert:"
TYPE = "delivery.failed"


def is_alert(message: OutboxMessage) -> bool:
    """Whether this is itself an alert: one that fails causes no other."""
    return (message.dedupe or "").startswith(_PREFIX)


def daily(now: datetime, *cause: object) -> str:
    """The key of a cause that is worth telling once a day."""
    return ":".join([*(str(part) for part in cause), now.strftime("%Y%m%d")])


class Alerts:
    def __init__(self, people: People, links: ApprovalLinks, bell: Bell, zone: tzinfo) -> None:
        self._people = people
        self._links = links
        self._bell = bell
        self._zone = zone

    async def tell(
        self, work: Work, tenant: str, key: str, view: UndeliverableView, *, spare: UUID | None = None
    ) -> int:
        """How many admins are told now, in `work`. Nobody is told twice under one `key`; `spare` cannot be reached."""
        admins = [admin for admin in await self._people.admins(tenant) if admin.id != spare]
        dedupes = {admin.id: f"{_PREFIX}{key}:{admin.id}"[:160] for admin in admins}
        told = {message.dedupe for message in await OutboxMessage.filter(dedupe__in=list(dedupes.values()))}
        new = [admin for admin in admins if dedupes[admin.id] not in told]
        await self._write(work, tenant, new, dedupes, view)
        work.after_commit(self._bell.ring)
        return len(new)

    async def _write(
        self, work: Work, tenant: str, admins: list[User], dedupes: dict[UUID, str], view: UndeliverableView
    ) -> None:
        texts, lines = [], []
        for admin in admins:
            approval_id = view.approval_id
            url = self._links.approval(approval_id, admin.id, work.now) if approval_id else None
            notice = messages.undeliverable_alert(replace(view, details_url=url, zone=self._zone), admin.language)
            texts.append(
                outbox.text(
                    tenant=tenant,
                    person_id=admin.id,
                    app_id=self._people.default_app_id,
                    text=notice.text,
                    now=work.now,
                    approval_id=approval_id,
                    dedupe=dedupes[admin.id],
                )
            )
            lines.append(
                Notification(
                    tenant=tenant,
                    person_id=admin.id,
                    type=TYPE,
                    title=notice.title[:200],
                    body=notice.body,
                    link=f"/approvals/{approval_id}" if approval_id else None,
                    approval_id=approval_id,
                    created_at=work.now,
                )
            )
        if texts:  # another replica may have been quicker with the same cause
            await OutboxMessage.bulk_create(texts, ignore_conflicts=True)
            await Notification.bulk_create(lines)
