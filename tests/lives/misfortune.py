"""What nobody wants: Feishu fails, executors fail, the service is replaced in the middle of things."""

from __future__ import annotations

from typing import Any

from tests.lives.agents import ask, repeat
from tests.lives.people import press
from tests.lives.town import Town

_OUTAGES: dict[str, dict[str, Any]] = {
    "reset": {},
    "html": {"status": 503},
    "empty": {},
    "garbage": {},
    "answer": {"code": 230020, "msg": "rate limited"},
}
_ENDPOINTS = ("any", "send", "patch", "reply", "urgent", "read_users", "user", "pin_bot")


async def outage(town: Town) -> None:
    """Feishu is away for a while; meanwhile life goes on and time passes."""
    kind = town.dice.choice(list(_OUTAGES))
    with town.feishu.outage(kind, town.dice.choice(_ENDPOINTS), **_OUTAGES[kind]):
        for _ in range(town.dice.randint(1, 3)):
            await town.dice.choice((ask, press, repeat))(town)
        await town.pass_time(minutes=town.dice.choice((1, 10, 40)))
    await town.catch_up()


async def lost_answers(town: Town) -> None:
    """Feishu does as it is told, and its answers get lost; what is tried again must not be there twice.

    It is tried again within the hour for which Feishu knows a repetition; after that nobody could tell.
    """
    kind = town.dice.choice(("lost", "lost_html", "half"))
    fault = town.feishu.fail_next(town.dice.choice(("send", "patch", "reply")), kind, town.dice.randint(1, 3))
    for _ in range(3):
        await ask(town)
    for _ in range(4):
        await town.pass_time(minutes=5)
    town.feishu.lift(fault)


async def refusals(town: Town) -> None:
    """Feishu takes no cards for a moment, as when a word in it is forbidden: a text stands in for the card."""
    fault = town.feishu.fail_next("send", "answer", town.dice.randint(1, 2), code=230028, msg="the content is risky")
    await ask(town)
    await town.settled()
    town.feishu.lift(fault)


async def restart(town: Town) -> None:
    """The service is replaced by its next version with messages in the outbox."""
    for _ in range(town.dice.randint(1, 4)):
        await town.dice.choice((ask, ask, repeat, press))(town)
    await town.close()
    await town.open()
    await town.pass_time(minutes=2)  # within the hour in which Feishu knows what it has got already


async def ail(town: Town) -> None:
    """The executor fails from now on, or no longer."""
    town.executor.status = town.dice.choice((200, 200, 422, 500))
