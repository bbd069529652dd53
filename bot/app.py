"""The composition root: which part of the house stands on which, and in which order they are opened and closed."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import aiohttp
import structlog
from aiohttp import web

from bot.administration import Administration
from bot.administration.trials import Trials
from bot.approvals import ApprovalService, ApprovalTimes
from bot.checking.binding import Binding
from bot.checking.ruling import Ruling
from bot.clicks import Clicks
from bot.conversation import Answers, Conversation
from bot.conversation.agents import AgentAnswers
from bot.conversation.approvals import ApprovalAnswers
from bot.conversation.freezes import FreezeAnswers
from bot.conversation.grants import GrantAnswers
from bot.conversation.oversight import OversightAnswers
from bot.conversation.personal import PersonalAnswers
from bot.conversation.plans import PlanAnswers
from bot.conversation.policies import PolicyAnswers
from bot.conversation.steering import Steering
from bot.conversation.tokens import TokenAnswers
from bot.database import Database, migrate, open_database
from bot.delivery import Delivery
from bot.delivery.commands import RegisterCommands
from bot.delivery.looking_up import LookUp
from bot.delivery.notices import TellRun, TellRuns
from bot.delivery.nudging import RemindPerson
from bot.delivery.queue_cards import SendQueue, UpdateQueue
from bot.delivery.reaching import Reach
from bot.delivery.replaying import TellReplay
from bot.delivery.unpinning import UnpinBot
from bot.delivery.worker import LEASE, Worker
from bot.digests import Digests
from bot.directory import Directory
from bot.enforcement import EnforcementEngine
from bot.execution.executions import Executions
from bot.execution.http_executor import CheckedResolver, HttpExecutor
from bot.feishu.client import FeishuClient
from bot.feishu.long_connection import LongConnection
from bot.freezing.freezes import Freezing
from bot.freezing.notices import FreezeNotices
from bot.granting.grants import Grants
from bot.granting.ground import Grounds
from bot.granting.offering import Offers
from bot.granting.presses import GrantPresses
from bot.granting.reviews import Reviews
from bot.granting.sampling import review_key
from bot.granting.telling import GrantTelling
from bot.granting.values import GrantTerms
from bot.hindsight.explaining import Explaining
from bot.hindsight.replaying import Replaying
from bot.housekeeping import Housekeeping
from bot.journal.flushing import Journal
from bot.ledger import Ledger
from bot.metering import Metering
from bot.native_commands import NativeCommands
from bot.noticing.outcomes import RunOutcomes
from bot.noticing.presses import NoticePresses
from bot.outbox import Bell
from bot.people.absence import Absences
from bot.people.apps import FeishuApps
from bot.people.employment import Employments
from bot.people.first_admin import FirstAdmin
from bot.people.joining import People, language_of
from bot.people.news import PersonNews
from bot.plans import Usual, starter_plan
from bot.ports import ActionExecutor, Clock, FeishuGateway, SystemClock
from bot.preference_presses import SettingsPresses
from bot.preferences import Installed, Preferences
from bot.pressing import Presses
from bot.queueing.opening import Queueing
from bot.queueing.presses import QueuePresses
from bot.queueing.retiring import RetireQueues
from bot.queueing.snoozing import Snoozing
from bot.quotas import Quotas
from bot.readiness import MigrationsApplied, database_answers
from bot.reading import Reading
from bot.receipts import Receipts
from bot.reminders import Reminders
from bot.scheduler import Scheduler, jobs
from bot.secrecy.box import SecretBox
from bot.secrecy.links import Links
from bot.secrecy.one_time import OneTimeSecrets
from bot.views import Views
from bot.waiters.registry import Waiters
from config.database import backend
from config.settings import Settings
from handlers.card_clicks import CardClicks
from handlers.chat import Chat
from handlers.check_outcomes import CheckOutcomes
from handlers.errors import problem_middleware
from handlers.feishu import Dispatcher, FeishuWebhook
from handlers.health import ReadyCheck, health_routes, task_runs
from handlers.hook import Hook
from handlers.openapi import openapi_route
from handlers.pages import Pages
from handlers.policies import PolicyRoutes
from models.enums import Level, OutboxKind
from models.values import AppCredentials, InboundEvent, JsonObject

BODY_LIMIT = 1024 * 1024
"""Bytes that are read of any body; the hook's own limit is 256 KiB."""

BACKLOG = 2048
"""Connections waiting to be accepted: thousands of agents may begin to wait at once."""

STOP_WITHIN = 15.0
"""Seconds for requests in flight to be answered when the service stops."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how long background work takes; tests choose shorter times."""

    lease: timedelta = LEASE
    poll: float = 1.0
    monotonic: Callable[[], float] = time.monotonic
    """The seconds by which Feishu's rate limits are kept."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """How a call to Feishu waits for its turn."""


class House:
    """Every part, built on the ones before it. Nothing is opened here."""

    def __init__(
        self,
        settings: Settings,
        session: aiohttp.ClientSession,
        *,
        gateway: FeishuGateway | None,
        executor: ActionExecutor | None,
        clock: Clock | None,
        pace: Pace,
    ) -> None:
        self.settings = settings
        self.session = session
        self.clock = clock = clock or SystemClock()
        self.database = Database(settings.database_url, backend(settings.database_url) == "postgres")
        keys, level = settings.secret_keys, Level(settings.default_level)
        self.box = SecretBox(keys)
        self.bell = Bell()
        self.ledger = Ledger(clock)
        self.journal = Journal(clock)
        self.waiters = Waiters(self.database)
        self.apps = FeishuApps(self.box, default_app(settings))
        self.people = People(settings.feishu_app_id, language=language_of(self.apps.default))
        self.directory = Directory(default_level=level)
        self.links = Links(settings.public_url, keys)
        self.one_time = OneTimeSecrets(self.box, self.ledger, settings.public_url)
        grounds, terms = Grounds(self.directory, self.people), grant_terms(settings)
        self.views = Views(self.links, settings.zone, Offers(grounds, terms))
        self.reading = Reading(clock)
        self.binding = Binding(self.people, Metering(settings.zone))
        self.approvals = ApprovalService(
            self.ledger, self.waiters, self.bell, self.people, self.views, approval_times(settings),
            law=Ruling(self.directory, self.binding),
        )  # fmt: skip
        self.quotas = Quotas(checks_per_minute=settings.checks_per_minute, max_pending=settings.max_pending)
        telling = GrantTelling(self.people, self.approvals.telling, self.bell, clock)
        self.grants = Grants(grounds, telling, terms)
        self.engine = EnforcementEngine(
            self.directory, self.journal, self.ledger, self.approvals, self.binding, self.grants, self.quotas,
            self.waiters, self.bell, clock,
        )  # fmt: skip
        self.administration = Administration(
            self.people, self.apps, self.box, default_level=level, allow_http=settings.allow_http_executors,
            starter=starter_plan(settings.reminders, settings.approval_ttl),
        )  # fmt: skip
        self.first_admin = FirstAdmin(self.ledger, self.people, keys, settings.admins)
        calling = partial(FeishuClient, session, self.apps.credentials, monotonic=pace.monotonic, sleep=pace.sleep)
        self.client = None if gateway else calling()
        self.gateway = gateway or self._client()
        self.executions = Executions(
            self.ledger, self.approvals, self.directory, self.binding, executor or self._http_executor(session),
            self.box.open,
        )  # fmt: skip
        self.freezing = Freezing(
            self.administration.agents, FreezeNotices(self.people, settings.zone), self.ledger, self.bell
        )
        self.digests = Digests(self.people, self.bell, at=settings.digest_at, zone=settings.zone)
        self.replaying = Replaying(
            self.administration.agents, self.directory, self.people, clock, default_level=level, zone=settings.zone
        )
        self.receipts = Receipts(self.ledger, self.people, self.waiters, clock)
        self.person_news = PersonNews(
            self.ledger, self.people, Employments(self.people, self.approvals.questioning, self.bell)
        )
        self.queueing = Queueing(self.bell)
        self.snoozing = Snoozing(self.approvals.telling, self.receipts)
        self.worker = self._worker(pace)
        self.reminders = Reminders(self.ledger, self.approvals, usual_hours(settings))
        self.old_queues = RetireQueues(self.ledger, self.bell)
        self.scheduler = Scheduler(
            jobs(self.reminders, self.executions, self.freezing, self.digests, self.old_queues, Housekeeping(), clock)
        )
        self.preferences = Preferences(self.people, Installed.of(settings), self.approvals.questioning)
        self.native_commands = NativeCommands(self.bell, wanted=settings.native_commands)
        self.chat = Chat(self._conversation(), self.apps, self.gateway)
        presses = GrantPresses(self.ledger, self.grants, Reviews(self.grants), self.views, clock)
        families: dict[str, Presses] = {
            "notice": NoticePresses(self.ledger, clock, settings.zone, default_level=level),
            "queue": QueuePresses(self.ledger, self.people, self.approvals, self.views, self.snoozing, clock),
            "settings": SettingsPresses(self.ledger, self.people, self.preferences),
        }
        clicks = Clicks(self.approvals, self.people, self.views, clock, presses, families)
        self.dispatcher = Dispatcher(
            CardClicks(clicks, clock, settings.zone), self.chat, self.receipts, self.person_news
        )
        self.working: asyncio.Task[None] | None = None
        self.claim_code: str | None = None

    def routes(self) -> list[web.RouteDef]:
        webhook = FeishuWebhook(
            self.apps,
            self.dispatcher,
            self.clock,
            default_app_id=self.settings.feishu_app_id,
            allow_challenge=self.settings.feishu_allow_challenge,
        )
        return [
            *Hook(self.directory, self.engine, self.approvals).routes(),
            *CheckOutcomes(
                self.directory,
                RunOutcomes(
                    self.ledger,
                    self.people,
                    self.bell,
                    self.clock,
                    self.settings.zone,
                    per_hour=self.settings.l2_notices_per_hour,
                ),
            ).routes(),
            *self._policy_routes().routes(),
            openapi_route(),
            *webhook.routes(),
            *Pages(self.reading, self.links, self.one_time, self.clock, self.settings.zone).routes(),
            *health_routes(self._checks()),
        ]

    async def receive(self, app_id: str, event: InboundEvent) -> JsonObject:
        """What the long connection feeds: the same events, by the same way."""
        return await self.dispatcher.dispatch(await self.apps.credentials(app_id), event)

    def _policy_routes(self) -> PolicyRoutes:
        agents, level = self.administration.agents, Level(self.settings.default_level)
        metering = Metering(self.settings.zone)
        return PolicyRoutes(
            self.administration,
            Trials(agents, self.directory, self.people, metering, self.clock, default_level=level),
            self.replaying,
            Explaining(self.people, self.clock),
            self.directory,
            self.ledger,
            self.clock,
        )

    def _client(self) -> FeishuGateway:
        if self.client is None:
            raise RuntimeError("no gateway")
        return self.client

    def _http_executor(self, session: aiohttp.ClientSession) -> ActionExecutor:
        return HttpExecutor(session, self.clock, allow_http=self.settings.allow_http_executors)

    def _worker(self, pace: Pace) -> Worker:
        reach = Reach(self.gateway, self.people, self.clock)
        delivery = Delivery(
            self.gateway, self.people, self.views, self.links, self.approvals, self.executions, self.waiters,
            self.bell, self.clock,
            also={
                OutboxKind.NOTICE: TellRun(
                    reach, self.people, self.clock, self.settings.zone, per_hour=self.settings.l2_notices_per_hour
                ),
                OutboxKind.NUDGE: RemindPerson(
                    self.gateway, reach, self.people, self.views, self.approvals.questioning, self.ledger, self.clock,
                    usual_hours(self.settings), self.receipts, self.queueing,
                ),
                OutboxKind.UNPIN: UnpinBot(self.gateway, self.people),
                OutboxKind.QUEUE_CARD: SendQueue(reach, self.people, self.views, self.clock),
                OutboxKind.QUEUE_UPDATE: UpdateQueue(self.gateway, self.views, self.clock),
                OutboxKind.LOOK_UP: LookUp(self.gateway, self.people, self.person_news, self.clock),
                OutboxKind.NOTICE_SUMMARY: TellRuns(reach, self.people, self.clock, self.settings.zone),
                OutboxKind.COMMANDS: RegisterCommands(self.gateway),
                OutboxKind.REPLAY: TellReplay(
                    self.replaying, self.people, self.bell, self.clock, self.settings.zone
                )
            },
        )  # fmt: skip
        return Worker(self.ledger, delivery.deliver, self.bell, self.clock, lease=pace.lease, poll=pace.poll)

    def _conversation(self) -> Conversation:
        answers = Answers(
            self.administration,
            self.first_admin,
            self.reading,
            ApprovalAnswers(
                self.administration,
                self.reading,
                self.views,
                self.links,
                self.queueing,
                self.snoozing,
            ),
            AgentAnswers(self.administration, self.one_time),
            PolicyAnswers(self.administration, self.directory, self.binding, self.bell),
            Steering(
                FreezeAnswers(self.freezing, self.administration.agents),
                GrantAnswers(self.grants),
                OversightAnswers(self.administration, Explaining(self.people, self.clock), self.links),
                TokenAnswers(self.administration, self.one_time),
            ),
            PlanAnswers(self.administration, self.approvals.questioning, self.directory, self.binding, self.people),
            PersonalAnswers(
                self.preferences,
                Absences(
                    self.people, self.administration.users, self.approvals.questioning, self.bell, self.settings.zone
                ),
                self.reading,
            ),
        )
        return Conversation(
            self.ledger, self.people, self.approvals, answers, self.bell, self.clock,
            stale_after=self.settings.stale_command_after, zone=self.settings.zone,
        )  # fmt: skip

    def _checks(self) -> dict[str, ReadyCheck]:
        async def database() -> str | None:
            return await database_answers(self.database)

        return {
            "database": database,
            "migrations": MigrationsApplied(self.database),
            "worker": task_runs(lambda: self.working),
        }


HOUSE = web.AppKey("house", House)


async def create_app(
    settings: Settings,
    *,
    gateway: FeishuGateway | None = None,
    executor: ActionExecutor | None = None,
    clock: Clock | None = None,
    pace: Pace | None = None,
) -> web.Application:
    """The whole service as an application; it opens its database and begins its background work when it is started."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=CheckedResolver()),
        cookie_jar=aiohttp.DummyCookieJar(),  # one agent's executor must not set what is sent to another's
    )
    house = House(settings, session, gateway=gateway, executor=executor, clock=clock, pace=pace or Pace())
    app = web.Application(middlewares=[problem_middleware], client_max_size=BODY_LIMIT)
    app[HOUSE] = house
    app.add_routes(house.routes())
    app.cleanup_ctx.append(_open)
    app.on_shutdown.append(_let_go)
    return app


async def _open(app: web.Application) -> AsyncIterator[None]:
    """Opens from the ground up, and closes in the opposite order whatever happens on the way.

    The database comes before everything that starts a task: Tortoise's context is a context variable.
    """
    house = app[HOUSE]
    async with AsyncExitStack() as stack:
        stack.push_async_callback(house.session.close)
        if house.client is not None:
            stack.push_async_callback(house.client.close)
        applied = await migrate(house.settings.database_url)
        if applied:
            log.info("database.migrated", migrations=applied)
        await stack.enter_async_context(open_database(house.settings.database_url))
        await house.apps.ensure_default(house.clock.now())
        await house.native_commands.ensure(house.clock.now())
        house.claim_code = await house.first_admin.prepare()
        stack.push_async_callback(house.journal.close)
        await stack.enter_async_context(house.waiters)
        await stack.enter_async_context(_working(house))
        await house.scheduler.start()
        stack.push_async_callback(house.scheduler.stop)
        await stack.enter_async_context(_connected(house))
        yield


async def _let_go(app: web.Application) -> None:
    """Before requests in flight are waited for: whoever is held gets the present state as an answer."""
    await app[HOUSE].waiters.close()


@asynccontextmanager
async def _working(house: House) -> AsyncIterator[None]:
    house.working = asyncio.create_task(house.worker.run(), name="outbox-worker")
    try:
        yield
    finally:
        house.worker.stop()
        await asyncio.wait([house.working])


@asynccontextmanager
async def _connected(house: House) -> AsyncIterator[None]:
    """The long connection instead of the webhook, where it is configured; it needs no public address."""
    if house.settings.feishu_transport != "long_connection":
        yield
        return
    connection = LongConnection(house.apps.default, house.receive, asyncio.get_running_loop())
    connection.start()
    try:
        yield
    finally:
        await connection.stop()


def default_app(settings: Settings) -> AppCredentials:
    """The Feishu app of the settings."""
    return AppCredentials(
        app_id=settings.feishu_app_id,
        tenant="default",
        base_url=settings.feishu_base_url,
        app_secret=settings.feishu_app_secret.get_secret_value(),
        encrypt_key=settings.feishu_encrypt_key.get_secret_value(),
        verification_token=settings.feishu_verification_token.get_secret_value(),
    )


def approval_times(settings: Settings) -> ApprovalTimes:
    return ApprovalTimes(
        ttl=settings.approval_ttl,
        reminders=settings.reminders,
        claim_ttl=settings.claim_ttl,
        rejection_cooldown=settings.rejection_cooldown,
    )


def usual_hours(settings: Settings) -> Usual:
    return Usual(settings.zone, settings.quiet_hours, settings.working_days)


def grant_terms(settings: Settings) -> GrantTerms:
    return GrantTerms(
        zone=settings.zone,
        review_key=review_key(settings.secret_keys[0]),
        graduation_after=settings.graduation_after,
        graduation_for=settings.graduation_for,
        review_sample=settings.review_sample,
    )


async def serve(settings: Settings) -> None:
    """Serves until SIGINT or SIGTERM, then stops gracefully: answers what is held, gives leases back."""
    app = await create_app(settings)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_WITHIN)
    await runner.setup()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    try:
        await web.TCPSite(runner, settings.host, settings.port, backlog=BACKLOG).start()
        log.info("service.started", url=settings.public_url, feishu=settings.feishu_base_url)
        if (code := app[HOUSE].claim_code) is not None:
            sys.stdout.write(f"No admin yet. Write to the bot in Feishu:  /claim {code}\n")
            sys.stdout.flush()
        await stop.wait()
        log.info("service.stopping")
    finally:
        await runner.cleanup()
