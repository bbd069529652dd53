"""Whatever agents and people write, the card is one that Feishu takes, and nothing in it hides or is obeyed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.granting.offering import MOST_FIELDS
from cards.approval import approval_card
from cards.presets import PRESETS
from cards.views import (
    ApprovalView,
    ChangedView,
    ConsentView,
    Difference,
    EditableField,
    GrantView,
    OfferedField,
    OfferView,
)
from models.enums import ApprovalStatus, AskedAs, ExecutionStatus, GrantKind, Level, Severity, Via
from models.values import ExecutionView, Json
from tests.unit.test_cards_golden import ASKED, PENDING, SAMPLES
from tests.unit.test_cards_rules import check_card, nodes, texts

_HEAVY = [text * 20_000 for text in ("中", "😀", '"\\', "\u202e\u200b", "a\n", "é", "x")]
_words = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["路径", "password", "to", "amount", "<at user_id=all></at>", "[a](b)", "\u202e", "👨‍👩‍👧", "{agent}", "{}"]
    ),
    st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=6), st.integers(1, 3_000)),
)
_json: st.SearchStrategy[Json] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _words),
    lambda inner: st.one_of(st.lists(inner, max_size=8), st.dictionaries(_words, inner, max_size=8)),
    max_leaves=30,
)
_args = st.dictionaries(_words, _json, max_size=30)
_maybe = st.one_of(st.none(), _words)
_moments = st.integers(-(10**4), 10**4).map(lambda minutes: ASKED + timedelta(minutes=minutes))
_people = st.lists(_words, max_size=12).map(tuple)
_changed = st.builds(
    ChangedView,
    last_at=_moments,
    last_by=_maybe,
    differences=st.lists(st.builds(Difference, _words, _json, _json, st.booleans(), st.booleans()), max_size=12).map(
        tuple
    ),
    same=_people,
)
_editable = st.builds(EditableField, _words, st.one_of(_words, st.integers(), st.floats(), st.booleans()))
_grant = st.builds(
    GrantView,
    grant_id=st.uuids(),
    kind=st.sampled_from(GrantKind),
    agent=_words,
    action_type=_words,
    giver=_words,
    expires_at=_moments,
    now=_moments,
    max_uses=st.integers(1, 1000),
    uses=st.integers(0, 1000),
    revoked_by=_maybe,
    revoked_at=st.one_of(st.none(), _moments),
)
_offer = st.builds(
    OfferView,
    exact_for=st.one_of(st.none(), st.just(timedelta(hours=1))),
    kind_until=_moments,
    fields=st.lists(st.builds(OfferedField, _words, _json, st.booleans()), min_size=1, max_size=MOST_FIELDS).map(
        lambda fields: tuple({field.name: field for field in fields}.values())
    ),
    graduate_for=st.one_of(st.none(), st.just(timedelta(days=30))),
    streak=st.integers(0, 99),
)
_views: st.SearchStrategy[ApprovalView] = st.builds(
    replace,
    st.sampled_from(list(SAMPLES.values())),
    agent=_words,
    creator=_words,
    requester=_maybe,
    action_type=_words,
    tool=_maybe,
    args=_args,
    claimed_reason=_maybe,
    rule=_maybe,
    resolver=_maybe,
    resolution_reason=_maybe,
    code=_words,
    asked=_people,
    attempt=st.integers(1, 10**12),
    status=st.sampled_from(ApprovalStatus),
    via=st.one_of(st.none(), st.sampled_from(Via)),
    level=st.sampled_from(Level),
    severity=st.sampled_from(Severity),
    now=_moments,
    asked_as=st.one_of(st.none(), st.sampled_from(AskedAs)),
    changed=st.one_of(st.none(), _changed),
    first_of_kind=st.booleans(),
    needed=st.integers(1, 9),
    consents=st.lists(st.builds(ConsentView, _words, _moments), max_size=9).map(tuple),
    consented=st.booleans(),
    separated=st.booleans(),
    editable=st.lists(_editable, max_size=6).map(tuple),
    original_args=st.one_of(st.none(), _args),
    preset=st.one_of(st.none(), st.sampled_from(sorted(PRESETS)), _words),
    seen_by=st.lists(st.tuples(_words, _moments), max_size=9).map(tuple),
    snoozed_until=st.one_of(st.none(), _moments),
    frozen_by=_maybe,
    frozen_until=st.one_of(st.none(), _moments),
    agent_archived=st.booleans(),
    grants=st.lists(_grant, max_size=2).map(tuple),
    offer=st.one_of(st.none(), _offer),
    details_url=st.one_of(st.none(), st.just("https://assent.example/a/1")),
    execution=st.one_of(
        st.none(), st.builds(ExecutionView, st.sampled_from(ExecutionStatus), result=_json, error=_maybe)
    ),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(_views)
def test_any_facts_make_a_card_that_feishu_takes(view: ApprovalView) -> None:
    check_card(approval_card(view))


@pytest.mark.parametrize("heavy", _HEAVY, ids=lambda text: f"U+{ord(text[0]):04X}")
def test_the_heaviest_of_everything_still_fits(heavy: str) -> None:
    everything = replace(
        PENDING,
        agent=heavy,
        creator=heavy,
        requester=heavy,
        tool=heavy,
        action_type=heavy,
        claimed_reason=heavy,
        rule=heavy,
        code=heavy,
        resolver=heavy,
        resolution_reason=heavy,
        args={f"{n}{heavy[:300]}": heavy for n in range(40)},
        asked=(heavy,) * 30,
        attempt=10**9,
        reminders=3,
        now=ASKED + timedelta(days=800),
        details_url="https://assent.example/" + "p" * 500,
        asked_as=AskedAs.ADMIN,
        severity=Severity.CRITICAL,
        changed=ChangedView(
            last_at=ASKED,
            last_by=heavy,
            differences=(Difference(heavy, heavy, heavy[::-1]),) * 30,
            same=(heavy,) * 30,
        ),
        needed=9,
        consents=(ConsentView(heavy, ASKED),) * 9,
        separated=True,
        editable=tuple(EditableField(f"{n}{heavy[:100]}", heavy[:290]) for n in range(6)),
        original_args={f"{n}{heavy[:300]}": f"{heavy}1" for n in range(40)},
        seen_by=((heavy, ASKED),) * 9,
        snoozed_until=ASKED + timedelta(days=900),
        frozen_by=heavy,
        frozen_until=ASKED + timedelta(days=900),
    )
    for status in ApprovalStatus:
        check_card(approval_card(replace(everything, status=status)))
    check_card(approval_card(replace(everything, consented=True)))
    for execution in ExecutionStatus:
        ran = ExecutionView(execution, result=[heavy], error=heavy)
        check_card(approval_card(replace(everything, status=ApprovalStatus.APPROVED, execution=ran)))


def test_a_tower_of_lists_fits() -> None:
    tower: Json = "top"
    for _ in range(5_000):
        tower = [tower]
    check_card(approval_card(replace(PENDING, args={"tower": tower, "wide": {str(n): n for n in range(20_000)}})))


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(_views)
def test_no_control_or_bidi_character_survives(view: ApprovalView) -> None:
    shown = "".join(texts(approval_card(view)))
    forbidden = [*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0x200B, 0x200D), 0x200E, 0x200F, 0x61C, 0xFEFF]
    assert not set(shown) & {chr(code) for code in [*forbidden, *range(0x0A), *range(0x0B, 0x20), 0x7F]}


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["password", "api_key", "口令"]),
    # With a digit, or "expanded" would be found among the card's own keys.
    st.text("abcdefghjkmnpqrstuvwxyz23456789", min_size=8, max_size=64).filter(lambda text: not text.isalpha()),
)
def test_no_secret_reaches_the_card(name: str, secret: str) -> None:
    view = replace(
        PENDING,
        args={name: secret, "nested": {"deep": [{name: secret}]}, "line": f"{name}={secret}"},
        claimed_reason=f"{name}: {secret}",
    )
    assert f" {secret}" not in " ".join(texts(approval_card(view))) + " "
    assert secret not in json.dumps(approval_card(view), ensure_ascii=False)


def test_untrusted_text_stands_in_plain_text_only() -> None:
    for view in SAMPLES.values():
        assert not [node for node in nodes(approval_card(view)) if node["tag"] in ("markdown", "lark_md")]


def test_a_url_of_an_agent_is_never_a_link() -> None:
    card = approval_card(replace(PENDING, args={"url": "https://evil.example/x"}))
    opened = [node["behaviors"] for node in nodes(card) if "open_url" in json.dumps(node.get("behaviors", ""))]
    assert opened == [[{"type": "open_url", "default_url": PENDING.details_url}]]
