"""Agents, policies, people's roles and Feishu apps: changed by those who may, audited with who did it.

Every change is written in the `Work` that the caller opened, so that a command, its effect and its answer are one
transaction. Refusals and their like are values; nothing is worded here.
"""

from bot.administration.actors import Actor
from bot.administration.agents import AgentAdministration
from bot.administration.apps import AppAdministration
from bot.administration.facade import Administration
from bot.administration.grounds import FLOOR, Saved
from bot.administration.oversight import Oversight
from bot.administration.plans import PlanAdministration
from bot.administration.policies import PolicyAdministration
from bot.administration.tokens import AccessTokenAdministration
from bot.administration.transacting import in_one_transaction
from bot.administration.users import UserAdministration
from bot.administration.values import (
    AccessTokenCreated,
    AccessTokenLine,
    AgentCreated,
    AgentLabelled,
    AgentLimited,
    AgentObserved,
    BackupSet,
    Declined,
    ExecutorSet,
    FloorSaved,
    PlanSaved,
    PolicySaved,
    TokenRotated,
    VersionLine,
    Why,
)

__all__ = [
    "FLOOR",
    "AccessTokenAdministration",
    "AccessTokenCreated",
    "AccessTokenLine",
    "Actor",
    "Administration",
    "AgentAdministration",
    "AgentCreated",
    "AgentLabelled",
    "AgentLimited",
    "AgentObserved",
    "AppAdministration",
    "BackupSet",
    "Declined",
    "ExecutorSet",
    "FloorSaved",
    "Oversight",
    "PlanAdministration",
    "PlanSaved",
    "PolicyAdministration",
    "PolicySaved",
    "Saved",
    "TokenRotated",
    "UserAdministration",
    "VersionLine",
    "Why",
    "in_one_transaction",
]
