"""Attempts to get past the people who are asked: by edits, by two names, by the choice of who is asked, by floods."""

from __future__ import annotations

import asyncio
import json
import sys
from uuid import UUID

import pytest

from bot.administration.actors import Actor
from bot.approvals import Consenting, Resolved
from bot.consenting import consents_to, deciding_facts
from bot.directory import Caller
from bot.hindsight.locating import locate
from bot.noticing.outcomes import Reported, RunOutcomes
from bot.noticing.presses import STOP, NoticePresses
from bot.reading import Reading
from models.approval import CardCopy
from models.enums import ApprovalStatus, AskedAs, Level, Role
from models.tables import Agent, FeishuIdentity, Notification, OutboxMessage, User
from models.values import CardClick, JsonObject, PersonIds, Refusal, RefusalKind
from tests.support.chatroom import APP
from tests.support.deciding import amend, decide, row, write_plan
from tests.support.gate import APP_ID, ZONE, Gate, operator
from tests.support.office import Office

HANGS_AFTER = 60.0  # seconds; what is read in time that grows with its length takes none of them

ABOVE_1000: JsonObject = {
    "questions": [
        {
            "name": "large",
            "action": "pay_*",
            "when": "args.amount > 1000",
            "separate_duties": True,
            "steps": [{"after": "0m", "ask": ["creator", "admins"]}],
        }
    ],
    "default": {"steps": [{"after": "0m", "ask": ["creator", "admins"]}]},
}
SEPARATED: JsonObject = {"default": {"separate_duties": True, "steps": [{"after": "0m", "ask": ["creator"]}]}}


def refusal(outcome: object) -> RefusalKind:
    assert isinstance(outcome, Refusal), outcome
    return outcome.kind


# --- one person, two names


async def test_an_edit_does_not_let_the_requester_past_separated_duties(office: Office) -> None:
    """Small enough to be approved alone when it was asked, made large on the card by who had asked for it."""
    gate = office.gate
    lin = await office.person("Lin")
    await office.person("Boss", role=Role.ORG_ADMIN)
    await write_plan(gate, ABOVE_1000)
    agent = await gate.agent(lin, policy={"pay_*": "L3"})
    details = {"tool": "pay", "args": {"amount": 100, "currency": "CNY"}}
    answer = await gate.check(agent, "pay_invoice", details=details, requested_by="on_lin")
    assert (await row(answer)).requester_id is None  # nobody is known by this id yet
    await FeishuIdentity.filter(person_id=lin.id).update(union_id="on_lin")
    outcome = await amend(gate, answer, lin, {0: "90000"})
    assert refusal(outcome) is RefusalKind.SEPARATED
    assert (await row(answer)).status is ApprovalStatus.PENDING


async def test_an_edit_waits_until_it_is_known_who_asked_where_duties_become_separated(office: Office) -> None:
    """Agents name people by address, and who wrote to the bot is not known by one."""
    gate = office.gate
    lin = await office.person("Lin")
    await write_plan(gate, ABOVE_1000)
    agent = await gate.agent(lin, policy={"pay_*": "L3"})
    details = {"tool": "pay", "args": {"amount": 100, "currency": "CNY"}}
    answer = await gate.check(agent, "pay_invoice", details=details, requested_by="lin@example.com")
    assert refusal(await amend(gate, answer, lin, {0: "90000"})) is RefusalKind.NOT_EDITABLE
    known = await gate.people.find("default", "lin@example.com")
    assert known is not None
    await gate.people.learn_open_id(known.id, APP_ID, "ou_lin", gate.clock.now())
    assert refusal(await amend(gate, answer, await gate.people.user(lin.id), {0: "90000"})) is RefusalKind.SEPARATED


async def test_a_consent_of_who_turns_out_to_be_the_requester_counts_no_longer(office: Office) -> None:
    gate = office.gate
    lin, boss = await office.person("Lin"), await office.person("Boss", role=Role.ORG_ADMIN)
    chief = await office.person("Chief", role=Role.ORG_ADMIN)
    steps = [{"after": "0m", "ask": ["creator", "admins"]}]
    await write_plan(gate, {"default": {"approvals": 2, "separate_duties": True, "steps": steps}})
    agent = await gate.agent(lin)
    answer = await gate.check(agent, requested_by="lin@example.com")
    assert isinstance(await decide(gate, answer, lin), Consenting)
    known = await gate.people.ensure("default", "lin@example.com", now=gate.clock.now())
    await gate.people.learn_open_id(known.id, APP_ID, "ou_lin", gate.clock.now())
    lin = await gate.people.user(lin.id)
    assert refusal(await decide(gate, answer, lin)) is RefusalKind.SEPARATED
    assert isinstance(await decide(gate, answer, boss), Consenting)
    approval = await row(answer)
    assert [one.person_id for one in await consents_to(approval)] == [boss.id]
    assert (await deciding_facts(approval)).consents == {boss.id}
    assert isinstance(await decide(gate, answer, chief), Resolved)


async def test_who_asks_for_the_own_action_does_not_choose_who_approves_it(office: Office) -> None:
    """The creator's backup stands in for an absent creator, not for one who may not answer the own request."""
    gate = office.gate
    lin, friend = await office.person("Lin"), await office.person("Friend")
    boss = await office.person("Boss", role=Role.ORG_ADMIN)
    await write_plan(gate, SEPARATED)
    agent = await gate.agent(lin)
    await Agent.filter(id=agent.agent_id).update(backup_id=friend.id)
    answer = await gate.check(agent, requested_by="u_lin")
    asked = await CardCopy.filter(approval_id=answer.approval_id).values_list("person_id", "asked_as")
    assert asked == [(boss.id, AskedAs.ADMIN)]
    assert refusal(await decide(gate, answer, friend)) is RefusalKind.NOT_YOURS


async def test_who_was_asked_as_an_admin_sees_nothing_more_once_that_is_over(office: Office) -> None:
    """What was asked for a role ends with the role: the page, the command, and what an edit made of the arguments."""
    gate = office.gate
    lin, boss = await office.person("Lin"), await office.person("Boss", role=Role.ORG_ADMIN)
    await write_plan(gate, {"default": {"steps": [{"after": "0m", "ask": ["creator", "admins"]}]}})
    answer = await gate.check(await gate.agent(lin))
    reading, approval_id = Reading(gate.clock), str(answer.approval_id)
    assert await reading.approval_page(UUID(approval_id), boss.id) is not None
    await User.filter(id=boss.id).update(role=Role.MEMBER)
    assert await reading.approval_page(UUID(approval_id), boss.id) is None
    actor = Actor.of(operator(await gate.people.user(boss.id)))
    assert refusal(await locate(gate.people, actor, approval_id)) is RefusalKind.UNKNOWN_SUBJECT
    assert refusal(await locate(gate.people, actor, str(answer.check_id))) is RefusalKind.UNKNOWN_SUBJECT


# --- floods, and texts that never end


@pytest.mark.parametrize(
    "typed",
    [
        "'/settings days ' + '1' * 5_000 + 'x'",
        "'/plan set ```' + ' ' * 50_000 + 'x'",
        "'/plan set {' + chr(34) + (chr(92) + chr(34)) * 50_000",
    ],
)
async def test_no_typed_command_takes_for_ever_to_be_read(typed: str) -> None:
    """Anybody in the company may write to the bot, and it reads in the process that answers the agents."""
    code = f"from bot.commands import parse; print(type(parse({typed})).__name__)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(HANGS_AFTER):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert out.decode().strip() == "Usage"


async def test_an_agent_cannot_flood_its_creator_with_failures(office: Office) -> None:
    """Each is in the inbox; in the chat only so many within an hour, the last of which says so."""
    gate = office.gate
    outcomes = RunOutcomes(gate.ledger, gate.people, gate.bell, gate.clock, ZONE, per_hour=3)
    lin = await office.person("Lin")
    agent, other = await gate.agent(lin, policy={"read": "L1"}), await gate.agent(lin, name="B", policy={"read": "L1"})
    for _ in range(6):
        await fails(gate, outcomes, agent)
    assert len(await failures_said(lin)) == 3
    assert ["收件箱" in text for text in await failures_said(lin)] == [False, False, True]
    assert await Notification.filter(person_id=lin.id, type="run.failed").count() == 6
    await fails(gate, outcomes, other)  # one talkative agent silences no other
    assert len(await failures_said(lin)) == 4
    gate.clock.move(hours=1)
    await fails(gate, outcomes, agent)
    assert len(await failures_said(lin)) == 5
    assert {message.lane for message in await texts_to(lin)} == {f"notice:{lin.id}"}


async def fails(gate: Gate, outcomes: RunOutcomes, agent: Caller) -> None:
    ran = await gate.check(agent, "read", details={"args": {}})
    assert isinstance(await outcomes.report(agent, ran.check_id, "failed", None, "disk full"), Reported)


async def texts_to(person: User) -> list[OutboxMessage]:
    return await OutboxMessage.filter(person_id=person.id, dedupe__startswith="run-failed:").order_by("id")


async def failures_said(person: User) -> list[str]:
    return [json.loads(message.payload)["text"] for message in await texts_to(person)]


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00"])
async def test_a_forged_time_in_a_notice_s_button_is_no_fault(office: Office, at: str) -> None:
    gate, lin = office.gate, await office.person("Lin")
    agent = await gate.agent(lin, policy={"read": "L2"})
    ran = await gate.check(agent, "read", details={"args": {}})
    value: JsonObject = {"act": STOP, "agent_id": str(agent.agent_id), "check_id": str(ran.check_id), "at": at}
    click = CardClick("ev", APP_ID, PersonIds("ou_lin", None, None, None), None, None, value, None, {}, None)
    presses = NoticePresses(gate.ledger, gate.clock, ZONE, default_level=Level.L3)
    assert (await presses.press(APP, operator(lin), STOP, click, "ev")).word == "unknown"
