"""How people are asked in a tenant that wrote no plan: as the installation's settings say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bot.plans.values import AskingPlan, Step, Terms
from models.enums import Nudge


def starter_plan(reminders: Sequence[timedelta], ttl: timedelta) -> AskingPlan:
    """Version 0: the creator, reminded in the card's thread; with the last reminder the admins are asked too."""
    return AskingPlan(version=0, default=starter_terms(reminders, ttl))


def starter_terms(reminders: Sequence[timedelta], ttl: timedelta) -> Terms:
    """What a written plan leaves out."""
    times = sorted({wait for wait in reminders if timedelta() < wait < ttl})
    steps = [Step(timedelta(), ("creator",))]
    steps += [Step(wait, ("admins",) if wait == times[-1] else (), Nudge.THREAD) for wait in times]
    return Terms(tuple(steps), ttl)
