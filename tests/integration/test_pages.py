"""The web views over real HTTP: who sees what, what is masked, and that looking changes nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from html import unescape
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from bot.database import Database
from bot.inboxes import INBOX_LINES, WAITING_LINES
from bot.reading import Reading
from bot.secrecy.box import SecretBox
from bot.secrecy.links import Links
from bot.secrecy.one_time import OneTimeSecrets
from cards.plan_words import NUDGES, reminding
from cards.words import moment, zone_name
from handlers.errors import problem_middleware
from handlers.pages import Pages
from handlers.pages.drawing import SECURITY_HEADERS
from models.enums import ApprovalStatus, Delivery, ExecutionStatus, Nudge
from models.ids import new_id
from models.tables import ApprovalRequest, AuditEntry, CardCopy, Notification, User
from models.values import ActionRequest
from tests.support.approval_rows import ARGS, PASSWORD, REQUEST, Town, settle_town
from tests.support.clock import MovableClock
from tests.support.page_scenes import freeze, full_life

KEY = "k" * 32
Client = TestClient[web.Request, web.Application]


@dataclass(frozen=True)
class Site:
    town: Town
    links: Links
    client: Client

    async def get(self, url: str, **headers: str) -> ClientResponse:
        return await self.client.get(url.removeprefix(self.links.public_url), headers=headers, allow_redirects=False)

    async def approval(self, row: ApprovalRequest, reader: User, query: str = "") -> ClientResponse:
        return await self.get(self.links.approval(row.id, reader.id, self.town.clock.now()) + query)

    async def text_of(self, row: ApprovalRequest, reader: User, query: str = "") -> str:
        response = await self.approval(row, reader, query)
        assert response.status == 200
        return unescape(await response.text())

    async def inbox(self, reader: User, query: str = "") -> str:
        response = await self.get(self.links.inbox(reader.id, self.town.clock.now()) + query)
        assert response.status == 200
        return unescape(await response.text())


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    clock = MovableClock()
    town = await settle_town(clock)
    links = Links("https://assent.example", [KEY])
    pages = Pages(Reading(clock), links, OneTimeSecrets(SecretBox([KEY]), town.ledger, links.public_url), clock)
    app = web.Application(middlewares=[problem_middleware])
    app.add_routes(pages.routes())
    async with TestClient(TestServer(app)) as client:
        yield Site(town, links, client)


async def test_the_page_shows_arguments_whole_typed_and_masked(site: Site) -> None:
    """Nothing is cut, secrets are hidden, and a right-to-left override is shown instead of obeyed."""
    long = "x" * 30_000 + "THE END"
    row = await site.town.approval(replace(REQUEST, args=ARGS | {"body": long}))
    page = await site.text_of(row, site.town.creator)
    assert long in page
    assert PASSWORD not in page
    assert "●●●●" in page
    assert "\u202e" not in page
    assert "␣U+202E" in page
    for kind in ("文本", "数字", "布尔", "列表", "对象", "空"):
        assert f'<span class="kind">{kind}' in page
    assert "*.keep" in page


async def test_times_are_read_in_the_chosen_zone(database: Database) -> None:
    clock = MovableClock()
    town = await settle_town(clock)
    zone = ZoneInfo("America/St_Johns")
    links = Links("https://assent.example", [KEY])
    pages = Pages(Reading(clock), links, OneTimeSecrets(SecretBox([KEY]), town.ledger, ""), clock, zone)
    app = web.Application()
    app.add_routes(pages.routes())
    row = await town.approval()
    await town.tell(town.creator, "a line")
    async with TestClient(TestServer(app)) as client:
        site = Site(town, links, client)
        for page in (await site.text_of(row, town.creator), await site.inbox(town.creator)):
            assert f"时间均为 {zone_name(clock.now(), zone)}" in page
            assert moment(row.created_at, clock.now(), zone).zh in page
            assert moment(row.created_at, clock.now()).zh not in page


async def test_the_inbox_says_what_kind_of_line_it_is(site: Site) -> None:
    town = site.town
    await town.tell(town.creator, "已同意", "body")
    await Notification.all().update(type="approval.resolved")
    page = await site.inbox(town.creator)
    assert "审批结果" in page
    assert "approval.resolved" not in page


async def test_markup_of_an_agent_stays_text(site: Site) -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    request = ActionRequest(action_type="delete_files", args={hostile: hostile}, reason=hostile, extra={"a": hostile})
    row = await site.town.approval(request)
    await site.town.resolve(row, ApprovalStatus.REJECTED, reason=hostile)
    html = await (await site.approval(row, site.town.creator)).text()
    assert "<script" not in html
    assert "<img" not in html
    assert html.count("&lt;script&gt;") >= 5


async def test_huge_arguments_are_drawn_as_one_text(site: Site) -> None:
    row = await site.town.approval(replace(REQUEST, args={"rows": [[n, "v"] for n in range(5_000)]}))
    page = await site.text_of(row, site.town.creator)
    assert 'class="v v-json">' in page
    assert "4999" in page


async def test_computed_and_claimed_are_told_apart(site: Site) -> None:
    row = await site.town.approval()
    page = await site.text_of(row, site.town.creator)
    claimed = page[page.index('id="claimed"') : page.index('id="computed"')]
    computed = page[page.index('id="computed"') : page.index('id="execution"')]
    assert "archived elsewhere" in claimed
    assert "lin@example.com" in claimed
    assert "OPS-114" in claimed
    assert "archived elsewhere" not in computed
    for fact in (row.action_digest, "delete_*", str(row.id), "Lin Wei", "账房助手", "陈晓"):
        assert fact in computed
    assert f"/approve {row.id} {row.facts().code}" in page


async def test_only_those_concerned_see_the_page(site: Site) -> None:
    row, town = await site.town.approval(), site.town
    for reader in (town.creator, town.requester, town.admin, town.platform_admin):
        assert (await site.approval(row, reader)).status == 200
    missing = await site.get(site.links.approval(new_id(), town.creator.id, town.clock.now()))
    unknown = await missing.text()
    for reader in (town.colleague, town.stranger, town.foreign_admin):
        refused = await site.approval(row, reader)
        assert refused.status == missing.status == 404
        assert await refused.text() == unknown


async def test_a_person_joined_with_another_reads_as_that_one(site: Site) -> None:
    row, town = await site.town.approval(), site.town
    twin = await User.create(tenant="acme", name="陈晓 (old)", created_at=town.clock.now(), joined_with=town.creator.id)
    assert (await site.approval(row, twin)).status == 200


async def test_the_requester_is_not_told_how_to_approve(site: Site) -> None:
    row = await site.town.approval()
    assert "/approve" not in await site.text_of(row, site.town.requester)


async def test_a_forged_expired_or_foreign_link_gets_a_friendly_403(site: Site) -> None:
    row, other, now = await site.town.approval(), await site.town.approval(), site.town.clock.now()
    good = site.links.approval(row.id, site.town.creator.id, now)
    token = good.partition("?t=")[2]
    forged = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    stranger = Links("https://assent.example", ["another key " * 3])
    urls = [
        f"/approvals/{row.id}",
        f"/approvals/{row.id}?t=",
        f"/approvals/{row.id}?t={forged}",
        f"/approvals/{other.id}?t={token}",
        f"/inbox?t={token}",
        f"/approvals/{row.id}?t=%00%ff",
        stranger.approval(row.id, site.town.creator.id, now),
    ]
    for url in urls:
        response = await site.get(url)
        assert (response.status, "链接已失效" in await response.text()) == (403, True), url
    assert (await site.get(good)).status == 200
    site.town.clock.move(hours=73)
    assert (await site.get(good)).status == 403
    assert (await site.get("/approvals/nonsense?t=x")).status == 404


async def test_following_links_never_prolongs_a_visit(site: Site) -> None:
    """A link that leaked dies when it was meant to, whatever was opened from it."""
    row, town = await site.town.approval(), site.town
    await town.tell(town.creator, "title", approval_id=row.id)
    start = site.links.approval(row.id, town.creator.id, town.clock.now())
    town.clock.move(hours=71)
    page = unescape(await (await site.get(start)).text())
    inbox = re.search(r'href="\.\./(inbox\?t=[^"]+)"', page)
    assert inbox
    shown = unescape(await (await site.get("/" + inbox[1])).text())
    again = re.search(rf'href="(approvals/{row.id}\?t=[^"]+)"', shown)
    assert again
    assert (await site.get("/" + again[1])).status == 200
    town.clock.move(hours=1, seconds=1)
    for url in (inbox[1], again[1]):
        assert (await site.get("/" + url)).status == 403


async def test_every_answer_carries_the_security_headers(site: Site) -> None:
    row = await site.town.approval()
    answers = [
        await site.approval(row, site.town.creator),
        await site.get(site.links.inbox(site.town.creator.id, site.town.clock.now())),
        await site.get("/approvals/nonsense"),
        await site.get("/inbox"),
        await site.get("/once?k=x"),
        await site.get("/problems/busy"),
    ]
    for response in answers:
        for name, value in SECURITY_HEADERS.items():
            assert response.headers[name] == value
        text = await response.text()
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text), "no external assets"
        assert "<script" not in text
        assert 'style="' not in text
    sheet = await site.get("/" + re.search(r'href="(?:\.\./)?(assets/pages\.css[^"]*)"', text)[1])  # type: ignore[index]
    assert (sheet.status, sheet.content_type) == (200, "text/css")
    assert "immutable" in sheet.headers["Cache-Control"]
    assert "http" not in await sheet.text()


async def test_the_language_is_the_readers_own_or_the_chosen_one(site: Site) -> None:
    row, town = await site.town.approval(), site.town
    assert '<html lang="zh-CN">' in await site.text_of(row, town.creator)
    english = await site.text_of(row, town.requester)
    assert '<html lang="en">' in english
    assert "Allow “账房助手” to delete files?" in english
    assert "to delete files?" in await site.text_of(row, town.creator, "&lang=en_us")
    assert "允许「账房助手」删除文件吗？" in await site.text_of(row, town.requester, "&lang=zh_cn")
    assert "允许「账房助手」删除文件吗？" in await site.text_of(row, town.creator, "&lang=klingon")
    refused = await site.get("/inbox", **{"Accept-Language": "en-GB,en;q=0.9"})
    assert "This link no longer works" in await refused.text()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (ApprovalStatus.APPROVED, "陈晓，3月2日 17:30，通过卡片"),
        (ApprovalStatus.REJECTED, "已拒绝：「账房助手」删除文件"),
        (ApprovalStatus.EXPIRED, "无人答复，3月2日 17:30 过期"),
        (ApprovalStatus.CANCELLED, "智能体 3月2日 17:30 撤回"),
    ],
)
async def test_each_resolution_is_told_with_its_reason(site: Site, status: ApprovalStatus, words: str) -> None:
    row = await site.town.approval()
    await site.town.resolve(row, status, reason="不要删 token=sk-abcdefghij0123456789")
    page = await site.text_of(row, site.town.creator)
    assert words in page
    assert "不要删" in page
    assert "sk-abcdefghij0123456789" not in page
    assert "/approve" not in page


async def test_the_execution_and_its_result_are_shown(site: Site) -> None:
    row, town = await site.town.approval(), site.town
    await town.resolve(row, ApprovalStatus.APPROVED)
    await town.finish(
        row, ExecutionStatus.FAILED, result={"deleted": 3, "api_key": "hunter2hunter2"}, error="disk full"
    )
    page = await site.text_of(row, town.creator)
    execution = page[page.index('id="execution"') : page.index('id="timeline"')]
    for words in ("执行失败", "disk full", "deleted", "开始"):
        assert words in execution
    assert "hunter2hunter2" not in page
    timeline = page[page.index('id="timeline"') : page.index('id="audit"')]
    assert re.sub(r"<[^>]+>|\s+", " ", timeline).index("提出请求") < timeline.index("报告执行失败")
    assert "<strong>陈晓</strong> 同意" in timeline


async def test_an_unknown_outcome_says_that_nothing_is_repeated(site: Site) -> None:
    row = await site.town.approval()
    await site.town.resolve(row, ApprovalStatus.APPROVED)
    await site.town.finish(row, ExecutionStatus.UNKNOWN)
    assert "不会自动重试" in await site.text_of(row, site.town.creator)


async def test_refusals_reminders_and_delivery_are_in_the_timeline(site: Site) -> None:
    row, town = await site.town.approval(), site.town
    await town.audit(row, f"user:{town.stranger.id}", "approval.refused", refusal="not_yours")
    await town.audit(row, "system", "delivery.degraded", fault="230099 card refused")
    await town.audit(row, "system", "something.new")
    await CardCopy.filter(approval_id=row.id).update(fault="230099 card refused")
    page = await site.text_of(row, town.creator)
    timeline = page[page.index('id="timeline"') : page.index('id="audit"')]
    for words in ("Someone", "无权决定", "已改发文字", "something.new", "230099 card refused"):
        assert words in timeline
    delivery = page[page.index('id="people"') : page.index('id="timeline"')]
    assert "230099 card refused" in delivery
    assert "陈晓" in delivery


async def test_the_page_says_who_has_seen_it_and_when(site: Site) -> None:
    row, town = await site.town.approval(), site.town
    await town.audit(row, "system", "delivery.seen", person=str(town.creator.id))
    seen, acted = site.town.clock.now(), site.town.clock.now()
    copy = CardCopy.filter(approval_id=row.id)
    await copy.update(state=Delivery.ACTED, seen_at=seen, acted_at=acted)
    page = await site.text_of(row, town.creator)
    assert "得知有人看过了" in page
    track = page[page.index('class="track"') : page.index('class="overall"')]
    stages = re.findall(r'<li class="(\w+)"><span class="stage">(\w+)</span>', track)
    assert stages == [("passed", "提问"), ("passed", "送达"), ("passed", "已读"), ("passed", "处理")]
    assert track.count("<time") == 3, "when it was asked is not known of this copy"


async def test_audit_entries_are_listed_with_hash_and_place_in_the_chain(site: Site) -> None:
    row = await site.town.approval()
    await site.town.resolve(row, ApprovalStatus.APPROVED)
    page = await site.text_of(row, site.town.creator)
    for entry in await AuditEntry.filter(approval_id=row.id):
        assert entry.hash in page
        assert f"{entry.writer[:8]}/{entry.seq}" in page


async def test_looking_changes_nothing(site: Site) -> None:
    row, town = await site.town.approval(), site.town
    await town.tell(town.creator, "title", approval_id=row.id)
    before = (await ApprovalRequest.get(id=row.id).values(), await AuditEntry.all().count())
    await site.text_of(row, town.creator)
    await site.inbox(town.creator)
    assert (await ApprovalRequest.get(id=row.id).values(), await AuditEntry.all().count()) == before
    assert await Notification.filter(read_at__isnull=True).count() == 1


async def test_the_inbox_shows_only_the_own_lines_and_what_waits(site: Site) -> None:
    town = site.town
    mine = await town.approval()
    await town.approval(expires_at=town.clock.now() - timedelta(seconds=1))
    resolved = await town.approval()
    await town.resolve(resolved, ApprovalStatus.REJECTED)
    await town.tell(town.creator, "删除文件 token=sk-abcdefghij0123456789", "<b>body</b>", approval_id=mine.id)
    await town.tell(town.colleague, "not for you")
    page = await site.inbox(town.creator)
    assert page.count("pending-line") == 1
    assert f"approvals/{mine.id}?t=" in page
    assert "not for you" not in page
    assert "sk-abcdefghij0123456789" not in page
    assert "1 条未读" in page
    colleague = await site.inbox(town.colleague)
    assert "没有等您决定的事" in colleague
    assert "not for you" in colleague


async def test_who_was_asked_too_has_it_waiting(site: Site) -> None:
    row, town = await site.town.approval(), site.town
    await CardCopy.create(approval_id=row.id, person_id=town.admin.id, app_id="cli_x")
    assert f"approvals/{row.id}?t=" in await site.inbox(town.admin)


async def test_lines_are_marked_as_read_by_a_press_only(site: Site) -> None:
    town = site.town
    lines = [await town.tell(town.creator, f"line {n}") for n in range(3)]
    theirs = await town.tell(town.colleague, "theirs")
    url = site.links.inbox(town.creator.id, town.clock.now()).removeprefix(site.links.public_url)

    async def press(line: object) -> ClientResponse:
        return await site.client.post(url, data={"line": str(line)}, allow_redirects=False)

    one = await press(lines[0].id)
    assert one.status == 303
    assert one.headers["Location"].startswith("inbox?t=")
    assert await _unread() == {lines[1].id, lines[2].id, theirs.id}
    await press(theirs.id)
    assert await _unread() == {lines[1].id, lines[2].id, theirs.id}, "another person's line stays unread"
    assert (await press("nonsense")).status == 404
    await press("all")
    assert await _unread() == {theirs.id}
    assert (await site.client.post("/inbox?t=forged", data={"line": "all"})).status == 403


async def _unread() -> set[UUID]:
    return {line.id for line in await Notification.filter(read_at__isnull=True)}


async def test_a_long_inbox_continues_on_older_pages(site: Site) -> None:
    town = site.town
    for n in range(INBOX_LINES + 7):
        await town.tell(town.creator, f"line-{n:03}")
    first = await site.inbox(town.creator)
    older = re.search(r"&before=[0-9a-f-]{36}", first)
    assert older
    second = await site.inbox(town.creator, older[0])
    titles = [re.findall(r"line-\d{3}(?=</h3>)", page) for page in (first, second)]
    assert [len(page) for page in titles] == [INBOX_LINES, 7]
    assert titles[0] + titles[1] == [f"line-{n:03}" for n in reversed(range(INBOX_LINES + 7))]
    assert "&before=" not in second.replace(older[0], "")


async def test_a_problem_type_leads_to_a_page(site: Site) -> None:
    response = await site.get("/problems/already_claimed")
    assert response.status == 200
    assert "409" in await response.text()
    assert (await site.get("/problems/nonsense")).status == 404


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def part(page: str, heading: str) -> str:
    """The section with this heading, as text."""
    begin = page.rindex("<section", 0, page.index(f'id="{heading}"'))
    return text(page[begin : page.index("</section>", begin)])


def reminded(way: Nudge) -> str:
    """In the words of the answers about plans."""
    return reminding(way, all_of_them=True).zh


async def test_the_page_of_a_question_says_what_its_card_says(site: Site) -> None:
    """In the card's words: how grave, what changed, who must approve; and whom it was put to, and who is next."""
    row = (await full_life(site.town))["pending"]
    page = await site.text_of(row, site.town.creator)
    head = part(page, "title")
    for words in (
        "允许「账房助手」执行资金操作吗？", "特别重要", "12,000.00 CNY · 杭州云帆科技有限公司",
        "不可撤回：款项转出后可能无法追回", "需要 2 人同意，还差 1 人", "✓ 王芳（3月2日 17:36）",
        "您推迟到 3月2日 20:36", "已等 2 小时 5 分钟",
    ):  # fmt: skip
        assert words in head, words
    changed = part(page, "changed")
    assert re.search(r"amount 120 12,000 12000 \(×100\)", changed), changed
    assert re.search(r"memo （没有） 三月服务器费用", changed), changed
    assert "相同：" in changed
    people = part(page, "people")
    assert re.search(r"陈晓 创建者 · 您 提问 .*? 已读 3月2日 18:36 处理 还没有 – 推迟到", people), people
    assert re.search(
        r"王芳 方案指定 .*? 处理 3月2日 17:36 3月2日 17:36 同意 赵敏 代理人 .*?已改发文字 230099", people
    ), people
    assert "Platform 上级" in people
    assert "无法送达 230013" in people
    plan = part(page, "plan")
    assert "问：创建者、「finance」组 3月2日 17:31 · 已到" in plan
    assert f"问：后备审批人、创建者的上级；{reminded(Nudge.URGENT_APP)} 3月2日 19:31 · 已到" in plan
    assert f"问：管理员；{reminded(Nudge.URGENT_SMS)} 3月3日 01:31 · 未到" in plan
    assert "没人答复：拒绝 3月5日 17:31 · 未到" in plan
    timeline = part(page, "timeline")
    for words in (
        f"提醒了一个人 陈晓 · {NUDGES[Nudge.THREAD].zh}",
        "没有打扰 王芳 · 已经答复",
        "赵敏（代 Platform） Platform（上级） 后备",
    ):
        assert words in timeline, words


async def test_arguments_are_told_by_type_with_what_stands_out(site: Site) -> None:
    row = (await full_life(site.town))["query"]
    told = part(await site.text_of(row, site.town.creator), "arguments")
    for words in (
        "command 命令 · 列表 · 4 项 sudo rm -rf /srv/exports/2024", "命令会删除或清空", "以管理员身份运行",
        "sql SQL · 文本", "没有 WHERE：影响整张表", "paths 路径 · 列表 · 2 项", "路径含 ..，可能跳出目录", "to 地址",
        "网址在 @ 之前的部分不是网站名",
    ):  # fmt: skip
        assert words in told, words


async def test_what_a_person_changed_stands_beside_what_was_asked(site: Site) -> None:
    row = (await full_life(site.town))["amended"]
    page = await site.text_of(row, site.town.creator)
    assert re.search(r"陈晓改了参数再同意 .*? amount 12,000 12000 1,200 1200 \(÷10\)", part(page, "amended"))
    assert "改后同意" in part(page, "title")
    assert "陈晓 改了参数 amount: 12000 → 1200" in part(page, "timeline")


async def test_a_prepared_rejection_is_told_in_the_readers_language(site: Site) -> None:
    row = (await full_life(site.town))["rejected"]
    head = part(await site.text_of(row, site.town.creator), "title")
    assert "给智能体的指示 范围或金额太大。请缩小后再问，只做必要的部分。 理由 先导出一份给财务。" in head
    english = await site.text_of(row, site.town.requester)
    assert "Too much. Reduce the scope" in part(english, "title")
    assert "rejected Too much 先导出一份给财务。" in part(english, "timeline")


async def test_how_it_ended_without_anybody_is_told_like_on_the_card(site: Site) -> None:
    rows = await full_life(site.town)
    by_rule = await site.text_of(rows["by-rule"], site.town.creator)
    assert "按规则拒绝" in part(by_rule, "title")
    assert "没人答复：拒绝 3月5日 17:31 · 已到" in part(by_rule, "plan")
    assert f"{reminded(Nudge.URGENT_SMS)} 3月3日 01:31 · 不再需要" in part(by_rule, "plan")
    await freeze(site.town)
    frozen = await site.text_of(rows["approved"], site.town.creator)
    assert "等待解冻" in part(frozen, "title")
    assert "赵敏冻结了智能体（直到有人解冻），解冻前不执行" in part(frozen, "execution")
    assert "即将执行" not in frozen


async def test_only_who_may_approve_now_is_given_the_command(site: Site) -> None:
    town = site.town
    row = (await full_life(town))["pending"]
    may = {
        town.creator: True,
        town.admin: True,
        town.platform_admin: True,
        town.colleague: False,
        town.requester: False,
    }
    for person, expected in may.items():
        page = await site.text_of(row, person, "&lang=zh_cn")
        assert (f"/approve {row.id}" in page) == expected, person.name
    assert "您已同意" in part(await site.text_of(row, town.colleague), "title")


async def test_the_inbox_tells_what_waits_like_the_queue_card(site: Site) -> None:
    await full_life(site.town)
    await site.town.tell(site.town.creator, "写入失败", kind="run.failed")
    page = await site.inbox(site.town.creator)
    waiting = text(page[page.index('id="pending"') : page.index('id="notifications"')])
    first, second = waiting.index("写入业务系统"), waiting.index("执行资金操作")
    assert first < second, "what was put off comes last"
    for words in (
        "重要 已等 2 小时 5 分钟",
        "12,000.00 CNY · 杭州云帆科技有限公司",
        "特别重要",
        "1/2 人已同意",
        "同时询问：王芳, 赵敏",
    ):
        assert words in waiting, words
    assert re.search(r'class="card line unread trouble".*?失败', page, re.DOTALL)


async def test_a_longer_queue_than_is_listed_says_so(site: Site) -> None:
    for _ in range(WAITING_LINES + 3):
        await site.town.approval()
    page = await site.inbox(site.town.creator)
    assert page.count('class="line-title"') == WAITING_LINES
    assert "还有 3 个没有列出" in page
