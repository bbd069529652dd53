"""The worker's promises: each message at least once and in order, whatever happens to workers, leases and clocks."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from bot.delivery import lanes
from bot.delivery.results import DELIVERED
from bot.delivery.worker import SENDING, Worker
from bot.ports import FeishuMisconfigured, FeishuUnavailable
from models.enums import OutboxState, Role
from models.tables import Notification, OutboxMessage
from tests.support.office import Office, state_of


async def claimed(office: Office, owner: str, limit: int = 10) -> list[OutboxMessage]:
    now = office.gate.clock.now()
    return await lanes.claim(owner, now, lease=timedelta(seconds=60), kinds=SENDING, limit=limit)


async def test_three_workers_deliver_each_message_once_and_each_lane_in_order(office: Office) -> None:
    people = [await office.person(f"P{number}") for number in range(12)]
    for number in range(5):
        for person in people:
            await office.say(person, f"{person.name} {number}")
    workers = [office.worker(sending=8) for _ in range(3)]
    running = [asyncio.create_task(worker.run()) for worker in workers]
    await office.gateway.until(60)
    for worker in workers:
        worker.stop()
    await asyncio.gather(*running)

    assert office.gateway.calls.count("send") == 60
    for person in people:
        said = [text for text in office.gateway.texts if text.startswith(f"{person.name} ")]
        assert said == [f"{person.name} {number}" for number in range(5)]
    assert await OutboxMessage.filter(state=OutboxState.DELIVERED).count() == 60


async def test_of_several_claimants_one_gets_each_message(office: Office) -> None:
    people = [await office.person(f"P{number}") for number in range(20)]
    for person in people:
        await office.say(person, "hello")
    got = await asyncio.gather(*(claimed(office, f"w{number}", 20) for number in range(6)))
    ids = [message.id for messages in got for message in messages]
    assert len(ids) == len(set(ids)) == 20


async def test_a_lane_that_backs_off_holds_itself_and_no_other(office: Office) -> None:
    ann, ben = await office.person("Ann"), await office.person("Ben")
    first = await office.say(ann, "first")
    await office.say(ann, "second")
    await office.say(ben, "third")
    office.gateway.at["u_ann"] = FeishuUnavailable("502")
    await office.deliver()
    assert office.gateway.texts == ["third"]
    assert (await state_of(first)).state is OutboxState.WAITING

    office.gateway.at.clear()
    office.gate.clock.move(seconds=2)
    await office.deliver()
    assert office.gateway.texts == ["third", "first", "second"]


async def test_one_app_that_is_set_up_wrongly_holds_no_messages_of_another(office: Office) -> None:
    ann = await office.person("Ann")
    office.gateway.apps["cli_broken"] = FeishuMisconfigured("app secret invalid", code=10014)
    stuck = await office.say(ann, "by the broken app", app_id="cli_broken")
    await office.say(ann, "by the sound app")
    await office.deliver()
    assert office.gateway.texts == ["by the sound app"]
    assert (await state_of(stuck)).state is OutboxState.WAITING


async def test_an_expired_lease_is_taken_over_and_a_valid_one_is_not(office: Office) -> None:
    message = await office.say(await office.person("Ann"), "hello")
    assert [one.id for one in await claimed(office, "crashed")] == [message.id]
    office.gate.clock.move(seconds=59)
    assert await lanes.take_back(office.gate.clock.now()) == 0
    assert await office.deliver() == 0
    office.gate.clock.move(seconds=1)
    assert await lanes.take_back(office.gate.clock.now()) == 1
    await office.deliver()
    assert office.gateway.texts == ["hello"]
    assert (await state_of(message)).attempts == 2
    assert json.loads((await state_of(message)).payload)["unsure"] is True


async def test_a_prolonged_lease_is_not_taken_over(office: Office) -> None:
    message = await office.say(await office.person("Ann"), "hello")
    await claimed(office, "slow")
    office.gate.clock.move(seconds=50)
    await lanes.extend("slow", [message.id], office.gate.clock.now() + timedelta(seconds=60))
    office.gate.clock.move(seconds=50)
    assert await lanes.take_back(office.gate.clock.now()) == 0


async def test_whoever_lost_the_lease_writes_nothing(office: Office) -> None:
    await office.say(await office.person("Ann"), "hello")
    [late] = await claimed(office, "slow")
    office.gate.clock.move(seconds=61)
    await lanes.take_back(office.gate.clock.now())
    [now_held] = await claimed(office, "quick")
    async with office.gate.ledger.transaction() as work:
        assert not await lanes.settle(work, late, DELIVERED)
    assert (await state_of(late)).lease_owner == "quick"
    async with office.gate.ledger.transaction() as work:
        assert await lanes.settle(work, now_held, DELIVERED)


async def test_the_schedule_of_attempts_honours_retry_after(office: Office) -> None:
    message = await office.say(await office.person("Ann"), "hello")
    office.gateway.faults["send"].append(FeishuUnavailable("slow down", code=99991400, retry_after=40))
    before = office.gate.clock.now()
    await office.deliver()
    waiting = await state_of(message)
    assert timedelta(seconds=40) <= waiting.due_at - before <= timedelta(seconds=48)
    assert waiting.fault == "FeishuUnavailable: slow down"
    assert "unsure" not in json.loads(waiting.payload)  # Feishu said no; nothing can have arrived


async def test_what_is_given_up_is_discarded_audited_and_told_to_the_admins_once(office: Office) -> None:
    ann, admin = await office.person("Ann"), await office.person("Root", role=Role.ORG_ADMIN)
    first, second = await office.say(ann, "first"), await office.say(ann, "second")
    await OutboxMessage.filter(id__in=[first.id, second.id]).update(attempts=30)
    office.gateway.faults["send"].extend([FeishuUnavailable("502"), FeishuUnavailable("502")])
    await office.deliver()
    assert (await state_of(first)).state is OutboxState.DISCARDED
    assert (await state_of(second)).state is OutboxState.DISCARDED
    assert len(await office.gate.audited("delivery.failed")) == 2
    [alert] = office.gateway.messages
    assert alert.to is not None and alert.to.id == "u_root"
    assert "Ann" in (alert.text or "")
    assert await Notification.filter(person_id=admin.id, type="delivery.failed").count() == 1


async def test_an_alert_that_fails_alerts_nobody(office: Office) -> None:
    ann = await office.person("Ann")
    await office.person("Root", role=Role.ORG_ADMIN)
    await office.person("Other", role=Role.ORG_ADMIN)
    office.gateway.unreachable |= {"u_ann", "ou_ann", "u_root", "ou_root"}
    await office.say(ann, "hello")
    await office.deliver()
    assert len(office.gateway.messages) == 1  # to the other admin; nothing about the alert to Root
    assert len(await office.gate.audited("delivery.failed")) == 2
    assert await OutboxMessage.filter(state=OutboxState.WAITING).count() == 0


async def test_a_wrongly_set_up_app_loses_nothing_and_is_told_once(office: Office) -> None:
    ann = await office.person("Ann")
    await office.person("Root", role=Role.ORG_ADMIN)
    message = await office.say(ann, "hello", app_id="cli_broken")
    office.gateway.apps["cli_broken"] = FeishuMisconfigured("app disabled", code=99991662)
    for _ in range(60):
        await office.deliver()
        office.gate.clock.move(minutes=6)
    waiting = await state_of(message)
    assert waiting.state is OutboxState.WAITING
    assert waiting.attempts == 0  # uncounted: the schedule of outages begins afresh after the mending
    assert len(await office.gate.audited("app.misconfigured")) == 1
    assert len([text for text in office.gateway.texts if "app disabled" in text]) == 1
    office.gateway.apps.clear()
    await office.deliver()
    assert (await state_of(message)).state is OutboxState.DELIVERED
    assert office.gateway.texts[-1] == "hello"


async def test_stopping_ends_what_is_begun(office: Office) -> None:
    message = await office.say(await office.person("Ann"), "hello")
    office.gateway.hold = asyncio.Event()
    worker = office.worker()
    running = asyncio.create_task(worker.run())
    await office.gateway.entered.wait()
    worker.stop()
    office.gateway.hold.set()
    await running
    assert (await state_of(message)).state is OutboxState.DELIVERED


async def test_stopping_gives_back_what_does_not_end_in_time(office: Office) -> None:
    message = await office.say(await office.person("Ann"), "hello")
    office.gateway.hold = asyncio.Event()
    worker = office.worker(patience=0.05)
    running = asyncio.create_task(worker.run())
    await office.gateway.entered.wait()
    worker.stop()
    await running
    given_back = await state_of(message)
    assert given_back.state is OutboxState.WAITING
    assert given_back.lease_owner is None
    office.gateway.hold = None
    await office.deliver()  # at once, not after the lease
    assert office.gateway.texts == ["hello"]


async def test_a_cancelled_worker_gives_its_leases_back(office: Office) -> None:
    message = await office.say(await office.person("Ann"), "hello")
    office.gateway.hold = asyncio.Event()
    running = asyncio.create_task(office.worker(patience=0.05).run())
    await office.gateway.entered.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await state_of(message)).state is OutboxState.WAITING


async def test_a_fault_of_ours_holds_one_lane_and_not_the_worker(office: Office) -> None:
    ann, ben = await office.person("Ann"), await office.person("Ben")
    broken = await office.say(ann, "broken")
    await OutboxMessage.filter(id=broken.id).update(payload="{}")
    await office.say(ben, "sound")
    await office.deliver()
    assert office.gateway.texts == ["sound"]
    held = await state_of(broken)
    assert (held.state, held.fault) == (OutboxState.WAITING, "KeyError")


async def test_a_backward_clock_step_repeats_nothing(office: Office) -> None:
    ann = await office.person("Ann")
    await office.say(ann, "before")
    await office.deliver()
    office.gate.clock.move(hours=-1)
    assert await lanes.take_back(office.gate.clock.now()) == 0
    await office.say(ann, "after")
    await office.deliver()
    assert office.gateway.texts == ["before", "after"]


async def test_draining_goes_on_when_what_was_taken_ends_before_the_look_is_over(office: Office) -> None:
    class Dawdler(Worker):
        async def take(self) -> int:
            begun = await super().take()
            if tasks := self._tasks():
                await asyncio.wait(tasks)
                await asyncio.sleep(0)  # they leave their slots
            return begun

    ann = await office.person("Ann")
    for number in range(3):
        await office.say(ann, str(number))
    gate = office.gate
    assert await Dawdler(gate.ledger, office.delivery.deliver, gate.bell, gate.clock).drain() == 3
    assert office.gateway.texts == ["0", "1", "2"]
