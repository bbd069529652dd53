"""The answer to /policy test: what an action request would get now, and why."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo

from cards.policy_views import TriedView
from cards.said_in_text import labelled, lines, safe_action, safe_line, safe_text
from cards.words import CHINA, Bilingual, moment
from models.enums import Language, Layer, Level

LEVEL_WORDS: dict[Level, Bilingual] = {
    Level.L1: Bilingual("直接执行", "it runs"),
    Level.L2: Bilingual("执行并告知创建者", "it runs, and the creator is told"),
    Level.L3: Bilingual("先问人，同意后才执行", "a person is asked first"),
    Level.DENY: Bilingual("禁止", "it is denied"),
}

LAYER_WORDS: dict[Layer, Bilingual] = {
    Layer.POLICY: Bilingual("策略的规则", "a rule of the policy"),
    Layer.DEFAULT: Bilingual("没有规则匹配，按默认", "no rule matches: the default"),
    Layer.FLOOR: Bilingual("底线更严", "the floor is stricter"),
    Layer.GRANT: Bilingual("有授权，不再问", "a grant spares the question"),
    Layer.OBSERVE: Bilingual("只观察，全部放行", "only observed: everything runs"),
    Layer.FREEZE: Bilingual("已冻结", "frozen"),
    Layer.PAUSE: Bilingual("智能体已暂停", "the agent is paused"),
}


def policy_tried(view: TriedView, language: Language, *, now: datetime, zone: tzinfo = CHINA) -> str:
    title = Bilingual("「{agent}」{action}：{level}，{meaning}", "{action} (“{agent}”): {level}, {meaning}")
    facts: list[tuple[Bilingual, str | Bilingual | None]] = [
        (Bilingual("工具", "Tool"), safe_line(view.tool) if view.tool else None),
        (Bilingual("请求人", "Requester"), _requester(view)),
        (Bilingual("原因", "Why"), _why(view, now, zone)),
        (Bilingual("规则", "Rule"), rule_words(view.rule, view.policy_version)),
        (Bilingual("匹配", "Matched"), matched_words(view.matched)),
        (Bilingual("底线", "Floor"), floor_words(view.floor_rule, view.floor_level, view.floor_version)),
        (Bilingual("否则", "Otherwise"), _otherwise(view.would_be)),
    ]
    return lines(
        title.format(
            agent=safe_line(view.agent),
            action=safe_action(view.action_type, language),
            level=view.level.value,
            meaning=LEVEL_WORDS[view.level],
        ).in_(language),
        (labelled(label, value, language) for label, value in facts if value is not None),
        fault_lines(view.faults, language),
        _ONLY_TRIED.in_(language),
    )


_ONLY_TRIED = Bilingual("只是试算：没有执行，也没有问任何人。", "Only tried: nothing ran, and nobody was asked.")


def _otherwise(level: Level | None) -> Bilingual | None:
    if level is None:
        return None
    return Bilingual("{level}，{meaning}", "{level}, {meaning}").format(level=level.value, meaning=LEVEL_WORDS[level])


def _requester(view: TriedView) -> Bilingual | None:
    if view.requester is None:
        return None
    who = safe_line(view.requester)
    return Bilingual(who, who) if view.requester_known else unknown_person(view.requester)


def unknown_person(said: str) -> Bilingual:
    return Bilingual("{who}（不认识）", "{who} (nobody we know)").format(who=safe_line(said))


def _why(view: TriedView, now: datetime, zone: tzinfo) -> Bilingual:
    words = LAYER_WORDS[view.layer]
    by = view.frozen_by or view.grant_giver
    if by is not None:
        words = Bilingual("{words}（{by}）", "{words} ({by})").format(words=words, by=safe_line(by))
    if view.until is None:
        return words
    return Bilingual("{words}，到 {until}", "{words}, until {until}").format(
        words=words, until=moment(view.until, now, zone)
    )


def matched_words(matched: tuple[str, ...]) -> Bilingual | None:
    """What the rule matched on."""
    if not matched:
        return None
    told = " · ".join(matched)
    return Bilingual(
        *(safe_line(without_exception(told, language), 400) for language in (Language.ZH_CN, Language.EN_US))
    )


def without_exception(told: str, language: Language) -> str:
    """The starter floor's exception for names that only look is a regular expression: nobody reads it."""
    return _ONLY_LOOKS.sub(_EXCEPT_LOOKING.in_(language), told)


_ONLY_LOOKS = re.compile(
    r'when !(action|tool)\.matches\("\^\(\[A-Za-z0-9_-\][^"]*\[_A-Z\]"\) \|\| \1\.matches\("\^\.\*\(_and_[^"]*"\)'
)
_EXCEPT_LOOKING = Bilingual("只读的名称除外", "not where the name only looks")


def version_note(note: str | None) -> Bilingual | None:
    """What the author of a version said; the service's own words in the reader's language."""
    if not note or note == "whole policy":
        return None
    if back := re.fullmatch(r"rollback to v(\d+)", note):
        return Bilingual("恢复为 v{n}", "rollback to v{n}").format(n=back[1])
    said = safe_line(note, 120)
    return Bilingual(said, said)


def rule_words(rule: str | None, version: int) -> Bilingual:
    name = Bilingual("默认", "default") if rule is None else safe_line(rule)
    return Bilingual("{rule}（策略 v{n}）", "{rule} (policy v{n})").format(rule=name, n=version)


def floor_words(rule: str | None, level: Level | None, version: int | None) -> Bilingual | None:
    """What the floor demands of this action; None when it has no say."""
    if rule is None or level is None:
        return None
    words = Bilingual("{rule} 要求至少 {level}（v{n}）", "{rule} demands {level} at least (v{n})")
    return words.format(rule=safe_line(rule), level=level.value, n=version or 0)


def fault_lines(faults: tuple[str, ...], language: Language) -> list[str] | None:
    """The conditions that could not be evaluated: each decided strictly."""
    if not faults:
        return None
    head = Bilingual("条件算不出来，按更严的处理：", "Could not be evaluated, so the stricter outcome stands:")
    return [head.in_(language), *(safe_text(fault, 300, 3) for fault in faults[:5])]
