"""Random lives through the whole service (tests.lives): some of them in each run, and that their laws can be broken."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bot.simulator.state import Buzz
from models.enums import ApprovalStatus, Nudge, OutboxState
from models.ids import new_id
from models.tables import ApprovalRequest, AuditEntry, CardCopy, NudgeDay, OutboxMessage
from tests.lives.agents import ask
from tests.lives.laws import Broken, judge
from tests.lives.living import end, live
from tests.lives.town import Town, town_standing
from tests.support.feishu import Feishu

LIVES = 24
Tamper = Callable[[Town], Awaitable[None]]


@pytest.mark.parametrize("seed", [11])
async def test_random_lives_end_lawfully(database_url: str, seed: int) -> None:
    lived = await live(database_url, lives=LIVES, seed=seed)
    assert lived.lives >= LIVES
    assert lived.counted["cards compared"] > LIVES, "few have one reader only"
    assert min(lived.counted[status.value] for status in (ApprovalStatus.APPROVED, ApprovalStatus.EXPIRED)) > 0


@pytest.fixture
async def town(sqlite_url: str) -> AsyncIterator[Town]:
    """Four lives are over, one of them by a person's yes."""
    async with town_standing(sqlite_url, 1) as standing:
        for _ in range(4):
            await ask(standing)
        await standing.settled()
        await _approve_something(standing.feishu)
        await end(standing)
        await judge(standing)
        yield standing


async def _approve_something(feishu: Feishu) -> None:
    for card in feishu.messages(type="interactive"):
        name = next((each for each in feishu.buttons(card) if each.startswith("approve")), None)
        if name is not None:
            click = await feishu.click(card, name, by=card.chat.people[0])
            assert click.code == 0, click.answer.why
        if await ApprovalRequest.filter(status=ApprovalStatus.APPROVED).exists():
            return
    raise AssertionError("nothing could be approved")


async def _still_open(town: Town) -> None:
    await ApprovalRequest.filter(id=town.lives[0].approval_id).update(status=ApprovalStatus.PENDING)


async def _lying_card(town: Town) -> None:
    copy = await CardCopy.filter(is_card=True, message_id__not_isnull=True).first()
    assert copy is not None
    message = town.feishu.world.message(copy.message_id or "")
    changed = message.card
    changed["header"]["title"]["content"] = "something else"
    message.content = json.dumps(changed)


async def _forgotten_card(town: Town) -> None:
    """As when a card was sent twice, and only one of the two is remembered."""
    chat = town.feishu.p2p(town.people[0])
    button = {"tag": "button", "name": "approve:1", "text": {"tag": "plain_text", "content": "yes"}}
    card = {"schema": "2.0", "body": {"elements": [button]}}
    town.feishu.world.add_message(chat, town.feishu.app, "interactive", json.dumps(card))


async def _two_go_aheads(town: Town) -> None:
    town.lives[0].go_aheads = 2


async def _too_many_reminders(town: Town) -> None:
    chat = town.feishu.p2p(town.people[0])
    for _ in range(7):
        town.feishu.world.add_message(chat, town.feishu.app, "text", json.dumps({"text": "【提醒】again"}))


async def _too_many_buzzes(town: Town) -> None:
    message = town.feishu.messages(to=town.people[0])[0]
    message.buzzes += [Buzz(town.people[0], "urgent_sms", town.clock.now())] * 2


async def _overspent(town: Town) -> None:
    day = town.clock.now().date()
    await NudgeDay.create(person_id=new_id(), day=day, nudge=Nudge.URGENT_PHONE, used=1)


async def _pinned(town: Town) -> None:
    town.feishu.app.pinned.add(town.people[0].key)


async def _one_was_enough(town: Town) -> None:
    approved = ApprovalRequest.filter(status=ApprovalStatus.APPROVED)
    assert await approved.update(approvals_needed=3)


async def _decided_by_nobody_asked(town: Town) -> None:
    approval = await ApprovalRequest.filter(resolved_by_id__not_isnull=True).first()
    assert approval is not None
    stranger = await town.house.person(town.feishu.stranger)
    await ApprovalRequest.filter(id=approval.id).update(resolved_by_id=stranger.id)


async def _left_in_the_outbox(town: Town) -> None:
    assert await OutboxMessage.filter(state=OutboxState.DELIVERED).limit(1).update(state=OutboxState.WAITING)


async def _seen_unread(town: Town) -> None:
    for copy in await CardCopy.filter(message_id__not_isnull=True, acted_at=None):
        town.feishu.world.message(copy.message_id or "").read_by.clear()
        await CardCopy.filter(id=copy.id).update(seen_at=town.clock.now())


async def _audit_was_changed(town: Town) -> None:
    assert await AuditEntry.filter(action="approval.requested").limit(1).update(details="{}")


@pytest.mark.parametrize(
    ("tamper", "law"),
    [
        (_still_open, "still open"),
        (_lying_card, "lies: .header.title.content is 'something else'"),
        (_forgotten_card, "can still press"),
        (_two_go_aheads, "2 go-aheads"),
        (_too_many_reminders, "got 7 reminders"),
        (_too_many_buzzes, "urgent_sms"),
        (_overspent, "urgent_phone 1 times"),
        (_pinned, "stands on top"),
        (_one_was_enough, "too few agreed"),
        (_decided_by_nobody_asked, "never asked"),
        (_left_in_the_outbox, "still in the outbox"),
        (_seen_unread, "seen, but unread"),
        (_audit_was_changed, "audit is broken"),
    ],
)
async def test_every_law_can_be_broken(town: Town, tamper: Tamper, law: str) -> None:
    await tamper(town)
    with pytest.raises(Broken, match=law):
        await judge(town)
