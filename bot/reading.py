"""What people may look at, read from the tables as values: an approval's page, an inbox, pending lines, audit lines.

Nothing is masked or worded here (cards.mask and the pages do), and nothing is decided.
"""

from __future__ import annotations

import json
from uuid import UUID

from tortoise.expressions import Q

from bot.approval_pages import ApprovalPage, names_of, page_of
from bot.consenting import seen_in_person
from bot.inboxes import InboxPage, inbox_of
from bot.ports import Clock
from bot.queueing.reading import queue_of
from cards.mask import mask_text
from cards.views import AuditLine
from models.agent import Agent
from models.approval import ApprovalRequest
from models.audit import AuditEntry
from models.enums import Role
from models.notification import Notification
from models.user import User
from models.values import JsonObject, Operator

PENDING_COUNTED = 50


def may_see(reader: Operator, *, tenant: str, creator_id: UUID, requester_id: UUID | None) -> bool:
    """Whether an approval's page is shown to this person."""
    return reader.id in (creator_id, requester_id) or reader.administers(tenant)


class Reading:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def reader(self, person_id: UUID) -> Operator | None:
        """Who reads; whoever was joined with another person is that other."""
        person = await User.get_or_none(id=person_id)
        while person is not None and person.joined_with is not None:
            person = await User.get_or_none(id=person.joined_with)
        if person is None:
            return None
        return Operator(person.id, person.tenant, person.role, person.name, person.language)

    async def approval_page(self, approval_id: UUID, person_id: UUID) -> ApprovalPage | None:
        """The whole page; None for who may not see it, just as for an approval that does not exist."""
        reader = await self.reader(person_id)
        approval = await ApprovalRequest.get_or_none(id=approval_id)
        if reader is None or approval is None:
            return None
        concerned = may_see(
            reader, tenant=approval.tenant, creator_id=approval.creator_id, requester_id=approval.requester_id
        )
        if not concerned and not await seen_in_person(reader.id).filter(approval_id=approval.id).exists():
            return None
        return await page_of(approval, reader, self._clock.now())

    async def inbox(self, person_id: UUID, *, before: UUID | None = None) -> InboxPage | None:
        """The person's inbox from the line after `before` on; None for a person who does not exist."""
        reader = await self.reader(person_id)
        if reader is None:
            return None
        return await inbox_of(reader, self._clock.now(), before=before)

    async def mark_read(self, person_id: UUID, line: UUID | None = None) -> int:
        """How many lines of the person's inbox are now read by this call: one, or all. The only thing written here."""
        reader = await self.reader(person_id)
        if reader is None:
            return 0
        unread = Notification.filter(person_id=reader.id, read_at__isnull=True)
        return await (unread.filter(id=line) if line else unread).update(read_at=self._clock.now())

    async def pending_count(self, operator: Operator) -> int:
        """How much waits for this person, as far as it is counted."""
        return min(len(await queue_of(operator.id, self._clock.now())), PENDING_COUNTED)

    async def audit_lines(
        self, operator: Operator, *, agent_id: UUID | None = None, approval_id: UUID | None = None, limit: int = 20
    ) -> list[AuditLine]:
        """The newest audit entries that this person may see, newest first.

        A platform admin sees all, an org admin the tenant's, anyone else those of the own agents and of the own acts.
        """
        entries = AuditEntry.all()
        if operator.role is Role.ORG_ADMIN:
            entries = entries.filter(tenant=operator.tenant)
        elif operator.role is not Role.PLATFORM_ADMIN:
            own = await Agent.filter(creator_id=operator.id).values_list("id", flat=True)
            entries = entries.filter(Q(agent_id__in=list(own)) | Q(actor=f"user:{operator.id}"))
        if agent_id is not None:
            entries = entries.filter(agent_id=agent_id)
        if approval_id is not None:
            entries = entries.filter(approval_id=approval_id)
        rows = await entries.order_by("-id").limit(limit)
        names = await names_of(row.actor for row in rows)
        return [
            AuditLine(
                at=row.at,
                actor=names.get(row.actor, row.actor),
                action=row.action,
                subject=row.subject,
                detail=_summary(json.loads(row.details)),
            )
            for row in rows
        ]


_TELLING = ("level", "rule", "status", "refusal", "execution", "via", "reason", "error")


def _summary(details: JsonObject) -> str | None:
    """The telling members of an entry's details on one line, secrets masked."""
    request = details.get("request")
    told = [f"action_type={request['action_type']}"] if isinstance(request, dict) and "action_type" in request else []
    told += [f"{name}={details[name]}" for name in _TELLING if details.get(name) not in (None, "")]
    return mask_text(" ".join(told))[:300] or None
