"""Answers about oneself: /settings, /away."""

from __future__ import annotations

from typing import assert_never

from bot.commands import ComeBack, GoAway, OpenSettings, PersonalCommand, SetPreference, ShowAway
from bot.commands.when import NotWhen, WhenFault, read_when
from bot.conversation.turn import Answer, Turn
from bot.people.absence import Absences, Away, Back
from bot.preferences import Preferences
from bot.reading import Reading
from cards import personal as words
from cards.settings import settings_card, settings_text
from models.enums import Employment
from models.user import User


class PersonalAnswers:
    def __init__(self, preferences: Preferences, absences: Absences, reading: Reading) -> None:
        self._preferences = preferences
        self._absences = absences
        self._reading = reading

    async def to(self, turn: Turn, command: PersonalCommand) -> Answer:
        match command:
            case OpenSettings():
                return await self._settings(turn)
            case SetPreference():
                return await self._set(turn, command)
            case GoAway():
                return await self._away(turn, command)
            case ComeBack():
                return await self._back(turn)
            case ShowAway():
                return await self._show_away(turn)
            case unreachable:
                assert_never(unreachable)

    async def _settings(self, turn: Turn) -> Answer:
        view = await self._preferences.view(turn.operator.id, turn.now)
        return Answer(settings_text(view, turn.language), card=settings_card(view))

    async def _set(self, turn: Turn, command: SetPreference) -> Answer:
        """Told in the language that was chosen just now."""
        saved = await self._preferences.save(turn.work, turn.operator.id, {command.preference: command.value})
        view = await self._preferences.view(turn.operator.id, turn.now, saved.changed)
        return Answer(settings_text(view, saved.person.language))

    async def _away(self, turn: Turn, command: GoAway) -> Answer:
        when = read_when(command.said, turn.now, turn.zone)
        if isinstance(when, NotWhen):
            return Answer(_not_when(turn, when))
        done = await self._absences.away(turn.work, turn.actor, when.at, when.rest or None)
        if not isinstance(done, Away):
            return turn.no_such_person(done)
        text = words.away(done.until, done.delegate, done.handed_on, turn.language, now=turn.now, zone=turn.zone)
        return Answer(text)

    async def _back(self, turn: Turn) -> Answer:
        done = await self._absences.back(turn.work, turn.actor)
        if not isinstance(done, Back):
            return turn.no(done)
        pending = await self._reading.pending_count(turn.operator)
        return Answer(words.back(done.was_away, pending, turn.language))

    async def _show_away(self, turn: Turn) -> Answer:
        person = await User.get(id=turn.operator.id)
        if person.away_until is None or person.away_until <= turn.now:
            return Answer(words.not_away(turn.language))
        named = User.filter(id=person.delegate_id, employment=Employment.ACTIVE) if person.delegate_id else None
        delegate = await named.first() if named else None  # a delegation ends with the account
        name = delegate.name if delegate else None
        return Answer(words.still_away(person.away_until, name, turn.language, now=turn.now, zone=turn.zone))


def _not_when(turn: Turn, fault: NotWhen) -> str:
    match fault.fault:
        case WhenFault.UNREADABLE:
            return words.unreadable_moment(fault.given, turn.language)
        case WhenFault.NO_SUCH_TIME:
            return words.no_such_moment(fault.given, turn.language)
        case WhenFault.PAST:
            return words.past_moment(fault.at or turn.now, turn.language, now=turn.now, zone=turn.zone)
        case unreachable:
            assert_never(unreachable)
