"""Tables of expected decisions: what a policy must say of some action requests, tried again on every change.

```yaml
agent: {name: Ledger, labels: {env: prod}}       # optional: the agent that asks
cases:
  - action: pay_invoice
    details: {tool: bank.pay, args: {amount: 120}}
    requested_by: chen@example.com                # optional; `requester: {role: org_admin}` makes the person known
    already: {runs: 3, total: 4800}               # optional: what rate() and today() had counted before
    at: "2026-03-02T23:30:00+08:00"               # optional
    expect: L3
    rule: daily budget                            # optional: the rule of policy or floor that must decide
    why: over the daily budget
```
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from bot.asking.parsing import BadAsk, parse_check
from bot.policy.counters import Applies
from bot.policy.evaluate import evaluate
from bot.policy.rules import Floor, Policy
from models.enums import Layer, Level, Role
from models.values import AgentFacts, Decision, Json, JsonObject, PersonFacts, Question, Requester

NOBODY = UUID(int=0)
AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
"""When a case without `at` is asked: a Monday, 10:00 in China."""

_AGENT = {"name", "tenant", "labels", "creator"}
_CASE = {"action", "details", "requested_by", "requester", "session", "already", "at", "expect", "rule", "why"}


class BadCase(ValueError):
    """The table cannot be understood; `path` is where."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path = path
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Tried:
    """One case, decided."""

    path: str
    action: str
    expected: Level
    rule: str | None  # the rule that must decide; None: any
    decision: Decision
    why: str | None

    @property
    def deciding(self) -> str | None:
        """The rule that gave the level; None for the default."""
        decision = self.decision
        return decision.floor_rule if decision.layer is Layer.FLOOR else decision.rule

    @property
    def holds(self) -> bool:
        return self.decision.level is self.expected and self.rule in (None, self.deciding)


@dataclass(frozen=True, slots=True)
class _Already:
    """Implements bot.policy.counters.Counters with what the case says."""

    runs: int
    sum: Decimal
    midnight: datetime

    def count(self, applies: Applies, since: datetime) -> int:
        return self.runs

    def total(self, applies: Applies, since: datetime, path: str) -> Decimal:
        return self.sum


def try_cases(table: Json, policy: Policy, floor: Floor) -> Iterator[Tried]:
    """Each case in order. Raises BadCase."""
    written = _map(table, "", {"agent", "cases"})
    agent = _agent(_map(written.get("agent", {}), "agent", _AGENT))
    cases = written.get("cases")
    if not isinstance(cases, list) or not cases:
        raise BadCase("cases", "a list of cases")
    for position, entry in enumerate(cases):
        path = f"cases[{position}]"
        yield _try(_map(entry, path, _CASE), path, agent, policy, floor)


def _try(case: JsonObject, path: str, agent: AgentFacts, policy: Policy, floor: Floor) -> Tried:
    expected = next((level for level in Level if level.value == case.get("expect")), None)
    if expected is None:
        raise BadCase(f"{path}.expect", "L1, L2, L3 or DENY")
    asked = {"action_type": case.get("action"), "details": case.get("details")}
    asked |= {name: case[name] for name in ("requested_by", "session") if name in case}
    try:
        request = parse_check(json.dumps(asked).encode())
    except BadAsk as fault:
        raise BadCase(path, f"{fault.field}: {fault.detail}") from None
    now = _time(case, path)
    question = Question(request, agent, now, _requester(case, path))
    decision = evaluate(policy, floor, question, _already(case, path, now))
    return Tried(path, request.action_type, expected, _text(case, "rule", path), decision, _text(case, "why", path))


def _agent(written: JsonObject) -> AgentFacts:
    labels = written.get("labels", {})
    if not isinstance(labels, dict):
        raise BadCase("agent.labels", "a map")
    email = _text(written, "creator", "agent")
    return AgentFacts(
        id=NOBODY,
        tenant=_text(written, "tenant", "agent") or "default",
        name=_text(written, "name", "agent") or "",
        creator_id=NOBODY,
        app_id=None,
        has_executor=False,
        paused=False,
        creator=PersonFacts(NOBODY, "", email),
        labels={label: str(value) for label, value in labels.items()},
    )


def _requester(case: JsonObject, path: str) -> Requester | None:
    said = _text(case, "requested_by", path)
    if "requester" not in case:
        return Requester(said) if said else None
    known = _map(case["requester"], f"{path}.requester", {"role", "email"})
    role = next((role for role in Role if role.value == known.get("role", "member")), None)
    if role is None:
        raise BadCase(f"{path}.requester.role", "member, org_admin or platform_admin")
    email = _text(known, "email", f"{path}.requester") or said
    return Requester(said or email or "", PersonFacts(NOBODY, "", email, role))


def _already(case: JsonObject, path: str, now: datetime) -> _Already:
    written = _map(case.get("already", {}), f"{path}.already", {"runs", "total"})
    runs, total = written.get("runs", 0), written.get("total", 0)
    if isinstance(runs, bool) or not isinstance(runs, int) or isinstance(total, bool):
        raise BadCase(f"{path}.already", "runs and total are numbers")
    if not isinstance(total, int | float):
        raise BadCase(f"{path}.already.total", "a number")
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return _Already(runs, Decimal(str(total)), midnight)


def _time(case: JsonObject, path: str) -> datetime:
    text = _text(case, "at", path)
    if text is None:
        return AT
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadCase(f"{path}.at", "a time such as 2026-03-02T23:30:00+08:00") from None
    if at.tzinfo is None:
        raise BadCase(f"{path}.at", "a time with its offset, such as +08:00")
    return at


def _map(written: Json, path: str, members: set[str]) -> JsonObject:
    if not isinstance(written, dict):
        raise BadCase(path, "a map")
    for name in written.keys() - members:
        raise BadCase(f"{path}.{name}" if path else name, "no such member")
    return written


def _text(written: JsonObject, name: str, path: str) -> str | None:
    value = written.get(name)
    if value is not None and not isinstance(value, str):
        raise BadCase(f"{path}.{name}", "a text")
    return value
