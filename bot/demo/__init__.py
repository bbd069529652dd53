"""`assent demo`: the service, a local Feishu with its page, and two sample agents that really act, on loopback only."""

from bot.demo.stage import DEFAULT_PORT, run

__all__ = ["DEFAULT_PORT", "run"]
