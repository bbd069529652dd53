"""What Feishu says of somebody's account, and what follows when it ends: questions go on, rights do not.

Only Feishu's own word counts (contact.user.deleted_v3, updated_v3, or the person's profile), never a failed delivery.
"""

from __future__ import annotations

from uuid import UUID

from bot import outbox
from bot.ledger import AuditFact, Work
from bot.outbox import Bell
from bot.people.joining import People
from bot.questioning import Questioning
from cards import absences as words
from models.agent import Agent
from models.enums import AgentStatus, Employment
from models.user import User
from models.values import JsonObject

_ACTIONS = {
    Employment.ACTIVE: "person.returned",
    Employment.FROZEN: "person.frozen",
    Employment.LEFT: "person.left",
}


class Employments:
    def __init__(self, people: People, questioning: Questioning, bell: Bell) -> None:
        self._people = people
        self._questioning = questioning
        self._bell = bell

    async def learn(self, work: Work, person_id: UUID, employment: Employment) -> bool:
        """Whether this was news. Open questions that only reached this person reach somebody else.

        The admins are told when agents lost their creator. Access tokens of somebody who is not active are refused
        (bot.administration.tokens); a delegation that was given or taken counts no longer (bot.people.recipients).
        """
        person = await self._people.user(person_id)
        if not await User.filter(id=person.id).exclude(employment=employment).update(employment=employment):
            return False
        handed: list[UUID] = []
        if employment is not Employment.ACTIVE:
            handed = await self._questioning.person_changed(work, person.id)
            await self._tell_admins(work, person, employment)
        details: JsonObject = {"name": person.name, "handed_on": [str(one) for one in handed]}
        work.audit(AuditFact(person.tenant, "system", _ACTIONS[employment], f"user:{person.id}", details))
        return True

    async def _tell_admins(self, work: Work, person: User, employment: Employment) -> None:
        agents = await Agent.filter(creator_id=person.id).exclude(status=AgentStatus.ARCHIVED).order_by("name")
        if not agents:
            return
        names = [agent.name for agent in agents]
        for admin in await self._people.admins(person.tenant):
            if admin.id == person.id or admin.employment is not Employment.ACTIVE:
                continue
            message = outbox.text(
                tenant=person.tenant,
                person_id=admin.id,
                app_id=self._people.default_app_id,
                text=words.creator_gone(person.name, employment, names, admin.language),
                now=work.now,
            )
            await outbox.add([message])
        work.after_commit(self._bell.ring)
