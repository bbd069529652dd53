"""So many lives are begun, lived for as long as the plan leaves them open, and judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.lives import agents, misfortune, people
from tests.lives.laws import judge
from tests.lives.town import Town, town_standing

AT_ONCE = (1, 2, 6, 16)
"""Lives that are begun between two moves of the clock: one person has little to decide, or much."""
DEEDS = 3
"""For each life that is begun; and a few more, for those that began earlier."""
LULLS = 0.15
"""Of the rounds. Where much waits for everybody, reminders give way to the queue."""

Deed = Callable[[Town], Awaitable[None]]
_DEEDS: tuple[tuple[Deed, int], ...] = (
    (people.press, 40),
    (agents.repeat, 26),
    (people.say, 14),
    (people.look, 12),
    (people.edit, 6),
    (agents.act, 6),
    (people.rush, 4),
    (agents.claim, 4),
    (people.open_queue, 3),
    (people.press_late, 3),
    (agents.withdraw, 3),
    (people.freeze, 2),
    (people.forge, 2),
    (misfortune.outage, 2),
    (misfortune.lost_answers, 1),
    (misfortune.refusals, 1),
    (misfortune.ail, 1),
    (misfortune.restart, 1),
    (people.leave, 1),
)
_PAUSES = (1, 5, 20, 45, 90, 240)  # minutes


@dataclass(frozen=True, slots=True)
class Lived:
    lives: int
    counted: Counter[str]
    did: Counter[str]
    days: float


async def live(database_url: str, *, lives: int, seed: int, tell: Callable[[int], None] = lambda _: None) -> Lived:
    """All have ended lawfully. Raises tests.lives.laws.Broken."""
    async with town_standing(database_url, seed) as town:
        begun = town.clock.now()
        while len(town.lives) < lives:
            await _round(town)
            tell(len(town.lives))
        await end(town)
        counted = await judge(town)
        return Lived(len(town.lives), counted, town.did, (town.clock.now() - begun).total_seconds() / 86_400)


async def _round(town: Town) -> None:
    if town.dice.random() < LULLS:
        await _lull(town)
    begun = town.dice.choice(AT_ONCE)
    for _ in range(begun):
        await agents.ask(town)
    await town.settled()
    deeds, weights = zip(*_DEEDS, strict=True)
    for deed in town.dice.choices(deeds, weights, k=3 + DEEDS * begun):
        town.did[deed.__name__] += 1
        await deed(town)
    await town.pass_time(minutes=town.dice.choice(_PAUSES))


async def _lull(town: Town) -> None:
    """Nothing new until nothing waits, and then one question that nobody answers at once: its reminders come alone."""
    for _ in range(5):
        await town.pass_time(hours=8)
    await agents.ask(town)
    for minutes in (35, 35, 70, 240, 240):
        await town.pass_time(minutes=minutes)
    town.did["lull"] += 1


async def end(town: Town) -> None:
    """The longest question, then the longest go-ahead, then the wait for its outcome; then nothing is left."""
    for person in town.staff:
        await town.feishu.freeze_person(person, frozen=False)
    for _ in range(14):
        await town.pass_time(hours=8)
    await town.catch_up(whole=True)
