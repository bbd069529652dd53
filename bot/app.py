"""The composition root: which part of the house is built on which, in the order in which they are opened and closed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import structlog
from aiohttp import web

from bot.administration import Administration
from bot.approvals import ApprovalService, ApprovalTimes
from bot.apps import FeishuApps
from bot.clicks import Clicks
from bot.conversation import Conversation
from bot.database import Database, migrate, open_database
from bot.delivery import Delivery
from bot.directory import Directory
from bot.enforcement import EnforcementEngine
from bot.executions import Executions
from bot.executor import HttpExecutor
from bot.feishu.client import FeishuClient
from bot.feishu.long_connection import LongConnection
from bot.first_admin import FirstAdmin
from bot.housekeeping import Housekeeping
from bot.journal import Journal
from bot.ledger import Ledger
from bot.links import Links
from bot.one_time import OneTimeSecrets
from bot.outbox import Bell
from bot.people import People
from bot.ports import ActionExecutor, Clock, FeishuGateway, SystemClock
from bot.readiness import MigrationsApplied, database_answers
from bot.reading import Reading
from bot.reminders import Reminders
from bot.scheduler import Scheduler
from bot.secrets import SecretBox
from bot.views import Views
from bot.waiters import Waiters
from bot.worker import Worker
from config.database import backend
from config.settings import Settings
from handlers.card_clicks import CardClicks
from handlers.chat import Chat
from handlers.errors import problem_middleware
from handlers.feishu import Dispatcher, FeishuWebhook
from handlers.health import health_routes
from handlers.hook import Hook
from handlers.openapi import openapi_route
from handlers.pages import Pages
from models.values import AppCredentials

BODY_LIMIT = 1024 * 1024
"""Bytes that aiohttp reads of any body; the hook's own limit is 256 KiB."""

BACKLOG = 2048
"""Connections waiting to be accepted: thousands of agents may begin to wait at once."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class House:
    """Every part that needs no network to exist."""

    settings: Settings
    clock: Clock
    database: Database
    apps: FeishuApps
    people: People
    directory: Directory
    journal: Journal
    ledger: Ledger
    waiters: Waiters
    bell: Bell
    views: Views
    approvals: ApprovalService
    engine: EnforcementEngine
    links: Links
    box: SecretBox
    one_time: OneTimeSecrets
    administration: Administration
    first_admin: FirstAdmin
    reading: Reading
    dispatcher: Dispatcher


HOUSE = web.AppKey("house", House)
WORKER = web.AppKey("worker", Worker)
