"""Hidden characters are shown, cuts are counted and never split what is seen as one character."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cards.escape import head_tail, json_bytes, markdown_safe, one_line, plain, text_safe, utf8_bytes


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", "a␣U+202Eb"),
        ("a\u200b\u200b\u200bb", "a␣U+200B×3b"),
        ("\u2066x\u2069\u061c\u200f", "␣U+2066x␣U+2069␣U+061C␣U+200F"),
        ("x\0\x1b[31m", "x␣U+0000␣U+001B[31m"),
        ("A\U000e0041", "A␣U+E0041"),
        ("\ud800", "␣U+D800"),
        ("a\r\nb\tc\u00a0d", "a\nb    c d"),
        ("👨‍👩‍👧 👍🏽 🇨🇳 ❤️ 1️⃣", "👨‍👩‍👧 👍🏽 🇨🇳 ❤️ 1️⃣"),
        ("a\u200db a\ufe0f", "a␣U+200Db a␣U+FE0F"),
        ("é e\u0301", "é e\u0301"),
        ("\u3164名", "␣U+3164名"),
    ],
)
def test_hidden_characters_are_shown_and_visible_ones_kept(text: str, shown: str) -> None:
    assert plain(text, 1_000) == shown


def test_marks_cannot_smear_over_other_lines() -> None:
    assert plain("z" + "\u0301" * 40, 1_000) == "z" + "\u0301" * 6 + "␣U+0301×34"


def test_a_cut_text_says_how_much_is_missing() -> None:
    assert plain("abcdefghijklmnopqrstuvwxyz", 16) == "abcdefg… (+19)"
    assert plain("一\n二\n三\n四", 1_000, max_lines=2) == "一\n二… (+4)"


def test_a_cut_never_splits_a_family() -> None:
    family = "👨‍👩‍👧‍👦"
    shown = plain(family * 20, 80)
    assert shown.startswith(family)
    assert shown.replace(family, "").startswith("… (+")


def test_head_and_tail_of_a_long_text_stay() -> None:
    shown = head_tail("start " + "x" * 5_000 + " rm -rf /", 300)
    assert shown.startswith("start ")
    assert shown.endswith(" rm -rf /")
    assert " … (+" in shown


def test_a_name_stays_on_one_line() -> None:
    assert one_line("  记账\n\n助手\t2 ", 60) == "记账 助手 2"
    assert "\n" not in one_line("a\n" * 500, 60)


def test_a_text_message_can_form_neither_an_at_nor_a_link() -> None:
    assert text_safe('<at user_id="all"></at> [x](https://e.cn)') == '＜at user_id="all">＜/at> ［x](https：//e.cn)'


def test_markdown_opens_nothing_and_is_escaped_once() -> None:
    assert markdown_safe("&<a>*b*") == "&#38;&#60;a&#62;&#42;b&#42;"


@settings(deadline=None)
@given(st.text(max_size=400), st.integers(0, 120), st.integers(1, 9), st.sampled_from([utf8_bytes, json_bytes]))
def test_no_cut_exceeds_its_budget(text: str, most: int, lines: int, size: object) -> None:
    measure = utf8_bytes if size is utf8_bytes else json_bytes
    for shown in (plain(text, most, lines, size=measure), head_tail(text, most, lines, size=measure)):
        assert measure(shown) <= most
        assert shown.count("\n") < max(lines, 1)
    assert measure(one_line(text, most, size=measure)) <= most


@settings(deadline=None)
@given(st.text("abc 中文é\n", max_size=80))
def test_harmless_text_that_fits_is_untouched(text: str) -> None:
    assert plain(text, 1_000) == text


@settings(deadline=None)
@given(st.text(max_size=200))
def test_showing_twice_is_showing_once(text: str) -> None:
    assert plain(plain(text, 10_000), 50_000) == plain(text, 10_000)
