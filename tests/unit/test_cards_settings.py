"""The settings card and its text. `TEST_UPDATECARDS=1 pytest …` writes the files anew."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.preferring import Preference, read_preference
from bot.simulator.rules import card_fault
from cards.settings import SettingsView, days_said, settings_card, settings_text
from models.enums import Language
from tests.support.goldens import CARDS, card_text, golden

NOW = datetime(2026, 3, 5, 6, 32, tzinfo=UTC)  # 14:32 in China

BARE = SettingsView(
    person_id=UUID("01983f2a-1c2d-7e3f-8a4b-5c6d7e8f9a0b"),
    name="林晓",
    now=NOW,
    own={"language": "zh_cn", "quiet_hours": None, "working_days": None, "time_zone": None, "digest_at": None},
    usual={
        "quiet_hours": "22:00-08:00",
        "working_days": "1234567",
        "time_zone": "Asia/Shanghai",
        "digest_at": "18:00",
    },
    zone=ZoneInfo("Asia/Shanghai"),
)
OWN = replace(
    BARE,
    own={
        "language": "en_us",
        "quiet_hours": "21:30-07:15",
        "working_days": "135",
        "time_zone": "Pacific/Auckland",
        "digest_at": "never",
    },
    zone=ZoneInfo("Pacific/Auckland"),
    away_until=NOW + timedelta(days=3),
    delegate="<at id=all></at> 王敏",
)
SAVED = replace(
    BARE, own={**BARE.own, "quiet_hours": "never", "digest_at": "09:00"}, saved=("quiet_hours", "digest_at")
)
SAMPLES = {
    "settings": BARE,
    "settings_own": OWN,
    "settings_saved": SAVED,
    "settings_unchanged": replace(BARE, saved=()),
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_card_is_the_golden_one(sample: str) -> None:
    drawn = card_text(settings_card(SAMPLES[sample]))
    assert drawn == golden(CARDS / f"{sample}.json", drawn)


@pytest.mark.parametrize("sample", SAMPLES)
def test_feishu_takes_the_card(sample: str) -> None:
    drawn = json.dumps(settings_card(SAMPLES[sample]), ensure_ascii=False)
    assert card_fault(drawn) is None
    assert len(drawn.encode()) < 28_000


def _selects(view: SettingsView) -> dict[str, Any]:
    card: Any = settings_card(view)
    form = next(one for one in card["body"]["elements"] if one["tag"] == "form")
    return {one["name"]: one for one in form["elements"] if one["tag"] == "select_static"}


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_choice_of_the_form_can_be_read_and_the_present_one_is_chosen(sample: str) -> None:
    view = SAMPLES[sample]
    selects = _selects(view)
    assert set(selects) == {preference.value for preference in Preference}
    for name, select in selects.items():
        values = [option["value"] for option in select["options"]]
        assert len(values) == len(set(values))
        assert select["initial_option"] in values
        for value in values:
            stored = read_preference(Preference(name), value)
            assert stored == (None if value == "default" else value)
        assert read_preference(Preference(name), select["initial_option"]) == view.own[name]


def test_the_text_says_how_it_stands_and_what_was_saved() -> None:
    zh, en = settings_text(SAVED, Language.ZH_CN), settings_text(SAVED, Language.EN_US)
    assert zh.splitlines()[0] == "✓ 已保存。免打扰时段：不设；每日摘要：09:00"
    assert "· 工作日：每天（跟随组织）" in zh
    assert en.splitlines()[0] == "✓ Saved. Quiet hours: none; daily digest: 09:00"
    assert "· Time zone: Beijing, Shanghai (UTC+8) (as in your organisation)" in en
    own = settings_text(OWN, Language.EN_US)
    assert "· Time zone: Auckland (UTC+13)" in own
    assert "<at" not in own
    assert "You are away until Mar 8" in own


@pytest.mark.parametrize(
    ("days", "zh", "en"),
    [
        ("12345", "周一至周五", "Mon–Fri"),
        ("135", "周一、三、五", "Mon, Wed, Fri"),
        ("67", "周六、日", "Sat, Sun"),
        ("12347", "周日至周四", "Sun–Thu"),
        ("17", "周日、一", "Sun, Mon"),
        ("3", "周三", "Wed"),
        ("1234567", "每天", "every day"),
    ],
)
def test_days_are_said_as_people_say_them(days: str, zh: str, en: str) -> None:
    said = days_said(days)
    assert (said.zh, said.en) == (zh, en)
    for words in (zh, en):
        assert read_preference(Preference.DAYS, words) == days


@given(st.sampled_from(sorted(BARE.own)), st.data())
def test_a_value_of_ones_own_is_always_offered(name: str, data: st.DataObject) -> None:
    hours = st.times().map(lambda at: f"{at:%H:%M}")
    own = {
        "language": st.sampled_from(Language).map(str),
        "quiet_hours": st.tuples(hours, hours).map("-".join),
        "working_days": st.sets(st.sampled_from("1234567"), min_size=1).map(lambda days: "".join(sorted(days))),
        "time_zone": st.sampled_from(["UTC", "Etc/GMT-8", "Asia/Kathmandu", "America/Argentina/Buenos_Aires"]),
        "digest_at": hours,
    }[name]
    value = data.draw(own)
    view = replace(BARE, own={**BARE.own, name: value})
    assert _selects(view)[name]["initial_option"] == value
    assert card_fault(json.dumps(settings_card(view))) is None
