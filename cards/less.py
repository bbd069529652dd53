"""Being asked less, on the card of an approved request: the grants that were given on it, and what may be given."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from cards import elements as node
from cards.arguments import rows
from cards.escape import json_bytes, one_line
from cards.granting import grant_nodes, revoke_button
from cards.views import ApprovalView, GrantView, OfferedField, OfferView
from cards.words import Bilingual, lasting
from models.enums import ApprovalStatus
from models.values import JsonObject

FIXED = "fixed"
"""The field in which a person chooses the arguments that stay; its values are the places of the arguments."""

_FIELDS = 1_600  # bytes of all options together
_OPTION = 120

_ASK_LESS = Bilingual("以后少问", "Ask less")
_EXACT = Bilingual("完全相同的操作，{t}内不再问", "Exactly this: do not ask for {t}")
_KIND = Bilingual("同类操作，今天不再问", "This kind: do not ask today")
_KEEP = Bilingual("同类操作中，这些参数保持不变：", "For this kind, these arguments stay as they are:")
_FREE = Bilingual(
    "没选的可以变化：数字不超过本次，文字有长度限制。",
    "The others may vary: numbers up to this one, texts of limited length.",
)
_CHOOSE = Bilingual("全部可以变化", "All may vary")
_REVOCABLE = Bilingual(
    "每次执行都会告诉您，一点即可撤销；超出范围的照样来问。",
    "You are told of every run and can revoke with one tap. Anything beyond is still asked.",
)
_STREAK = Bilingual(
    "这类操作您已连续 {n} 次原样同意。要让它自己执行吗？",
    "You approved this kind {n} times in a row, as it was. Shall it run by itself?",
)
_BY_ITSELF = Bilingual("让它自己执行 {t}", "Let it run by itself for {t}")
_SAMPLED = Bilingual(
    "只限您同意过的范围；每次都会告诉您，还会抽查，一次“不对”就撤销。",
    "Within what you approved only. You are told of each run and asked to review some; one “wrong” ends it.",
)


def less_nodes(view: ApprovalView) -> Iterator[JsonObject]:
    """Nothing unless approved: a question stays a question."""
    if view.status is not ApprovalStatus.APPROVED:
        return
    for grant in view.grants:
        yield from _given(grant, bounded=view.offer is None)
    if view.offer is not None:
        yield from _offered(view.offer, view.approval_id)


def _given(grant: GrantView, *, bounded: bool) -> Iterator[JsonObject]:
    yield node.divider()
    yield from grant_nodes(grant, bounded=bounded)
    if grant.stands:
        yield revoke_button(grant.grant_id)


def _offered(offer: OfferView, approval_id: UUID) -> Iterator[JsonObject]:
    yield node.divider()
    if offer.graduate_for is not None:
        yield node.block(_STREAK.format(n=offer.streak))
        yield node.button(*_named("graduate", _BY_ITSELF.format(t=lasting(offer.graduate_for)), "primary", approval_id))
        yield node.note(_SAMPLED)
    yield node.form("less", [node.panel(_ASK_LESS, _choices(offer, approval_id))])


def _choices(offer: OfferView, approval_id: UUID) -> Iterator[JsonObject]:
    if offer.exact_for is not None:
        label = _EXACT.format(t=lasting(offer.exact_for))
        yield node.submit(*_named("grant_exact", label, "default", approval_id), size="medium")
    if offer.kind_until is not None:
        yield node.block(_KEEP)
        yield node.multi_select(FIXED, _CHOOSE, _options(offer.fields), _selected(offer.fields))
        yield node.note(_FREE)
        yield node.submit(*_named("grant_kind", _KIND, "default", approval_id), size="medium")
    yield node.note(_REVOCABLE)


def _options(fields: tuple[OfferedField, ...]) -> Iterator[tuple[str, str]]:
    shown, _ = rows({field.name: field.value for field in fields}, _FIELDS, len(fields))
    for place, row in enumerate(shown):
        yield str(place), one_line(f"{row.name} = {row.text}", _OPTION, size=json_bytes)


def _selected(fields: tuple[OfferedField, ...]) -> Iterator[str]:
    return (str(place) for place, field in enumerate(fields) if field.fixed)


def _named(act: str, label: Bilingual, kind: str, approval_id: UUID) -> tuple[str, Bilingual, str, JsonObject]:
    return f"{act}:{approval_id}", label, kind, {"act": act, "approval_id": str(approval_id)}
