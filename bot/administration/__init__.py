"""Agents, policies, people's roles and Feishu apps: changed by those who may, audited with who did it.

Every change is written in the `Work` that the caller opened, so that a command, its effect and its answer are one
transaction. Refusals and their like are values; nothing is worded here.
"""

from bot.administration.actors import Actor
from bot.administration.agents import AgentAdministration
from bot.administration.apps import AppAdministration
from bot.administration.facade import Administration
from bot.administration.policies import PolicyAdministration
from bot.administration.transacting import in_one_transaction
from bot.administration.users import UserAdministration
from bot.administration.values import (
    AgentCreated,
    Declined,
    ExecutorSet,
    PolicySaved,
    TokenRotated,
    Why,
)

__all__ = [
    "Actor",
    "Administration",
    "AgentAdministration",
    "AgentCreated",
    "AppAdministration",
    "Declined",
    "ExecutorSet",
    "PolicyAdministration",
    "PolicySaved",
    "TokenRotated",
    "UserAdministration",
    "Why",
    "in_one_transaction",
]
