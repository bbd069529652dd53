"""Story: everybody sets the own language, hours and zone, on a card or by typing, and says when they are away."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import expect

from models.enums import Language
from models.tables import AuditEntry, User
from tests.support.browser import PHONE, browser_page
from tests.support.feishu import Message, Person, together
from tests.support.service import RunningHouse

CHINA = ZoneInfo("Asia/Shanghai")


async def says(house: RunningHouse, by: Person, text: str) -> str:
    push = await house.feishu.say(by, text)
    assert push.delivered
    return (await house.feishu.next_text(to=by)).text


async def opened(house: RunningHouse, by: Person) -> Message:
    """The settings card, asked for in the private chat."""
    assert (await house.feishu.say(by, "/settings")).delivered
    return await house.feishu.next_card(to=by)


def chosen(card: Any) -> dict[str, str]:
    form = next(each for each in card["body"]["elements"] if each["tag"] == "form")
    return {each["name"]: each["initial_option"] for each in form["elements"] if each["tag"] == "select_static"}


async def test_the_card_saves_what_was_chosen_and_says_so(house: RunningHouse) -> None:
    lin = house.feishu.creator
    card = await opened(house, lin)
    assert set(chosen(house.feishu.card_now(card)).values()) == {"zh_cn", "default"}
    form = {"language": "en_us", "quiet_hours": "never", "time_zone": "Europe/Berlin", "digest_at": "09:00"}
    click = await house.feishu.click(card, "保存", by=lin, form=form)
    assert click.toast is not None
    assert click.toast.kind == "success"
    shown = house.feishu.card_now(card)
    assert chosen(shown) == {**form, "working_days": "default"}
    assert shown["header"]["template"] == "green"
    person = await house.person(lin)
    assert (person.language, person.quiet_hours, person.working_days) == (Language.EN_US, "never", None)
    assert (person.time_zone, person.digest_at) == ("Europe/Berlin", "09:00")
    [entry] = await house.audited("person.preferences")
    assert entry.actor == f"user:{person.id}"
    assert json.loads(entry.details)["quiet_hours"] == {"from": None, "to": "never"}
    assert "Commands" in await says(house, lin, "/help")


async def test_a_press_that_comes_twice_saves_once(house: RunningHouse) -> None:
    lin = house.feishu.creator
    card = await opened(house, lin)
    click = await house.feishu.click(card, "保存", by=lin, form={"digest_at": "never"})
    await says(house, lin, "/settings digest 20:00")
    again = await house.feishu.click_again(click)
    assert again.toast is not None
    assert again.toast.kind == "success"
    assert (await house.person(lin)).digest_at == "20:00"
    assert len(await house.audited("person.preferences")) == 2


async def test_a_client_that_loses_the_buttons_value_saves_all_the_same(house: RunningHouse) -> None:
    lin = house.feishu.creator
    card = await opened(house, lin)
    click = await house.feishu.click(card, "保存", by=lin, form={"digest_at": "08:00"}, omit_value=True)
    assert click.toast is not None
    assert click.toast.kind == "success"
    assert (await house.person(lin)).digest_at == "08:00"


async def test_two_presses_at_once_are_both_answered(house: RunningHouse) -> None:
    lin = house.feishu.creator
    card = await opened(house, lin)
    first = await house.feishu.click(card, "保存", by=lin, form={"digest_at": "08:00"})
    clicks = await together(*(house.feishu.click_again(first) for _ in range(4)))
    assert {click.toast.kind for click in clicks} == {"success"}
    assert len(await house.audited("person.preferences")) == 1


async def test_nobody_sets_what_is_another_persons(house: RunningHouse) -> None:
    lin, stranger = house.feishu.creator, house.feishu.stranger
    await says(house, stranger, "/whoami")
    card = await opened(house, lin)
    before = house.feishu.card_now(card)
    click = await house.feishu.click(card, "保存", by=stranger, form={"language": "en_us"}, unseen=True)
    assert click.toast is not None
    assert click.toast.kind == "error"
    assert house.feishu.card_now(card) == before
    for person in (lin, stranger):
        assert (await house.person(person)).language is Language.ZH_CN
    assert await AuditEntry.filter(action="settings.refused").count() == 1


@pytest.mark.parametrize("value", ["Mars/Olympus", "25:00", "x" * 500])
async def test_a_forged_choice_changes_nothing(house: RunningHouse, value: str) -> None:
    lin = house.feishu.creator
    card = await opened(house, lin)
    shown = house.feishu.card_now(card)
    form = next(each for each in shown["body"]["elements"] if each["tag"] == "form")
    forged = json.loads(json.dumps(shown))
    for each in next(one for one in forged["body"]["elements"] if one["tag"] == "form")["elements"]:
        if each.get("name") == "time_zone":
            each["options"].append({"text": {"tag": "plain_text", "content": "x"}, "value": value})
    assert form
    click = await house.feishu.click(card, "保存", by=lin, form={"language": "en_us", "time_zone": value}, shown=forged)
    assert click.toast is not None
    assert click.toast.kind == "error"
    person = await house.person(lin)
    assert (person.language, person.time_zone) == (Language.ZH_CN, None)


async def test_settings_can_be_typed(house: RunningHouse) -> None:
    lin = house.feishu.creator
    said = await says(house, lin, "/设置 免打扰 晚上十点到早上七点半")
    assert "22:00–07:30" in said
    said = await says(house, lin, "/settings language English")
    assert said.startswith("✓ Saved. Language: English")
    said = await says(house, lin, "/settings zone Atlantis")
    assert "There is no time zone “Atlantis”" in said
    assert "no weekdays" in await says(house, lin, "/settings days someday")
    assert (await house.person(lin)).quiet_hours == "22:00-07:30"


async def test_the_group_only_hears_that_it_was_answered(house: RunningHouse) -> None:
    lin = house.feishu.creator
    group = house.feishu.add_group("财务群", [lin, house.feishu.stranger])
    await house.feishu.say(lin, "/settings", chat=group)
    card = await house.feishu.next_card(to=house.feishu.p2p(lin))
    assert card.chat is house.feishu.p2p(lin)
    await house.settled()
    assert [message.msg_type for message in house.feishu.messages(to=group)] == ["text"]


async def test_the_menu_opens_the_card(house: RunningHouse) -> None:
    lin = house.feishu.creator
    await says(house, lin, "/whoami")
    await house.feishu.press_menu(lin, "settings")
    assert chosen(house.feishu.card_now(await house.feishu.next_card(to=lin)))["language"] == "zh_cn"


async def test_away_is_read_in_the_persons_own_zone(house: RunningHouse) -> None:
    lin = house.feishu.creator
    await says(house, lin, "/settings zone New York")
    said = await says(house, lin, "/away until tomorrow 18:00")
    york = ZoneInfo("America/New_York")
    local: datetime = house.clock.now().astimezone(york) + timedelta(days=1)
    expected = local.replace(hour=18, minute=0, second=0, microsecond=0)
    person = await house.person(lin)
    assert person.away_until == expected
    assert f"{expected.month}月{expected.day}日 18:00（UTC-" in said
    assert f"{expected.month}月{expected.day}日 18:00" in await says(house, lin, "/away")
    assert "回来" in await says(house, lin, "/away off")
    assert (await User.get(id=person.id)).away_until is None
    assert [entry.action for entry in await AuditEntry.filter(action__startswith="person.").order_by("id")] == [
        "person.preferences",
        "person.away",
        "person.back",
    ]


async def test_away_with_somebody_who_stands_in(house: RunningHouse) -> None:
    lin, wang = house.feishu.creator, house.feishu.admin
    await says(house, wang, "/whoami")
    await house.settled()
    agent = await house.agent()
    said = await says(house, lin, f"/away until 3天 交给 {wang.name}")
    assert f"由 {wang.name} 代您审批" in said
    assert "由您代为审批" in (await house.feishu.next_text(to=wang, containing="暂时不在")).text
    asked = await agent.asks()
    card = await house.feishu.next_card(to=wang)
    await house.feishu.click(card, "approve", by=wang)
    await house.settled()
    assert (await house.approval(asked)).resolved_by_id == (await house.person(wang)).id


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/away until 昨天", "看不懂时间"),
        ("/away until 25:00", "没有「25:00」这个日期或时间"),
        ("/away until 2020-01-01", "已经过去了"),
        ("/away until 200天", "90"),
        ("/away until 明天 交给 某某某", "某某某"),
        ("/away until", "用法"),
    ],
)
async def test_an_absence_that_cannot_be_is_explained(house: RunningHouse, typed: str, told: str) -> None:
    assert told in await says(house, house.feishu.creator, typed)
    assert (await house.person(house.feishu.creator)).away_until is None


@pytest.mark.browser
async def test_the_card_is_usable_on_a_phone(house: RunningHouse) -> None:
    lin = house.feishu.creator
    await house.feishu.say(lin, "/settings")
    card = await house.feishu.next_card(to=lin)
    async with browser_page(PHONE) as page:
        await page.goto(house.feishu.base_url)
        mine = page.locator("[data-person=creator]")
        await mine.locator("select[name=time_zone]").select_option("Europe/Berlin")
        await mine.get_by_role("button", name="保存").click()
        await expect(mine.locator(".toast-success")).to_contain_text("已保存")
        await expect(mine.get_by_text("✓ 已保存。时区：柏林、巴黎")).to_be_visible()
        wide = await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not wide
    assert chosen(house.feishu.card_now(card))["time_zone"] == "Europe/Berlin"
