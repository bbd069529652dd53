"""Attempts to be somebody else, to see what is others', and to make the service talk to whom it must not."""

from __future__ import annotations

import socket
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web

from bot.administration import Declined, Why, in_one_transaction
from bot.app import HOUSE, create_app
from bot.cli import audits
from bot.clicks import Clicks
from bot.database import migrate
from bot.execution.http_executor import CheckedResolver, HttpExecutor
from bot.execution.webhook_signature import secret_of
from bot.ports import ExecutionOrder, OutcomeKind, Receiver, ReceiverType
from handlers.feishu import UNSIGNED, UNSIGNED_WITHIN
from models.enums import Role
from models.tables import Agent, ApprovalRequest, FeishuApp, FeishuIdentity, User
from models.values import CardClick, PersonIds, Refusal, RefusalKind
from tests.support.chatroom import APP, COMPANY, Room, ids
from tests.support.clock import MovableClock
from tests.support.gate import APP_ID, operator
from tests.support.service import house_running

ORDER = ExecutionOrder(UUID(int=1), "bookkeeper", "delete_files", "delete_file", {"path": "x"}, "sha256:5d1f6a")

NEW = replace(APP, tenant_key=None)
"""The app before anybody wrote: which company it belongs to is not learned yet."""


# --- who is who


async def test_a_guest_is_not_the_admin_whose_user_id_is_the_same_in_another_company(room: Room) -> None:
    """A user_id is unique in its company only; an admin named by it has no tenant_key yet."""
    await FeishuApp.filter(app_id=APP_ID).update(tenant_key=None)
    admin = await room.gate.people.ensure("default", "u_lin", role=Role.PLATFORM_ADMIN, now=room.gate.clock.now())
    for group in (True, False):
        guest = replace(
            room.message("lin", "/user role u_lin org_admin", group=group, tenant_key="tk_guest"),
            sender=PersonIds("ou_guest", "on_guest", "u_lin", "tk_guest"),
            mentions={"@_user_1": "ou_bot"} if group else {},
            company=COMPANY,
        )
        await room.chat.on_message(guest, await room.apps.credentials(APP_ID))
        assert "成员" in await room.reply_to(guest)  # "is not a member of the company"
    assert (
        await room.apps.credentials(APP_ID)
    ).tenant_key is None  # nothing is learned from a guest, in private either
    assert await User.all().count() == 1
    lin = replace(room.message("lin", "hi"), company=COMPANY)
    await room.chat.on_message(lin, await room.apps.credentials(APP_ID))
    assert (await room.apps.credentials(APP_ID)).tenant_key == COMPANY
    [known] = await FeishuIdentity.filter(open_id="ou_lin")
    assert known.person_id == admin.id


async def test_a_guest_s_press_is_nobody_s_before_the_company_is_learned(room: Room) -> None:
    guest = PersonIds("ou_guest", "on_guest", "u_lin", "tk_guest")
    assert await room.gate.people.operator(NEW.in_company(COMPANY), guest, room.gate.clock.now()) is None
    assert NEW.in_company(None) == NEW
    assert APP.in_company("tk_guest") == APP


async def test_people_of_two_tenants_are_never_joined_by_an_address(room: Room) -> None:
    """Else an admin of one tenant would become one of the other, and the agents would change hands."""
    now = room.gate.clock.now()
    lin = await room.member("lin", role=Role.ORG_ADMIN)
    caller = await room.gate.agent(lin)
    other = await room.gate.people.ensure("abroad", "lin@company.example", now=now)
    await room.gate.people.learn_open_id(other.id, APP_ID, "ou_lin", now)
    assert (await User.get(id=lin.id)).joined_with is None
    assert (await User.get(id=other.id)).role is Role.MEMBER
    assert (await Agent.get(id=caller.agent_id)).creator_id == lin.id
    again = await room.gate.people.operator(APP, ids("lin"), now)
    assert again is not None
    assert (again.id, again.tenant) == (lin.id, "default")


async def test_a_user_id_is_not_used_through_another_company_s_app(room: Room) -> None:
    """In the other company the same user_id is somebody else, who would get the card and its link."""
    now = room.gate.clock.now()
    await FeishuApp.filter(app_id=APP_ID).update(tenant_key=COMPANY)
    abroad = replace(APP, app_id="cli_abroad", tenant="abroad", tenant_key="tk_abroad")
    await FeishuApp.create(
        app_id=abroad.app_id, tenant=abroad.tenant, name="abroad", base_url=abroad.base_url, app_secret="",
        encrypt_key="", verification_token="", created_at=now, tenant_key="tk_abroad",
    )  # fmt: skip
    joe = await room.gate.people.operator(abroad, ids("joe", tenant_key="tk_abroad", app="_abroad"), now)
    assert joe is not None
    at_home = await room.gate.people.receivers(joe.id, abroad.app_id)
    assert Receiver(ReceiverType.USER_ID, "u_joe") in at_home
    through_ours = await room.gate.people.receivers(joe.id, APP_ID)
    assert ReceiverType.USER_ID not in [way.type for way in through_ours]
    named = await room.gate.people.ensure("abroad", "u_ann", now=now)  # by the command line: nothing else is known
    assert await room.gate.people.receivers(named.id, APP_ID) == []
    lin = await room.gate.people.ensure("default", "u_lin", now=now)
    assert await room.gate.people.receivers(lin.id, APP_ID) == [Receiver(ReceiverType.USER_ID, "u_lin")]


# --- the first admin


async def test_a_printed_claim_code_is_worth_nothing_once_somebody_administers(room: Room) -> None:
    code = await room.first_admin.prepare()
    assert code is not None
    await room.member("root", role=Role.PLATFORM_ADMIN)  # by ASSENT_ADMINS or the command line, after a restart
    lin = await room.member("lin")

    async def claim(work: Any) -> Role | Declined:
        return await room.first_admin.claim(work, operator(lin), code)

    claimed = await in_one_transaction(room.gate.ledger, claim)
    assert isinstance(claimed, Declined)
    assert claimed.why is Why.CLAIMED
    assert (await User.get(id=lin.id)).role is Role.MEMBER


# --- presses


async def test_a_repeated_press_of_a_stranger_shows_no_card(room: Room) -> None:
    """A repeated event is answered from what stands; that must not show strangers what their first press did not."""
    creator, spy = await room.member("lin"), await room.member("spy")
    answer = await room.gate.check(await room.gate.agent(creator))
    approval = await ApprovalRequest.get(id=answer.approval_id)
    clicks = Clicks(room.gate.approvals, room.gate.people, room.gate.views, room.gate.clock)
    click = CardClick(
        event_id="ev_1",
        app_id=APP_ID,
        operator=ids("spy"),
        message_id=None,
        chat_id=None,
        value={"approval_id": str(approval.id), "verdict": "approve"},
        name=None,
        form={},
        at=room.gate.clock.now(),
    )
    assert spy.id != creator.id
    for _ in range(3):
        pressed = await clicks.press(APP, click)
        assert isinstance(pressed.outcome, Refusal)
        assert pressed.outcome.kind is RefusalKind.NOT_YOURS
        assert pressed.view is None
    nowhere = replace(click, event_id="ev_2", value={"approval_id": str(approval.agent_id), "verdict": "approve"})
    for _ in range(2):
        pressed = await clicks.press(APP, nowhere)
        assert isinstance(pressed.outcome, Refusal)
        assert pressed.outcome.kind is RefusalKind.UNKNOWN_APPROVAL


async def test_strangers_get_few_tries_at_the_unsigned_way_in(sqlite_url: str) -> None:
    """The url_verification has no signature, so that it is all that a stranger can have us decrypt."""
    async with house_running(sqlite_url) as house:
        url = f"{house.base_url}/feishu/webhook"
        for _ in range(UNSIGNED):
            async with house.session.post(url, json={"encrypt": "A" * 64}) as refused:
                assert refused.status == 401
        assert not await house.feishu.verify_url()
        house.clock.offset += UNSIGNED_WITHIN
        assert await house.feishu.verify_url()
        agent = await house.agent()
        for _ in range(UNSIGNED + 1):
            async with house.session.post(url, json={"encrypt": "A" * 64}) as refused:
                assert refused.status == 401
        asked = await agent.asks("delete_files")  # what is signed comes through all the same
        card = await house.feishu.next_card(to=house.feishu.creator)
        await house.feishu.click(card, "approve", by=house.feishu.creator)
        assert (await agent.looks(asked["approval_id"]))["status"] == "approved"


# --- calls to the outside


async def test_a_name_that_turns_to_the_metadata_service_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the look before the call saw another address than the call would."""

    async def rebound(*_: object, **__: object) -> list[dict[str, object]]:
        return [
            {
                "hostname": "localhost", "host": "169.254.169.254", "port": 80,
                "family": socket.AF_INET, "proto": 0, "flags": 0,
            }
        ]  # fmt: skip

    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", rebound)
    connector = aiohttp.TCPConnector(resolver=CheckedResolver())
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(aiohttp.ClientConnectorDNSError) as refused:
            await session.post("http://localhost:9/")
        assert "link-local" in str(refused.value.__cause__)
        outcome = await HttpExecutor(session, MovableClock()).execute(
            "http://localhost:9/", [secret_of(b"n" * 24)], ORDER
        )
    assert outcome.kind is OutcomeKind.FAILED  # proven not to have happened, so it is not `unknown`
    assert outcome.error == "not reached: ClientConnectorDNSError"


async def test_the_service_s_own_session_checks_names_and_keeps_no_cookies(sqlite_url: str) -> None:
    from config.settings import load_settings

    settings = load_settings({"ASSENT_DATABASE_URL": sqlite_url, "ASSENT_SECRET_KEY": "k" * 32} | _FEISHU)
    app = await create_app(settings)
    session = app[HOUSE].session
    got: list[str] = []

    async def sets_a_cookie(request: web.Request) -> web.Response:
        got.append(request.headers.get("Cookie", ""))
        return web.Response(headers={"Set-Cookie": "sid=of-another-agent; Path=/"})

    server = web.Application()
    server.add_routes([web.post("/", sets_a_cookie)])
    runner = web.AppRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        for _ in range(2):
            async with session.post(f"http://localhost:{runner.addresses[0][1]}/") as response:
                assert response.status == 200
        assert got == ["", ""]
        assert isinstance(session.connector, aiohttp.TCPConnector)
        assert isinstance(session.connector._resolver, CheckedResolver)
    finally:
        await session.close()
        await runner.cleanup()


_FEISHU = {
    "ASSENT_FEISHU_APP_ID": "cli_a",
    "ASSENT_FEISHU_APP_SECRET": "s",
    "ASSENT_FEISHU_ENCRYPT_KEY": "e",
    "ASSENT_FEISHU_VERIFICATION_TOKEN": "v",
}


# --- files


def test_database_and_export_are_their_owner_s_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments stand in both in clear."""
    from tests.support.databases import run_apart

    database, export = tmp_path / "var" / "assent.db", tmp_path / "audit.jsonl"
    run_apart(migrate(f"sqlite://{database}"))
    monkeypatch.chdir(tmp_path)
    for name in _FEISHU:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ASSENT_DATABASE_URL", f"sqlite://{database}")
    audits.export(str(export))
    for path in (database, export):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
