"""What each kind of outbox message does outside, and what is written down afterwards. Opens no transaction itself."""

from __future__ import annotations

from bot.delivery.results import DELIVERED, SUPERSEDED, Later, Result, Settled
from bot.delivery.sender import Delivery

__all__ = ["DELIVERED", "SUPERSEDED", "Delivery", "Later", "Result", "Settled"]
