"""Reaching a person: every way that Feishu knows, best first, then by e-mail, then through the other apps."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from bot.people.joining import People
from bot.ports import (
    Clock,
    FeishuGateway,
    FeishuMisconfigured,
    OutgoingMessage,
    PayloadRefused,
    Receiver,
    ReceiverRefused,
    ReceiverType,
    SentMessage,
)


class Reach:
    def __init__(self, gateway: FeishuGateway, people: People, clock: Clock) -> None:
        self._gateway = gateway
        self._people = people
        self._clock = clock

    async def send(self, person_id: UUID, app_id: str, message: OutgoingMessage, *, uuid: str) -> SentMessage:
        """The message as it was sent, through this app or else another of the person's own.

        Raises ReceiverRefused when no way leads to the person, else the fault.
        """
        try:
            return await self._through(app_id, person_id, message, uuid)
        except ReceiverRefused as refused:
            for other in await self._people.other_apps(person_id, app_id):
                try:
                    return replace(await self._through(other, person_id, message, uuid), app_id=other)
                except (ReceiverRefused, FeishuMisconfigured):  # the first refusal says more
                    continue
            raise refused

    async def _through(self, app_id: str, person_id: UUID, message: OutgoingMessage, uuid: str) -> SentMessage:
        """Each id goes with its own receive_id_type (feishu-protocol 4.1), at last the one that the e-mail tells.

        A refused one was not sent, so the next may carry the same uuid.
        """
        refused = ReceiverRefused("no Feishu id and no e-mail address that Feishu knows")
        known = await self._people.receivers(person_id, app_id)
        for receiver in known:
            try:
                return await self._gateway.send(app_id, receiver, message, uuid=uuid)
            except ReceiverRefused as fault:
                refused = fault
        try:
            open_id = await self.learn(person_id, app_id)
        except (FeishuMisconfigured, PayloadRefused) as fault:  # a missing contact scope must not hide whom we lost
            raise ReceiverRefused(f"{refused}; and the e-mail look-up: {fault}", code=refused.code) from fault
        if open_id is None or (again := Receiver(ReceiverType.OPEN_ID, open_id)) in known:
            raise refused
        return await self._gateway.send(app_id, again, message, uuid=uuid)

    async def learn(self, person_id: UUID, app_id: str) -> str | None:
        """The person's open_id in this app by the e-mail address, remembered; None when Feishu knows none."""
        person = await self._people.user(person_id)
        if person.email is None:
            return None
        found = await self._gateway.open_ids_by_email(app_id, [person.email])
        open_id = found.get(person.email)
        if open_id is not None:
            await self._people.learn_open_id(person.id, app_id, open_id, self._clock.now())
        return open_id
