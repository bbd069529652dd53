"""The queue card, as a person has looked at it. `TEST_UPDATECARDS=1 pytest …` writes the files anew."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.queueing.pressed import Act, read_button
from bot.simulator.rules import card_fault
from cards.queue import MOST_ALIKE, queue_card
from cards.queue_toasts import Batch, batch_toast
from cards.views import AlikeItem, ApprovalView
from models.enums import AskedAs, Verdict
from models.values import CardClick, Json, JsonObject, PersonIds, RefusalKind
from tests.support.card_samples import PENDING
from tests.support.goldens import CARDS, card_text, golden
from tests.support.queue_samples import ALIKE, MANY, NOW, ONE, QUEUES, alike
from tests.unit.test_cards_limits import _HEAVY, _args, _views
from tests.unit.test_cards_rules import check_card, nodes, texts


def buttons(card: JsonObject) -> dict[str, JsonObject]:
    """By what they do."""
    return {str(one["name"]).partition(":")[0]: one for one in nodes(card) if one["tag"] == "button" and "name" in one}


def value(button: JsonObject) -> JsonObject:
    match button["behaviors"]:
        case [{"value": dict(carried)}]:
            return carried
        case _:
            raise AssertionError(button)


def click(button: JsonObject, *, stripped: bool = False, **form: Json) -> CardClick:
    return pressed({} if stripped else value(button), str(button["name"]), form)


def pressed(carried: JsonObject, name: str, form: JsonObject) -> CardClick:
    return CardClick("e", "cli_x", PersonIds(open_id="ou_lin"), "om_queue", None, carried, name, form, NOW)


@pytest.mark.parametrize("sample", QUEUES)
def test_the_card_is_the_golden_one(sample: str) -> None:
    drawn = card_text(queue_card(QUEUES[sample]))
    assert drawn == golden(CARDS / f"{sample}.json", drawn)


def test_every_golden_file_is_of_a_state() -> None:
    assert {path.stem for path in CARDS.glob("queue_*.json")} == set(QUEUES)


@pytest.mark.parametrize("sample", QUEUES)
def test_feishu_takes_the_card_and_so_does_the_simulator(sample: str) -> None:
    check_card(queue_card(QUEUES[sample]))
    assert card_fault(json.dumps(queue_card(QUEUES[sample]))) is None


def _items(others: list[JsonObject]) -> tuple[AlikeItem, ...]:
    return tuple(
        AlikeItem(approval_id=UUID(int=place), code=f"{place:06x}", args=args, created_at=NOW)
        for place, args in enumerate(others)
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(_views, st.lists(_args, max_size=MOST_ALIKE + 3), st.integers(0, 10**6))
def test_any_queue_makes_a_card_that_feishu_takes(shown: ApprovalView, others: list[JsonObject], more: int) -> None:
    items = _items(others)
    check_card(queue_card(replace(MANY, shown=shown, alike=items, alike_total=len(items) + more, total=more + 1)))


@pytest.mark.parametrize("heavy", _HEAVY, ids=lambda text: f"U+{ord(text[0]):04X}")
def test_the_heaviest_batch_still_fits(heavy: str) -> None:
    args: list[JsonObject] = [
        {f"{n}{heavy[:300]}": f"{place}{heavy}" for n in range(6)} for place in range(MOST_ALIKE + 5)
    ]
    shown = replace(QUEUES["queue_alike"].shown or PENDING, args=args[0], claimed_reason=heavy, action_type=heavy)
    check_card(queue_card(replace(ALIKE, shown=shown, alike=_items(args), alike_total=len(args))))


def test_a_batch_carries_exactly_what_it_lists() -> None:
    items = tuple(alike(place, f"{place:06x}", amount=place) for place in range(1, MOST_ALIKE + 6))
    card = queue_card(replace(ALIKE, alike=items, alike_total=len(items)))
    button = read_button("queue_batch", click(buttons(card)["queue_batch"]))
    assert button.listed == tuple((one.approval_id, one.code) for one in items[:MOST_ALIKE])
    said = "\n".join(texts(card))
    assert all(f"{one.code}  amount" in said for one in items[:MOST_ALIKE])
    assert "另有 5 个没有列出" in said
    assert "payee" not in next(text for text in texts(card) if items[0].code in text), "equal in all: not told"


def test_a_batch_says_where_all_are_equal_and_masks_what_it_tells() -> None:
    equal = queue_card(replace(ALIKE, alike=(alike(1, "000001"), alike(2, "000002")), alike_total=2))
    assert "000002  参数完全相同" in "\n".join(texts(equal))
    assert "40b2aa  amount 860.00 CNY · memo 四月服务费" in "\n".join(texts(queue_card(ALIKE)))
    secret = (alike(1, "000001", password="hunter2hunter2"), alike(2, "000002", password="letmeinletmein"))
    assert "hunter2" not in json.dumps(queue_card(replace(ALIKE, alike=secret, alike_total=2)))


def test_one_alike_request_is_no_batch() -> None:
    assert "queue_batch" not in buttons(queue_card(replace(MANY, alike=(alike(1, "000001"),), alike_total=1)))


def test_what_can_be_pressed_is_what_can_be_done() -> None:
    deciding, turning = {"queue_approve", "queue_reject"}, {"queue_prev", "queue_next"}
    assert set(buttons(queue_card(ONE))) == deciding | {"queue_snooze"}
    assert set(buttons(queue_card(MANY))) == deciding | turning | {"queue_snooze"}
    assert set(buttons(queue_card(QUEUES["queue_not_asked"]))) == deciding | turning
    assert "confirm" in buttons(queue_card(QUEUES["queue_critical"]))["queue_approve"]
    for over in ("queue_empty", "queue_moved", "queue_old"):
        assert buttons(queue_card(QUEUES[over])) == {}


@pytest.mark.parametrize("act", ["queue_prev", "queue_next", "queue_snooze", "queue_approve", "queue_reject"])
def test_a_button_means_the_request_that_was_in_view_even_without_its_value(act: str) -> None:
    drawn = buttons(queue_card(MANY))[act]
    whole = read_button(act, click(drawn, reason="  请先核对  "))
    stripped = read_button(act, click(drawn, stripped=True))
    assert MANY.shown is not None
    assert whole.approval_id == stripped.approval_id == MANY.shown.approval_id
    assert (whole.act, whole.queue_id, whole.reason) == (Act(act), MANY.queue_id, "请先核对")
    assert (stripped.queue_id, stripped.code, stripped.listed) == (None, None, ())


def test_forged_buttons_mean_nothing() -> None:
    carried: JsonObject = {"queue_id": [], "approval_id": "x", "code": {}, "ids": [1, "x y", f"{UUID(int=1)} ", None]}
    forged = read_button("queue_everything", pressed(carried, "queue_batch:zzz", {"reason": ["a"]}))
    assert (forged.act, forged.queue_id, forged.approval_id, forged.reason) == (None, None, None, None)
    assert (forged.code, forged.listed) == ("", ())
    assert Act.NEXT.verdict is None and Act.REJECT.verdict is Verdict.REJECT


def test_the_toast_says_how_many_of_how_many_and_why_not_the_rest() -> None:
    assert batch_toast(Batch(3, {}))["type"] == "success"
    some = batch_toast(Batch(3, {RefusalKind.ALREADY_RESOLVED: 2, RefusalKind.EDITED: 1}))
    assert (some["type"], some["content"]) == ("info", "已同意 3/6 个，2 个已有结论，1 个参数有改动")
    assert batch_toast(Batch(0, {RefusalKind.STALE: 2}))["type"] == "warning"
    assert batch_toast(Batch(0, {}))["type"] == "warning"


def test_it_says_why_the_reader_is_asked() -> None:
    shown = replace(ONE, shown=replace(PENDING, asked_as=AskedAs.BACKUP))
    assert "后备审批人" in "\n".join(texts(queue_card(shown)))
