"""What a card callback is answered with. Pure.

Only `toast` and `card` may stand there, and the card under `card.data`; anything else shows code 200672 to the person
(open.feishu.cn, "Card callback communication").
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from models.values import JsonObject


class ToastKind(StrEnum):
    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Toast:
    """A short line that the person who pressed sees for some seconds."""

    kind: ToastKind
    zh_cn: str
    en_us: str


def answer(toast: Toast | None = None, card: JsonObject | None = None) -> JsonObject:
    """The body for HTTP 200: a toast, the card that replaces the pressed one for everybody, both, or nothing."""
    body: JsonObject = {}
    if toast is not None:
        texts: JsonObject = {"zh_cn": toast.zh_cn, "en_us": toast.en_us}
        body["toast"] = {"type": toast.kind.value, "content": toast.zh_cn, "i18n": texts}
    if card is not None:
        body["card"] = {"type": "raw", "data": card}
    return body
