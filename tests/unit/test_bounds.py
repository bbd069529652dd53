"""What a grant covers: its own request always, and nothing beyond its bounds ever."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.digest import action_digest, canonical
from bot.granting.bounds import (
    default_fixed,
    describe,
    exact_bounds,
    graduated_bounds,
    kind_bounds,
    matches,
    shape_of,
)
from cards.views import LimitKind
from models.enums import GrantKind
from models.values import ActionRequest, GrantFacts, Json, JsonObject

NOW = datetime(2026, 3, 5, 6, 32, tzinfo=UTC)
_GIVER = UUID("0198f3a2-7c11-7d3e-9b52-5a1c0e4f7d21")

_numbers = st.one_of(st.integers(-(2**53) + 1, 2**53 - 1), st.floats(allow_nan=False, allow_infinity=False, width=32))
_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
_scalars: st.SearchStrategy[Json] = st.one_of(st.none(), st.booleans(), _numbers, _texts)
_values: st.SearchStrategy[Json] = st.recursive(
    _scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_texts, inner, max_size=3)),
    max_leaves=6,
)
_names = st.one_of(st.sampled_from(["amount", "path", "user_id", "to", "金额", "deep"]), _texts)
_args: st.SearchStrategy[JsonObject] = st.dictionaries(_names, _values, max_size=5)
_requests = st.builds(
    ActionRequest,
    action_type=st.sampled_from(["pay", "delete_files", "x"]),
    tool=st.sampled_from([None, "bank", "fs"]),
    args=_args,
    requested_by=st.one_of(st.none(), _texts),
    session=st.one_of(st.none(), st.sampled_from(["s1", "s2"])),
    extra=st.dictionaries(_texts, _scalars, max_size=2),
)


def grant_of(request: ActionRequest, kind: GrantKind, bounds: JsonObject, *, session: str | None = None) -> GrantFacts:
    """As the database gives it back: the bounds have been canonical text in between."""
    stored = json.loads(canonical(bounds))
    until = NOW + timedelta(hours=1)
    return GrantFacts(_GIVER, kind, request.action_type, request.tool, stored, session, until, 20, _GIVER, "林晓")


def covers(grant: GrantFacts, request: ActionRequest, now: datetime = NOW) -> bool:
    return matches(grant, request, action_digest(request), now)


@st.composite
def _kinds(draw: st.DrawFn) -> tuple[ActionRequest, set[str], GrantFacts]:
    request = draw(_requests)
    fixed = draw(st.sets(st.sampled_from(sorted(request.args)))) if request.args else set()
    return request, fixed, grant_of(request, GrantKind.KIND, kind_bounds(request, fixed))


@given(_kinds())
def test_a_kind_covers_the_request_from_which_it_was_drawn(drawn: tuple[ActionRequest, set[str], GrantFacts]) -> None:
    request, _, grant = drawn
    assert covers(grant, request)
    assert covers(grant, replace(request, session="another", reason="another", call_id="another"))


@given(_requests)
def test_an_exact_grant_covers_its_request_and_its_digest_decides(request: ActionRequest) -> None:
    grant = grant_of(request, GrantKind.EXACT, exact_bounds(action_digest(request)))
    assert covers(grant, request)
    assert not covers(grant, replace(request, args={**request.args, "one more": 1}))


@given(_kinds(), st.sampled_from(["action_type", "tool"]))
def test_no_grant_covers_another_action_or_tool(drawn: tuple[ActionRequest, set[str], GrantFacts], member: str) -> None:
    request, _, grant = drawn
    changes: dict[str, Any] = {member: "another"}
    assert not covers(grant, replace(request, **changes))


@given(_kinds(), _values)
def test_a_changed_fixed_argument_is_never_covered(
    drawn: tuple[ActionRequest, set[str], GrantFacts], other: Json
) -> None:
    request, fixed, grant = drawn
    assume(fixed)
    for name in fixed:
        if canonical(other) != canonical(request.args[name]):
            assert not covers(grant, replace(request, args={**request.args, name: other}))


@given(_kinds(), _values, _texts)
def test_an_argument_too_many_or_too_few_is_never_covered(
    drawn: tuple[ActionRequest, set[str], GrantFacts], value: Json, name: str
) -> None:
    request, _, grant = drawn
    if name not in request.args:
        assert not covers(grant, replace(request, args={**request.args, name: value}))
    for missing in request.args:
        rest = {name: value for name, value in request.args.items() if name != missing}
        assert not covers(grant, replace(request, args=rest))


@given(_requests, st.one_of(st.integers(0, 2**50), st.floats(0, 2**50)), st.floats(0.001, 2**50))
def test_a_number_above_the_approved_or_below_zero_is_never_covered(
    request: ActionRequest, approved: float, more: float
) -> None:
    request = replace(request, args={**request.args, "amount": approved})
    grant = grant_of(request, GrantKind.KIND, kind_bounds(request, set()))
    assume(approved + more > approved)
    assert not covers(grant, replace(request, args={**request.args, "amount": approved + more}))
    assert not covers(grant, replace(request, args={**request.args, "amount": -more}))
    assert covers(grant, replace(request, args={**request.args, "amount": approved / 2}))


@given(_kinds(), _values)
def test_a_free_argument_keeps_its_json_type(drawn: tuple[ActionRequest, set[str], GrantFacts], other: Json) -> None:
    request, _, grant = drawn
    for name, value in request.args.items():
        other_request = replace(request, args={**request.args, name: other})
        if shape_of(other_request) != shape_of(request):
            assert not covers(grant, other_request), (name, value)


@given(_kinds(), _texts)
def test_other_members_and_whom_it_is_for_stay_as_approved(
    drawn: tuple[ActionRequest, set[str], GrantFacts], other: str
) -> None:
    request, _, grant = drawn
    assert not covers(grant, replace(request, extra={**request.extra, "one more": other}))
    if other != request.requested_by:
        assert not covers(grant, replace(request, requested_by=other))


@st.composite
def _alike(draw: st.DrawFn) -> list[ActionRequest]:
    """Requests of one shape, as the same agent would send them."""
    members = draw(
        st.dictionaries(_names, st.sampled_from(["number", "text", "boolean", "list", "object"]), max_size=4)
    )
    of: dict[str, st.SearchStrategy[Any]] = {
        "number": _numbers,
        "text": _texts,
        "boolean": st.booleans(),
        "list": st.lists(_scalars, max_size=3),
        "object": st.dictionaries(_texts, _scalars, max_size=2),
    }
    args = st.fixed_dictionaries({name: of[kind] for name, kind in members.items()})
    requester = st.sampled_from([None, "lin", "zhao"])
    one = st.builds(
        ActionRequest,
        action_type=st.just("pay"),
        tool=st.just("bank"),
        args=args,
        requested_by=requester,
        extra=st.dictionaries(st.just("ticket"), _texts, max_size=1),
    )
    return draw(st.lists(one, min_size=1, max_size=12))


@given(_alike())
def test_graduated_bounds_cover_all_their_samples(samples: list[ActionRequest]) -> None:
    grant = grant_of(samples[0], GrantKind.GRADUATED, graduated_bounds(samples))
    assert all(covers(grant, sample) for sample in samples)


@given(_alike(), _values)
def test_graduated_bounds_hold_what_never_varied_and_no_number_beyond_the_seen(
    samples: list[ActionRequest], other: Json
) -> None:
    grant = grant_of(samples[0], GrantKind.GRADUATED, graduated_bounds(samples))
    for name in samples[0].args:
        seen = [sample.args[name] for sample in samples]
        changed = replace(samples[0], args={**samples[0].args, name: other})
        if len({canonical(value) for value in seen}) == 1 and canonical(other) != canonical(seen[0]):
            assert not covers(grant, changed)
        if isinstance(seen[0], int | float) and not isinstance(seen[0], bool):
            above = float(max(seen)) + abs(max(seen)) + 1  # type: ignore[type-var, operator, arg-type]
            assert not covers(grant, replace(samples[0], args={**samples[0].args, name: above}))


def test_few_values_among_many_samples_are_the_only_ones() -> None:
    samples = [ActionRequest("ship", args={"city": city}) for city in ("北京", "上海") * 12]
    grant = grant_of(samples[0], GrantKind.GRADUATED, graduated_bounds(samples))
    assert not covers(grant, ActionRequest("ship", args={"city": "深圳"}))
    varied = [ActionRequest("note", args={"text": f"note {n}"}) for n in range(24)]
    grant = grant_of(varied[0], GrantKind.GRADUATED, graduated_bounds(varied))
    assert covers(grant, ActionRequest("note", args={"text": "x" * 200}))
    assert not covers(grant, ActionRequest("note", args={"text": "x" * 201}))


def test_graduated_bounds_are_drawn_from_one_shape_only() -> None:
    for mixed in (
        [],
        [ActionRequest("a"), ActionRequest("b")],
        [ActionRequest("a"), ActionRequest("a", args={"n": 1})],
    ):
        with pytest.raises(ValueError, match="one shape"):
            graduated_bounds(mixed)


@given(_kinds())
def test_nothing_is_covered_once_the_time_is_over(drawn: tuple[ActionRequest, set[str], GrantFacts]) -> None:
    request, _, grant = drawn
    assert covers(grant, request, grant.expires_at - timedelta(microseconds=1))
    assert not covers(grant, request, grant.expires_at)


def test_a_grant_for_a_session_covers_that_session_only() -> None:
    request = ActionRequest("pay", session="s1")
    grant = grant_of(request, GrantKind.EXACT, exact_bounds(action_digest(request)), session="s1")
    assert covers(grant, request)
    assert not covers(grant, replace(request, session="s2"))
    assert not covers(grant, replace(request, session=None))


@given(_requests, st.recursive(_scalars, lambda inner: st.dictionaries(_texts, inner, max_size=3)))
def test_bounds_that_cannot_be_read_cover_nothing(request: ActionRequest, odd: Json) -> None:
    for kind in GrantKind:
        bounds: JsonObject = odd if isinstance(odd, dict) else {"args": odd}
        assert not covers(grant_of(request, kind, bounds), request)
    good = kind_bounds(replace(request, args={"n": 1}), {"n"})
    spoiled: Any = copy.deepcopy(good)
    spoiled["args"]["n"]["or"] = 2
    assert not covers(grant_of(request, GrantKind.KIND, spoiled), replace(request, args={"n": 1}))


@given(_requests, _requests)
def test_a_shape_is_action_tool_names_and_types(one: ActionRequest, other: ActionRequest) -> None:
    assert len(shape_of(one)) == 64
    numbers = replace(one, args={**one.args, "n": 1})
    assert shape_of(numbers) == shape_of(replace(numbers, args={**one.args, "n": 2.5}, session="x", reason="y"))
    assert shape_of(numbers) != shape_of(replace(numbers, args={**one.args, "n": "1"}))
    assert shape_of(numbers) != shape_of(replace(numbers, args={**one.args, "n": True}))
    if (one.action_type, one.tool, set(one.args)) != (other.action_type, other.tool, set(other.args)):
        assert shape_of(one) != shape_of(other)


@pytest.mark.parametrize(
    ("name", "value", "fixed"),
    [
        ("amount", 12, False),
        ("金额", 12.5, False),
        ("maxRows", 5, False),
        ("user_id", 12, True),
        ("employeeNo", 12, True),
        ("port", 443, True),
        ("amount", -12, True),
        ("force", False, True),
        ("path", "a", True),
        ("rows", [1], True),
        ("nothing", None, True),
    ],
)
def test_only_amounts_may_vary_unless_a_person_says_so(name: str, value: Json, fixed: bool) -> None:
    assert (name in default_fixed(ActionRequest("x", args={name: value}))) is fixed


def test_bounds_are_described_argument_by_argument() -> None:
    request = ActionRequest("pay", args={"amount": 10, "to": "lin", "memo": "a" * 150, "tags": ["x"], "ok": True})
    told = {limit.name: limit for limit in describe(kind_bounds(request, {"to"}))}
    assert (told["amount"].kind, told["amount"].most) == (LimitKind.AT_MOST, 10)
    assert (told["to"].kind, told["to"].values) == (LimitKind.FIXED, ("lin",))
    assert (told["memo"].kind, told["memo"].most) == (LimitKind.TEXT, 300)
    assert told["tags"].kind is told["ok"].kind is LimitKind.ANY
    assert describe(exact_bounds("sha256:" + "0" * 64)) == ()
