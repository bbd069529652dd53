"""Feishu apps: sealed at rest, looked up by nothing but their own id."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.administration import Actor, Declined, Why
from bot.people.apps import CACHE_SECONDS, FeishuApps, UnknownApp, UnusableApp
from bot.secrecy.box import SealBroken
from models.enums import Role
from models.tables import Agent, AuditEntry, FeishuApp
from models.values import AppCredentials, Refusal
from tests.support.chatroom import APP, Room
from tests.support.gate import APP_ID, operator

SECOND = AppCredentials("cli_second", "default", "https://open.feishu.cn", "s3cret", "enc-key", "ver-token")


async def test_secrets_are_sealed_at_rest_and_come_back_whole(room: Room) -> None:
    await room.apps.add(SECOND, name="Second", now=room.gate.clock.now())
    row = await FeishuApp.get(app_id="cli_second")
    for stored, secret in (
        (row.app_secret, SECOND.app_secret),
        (row.encrypt_key, SECOND.encrypt_key),
        (row.verification_token, SECOND.verification_token),
    ):
        assert secret not in stored
    assert await room.apps.credentials("cli_second") == SECOND
    assert "s3cret" not in repr(SECOND)
    assert [line.app_id for line in await room.apps.list()] == [APP_ID, "cli_second"]


async def test_the_default_app_has_the_secrets_of_the_settings(room: Room) -> None:
    found = await room.apps.credentials(APP_ID)
    assert (found.app_secret, found.encrypt_key) == (APP.app_secret, APP.encrypt_key)
    changed = FeishuApps(room.box, replace(APP, app_secret="rotated", app_id="cli_new"))
    await changed.ensure_default(room.gate.clock.now())
    assert (await changed.credentials("cli_new")).app_secret == "rotated"
    assert [line.app_id for line in await room.apps.list() if line.is_default] == ["cli_new"]
    assert (await changed.credentials(APP_ID)).app_secret == APP.app_secret


async def test_an_unknown_or_archived_app_is_unknown(room: Room) -> None:
    with pytest.raises(UnknownApp):
        await room.apps.credentials("cli_second")
    for hostile in ("", "x" * 5000, "cli_\0", "cli_" + "x" * 500):
        with pytest.raises(UnknownApp):
            await room.apps.credentials(hostile)
    await room.apps.add(SECOND, name="Second", now=room.gate.clock.now())
    await room.apps.credentials("cli_second")
    await room.apps.archive("cli_second", room.gate.clock.now())
    with pytest.raises(UnknownApp):
        await room.apps.credentials("cli_second")
    with pytest.raises(UnknownApp):
        await room.apps.archive("cli_second", room.gate.clock.now())


async def test_what_another_process_changed_is_seen_when_the_cache_is_old(room: Room) -> None:
    passed = [0.0]
    apps = FeishuApps(room.box, APP, monotonic=lambda: passed[0])
    await apps.add(SECOND, name="Second", now=room.gate.clock.now())
    await apps.credentials("cli_second")
    await room.apps.add(replace(SECOND, app_secret="rotated"), name="Second", now=room.gate.clock.now())
    assert (await apps.credentials("cli_second")).app_secret == "s3cret"
    passed[0] = CACHE_SECONDS + 1
    assert (await apps.credentials("cli_second")).app_secret == "rotated"


async def test_the_tenant_key_is_learned_once(room: Room) -> None:
    await room.apps.add(SECOND, name="Second", now=room.gate.clock.now())
    await room.apps.learn_tenant_key("cli_second", "tk_first")
    await room.apps.learn_tenant_key("cli_second", "tk_rival")
    assert (await room.apps.credentials("cli_second")).tenant_key == "tk_first"


async def test_defect_7_no_other_secret_can_pass_for_a_feishu_secret(room: Room) -> None:
    """The look-up has one table, and what was sealed for anything else does not open there."""
    lin = await room.member("lin")
    caller = await room.gate.agent(lin)
    foreign = room.box.seal("whsec_another_vendors_secret", bound_to=str(caller.agent_id))
    await Agent.filter(id=caller.agent_id).update(executor_secret=foreign)
    with pytest.raises(UnknownApp):
        await room.apps.credentials(str(caller.agent_id))
    await room.apps.add(SECOND, name="Second", now=room.gate.clock.now())
    await FeishuApp.filter(app_id="cli_second").update(app_secret=foreign)
    with pytest.raises(SealBroken):
        await FeishuApps(room.box, APP).credentials("cli_second")


@pytest.mark.parametrize(
    "wrong",
    [
        {"app_id": "wx_other_vendor"},
        {"base_url": "http://open.feishu.cn"},
        {"base_url": "https://open.feishu.cn/path"},
        {"app_secret": " "},
        {"encrypt_key": ""},
        {"verification_token": ""},
    ],
)
async def test_what_is_no_feishu_app_is_not_registered(room: Room, wrong: dict[str, str]) -> None:
    with pytest.raises(UnusableApp) as refused:
        await room.apps.add(replace(SECOND, **wrong), name="Second", now=room.gate.clock.now())  # type: ignore[arg-type]
    assert "s3cret" not in str(refused.value)
    assert await FeishuApp.all().count() == 1


async def test_only_who_administers_the_platform_registers_apps_and_it_is_audited(room: Room) -> None:
    wang = await room.member("wang", role=Role.ORG_ADMIN)
    async with room.gate.ledger.transaction() as work:
        refused = await room.administration.apps.add(work, Actor.of(operator(wang)), SECOND, name="Second")
    assert isinstance(refused, Refusal)
    cli = Actor.command_line("ops", "default")
    async with room.gate.ledger.transaction() as work:
        added = await room.administration.apps.add(work, cli, SECOND, name="Second")
        wrong = await room.administration.apps.add(work, cli, replace(SECOND, app_id="x"), name="X")
    assert added == SECOND
    assert isinstance(wrong, Declined)
    assert wrong.why is Why.BAD_APP
    [entry] = await AuditEntry.filter(action="app.added")
    assert (entry.actor, entry.subject) == ("cli:ops", "app:cli_second")
    assert "s3cret" not in entry.details
