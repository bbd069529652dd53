"""Readers of the commands about oneself, one's absence, what waits, and whom to ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from bot.commands import people_values as p
from bot.commands import taking as take
from bot.commands.json_tail import starts_json
from bot.commands.policy_parse import try_words
from bot.commands.preferring import Preference, Unreadable, read_preference
from bot.commands.taking import Wrong
from bot.commands.values import Command, Problem
from bot.commands.words import Words, folded

SNOOZE_FOR = timedelta(hours=1)

_BACK = take.OFF | {"back", "stop", "end", "结束", "取消", "回来", "回来了", "返回"}
_UNTIL = frozenset({"until", "till", "到", "直到"})
_PREFERENCES = {
    **dict.fromkeys(("language", "lang", "语言"), Preference.LANGUAGE),
    **dict.fromkeys(("quiet", "quiet-hours", "免打扰", "安静", "静音"), Preference.QUIET),
    **dict.fromkeys(("days", "working-days", "workdays", "工作日"), Preference.DAYS),
    **dict.fromkeys(("zone", "timezone", "time-zone", "时区"), Preference.ZONE),
    **dict.fromkeys(("digest", "摘要", "日报"), Preference.DIGEST),
}
_WRONG = {
    Preference.LANGUAGE: Problem.BAD_LANGUAGE,
    Preference.QUIET: Problem.BAD_QUIET,
    Preference.DAYS: Problem.BAD_WEEKDAYS,
    Preference.ZONE: Problem.BAD_ZONE,
    Preference.DIGEST: Problem.BAD_CLOCK,
}


def _away(words: Words) -> Command:
    said = take.rest(words)
    if said is None:
        return p.ShowAway()
    if folded(said) in _BACK:
        return p.ComeBack()
    if folded(said) in _UNTIL:
        raise Wrong(Problem.MISSING_WORD)
    return p.GoAway(said)


def _settings(words: Words) -> Command:
    word = words.take()
    if word is None:
        return p.OpenSettings()
    preference = _PREFERENCES.get(folded(word))
    if preference is None:
        raise Wrong(Problem.BAD_OPTION, word)
    value = take.rest(words)
    if value is None:
        raise Wrong(Problem.MISSING_WORD)
    try:
        return p.SetPreference(preference, read_preference(preference, value.strip("\"“”'")))
    except Unreadable:
        raise Wrong(_WRONG[preference], value) from None


def _snooze(words: Words) -> Command:
    approval = take.id_(words)
    return p.Snooze(approval, take.duration_after_for(words) if words.tail() else SNOOZE_FOR)


def _backup(words: Words) -> Command:
    agent, who = take.name(words), take.name(words)
    return p.SetBackup(agent, None if folded(who) in take.OFF else who)


def _set_plan(words: Words) -> Command:
    expected = None
    if words.tail().startswith(("@", "＠")):
        expected = take.version(take.required(words))
    if not words.tail():
        raise Wrong(Problem.MISSING_WORD)
    if not starts_json(words.tail()):
        raise Wrong(Problem.BAD_JSON, words.tail())
    return p.SetPlan(take.json_rest(words), expected)


def _try_plan(words: Words) -> Command:
    return p.TryPlan(*try_words(words))


PEOPLE_READERS: dict[str, Callable[[Words], Command]] = {
    "away": _away,
    "settings": _settings,
    "snooze": _snooze,
    "agent backup": _backup,
    "plan show": lambda _: p.ShowPlan(),
    "plan set": _set_plan,
    "plan test": _try_plan,
    "plan history": lambda _: p.ShowPlanHistory(),
    "plan rollback": lambda words: p.RollBackPlan(take.version(take.required(words))),
}
