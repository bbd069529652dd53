"""The button of the settings card: what the form holds becomes the presser's own settings, and the card says so."""

from __future__ import annotations

from uuid import UUID

from tortoise.exceptions import DoesNotExist, IntegrityError

from bot.commands.preferring import Preference, Unreadable, read_preference
from bot.ledger import AuditFact, Ledger, Work
from bot.people.joining import People
from bot.preferences import Preferences
from bot.pressing import Shown
from bot.seen import first_time
from cards import messages
from cards.settings import SAVE, saved_toast_words, settings_card
from cards.words import Bilingual
from models.values import AppCredentials, CardClick, JsonObject, Operator

_NOT_YOURS = Bilingual(
    "这是别人的设置，发送 /settings 打开您自己的。", "These are somebody else's. Send /settings for your own."
)
_UNUSABLE = Bilingual("这个选项不能用，没有做任何改动。", "That choice cannot be used. Nothing was changed.")
_UNKNOWN = Bilingual("不认识这个按钮，没有做任何改动。", "I don't know this button. Nothing was changed.")


class SettingsPresses:
    """The family "settings" (bot.pressing)."""

    def __init__(self, ledger: Ledger, people: People, preferences: Preferences) -> None:
        self._ledger = ledger
        self._people = people
        self._preferences = preferences

    async def press(self, app: AppCredentials, operator: Operator, act: str, click: CardClick, event_key: str) -> Shown:
        """Everybody sets only his own: a press on another person's card is refused."""
        if act != SAVE:
            return await self._refuse(operator, act, click, "unknown_verdict", _UNKNOWN)
        owner = await self._owner(click)
        if owner is not None and owner != operator.id:
            return await self._refuse(operator, act, click, "not_yours", _NOT_YOURS)
        try:
            values = _chosen(click)
        except Unreadable:
            return await self._refuse(operator, act, click, "invalid", _UNUSABLE)
        try:
            return await self._save(operator, values, event_key)
        except IntegrityError:  # the same event arrived twice at once, and the other one committed first
            return await self._save(operator, values, event_key)

    async def _save(self, operator: Operator, values: dict[Preference, str | None], event_key: str) -> Shown:
        async with self._ledger.transaction() as work:
            changed: tuple[Preference, ...] | None = None
            if await first_time(work, event_key):
                changed = (await self._preferences.save(work, operator.id, values)).changed
            view = await self._preferences.view(operator.id, work.now, changed)
        return Shown(messages.toast("success", saved_toast_words(view)), settings_card(view), "settings_saved")

    async def _refuse(self, operator: Operator, act: str, click: CardClick, why: str, words: Bilingual) -> Shown:
        async with self._ledger.transaction() as work:
            _audit(work, operator, {"refusal": why, "act": act[:80], "message": click.message_id})
        return Shown(messages.toast("error", words), word=why)

    async def _owner(self, click: CardClick) -> UUID | None:
        """Whose settings the card shows; None where the client lost that: then it is the presser's own chat."""
        carried = click.value.get("person_id") or (click.name or "").partition(":")[2]
        try:
            return (await self._people.user(UUID(carried))).id if isinstance(carried, str) and carried else None
        except (ValueError, DoesNotExist):
            return UUID(int=0)


def _chosen(click: CardClick) -> dict[Preference, str | None]:
    """The fields that the form sent, read as a typed value is. Raises Unreadable."""
    chosen: dict[Preference, str | None] = {}
    for preference in Preference:
        picked = click.form.get(preference.value)
        if isinstance(picked, str) and picked:
            chosen[preference] = read_preference(preference, picked)
    return chosen


def _audit(work: Work, operator: Operator, details: JsonObject) -> None:
    actor = f"user:{operator.id}"
    work.audit(AuditFact(operator.tenant, actor, "settings.refused", actor, details))
