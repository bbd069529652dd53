"""What changed is told so that a person sees it: which argument, from what to what, and how many times as much."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cards.approval import approval_card
from cards.changed import amended_nodes, changed_nodes, differences
from cards.room import Room
from cards.views import ChangedView, ConsentView, Difference
from models.enums import ApprovalStatus
from models.values import Json
from tests.support.card_samples import ASKED, PENDING, SAMPLES
from tests.unit.test_cards_rules import texts


def _told(*changes: Difference, same: tuple[str, ...] = ()) -> str:
    changed = ChangedView(last_at=ASKED - timedelta(days=1), last_by="林晓", differences=changes, same=same)
    return "\n".join(texts(list(changed_nodes(replace(PENDING, changed=changed), UTC, Room()))))


def test_an_amount_says_how_many_times_as_much_it_is() -> None:
    told = _told(Difference("amount", 120, 12_000), same=("payee",))
    assert "amount: 120 → 12,000 (×100)" in told and "相同：payee" in told
    assert "amount: 12,000 → 120 (÷100)" in _told(Difference("amount", 12_000, 120))
    assert "×" not in _told(Difference("amount", 100, 150))


def test_what_is_new_and_what_is_gone_are_told_apart() -> None:
    told = _told(Difference("cc", None, "a@b.example", had=False), Difference("bcc", "c@d.example", None, has=False))
    assert "＋ cc: a@b.example" in told and "－ bcc: c@d.example" in told


def test_two_long_texts_are_shown_where_they_begin_to_differ() -> None:
    told = _told(Difference("body", "谢谢。" * 300 + "明天见", "谢谢。" * 300 + "请付款"))
    assert "明天见" in told and "请付款" in told


def test_a_type_that_changed_is_seen() -> None:
    assert 'force: "true" → true' in _told(Difference("force", '"true"', True))
    assert [one.name for one in differences({"a": 1, "b": 1}, {"a": True, "b": 1})] == ["a"]


def test_more_differences_than_fit_are_counted() -> None:
    told = _told(*(Difference(f"field{n}", n, n + 1) for n in range(9)))
    assert "field4" in told and "field5" not in told and "还有 4 处不同" in told


def test_secrets_stay_masked_on_both_sides() -> None:
    old, new = "tok-5f2c9a7be1d04c3f", "tok-ffffffffffffffff"
    told = _told(Difference("api_token", old, new))
    assert old not in told and new not in told and told.count("●●●●") >= 2


def test_equal_and_first_are_said_as_such() -> None:
    assert "完全相同" in _told()
    assert "第一次" in "\n".join(texts(list(changed_nodes(replace(PENDING, first_of_kind=True), UTC, Room()))))
    assert not list(changed_nodes(PENDING, UTC, Room()))


def test_what_a_person_edited_stands_on_the_card() -> None:
    amended = SAMPLES["approved_amended"]
    assert "amount: 12,000 → 1,200 (÷10)" in texts(list(amended_nodes(amended, Room())))
    assert "改后同意" in str(texts(approval_card(amended)))
    assert not list(amended_nodes(replace(amended, original_args=None), Room()))


def test_who_approves_beside_sees_what_was_changed_and_by_whom() -> None:
    """The first who approved it as it stands changed it, whoever settles it in the end."""
    edited = replace(SAMPLES["approved_amended"], needed=2, consents=(ConsentView("王敏", ASKED),))
    for status in (ApprovalStatus.PENDING, ApprovalStatus.APPROVED):
        told = texts(approval_card(replace(edited, status=status)))
        assert "王敏改了参数再同意" in told
        assert "amount: 12,000 → 1,200 (÷10)" in told


_json: st.SearchStrategy[Json] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=8,
)
_args = st.dictionaries(st.text(max_size=4), _json, max_size=5)


@given(_args, _args)
def test_the_differences_lead_from_the_one_to_the_other(before: dict[str, Json], after: dict[str, Json]) -> None:
    result = dict(before)
    for change in differences(before, after):
        assert change.had == (change.name in before) and change.has == (change.name in after)
        if change.has:
            result[change.name] = change.after
        else:
            del result[change.name]
    assert result == after
    assert not differences(after, after)
