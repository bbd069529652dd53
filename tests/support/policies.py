"""Questions for policies, and counters over runs that a test wrote down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from bot.policy import Applies, Floor, Policy, parse_floor, parse_policy
from models.enums import Level, Role
from models.values import ActionRequest, AgentFacts, PersonFacts, Question, Requester
from tests.support.slow_policy import Run

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 21, 16, tzinfo=UTC)  # in Shanghai
NOTHING = parse_floor({})

LIN = PersonFacts(UUID(int=7), "Lin", "lin@example.com", Role.ORG_ADMIN, ("lin.7", "ou_lin", "on_lin"))
BOT = AgentFacts(
    id=UUID(int=1),
    tenant="acme",
    name="Bookkeeper",
    creator_id=LIN.id,
    app_id=None,
    has_executor=False,
    paused=False,
    creator=LIN,
    labels={"env": "prod"},
)


def asks(
    action: str = "pay_rent",
    args: dict[str, Any] | None = None,
    *,
    tool: str | None = None,
    session: str | None = None,
    requester: Requester | None = None,
    agent: AgentFacts = BOT,
    now: datetime = NOW,
) -> Question:
    return Question(ActionRequest(action, tool, args or {}, session=session), agent, now, requester)


def written(policy: object, *, version: int = 7) -> Policy:
    return parse_policy(policy, default=Level.L2, version=version)


def ruled(*rules: dict[str, Any], default: str = "L2") -> Policy:
    return written({"default": default, "rules": list(rules)})


def floored(*rules: dict[str, Any], version: int = 3) -> Floor:
    return parse_floor({"rules": list(rules)}, version=version)


@dataclass(frozen=True)
class Remembered:
    """Counters over past runs, exact to the microsecond."""

    runs: Sequence[Run] = ()
    midnight: datetime = MIDNIGHT

    def count(self, applies: Applies, since: datetime) -> int:
        return sum(applies(run.action, run.tool) and run.at >= since for run in self.runs)

    def total(self, applies: Applies, since: datetime, path: str) -> Decimal:
        amounts = [_at(run.args, path) for run in self.runs if applies(run.action, run.tool) and run.at >= since]
        return sum((max(amount, Decimal()) for amount in amounts), Decimal())


def _at(args: Any, path: str) -> Decimal:
    for name in path.split("."):
        args = args.get(name) if isinstance(args, dict) else None
    return Decimal(str(args)) if isinstance(args, int | float) and not isinstance(args, bool) else Decimal()
