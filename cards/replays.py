"""What a draft policy would have changed in the past: as a chat text, and as plain data for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from cards.faults import fault_words
from cards.said_in_text import labelled, lines, safe_action, safe_line, safe_target
from cards.words import CHINA, Bilingual, moment
from models.enums import Language, Layer
from models.replay import Change, ReplayExample, ReplayReport
from models.values import JsonObject

_SHOWN_EXAMPLES = 3

CHANGES: dict[Change, Bilingual] = {
    Change.NEWLY_DENIED: Bilingual("改为禁止", "newly denied"),
    Change.NO_LONGER_DENIED: Bilingual("不再禁止", "no longer denied"),
    Change.MORE_ASKED: Bilingual("改为需要同意", "would ask, ran before"),
    Change.FEWER_ASKED: Bilingual("不再需要同意", "would run, asked before"),
    Change.LOUDER: Bilingual("L1 改为 L2（会通知）", "L1 → L2, you would be told"),
    Change.QUIETER: Bilingual("L2 改为 L1（不再通知）", "L2 → L1, you would not be told"),
}
"""In the order in which they are told; what stays the same is told first."""


def replay_headline(report: ReplayReport) -> Bilingual:
    """Would ask 12 more, 41 fewer."""
    if report.more_questions == report.fewer_questions == 0:
        return Bilingual("询问次数不变", "would ask neither more nor less")
    more = Bilingual("多问 {n} 次", "ask {n} more").format(n=report.more_questions)
    fewer = Bilingual("少问 {n} 次", "ask {n} fewer").format(n=report.fewer_questions)
    if not report.fewer_questions:
        return Bilingual(f"会{more.zh}", f"would {more.en}")
    if not report.more_questions:
        return Bilingual(f"会{fewer.zh}", f"would {fewer.en}")
    return Bilingual(f"会{more.zh}，{fewer.zh}", f"would {more.en}, {report.fewer_questions} fewer")


def replay_text(report: ReplayReport, language: Language, *, now: datetime, zone: tzinfo = CHINA) -> str:
    """The headline, the numbers that moved, and an example or two of each."""
    subject = (
        Bilingual("组织底线", "The floor")
        if report.subject == "floor"
        else Bilingual("「{a}」", "“{a}”").format(a=safe_line(report.subject))
    )
    title = Bilingual("回放 · {subject}：{headline}", "Replay · {subject}: {headline}")
    period = Bilingual("{since} 至 {until}，{n} 次检查", "{since} to {until}, {n} checks").format(
        since=moment(report.since, now, zone), until=moment(report.until, now, zone), n=report.checks
    )
    if not report.checks:
        none = Bilingual("这段时间没有检查。", "There were no checks in this time.")
        return lines(title.format(subject=subject, headline=replay_headline(report)).in_(language), none.in_(language))
    questions = Bilingual("询问：{a} → {b}", "Questions: {a} → {b}").format(
        a=report.questions_before, b=report.questions_after
    )
    same = Bilingual("结果不变：{n}", "Decided the same: {n}").format(n=report.of(Change.SAME))
    return lines(
        title.format(subject=subject, headline=replay_headline(report)).in_(language),
        period.in_(language),
        questions.in_(language),
        same.in_(language),
        *(_change(report, change, language) for change in CHANGES if report.of(change)),
        _faults(report, language),
        _remarks(report, language),
    )


def _change(report: ReplayReport, change: Change, language: Language) -> list[str]:
    shown = report.examples.get(change, ())[:_SHOWN_EXAMPLES]
    head = labelled(CHANGES[change], str(report.of(change)), language)
    return [head, *(f"· {_example(example, language)}" for example in shown)]


def _example(example: ReplayExample, language: Language) -> str:
    target = safe_target(example.action_type, example.tool, example.args)
    return (
        f"{safe_action(example.action_type, language)}{f' {target}' if target else ''}:"
        f" {example.old.value} ({_rule(example.old_rule, language)})"
        f" → {example.new.value} ({_rule(example.new_rule, language, floor=example.new_layer is Layer.FLOOR)})"
    )


def _rule(rule: str | None, language: Language, *, floor: bool = False) -> str:
    if rule is None:
        return Bilingual("默认", "default").in_(language)
    name = safe_line(rule)
    return Bilingual("底线 {r}", "floor {r}").format(r=name).in_(language) if floor else name


def _faults(report: ReplayReport, language: Language) -> list[str] | None:
    if not report.faults:
        return None
    head = Bilingual("有条件无法计算、从严处理的检查：{n}", "Checks with a condition that could not be evaluated: {n}")
    return [
        head.format(n=report.faults).in_(language),
        *(f"· {safe_line(words, 200)} ×{times}" for words, times in report.fault_words[:_SHOWN_EXAMPLES]),
    ]


def _remarks(report: ReplayReport, language: Language) -> list[str]:
    told = [
        (report.limited, Bilingual("只回放了最近的检查。", "Only the newest checks were replayed.")),
        (report.metered, Bilingual("计数按当时实际执行的操作模拟。", "Counters were simulated over what ran then.")),
        (
            report.by_policy > 0,
            Bilingual(
                "其中 {n} 次在冻结、暂停、观察或授权下，按策略本身的结论比较。",
                "{n} were under a freeze, pause, observation or grant; compared by what the policy said.",
            ).format(n=report.by_policy),
        ),
        (
            report.unreadable > 0,
            Bilingual("{n} 条记录无法回放。", "{n} entries could not be replayed.").format(n=report.unreadable),
        ),
    ]
    return [words.in_(language) for holds, words in told if holds]


def draft_invalid(faults: Sequence[str], language: Language) -> str:
    """Every fault of a draft that is no policy."""
    title = Bilingual("草稿不是有效的策略，没有回放：", "The draft is no policy, so nothing was replayed:")
    return lines(title.in_(language), (f"· {safe_line(fault_words(fault, language), 300)}" for fault in faults[:20]))


def replay_json(report: ReplayReport) -> JsonObject:
    """The whole report as plain data; arguments of examples are masked already."""
    return {
        "subject": report.subject,
        "since": _iso(report.since),
        "until": _iso(report.until),
        "headline": replay_headline(report).en,
        "checks": report.checks,
        "changes": {change.value: report.of(change) for change in Change},
        "questions": {
            "before": report.questions_before,
            "after": report.questions_after,
            "more": report.more_questions,
            "fewer": report.fewer_questions,
        },
        "faults": report.faults,
        "fault_words": [{"words": words, "checks": times} for words, times in report.fault_words],
        "compared_by_policy": report.by_policy,
        "unreadable": report.unreadable,
        "limited": report.limited,
        "counters_simulated": report.metered,
        "examples": {
            change.value: [_example_json(example) for example in examples]
            for change, examples in report.examples.items()
        },
    }


def _example_json(example: ReplayExample) -> JsonObject:
    return {
        "check_id": str(example.check_id),
        "at": _iso(example.at),
        "agent": example.agent,
        "action_type": example.action_type,
        "tool": example.tool,
        "args": example.args,
        "old": {"level": example.old.value, "rule": example.old_rule},
        "new": {"level": example.new.value, "rule": example.new_rule, "layer": example.new_layer.value},
        "faults": list(example.faults),
    }


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
