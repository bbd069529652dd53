"""Why the reader is asked, who must approve beside, and what holds a go-ahead up: what to know before deciding."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

from cards import elements as node
from cards.room import Room
from cards.shown import name
from cards.views import ApprovalView, ConsentView
from cards.words import Bilingual, moment
from models.enums import AskedAs
from models.values import JsonObject

_AS: dict[AskedAs, Bilingual] = {
    AskedAs.CREATOR: Bilingual("您是创建者", "You are its creator"),
    AskedAs.BACKUP: Bilingual("您是这个智能体的后备审批人", "You are named as this agent's backup"),
    AskedAs.DELEGATE: Bilingual("原审批人不在，由您代为审批", "You decide in place of somebody who is away"),
    AskedAs.LEADER: Bilingual("您是创建者的上级", "You are the creator's leader"),
    AskedAs.ADMIN: Bilingual("您作为管理员被问到", "You are asked as an admin"),
    AskedAs.GROUP: Bilingual("询问方案指定由您审批", "The asking plan names you, or a group that you are in"),
}
_NEEDED = Bilingual("需要 {n} 人同意，还差 {left} 人", "{n} people must approve; {left} to go")
_GIVEN = Bilingual("✓ {who}（{at}）", "✓ {who} ({at})")
_YOURS = Bilingual(
    "您已同意，不用再做什么；改主意可以拒绝。", "You approved. Nothing more to do; you can still reject."
)
_SEPARATED = Bilingual("请求人不能自己同意。", "The requester cannot approve this.")
_SNOOZED = Bilingual("您推迟到 {at}；随时可以在这里决定", "Put off until {at}; you can decide here at any time")
_FROZEN = Bilingual(
    "{who}冻结了智能体（{until}），同意后也要等解冻",
    "Frozen by {who} ({until}): approved or not, nothing runs before that ends",
)
_UNTIL = Bilingual("到 {at}", "until {at}")
_OPEN_END = Bilingual("直到有人解冻", "until somebody ends it")


def standing_nodes(view: ApprovalView, zone: tzinfo) -> Iterator[JsonObject]:
    """One small text: why the reader is asked, what was put off, what is frozen."""
    lines = standing_lines(view, zone)
    if lines:
        yield node.note(Bilingual("\n".join(line.zh for line in lines), "\n".join(line.en for line in lines)))


def consent_nodes(view: ApprovalView, zone: tzinfo, room: Room) -> Iterator[JsonObject]:
    """How many must approve, and who did; nothing where one is enough."""
    lines = consent_lines(view, zone, room.people)
    if lines:
        words = Bilingual("\n".join(line.zh for line in lines), "\n".join(line.en for line in lines))
        yield node.tinted("blue", [node.block(words)])


def consent_lines(view: ApprovalView, zone: tzinfo, most: int | None = None) -> list[Bilingual]:
    """How many must approve, who did, and what is said of the reader; at most so many names."""
    lines: list[Bilingual] = []
    if view.needed > 1:
        left = max(0, view.needed - len(view.consents))
        lines.append(_NEEDED.format(n=view.needed, left=left))
        lines += [_given(consent, view, zone) for consent in view.consents[:most]]
    if view.consented:
        lines.append(_YOURS)
    if view.separated:
        lines.append(_SEPARATED)
    return lines


def consented_words(view: ApprovalView, room: Room) -> Bilingual | None:
    """Who approved beside the one who settled it; None where one was enough."""
    if view.needed < 2 or not view.consents:
        return None
    people = "、".join(name(consent.person, 90) for consent in view.consents[: room.people])
    return Bilingual(people, people.replace("、", ", "))


def frozen_until(view: ApprovalView, zone: tzinfo) -> Bilingual:
    return _UNTIL.format(at=moment(view.frozen_until, view.now, zone)) if view.frozen_until else _OPEN_END


def standing_lines(view: ApprovalView, zone: tzinfo) -> list[Bilingual]:
    """Why the reader is asked, what was put off, what is frozen."""
    return [*_standing(view, zone)]


def _standing(view: ApprovalView, zone: tzinfo) -> Iterator[Bilingual]:
    if view.asked_as is not None and view.asked_as is not AskedAs.CREATOR:
        yield _AS[view.asked_as]
    if view.snoozed_until is not None and view.snoozed_until > view.now:
        yield _SNOOZED.format(at=moment(view.snoozed_until, view.now, zone))
    if view.frozen_by is not None:
        yield _FROZEN.format(who=name(view.frozen_by), until=frozen_until(view, zone))


def _given(consent: ConsentView, view: ApprovalView, zone: tzinfo) -> Bilingual:
    return _GIVEN.format(who=name(consent.person, 90), at=moment(consent.at, view.now, zone))
