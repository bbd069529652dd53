"""Where the command line does its work: the open database with the same use cases behind it as the service has."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from bot.administration import Actor, Administration, Declined, in_one_transaction
from bot.administration.plan_trials import PlanTrials
from bot.administration.trials import Trials
from bot.cli.console import fail, login
from bot.database import Database, migrate, open_database, pending_migrations
from bot.directory import Directory
from bot.freezing.freezes import Freezing
from bot.freezing.notices import FreezeNotices
from bot.granting.grants import Grants
from bot.granting.ground import Grounds
from bot.granting.telling import GrantTelling
from bot.granting.values import GrantTerms
from bot.hindsight.replaying import Replaying
from bot.ledger import Ledger, Work
from bot.metering import Metering
from bot.outbox import Bell
from bot.people.absence import Absences
from bot.people.apps import FeishuApps
from bot.people.joining import People, language_of
from bot.plans import starter_plan
from bot.ports import Clock, SystemClock
from bot.questioning import Questioning
from bot.secrecy.box import SecretBox
from bot.secrecy.links import Links
from bot.telling import Telling
from bot.views import Views
from bot.waiters.registry import Waiters
from cards import administration as words
from cards import messages
from config.database import backend
from config.settings import Settings, SettingsFault
from models.enums import Language, Level
from models.feishu import FeishuApp
from models.values import AppCredentials, Refusal

T = TypeVar("T")

DEFAULT_TENANT = "default"


class _Keyless(SecretBox):
    """Stands for the box where no key is configured: most commands store no secret and need none."""

    def __init__(self) -> None:
        super().__init__(["no key is configured, and this one seals nothing"])

    def seal(self, plaintext: str, *, bound_to: str) -> NoReturn:
        raise SettingsFault([("ASSENT_SECRET_KEY", "is missing; it encrypts the secret that would be stored")])

    def open(self, sealed: str, *, bound_to: str) -> NoReturn:
        raise SettingsFault([("ASSENT_SECRET_KEY", "is missing; it opens the stored secret")])


@dataclass(frozen=True, slots=True)
class Desk:
    settings: Settings
    clock: Clock
    ledger: Ledger
    people: People
    apps: FeishuApps
    administration: Administration
    directory: Directory
    database: Database
    actor: Actor

    @property
    def trials(self) -> Trials:
        agents, level = self.administration.agents, Level(self.settings.default_level)
        metering = Metering(self.settings.zone)
        return Trials(agents, self.directory, self.people, metering, self.clock, default_level=level)

    @property
    def replaying(self) -> Replaying:
        agents, level, zone = self.administration.agents, Level(self.settings.default_level), self.settings.zone
        return Replaying(agents, self.directory, self.people, self.clock, default_level=level, zone=zone)

    @property
    def freezing(self) -> Freezing:
        """The bell rings here for nobody: the service looks into the outbox by itself."""
        notices = FreezeNotices(self.people, self.settings.zone)
        return Freezing(self.administration.agents, notices, self.ledger, Bell())

    @property
    def telling(self) -> Telling:
        views = Views(Links(self.settings.public_url, self.settings.secret_keys or ["no links are made here"]))
        return Telling(Waiters(self.database), Bell(), self.people, views)

    @property
    def questioning(self) -> Questioning:
        starter = starter_plan(self.settings.reminders, self.settings.approval_ttl)
        return Questioning(self.telling, self.people, starter)

    @property
    def absences(self) -> Absences:
        users, zone = self.administration.users, self.settings.zone
        return Absences(self.people, users, self.questioning, Bell(), zone)

    @property
    def plan_trials(self) -> PlanTrials:
        administration = self.administration
        return PlanTrials(
            administration.agents, administration.plans, self.trials, self.questioning, self.directory, self.people,
            self.clock,
        )  # fmt: skip

    @property
    def grants(self) -> Grants:
        """To list and to revoke; the secret with which runs are sampled for review is the service's."""
        terms = GrantTerms(zone=self.settings.zone, review_key=b"")
        return Grants(
            Grounds(self.directory, self.people), GrantTelling(self.people, self.telling, Bell(), self.clock), terms
        )

    async def change(self, body: Callable[[Work], Awaitable[T | Refusal | Declined]]) -> T:
        """What the change gave; a refusal ends the command with 1 and the reason."""
        return granted(await in_one_transaction(self.ledger, body))


@contextlib.asynccontextmanager
async def open_desk(settings: Settings, *, tenant: str = DEFAULT_TENANT) -> AsyncIterator[Desk]:
    """At work in `tenant`. The database is open and up to date.

    SQLite is brought up to date; PostgreSQL's owner does it by `migrate`.
    """
    if backend(settings.database_url) == "sqlite":
        await migrate(settings.database_url)
    else:
        async with open_database(settings.database_url):  # a server that does not answer would pass for an empty one
            pass
        if missing := await pending_migrations(settings.database_url):
            fail(f"The database lacks {len(missing)} migration(s). Run: assent migrate")
    async with open_database(settings.database_url) as database:
        clock, default = SystemClock(), default_app(settings)
        box = SecretBox(settings.secret_keys) if settings.secret_keys else _Keyless()
        people = People(default.app_id, DEFAULT_TENANT, language=language_of(default))
        apps = FeishuApps(box, default)
        if settings.secret_keys and default.app_id and not await FeishuApp.exists(app_id=default.app_id):
            await apps.ensure_default(clock.now())
        level = Level(settings.default_level)
        starter = starter_plan(settings.reminders, settings.approval_ttl)
        administration = Administration(people, apps, box, default_level=level, starter=starter)
        actor, directory = Actor.command_line(login(), tenant), Directory(default_level=level)
        yield Desk(settings, clock, Ledger(clock), people, apps, administration, directory, database, actor)


def default_app(settings: Settings) -> AppCredentials:
    """The app of the settings."""
    return AppCredentials(
        app_id=settings.feishu_app_id,
        tenant=DEFAULT_TENANT,
        base_url=settings.feishu_base_url,
        app_secret=settings.feishu_app_secret.get_secret_value(),
        encrypt_key=settings.feishu_encrypt_key.get_secret_value(),
        verification_token=settings.feishu_verification_token.get_secret_value(),
    )


def granted(outcome: T | Refusal | Declined) -> T:
    """The outcome, unless it is a no: that is said, and ends the command with 1."""
    if isinstance(outcome, Refusal | Declined):
        refuse(outcome)
    return outcome


def refuse(no: Refusal | Declined) -> NoReturn:
    """Says why not, and ends the command with 1."""
    if isinstance(no, Declined):
        fail(words.declined(no.why.value, no.given, no.faults, Language.EN_US))
    fail(messages.refusal_text(no, Language.EN_US, SystemClock().now()))
