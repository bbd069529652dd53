"""The simulator's page in Chromium: people see their chats, press real buttons, and the bot gets real callbacks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page, expect

from bot.simulator.panels import Panel
from tests.support.browser import DESKTOP, PHONE, browser_page
from tests.support.feishu import Feishu, feishu_running
from tests.support.little_bot import LittleBot, approval_card, card, finished_card, little_bot

pytestmark = pytest.mark.browser


@pytest.fixture
def files() -> list[str]:
    """What the panel shows."""
    return ["report.txt"]


@pytest.fixture
async def feishu(files: list[str]) -> AsyncIterator[Feishu]:
    async def listed() -> list[str]:
        return list(files)

    async with feishu_running(panels=[Panel("草稿文件夹", listed, "Scratch folder")]) as running:
        yield running


@pytest.fixture
async def bot(feishu: Feishu) -> AsyncIterator[LittleBot]:
    async with little_bot(feishu.app, feishu.base_url) as running:
        yield running


@pytest.fixture
async def page(feishu: Feishu, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    async with browser_page(getattr(request, "param", DESKTOP)) as opened:
        await opened.goto(feishu.base_url)
        yield opened


def words(zh: str, en: str, **more: Any) -> dict[str, Any]:
    return {"tag": "plain_text", "content": zh, "i18n_content": {"zh_cn": zh, "en_us": en}, **more}


async def ask(feishu: Feishu, bot: LittleBot, value: Any = None) -> None:
    _, body, _ = await bot.send(feishu.open_id(feishu.creator), value or approval_card())
    assert body["code"] == 0, body


async def test_approve_is_pressed_and_the_card_is_replaced(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    await ask(feishu, bot)
    toast = {"type": "success", "content": "已同意", "i18n": {"zh_cn": "已同意", "en_us": "Approved"}}
    bot.answers({"toast": toast, "card": {"type": "raw", "data": finished_card("已同意,正在执行")}})
    mine = page.locator("[data-person=creator]")
    await expect(mine.locator(".card-title")).to_have_text("Approval needed")
    await mine.get_by_label("reason").fill("磁盘快满了")
    await mine.get_by_role("button", name="同意").click()
    await expect(mine.locator(".toast-success")).to_have_text("✓已同意")
    await expect(mine.locator(".card-title")).to_have_text("已同意,正在执行")
    await expect(mine.locator(".c-button")).to_have_count(0)
    [received] = bot.clicks
    assert received.signature_holds
    assert received.envelope["event"]["action"]["form_value"] == {"reason": "磁盘快满了"}
    assert received.envelope["event"]["operator"]["open_id"] == feishu.open_id(feishu.creator)


async def test_a_toast_without_a_card_leaves_the_typed_reason(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    await ask(feishu, bot)
    bot.answers({"toast": {"type": "error", "content": "请填写拒绝的理由"}})
    mine = page.locator("[data-person=creator]")
    await mine.get_by_label("reason").fill("half a thought")
    await mine.locator("[data-name=reject]").click()
    await expect(mine.locator(".toast-error")).to_contain_text("请填写拒绝的理由")
    await expect(mine.get_by_label("reason")).to_have_value("half a thought")


async def test_a_broken_bot_shows_the_code(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    await ask(feishu, bot)
    bot.answers({}, status=500)
    await page.locator("[data-person=creator] [data-name=approve]").click()
    await expect(page.locator("[data-person=creator] .toast-error")).to_contain_text("200671")
    await expect(page.locator("[data-person=admin] .toast")).to_have_count(0)


async def test_a_question_before_the_press(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    button = {
        "tag": "button",
        "name": "freeze",
        "text": words("冻结", "Freeze"),
        "confirm": {"title": words("确认冻结?", "Freeze?"), "text": words("所有智能体都会停下", "All agents stop")},
        "behaviors": [{"type": "callback", "value": {"a": "freeze"}}],
    }
    await ask(feishu, bot, card(button))
    dialog = page.get_by_role("dialog", name="确认冻结?")
    await page.get_by_role("button", name="冻结").click()
    await expect(dialog).to_contain_text("所有智能体都会停下")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    assert bot.clicks == []
    await page.get_by_role("button", name="冻结").click()
    await dialog.get_by_role("button", name="确定").click()
    await feishu.until(lambda: feishu.world.tickets or None)
    await expect(dialog).to_have_count(0)
    await expect(page.locator("[data-name=freeze]")).not_to_have_attribute("aria-busy", "true")
    assert [each.envelope["event"]["action"]["value"] for each in bot.clicks] == [{"a": "freeze"}]


async def test_a_required_field_is_asked_for_first(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    await ask(feishu, bot, approval_card(required=True, label=words("理由", "Reason")))
    await page.locator("[data-name=approve]").click()
    await expect(page.locator(".c-wrong")).to_be_visible()
    assert bot.clicks == []


async def test_typed_commands_reach_the_bot(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    box = page.get_by_label("王敏: 发消息")
    await box.fill("/pending")
    await box.press("Enter")
    await expect(page.locator("[data-person=admin] .own .bubble")).to_have_text("/pending")
    await expect(box).to_have_value("")
    [received] = bot.received
    assert json.loads(received.envelope["event"]["message"]["content"]) == {"text": "/pending"}
    assert received.envelope["event"]["sender"]["sender_id"]["open_id"] == feishu.open_id(feishu.admin)


async def test_texts_show_what_feishu_would_make_of_them(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    lin = feishu.open_id(feishu.creator)
    await bot.send(
        lin, {"text": 'a <at user_id="all">x</at> <b>bold</b> [bank](https://evil.example) <script>'}, "text"
    )
    nodes = [{"tag": "text", "text": '<at user_id="all"> <b>no</b>'}, {"tag": "at", "user_id": lin}]
    await bot.send(lin, {"zh_cn": {"title": "标题", "content": [nodes]}}, "post")
    text, post = page.locator("[data-type=text] .bubble"), page.locator("[data-type=post] .bubble")
    await expect(text).to_have_text("a @所有人 bold bank <script>")
    await expect(text.locator(".at-all")).to_have_count(1)
    await expect(text.locator("b")).to_have_text("bold")
    await expect(text.get_by_role("link", name="bank")).to_have_attribute("href", "https://evil.example")
    await expect(post).to_have_text('标题<at user_id="all"> <b>no</b>@林小雨')


async def test_plain_text_in_a_card_is_only_text(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    hostile = "<img src=x onerror=alert(1)> **x** <at id=all></at> [a](https://evil.example)"
    await ask(feishu, bot, card({"tag": "div", "text": {"tag": "plain_text", "content": hostile}}))
    await expect(page.locator(".c-plain")).to_have_text(hostile)
    await expect(page.locator(".card a, .card img, .card .at")).to_have_count(0)


async def test_the_language_switch_chooses_the_reader(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    shown = approval_card()
    shown["body"]["elements"][0]["text"] = words("删除文件夹", "Delete the folder")
    shown["header"]["title"] = words("需要审批", "Approval needed")
    await ask(feishu, bot, shown)
    await expect(page.locator(".card-title")).to_have_text("需要审批")
    await page.get_by_label("reason").fill("half a thought")
    await page.get_by_role("button", name="EN").click()
    await expect(page.get_by_label("reason")).to_have_value("half a thought")
    await expect(page.locator(".card-title")).to_have_text("Approval needed")
    await expect(page.locator(".c-plain")).to_have_text("Delete the folder")
    await expect(page.locator("[data-person=creator] .column-name")).to_have_text("Lin Xiaoyu")
    await page.reload()
    await expect(page.locator(".card-title")).to_have_text("Approval needed")


async def test_every_component_is_drawn(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    calls = [{"type": "callback", "value": {"a": 1}}]
    options = [{"text": words("一", "One"), "value": "1"}, {"text": words("二", "Two"), "value": "2"}]
    await ask(
        feishu,
        bot,
        card(
            {"tag": "markdown", "content": "**粗** `code` [链接](https://example.com)\n- 一项"},
            {"tag": "hr"},
            {"tag": "img", "img_key": "img_1", "alt": words("示意图", "Diagram")},
            {"tag": "person", "user_id": feishu.open_id(feishu.admin)},
            {
                "tag": "column_set",
                "columns": [{"tag": "column", "elements": [{"tag": "div", "text": words("左", "L")}]}],
            },
            {
                "tag": "collapsible_panel",
                "header": {"title": words("参数", "Arguments")},
                "elements": [{"tag": "div", "text": words("里面", "inside")}],
            },
            {"tag": "select_static", "name": "pick", "options": options, "behaviors": calls},
            {"tag": "checker", "name": "sure", "text": words("确定", "Sure"), "behaviors": calls},
            {"tag": "table", "columns": [{"name": "k", "data_type": "text"}], "rows": [{"k": "格"}]},
            text_tag_list=[{"tag": "text_tag", "text": words("高", "High"), "color": "red"}],
            subtitle=words("副标题", "Subtitle"),
        ),
    )
    shown = page.locator(".card")
    for selector, text in (
        ("strong", "粗"), ("code", "code"), ("a", "链接"), (".md-item", "一项"), (".c-img", "示意图"),
        (".c-person", "王敏"), (".c-column", "左"), (".tag-red", "高"), (".card-subtitle", "副标题"), ("td", "格"),
    ):  # fmt: skip
        await expect(shown.locator(selector)).to_contain_text(text)
    await expect(shown.locator(".unknown")).to_have_count(0)
    await expect(shown.get_by_text("里面")).not_to_be_visible()
    await shown.get_by_text("参数").click()
    await expect(shown.get_by_text("里面")).to_be_visible()
    await shown.locator("select").select_option("2")
    await shown.locator(".c-check").check()
    await expect(page.locator("#connection")).to_have_text("机器人已连接")
    await feishu.until(lambda: feishu.world.tickets if len(feishu.world.tickets) == 2 else None)


async def test_the_other_people_see_only_their_own_chats(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    await ask(feishu, bot)
    await expect(page.locator("[data-person=creator] .card")).to_have_count(1)
    await expect(page.locator("[data-person=admin] .card")).to_have_count(0)
    await expect(page.locator("[data-person=stranger] .log-empty")).to_be_visible()
    group = feishu.add_group("行动组", [feishu.creator, feishu.stranger])
    await bot.send(group.chat_id, {"text": "hello group"}, "text", id_type="chat_id")
    await page.locator("[data-person=stranger]").get_by_role("button", name="行动组").click()
    await expect(page.locator("[data-person=stranger] .bubble")).to_have_text("hello group")


async def test_what_is_shown_is_read(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    await ask(feishu, bot)
    message = await feishu.next_card()
    await feishu.until(lambda: message.read_by or None)
    assert list(message.read_by) == ["creator"]


async def test_panels_and_faults_are_told(feishu: Feishu, files: list[str], page: Page) -> None:
    await expect(page.locator(".panel h2")).to_have_text("草稿文件夹")
    await expect(page.locator(".panel-lines li")).to_have_text(["report.txt"])
    files.append("notes.md")
    await expect(page.locator(".panel-lines li")).to_have_text(["report.txt", "notes.md"])
    feishu.fail_next("send", "html", None)
    feishu.world.touch()
    await expect(page.locator("#faults")).to_have_text("1 个故障生效中")


def answered_form() -> dict[str, Any]:
    """A decision with a folded panel: a field to change, a choice, and its own submit button."""
    options = [{"text": words("明天", "Tomorrow"), "value": "1d"}, {"text": words("下周", "Next week"), "value": "7d"}]
    submit = {
        "tag": "button",
        "name": "amend",
        "form_action_type": "submit",
        "text": words("改好并同意", "Change and approve"),
        "behaviors": [{"type": "callback", "value": {"edited": True}}],
    }
    panel = {
        "tag": "collapsible_panel",
        "header": {"title": words("改参数再同意", "Edit, then approve")},
        "elements": [
            {
                "tag": "input",
                "name": "edit_0",
                "default_value": "120",
                "label": words("金额", "Amount"),
                "required": True,
            },
            {"tag": "select_static", "name": "when", "options": options, "initial_option": "1d"},
            submit,
        ],
    }
    return card({"tag": "form", "name": "decision", "elements": [panel]})


async def test_fields_in_a_folded_panel_are_edited_and_sent(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    await ask(feishu, bot, answered_form())
    amount = page.get_by_label("金额")
    await expect(amount).not_to_be_visible()
    await page.get_by_text("改参数再同意").click()
    await amount.fill("")
    await page.locator("[data-name=amend]").click()
    await expect(page.locator(".c-wrong").first).to_be_visible()
    assert bot.clicks == []
    await amount.fill("80")
    await page.locator("select").select_option("7d")
    await page.get_by_role("button", name="EN").click()
    await page.get_by_text("Edit, then approve").click()
    await expect(page.locator("select")).to_have_value("7d")
    await page.locator("[data-name=amend]").click()
    await feishu.until(lambda: bot.clicks or None)
    assert bot.clicks[0].envelope["event"]["action"]["form_value"] == {"edit_0": "80", "when": "7d"}


async def test_who_has_read_is_ticked_and_told_to_the_bot(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    await ask(feishu, bot)
    await expect(page.locator("[data-person=creator] .tick-all")).to_have_text("已读")
    await feishu.until(lambda: bot.received or None)
    assert bot.received[0].envelope["header"]["event_type"] == "im.message.message_read_v1"
    away = feishu.add_person("away")
    await feishu.freeze_person(away, tell=False)
    group = feishu.add_group("行动组", [feishu.creator, away])
    await bot.send(group.chat_id, {"text": "hello group"}, "text", id_type="chat_id")
    await page.locator("[data-person=creator]").get_by_role("button", name="行动组").click()
    await expect(page.locator("[data-person=creator] .tick")).to_have_text("1/2 已读")


async def test_ticks_and_buzzes_leave_a_half_filled_card_alone(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    await ask(feishu, bot)
    reason = page.get_by_label("reason")
    await reason.fill("half a thought")
    await reason.focus()
    lin, message = feishu.open_id(feishu.creator), await feishu.next_card()
    for how in ("urgent_app", "urgent_sms", "urgent_sms"):
        path = f"/open-apis/im/v1/messages/{message.message_id}/{how}"
        _, body, _ = await bot.call("PATCH", path, {"user_id_list": [lin]}, params={"user_id_type": "open_id"})
        assert body["code"] == 0
    mine = page.locator("[data-person=creator]")
    await expect(mine.locator(".buzz")).to_have_text(["应用内加急", "短信加急 ×2"])
    await expect(mine.locator(".toast-buzz")).to_have_count(3)
    await expect(page.locator("[data-person=admin] .toast-buzz")).to_have_count(0)
    await expect(reason).to_have_value("half a thought")
    await expect(reason).to_be_focused()


async def test_a_pinned_bot_stands_first_and_says_so(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    second = feishu.add_app("财务助手")
    feishu.p2p(feishu.creator, second)
    pinned = {"time_sensitive": True, "user_ids": [feishu.open_id(feishu.creator, second)]}
    path = "/open-apis/im/v2/feed_cards/bot_time_sentive"
    assert (await bot.call("PATCH", path, pinned, params={"user_id_type": "open_id"}, app=second))[1]["code"] == 0
    mine = page.locator("[data-person=creator]")
    await expect(mine.locator(".chip-pin")).to_have_text("机器人已置顶")
    await expect(mine.locator(".chat-tab").first).to_contain_text("财务助手")
    await expect(page.locator("[data-person=admin] .chip-pin")).to_be_empty()


async def test_an_account_is_frozen_revived_and_deleted_on_the_page(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    mine = page.locator("[data-person=creator]")
    menu = mine.get_by_label("账号", exact=True)
    await menu.click()
    await mine.get_by_role("button", name="冻结账号").click()
    await expect(mine.locator(".chip-account")).to_have_text("账号已冻结")
    await expect(mine.locator(".composer-text")).to_be_disabled()
    assert feishu.creator.frozen
    await menu.click()
    await mine.get_by_role("button", name="恢复账号").click()
    await expect(mine.locator(".composer-text")).to_be_enabled()
    await menu.click()
    await mine.get_by_role("button", name="离职").click()
    await expect(mine.locator(".chip-account")).to_have_text("已离职")
    assert [push.event_type.rpartition(".")[2] for push in feishu.simulator.courier.pushes] == [
        "updated_v3", "updated_v3", "deleted_v3",
    ]  # fmt: skip


async def test_the_page_is_dark_where_the_reader_likes_it_dark(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    await ask(feishu, bot)
    paper = "getComputedStyle(document.querySelector('.card')).backgroundColor"
    await expect(page.locator(".card")).to_be_visible()
    assert await page.evaluate(paper) == "rgb(255, 255, 255)"
    await page.emulate_media(color_scheme="dark")
    assert await page.evaluate(paper) == "rgb(32, 34, 38)"


@pytest.mark.parametrize("page", [PHONE], indirect=True)
async def test_a_phone_shows_one_person_at_a_time(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    await ask(feishu, bot)
    await bot.send(feishu.open_id(feishu.admin), {"text": "hello admin"}, "text")
    await expect(page.locator("[data-person=creator]")).to_be_visible()
    await expect(page.locator("[data-person=admin]")).not_to_be_visible()
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE[0], "nothing sticks out to the right"
    admin = page.get_by_role("tab", name="王敏")
    await expect(admin.locator(".badge")).to_have_text("1")
    await admin.click()
    await expect(page.locator("[data-person=admin] .bubble")).to_have_text("hello admin")
    await expect(admin.locator(".badge")).to_have_count(0)
    await admin.press("ArrowLeft")
    bot.answers({"card": {"type": "raw", "data": finished_card("已同意")}})
    await page.locator("[data-person=creator] [data-name=approve]").click()
    await expect(page.locator("[data-person=creator] .card-title")).to_have_text("已同意")
    await page.get_by_role("tab", name="面板").click()
    await expect(page.locator(".panel")).to_be_visible()


async def test_everything_can_be_done_from_the_keyboard(feishu: Feishu, bot: LittleBot, page: Page) -> None:
    await ask(feishu, bot)
    bot.answers({"card": {"type": "raw", "data": finished_card()}})
    reason = page.locator("[data-person=creator]").get_by_label("reason")
    await reason.focus()
    await page.keyboard.type("fine")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-person=creator] .card-title")).to_have_text("Approved")
    assert bot.clicks[0].envelope["event"]["action"]["name"] == "approve"
