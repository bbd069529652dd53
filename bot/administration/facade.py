"""The parts of administration, built together."""

from __future__ import annotations

from datetime import timedelta

from bot.administration.agents import AgentAdministration
from bot.administration.apps import AppAdministration
from bot.administration.oversight import Oversight
from bot.administration.plans import PlanAdministration
from bot.administration.policies import PolicyAdministration
from bot.administration.tokens import AccessTokenAdministration
from bot.administration.users import UserAdministration
from bot.people.apps import FeishuApps
from bot.people.joining import People
from bot.plans import AskingPlan, starter_plan
from bot.secrecy.box import SecretBox
from models.enums import Level

REMINDERS = (timedelta(minutes=30), timedelta(hours=2), timedelta(hours=8))
TTL = timedelta(hours=72)


class Administration:
    def __init__(
        self,
        people: People,
        apps: FeishuApps,
        box: SecretBox,
        *,
        default_level: Level,
        allow_http: bool = False,
        starter: AskingPlan | None = None,
    ) -> None:
        """`starter`: how people are asked in tenants that wrote no plan; None: as the settings' defaults say."""
        self.agents = AgentAdministration(box, default_level=default_level, allow_http=allow_http)
        self.policies = PolicyAdministration(self.agents, default_level=default_level)
        self.plans = PlanAdministration(people, starter or starter_plan(REMINDERS, TTL))
        self.oversight = Oversight(self.agents)
        self.tokens = AccessTokenAdministration(people)
        self.users = UserAdministration(people)
        self.apps = AppAdministration(apps)
