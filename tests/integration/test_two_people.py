"""Questions that take two people, or that the requester may not answer: on both databases, and at the same instant."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.approvals import AlreadyDone, Consenting, Resolved
from bot.consenting import deciding_facts
from bot.directory import Caller
from bot.reading import Reading
from models.approval import CardCopy, Consent
from models.enums import (
    ApprovalStatus,
    AskedAs,
    CheckStatus,
    Delivery,
    GrantKind,
    OutboxKind,
    Role,
    Severity,
    Verdict,
    Via,
)
from models.ids import new_id
from models.tables import AuditEntry, OutboxMessage, User
from models.values import Refusal, RefusalKind
from tests.support.deciding import TWO_PEOPLE, decide, row, write_plan
from tests.support.gate import Gate, asks, operator

ROUNDS = 40


@pytest.fixture
async def agent(gate: Gate, lin: User, wang: User) -> Caller:
    await write_plan(gate, TWO_PEOPLE)
    return await gate.agent(lin)


def refusal(outcome: object) -> RefusalKind:
    assert isinstance(outcome, Refusal), outcome
    return outcome.kind


async def test_the_second_person_approves_and_the_first_one_is_only_a_consent(
    gate: Gate, agent: Caller, lin: User, wang: User
) -> None:
    asked = await gate.check(agent)
    approval = await row(asked)
    assert (approval.approvals_needed, approval.plan_version) == (2, 1)
    assert approval.expires_at == gate.clock.now() + timedelta(hours=24)

    first = await decide(gate, asked, lin)
    assert isinstance(first, Consenting)
    assert first.missing == 1
    after = await row(asked)
    assert (after.status, after.revision, after.delivery) == (
        ApprovalStatus.PENDING, approval.revision + 1, Delivery.ACTED
    )  # fmt: skip
    assert (await gate.check(agent)).status is CheckStatus.PENDING
    [consent] = await Consent.all()
    assert (consent.person_id, consent.action_digest, consent.via) == (lin.id, after.action_digest, Via.CARD)
    mine = await CardCopy.get(approval_id=approval.id, person_id=lin.id)
    theirs = await CardCopy.get(approval_id=approval.id, person_id=wang.id)
    assert (mine.state, mine.acted_at, theirs.acted_at) == (Delivery.ACTED, gate.clock.now(), None)
    [entry] = await gate.audited("approval.consented")
    assert entry.actor == f"user:{lin.id}"
    updates = OutboxMessage.filter(kind=OutboxKind.CARD_UPDATE, approval_id=approval.id)
    assert {message.person_id for message in await updates} == {lin.id, wang.id}

    last = await decide(gate, asked, wang)
    assert isinstance(last, Resolved)
    assert (await row(asked)).resolver_name == "王敏"
    assert (await gate.check(agent)).allowed
    assert not (await gate.check(agent)).allowed


async def test_one_person_cannot_approve_twice_by_whatever_way(gate: Gate, agent: Caller, lin: User) -> None:
    asked = await gate.check(agent)
    assert isinstance(await decide(gate, asked, lin), Consenting)
    assert refusal(await decide(gate, asked, lin)) is RefusalKind.CONSENTED
    assert refusal(await decide(gate, asked, lin, via=Via.COMMAND, code=asked.code)) is RefusalKind.CONSENTED
    assert await Consent.all().count() == 1


async def test_two_accounts_of_one_person_are_one(gate: Gate, agent: Caller, wang: User) -> None:
    other = await gate.person("王敏 (Feishu)", role=Role.ORG_ADMIN)
    asked = await gate.check(agent)
    assert isinstance(await decide(gate, asked, other), Consenting)
    await User.filter(id=other.id).update(joined_with=wang.id)
    assert (await deciding_facts(await row(asked))).consents == {wang.id}
    assert refusal(await decide(gate, asked, wang)) is RefusalKind.CONSENTED


async def test_a_repeated_event_is_one_consent(gate: Gate, agent: Caller, lin: User) -> None:
    asked = await gate.check(agent)
    assert isinstance(await decide(gate, asked, lin, event_key="e1"), Consenting)
    assert isinstance(await decide(gate, asked, lin, event_key="e1"), AlreadyDone)
    assert await Consent.all().count() == 1


@pytest.mark.parametrize("who", ["first", "second"])
async def test_any_one_of_them_rejects(gate: Gate, agent: Caller, lin: User, wang: User, who: str) -> None:
    asked = await gate.check(agent)
    await decide(gate, asked, lin)
    rejected = await decide(gate, asked, lin if who == "first" else wang, Verdict.REJECT, reason="no")
    assert isinstance(rejected, Resolved)
    answer = await gate.check(agent)
    assert (answer.status, answer.reason) == (CheckStatus.REJECTED, "no")


async def test_a_stranger_consents_to_nothing(gate: Gate, agent: Caller) -> None:
    asked = await gate.check(agent)
    assert refusal(await decide(gate, asked, await gate.person("Someone"))) is RefusalKind.NOT_YOURS
    other = await gate.person("Elsewhere", role=Role.ORG_ADMIN, tenant="globex")
    assert refusal(await decide(gate, asked, other)) is RefusalKind.NOT_YOURS
    assert not await Consent.exists()


async def test_a_former_admin_may_decide_no_longer(gate: Gate, agent: Caller, lin: User, wang: User) -> None:
    asked = await gate.check(agent)
    await decide(gate, asked, lin)
    assert (await deciding_facts(await row(asked))).asked[wang.id] is AskedAs.ADMIN
    await User.filter(id=wang.id).update(role=Role.MEMBER)
    assert refusal(await decide(gate, asked, await User.get(id=wang.id))) is RefusalKind.NOT_YOURS


async def test_consents_end_with_the_question(gate: Gate, agent: Caller, lin: User, wang: User) -> None:
    asked = await gate.check(agent)
    await decide(gate, asked, lin)
    gate.clock.move(hours=25)
    assert refusal(await decide(gate, asked, wang)) is RefusalKind.EXPIRED
    again = await gate.check(agent)
    assert again.approval_id != asked.approval_id
    assert isinstance(await decide(gate, again, wang), Consenting)


async def test_a_question_that_ends_in_rejection_denies_the_repeat_at_once(gate: Gate, agent: Caller) -> None:
    """Before any tick: the plan's word is the answer, not another question."""
    await write_plan(
        gate, {"default": {"open_for": "1h", "ending": "reject", "steps": [{"after": "0m", "ask": ["creator"]}]}}
    )
    asked = await gate.check(agent)
    gate.clock.move(hours=1)
    answer = await gate.check(agent)
    assert (answer.approval_id, answer.status, answer.allowed) == (asked.approval_id, CheckStatus.REJECTED, False)
    closed = await row(asked)
    assert (closed.status, closed.resolved_via, closed.resolver_name) == (
        ApprovalStatus.REJECTED, Via.EXPIRY, None
    )  # fmt: skip
    assert "person" not in answer.message


async def test_the_requester_is_never_one_of_them(gate: Gate, lin: User, wang: User) -> None:
    await write_plan(
        gate,
        {
            "questions": [
                {
                    "action": "delete_*", "approvals": 2, "separate_duties": True, "severity": "critical",
                    "steps": [{"after": "0m", "ask": ["creator", "admins"]}],
                }
            ]
        },
    )  # fmt: skip
    zhao = await gate.person("赵敏", role=Role.ORG_ADMIN)
    agent = await gate.agent(lin)
    asked = await gate.check(agent, requested_by=str(wang.id))
    approval = await row(asked)
    assert (approval.duties_separated, approval.severity) == (True, Severity.CRITICAL)
    assert not await CardCopy.exists(approval_id=approval.id, person_id=wang.id)
    assert refusal(await decide(gate, asked, wang)) is RefusalKind.SEPARATED
    assert isinstance(await decide(gate, asked, lin), Consenting)
    assert refusal(await decide(gate, asked, wang)) is RefusalKind.SEPARATED
    assert isinstance(await decide(gate, asked, zhao), Resolved)


async def test_a_person_whom_the_plan_asked_decides_and_by_command_too(gate: Gate, lin: User) -> None:
    backup = await gate.person("Backup")
    await User.filter(id=backup.id).update(email="backup@example.com")
    await write_plan(gate, {"default": {"steps": [{"after": "0m", "ask": ["creator", "person:backup@example.com"]}]}})
    agent = await gate.agent(lin)
    asked = await gate.check(agent)
    outcome = await decide(gate, asked, backup, via=Via.COMMAND, code=asked.code)
    assert isinstance(outcome, Resolved)
    assert (await gate.check(agent)).allowed


async def test_one_persons_grant_spares_no_question_for_two(gate: Gate, agent: Caller, lin: User) -> None:
    await gate.grant(agent, lin, asks(), kind=GrantKind.EXACT)
    assert (await gate.check(agent)).status is CheckStatus.PENDING
    assert (await gate.engine.rehearse(agent, asks())).grant_id is None


async def test_two_approvals_at_the_same_instant_resolve_exactly_once(
    gate: Gate, agent: Caller, lin: User, wang: User
) -> None:
    """Neither sees the other first, and still the second one settles it: never both consents, never two resolutions."""
    for _ in range(ROUNDS):
        gate.clock.move(seconds=1)
        asked = await gate.check(agent, session=str(new_id()))
        said = await asyncio.gather(decide(gate, asked, lin), decide(gate, asked, wang))
        assert sorted(type(one).__name__ for one in said) == ["Consenting", "Resolved"]
        assert (await row(asked)).status is ApprovalStatus.APPROVED
        assert await Consent.filter(approval_id=asked.approval_id).count() == 1
        assert await AuditEntry.filter(approval_id=asked.approval_id, action="approval.resolved").count() == 1


async def test_many_presses_of_two_people_at_once(gate: Gate, agent: Caller, lin: User, wang: User) -> None:
    for _ in range(ROUNDS // 4):
        gate.clock.move(seconds=1)
        asked = await gate.check(agent, session=str(new_id()))
        said = await asyncio.gather(
            *(decide(gate, asked, by, event_key=str(new_id())) for by in (lin, wang) for _ in range(6))
        )
        names = [type(one).__name__ for one in said]
        assert (names.count("Resolved"), names.count("Consenting")) == (1, 1)
        kinds = {one.kind for one in said if isinstance(one, Refusal)}
        assert kinds <= {RefusalKind.CONSENTED, RefusalKind.ALREADY_RESOLVED}


async def test_approval_and_rejection_at_the_same_instant(gate: Gate, agent: Caller, lin: User, wang: User) -> None:
    for _ in range(ROUNDS // 4):
        gate.clock.move(seconds=1)
        asked = await gate.check(agent, session=str(new_id()))
        await decide(gate, asked, lin)
        said = await asyncio.gather(decide(gate, asked, wang), decide(gate, asked, lin, Verdict.REJECT))
        assert sum(isinstance(one, Resolved) for one in said) == 1
        status = (await row(asked)).status
        assert status is next(one.resolution.status for one in said if isinstance(one, Resolved))


async def test_the_agent_withdraws_while_the_second_person_approves(
    gate: Gate, agent: Caller, lin: User, wang: User
) -> None:
    known = await gate.directory.agent(agent)
    for _ in range(ROUNDS // 4):
        gate.clock.move(seconds=1)
        asked = await gate.check(agent, session=str(new_id()))
        await decide(gate, asked, lin)
        assert asked.approval_id is not None
        said, withdrawn = await asyncio.gather(
            decide(gate, asked, wang), gate.approvals.settling.cancel(known, asked.approval_id, None)
        )
        assert isinstance(said, Resolved) is isinstance(withdrawn, Refusal)


async def test_prepared_rejections_tell_the_agent_what_to_do(gate: Gate, agent: Caller, lin: User) -> None:
    asked = await gate.check(agent)
    unknown = await gate.approvals.resolve(
        (await row(asked)).id, Verdict.REJECT, operator(lin), via=Via.CARD, preset="whatever"
    )
    assert refusal(unknown) is RefusalKind.UNKNOWN_VERDICT
    approving = await decide(gate, asked, lin, preset="never")
    assert refusal(approving) is RefusalKind.UNKNOWN_VERDICT
    assert isinstance(await decide(gate, asked, lin, Verdict.REJECT, preset="too_much", reason="最多 100"), Resolved)
    answer = await gate.check(agent)
    assert (answer.status, answer.preset) == (CheckStatus.REJECTED, "too_much")
    assert answer.reason is not None
    assert answer.reason.startswith("Too much.")
    assert answer.reason.endswith("最多 100")


async def test_who_was_asked_reads_the_page_and_nobody_else_does(gate: Gate, lin: User) -> None:
    backup = await gate.person("Backup")
    await User.filter(id=backup.id).update(email="backup@example.com")
    await write_plan(gate, {"default": {"steps": [{"after": "0m", "ask": ["creator", "person:backup@example.com"]}]}})
    asked = await gate.check(await gate.agent(lin))
    assert asked.approval_id is not None
    reading = Reading(gate.clock)
    assert await reading.approval_page(asked.approval_id, backup.id) is not None
    assert await reading.approval_page(asked.approval_id, (await gate.person("Someone")).id) is None
