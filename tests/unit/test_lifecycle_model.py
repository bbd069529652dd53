"""Any order of clicks, claims, repeats, reports and clock steps against a tiny model of what may be true."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bot.lifecycle import (
    Claim,
    Claimed,
    Expire,
    Fresh,
    Join,
    Reject,
    Remind,
    Report,
    Reported,
    cancel,
    claim,
    next_reminder,
    rendezvous,
    report_outcome,
    resolve,
)
from models.enums import ApprovalStatus, ExecutionStatus, Executor, Verdict, Via
from models.values import ApprovalFacts, Operator, Refusal, Resolution
from tests.unit.test_lifecycle import ADMIN, DIGEST, LIN, OTHER_ADMIN, PENDING, PLATFORM, STRANGER, T0

SCHEDULE = tuple(timedelta(hours=hours) for hours in (1, 2, 8))
ALLOWED = {LIN, ADMIN, PLATFORM}


class Life(RuleBasedStateMachine):
    """The facts as a database would keep them, and counts that must never pass one."""

    @initialize(executor=st.sampled_from(Executor))
    def asked(self, executor: Executor) -> None:
        self.facts: ApprovalFacts = replace(PENDING, executor=executor)
        self.now: datetime = T0
        self.resolutions = self.go_aheads = self.outcomes = 0
        self.reminded: list[int] = []

    @rule(hours=st.sampled_from([-30.0, -1.0, 0.1, 1.0, 3.0, 30.0]))
    def clock_moves(self, hours: float) -> None:
        self.now += timedelta(hours=hours)

    @rule(by=st.sampled_from([LIN, ADMIN, PLATFORM, STRANGER, OTHER_ADMIN]), verdict=st.sampled_from([*Verdict, None]))
    def press(self, by: Operator, verdict: Verdict | None) -> None:
        outcome = resolve(self.facts, verdict, by, self.now, via=Via.CARD)
        wanted = by in ALLOWED and verdict is not None and self.is_open()
        assert isinstance(outcome, Resolution) == wanted
        self.record(outcome)

    @rule()
    def creator_approves(self) -> None:
        self.press(LIN, Verdict.APPROVE)

    @rule(really=st.sampled_from([False, False, False, True]))
    def withdraw(self, really: bool) -> None:
        if not really:  # else most lives would end here
            return
        outcome = cancel(self.facts, self.now)
        assert isinstance(outcome, Resolution) == self.is_open()
        self.record(outcome)

    @rule()
    def tick(self) -> None:
        due = next_reminder(self.facts, SCHEDULE, self.now)
        if isinstance(due, Expire):
            self.record(due.resolution)
        elif isinstance(due, Remind):
            assert due.next_at > self.now
            self.reminded.append(due.step)
            self.facts = replace(self.facts, reminders_sent=due.step)

    @rule(digest=st.sampled_from([DIGEST, "sha256:other"]))
    def claims(self, digest: str) -> None:
        match claim(self.facts, digest, self.now):
            case Claimed(at):
                assert digest == DIGEST
                self.use(at)
            case Refusal():
                assert digest != DIGEST or self.go_aheads or not self.usable()

    @rule()
    def repeats(self) -> None:
        match rendezvous(self.facts, self.now, timedelta(minutes=10)):
            case Claim():
                outcome = claim(self.facts, DIGEST, self.now)
                assert isinstance(outcome, Claimed)  # the repeat is never sent away with a claim it cannot make
                self.use(outcome.at)
            case Report(execution, collects):
                assert self.facts.executor is Executor.SERVICE
                assert collects == execution.finished
            case Fresh(expire) if expire:
                self.record(expire)
            case Fresh():
                assert self.facts.status is not ApprovalStatus.PENDING
                assert self.go_aheads or not self.usable()
            case Join() | Reject():
                assert self.facts.status in (ApprovalStatus.PENDING, ApprovalStatus.REJECTED)

    @rule(execution=st.sampled_from(ExecutionStatus))
    def reports(self, execution: ExecutionStatus) -> None:
        if isinstance(report_outcome(self.facts, execution, self.now), Reported):
            assert self.go_aheads == 1
            self.outcomes += 1
            self.facts = replace(self.facts, execution=execution)

    def is_open(self) -> bool:
        return self.facts.status is ApprovalStatus.PENDING and self.now < self.facts.expires_at

    def usable(self) -> bool:
        """Approved for the agent itself, and within the time to claim it."""
        ends = self.facts.claim_expires_at
        return self.facts.executor is Executor.AGENT and ends is not None and self.now < ends

    def record(self, outcome: Resolution | Refusal) -> None:
        if isinstance(outcome, Resolution):
            assert outcome.at >= self.facts.created_at
            self.resolutions += 1
            approved = outcome.status is ApprovalStatus.APPROVED
            self.facts = replace(
                self.facts,
                status=outcome.status,
                resolved_at=outcome.at,
                resolver=outcome.by.name if outcome.by else None,
                claim_expires_at=outcome.at + timedelta(hours=24) if approved else None,
            )

    def use(self, at: datetime) -> None:
        assert self.facts.executor is Executor.AGENT
        assert self.facts.status is ApprovalStatus.APPROVED
        self.go_aheads += 1
        self.facts = replace(self.facts, claimed_at=at, execution=ExecutionStatus.RUNNING)

    @invariant()
    def nothing_happens_twice(self) -> None:
        assert self.resolutions == (self.facts.status is not ApprovalStatus.PENDING)
        assert self.go_aheads <= (self.facts.status is ApprovalStatus.APPROVED)
        assert self.outcomes <= self.go_aheads
        assert self.reminded == sorted(set(self.reminded))


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
