"""What somebody who mistyped a command may have meant: in English or Chinese, as first or as second word. Pure."""

from __future__ import annotations

import difflib

from bot.commands.table import FIRST_WORDS, SECOND_WORDS

_ALIKE = 0.5  # of difflib's ratio
_LONGEST = 100  # characters that are compared
_MEANT = {
    **dict.fromkeys(("back", "imback"), "/away off"),
    **dict.fromkeys(("回来", "回来了", "销假"), "/离开 结束"),
    **dict.fromkeys(("vacation", "holiday", "leave", "delegate", "out-of-office"), "/away"),
    **dict.fromkeys(("休假", "出差", "代理人"), "/离开"),
    **dict.fromkeys(("queue", "todo", "todos"), "/pending"),
    **dict.fromkeys(("队列", "审批"), "/待办"),
    **dict.fromkeys(("language", "quiet", "zone", "timezone", "days", "digest", "preferences"), "/settings"),
    **dict.fromkeys(("语言", "免打扰", "工作日", "时区", "摘要", "提醒", "通知"), "/设置"),
}
"""What people call it who have not read the commands; by its letters it would be near something else."""


def first_word(typed: str) -> str:
    """For a first word that is none: "/help" when nothing is near."""
    typed = typed[:_LONGEST]
    known = _MEANT.get(typed) or _second_alone(typed) or _run_together(typed)
    if known is not None:
        return known
    near = _nearest(typed, list(FIRST_WORDS))
    if near is None:
        second = _nearest(typed, [word for words in SECOND_WORDS.values() for word in words], alike=0.75)
        return (second and _second_alone(second)) or "/help"
    return f"/{near if not near.isascii() else FIRST_WORDS[near]}"


def second_word(group: str, typed: str, *, written: str | None = None) -> str | None:
    """For a second word that the group does not have. `written` is the group as the person wrote it."""
    near = _nearest(typed[:_LONGEST], list(SECOND_WORDS[group]))
    elsewhere = _second_alone(typed)
    if near is None or elsewhere is not None:
        return elsewhere
    return f"/{written or group} {near}" if not near.isascii() else f"/{SECOND_WORDS[group][near]}"


def _second_alone(word: str) -> str | None:
    """`/pause` for `/agent pause`: the first command that has it as its second word."""
    group = next((group for group, words in SECOND_WORDS.items() if word in words), None)
    return f"/{SECOND_WORDS[group][word]}" if group is not None else None


def _run_together(typed: str) -> str | None:
    """`/agentpause`, `/智能体暂停`, `/拒绝5d1f6a`: what begins with a word of ours, the longest one."""
    for first in sorted(FIRST_WORDS, key=len, reverse=True):
        if len(first) < 2 or not typed.startswith(first):
            continue
        rest, name = typed.removeprefix(first).strip("-:：.,，"), FIRST_WORDS[first]
        if name not in SECOND_WORDS:
            return f"/{first}" if not first.isascii() else None
        second = next(
            (word for word in sorted(SECOND_WORDS[name], key=len, reverse=True) if rest.startswith(word)), None
        )
        if second is not None:
            return f"/{first} {second}" if not second.isascii() else f"/{SECOND_WORDS[name][second]}"
    return None


def _nearest(typed: str, words: list[str], *, alike: float = _ALIKE) -> str | None:
    found = difflib.get_close_matches(typed, words, n=1, cutoff=alike)
    return found[0] if found else None
