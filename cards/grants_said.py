"""Answers about grants: what runs without being asked for, within which bounds, until when, and how to end it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from uuid import UUID

from cards.cut import shortened
from cards.granting import limit_lines
from cards.said_in_text import lines, safe_action, safe_line
from cards.views import GrantView
from cards.why import GRANT_KINDS
from cards.words import CHINA, Bilingual, moment
from models.enums import Language

_SHORT = 8


def short_id(grant_id: UUID) -> str:
    """What is typed to name a grant: the end of its id, for the beginnings of one hour are alike."""
    return grant_id.hex[-_SHORT:]


def grants_list(grants: Sequence[GrantView], agent: str | None, language: Language, zone: tzinfo = CHINA) -> str:
    """The grants in force, newest first."""
    if not grants:
        none = Bilingual("没有有效的授权：该问的都会问。", "No grant is in force: whatever needs approval is asked.")
        if agent is not None:
            none = Bilingual(
                "「{agent}」没有有效的授权：该问的都会问。",
                "No grant of “{agent}” is in force: whatever needs approval is asked.",
            ).format(agent=safe_line(agent))
        return none.in_(language)
    rest = Bilingual("· … 还有 {n} 个：命令行 assent grant list", "· … {n} more: assent grant list")
    return lines(
        Bilingual("有效的授权（{n}）", "Grants in force ({n})").format(n=len(grants)).in_(language),
        shortened([_listed(grant, language, zone) for grant in grants], language, rest, most=15),
        Bilingual("撤销：/grant revoke 编号", "To end one: /grant revoke ID").in_(language),
    )


def _listed(grant: GrantView, language: Language, zone: tzinfo) -> str:
    words = Bilingual(
        "· {id} 「{agent}」{action}（{kind}），到 {until}，{uses}/{most} 次，{giver} 给的{bounds}",
        "· {id} {action} (“{agent}”, {kind}) until {until}, {uses} of {most} uses, given by {giver}{bounds}",
    )
    return words.format(
        id=short_id(grant.grant_id),
        agent=safe_line(grant.agent),
        action=_action(grant, language),
        kind=GRANT_KINDS[grant.kind],
        until=moment(grant.expires_at, grant.now, zone),
        uses=grant.uses,
        most=grant.max_uses,
        giver=safe_line(grant.giver),
        bounds=_bounds(grant, language, "\n  "),
    ).in_(language)


def granted(grant: GrantView, again: bool, language: Language, zone: tzinfo = CHINA) -> str:
    """What runs by itself from now on, and how far."""
    words = Bilingual(
        "「{agent}」{action}（{kind}）到 {until} 前不再问，最多 {most} 次；每次都会告诉您。",
        "{action} (“{agent}”, {kind}) is not asked for until {until}, {most} times at most; you are told of each.",
    )
    if again:
        words = Bilingual(
            "「{agent}」{action}（{kind}）已有同样的授权，到 {until}，还剩 {left} 次。",
            "{action} (“{agent}”, {kind}) has such a grant already, until {until}, {left} uses left.",
        )
    told = words.format(
        agent=safe_line(grant.agent),
        action=_action(grant, language),
        kind=GRANT_KINDS[grant.kind],
        until=moment(grant.expires_at, grant.now, zone),
        most=grant.max_uses,
        left=grant.uses_left,
    )
    bounds = _bounds(grant, language, "\n· ")
    undo = Bilingual("撤销：/grant revoke {id}", "To end it: /grant revoke {id}").format(id=short_id(grant.grant_id))
    return lines(f"{told.in_(language)}{bounds}", undo.in_(language))


def grant_revoked(grant: GrantView, again: bool, language: Language, zone: tzinfo = CHINA) -> str:
    words = Bilingual(
        "已撤销：「{agent}」{action}，从现在起照常询问。共用了 {uses} 次。",
        "Ended: {action} (“{agent}”) is asked for again from now on. It was used {uses} times.",
    )
    if again and grant.revoked_at:
        words = Bilingual(
            "「{agent}」{action}：授权已由 {by} 于 {at} 撤销。",
            "The grant for {action} (“{agent}”) was ended by {by}, {at}.",
        ).format(agent="{agent}", action="{action}", by="{by}", at=moment(grant.revoked_at, grant.now, zone))
    return words.format(
        agent=safe_line(grant.agent),
        action=_action(grant, language),
        uses=grant.uses,
        by=safe_line(grant.revoked_by or "—"),
    ).in_(language)


def _action(grant: GrantView, language: Language) -> str:
    tool = f" · {safe_line(grant.tool)}" if grant.tool else ""
    return f"{safe_action(grant.action_type, language)}{tool}"


def _bounds(grant: GrantView, language: Language, before: str) -> str:
    """A line for each argument, masked and cut already; a text obeys brackets that a card does not."""
    return "".join(f"{before}{safe_line(line.in_(language), 260)}" for line in limit_lines(grant.limits))
