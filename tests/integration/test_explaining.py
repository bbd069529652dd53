"""Why a check was answered so: what is told, to whom, and by which ids it is found."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from bot.administration.actors import Actor
from bot.administration.values import Declined
from bot.database import Database
from bot.directory import Caller
from bot.hindsight.explaining import Explaining, Why
from bot.hindsight.locating import Reader
from cards.why import why as why_text
from cards.why_data import why_json
from models.enums import (
    AgentStatus,
    ApprovalStatus,
    AskedAs,
    Delivery,
    ExecutionStatus,
    GrantKind,
    Language,
    Layer,
    Level,
    OutboxKind,
    Role,
    Verdict,
    Via,
)
from models.ids import new_id
from models.tables import ApprovalRequest, AuditEntry, CardCopy, Grant, Notification, PolicyVersion, User
from models.values import JsonObject, Refusal, RefusalKind
from tests.support.gate import ZONE, Gate, operator
from tests.support.office import Office, open_office

PAYS: dict[str, Any] = {
    "default": "L2",
    "rules": [
        {"name": "big payments", "action": "pay_*", "when": "args.amount > 100", "level": "L3", "note": "ask Chen"},
        {"action": "read_*", "level": "L1"},
    ],
}
DETAILS = {"tool": "bank", "args": {"amount": 500, "password": "correct horse battery"}}


@dataclass(frozen=True)
class Desk:
    office: Office
    creator: User
    caller: Caller
    explaining: Explaining

    @property
    def gate(self) -> Gate:
        return self.office.gate

    async def pays(self, **kwargs: Any) -> ApprovalRequest:
        answer = await self.gate.check(self.caller, "pay_invoice", details=kwargs.pop("details", DETAILS), **kwargs)
        return await ApprovalRequest.get(id=answer.approval_id)

    def keep_the_time_of_ids(self) -> None:
        """Ids tell the time of the machine; from now on so does the clock."""
        self.gate.clock.move(seconds=(datetime.now(UTC) - self.gate.clock.now()).total_seconds())

    async def why(self, id_: object, *, reader: Reader | None = None) -> Why:
        found = await self.explaining.why(reader or by(self.creator), str(id_))
        assert isinstance(found, Why), found
        return found

    async def refused(self, id_: object, reader: Reader) -> Refusal:
        found = await self.explaining.why(reader, str(id_))
        assert isinstance(found, Refusal), found
        return found


def by(person: User) -> Actor:
    return Actor.of(operator(person))


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with open_office(database) as office:
        gate = office.gate
        await gate.write_floor({"rules": []})
        creator = await office.person("Chen", email="chen@example.com")
        caller = await gate.agent(creator, policy=PAYS)
        await PolicyVersion.filter(agent_id=caller.agent_id).update(author=f"user:{creator.id}", note="first limits")
        yield Desk(office, creator, caller, Explaining(gate.people, gate.clock))


async def test_an_approval_is_explained_from_the_rule_to_the_execution(desk: Desk) -> None:
    gate = desk.gate
    lin = await desk.office.person("Lin", email="lin@example.com")
    approval = await desk.pays(requested_by="lin@example.com")
    await desk.office.deliver()
    gate.clock.move(minutes=3)
    await Notification.filter(approval_id=approval.id, person_id=desk.creator.id).update(read_at=gate.clock.now())
    await gate.approvals.resolve(approval.id, Verdict.APPROVE, operator(desk.creator), via=Via.CARD, reason="fine")
    await gate.check(desk.caller, "pay_invoice", details=DETAILS, requested_by="lin@example.com")
    await desk.office.deliver()

    why = await desk.why(approval.id)

    assert (why.check_id, why.outcome, why.level, why.layer) == (
        approval.check_id, "check.pending", Level.L3, Layer.POLICY,
    )  # fmt: skip
    assert (why.rule, why.rule_note, why.policy_version) == ("big payments", "ask Chen", 1)
    assert why.matched == ("action pay_*", "when args.amount > 100")
    assert why.policy is not None
    assert (why.policy.author, why.policy.note) == ("Chen", "first limits")
    assert (why.agent, why.creator, why.requester, why.requester_known) == ("Bookkeeper", "Chen", lin.name, True)
    assert (why.action_digest, why.code) == (approval.action_digest, approval.facts().code)
    told = why.approval
    assert told is not None
    assert (told.status, told.resolver, told.via, told.resolution_reason) == (
        ApprovalStatus.APPROVED, "Chen", Via.CARD, "fine",
    )  # fmt: skip
    assert told.execution.status is ExecutionStatus.RUNNING
    assert told.claimed_at == gate.clock.now()
    [asked] = told.asked
    assert (asked.person, asked.state, asked.seen_at) == ("Chen", Delivery.ACTED, gate.clock.now())
    assert asked.sent_at == gate.clock.now() - timedelta(minutes=3)
    assert [step.action for step in why.timeline] == [
        "approval.requested", "check.pending", "approval.resolved", "approval.claimed", "check.allowed",
    ]  # fmt: skip
    assert {step.actor for step in why.timeline} == {"Bookkeeper", "Chen"}
    assert why.deliveries[0].kind is OutboxKind.APPROVAL_CARD
    assert why.deliveries[0].to == "Chen"


async def test_a_check_that_ran_is_explained_too(desk: Desk) -> None:
    answer = await desk.gate.check(desk.caller, "read_notes")

    why = await desk.why(answer.check_id)

    assert (why.outcome, why.level, why.rule, why.approval) == ("check.allowed", Level.L1, "read_*", None)
    assert [step.action for step in why.timeline] == ["check.allowed"]


async def test_the_floor_that_was_stricter_is_named_with_its_version(desk: Desk) -> None:
    await desk.gate.write_floor(
        {"rules": [{"name": "reads ask", "action": "read_*", "level": "L3", "note": "for now"}]}
    )
    answer = await desk.gate.check(desk.caller, "read_notes")

    why = await desk.why(answer.check_id)

    assert (why.layer, why.rule, why.floor_rule, why.floor_level) == (Layer.FLOOR, "read_*", "reads ask", Level.L3)
    assert (why.floor_version, why.rule_note) == (2, "for now")
    assert why.floor is not None
    assert why.floor.author == "test"


async def test_faults_and_what_was_observed_are_told(desk: Desk) -> None:
    await desk.gate.observe(desk.caller, desk.gate.clock.now() + timedelta(hours=1))
    answer = await desk.gate.check(desk.caller, "pay_invoice", details={"tool": "bank", "args": {}})

    why = await desk.why(answer.check_id)

    assert (why.layer, why.level, why.would_be) == (Layer.OBSERVE, Level.L1, Level.L3)
    assert len(why.faults) == 1
    assert "big payments" in why.faults[0]


async def test_the_grant_that_spared_the_question_is_told(desk: Desk) -> None:
    answer = await desk.gate.check(desk.caller, "read_notes")
    now = desk.gate.clock.now()
    grant = await Grant.create(
        tenant="default", agent_id=desk.caller.agent_id, giver_id=desk.creator.id, kind=GrantKind.EXACT,
        action_type="read_notes", bounds="{}", created_at=now, expires_at=now + timedelta(hours=1), max_uses=20, uses=1,
    )  # fmt: skip
    [entry] = await AuditEntry.filter(subject=f"check:{answer.check_id}")
    details = {**json.loads(entry.details), "layer": "grant", "would_be": "L3", "grant_id": str(grant.id)}
    await AuditEntry.filter(id=entry.id).update(details=json.dumps(details))

    why = await desk.why(answer.check_id)

    assert why.grant is not None
    assert (why.grant.id, why.grant.giver, why.grant.uses, why.grant.max_uses) == (grant.id, "Chen", 1, 20)
    assert "given by Chen" in why_text(why, Language.EN_US)


async def test_a_paused_agent_is_said_to_be_paused(desk: Desk) -> None:
    await desk.gate.set_status(desk.caller, AgentStatus.PAUSED)
    answer = await desk.gate.check(desk.caller, "read_notes")

    why = await desk.why(answer.check_id)

    assert (why.layer, why.level, why.outcome) == (Layer.PAUSE, Level.DENY, "check.denied")


async def test_entries_from_before_there_were_layers_are_explained(desk: Desk) -> None:
    answer = await desk.gate.check(desk.caller, "read_notes")
    [entry] = await AuditEntry.filter(subject=f"check:{answer.check_id}")
    kept = ("level", "rule", "policy_version", "reason", "action_digest", "request")
    details = {name: json.loads(entry.details)[name] for name in kept}
    await AuditEntry.filter(id=entry.id).update(details=json.dumps(details))

    why = await desk.why(answer.check_id)

    assert (why.layer, why.floor_version, why.matched) == (Layer.POLICY, None, ())


@pytest.mark.parametrize("digits", [36, 13, 8])
async def test_the_beginning_of_an_id_is_enough_when_it_fits_one_thing(desk: Desk, digits: int) -> None:
    approval = await desk.pays()

    assert (await desk.why(str(approval.id)[:digits])).check_id == approval.check_id
    assert (await desk.why(f" {str(approval.check_id).upper()} ")).check_id == approval.check_id


async def test_the_code_on_the_card_is_enough(desk: Desk) -> None:
    approval = await desk.pays()

    assert (await desk.why(approval.facts().code)).check_id == approval.check_id


async def test_a_code_that_two_actions_share_is_ambiguous(desk: Desk) -> None:
    first, second = await desk.pays(), await desk.pays(details={"tool": "bank", "args": {"amount": 501}})
    digest = first.action_digest[:13] + second.action_digest[13:]
    await ApprovalRequest.filter(id=second.id).update(action_digest=digest)

    found = await desk.explaining.why(by(desk.creator), first.facts().code)

    assert isinstance(found, Declined)


@pytest.mark.parametrize("digits", [36, 20, 13, 8])
async def test_the_beginning_of_a_check_is_enough_when_it_fits_one(desk: Desk, digits: int) -> None:
    desk.keep_the_time_of_ids()
    answer = await desk.gate.check(desk.caller, "read_notes")

    assert (await desk.why(str(answer.check_id)[:digits])).check_id == answer.check_id
    assert (await desk.refused(str(answer.check_id)[:7], by(desk.creator))).kind is RefusalKind.UNKNOWN_SUBJECT


async def test_a_beginning_that_fits_two_checks_is_ambiguous(desk: Desk) -> None:
    desk.keep_the_time_of_ids()
    first = await desk.gate.check(desk.caller, "read_notes")
    second = await desk.gate.check(desk.caller, "read_more")
    twin = str(first.check_id)[:24] + str(second.check_id)[24:]
    await AuditEntry.filter(subject=f"check:{second.check_id}").update(subject=f"check:{twin}")

    assert isinstance(await desk.explaining.why(by(desk.creator), twin[:24]), Declined)
    assert (await desk.why(first.check_id)).request.action_type == "read_notes"
    assert (await desk.why(twin)).request.action_type == "read_more"


async def test_a_repeat_is_explained_by_its_own_id_and_leads_to_the_same_approval(desk: Desk) -> None:
    approval = await desk.pays()
    again = await desk.gate.check(desk.caller, "pay_invoice", details=DETAILS)

    why = await desk.why(again.check_id)

    assert (why.outcome, why.check_id) == ("check.joined", again.check_id)
    assert why.approval is not None
    assert why.approval.id == approval.id


async def test_a_check_is_found_by_its_whole_id_even_when_the_clock_was_wrong(desk: Desk) -> None:
    desk.gate.clock.move(days=400)
    answer = await desk.gate.check(desk.caller, "read_notes")

    assert (await desk.why(answer.check_id)).outcome == "check.allowed"


async def test_who_may_know(desk: Desk) -> None:
    gate = desk.gate
    lin = await desk.office.person("Lin", email="lin@example.com")
    approval = await desk.pays(requested_by="lin@example.com")
    ran = await gate.check(desk.caller, "read_notes", requested_by="lin@example.com")
    readers: list[Reader] = [
        by(desk.creator),
        by(lin),
        by(await gate.person("Zhao", role=Role.ORG_ADMIN)),
        by(await gate.person("Root", role=Role.PLATFORM_ADMIN, tenant="other")),
        Actor.command_line("ops", "default"),
        desk.caller,
    ]

    for reader in readers:
        for id_ in (approval.id, approval.check_id, ran.check_id, approval.facts().code, str(approval.id)[:13]):
            assert (await desk.why(id_, reader=reader)).agent == "Bookkeeper"


async def test_who_was_asked_may_know_why_of_that_request_alone(desk: Desk) -> None:
    gate = desk.gate
    wang = await gate.person("Wang")
    approval = await desk.pays()
    other = await desk.pays(details={"tool": "bank", "args": {"amount": 700}})
    await CardCopy.create(approval_id=approval.id, person_id=wang.id, app_id="default", asked_as=AskedAs.BACKUP)

    for id_ in (approval.id, approval.check_id, approval.facts().code):
        assert (await desk.why(id_, reader=by(wang))).agent == "Bookkeeper"
    for id_ in (other.id, other.check_id, other.facts().code):
        assert (await desk.refused(id_, by(wang))).kind is RefusalKind.UNKNOWN_SUBJECT


async def test_for_everybody_else_it_does_not_exist(desk: Desk) -> None:
    gate = desk.gate
    approval = await desk.pays(requested_by="lin@example.com")
    ran = await gate.check(desk.caller, "read_notes")
    wang = await gate.person("Wang")
    strangers: list[Reader] = [
        by(wang),
        by(await gate.person("Far", role=Role.ORG_ADMIN, tenant="other")),
        await gate.agent(wang, name="Another"),
    ]

    for stranger in strangers:
        for id_ in (approval.id, approval.check_id, ran.check_id, str(ran.check_id)[:13], approval.facts().code):
            refused = await desk.refused(id_, stranger)
            unknown = await desk.refused(new_id(), stranger)
            assert (refused.kind, refused.detail) == (RefusalKind.UNKNOWN_SUBJECT, str(id_))
            assert refused.kind is unknown.kind


@pytest.mark.parametrize(
    "id_", ["", "x", "zz00zz", "12", "0" * 40, "check:1", "'; --", "ffffffffffffffffffffffffffffffff"]
)
async def test_what_is_no_id_finds_nothing(desk: Desk, id_: str) -> None:
    assert (await desk.refused(id_, by(desk.creator))).kind is RefusalKind.UNKNOWN_SUBJECT


async def test_the_text_is_whole_short_and_keeps_secrets(desk: Desk) -> None:
    gate = desk.gate
    approval = await desk.pays(requested_by="nobody@example.com")
    await desk.office.deliver()
    await Notification.filter(approval_id=approval.id).update(read_at=gate.clock.now())
    await gate.approvals.resolve(approval.id, Verdict.REJECT, operator(desk.creator), via=Via.COMMAND, reason="twice")

    why = await desk.why(approval.id)
    english, chinese = (why_text(why, language, zone=ZONE) for language in (Language.EN_US, Language.ZH_CN))

    for line in (
        "pay_invoice (“Bookkeeper”): a person was asked",
        "Matched: action pay_* · when args.amount > 100",
        "Its note: ask Chen",
        "Policy by: Chen, Mar 2, 17:30 (first limits)",
        "Question: Rejected by Chen, Mar 2, 17:30 (command)",
        "· Chen: acted on Mar 2, 17:30, seen Mar 2, 17:30",
    ):
        assert line in english.splitlines(), english
    assert approval.action_digest in english
    assert "correct horse" not in english + chinese
    assert "twice" in english


async def test_the_plain_data_has_everything_but_the_secrets(desk: Desk) -> None:
    approval = await desk.pays()
    await desk.office.deliver()

    body = why_json(await desk.why(approval.id, reader=desk.caller))

    text = json.dumps(body)
    assert "correct horse" not in text
    told: JsonObject = json.loads(text)
    assert told["check_id"] == str(approval.check_id)
    assert told["decision"] == {
        "level": "L3", "layer": "policy", "would_be": None, "rule": "big payments", "rule_note": "ask Chen",
        "matched": ["action pay_*", "when args.amount > 100"], "faults": [],
        "reason": 'rule "big payments" gives L3',
    }  # fmt: skip
    assert told["approval"]["asked"][0]["state"] == "sent"  # type: ignore[index,call-overload]
    assert UUID(told["approval"]["id"]) == approval.id  # type: ignore[index,call-overload,arg-type]
    assert told["deliveries"][0]["kind"] == "approval_card"  # type: ignore[index,call-overload]
