"""Feishu apps are registered by who administers the platform; secrets go straight into the sealed table."""

from __future__ import annotations

from bot.administration.actors import Actor
from bot.administration.values import Declined, Why
from bot.ledger import AuditFact, Work
from bot.people.apps import AppLine, FeishuApps, UnusableApp
from models.values import AppCredentials, Refusal, RefusalKind


class AppAdministration:
    def __init__(self, apps: FeishuApps) -> None:
        self._apps = apps

    async def add(
        self, work: Work, actor: Actor, credentials: AppCredentials, *, name: str
    ) -> AppCredentials | Refusal | Declined:
        """The app is registered, or its secrets are replaced."""
        if not actor.everywhere:
            return Refusal(RefusalKind.NOT_PERMITTED, detail=credentials.app_id)
        try:
            await self._apps.add(credentials, name=name, now=work.now)
        except UnusableApp as fault:
            return Declined(Why.BAD_APP, credentials.app_id, (str(fault),))
        work.audit(
            AuditFact(
                tenant=credentials.tenant,
                actor=actor.name,
                action="app.added",
                subject=f"app:{credentials.app_id}",
                details={"name": name, "base_url": credentials.base_url},
            )
        )
        return credentials

    async def list(self, actor: Actor) -> list[AppLine] | Refusal:
        if not actor.everywhere:
            return Refusal(RefusalKind.NOT_PERMITTED)
        return await self._apps.list()
