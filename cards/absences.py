"""What is said around somebody's absence, and of somebody who left. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from cards.said_in_text import as_typed, lines, safe_line
from cards.words import Bilingual, moment
from models.enums import Employment, Language

_SHOWN = 5  # agents named


def asked_to_stand_in(name: str, until: datetime, now: datetime, waiting: int, language: Language, zone: tzinfo) -> str:
    """To the delegate: what will come, and what to do about it."""
    words = Bilingual(
        "{name} 暂时不在，{until} 之前由您代为审批。需要决定的请求会以卡片发给您。",
        "{name} is away and named you to decide until {until}. What needs a decision comes to you as a card.",
    )
    now_waiting = Bilingual("现有 {n} 个请求已转给您。", "{n} waiting now went to you.")
    excuse = Bilingual("如果不方便，请让对方另选代理人。", "If you cannot, tell them to name somebody else.")
    return lines(
        words.format(name=safe_line(name), until=moment(until, now, zone)).in_(language),
        now_waiting.format(n=waiting).in_(language) if waiting else None,
        excuse.in_(language),
    )


def released(name: str, language: Language) -> str:
    """To a former delegate."""
    return (
        Bilingual(
            "您不再代 {name} 审批；已经发给您的卡片仍可处理。",
            "You no longer decide for {name}; cards that you have stay yours to answer.",
        )
        .format(name=safe_line(name))
        .in_(language)
    )


def creator_gone(name: str, how: Employment, agents: Sequence[str], language: Language) -> str:
    """To the admins: an account ended, and these agents have nobody of their own to decide."""
    left = Bilingual("{name} 已离职。", "{name} has left.")
    frozen = Bilingual("{name} 的飞书账号已被冻结。", "The Feishu account of {name} is frozen.")
    more = f" (+{len(agents) - _SHOWN})" if len(agents) > _SHOWN else ""
    named = "、".join(safe_line(agent) for agent in agents[:_SHOWN]) + more
    first = as_typed(agents[0])
    return lines(
        (left if how is Employment.LEFT else frozen).format(name=safe_line(name)).in_(language),
        Bilingual(
            "由其创建的智能体：{agents}。它们的请求会改问后备审批人、上级或管理员。",
            "Created these agents: {agents}. What they ask goes to the backup, the leader or the admins instead.",
        )
        .format(agents=named)
        .in_(language),
        Bilingual("设置后备审批人：/agent backup {first} 邮箱或ID", "Name a backup: /agent backup {first} WHO")
        .format(first=first)
        .in_(language),
    )
