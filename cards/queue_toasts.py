"""What a press on a queue card is answered with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cards.queue import DONE
from cards.refusals import toast
from cards.words import Bilingual
from models.values import JsonObject, RefusalKind


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of approving several at once."""

    approved: int
    others: Mapping[RefusalKind, int]  # why not the rest


_WHY_NOT: dict[RefusalKind, Bilingual] = {
    RefusalKind.ALREADY_RESOLVED: Bilingual("已有结论", "decided already"),
    RefusalKind.EXPIRED: Bilingual("已过期", "expired"),
    RefusalKind.EDITED: Bilingual("参数有改动", "changed meanwhile"),
    RefusalKind.WRONG_CODE: Bilingual("参数有改动", "changed meanwhile"),
    RefusalKind.CRITICAL: Bilingual("须单独决定", "to be decided alone"),
    RefusalKind.NOT_YOURS: Bilingual("不由您决定", "not yours to decide"),
}
_OTHERWISE = Bilingual("不能一起同意", "not of this kind")
_NOTHING = Bilingual("没有列出任何请求，请逐个决定", "Nothing was listed; please decide one by one")


def batch_toast(batch: Batch) -> JsonObject:
    """How many of how many, and why not the rest."""
    total = batch.approved + sum(batch.others.values())
    if not total:
        return toast("warning", _NOTHING)
    words = Bilingual("已同意 {n}/{total} 个", "{n} of {total} approved").format(n=batch.approved, total=total)
    why = [
        Bilingual("{n} 个{why}", "{n} {why}").format(n=count, why=_WHY_NOT.get(kind, _OTHERWISE))
        for kind, count in batch.others.items()
    ]
    zh, en = "，".join([words.zh, *(one.zh for one in why)]), ", ".join([words.en, *(one.en for one in why)])
    return toast("success" if not why else "info" if batch.approved else "warning", Bilingual(zh, en))


def snoozed_toast(until: Bilingual) -> JsonObject:
    return toast("success", Bilingual("好，{at} 再来", "Fine: again at {at}").format(at=until))


def not_your_queue_toast() -> JsonObject:
    return toast("error", Bilingual("这是别人的待办", "This is somebody else's queue"))


def turned_toast(position: int, total: int) -> JsonObject:
    if not total:
        return toast("info", DONE)
    return toast("info", Bilingual("第 {n}/{total} 个", "{n} of {total}").format(n=position, total=total))
