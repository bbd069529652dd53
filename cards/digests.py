"""The summary of a day, one text for each creator: what the agents did by themselves, asked, and were denied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from cards.said_in_text import lines, safe_action, safe_line
from cards.words import CHINA, Bilingual, moment
from models.enums import Language, Level

_MOST_AGENTS = 20
_MOST_ACTIONS = 4


@dataclass(slots=True)
class AgentDay:
    """What one agent did. The counters are by action type."""

    agent: str
    ran: Counter[Level] = field(default_factory=Counter)  # by itself, L1 and L2
    granted: int = 0  # runs that a standing permission spared a question
    asked: Counter[str] = field(default_factory=Counter)
    denied: Counter[str] = field(default_factory=Counter)
    frozen: int = 0  # checks that were denied because everything stood still
    observed: int = 0  # runs that went ahead because the agent is only observed
    would_ask: Counter[str] = field(default_factory=Counter)  # of these
    would_deny: Counter[str] = field(default_factory=Counter)
    faults: int = 0  # checks with a condition that could not be evaluated

    @property
    def is_empty(self) -> bool:
        counters = (self.ran, self.asked, self.denied)
        return not any(counter.total() for counter in counters) and not (self.granted or self.frozen or self.observed)


def digest_text(
    days: Sequence[AgentDay], begin: datetime, end: datetime, language: Language, zone: tzinfo = CHINA
) -> str:
    """One paragraph for each agent; what did not happen is not mentioned."""
    title = Bilingual("【每日摘要】{begin} 至 {end}", "Daily summary, {begin} to {end}")
    more = Bilingual("还有 {n} 个智能体未列出。", "{n} more agents are not listed.")
    return lines(
        title.format(begin=moment(begin, end, zone), end=moment(end, end, zone)).in_(language),
        (line for day in days[:_MOST_AGENTS] for line in _agent(day, language)),
        more.format(n=len(days) - _MOST_AGENTS).in_(language) if len(days) > _MOST_AGENTS else None,
    )


def _agent(day: AgentDay, language: Language) -> list[str]:
    told = [
        _counted(day.ran[Level.L1], Bilingual("自行执行 {n} 次（L1）", "{n} ran by themselves (L1)")),
        _counted(day.ran[Level.L2], Bilingual("执行并告知 {n} 次（L2）", "{n} ran and were reported (L2)")),
        _counted(day.granted, Bilingual("凭授权执行 {n} 次", "{n} ran under a standing permission")),
        _listed(day.asked, Bilingual("请求审批 {n} 次{which}", "{n} asked for approval{which}"), language),
        _listed(day.denied, Bilingual("被拒绝 {n} 次{which}", "{n} were denied{which}"), language),
        _counted(day.frozen, Bilingual("冻结期间被拒绝 {n} 次", "{n} were denied during a freeze")),
        _counted(
            day.observed, Bilingual("观察模式下执行 {n} 次，其中：", "{n} ran because it is only observed; of these:")
        ),
        _listed(day.would_ask, Bilingual("本应请求审批 {n} 次{which}", "{n} would have asked{which}"), language),
        _listed(day.would_deny, Bilingual("本应拒绝 {n} 次{which}", "{n} would have been denied{which}"), language),
        _counted(
            day.faults,
            Bilingual(
                "有条件无法判断 {n} 次，已按更严格的结果处理",
                "{n} had a condition that could not be evaluated; the stricter outcome was taken",
            ),
        ),
    ]
    name = Bilingual("「{agent}」", "“{agent}”").format(agent=safe_line(day.agent)).in_(language)
    return [name, *(f"· {line.in_(language)}" for line in told if line is not None)]


def _counted(number: int, words: Bilingual) -> Bilingual | None:
    return words.format(n=number) if number else None


def _listed(actions: Counter[str], words: Bilingual, language: Language) -> Bilingual | None:
    """With the most frequent actions; equal ones in the order of their names, so that the text is always the same."""
    if not actions.total():
        return None
    ordered = sorted(actions.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{safe_action(action, language)} {count}" for action, count in ordered[:_MOST_ACTIONS]]
    listed = Bilingual("、", ", ").in_(language).join(shown) + (" …" if len(ordered) > _MOST_ACTIONS else "")
    which = Bilingual("（{listed}）", " ({listed})").format(listed=listed)
    return words.format(n=actions.total(), which=which)
