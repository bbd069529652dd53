"""The life of an approval request, rule by rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.lifecycle import (
    DELAYS,
    Claim,
    Claimed,
    Consented,
    Expire,
    Fresh,
    GiveUp,
    Join,
    LeaveRunning,
    MarkUnknown,
    NothingToDo,
    NotYet,
    Reject,
    Remind,
    Report,
    Reported,
    Settled,
    Start,
    cancel,
    claim,
    entitled,
    execution_recovery,
    expiry,
    next_attempt,
    next_reminder,
    rendezvous,
    report_outcome,
    resolve,
)
from models.enums import ApprovalStatus, AskedAs, Ending, ExecutionStatus, Executor, Role, Verdict, Via
from models.values import ApprovalFacts, Operator, Refusal, RefusalKind, Resolution

T0 = datetime(2026, 11, 22, 9, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DIGEST = "sha256:5d1f6a" + "0" * 58
LIN = Operator(UUID(int=1), "acme", Role.MEMBER, "Lin")
STRANGER = Operator(UUID(int=2), "acme", Role.MEMBER, "Wang")
ADMIN = Operator(UUID(int=3), "acme", Role.ORG_ADMIN, "Admin")
OTHER_ADMIN = Operator(UUID(int=4), "globex", Role.ORG_ADMIN, "Elsewhere")
PLATFORM = Operator(UUID(int=5), "platform", Role.PLATFORM_ADMIN, "Root")

PENDING = ApprovalFacts(
    id=UUID(int=9),
    tenant="acme",
    creator_id=LIN.id,
    status=ApprovalStatus.PENDING,
    execution=ExecutionStatus.NOT_STARTED,
    executor=Executor.AGENT,
    action_digest=DIGEST,
    created_at=T0,
    expires_at=T0 + 72 * HOUR,
)
APPROVED = replace(
    PENDING,
    status=ApprovalStatus.APPROVED,
    resolved_at=T0 + HOUR,
    resolver="Lin",
    claim_expires_at=T0 + 25 * HOUR,
)
CLAIMED = replace(APPROVED, claimed_at=T0 + 2 * HOUR, execution=ExecutionStatus.RUNNING)
REJECTED = replace(APPROVED, status=ApprovalStatus.REJECTED, resolution_reason="not today", claim_expires_at=None)
EXPIRED = replace(PENDING, status=ApprovalStatus.EXPIRED, resolved_at=T0 + 72 * HOUR)
CANCELLED = replace(PENDING, status=ApprovalStatus.CANCELLED, resolved_at=T0 + HOUR)
ENDED = [APPROVED, CLAIMED, REJECTED, EXPIRED, CANCELLED]


def press(
    facts: ApprovalFacts,
    by: Operator = LIN,
    verdict: Verdict | None = Verdict.APPROVE,
    at: datetime = T0 + MINUTE,
    **more: Any,
) -> Resolution | Consented | Refusal:
    return resolve(facts, verdict, by, at, **({"via": Via.CARD} | more))


def kind(outcome: object) -> RefusalKind:
    assert isinstance(outcome, Refusal)
    return outcome.kind


# --- resolve


@pytest.mark.parametrize("operator", [LIN, ADMIN, PLATFORM])
@pytest.mark.parametrize(
    ("verdict", "status"), [(Verdict.APPROVE, ApprovalStatus.APPROVED), (Verdict.REJECT, ApprovalStatus.REJECTED)]
)
def test_creator_and_admins_decide(operator: Operator, verdict: Verdict, status: ApprovalStatus) -> None:
    assert press(PENDING, operator, verdict, reason="  because ") == Resolution(
        status, T0 + MINUTE, Via.CARD, verdict, operator, "because"
    )


@pytest.mark.parametrize("operator", [STRANGER, OTHER_ADMIN])
@pytest.mark.parametrize("facts", [PENDING, *ENDED])
@pytest.mark.parametrize("verdict", [*Verdict, None])
def test_defect_13_strangers_learn_nothing(operator: Operator, facts: ApprovalFacts, verdict: Verdict | None) -> None:
    assert press(facts, operator, verdict, at=T0 + 100 * HOUR) == Refusal(RefusalKind.NOT_YOURS)


def test_defect_16_unknown_verdict_is_refused_never_a_rejection() -> None:
    assert press(PENDING, verdict=Verdict.parse("aprove")) == Refusal(RefusalKind.UNKNOWN_VERDICT)


@pytest.mark.parametrize("facts", [APPROVED, CLAIMED, REJECTED, CANCELLED])
@pytest.mark.parametrize("verdict", Verdict)
def test_second_click_is_told_who_and_when(facts: ApprovalFacts, verdict: Verdict) -> None:
    assert press(facts, verdict=verdict) == Refusal(
        RefusalKind.ALREADY_RESOLVED, by=facts.resolver, at=facts.resolved_at, status=facts.status
    )


def test_expired_is_refused_even_before_the_tick_has_seen_it() -> None:
    expected = Refusal(RefusalKind.EXPIRED, at=T0 + 72 * HOUR, status=ApprovalStatus.EXPIRED)
    assert press(PENDING, at=T0 + 72 * HOUR) == expected
    assert press(EXPIRED) == expected
    assert isinstance(press(PENDING, at=T0 + 72 * HOUR - timedelta(microseconds=1)), Resolution)


@pytest.mark.parametrize(
    ("via", "verdict", "code", "fits"),
    [
        (Via.CARD, Verdict.APPROVE, None, True),
        (Via.CARD, Verdict.APPROVE, DIGEST, True),
        (Via.CARD, Verdict.APPROVE, "sha256:other", False),
        (Via.COMMAND, Verdict.APPROVE, " 5D1F6A ", True),
        (Via.COMMAND, Verdict.APPROVE, "5d1f6b", False),
        (Via.COMMAND, Verdict.APPROVE, "", False),
        (Via.COMMAND, Verdict.APPROVE, None, False),
        (Via.COMMAND, Verdict.REJECT, None, True),
        (Via.COMMAND, Verdict.REJECT, "5d1f6b", False),
    ],
)
def test_what_is_decided_is_what_was_seen(via: Via, verdict: Verdict, code: str | None, fits: bool) -> None:
    outcome = press(PENDING, verdict=verdict, via=via, code=code)
    assert isinstance(outcome, Resolution) if fits else kind(outcome) is RefusalKind.WRONG_CODE


def test_clock_behind_creation_never_resolves_before_the_question() -> None:
    outcome = press(PENDING, at=T0 - HOUR)
    assert isinstance(outcome, Resolution)
    assert outcome.at == T0


def test_reason_is_made_storable() -> None:
    outcome = press(PENDING, reason="a\0b\ud800 王\n" + "x" * 5000)
    assert isinstance(outcome, Resolution)
    assert outcome.reason is not None
    assert outcome.reason.startswith("ab 王\n")
    assert len(outcome.reason) == 2000
    assert isinstance(blank := press(PENDING, reason=" \0 "), Resolution) and blank.reason is None


# --- cancel


def test_agent_withdraws_only_what_nobody_answered() -> None:
    assert cancel(PENDING, T0 + HOUR, reason="done otherwise") == Resolution(
        ApprovalStatus.CANCELLED, T0 + HOUR, Via.AGENT, reason="done otherwise"
    )
    assert cancel(APPROVED, T0 + HOUR) == Refusal(
        RefusalKind.NOT_PENDING, by="Lin", at=T0 + HOUR, status=ApprovalStatus.APPROVED
    )
    assert kind(cancel(PENDING, T0 + 73 * HOUR)) is RefusalKind.EXPIRED


# --- claim and outcome


def test_claim_is_given_once() -> None:
    assert claim(APPROVED, DIGEST, T0 + 2 * HOUR) == Claimed(T0 + 2 * HOUR)
    assert claim(CLAIMED, DIGEST, T0 + 3 * HOUR) == Refusal(
        RefusalKind.ALREADY_CLAIMED, by="Lin", at=T0 + 2 * HOUR, status=ApprovalStatus.APPROVED
    )


@pytest.mark.parametrize(
    ("facts", "digest", "at", "expected"),
    [
        (replace(APPROVED, executor=Executor.SERVICE), DIGEST, T0, RefusalKind.SERVICE_EXECUTES),
        (APPROVED, DIGEST.replace("5", "6"), T0 + HOUR, RefusalKind.DIGEST_MISMATCH),
        (PENDING, DIGEST, T0 + HOUR, RefusalKind.NOT_APPROVED),
        (REJECTED, DIGEST, T0 + HOUR, RefusalKind.NOT_APPROVED),
        (EXPIRED, DIGEST, T0 + HOUR, RefusalKind.NOT_APPROVED),
        (CANCELLED, DIGEST, T0 + HOUR, RefusalKind.NOT_APPROVED),
        (APPROVED, DIGEST, T0 + 25 * HOUR, RefusalKind.CLAIM_LAPSED),
        (CLAIMED, DIGEST, T0 + 99 * HOUR, RefusalKind.ALREADY_CLAIMED),
        (CLAIMED, DIGEST, T0 - HOUR, RefusalKind.ALREADY_CLAIMED),  # a clock step revives nothing
    ],
)
def test_claim_is_refused(facts: ApprovalFacts, digest: str, at: datetime, expected: RefusalKind) -> None:
    assert kind(claim(facts, digest, at)) is expected


def test_outcome_is_reported_once_after_the_claim() -> None:
    done = ExecutionStatus.SUCCEEDED
    assert report_outcome(CLAIMED, done, T0 + 3 * HOUR) == Reported(done, T0 + 3 * HOUR)
    assert report_outcome(CLAIMED, done, T0) == Reported(done, T0 + 2 * HOUR)
    lost = replace(CLAIMED, execution=ExecutionStatus.UNKNOWN)
    assert isinstance(report_outcome(lost, ExecutionStatus.FAILED, T0 + 3 * HOUR), Reported)
    known = report_outcome(replace(CLAIMED, execution=done), done, T0 + 3 * HOUR)
    assert (kind(known), known.detail) == (RefusalKind.OUTCOME_KNOWN, done)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("facts", "execution", "expected"),
    [
        (replace(CLAIMED, executor=Executor.SERVICE), ExecutionStatus.FAILED, RefusalKind.SERVICE_EXECUTES),
        (CLAIMED, ExecutionStatus.RUNNING, RefusalKind.INVALID),
        (CLAIMED, ExecutionStatus.UNKNOWN, RefusalKind.INVALID),
        (APPROVED, ExecutionStatus.FAILED, RefusalKind.NOT_CLAIMED),
        (PENDING, ExecutionStatus.FAILED, RefusalKind.NOT_APPROVED),
        (REJECTED, ExecutionStatus.FAILED, RefusalKind.NOT_APPROVED),
    ],
)
def test_outcome_is_refused(facts: ApprovalFacts, execution: ExecutionStatus, expected: RefusalKind) -> None:
    assert kind(report_outcome(facts, execution, T0 + 3 * HOUR)) is expected


# --- a repeated check

SERVICE = replace(APPROVED, executor=Executor.SERVICE)
UNTIL = T0 + HOUR + 10 * MINUTE


@pytest.mark.parametrize(
    ("facts", "at", "expected"),
    [
        (None, T0, Fresh()),
        (PENDING, T0 + HOUR, Join()),
        (PENDING, T0 - HOUR, Join()),
        (PENDING, T0 + 72 * HOUR, Fresh(Resolution(ApprovalStatus.EXPIRED, T0 + 72 * HOUR, Via.EXPIRY))),
        (APPROVED, T0 + 2 * HOUR, Claim()),
        (APPROVED, T0 + 25 * HOUR, Fresh()),
        (CLAIMED, T0 + 3 * HOUR, Fresh()),
        (REJECTED, T0 + HOUR, Reject(UNTIL, "Lin", "not today")),
        (REJECTED, T0 - HOUR, Reject(UNTIL, "Lin", "not today")),
        (REJECTED, UNTIL, Fresh()),
        (EXPIRED, T0 + 73 * HOUR, Fresh()),
        (CANCELLED, T0 + 2 * HOUR, Fresh()),
        (SERVICE, T0 + 2 * HOUR, Report(ExecutionStatus.NOT_STARTED, collects=False)),
        (SERVICE, T0 + 99 * HOUR, Report(ExecutionStatus.NOT_STARTED, collects=False)),
        (
            replace(SERVICE, execution=ExecutionStatus.RUNNING),
            T0 + 99 * HOUR,
            Report(ExecutionStatus.RUNNING, collects=False),
        ),
        (
            replace(SERVICE, execution=ExecutionStatus.UNKNOWN),
            T0 + 2 * HOUR,
            Report(ExecutionStatus.UNKNOWN, collects=True),
        ),
        (replace(SERVICE, execution=ExecutionStatus.SUCCEEDED), T0 + 25 * HOUR, Fresh()),
        (replace(SERVICE, execution=ExecutionStatus.FAILED, claimed_at=T0 + HOUR), T0 + 2 * HOUR, Fresh()),
    ],
)
def test_defect_10_repeat_meets_the_earlier_request(
    facts: ApprovalFacts | None, at: datetime, expected: object
) -> None:
    assert rendezvous(facts, at, 10 * MINUTE) == expected


# --- reminders

SCHEDULE = (30 * MINUTE, 2 * HOUR, 8 * HOUR)


@pytest.mark.parametrize(
    ("sent", "waited", "expected"),
    [
        (0, 0 * HOUR, NotYet(T0 + 30 * MINUTE)),
        (0, 30 * MINUTE, Remind(1, 30 * MINUTE, T0 + 2 * HOUR)),
        (1, 31 * MINUTE, NotYet(T0 + 2 * HOUR)),
        (0, 9 * HOUR, Remind(3, 9 * HOUR, T0 + 72 * HOUR)),  # three missed, one sent
        (3, 9 * HOUR, NotYet(T0 + 72 * HOUR)),
        (3, 1 * HOUR, NotYet(T0 + 72 * HOUR)),  # the clock stepped back
        (1, -5 * HOUR, NotYet(T0 + 2 * HOUR)),
        (9, 9 * HOUR, NotYet(T0 + 72 * HOUR)),  # the schedule was shortened
    ],
)
def test_reminder_is_due_once_per_step(sent: int, waited: timedelta, expected: object) -> None:
    assert next_reminder(replace(PENDING, reminders_sent=sent), SCHEDULE, T0 + waited) == expected
    assert next_reminder(replace(PENDING, reminders_sent=sent), SCHEDULE[::-1], T0 + waited) == expected


def test_expiry_comes_before_any_reminder() -> None:
    at = T0 + 72 * HOUR
    assert next_reminder(PENDING, SCHEDULE, at) == Expire(Resolution(ApprovalStatus.EXPIRED, at, Via.EXPIRY))
    assert next_reminder(
        replace(PENDING, reminders_sent=3), (*SCHEDULE, 72 * HOUR, 80 * HOUR), T0 + 9 * HOUR
    ) == NotYet(at)


@pytest.mark.parametrize("facts", ENDED)
def test_nothing_is_due_once_decided(facts: ApprovalFacts) -> None:
    assert next_reminder(facts, SCHEDULE, T0 + 99 * HOUR) == Settled()


# --- attempts


def test_attempts_follow_the_printed_schedule() -> None:
    waits = [next_attempt(n, T0) for n in range(1, 31)]
    assert waits[:8] == [T0 + timedelta(seconds=s) for s in (1, 5, 15, 60, 300, 900, 1800, 3600)]
    assert set(waits[7:]) == {T0 + HOUR}
    assert next_attempt(31, T0) == GiveUp(31)
    assert 23.5 * HOUR < timedelta(seconds=sum(DELAYS)) < 24.5 * HOUR


@pytest.mark.parametrize(
    ("attempts", "retry_after", "seconds"),
    [(1, 30, 30), (4, 30, 60), (1, 1e9, 3600), (1, -5, 1), (1, float("nan"), 1), (1, float("inf"), 1), (0, None, 1)],
)
def test_retry_after_lengthens_within_bounds(attempts: int, retry_after: float | None, seconds: float) -> None:
    assert next_attempt(attempts, T0, retry_after=retry_after) == T0 + timedelta(seconds=seconds)


@example(1, float("nan"))
@given(st.integers(1, 30), st.floats())
def test_jitter_only_delays_and_by_a_fifth_at_most(attempts: int, jitter: float) -> None:
    plain, spread = next_attempt(attempts, T0), next_attempt(attempts, T0, jitter=jitter)
    assert isinstance(plain, datetime) and isinstance(spread, datetime)
    assert plain <= spread <= T0 + (plain - T0) * 1.2 + timedelta(microseconds=1)


# --- recovery

RUNNING = replace(SERVICE, execution=ExecutionStatus.RUNNING)


@pytest.mark.parametrize(
    ("facts", "lease", "expected"),
    [
        (SERVICE, None, Start()),
        (RUNNING, T0 + 5 * HOUR, LeaveRunning(T0 + 5 * HOUR)),
        (RUNNING, T0 + 3 * HOUR, MarkUnknown()),
        (RUNNING, None, MarkUnknown()),
        (replace(SERVICE, execution=ExecutionStatus.UNKNOWN), None, NothingToDo()),
        (replace(SERVICE, execution=ExecutionStatus.FAILED), None, NothingToDo()),
        (APPROVED, None, NothingToDo()),
        (replace(PENDING, executor=Executor.SERVICE), None, NothingToDo()),
    ],
)
def test_execution_is_never_begun_twice(facts: ApprovalFacts, lease: datetime | None, expected: object) -> None:
    assert execution_recovery(facts, lease, T0 + 3 * HOUR) == expected


# -- who may decide, and how many must ---------------------------------------------------------------------------------

WANG = STRANGER


@pytest.mark.parametrize("asked_as", [AskedAs.BACKUP, AskedAs.DELEGATE, AskedAs.LEADER, AskedAs.GROUP])
def test_whoever_the_plan_asked_may_decide(asked_as: AskedAs) -> None:
    assert entitled(replace(PENDING, asked={WANG.id: asked_as}), WANG)


@pytest.mark.parametrize("asked_as", [AskedAs.ADMIN, AskedAs.CREATOR])
def test_a_role_entitles_for_as_long_as_the_person_has_it(asked_as: AskedAs) -> None:
    """The copy of a former admin, or of somebody once thought the creator, is no licence."""
    assert not entitled(replace(PENDING, asked={WANG.id: asked_as}), WANG)


def test_nobody_of_another_tenant_is_entitled_by_being_asked() -> None:
    elsewhere = replace(WANG, tenant="globex")
    assert not entitled(replace(PENDING, asked={WANG.id: AskedAs.GROUP}), elsewhere)
    assert kind(press(replace(PENDING, asked={WANG.id: AskedAs.GROUP}), elsewhere)) is RefusalKind.NOT_YOURS


def test_two_distinct_people_must_approve_and_one_rejects() -> None:
    two = replace(PENDING, needed=2)
    first = press(two)
    assert isinstance(first, Consented)
    assert (first.by, first.missing) == (LIN, 1)
    once = replace(two, consents=frozenset({LIN.id}))
    assert kind(press(once)) is RefusalKind.CONSENTED
    last = press(once, by=ADMIN)
    assert isinstance(last, Resolution)
    assert last.status is ApprovalStatus.APPROVED
    for by in (LIN, ADMIN):
        rejected = press(once, by=by, verdict=Verdict.REJECT)
        assert isinstance(rejected, Resolution)
        assert rejected.status is ApprovalStatus.REJECTED


@pytest.mark.parametrize("needed", [1, 2, 3])
def test_the_requester_approves_nothing_where_duties_are_separated_but_may_reject(needed: int) -> None:
    own = replace(PENDING, duties_separated=True, requester_id=LIN.id, needed=needed)
    assert kind(press(own)) is RefusalKind.SEPARATED
    rejected = press(own, verdict=Verdict.REJECT)
    assert isinstance(rejected, Resolution)
    assert rejected.status is ApprovalStatus.REJECTED
    assert not isinstance(press(own, by=ADMIN), Refusal)
    assert not isinstance(press(replace(own, duties_separated=False)), Refusal)


@given(st.integers(1, 3), st.lists(st.sampled_from([LIN, ADMIN, PLATFORM]), max_size=8))
def test_approved_exactly_when_enough_different_people_said_so(needed: int, presses: list[Operator]) -> None:
    facts, distinct = replace(PENDING, needed=needed), set[UUID]()
    for by in presses:
        outcome = press(facts, by=by)
        distinct.add(by.id)
        assert isinstance(outcome, Resolution) is (len(distinct) >= needed)
        if isinstance(outcome, Resolution):
            return
        facts = replace(facts, consents=frozenset(distinct))


def test_time_ends_a_question_as_its_plan_says_and_never_approves() -> None:
    due = PENDING.expires_at
    for ending in Ending:
        resolution = expiry(PENDING, due, ending)
        assert resolution is not None
        assert resolution.status is not ApprovalStatus.APPROVED
        assert (resolution.status is ApprovalStatus.REJECTED) is (ending is Ending.REJECT)
        assert (resolution.via, resolution.by) == (Via.EXPIRY, None)
        assert expiry(PENDING, due - timedelta(microseconds=1), ending) is None


def test_what_the_agent_had_asked_is_not_what_was_approved_once_a_person_changed_it() -> None:
    changed = replace(APPROVED, action_digest="sha256:" + "b" * 64, original_digest=DIGEST)
    refused = claim(changed, DIGEST, T0 + 2 * HOUR)
    assert refused == Refusal(RefusalKind.DIGEST_MISMATCH, detail=changed.action_digest)
    assert claim(changed, "sha256:" + "c" * 64, T0 + 2 * HOUR) == Refusal(RefusalKind.DIGEST_MISMATCH)
    assert isinstance(claim(changed, changed.action_digest, T0 + 2 * HOUR), Claimed)
