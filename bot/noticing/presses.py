"""The two buttons of an L2 notice: the rule asks from now on, and this run was wrong. They only make it stricter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from uuid import UUID

from tortoise.exceptions import IntegrityError

from bot.administration.actors import Actor
from bot.administration.grounds import AgentGround
from bot.administration.saving import Edit, save
from bot.administration.values import PolicySaved
from bot.ledger import Ledger, Work
from bot.noticing.runs import STOPPED, WRONG, Run, run_of, view_of
from bot.policy.parse import document, parse_policy, with_level
from bot.policy.rules import Floor, Policy
from bot.ports import Clock
from bot.pressing import Shown
from bot.seen import first_time
from cards.refusals import refusal_toast
from cards.running import not_told_toast, run_card, stopped_toast, wrong_toast
from config.zones import zone_named
from models.agent import Agent
from models.audit import AuditEntry
from models.enums import Level
from models.user import User
from models.values import AppCredentials, CardClick, JsonObject, Operator, Refusal, RefusalKind

STOP, WAS_WRONG = "notice_stop", "notice_wrong"

_YEARS = range(2000, 3000)
"""Around any other there are no times to look between."""


@dataclass(frozen=True, slots=True)
class _Done:
    toast: JsonObject
    word: str


class NoticePresses:
    def __init__(self, ledger: Ledger, clock: Clock, zone: tzinfo, *, default_level: Level) -> None:
        self._ledger = ledger
        self._clock = clock
        self._zone = zone
        self._default_level = default_level

    async def press(self, app: AppCredentials, operator: Operator, act: str, click: CardClick, event_key: str) -> Shown:
        """The press is settled and committed, or refused; either is audited. Repeated, it changes nothing more."""
        run = await _meant(click)
        if run is None or act not in (STOP, WAS_WRONG):
            return Shown(not_told_toast(), word="unknown")
        try:
            done = await self._settle(run, operator, act, event_key)
        except IntegrityError:  # the same event arrived twice at once, and the other one committed first
            done = await self._settle(run, operator, act, event_key)
        zone = zone_named((await User.get(id=operator.id)).time_zone, self._zone)
        if isinstance(done, Refusal):
            return Shown(refusal_toast(done, self._clock.now(), zone), word=done.kind.value)
        return Shown(done.toast, run_card(await view_of(run, self._clock.now(), zone)), done.word)

    async def _settle(self, run: Run, operator: Operator, act: str, event_key: str) -> _Done | Refusal:
        actor = Actor.of(operator)
        async with self._ledger.transaction() as work:
            if not actor.may_change_agent(run.agent.tenant, run.agent.creator_id):
                refusal = Refusal(RefusalKind.NOT_YOURS)
                work.audit(run.fact(actor.name, "run.refused", {"refusal": refusal.kind.value, "act": act}))
                return refusal
            again = not await first_time(work, event_key)
            if act == WAS_WRONG:
                return await self._wrong(work, run, operator, again)
            return await self._stop(work, run, operator, again)

    async def _wrong(self, work: Work, run: Run, operator: Operator, again: bool) -> _Done:
        again = again or await _was(run, WRONG)
        if not again:
            work.audit(run.fact(f"user:{operator.id}", WRONG, {"by": operator.name}))
        return _Done(wrong_toast(again=again, asks_first=await _was(run, STOPPED)), "wrong")

    async def _stop(self, work: Work, run: Run, operator: Operator, again: bool) -> _Done | Refusal:
        """The rule that let it run is at L3; where the default did, the action has a rule of its own."""
        rule = run.rule or run.request.action_type
        if again or await _was(run, STOPPED):
            return _Done(stopped_toast(rule, again=True), "stopped")
        ground = AgentGround(run.agent, self._default_level)
        before = (await ground.present()).version
        edit = Edit(lambda policy: self._stricter(policy, run), _no_floor, f"stopped from a notice: {rule}"[:200])
        saved = await save(work, Actor.of(operator), ground, edit, edit.policy, None)
        if not isinstance(saved, PolicySaved):
            return saved if isinstance(saved, Refusal) else Refusal(RefusalKind.INVALID, detail=run.agent.name)
        details: JsonObject = {
            "by": operator.name,
            "stopped": rule,
            "before": (before or None) if saved.changed else None,
        }
        work.audit(run.fact(f"user:{operator.id}", STOPPED, details))
        return _Done(stopped_toast(rule, again=not saved.changed), "stopped")

    def _stricter(self, policy: Policy, run: Run) -> Policy:
        """The rule by its name at L3, where it still exists and asks for less; else one for the action."""
        found = next((rule for rule in policy.rules if rule.name == run.rule), None)
        if found is None:
            return with_level(policy, run.request.action_type, Level.L3)
        if found.level.strictness >= Level.L3.strictness:
            return policy
        rules = tuple(replace(rule, level=Level.L3) if rule is found else rule for rule in policy.rules)
        written = document(Policy(policy.version, rules, policy.default))
        return parse_policy(written, default=self._default_level, version=policy.version)


async def _meant(click: CardClick) -> Run | None:
    """The run that the button names, from the audit: what the button carried is only where to look."""
    agent_id, check_id, at = click.value.get("agent_id"), click.value.get("check_id"), click.value.get("at")
    try:
        agent = await Agent.get_or_none(id=UUID(str(agent_id)))
        check, near = UUID(str(check_id)), datetime.fromisoformat(str(at))
    except ValueError:
        return None
    told = near.tzinfo is not None and near.year in _YEARS
    return await run_of(agent, check, near) if agent is not None and told else None


async def _was(run: Run, action: str) -> bool:
    made = AuditEntry.filter(agent_id=run.agent.id, at__gte=run.at, subject=f"check:{run.check_id}")
    return await made.filter(action=action).exists()


def _no_floor(floor: Floor) -> Floor:
    return floor
