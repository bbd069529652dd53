"""The notice of a run, its summary and its failure. `TEST_UPDATECARDS=1 pytest …` writes the cards anew."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings

from cards.running import failed_notice, run_card, runs_notice
from cards.views import L2View, RunsView, RunView
from models.enums import Language
from models.values import JsonObject
from tests.support.goldens import CARDS, card_text, golden
from tests.unit.test_cards_limits import _args, _maybe, _words
from tests.unit.test_cards_rules import check_card, texts

NOW = datetime(2026, 3, 5, 6, 32, tzinfo=UTC)  # 14:32 in China
ZH, EN = Language.ZH_CN, Language.EN_US

RAN = RunView(
    run=L2View(
        agent="记账助手",
        action_type="write_workspace_files",
        tool="notes.write",
        args={"path": "账本/2026-03.md", "content": "三月支出汇总\n房租 8,000\n水电 612"},
        at=NOW,
        claimed_reason="每日记账",
        rule="write_*",
    ),
    agent_id=UUID(int=1),
    check_id=UUID(int=2),
    now=NOW,
)
STOPPED = replace(RAN, stopped_by="林晓", stopped_at=NOW, stopped_rule="write_*", stopped_version=3)
SAMPLES = {
    "run": RAN,
    "run_default": replace(RAN, run=replace(RAN.run, rule=None, claimed_reason=None, action_type="paint_fence")),
    "run_stopped": STOPPED,
    "run_wrong": replace(RAN, wrong_by="林晓", wrong_at=NOW),
    "run_wrong_and_stopped": replace(STOPPED, wrong_by="林晓", wrong_at=NOW),
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_card_is_the_golden_one(sample: str) -> None:
    drawn = card_text(run_card(SAMPLES[sample]))
    assert drawn == golden(CARDS / f"{sample}.json", drawn)


@pytest.mark.parametrize("sample", SAMPLES)
def test_feishu_takes_the_card(sample: str) -> None:
    check_card(run_card(SAMPLES[sample]))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(_words, _words, _maybe, _args, _maybe, _maybe)
def test_any_run_makes_a_card_that_feishu_takes(
    agent: str, action: str, tool: str | None, args: JsonObject, reason: str | None, rule: str | None
) -> None:
    run = replace(RAN.run, agent=agent, action_type=action, tool=tool, args=args, claimed_reason=reason, rule=rule)
    for view in (RAN, SAMPLES["run_wrong_and_stopped"]):
        check_card(run_card(replace(view, run=run, stopped_rule=rule)))


def test_what_was_done_leaves_no_button_for_it() -> None:
    def acts(view: RunView) -> set[str]:
        text = json.dumps(run_card(view))
        return {act for act in ("notice_stop", "notice_wrong") if f'"act": "{act}"' in text}

    assert acts(RAN) == {"notice_stop", "notice_wrong"}
    assert acts(STOPPED) == {"notice_wrong"}
    assert acts(SAMPLES["run_wrong"]) == {"notice_stop"}
    assert acts(SAMPLES["run_wrong_and_stopped"]) == set()


def test_secrets_stay_inside() -> None:
    secret = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"
    run = replace(RAN.run, args={"api_key": secret}, claimed_reason=f"with {secret}")
    assert secret not in "\n".join(texts(run_card(replace(RAN, run=run))))
    assert secret not in failed_notice(RAN, f"bad key {secret}", EN).text


def test_the_summary_counts_and_says_how_to_be_asked() -> None:
    view = RunsView(
        agent="Book keeper",
        begin=NOW.replace(minute=0),
        end=NOW.replace(minute=0) + timedelta(hours=1),
        runs=29,
        told=6,
        actions=(("write_workspace_files", 20), ("paint_fence", 9)),
        now=NOW + timedelta(hours=1),
    )
    zh, en = runs_notice(view, ZH).text, runs_notice(view, EN).text
    assert zh.startswith("【汇总】「Book keeper」这一小时执行了 29 次")
    assert "前 6 次已逐条告知" in zh
    assert "· 写入工作区文件 20" in zh
    assert "· paint_fence 9" in en
    assert '/policy set "Book keeper" write_workspace_files L3' in en


def test_a_failure_names_the_reason_and_the_rule() -> None:
    said = failed_notice(RAN, "disk full <at user_id=all></at>", EN).text
    assert said.startswith("Failed: write workspace files (“记账助手”)")
    assert "disk full" in said
    assert "<at" not in said
    assert "write_*" in said
    assert f"/why {RAN.check_id}" in said
