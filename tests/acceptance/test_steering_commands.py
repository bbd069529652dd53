"""Story: the brake, standing permissions, observation, limits and access tokens, all from the chat."""

from __future__ import annotations

import re
from datetime import timedelta

import aiohttp

from models.enums import Language, Role
from models.tables import AccessToken, Agent, User
from tests.acceptance.test_slash_commands import answer_to
from tests.support.service import RunningHouse

MAIL = {"tool": "im.send", "args": {"to": "lin", "text": "hello"}}
POLICY = {"read_*": "L1", "notify_*": "L3", "delete_*": "L3"}


async def test_a_freeze_stops_everything_until_it_is_lifted(house: RunningHouse) -> None:
    agent = await house.agent()
    lin = house.feishu.creator
    asked = await agent.asks()
    await house.feishu.next_card(to=lin)
    said = await answer_to(house, lin, "/freeze Bookkeeper for 2h 金额不对")
    assert "已冻结「Bookkeeper」" in said
    assert "/unfreeze Bookkeeper" in said
    assert (await agent.asks("read_files"))["status"] == "denied"
    assert (await agent.looks(asked["approval_id"]))["status"] == "pending"
    assert "已冻结（" in await answer_to(house, lin, "/policy test Bookkeeper read_files")
    await house.feishu.say(lin, "/unfreeze Bookkeeper")
    await house.feishu.next_text(to=lin, containing="已解冻「Bookkeeper」，照常工作")
    assert (await agent.asks("read_files"))["allowed"]
    await house.feishu.next_text(to=lin, containing="【已解冻】")
    assert "没有被冻结" in await answer_to(house, lin, "/unfreeze Bookkeeper")


async def test_a_freeze_ends_by_itself(house: RunningHouse) -> None:
    agent = await house.agent()
    await answer_to(house, house.feishu.creator, "/冻结 Bookkeeper 2小时")
    await house.later(hours=1)
    assert (await agent.asks("read_files"))["status"] == "denied"
    await house.later(hours=1, seconds=1)
    assert (await agent.asks("read_files"))["allowed"]


async def test_whoever_types_only_freeze_stops_what_is_theirs(house: RunningHouse) -> None:
    mine, other = await house.agent(), await house.agent(name="Clerk", creator=house.feishu.admin)
    await house.person(house.feishu.admin, role=Role.ORG_ADMIN)
    assert "「Bookkeeper」" in await answer_to(house, house.feishu.creator, "/freeze")
    assert (await mine.asks("read_files"))["status"] == "denied"
    assert (await other.asks("read_files"))["allowed"]
    assert "没有权限" in await answer_to(house, house.feishu.stranger, "/freeze")
    assert "已冻结全部智能体" in await answer_to(house, house.feishu.admin, "/freeze all")
    assert (await other.asks("read_files"))["status"] == "denied"
    refused = await answer_to(house, house.feishu.stranger, "/unfreeze all")
    assert "没有权限" in refused


async def test_grants_are_given_listed_used_and_revoked_by_text(house: RunningHouse) -> None:
    agent = await house.agent(policy=POLICY)
    lin = house.feishu.creator
    asked = await agent.asks("notify_team", details=MAIL)
    card = await house.feishu.next_card(to=lin)
    await house.feishu.click(card, "approve", by=lin)
    assert (await agent.asks("notify_team", details=MAIL))["allowed"]
    assert "没有有效的授权" in await answer_to(house, lin, "/grant list")
    given = await answer_to(house, lin, f"/grant kind {asked['code']} 2h fix=to uses=2")
    assert "最多 2 次" in given
    assert "to = lin" in given
    other = {"tool": "im.send", "args": {"to": "lin", "text": "good morning"}}
    answer = await agent.asks("notify_team", details=other)
    assert answer["allowed"]
    assert answer["layer"] == "grant"
    listed = await answer_to(house, lin, "/grant list Bookkeeper")
    short = re.search(r"· ([0-9a-f]{8}) ", listed)
    assert short is not None
    assert "1/2 次" in listed
    assert "已撤销" in await answer_to(house, lin, f"/grant revoke {short[1]}")
    assert (await agent.asks("notify_team", details=other))["status"] == "pending"


async def test_no_grant_goes_past_the_floor_or_to_others(house: RunningHouse) -> None:
    agent = await house.agent()
    lin = house.feishu.creator
    asked = await agent.asks()
    card = await house.feishu.next_card(to=lin)
    await house.feishu.click(card, "approve", by=lin)
    assert "底线要求" in await answer_to(house, lin, f"/grant exact {asked['approval_id']} 1h")
    refused = await answer_to(house, house.feishu.stranger, f"/grant exact {asked['approval_id']} 1h")
    assert "reports" not in refused
    assert "没有有效的授权" in await answer_to(house, lin, "/grant list")
    assert await house.audited("grant.refused")


async def test_an_observed_agent_runs_and_only_admins_may_say_so(house: RunningHouse) -> None:
    agent = await house.agent()
    lin, wang = house.feishu.creator, house.feishu.admin
    await house.person(wang, role=Role.ORG_ADMIN)
    assert "没有权限" in await answer_to(house, lin, "/observe Bookkeeper for 7d")
    assert "最长 30 天" in await answer_to(house, wang, "/observe Bookkeeper for 31d")
    assert "全部放行" in await answer_to(house, wang, "/observe Bookkeeper for 7d")
    answer = await agent.asks()
    assert answer["allowed"]
    assert answer["would_be"] == "L3"
    assert "只观察" in await answer_to(house, lin, "/policy test Bookkeeper delete_files")
    assert "策略重新生效" in await answer_to(house, wang, "/observe Bookkeeper off")
    assert (await agent.asks())["status"] == "pending"


async def test_labels_and_limits_are_set_by_admins(house: RunningHouse) -> None:
    await house.agent()
    wang = house.feishu.admin
    await house.person(wang, role=Role.ORG_ADMIN)
    assert "没有权限" in await answer_to(house, house.feishu.creator, "/agent label Bookkeeper env=prod")
    said = await answer_to(house, wang, "/agent label Bookkeeper env=prod team=财务")
    assert "· env: prod\n· team: 财务" in said
    assert "没有标签" in await answer_to(house, wang, "/智能体 标签 Bookkeeper env= team=")
    assert "同时待审批：5" in await answer_to(house, wang, "/agent limit Bookkeeper pending=5")
    assert "每分钟检查：默认" in await answer_to(house, wang, "/agent limit Bookkeeper rate=default")
    assert (await Agent.get(name="Bookkeeper")).max_pending == 5


async def test_an_access_token_comes_by_a_link_and_is_revoked(house: RunningHouse) -> None:
    lin = house.feishu.creator
    person = await house.person(lin)
    await User.filter(id=person.id).update(language=Language.EN_US)
    said = await answer_to(house, lin, "/token create laptop 7d")
    assert "asp_" not in said
    url = re.search(r"http://\S+", said)
    assert url is not None
    link = url.group().replace("http://127.0.0.1:8787", house.base_url)
    async with aiohttp.ClientSession() as browser, browser.post(link) as page:
        assert re.search(r"asp_[\w-]{20,}", await page.text())
    [token] = await AccessToken.all()
    assert token.expires_at - token.created_at == timedelta(days=7)
    assert "laptop" in await answer_to(house, lin, "/token list")
    assert "no longer works" in await answer_to(house, lin, "/token revoke laptop")
    assert "no access tokens" in await answer_to(house, lin, "/token list")
    assert "Not found: laptop" in await answer_to(house, lin, "/token revoke laptop")
    assert "366" in await answer_to(house, lin, "/token create x 400d")


async def test_an_agents_page_tells_what_stands_above_its_policy(house: RunningHouse) -> None:
    await house.agent()
    lin, wang = house.feishu.creator, house.feishu.admin
    await house.person(wang, role=Role.ORG_ADMIN)
    assert "冻结" not in await answer_to(house, lin, "/agent show Bookkeeper")
    await answer_to(house, wang, "/agent label Bookkeeper env=prod")
    await answer_to(house, wang, "/agent limit Bookkeeper rate=30")
    await answer_to(house, wang, "/observe Bookkeeper for 7d")
    await answer_to(house, wang, "/freeze all for 1h")
    shown = await answer_to(house, lin, "/agent show Bookkeeper")
    for words in (
        f"（{(await house.person(wang)).name}）。什么都不放行",
        "只观察：到",
        "env=prod",
        "每分钟检查上限：30",
    ):
        assert words in shown
    assert "管理员的冻结由管理员解除" in await answer_to(house, lin, "/unfreeze")


async def test_a_token_of_a_name_that_one_has_is_refused_for_the_name_revokes_it(house: RunningHouse) -> None:
    lin = house.feishu.creator
    assert "已创建" in await answer_to(house, lin, "/token create ci")
    assert "已有叫「ci」的访问令牌" in await answer_to(house, lin, "/token create ci")
    assert "已吊销" in await answer_to(house, lin, "/token revoke ci")
    assert "已创建" in await answer_to(house, lin, "/token create ci")


async def test_creators_learn_that_an_admin_is_needed(house: RunningHouse) -> None:
    await house.agent()
    lin = house.feishu.creator
    for text in ("/observe Bookkeeper for 7d", "/agent label Bookkeeper env=prod", "/policy set floor x L3"):
        assert (await answer_to(house, lin, text)).endswith("需要组织管理员。")
    assert "创建者或组织管理员" in await answer_to(house, house.feishu.stranger, "/policy show Bookkeeper")
    assert "/policy test 名称" in await answer_to(house, lin, "/policy test floor delete_x")
