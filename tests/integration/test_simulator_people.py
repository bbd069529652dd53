"""The simulator's directory: what an app may know of a person, and what happens to accounts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.feishu import Feishu, Impossible
from tests.support.little_bot import LittleBot, approval_card

USERS = "/open-apis/contact/v3/users"


async def profile(bot: LittleBot, open_id: str, **more: Any) -> dict[str, Any]:
    more.setdefault("params", {"user_id_type": "open_id"})
    _, body, _ = await bot.call("GET", f"{USERS}/{open_id}", **more)
    return body


async def test_every_field_of_a_profile_has_its_scope(feishu: Feishu, bot: LittleBot) -> None:
    lin = feishu.creator
    lin.leader, lin.time_zone = feishu.admin, "Europe/Berlin"
    whole = (await profile(bot, feishu.open_id(lin)))["data"]["user"]
    assert (whole["name"], whole["en_name"], whole["email"]) == ("林小雨", "Lin Xiaoyu", "lin@example.com")
    assert (whole["leader_user_id"], whole["time_zone"]) == (feishu.open_id(feishu.admin), "Europe/Berlin")
    assert whole["user_id"] == lin.user_id
    assert whole["status"]["is_activated"] is True
    feishu.app.scopes = frozenset({"contact:contact.base:readonly"})
    least = (await profile(bot, feishu.open_id(lin)))["data"]["user"]
    assert least == {"open_id": feishu.open_id(lin), "union_id": lin.union_id}
    feishu.app.scopes = frozenset({"contact:user.base:readonly"})
    assert (await profile(bot, feishu.open_id(lin)))["code"] == 99991672, "a field's scope does not open the endpoint"


async def test_the_leader_comes_by_the_type_of_id_that_was_asked_for(feishu: Feishu, bot: LittleBot) -> None:
    feishu.creator.leader = feishu.admin
    for id_type, own, theirs in (
        ("union_id", feishu.creator.union_id, feishu.admin.union_id),
        ("user_id", feishu.creator.user_id, feishu.admin.user_id),
    ):
        told = (await profile(bot, own, params={"user_id_type": id_type}))["data"]["user"]
        assert told["leader_user_id"] == theirs


async def test_who_cannot_be_looked_up(feishu: Feishu, bot: LittleBot) -> None:
    hidden = feishu.add_person("hidden")
    feishu.app.availability = {feishu.creator}
    foreign = feishu.add_app("foreign")
    assert (await profile(bot, feishu.open_id(hidden)))["code"] == 41050
    assert (await profile(bot, "ou_nobody"))["code"] == 41012
    assert (await profile(bot, feishu.open_id(feishu.creator, foreign)))["code"] == 99992361
    assert (await profile(bot, feishu.open_id(feishu.creator), params={"user_id_type": "email"}))["code"] == 230001


async def test_a_changed_account_is_told_with_what_it_was(feishu: Feishu, bot: LittleBot) -> None:
    [push] = await feishu.freeze_person(feishu.creator)
    assert push.event_type == "contact.user.updated_v3"
    told = bot.received[-1].envelope["event"]
    assert told["object"]["open_id"] == feishu.open_id(feishu.creator)
    assert (told["object"]["status"]["is_frozen"], told["old_object"]["status"]["is_frozen"]) == (True, False)
    [push] = await feishu.leave(feishu.creator)
    assert push.event_type == "contact.user.deleted_v3"
    assert bot.received[-1].envelope["event"]["object"]["status"]["is_resigned"] is True


async def test_an_app_is_told_of_accounts_as_far_as_its_scopes_go(feishu: Feishu, bot: LittleBot) -> None:
    feishu.app.scopes -= {"contact:user.employee:readonly", "contact:user.base:readonly"}
    await feishu.freeze_person(feishu.creator)
    told = bot.received[-1].envelope["event"]
    assert "status" not in told["object"]
    assert "name" not in told["object"]
    feishu.app.scopes -= {"contact:contact.base:readonly"}
    assert await feishu.leave(feishu.creator) == []
    feishu.app.scopes |= {"contact:contact.base:readonly"}
    feishu.app.availability = {feishu.admin}
    assert await feishu.leave(feishu.stranger) == []


async def test_whoever_is_frozen_or_gone_does_nothing_any_more(feishu: Feishu, bot: LittleBot) -> None:
    await bot.send(feishu.open_id(feishu.creator), approval_card())
    card = await feishu.next_card(to=feishu.creator)
    await feishu.freeze_person(feishu.creator, tell=False)
    acts = (
        lambda: feishu.click(card, "approve", by=feishu.creator),
        lambda: feishu.say(feishu.creator, "/pending"),
        lambda: feishu.press_menu(feishu.creator, "pending"),
        lambda: feishu.enter_chat(feishu.creator),
        lambda: feishu.notices(card, feishu.creator),
    )
    for act in acts:
        with pytest.raises(Impossible, match="cannot sign in"):
            await act()
    forged = await feishu.click(card, "approve", by=feishu.creator, unseen=True)
    assert forged.code == 0, "a forged client is the bot's problem"
    await feishu.freeze_person(feishu.creator, frozen=False, tell=False)
    assert (await feishu.say(feishu.creator, "/pending")).delivered


async def test_a_frozen_account_gets_its_messages_and_a_deleted_one_none(feishu: Feishu, bot: LittleBot) -> None:
    lin = feishu.open_id(feishu.creator)
    await feishu.freeze_person(feishu.creator, tell=False)
    assert (await bot.send(lin, {"text": "x"}, "text"))[1]["code"] == 0
    await feishu.leave(feishu.creator, tell=False)
    assert (await bot.send(lin, {"text": "x"}, "text"))[1]["code"] == 230029
