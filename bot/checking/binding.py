"""The decision that binds: made inside the transaction that acts on it, with the counters locked that it reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.checking.deciding import decide
from bot.directory import KnownAgent
from bot.metering import Metering, OpenMeter
from bot.people.facts import requester_of
from bot.people.joining import People
from models.values import ActionRequest, Decision, Question


@dataclass(frozen=True, slots=True)
class Bound:
    decision: Decision
    request: ActionRequest
    meter: OpenMeter | None  # None: the rules in force count no such run

    async def ran(self) -> None:
        """The action runs, if the transaction commits."""
        if self.meter is not None:
            await self.meter.ran(self.request)


class Binding:
    def __init__(self, people: People, metering: Metering) -> None:
        self._people = people
        self._metering = metering

    async def prepare(self, known: KnownAgent, request: ActionRequest, now: datetime) -> None:
        """To be called before the transaction in which `decide` is, and in the agent's turn."""
        if counted(known, request):
            await self._metering.prepare(known.facts.id, known.measures, now)

    async def decide(self, known: KnownAgent, request: ActionRequest, now: datetime) -> Bound:
        """In a transaction that holds `known.epoch`, before any lock but the epoch's and the agent's."""
        question = await self.question(known, request, now)
        if not counted(known, request):
            return Bound(decide(known, question), request, None)
        meter = await self._metering.open(known.facts.id, known.measures, now)
        return Bound(decide(known, question, meter.counters), request, meter)

    async def foresee(
        self, known: KnownAgent, request: ActionRequest, now: datetime, *, besides: datetime | None = None
    ) -> Decision:
        """What would be decided now. Counters are read without a lock, so where they count this binds nobody.

        `besides`: the same request ran at that time already, and is not to be counted twice.
        """
        question = await self.question(known, request, now)
        if not counted(known, request):
            return decide(known, question)
        counters = await self._metering.peek(known.facts.id, known.measures, now)
        if besides is not None:
            counters.remove(request.action_type, request.tool or "", besides, known.measures.amounts(request.args))
        return decide(known, question, counters)

    async def question(self, known: KnownAgent, request: ActionRequest, now: datetime) -> Question:
        """The request with all that the rules ask about it; people are only looked up when they do."""
        if not known.asks_requester:
            return Question(request, known.facts, now)
        requester = await requester_of(self._people, known.facts.tenant, request.requested_by)
        return Question(request, known.facts, now, requester)


def counted(known: KnownAgent, request: ActionRequest) -> bool:
    """Whether a run of this is counted; then the check is decided with the agent's counters locked."""
    return not known.measures.none and known.measures.counts(request.action_type, request.tool or "")
