"""The cards about grants, as a person has looked at them. `TEST_UPDATECARDS=1 pytest …` writes the files anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bot.granting.offering import MOST_FIELDS
from cards import granting, reviewing
from cards.approval import approval_card
from cards.granting import used_card
from cards.reviewing import review_card
from cards.views import (
    ApprovalView,
    GrantUseView,
    GrantView,
    LimitKind,
    LimitView,
    OfferedField,
    OfferView,
    ReviewView,
)
from models.enums import ApprovalStatus, ExecutionStatus, GrantKind, Language, ReviewAnswer
from models.values import ExecutionView, JsonObject
from tests.support.goldens import CARDS, card_text, golden
from tests.unit.test_cards_golden import ASKED, SAMPLES
from tests.unit.test_cards_rules import check_card, nodes, texts

_NOW = ASKED + timedelta(hours=2, minutes=6)
_PAYMENT: JsonObject = {"amount": 860, "currency": "CNY", "payee": "顺丰速运", "memo": "三月快递费"}

PAID: ApprovalView = replace(
    SAMPLES["approved_succeeded"],
    action_type="reimburse",
    tool="finance.reimburse",
    args=_PAYMENT,
    claimed_reason="报销单 0312 已核对。",
    resolution_reason=None,
    rule="reimburse",
    execution=ExecutionView(ExecutionStatus.SUCCEEDED, started_at=_NOW, finished_at=_NOW, result={"voucher": "P-7731"}),
)
_FIELDS = tuple(OfferedField(name, value, name != "amount") for name, value in _PAYMENT.items())
OFFER = OfferView(exact_for=timedelta(hours=1), kind_until=ASKED + timedelta(hours=9, minutes=28), fields=_FIELDS)
GRANT = GrantView(
    grant_id=UUID("0198f3a4-11d2-7a40-8a11-2f6b1c9d7e05"),
    kind=GrantKind.KIND,
    agent="记账助手",
    action_type="reimburse",
    tool="finance.reimburse",
    limits=(
        LimitView("amount", LimitKind.AT_MOST, most=860),
        LimitView("currency", LimitKind.FIXED, ("CNY",)),
        LimitView("payee", LimitKind.ONE_OF, ("顺丰速运", "京东物流")),
        LimitView("memo", LimitKind.TEXT, most=200),
    ),
    giver="林晓",
    expires_at=ASKED + timedelta(hours=9, minutes=28),
    max_uses=50,
    uses=3,
    now=_NOW,
)
REVOKED = replace(GRANT, revoked_by="林晓", revoked_at=_NOW + timedelta(minutes=30), now=_NOW + timedelta(minutes=30))
USE = GrantUseView(
    grant=GRANT,
    check_id=UUID("0198f3b0-0000-7000-8000-000000000001"),
    args={**_PAYMENT, "amount": 412, "memo": "三月补寄"},
    at=_NOW + timedelta(minutes=12),
    requester="赵敏",
    claimed_reason="又有一张快递单。",
)
GRADUATED = replace(GRANT, kind=GrantKind.GRADUATED, expires_at=ASKED + timedelta(days=30), max_uses=1000, uses=41)
REVIEW = ReviewView(
    review_id=UUID("0198f3c0-0000-7000-8000-000000000002"), use=replace(USE, grant=GRADUATED, requester=None)
)

SAMPLE_CARDS: dict[str, Callable[[], JsonObject]] = {
    "less_offered": lambda: approval_card(replace(PAID, offer=OFFER)),
    "less_graduation": lambda: approval_card(
        replace(PAID, offer=replace(OFFER, graduate_for=timedelta(days=30), streak=25))
    ),
    "less_no_arguments": lambda: approval_card(
        replace(PAID, args={}, tool=None, offer=OfferView(exact_for=timedelta(hours=1)))
    ),
    "less_given": lambda: approval_card(replace(PAID, grants=(GRANT,))),
    "less_revoked": lambda: approval_card(replace(PAID, grants=(REVOKED,), offer=OFFER)),
    "grant_used": lambda: used_card(USE),
    "grant_used_exact": lambda: used_card(
        replace(USE, args=_PAYMENT, grant=replace(GRANT, kind=GrantKind.EXACT, limits=(), max_uses=20, uses=20))
    ),
    "grant_used_revoked": lambda: used_card(replace(USE, grant=REVOKED)),
    "review_asked": lambda: review_card(REVIEW),
    "review_right": lambda: review_card(
        replace(REVIEW, answer=ReviewAnswer.RIGHT, answered_by="林晓", answered_at=_NOW + timedelta(hours=2))
    ),
    "review_wrong": lambda: review_card(
        replace(
            REVIEW,
            answer=ReviewAnswer.WRONG,
            answered_by="林晓",
            answered_at=_NOW + timedelta(hours=2),
            use=replace(REVIEW.use, grant=replace(GRADUATED, revoked_by="林晓", revoked_at=_NOW + timedelta(hours=2))),
        )
    ),
}


def _tagged(card: JsonObject, tag: str) -> list[Any]:
    return [node for node in nodes(card) if node["tag"] == tag]


@pytest.mark.parametrize("state", SAMPLE_CARDS)
def test_the_card_is_the_one_that_was_looked_at(state: str) -> None:
    drawn = card_text(SAMPLE_CARDS[state]())
    assert golden(CARDS / f"{state}.json", drawn) == drawn


def test_every_golden_file_has_its_state() -> None:
    files = [path.stem for kind in ("less", "grant", "review") for path in CARDS.glob(f"{kind}_*.json")]
    assert set(files) == set(SAMPLE_CARDS)


@pytest.mark.parametrize("state", SAMPLE_CARDS)
def test_feishu_takes_the_card(state: str) -> None:
    check_card(SAMPLE_CARDS[state]())


@pytest.mark.parametrize("status", [status for status in ApprovalStatus if status is not ApprovalStatus.APPROVED])
def test_only_an_approved_card_offers_to_ask_less(status: ApprovalStatus) -> None:
    view = replace(PAID, status=status, offer=OFFER, grants=(GRANT,))
    assert approval_card(view) == approval_card(replace(view, offer=None, grants=()))


def test_every_button_says_what_it_means_in_value_and_in_name() -> None:
    for draw in SAMPLE_CARDS.values():
        for button in _tagged(draw(), "button"):
            behavior = button["behaviors"][0]
            if behavior["type"] == "callback":
                value = behavior["value"]
                [subject] = [value[key] for key in ("approval_id", "grant_id", "review_id") if key in value]
                assert button["name"] == f"{value['act']}:{subject}"


def test_the_offer_is_folded_and_the_revocation_is_not() -> None:
    offered = SAMPLE_CARDS["less_offered"]()
    [panel] = [one for one in _tagged(offered, "collapsible_panel") if _tagged(one, "button")]
    assert not panel["expanded"]
    assert {button["name"].partition(":")[0] for button in _tagged(panel, "button")} == {"grant_exact", "grant_kind"}
    given_card = SAMPLE_CARDS["less_given"]()
    assert not [one for one in _tagged(given_card, "collapsible_panel") if _tagged(one, "button")]
    assert any(button.get("name") == f"grant_revoke:{GRANT.grant_id}" for button in _tagged(given_card, "button"))


def test_the_notice_ends_with_one_tap_and_only_while_there_is_something_to_end() -> None:
    assert [button["name"].partition(":")[0] for button in _tagged(used_card(USE), "button")] == ["grant_revoke"]
    assert not _tagged(used_card(replace(USE, grant=REVOKED)), "button")
    over = replace(GRANT, now=GRANT.expires_at)
    assert not _tagged(used_card(replace(USE, grant=over)), "button")


def test_secrets_stay_masked_in_offers_and_bounds() -> None:
    secret = "tok-5f2c9a7be1d04c3f"
    fields = (OfferedField("api_token", secret, True),)
    grant = replace(GRANT, limits=(LimitView("api_token", LimitKind.FIXED, (secret,)),))
    card = approval_card(
        replace(PAID, args={"api_token": secret}, offer=replace(OFFER, fields=fields), grants=(grant,))
    )
    assert secret not in json.dumps([card, used_card(replace(USE, args={}, grant=grant))])


@pytest.mark.parametrize("language", Language)
def test_the_text_that_stands_in_says_how_to_revoke(language: Language) -> None:
    text = granting.used_notice(USE, language).text
    assert f"/grant revoke {GRANT.grant_id}" in text
    assert "林晓" in text and "47" in text
    assert f"/grant revoke {GRANT.grant_id}" in reviewing.review_text(REVIEW, language)


_hostile = st.one_of(
    st.text(max_size=60),
    st.sampled_from(["<at user_id=all></at>", "[a](b)", "\u202e", "{agent}", "中" * 900, '"\\' * 900]),
)


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(st.tuples(_hostile, _hostile), min_size=1, max_size=20, unique_by=lambda pair: pair[0]), _hostile)
def test_whatever_is_in_it_feishu_takes_it(pairs: list[tuple[str, str]], who: str) -> None:
    limits = tuple(LimitView(name, LimitKind.FIXED, (value,)) for name, value in pairs)
    fields = tuple(OfferedField(name, value, True) for name, value in pairs[:MOST_FIELDS])
    grant = replace(GRANT, agent=who, giver=who, action_type=who, tool=who, limits=limits, revoked_by=who)
    args: JsonObject = dict(pairs)
    offer = replace(OFFER, fields=fields, graduate_for=timedelta(days=30), streak=25)
    heavy = replace(SAMPLES["approved_succeeded_long"], args=args, claimed_reason=who * 3, resolver=who, agent=who)
    card = approval_card(replace(heavy, offer=offer, grants=(grant,)))
    check_card(card)
    check_card(approval_card(replace(heavy, grants=(grant,))))
    check_card(used_card(replace(USE, grant=grant, args=args)))
    check_card(review_card(replace(REVIEW, use=replace(USE, grant=grant, args=args))))
    assert texts(card)
