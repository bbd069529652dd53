"""The law of manners: what each person got, day by day, as Feishu saw it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from bot.simulator.state import Buzz, Message, Person
from models.enums import Nudge, Severity
from models.tables import ApprovalRequest, CardCopy, NoticeHour, NudgeDay
from tests.lives.broken import Broken
from tests.lives.bylaws import BUZZES, NOTICES, PINS, QUIET, SMS, THREADS
from tests.lives.town import Town

_ZONE = ZoneInfo("Asia/Shanghai")
_REMINDER = "【提醒】"
_BUDGETS = {
    Nudge.THREAD: THREADS,
    Nudge.PIN: PINS,
    Nudge.URGENT_APP: BUZZES,
    Nudge.URGENT_SMS: SMS,
    Nudge.URGENT_PHONE: 0,
}


async def spared(town: Town) -> Counter[str]:
    """How many reminders and buzzes there were, all of them within the budgets and outside of the quiet hours."""
    counted: Counter[str] = Counter()
    grave = await _critical_cards()
    for person in town.people:
        reminders = town.feishu.messages(to=person, type="text", containing=_REMINDER)
        _within(person, "reminders", THREADS, (message.created_at for message in reminders))
        buzzes = _buzzes(town, person)
        for how, most in _BUDGETS.items():
            times = [buzz.at for _, buzz in buzzes if buzz.how == how.value]
            _within(person, how.value, most, times if how not in (Nudge.THREAD, Nudge.PIN) else ())
        _quiet(person, [message for message in reminders if message.relation.parent_id not in grave])
        counted["reminders"] += len(reminders)
        counted["buzzes"] += len(buzzes)
    for day in await NudgeDay.all():
        if day.used > _BUDGETS[day.nudge]:
            raise Broken(f"{day.nudge.value} {day.used} times on {day.day} for {day.person_id}")
    for hour in await NoticeHour.all():
        if hour.told > NOTICES:
            raise Broken(f"{hour.told} notices in the hour from {hour.begins_at} for {hour.person_id}")
    still_pinned = [person.key for person in town.staff if town.feishu.pinned(person)]
    if still_pinned:
        raise Broken(f"the bot still stands on top of the chats of {still_pinned}")
    return counted


async def _critical_cards() -> set[str]:
    critical = await ApprovalRequest.filter(severity=Severity.CRITICAL).values_list("id", flat=True)
    copies = CardCopy.filter(approval_id__in=critical, message_id__not_isnull=True)
    return {str(message_id) for message_id in await copies.values_list("message_id", flat=True)}


def _buzzes(town: Town, person: Person) -> list[tuple[Message, Buzz]]:
    messages = town.feishu.world.messages.values()
    return [(message, buzz) for message in messages for buzz in message.buzzes if buzz.person is person]


def _within(person: Person, what: str, most: int, times: Iterable[datetime]) -> None:
    days: Counter[date] = Counter(at.astimezone(_ZONE).date() for at in times)
    for day, count in days.items():
        if count > most:
            raise Broken(f"{person.key} got {count} {what} on {day}, and {most} are allowed")


def _quiet(person: Person, reminders: list[Message]) -> None:
    starts, ends = QUIET
    for message in reminders:
        at = message.created_at.astimezone(_ZONE).time()
        if at >= starts or at < ends:
            raise Broken(f"{person.key} was reminded at {message.created_at.astimezone(_ZONE)}: {message.text}")
