"""Lengths of time on the command line, written as in the settings."""

from __future__ import annotations

from datetime import timedelta

from bot.cli.console import fail


def duration(written: str) -> timedelta:
    """The length of time; anything else ends the command."""
    from config.durations import parse_duration

    try:
        lasting = parse_duration(written)
    except ValueError:
        lasting = timedelta()
    if lasting <= timedelta():
        fail(f"{written} is no length of time; write 90s, 30m, 2h or 7d.", code=2)
    return lasting
