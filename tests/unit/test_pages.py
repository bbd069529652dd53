"""What the pages draw with: untrusted values made visible, and words in both languages."""

from __future__ import annotations

import re
import string
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.escape import visible
from cards.views import Difference
from cards.words import Bilingual
from handlers.pages import values
from handlers.pages.arguments import arguments, changes
from handlers.pages.words import KINDS, REFUSALS, SKIPPED, SPARED, STEPS, WORDS
from models.values import JsonObject, RefusalKind

PAGES = Path(__file__).parents[2] / "handlers" / "pages"

awkward = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("ab \n\r\t中文。！（）～e\u0301\u202e\u200b\u200d\u00ad\ufe0f👩💻🇨🇳\u3000\u2800\x00\x1b"),
    ),
    max_size=60,
)


@given(awkward)
def test_the_fast_way_shows_what_the_careful_way_shows(text: str) -> None:
    assert values.whole(text) == "".join(piece.shown for piece in visible(text))


@given(awkward)
def test_nothing_hidden_gets_through(text: str) -> None:
    shown = values.whole(text)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f\x00-\x09\x0b-\x1f\ufeff]", shown)


def test_nothing_is_cut_off() -> None:
    text = "中文 and English\n" * 10_000 + "the end"
    assert values.tree({"note": text}).children[0].shown == text


def test_types_are_told_apart() -> None:
    drawn = values.tree({"a": 1, "b": "1", "c": True, "d": "true", "e": None, "f": [], "g": {}, "h": 1.5, "i": ""})
    assert [(node.kind, node.shown) for node in drawn.children] == [
        ("number", "1"),
        ("text", "1"),
        ("yesno", "true"),
        ("text", "true"),
        ("nothing", "null"),
        ("list", ""),
        ("object", ""),
        ("number", "1.5"),
        ("text", ""),
    ]


@pytest.mark.parametrize(
    "value",
    [
        {"password": "correct horse"},
        {"nested": [{"api_key": "correct horse"}]},
        {"shell": "curl -H 'Authorization: Bearer correct-horse-battery' x"},
        {"rows": [["api_key", n] for n in range(2_000)], "secret": "correct horse"},
    ],
)
def test_secrets_are_masked_at_any_depth_and_size(value: JsonObject) -> None:
    assert "correct" not in str(values.tree(value))
    assert "●●●●" in str(values.tree(value))


def test_the_length_of_a_masked_text_is_not_told_wrongly() -> None:
    """The mask says the length of the secret; the length of the mask would only confuse."""
    assert values.tree({"password": "correct horse"}).children[0].size is None


def test_every_word_of_the_templates_exists_and_none_is_left_over() -> None:
    drawn = "".join(path.read_text("utf-8") for path in (PAGES / "templates").glob("*.html"))
    spoken = "".join(path.read_text("utf-8") for path in PAGES.glob("*.py"))
    used = set(re.findall(r"\bt\('(\w+)'", drawn)) | set(re.findall(r'look\.t\("(\w+)"', spoken))
    used |= {"ends_rejected", "ends_expired"}
    used |= set(re.findall(r"\bt\('(\w+)' if", drawn)) | set(re.findall(r" else '(\w+)'(?:\)|,)", drawn))
    computed = {"kind_", "gone_", "step_", "bad_link", "not_found"}  # t('kind_' ~ …), t(fault), t(fault ~ '_title')
    assert used - computed <= WORDS.keys()
    left = {key for key in WORDS.keys() - used if not key.startswith(tuple(computed))}
    assert left == set()


@pytest.mark.parametrize(
    "words",
    [*WORDS.values(), *STEPS.values(), *KINDS.values(), *REFUSALS.values(), *SKIPPED.values(), *SPARED.values()],
)
def test_both_languages_say_the_same_things(words: Bilingual) -> None:
    def gaps(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert words.zh.strip()
    assert words.en.strip()
    assert gaps(words.zh) == gaps(words.en)


def test_every_refusal_that_an_approval_can_get_has_words() -> None:
    elsewhere = {RefusalKind.UNKNOWN_APPROVAL, RefusalKind.UNKNOWN_SUBJECT, RefusalKind.INVALID}
    assert set(RefusalKind) - REFUSALS.keys() <= elsewhere


def test_every_audit_action_of_an_approval_has_words() -> None:
    """Whatever the source writes about approvals, deliveries, executions and people is told as a sentence."""
    source = "".join(path.read_text("utf-8") for path in (PAGES.parents[1] / "bot").rglob("*.py"))
    families = "approval|delivery|execution|grant|review|run|person"
    written = set(re.findall(rf'"((?:{families})\.[a-z_]+)"', source))
    only_logged = {
        "approval.tick_failed", "execution.fault", "execution.not_recovered", "execution.outcome_not_recorded",
    }  # fmt: skip
    told = {key.rsplit(".", 1)[0] if key.count(".") == 2 else key for key in STEPS} | set(KINDS)
    assert written - only_logged - told == set()


def test_differences_show_both_sides_whole_and_masked() -> None:
    long = "x" * 5_000
    drawn = list(
        changes(
            [Difference("amount", 120, 12_000), Difference("password", "correct horse", "battery staple"),
             Difference("note", "", long + "!", had=False), Difference("gone", "was", None, has=False)],
            UTC,
        )
    )  # fmt: skip
    amount, password, note, gone = drawn
    assert amount.times.strip() == "(×100)"
    assert amount.after is not None
    assert amount.after.told == "12,000"
    assert "correct" not in str(password)
    assert "staple" not in str(password)
    assert note.before is None
    assert note.after is not None
    assert note.after.node.shown == long + "!"
    assert gone.after is None


def test_an_argument_is_shown_as_it_is_beside_how_it_reads() -> None:
    money, command = arguments({"amount": 12_000, "command": ["rm", "-r", "a b"]}, UTC)  # type: ignore[misc]
    assert (money.told, money.node.shown) == ("12,000", "12000")
    assert (command.told, [child.shown for child in command.node.children]) == ("rm -r 'a b'", ["rm", "-r", "a b"])
