"""Answers about freezes, observation, labels, limits and access tokens: what is now true, and how to take it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo

from cards.freezing import FreezeView, still_lines
from cards.said_in_text import as_typed, labelled, lines, safe_line
from cards.words import CHINA, Bilingual, lasting, moment
from models.enums import Language


def frozen(views: Sequence[FreezeView], also: Sequence[FreezeView], told: int, language: Language) -> str:
    """What stands still from now on, until when, and who was told."""
    words = Bilingual("已冻结{what}：从现在起什么都不放行。", "Frozen: {what}. Nothing is allowed from now on.")
    until = views[0].until
    end = Bilingual("直到有人解冻", "until somebody ends it")
    if until is not None:
        end = Bilingual("到 {at} 自动结束", "it ends by itself, {at}").format(
            at=moment(until, views[0].now, views[0].zone)
        )
    return lines(
        words.format(what=_what(views)).in_(language),
        Bilingual("时间：{end}", "How long: {end}").format(end=end).in_(language),
        Bilingual(
            "待审批的请求会保留，仍可答复，解冻后才执行。已通知 {n} 人。",
            "Pending requests stay and can be answered; nothing runs before the end. People told: {n}.",
        )
        .format(n=told)
        .in_(language),
        still_lines(tuple(also), language),
        Bilingual("解冻：{command}", "To end it: {command}").format(command=_unfreeze(views)).in_(language),
    )


def _what(views: Sequence[FreezeView]) -> Bilingual:
    if any(view.agent is None for view in views):
        return Bilingual("全部智能体", "all agents")
    named = "".join(f"「{safe_line(view.agent or '')}」" for view in views[:5])
    more = f" … (+{len(views) - 5})" if len(views) > 5 else ""
    return Bilingual(f"{named}{more}", ", ".join(f"“{safe_line(view.agent or '')}”" for view in views[:5]) + more)


def _unfreeze(views: Sequence[FreezeView]) -> str:
    only = views[0].agent if len(views) == 1 else None
    return "/unfreeze all" if only is None else f"/unfreeze {as_typed(only)}"


def unfrozen(agent: str | None, lifted: int, still: Sequence[FreezeView], language: Language) -> str:
    """What runs again. `agent` None: all that were meant."""
    what = Bilingual("全部智能体", "all agents")
    if agent is not None:
        what = Bilingual("「{agent}」", "“{agent}”").format(agent=safe_line(agent))
    words = Bilingual("已解冻{what}，照常工作。", "No longer frozen: {what}. Work goes on.")
    if lifted == 0:
        words = Bilingual("{what}没有被冻结。", "Nothing to end: {what} was not frozen.")
        if still:
            words = Bilingual("没有可以解冻的。", "There was nothing to end.")
    elif still:
        words = Bilingual("已解除对{what}的冻结。", "Ended the freeze of {what}.")
    who = Bilingual("管理员的冻结由管理员解除。", "What an admin froze, an admin ends.")
    hint = who.in_(language) if still and lifted == 0 else None
    return lines(words.format(what=what).in_(language), still_lines(tuple(still), language), hint)


def observing(agent: str, until: datetime | None, language: Language, *, now: datetime, zone: tzinfo = CHINA) -> str:
    """An observed agent is not held back by anything but freeze and pause: say so plainly."""
    if until is None:
        words = Bilingual(
            "「{agent}」不再只观察：策略重新生效。", "“{agent}” is no longer only observed: its policy holds again."
        )
        return words.format(agent=safe_line(agent)).in_(language)
    words = Bilingual(
        "「{agent}」到 {until} 前只观察：全部放行，不问任何人，也不拒绝；"
        "本来会问或会拒绝的会记录下来，每天汇总告诉创建者。\n"
        "提前结束：/observe {typed} off",
        "“{agent}” is only observed until {until}: everything runs, nobody is asked, nothing is denied. "
        "What would have been asked or denied is recorded, and its creator gets it as a daily digest.\n"
        "To end it: /observe {typed} off",
    )
    return words.format(agent=safe_line(agent), until=moment(until, now, zone), typed=as_typed(agent)).in_(language)


def labels_set(agent: str, labels: Mapping[str, str], language: Language) -> str:
    """All labels that the agent has now."""
    if not labels:
        return (
            Bilingual("「{agent}」现在没有标签。", "“{agent}” has no labels now.")
            .format(agent=safe_line(agent))
            .in_(language)
        )
    told = [f"· {safe_line(key)}: {safe_line(value)}" for key, value in sorted(labels.items())[:40]]
    return lines(
        Bilingual("「{agent}」的标签：", "Labels of “{agent}”:").format(agent=safe_line(agent)).in_(language), told
    )


def limits_set(agent: str, pending: int | None, rate: int | None, language: Language) -> str:
    """Both limits as they are now; None is the installation's."""
    default = Bilingual("默认", "default")
    return lines(
        Bilingual("「{agent}」的限额：", "Limits of “{agent}”:").format(agent=safe_line(agent)).in_(language),
        labelled(
            Bilingual("· 同时待审批", "· Waiting at once"), default if pending is None else str(pending), language
        ),
        labelled(Bilingual("· 每分钟检查", "· Checks a minute"), default if rate is None else str(rate), language),
        Bilingual("超出的请求会被告知稍后再试。", "What exceeds them is told to try again later.").in_(language),
    )


def access_token_link(name: str, url: str, valid: timedelta, until: datetime, language: Language, *, now: datetime,
                      zone: tzinfo = CHINA) -> str:  # fmt: skip
    """The token is behind a link; in the chat it never appears."""
    words = Bilingual(
        "访问令牌「{name}」已创建，{until} 到期。只显示一次，链接 {valid}内有效：\n{url}\n吊销：/token revoke {typed}",
        "The access token “{name}” exists until {until}. It is shown once; this link works for {valid}:\n{url}\n"
        "To end it: /token revoke {typed}",
    )
    return words.format(
        name=safe_line(name), until=moment(until, now, zone), valid=lasting(valid), url=url, typed=as_typed(name)
    ).in_(language)


def access_token_title(name: str, language: Language) -> str:
    """What the page behind the link is headed with."""
    return Bilingual("访问令牌「{name}」", "Access token “{name}”").format(name=safe_line(name)).in_(language)


def access_tokens(tokens: Sequence[tuple[str, datetime, datetime]], language: Language, *, now: datetime,
                  zone: tzinfo = CHINA) -> str:  # fmt: skip
    """Name, since when, until when."""
    if not tokens:
        return Bilingual(
            "您没有访问令牌。新建：/token create 名称", "You have no access tokens. Create one: /token create NAME"
        ).in_(language)
    line = Bilingual("· {name}：{since} 创建，{until} 到期", "· {name}: since {since}, until {until}")
    return lines(
        Bilingual("您的访问令牌（{n}）", "Your access tokens ({n})").format(n=len(tokens)).in_(language),
        (
            line.format(name=safe_line(name), since=moment(since, now, zone), until=moment(until, now, zone)).in_(
                language
            )
            for name, since, until in tokens
        ),
    )


def access_token_revoked(name: str, language: Language) -> str:
    words = Bilingual("访问令牌「{name}」已吊销，立即失效。", "The access token “{name}” no longer works.")
    return words.format(name=safe_line(name)).in_(language)
