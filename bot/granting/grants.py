"""Grants as use cases: given, listed, used, revoked; each in the caller's transaction, audited, under a new epoch."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.expressions import F, Q
from tortoise.queryset import QuerySet

from bot.administration.actors import Actor
from bot.administration.values import Declined, Why
from bot.approvals import stored_request
from bot.asking.parsing import as_json
from bot.digest import canonical
from bot.directory import move_epoch
from bot.granting.bounds import default_fixed, exact_bounds, graduated_bounds, kind_bounds
from bot.granting.graduation import streak
from bot.granting.ground import Ground, Grounds
from bot.granting.sampling import sampled
from bot.granting.showing import grant_view, use_view
from bot.granting.telling import GrantTelling
from bot.granting.values import (
    EXACT_FOR,
    EXACT_USES,
    GRADUATED_USES,
    KIND_USES,
    LONGEST,
    MOST_USES,
    Given,
    GrantTerms,
    Revoked,
    Used,
)
from bot.ledger import AuditFact, Work, approval_fact
from cards.views import GrantView
from models.agent import Agent
from models.approval import ApprovalRequest
from models.enums import Employment, GrantKind
from models.grant import Grant
from models.user import User
from models.values import ActionRequest, AgentFacts, GrantFacts, JsonObject, Operator, Refusal, RefusalKind

_LISTED = 50


class Grants:
    def __init__(self, grounds: Grounds, telling: GrantTelling, terms: GrantTerms) -> None:
        self._grounds = grounds
        self._telling = telling
        self.terms = terms

    async def give_exact(
        self,
        work: Work,
        operator: Operator,
        approval_id: UUID,
        for_: timedelta = EXACT_FOR,
        *,
        uses: int = EXACT_USES,
        clicked_message: str | None = None,
    ) -> Given | Refusal:
        """The approved action, exactly as it was approved, asks no more for a while."""
        ground = await self._ground(work, operator, approval_id)
        if isinstance(ground, Refusal):
            return ground
        bounds = exact_bounds(ground.approval.action_digest)
        return await self._give(work, operator, ground, GrantKind.EXACT, bounds, work.now + for_, uses, clicked_message)

    async def give_kind(
        self,
        work: Work,
        operator: Operator,
        approval_id: UUID,
        until: datetime | None = None,
        fixed: Collection[str] | None = None,
        *,
        uses: int = KIND_USES,
        clicked_message: str | None = None,
    ) -> Given | Refusal:
        """Actions of this kind ask no more until then, else until midnight. `fixed` None: all but amounts."""
        ground = await self._ground(work, operator, approval_id)
        if isinstance(ground, Refusal):
            return ground
        fixed = default_fixed(ground.request) if fixed is None else fixed
        if strangers := sorted(set(fixed) - ground.request.args.keys()):
            refusal = Refusal(RefusalKind.INVALID, detail=f"fix={strangers[0][:100]}")
            return self._refused(work, Actor.of(operator), refusal, ground.approval)
        until = until or self.terms.midnight(work.now)
        bounds = kind_bounds(ground.request, fixed)
        return await self._give(work, operator, ground, GrantKind.KIND, bounds, until, uses, clicked_message)

    async def graduate(
        self, work: Work, operator: Operator, approval_id: UUID, *, clicked_message: str | None = None
    ) -> Given | Refusal:
        """What was approved again and again runs by itself from now on, and samples of it are looked at."""
        ground = await self._ground(work, operator, approval_id)
        if isinstance(ground, Refusal):
            return ground
        row = await streak(ground.approval, self.terms.graduation_after)
        if not row:
            return self._refused(work, Actor.of(operator), Refusal(RefusalKind.STALE), ground.approval)
        bounds = graduated_bounds([stored_request(one) for one in row])
        until = work.now + self.terms.graduation_for
        return await self._give(
            work, operator, ground, GrantKind.GRADUATED, bounds, until, GRADUATED_USES, clicked_message
        )

    async def standing(self, actor: Actor, agent: str | None = None) -> list[GrantView] | Refusal:
        """The grants that spare questions now, of the agents that this actor may change; the newest first."""
        agents = await _agents(actor, agent)
        if agent is not None and not agents:
            return Refusal(RefusalKind.UNKNOWN_SUBJECT, detail=agent)
        now = self._telling.now()
        rows = await _standing(now).filter(agent_id__in=[one.id for one in agents]).order_by("-id").limit(_LISTED)
        return [await grant_view(row, now, self.terms.zone) for row in rows]

    async def find(self, actor: Actor, written: str) -> UUID | Refusal | Declined:
        """The one standing grant whose id ends or begins as written; only the end tells grants of one hour apart."""
        seen = await self.standing(actor)
        wanted = written.strip().lower().replace("-", "")
        ids = [view.grant_id for view in seen] if isinstance(seen, list) else []
        found = [one for one in ids if wanted and (one.hex.startswith(wanted) or one.hex.endswith(wanted))]
        if not found:
            try:
                return UUID(wanted)  # one that is over can still be named in full
            except ValueError:
                return Refusal(RefusalKind.UNKNOWN_SUBJECT, detail=written[:100])
        return found[0] if len(found) == 1 else Declined(Why.AMBIGUOUS, written[:100])

    async def revoke(
        self, work: Work, actor: Actor, grant_id: UUID, *, why: str | None = None, clicked_message: str | None = None
    ) -> Revoked | Refusal:
        """No check that commits after this is spared by the grant."""
        grant = await Grant.get_or_none(id=grant_id)
        agent = await Agent.get(id=grant.agent_id) if grant else None
        if grant is None or agent is None:
            return self._refused(work, actor, Refusal(RefusalKind.UNKNOWN_SUBJECT, detail=str(grant_id)))
        if not actor.may_change_agent(agent.tenant, agent.creator_id):
            return self._refused(work, actor, Refusal(RefusalKind.NOT_YOURS), grant=grant)
        if grant.revoked_at is not None:
            return Revoked(await grant_view(grant, work.now, self.terms.zone), again=True)
        await move_epoch()
        by = actor.person.name if actor.person else actor.name
        changed = await Grant.filter(id=grant.id, revoked_at=None).update(
            revoked_at=work.now, revoked_by=actor.name[:200], revoked_by_name=by[:200]
        )
        await grant.refresh_from_db()
        view = await grant_view(grant, work.now, self.terms.zone)
        if not changed:
            return Revoked(view, again=True)
        work.audit(_fact(grant, actor.name, "grant.revoked", {"uses": grant.uses, "why": why}))
        await self._telling.revoked(work, grant, agent, view, actor, clicked_message)
        return Revoked(view)

    async def use(
        self, work: Work, agent: AgentFacts, grant: GrantFacts, request: ActionRequest, *, check_id: UUID
    ) -> Used | None:
        """One use is taken, if there is one left and the giver may still give it; else None, and the question is asked.

        To be called in the transaction that records the check, with the epoch held; its caller tells the creator. A
        sampled run of a graduated grant is put up for review.
        """
        if not await _entitled(grant.giver_id, agent):
            return None
        left = Grant.filter(id=grant.id, revoked_at=None, expires_at__gt=work.now, uses__lt=F("max_uses"))
        if not await left.update(uses=F("uses") + 1, last_used_at=work.now):
            return None
        row = await Grant.get(id=grant.id)
        view = use_view(await grant_view(row, work.now, self.terms.zone), request, check_id, work.now)
        details: JsonObject = {"check_id": str(check_id), "uses": row.uses, "max_uses": row.max_uses}
        work.audit(_fact(row, f"agent:{agent.id}", "grant.used", details))
        looked_at = sampled(self.terms.review_key, check_id, self.terms.review_sample)
        if row.kind is GrantKind.GRADUATED and looked_at:
            await self._telling.put_up(work, agent, row, view, canonical(as_json(request)).decode())
        return Used(row.id, view)

    async def _ground(self, work: Work, operator: Operator, approval_id: UUID) -> Ground | Refusal:
        """The approved request under the gate's lock: of two who give at once, the second sees what the first gave."""
        approval, actor = await ApprovalRequest.get_or_none(id=approval_id), Actor.of(operator)
        if approval is None:
            return self._refused(work, actor, Refusal(RefusalKind.UNKNOWN_APPROVAL, detail=str(approval_id)))
        agent = await Agent.get(id=approval.agent_id)
        if not actor.may_change_agent(agent.tenant, agent.creator_id):
            return self._refused(work, actor, Refusal(RefusalKind.NOT_YOURS), approval)
        await move_epoch()
        await approval.refresh_from_db()
        ground = await self._grounds.under(approval, work.now)
        return self._refused(work, actor, ground, approval) if isinstance(ground, Refusal) else ground

    async def _give(
        self,
        work: Work,
        operator: Operator,
        ground: Ground,
        kind: GrantKind,
        bounds: JsonObject,
        until: datetime,
        uses: int,
        clicked_message: str | None,
    ) -> Given | Refusal:
        actor, approval = Actor.of(operator), ground.approval
        longest = max(LONGEST, self.terms.graduation_for) if kind is GrantKind.GRADUATED else LONGEST
        if not (1 <= uses <= MOST_USES and work.now < until <= work.now + longest):
            return self._refused(work, actor, Refusal(RefusalKind.INVALID, detail="1–1000, ≤ 30d"), approval)
        written = canonical(bounds).decode()
        equal = _standing(work.now).filter(Q(bounds=written) | Q(approval_id=approval.id))
        same = equal.filter(agent_id=ground.agent.id, kind=kind, action_type=approval.action_type, tool=approval.tool)
        stands = await same.order_by("-id").first()
        if stands is not None:
            return Given(await grant_view(stands, work.now, self.terms.zone), again=True)
        grant = await Grant.create(
            tenant=approval.tenant,
            agent_id=approval.agent_id,
            giver_id=operator.id,
            kind=kind,
            action_type=approval.action_type,
            tool=approval.tool,
            bounds=written,
            approval_id=approval.id,
            created_at=work.now,
            expires_at=until,
            max_uses=uses,
        )
        details: JsonObject = {
            "kind": kind.value,
            "action_type": grant.action_type,
            "tool": grant.tool,
            "bounds": json.loads(written),
            "expires_at": until.isoformat(),
            "max_uses": uses,
        }
        work.audit(_fact(grant, actor.name, "grant.given", details))
        view = await grant_view(grant, work.now, self.terms.zone)
        await self._telling.given(work, grant, ground.agent, view, actor, clicked_message)
        return Given(view)

    @staticmethod
    def _refused(
        work: Work,
        actor: Actor,
        refusal: Refusal,
        approval: ApprovalRequest | None = None,
        grant: Grant | None = None,
    ) -> Refusal:
        details: JsonObject = {"refusal": refusal.kind.value, "detail": refusal.detail}
        if grant is not None:
            work.audit(_fact(grant, actor.name, "grant.refused", details))
        elif approval is not None:
            work.audit(approval_fact(approval, actor.name, "grant.refused", details))
        else:
            work.audit(AuditFact(actor.tenant, actor.name, "grant.refused", "grant:unknown", details))
        return refusal


def _fact(grant: Grant, actor: str, action: str, details: JsonObject) -> AuditFact:
    return AuditFact(
        grant.tenant, actor, action, f"grant:{grant.id}", details, grant.agent_id, approval_id=grant.approval_id
    )


def _standing(now: datetime) -> QuerySet[Grant]:
    """The grants that can still be used."""
    return Grant.filter(revoked_at=None, expires_at__gt=now, uses__lt=F("max_uses"))


async def _agents(actor: Actor, name: str | None) -> list[Agent]:
    """The agents that this actor may change, or those of them with this name."""
    rows = Agent.all() if name is None else Agent.filter(name=name)
    if not actor.everywhere and actor.person is not None:
        own = Q(creator_id=actor.person.id)
        rows = rows.filter(own | Q(tenant=actor.tenant) if actor.administers(actor.tenant) else own)
    return await rows


async def _entitled(giver_id: UUID, agent: AgentFacts) -> bool:
    """Whether the giver still works here, and is the agent's creator or an admin over it."""
    giver = await User.get_or_none(id=giver_id)
    if giver is None or giver.employment is not Employment.ACTIVE:
        return False
    return giver.id == agent.creator_id or Operator(giver.id, giver.tenant, giver.role, giver.name).administers(
        agent.tenant
    )
