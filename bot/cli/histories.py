"""Versions of a policy, floor or asking plan, as the command line lists them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.cli.console import say_json, table

if TYPE_CHECKING:
    from bot.administration import VersionLine

CHANGES_SHOWN = 5


def say_history(lines: Sequence[VersionLine], *, as_json: bool) -> None:
    from bot.administration.as_json import history_json

    if as_json:
        say_json(history_json(lines))
        return
    table(
        ("VERSION", "AUTHOR", "AT", "NOTE", "CHANGES"),
        [
            (f"v{line.version}", line.author, f"{line.at:%Y-%m-%d %H:%M:%S %Z}", line.note or "-", _short(line))
            for line in lines
        ],
    )


def _short(line: VersionLine) -> str:
    told = [f"{change.kind.value} {change.rule or change.after or ''}".strip() for change in line.changes]
    more = f", {len(told) - CHANGES_SHOWN} more" if len(told) > CHANGES_SHOWN else ""
    return ", ".join(told[:CHANGES_SHOWN]) + more or "-"
