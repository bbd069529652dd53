"""Grants as use cases: who may give, list and end them, within which terms, and how often they are given at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from bot.administration.actors import Actor
from bot.administration.values import Declined
from bot.approvals import Resolved
from bot.asking.parsing import from_json
from bot.database import Database
from bot.directory import Caller
from bot.granting.grants import Grants
from bot.granting.ground import Grounds
from bot.granting.offering import Offers
from bot.granting.reviews import Reviews
from bot.granting.sampling import review_key, sampled
from bot.granting.telling import REVIEW_AFTER, GrantTelling
from bot.granting.values import Given, GrantTerms, Reviewed, Revoked
from models.enums import OutboxKind, ReviewAnswer, Role, Verdict, Via
from models.ids import new_id
from models.tables import ApprovalRequest, Grant, OutboxMessage, Review, User
from models.values import Refusal, RefusalKind
from tests.support.gate import ZONE, Gate, open_gate, operator

POLICY = {"render": "L3", "wipe": "DENY", "*": "L1"}
TERMS = GrantTerms(zone=ZONE, review_key=b"k" * 32, graduation_after=3, review_sample=1.0)


@dataclass(frozen=True)
class Desk:
    gate: Gate
    lin: User
    agent: Caller
    grants: Grants
    offers: Offers

    async def approval(self, verdict: Verdict | None = Verdict.APPROVE, **args: Any) -> UUID:
        """A request of the agent's that its creator has answered."""
        answer = await self.gate.check(self.agent, "render", details={"tool": "site", "args": args or {"page": "a"}})
        assert answer.approval_id is not None, answer
        if verdict is not None:
            resolved = await self.gate.approvals.resolve(answer.approval_id, verdict, operator(self.lin), via=Via.CARD)
            assert isinstance(resolved, Resolved)
        return answer.approval_id

    async def exact(self, approval_id: UUID, who: User | None = None, **terms: Any) -> Given | Refusal:
        async with self.gate.ledger.transaction() as work:
            return await self.grants.give_exact(work, operator(who or self.lin), approval_id, **terms)

    async def revoke(self, grant_id: UUID, actor: Actor) -> Revoked | Refusal:
        async with self.gate.ledger.transaction() as work:
            return await self.grants.revoke(work, actor, grant_id)

    async def offered(self, approval_id: UUID) -> Any:
        return await self.offers.on(await ApprovalRequest.get(id=approval_id), self.gate.clock.now())


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with open_gate(database) as gate:
        lin = await gate.person("林晓")
        grounds = Grounds(gate.directory, gate.people)
        telling = GrantTelling(gate.people, gate.approvals.telling, gate.bell, gate.clock)
        grants = Grants(grounds, telling, TERMS)
        yield Desk(gate, lin, await gate.agent(lin, policy=POLICY), grants, Offers(grounds, TERMS))


def kind_of(outcome: object) -> RefusalKind:
    assert isinstance(outcome, Refusal), outcome
    return outcome.kind


async def test_only_what_was_approved_can_be_granted(desk: Desk) -> None:
    pending = await desk.approval(None, page="pending")
    rejected = await desk.approval(Verdict.REJECT, page="rejected")
    for approval_id in (pending, rejected):
        assert kind_of(await desk.exact(approval_id)) is RefusalKind.NOT_APPROVED
        assert await desk.offered(approval_id) is None
    assert kind_of(await desk.exact(new_id())) is RefusalKind.UNKNOWN_APPROVAL
    assert len(await desk.gate.audited("grant.refused")) == 3


async def test_only_creator_and_admins_of_the_tenant_may_give(desk: Desk) -> None:
    approval_id = await desk.approval()
    colleague = await desk.gate.person("王芳")
    foreign = await desk.gate.person("Foreign", role=Role.ORG_ADMIN, tenant="other")
    for stranger in (colleague, foreign):
        assert kind_of(await desk.exact(approval_id, stranger)) is RefusalKind.NOT_YOURS
    admin = await desk.gate.person("赵敏", role=Role.ORG_ADMIN)
    assert isinstance(await desk.exact(approval_id, admin), Given)
    told = await OutboxMessage.filter(person_id=desk.lin.id, kind=OutboxKind.TEXT, payload__contains="grant revoke")
    assert len(told) == 1, "never silently: the creator learns that an admin gave it"


@pytest.mark.parametrize(
    "terms", [{"uses": 0}, {"uses": 1001}, {"for_": timedelta()}, {"for_": timedelta(days=31)}], ids=str
)
async def test_every_grant_has_an_end_and_a_limit(desk: Desk, terms: dict[str, Any]) -> None:
    assert kind_of(await desk.exact(await desk.approval(), **terms)) is RefusalKind.INVALID
    assert not await Grant.exists()


async def test_argument_that_is_not_there_cannot_be_fixed(desk: Desk) -> None:
    approval_id = await desk.approval()
    async with desk.gate.ledger.transaction() as work:
        outcome = await desk.grants.give_kind(work, operator(desk.lin), approval_id, None, ["pages"])
    assert kind_of(outcome) is RefusalKind.INVALID


async def test_giving_at_once_gives_one_grant(desk: Desk) -> None:
    approval_id = await desk.approval()
    outcomes = await asyncio.gather(*(desk.exact(approval_id) for _ in range(8)))
    given = [outcome for outcome in outcomes if isinstance(outcome, Given)]
    assert len(given) == 8
    assert [one.again for one in given].count(False) == 1
    assert len({one.grant.grant_id for one in given}) == await Grant.all().count() == 1


async def test_floor_and_denial_written_later_end_the_offer(desk: Desk) -> None:
    approval_id = await desk.approval()
    assert await desk.offered(approval_id) is not None
    await desk.gate.write_policy(desk.agent, {"render": "DENY"})
    assert await desk.offered(approval_id) is None
    assert kind_of(await desk.exact(approval_id)) is RefusalKind.DENIED_NOW
    await desk.gate.write_policy(desk.agent, POLICY)
    await desk.gate.write_floor({"render": "L3"})
    assert await desk.offered(approval_id) is None
    assert kind_of(await desk.exact(approval_id)) is RefusalKind.BELOW_FLOOR


async def test_what_a_grant_covers_is_not_offered_again_until_it_ends(desk: Desk) -> None:
    approval_id = await desk.approval()
    given = await desk.exact(approval_id)
    assert isinstance(given, Given)
    assert await desk.offered(approval_id) is None
    assert isinstance(await desk.revoke(given.grant.grant_id, Actor.of(operator(desk.lin))), Revoked)
    assert await desk.offered(approval_id) is not None


async def test_listed_found_by_either_end_and_revoked_once(desk: Desk) -> None:
    given = await desk.exact(await desk.approval())
    assert isinstance(given, Given)
    lin, colleague = Actor.of(operator(desk.lin)), Actor.of(operator(await desk.gate.person("王芳")))
    grant_id = given.grant.grant_id
    assert await desk.grants.standing(lin) == [replace(given.grant, now=desk.gate.clock.now())]
    assert await desk.grants.standing(colleague) == []
    assert kind_of(await desk.grants.standing(lin, "Nobody")) is RefusalKind.UNKNOWN_SUBJECT
    assert await desk.grants.find(lin, grant_id.hex[-8:]) == grant_id
    assert await desk.grants.find(lin, str(grant_id)[:8]) == grant_id
    assert kind_of(await desk.grants.find(colleague, grant_id.hex[-8:])) is RefusalKind.UNKNOWN_SUBJECT
    assert kind_of(await desk.revoke(grant_id, colleague)) is RefusalKind.NOT_YOURS
    first, second = await desk.revoke(grant_id, lin), await desk.revoke(grant_id, lin)
    assert isinstance(first, Revoked) and isinstance(second, Revoked)
    assert (first.again, second.again) == (False, True)
    assert len(await desk.gate.audited("grant.revoked")) == 1
    assert await desk.grants.standing(lin) == []


async def test_beginning_that_fits_two_is_ambiguous(desk: Desk) -> None:
    for page in ("a", "b"):
        await desk.exact(await desk.approval(page=page))
    ids = [grant.id.hex for grant in await Grant.all()]
    common = next(ids[0][:n] for n in range(32, 0, -1) if ids[0][:n] == ids[1][:n])
    assert isinstance(await desk.grants.find(Actor.of(operator(desk.lin)), common), Declined)


async def test_command_line_revokes_and_creator_and_giver_are_told(desk: Desk) -> None:
    admin = await desk.gate.person("赵敏", role=Role.ORG_ADMIN)
    given = await desk.exact(await desk.approval(), admin)
    assert isinstance(given, Given)
    await desk.revoke(given.grant.grant_id, Actor.command_line("root", "default"))
    for person in (desk.lin, admin):
        assert await OutboxMessage.filter(person_id=person.id, payload__contains="cli:root").count() == 1


async def test_graduation_counts_and_a_revoked_one_begins_anew(desk: Desk) -> None:
    for page in ("a", "b"):
        assert (await desk.offered(await desk.approval(page=page))).graduate_for is None
    third = await desk.approval(page="c")
    offer = await desk.offered(third)
    assert (offer.streak, offer.graduate_for) == (3, TERMS.graduation_for)
    async with desk.gate.ledger.transaction() as work:
        given = await desk.grants.graduate(work, operator(desk.lin), third)
    assert isinstance(given, Given)
    desk.gate.clock.move(seconds=1)
    await desk.revoke(given.grant.grant_id, Actor.of(operator(desk.lin)))
    assert (await desk.offered(third)).graduate_for is None
    desk.gate.clock.move(seconds=1)
    assert (await desk.offered(await desk.approval(page="d"))).graduate_for is None
    async with desk.gate.ledger.transaction() as work:
        late = await desk.grants.graduate(work, operator(desk.lin), third)
    assert kind_of(late) is RefusalKind.STALE


async def test_sampled_run_is_put_up_later_and_a_second_answer_changes_nothing(desk: Desk) -> None:
    for page in ("a", "b", "c"):
        last = await desk.approval(page=page)
    async with desk.gate.ledger.transaction() as work:
        given = await desk.grants.graduate(work, operator(desk.lin), last)
    assert isinstance(given, Given)
    known = await desk.gate.directory.present(desk.agent.agent_id)
    request = json.loads((await ApprovalRequest.get(id=last)).request)
    check_id = new_id()
    async with desk.gate.ledger.transaction() as work:
        used = await desk.grants.use(work, known.facts, known.grants[0], from_json(request), check_id=check_id)
    assert used is not None and used.view.grant.uses == 1
    review = await Review.get(check_id=check_id)
    [message] = await OutboxMessage.filter(dedupe=f"review:{review.id}")
    assert message.due_at == desk.gate.clock.now() + REVIEW_AFTER
    reviews = Reviews(desk.grants)

    async def answer(which: ReviewAnswer) -> Reviewed | Refusal:
        async with desk.gate.ledger.transaction() as work:
            return await reviews.answer(work, operator(desk.lin), review.id, which)

    outcomes = await asyncio.gather(*(answer(ReviewAnswer.WRONG) for _ in range(4)))
    assert sorted(one.again for one in outcomes if isinstance(one, Reviewed)) == [False, True, True, True]
    late = await answer(ReviewAnswer.RIGHT)
    assert isinstance(late, Reviewed) and late.answer is ReviewAnswer.WRONG
    assert (await Grant.get()).revoked_at is not None
    [revoked] = await desk.gate.audited("grant.revoked")
    assert json.loads(revoked.details)["why"] == f"review:{review.id}"


def test_sample_is_a_share_that_only_the_key_foresees() -> None:
    ids = [new_id() for _ in range(4000)]
    one, other = review_key("a" * 32), review_key("b" * 32)
    drawn = [sampled(one, each, 0.1) for each in ids]
    assert 280 < sum(drawn) < 520  # 0.1 of 4000, six standard deviations wide
    assert drawn == [sampled(one, each, 0.1) for each in ids]
    assert drawn != [sampled(other, each, 0.1) for each in ids]
    assert all(sampled(one, each, 1.0) for each in ids)
    assert not any(sampled(one, each, 0.0) for each in ids)
