"""Past checks as they were decided against what a draft says of them: compared one by one, then summed up. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from cards.mask import mask
from models.enums import Layer, Level
from models.replay import Change, ReplayExample, ReplayReport
from models.values import ActionRequest, Decision, JsonObject

EXAMPLES = 5
"""Examples that are kept of each kind of change."""

FAULT_WORDS = 5
DISTINCT_FAULTS = 1_000  # that are counted; a fault may quote what an agent wrote

PAUSED_BEFORE_LAYERS = "the agent is paused"
"""The reason by which a pause is recognised in entries that are older than the layer."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the audit says that the policy decided."""

    level: Level
    rule: str | None
    policy_version: int
    floor_version: int | None
    layer: Layer | None  # None: older than layers

    @property
    def says_nothing(self) -> bool:
        """Whether no rule was looked at, so that the policy of that time must be asked again."""
        return self.layer in (Layer.PAUSE, Layer.FREEZE)

    @property
    def set_aside(self) -> bool:
        """Whether something other than policy and floor gave the answer."""
        return self.says_nothing or self.layer in (Layer.GRANT, Layer.OBSERVE)


def recorded(details: JsonObject) -> Recorded:
    """The policy's own word in the details of a check. ValueError, KeyError for what no check writes."""
    layer = details.get("layer")
    if layer is None and details.get("reason") == PAUSED_BEFORE_LAYERS:
        layer = Layer.PAUSE.value
    level = details.get("would_be") or details["level"]
    rule = details.get("floor_rule" if layer == Layer.FLOOR else "rule")
    version, floor = details["policy_version"], details.get("floor_version")
    return Recorded(
        Level(str(level)),
        None if rule is None else str(rule),
        version if isinstance(version, int) else 0,
        floor if isinstance(floor, int) else None,
        None if layer is None else Layer(str(layer)),
    )


@dataclass(frozen=True, slots=True)
class PastCheck:
    """One check of the past and the level that the policy gave it."""

    check_id: UUID
    at: datetime
    agent_id: UUID
    agent: str
    request: ActionRequest
    action_digest: str
    old: Level
    old_rule: str | None
    set_aside: bool = False


def change_of(old: Level, new: Level) -> Change:
    if old is new:
        return Change.SAME
    if new is Level.DENY:
        return Change.NEWLY_DENIED
    if old is Level.DENY:
        return Change.NO_LONGER_DENIED
    if new is Level.L3:
        return Change.MORE_ASKED
    if old is Level.L3:
        return Change.FEWER_ASKED
    return Change.LOUDER if new is Level.L2 else Change.QUIETER


@dataclass(slots=True)
class Comparison:
    """Sums up check after check; its size does not grow with them but for the distinct questions."""

    checks: int = 0
    faults: int = 0
    by_policy: int = 0
    unreadable: int = 0
    _counts: Counter[Change] = field(default_factory=Counter)
    _words: Counter[str] = field(default_factory=Counter)
    _asked: set[int] = field(default_factory=set)
    _would_ask: set[int] = field(default_factory=set)
    _examples: dict[Change, list[ReplayExample]] = field(default_factory=dict)

    def add(self, past: PastCheck, decision: Decision) -> None:
        """The draft gives this decision for that check."""
        change = change_of(past.old, decision.level)
        self.checks += 1
        self._counts[change] += 1
        self.by_policy += past.set_aside
        if decision.faults:
            self.faults += 1
            self._note(decision.faults)
        if Level.L3 in (past.old, decision.level):
            self._question(past, decision.level)
        if change is not Change.SAME:
            self._keep(change, past, decision)

    def _question(self, past: PastCheck, new: Level) -> None:
        """A repeat meets the question that is there already: the same agent, session and digest."""
        question = hash((past.agent_id, past.request.session or "", past.action_digest))
        if past.old is Level.L3:
            self._asked.add(question)
        if new is Level.L3:
            self._would_ask.add(question)

    def _note(self, faults: tuple[str, ...]) -> None:
        for words in faults:
            if words in self._words or len(self._words) < DISTINCT_FAULTS:
                self._words[words] += 1

    def _keep(self, change: Change, past: PastCheck, decision: Decision) -> None:
        """The first few are kept, and give way to later ones of a kind that is not shown yet."""
        kept = self._examples.setdefault(change, [])
        seen = [_kind(example) for example in kept]
        if len(kept) == EXAMPLES:
            new = (past.agent, past.request.action_type, past.request.tool, past.old_rule, decision.rule)
            double = next((i for i in reversed(range(EXAMPLES)) if seen[i] in seen[:i]), None)
            if double is None or new in seen:
                return
            del kept[double]
        kept.append(_example(past, decision))

    def report(
        self, subject: str, *, since: datetime, until: datetime, limited: bool = False, metered: bool = False
    ) -> ReplayReport:
        return ReplayReport(
            subject=subject,
            since=since,
            until=until,
            checks=self.checks,
            counts={change: self._counts[change] for change in Change},
            questions_before=len(self._asked),
            questions_after=len(self._would_ask),
            more_questions=len(self._would_ask - self._asked),
            fewer_questions=len(self._asked - self._would_ask),
            faults=self.faults,
            fault_words=tuple(self._words.most_common(FAULT_WORDS)),
            by_policy=self.by_policy,
            unreadable=self.unreadable,
            limited=limited,
            metered=metered,
            examples={change: tuple(self._examples[change]) for change in Change if change in self._examples},
        )


def compare(pairs: Iterable[tuple[PastCheck, Decision]]) -> Comparison:
    """All of them, summed up."""
    comparison = Comparison()
    for past, decision in pairs:
        comparison.add(past, decision)
    return comparison


def _kind(example: ReplayExample) -> tuple[str | None, ...]:
    return (example.agent, example.action_type, example.tool, example.old_rule, example.new_rule)


def _example(past: PastCheck, decision: Decision) -> ReplayExample:
    args = mask(past.request.args)
    return ReplayExample(
        check_id=past.check_id,
        at=past.at,
        agent=past.agent,
        action_type=past.request.action_type,
        tool=past.request.tool,
        args=args if isinstance(args, dict) else {},
        old=past.old,
        old_rule=past.old_rule,
        new=decision.level,
        new_rule=decision.floor_rule if decision.layer is Layer.FLOOR else decision.rule,
        new_layer=decision.layer,
        faults=decision.faults,
    )
