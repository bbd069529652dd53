"""The Feishu apps through which Assent is reached, and their secrets."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from bot.feishu.origin import base_url_fault
from bot.secrecy.box import SecretBox
from models.feishu import FeishuApp
from models.values import AppCredentials

CACHE_SECONDS = 30.0
"""How long another process's change of an app may go unnoticed."""

_APP_ID = re.compile(r"cli_[A-Za-z0-9_]{1,60}")


class UnknownApp(LookupError):
    """No Feishu app of this id is registered, or it is archived."""


class UnusableApp(ValueError):
    """The app cannot be registered. The message says why and holds no secret."""


@dataclass(frozen=True, slots=True)
class AppLine:
    """One registered app, without its secrets."""

    app_id: str
    tenant: str
    name: str
    base_url: str
    is_default: bool
    archived: bool
    tenant_key: str | None


class FeishuApps:
    """Looks up Feishu apps and nothing else: other services' secrets live in other tables, sealed for other ids."""

    def __init__(
        self, box: SecretBox, default: AppCredentials, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._box = box
        self.default = default
        self._monotonic = monotonic
        self._cache: dict[str, tuple[float, AppCredentials]] = {}

    async def credentials(self, app_id: str) -> AppCredentials:
        """The app's secrets, at most CACHE_SECONDS old. Raises UnknownApp."""
        cached = self._cache.get(app_id)
        if cached is not None and self._monotonic() - cached[0] < CACHE_SECONDS:
            return cached[1]
        self._cache.pop(app_id, None)
        credentials = await self._load(app_id)
        self._cache[app_id] = (self._monotonic(), credentials)
        return credentials

    async def add(self, credentials: AppCredentials, *, name: str, now: datetime) -> None:
        """The app is registered, or its secrets are replaced and it is in use again. Raises UnusableApp."""
        fault = _fault(credentials, name)
        if fault is not None:
            raise UnusableApp(fault)
        await self._write(credentials, name=name, is_default=credentials.app_id == self.default.app_id, now=now)

    async def list(self) -> list[AppLine]:
        return [
            AppLine(
                app_id=row.app_id,
                tenant=row.tenant,
                name=row.name,
                base_url=row.base_url,
                is_default=row.is_default,
                archived=row.archived_at is not None,
                tenant_key=row.tenant_key,
            )
            for row in await FeishuApp.all().order_by("created_at", "app_id")
        ]

    async def archive(self, app_id: str, now: datetime) -> None:
        """The app is unknown from now on (in other processes within CACHE_SECONDS). Raises UnknownApp."""
        if not await FeishuApp.filter(app_id=app_id, archived_at=None).update(archived_at=now):
            raise UnknownApp(app_id)
        self._cache.pop(app_id, None)

    async def learn_tenant_key(self, app_id: str, key: str) -> None:
        """The first key that is learned stays: it tells the company's own people from strangers."""
        await FeishuApp.filter(app_id=app_id, tenant_key=None).update(tenant_key=key)
        self._cache.pop(app_id, None)

    async def ensure_default(self, now: datetime) -> None:
        """The app of the settings is registered with the secrets of the settings."""
        await FeishuApp.filter(is_default=True).exclude(app_id=self.default.app_id).update(is_default=False)
        await self._write(self.default, name="default", is_default=True, now=now)

    async def _load(self, app_id: str) -> AppCredentials:
        # The id may come from a web address: one that cannot be an app's is not even looked up.
        looks_right = app_id == self.default.app_id or _APP_ID.fullmatch(app_id)
        row = await FeishuApp.get_or_none(app_id=app_id, archived_at=None) if looks_right else None
        if row is None:
            raise UnknownApp(app_id)
        if app_id == self.default.app_id:
            return replace(self.default, tenant_key=row.tenant_key)
        return AppCredentials(
            app_id=row.app_id,
            tenant=row.tenant,
            base_url=row.base_url,
            app_secret=self._open(row.app_secret, app_id),
            encrypt_key=self._open(row.encrypt_key, app_id),
            verification_token=self._open(row.verification_token, app_id),
            tenant_key=row.tenant_key,
        )

    async def _write(self, app: AppCredentials, *, name: str, is_default: bool, now: datetime) -> None:
        members = {
            "tenant": app.tenant,
            "base_url": app.base_url,
            "app_secret": self._seal(app.app_secret, app.app_id),
            "encrypt_key": self._seal(app.encrypt_key, app.app_id),
            "verification_token": self._seal(app.verification_token, app.app_id),
            "is_default": is_default,
        }
        row = FeishuApp(app_id=app.app_id, name=name, created_at=now, tenant_key=app.tenant_key, **members)
        await FeishuApp.bulk_create([row], ignore_conflicts=True)
        if not is_default or name != "default":
            members["name"] = name
        await FeishuApp.filter(app_id=app.app_id).update(**members, archived_at=None)
        self._cache.pop(app.app_id, None)

    def _seal(self, secret: str, app_id: str) -> str:
        return self._box.seal(secret, bound_to=app_id)

    def _open(self, sealed: str, app_id: str) -> str:
        return self._box.open(sealed, bound_to=app_id)


def _fault(app: AppCredentials, name: str) -> str | None:
    if not _APP_ID.fullmatch(app.app_id):
        return "a Feishu app id begins with cli_"
    if not name.strip() or len(name) > 100 or not name.isprintable():
        return "the name must have 1 to 100 printable characters"
    if fault := base_url_fault(app.base_url):
        return f"the base URL {fault}"
    missing = [
        label
        for label, secret in (
            ("app secret", app.app_secret),
            ("encrypt key", app.encrypt_key),
            ("verification token", app.verification_token),
        )
        if not secret.strip()
    ]
    return f"missing: {', '.join(missing)}" if missing else None
