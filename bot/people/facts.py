"""People as policies see them."""

from __future__ import annotations

from bot.people.joining import People, known_open_id
from models.feishu import FeishuIdentity
from models.user import User
from models.values import PersonFacts, Requester


async def person_facts(person: User) -> PersonFacts:
    ids: list[str] = []
    for row in await FeishuIdentity.filter(person_id=person.id).order_by("id"):
        ids += [one for one in (row.user_id, known_open_id(row), row.union_id) if one and one not in ids]
    return PersonFacts(person.id, person.name, person.email, person.role, tuple(ids))


async def requester_of(people: People, tenant: str, said: str | None) -> Requester | None:
    """For whom the agent says it acts, and who that is where we know it."""
    if said is None:
        return None
    person = await people.find(tenant, said)
    return Requester(said, await person_facts(person) if person else None)
