"""One outbox message in, one result out: the kinds, and the rules for what goes wrong with any of them.

A fault that passes (an outage, a rate limit) is tried again by the schedule of bot.lifecycle.next_attempt; one of the
app's own settings until an admin has mended it; one of the person or the content never.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Protocol

import structlog

from bot import lifecycle
from bot.approvals import ApprovalService
from bot.delivery.alerts import Alerts, daily, is_alert
from bot.delivery.asking import AskWithCard
from bot.delivery.facts import fact
from bot.delivery.reaching import Reach
from bot.delivery.results import DELIVERED, Later, Result, Settled, words
from bot.delivery.saying import LearnIdentity, LearnName, SayCard, SayText, SendReply, UnknownAddress
from bot.delivery.updating import UpdateCard
from bot.execution.executions import Executions
from bot.ledger import Work
from bot.outbox import Bell
from bot.people.joining import People
from bot.ports import (
    Clock,
    FeishuGateway,
    FeishuMisconfigured,
    FeishuUnavailable,
    MessageGone,
    PayloadRefused,
    ReceiverRefused,
)
from bot.views import ApprovalLinks, Views
from bot.waiters.registry import Waiters
from cards.views import UndeliverableView
from models.approval import ApprovalRequest
from models.enums import OutboxKind, OutboxState
from models.outbox import OutboxMessage

log = structlog.get_logger(__name__)

MENDING = timedelta(minutes=5)
"""Between two tries while an app is set up wrongly; so long after the mending everything flows again."""

_HOPELESS = (ReceiverRefused, PayloadRefused, MessageGone, UnknownAddress)


class _Kind(Protocol):
    async def deliver(self, message: OutboxMessage) -> Result: ...


class Delivery:
    def __init__(
        self,
        gateway: FeishuGateway,
        people: People,
        views: Views,
        links: ApprovalLinks,
        approvals: ApprovalService,
        executions: Executions,
        waiters: Waiters,
        bell: Bell,
        clock: Clock,
        *,
        also: Mapping[OutboxKind, _Kind] = MappingProxyType({}),
    ) -> None:
        """`also`: kinds that nothing else here needs (bot.delivery.replaying)."""
        reach = Reach(gateway, people, clock)
        self._people = people
        self._clock = clock
        self._executions = executions
        self._alerts = Alerts(people, links, bell, views.zone)
        self._cards = AskWithCard(reach, people, views, approvals, self._alerts, waiters, clock)
        self._kinds: dict[OutboxKind, _Kind] = {
            OutboxKind.APPROVAL_CARD: self._cards,
            OutboxKind.CARD_UPDATE: UpdateCard(gateway, views, clock),
            OutboxKind.TEXT: SayText(gateway, reach),
            OutboxKind.CARD: SayCard(reach),
            OutboxKind.REPLY: SendReply(gateway, reach),
            OutboxKind.LEARN_NAME: LearnName(gateway, people),
            OutboxKind.RESOLVE_IDENTITY: LearnIdentity(reach),
            OutboxKind.EXECUTE: _Execute(executions),
            **also,
        }

    async def deliver(self, message: OutboxMessage) -> Result:
        """The message's effect was brought about, or what is to be done instead. Never raises for what goes wrong."""
        try:
            return await self._kinds[message.kind].deliver(message)
        except FeishuMisconfigured as fault:
            return self._mending(message, fault)
        except _HOPELESS as fault:
            return self._give_up(message, fault)
        except FeishuUnavailable as fault:
            return self._again(message, fault, retry_after=fault.retry_after, unsure=fault.code == 0)
        except Exception as fault:  # a fault of ours or of the database must hold up one lane, not the worker
            log.exception("outbox.fault", message=str(message.id), kind=message.kind.value)
            return self._again(message, fault, unsure=True)

    def _again(
        self, message: OutboxMessage, fault: Exception, *, retry_after: float | None = None, unsure: bool
    ) -> Result:
        due = lifecycle.next_attempt(
            message.attempts,
            self._clock.now(),
            retry_after=retry_after,
            jitter=random.random(),  # noqa: S311 - no secret
        )
        if isinstance(due, lifecycle.GiveUp):
            return self._give_up(message, fault)
        return Later(due, words(fault), unsure=unsure)

    def _mending(self, message: OutboxMessage, fault: FeishuMisconfigured) -> Later:
        """Not lost: it waits, uncounted, until an admin has mended the app."""
        record = partial(self._misconfigured, message, fault)
        return Later(self._clock.now() + MENDING, words(fault), counted=False, record=record)

    def _give_up(self, message: OutboxMessage, fault: Exception) -> Settled:
        if message.kind is OutboxKind.APPROVAL_CARD:
            return self._cards.give_up(message, fault)
        return Settled(OutboxState.DISCARDED, partial(self._discarded, message, fault), fault=words(fault))

    async def _discarded(self, message: OutboxMessage, fault: Exception, work: Work) -> None:
        work.audit(fact(message, "delivery.failed", fault=fault))
        if message.kind is OutboxKind.EXECUTE and message.approval_id:
            await self._executions.abandon(work, message.approval_id, f"Could not be started: {words(fault)}")
        if not is_alert(message):
            key = daily(work.now, type(fault).__name__, message.kind.value, message.app_id, message.person_id)
            await self._alerts.tell(
                work, message.tenant, key, await self._view(message, fault), spare=message.person_id
            )

    async def _misconfigured(self, message: OutboxMessage, fault: FeishuMisconfigured, work: Work) -> None:
        if message.kind is OutboxKind.APPROVAL_CARD:
            await ApprovalRequest.filter(id=message.approval_id).update(delivery_detail=words(fault))
        key = daily(work.now, "app", message.app_id, fault.code)
        told = await self._alerts.tell(work, message.tenant, key, await self._view(message, fault))
        if told or (message.fault is None and not await self._people.admins(message.tenant)):
            work.audit(fact(message, "app.misconfigured", fault=fault))

    async def _view(self, message: OutboxMessage, fault: Exception) -> UndeliverableView:
        person = await self._people.user(message.person_id) if message.person_id else None
        subject = person.name if person else message.app_id or message.kind.value
        return UndeliverableView(subject=subject, detail=words(fault), approval_id=message.approval_id)


class _Execute:
    def __init__(self, executions: Executions) -> None:
        self._executions = executions

    async def deliver(self, message: OutboxMessage) -> Result:
        """The approved action was performed, or somebody else is at it and this is looked at again."""
        if message.approval_id is None:
            raise ValueError(f"outbox message {message.id} executes nothing")
        until = await self._executions.run(message.approval_id)
        return DELIVERED if until is None else Later(until, counted=False)
