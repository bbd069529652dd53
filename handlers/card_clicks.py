"""A card callback and its answer: a toast for the person who pressed, and the card that everybody sees from now on."""

from __future__ import annotations

import asyncio
from datetime import datetime, tzinfo
from typing import assert_never

import structlog

from bot.approvals import AlreadyDone, Consenting, Resolved
from bot.clicks import Clicks, Pressed
from bot.database.outage import is_outage
from bot.granting.presses import Drawn, GrantPressed, Repeated
from bot.granting.values import Given, Reviewed, Revoked
from bot.ports import Clock
from bot.pressing import Shown
from cards import messages
from cards.approval import approval_card
from cards.granting import given_toast, repeated_toast, revoked_toast, used_card
from cards.reviewing import review_card, reviewed_toast
from cards.views import ApprovalView, GrantUseView, ReviewView
from models.values import AppCredentials, CardClick, JsonObject, Refusal

ANSWER_WITHIN = 2.5
"""Seconds. Feishu shows an error after 3 (200341); a press that was not settled by then may be repeated safely."""

log = structlog.get_logger()


class CardClicks:
    def __init__(self, clicks: Clicks, clock: Clock, zone: tzinfo) -> None:
        self._clicks = clicks
        self._clock = clock
        self._zone = zone

    async def answer(self, app: AppCredentials, click: CardClick) -> JsonObject:
        """The body of the callback's answer. Refusals are answers too: HTTP 200 and a toast."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                pressed = await self._clicks.press(app.in_company(click.company), click)
        except Exception as fault:
            if not is_outage(fault):  # a time-out is one: ours, or the database's
                raise
            log.warning("card.click_not_settled", app=app.app_id, event_id=click.event_id, fault=type(fault).__name__)
            return {"toast": messages.busy_toast()}
        word = pressed.word if isinstance(pressed, Shown) else _word(pressed)
        log.info("card.clicked", app=app.app_id, event_id=click.event_id, outcome=word)
        if isinstance(pressed, Shown):
            return {"toast": pressed.toast, **({"card": {"type": "raw", "data": pressed.card}} if pressed.card else {})}
        return self._answer(pressed, self._clock.now())

    def _answer(self, pressed: Pressed | GrantPressed, now: datetime) -> JsonObject:
        zone = pressed.view.zone if isinstance(pressed.view, ApprovalView) else self._zone  # the reader's own
        body: JsonObject = {"toast": _toast(pressed, now, zone)}
        if pressed.view is not None:
            body["card"] = {"type": "raw", "data": _card(pressed.view)}
        return body


def _card(view: Drawn) -> JsonObject:
    match view:
        case ApprovalView():
            return approval_card(view)
        case GrantUseView():
            return used_card(view)
        case ReviewView():
            return review_card(view)
        case unreachable:
            assert_never(unreachable)


def _toast(pressed: Pressed | GrantPressed, now: datetime, zone: tzinfo) -> JsonObject:
    match pressed.outcome:
        case Refusal() as refusal:
            return messages.refusal_toast(refusal, now, zone)
        case Resolved() | Consenting() | AlreadyDone():
            if not isinstance(pressed.view, ApprovalView):
                raise RuntimeError("a settled press has a view")
            return messages.resolved_toast(pressed.view)
        case Given(grant=grant, again=again):
            return given_toast(grant, again=again)
        case Revoked(grant=grant, again=again):
            return revoked_toast(grant, again=again)
        case Reviewed(review=review, again=again):
            return reviewed_toast(review, again=again)
        case Repeated():
            return repeated_toast()
        case unreachable:
            assert_never(unreachable)


def _word(pressed: Pressed | GrantPressed) -> str:
    match pressed.outcome:
        case Given() | Revoked() | Reviewed() as done:
            return type(done).__name__.lower()
        case Refusal(kind=kind):
            return kind.value
        case Resolved(resolution=resolution):
            return resolution.status.value
        case Consenting():
            return "consented"
        case AlreadyDone() | Repeated():
            return "repeated"
        case unreachable:
            assert_never(unreachable)
