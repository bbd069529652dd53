"""A message is carried out once and answered once, however often Feishu delivers it and wherever the process dies.

The record of the message, the effect of its command and the answer's outbox row are one transaction. Only /approve and
/reject have two: the first holds the record and the verdict; if the process dies before the second, which holds the
answer, the redelivered message finds the verdict recorded and is answered from it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta, tzinfo

import structlog
from tortoise.exceptions import IntegrityError

from bot import outbox
from bot.administration import in_one_transaction
from bot.approvals import ApprovalService
from bot.commands import (
    Approve,
    Command,
    Help,
    ListAgents,
    NotACommand,
    OpenSettings,
    Parsed,
    Pending,
    Reject,
    Usage,
    WhoAmI,
    parse,
)
from bot.conversation.answers import Answers
from bot.conversation.approvals import code_of, verdict_of
from bot.conversation.finding import find_approval
from bot.conversation.turn import Answer, Heard, Turn
from bot.ledger import Ledger, Work
from bot.outbox import Bell
from bot.people.joining import People, language_of
from bot.people.uniting import made_up_names
from bot.ports import Clock
from bot.seen import first_time
from cards import administration as words
from cards import messages
from config.zones import zone_named
from models.approval import ApprovalRequest
from models.enums import Via
from models.ids import new_id
from models.inbound import InboundRecord
from models.outbox import OutboxMessage
from models.user import User
from models.values import AppCredentials, MenuPress, Operator, Refusal, RefusalKind

ENTERED = "entered"
"""The key under which bot.feishu.events reports that the chat with the bot was opened."""

GREET_AGAIN = timedelta(days=1)

log = structlog.get_logger(__name__)


class Conversation:
    def __init__(
        self,
        ledger: Ledger,
        people: People,
        approvals: ApprovalService,
        answers: Answers,
        bell: Bell,
        clock: Clock,
        *,
        stale_after: timedelta = timedelta(minutes=5),
        zone: tzinfo,
    ) -> None:
        self._ledger = ledger
        self._people = people
        self._approvals = approvals
        self._answers = answers
        self._bell = bell
        self._clock = clock
        self._stale_after = stale_after
        self._zone = zone

    async def hear(self, heard: Heard) -> None:
        """Returns when the message is recorded, its command took effect and its answer is on the way.

        Raises only when the database does not answer; nothing was acknowledged then, and Feishu delivers again.
        """
        if await self._answered(heard):
            return
        operator = await self._people.operator(heard.app, heard.sender, self._clock.now())
        if operator is None:
            await self._turn_away(heard)
            return
        stale = self._clock.now() - heard.at > self._stale_after and not await InboundRecord.exists(key=heard.key)
        if isinstance(heard.parsed, Approve | Reject) and not stale:
            await self._decide(heard, operator, heard.parsed)
            return
        try:
            await self._settle(heard, operator, stale)
        except IntegrityError:
            raise
        except Exception:
            # Rolled back: the person learns that nothing was done, unless not even that can be written.
            reference = new_id().hex[-8:]
            log.exception("chat.failed", app=heard.app.app_id, command=name_of(heard.parsed), reference=reference)
            sorry = Answer(messages.went_wrong(reference, operator.language), private=False)
            await self._in_one(heard, operator, lambda _: _now(sorry))

    async def press(self, app: AppCredentials, press: MenuPress) -> None:
        """A press on the bot menu is answered as the command of the same name; an opened chat by a greeting."""
        operator = await self._people.operator(app, press.operator, self._clock.now())
        command = ENTERED if press.key == ENTERED else _menu_command(press.key)
        if operator is None or command is None:
            log.info("chat.menu_ignored", app=app.app_id, key=press.key[:40], stranger=operator is None)
            return
        key = f"{app.app_id}:{press.event_id}"[:200]

        async def body(work: Work) -> None:
            if not await first_time(work, key, "menu"):
                return
            turn = await self._turn(work, operator, app, name_of(command))
            answer = await self._menu_answer(turn, press, command)
            if answer is not None:
                await self._tell(turn, answer, f"menu:{key}")

        await in_one_transaction(self._ledger, body)

    async def _menu_answer(self, turn: Turn, press: MenuPress, command: Command | str) -> Answer | None:
        age = turn.now - press.at
        if isinstance(command, str):
            return (
                None if age > self._stale_after or not await self._greets(turn) else Answer(await self._greeting(turn))
            )
        if age > self._stale_after:
            return Answer(messages.too_old(age, turn.language))
        return await self._answers.to(turn, command)

    async def _settle(self, heard: Heard, operator: Operator, stale: bool) -> None:
        """Record, effect, audit and answer in one transaction."""

        async def answer(turn: Turn) -> Answer:
            if stale and not isinstance(heard.parsed, NotACommand | Usage):
                turn.no(Refusal(RefusalKind.STALE))  # for the audit; the person is told the age
                return Answer(messages.too_old(turn.now - heard.at, turn.language), private=False)
            if isinstance(heard.parsed, NotACommand) and not heard.is_group and await self._is_new(turn):
                return Answer(await self._greeting(turn))
            return await self._answers.to(turn, heard.parsed)

        await self._in_one(heard, operator, answer)

    async def _decide(self, heard: Heard, operator: Operator, command: Approve | Reject) -> None:
        found = await find_approval(operator, command.approval, code=code_of(command), open_only=True)
        if not isinstance(found, ApprovalRequest):
            await self._in_one(heard, operator, lambda turn: _now(turn.no(found)))
            return
        outcome = await self._approvals.resolve(
            found.id,
            verdict_of(command),
            operator,
            via=Via.COMMAND,
            reason=command.reason if isinstance(command, Reject) else None,
            code=code_of(command),
            event_key=heard.key,
        )
        await self._in_one(
            heard,
            operator,
            lambda turn: self._answers.approvals.verdict(turn, command, found, outcome),
            recorded=True,
        )

    async def _turn_away(self, heard: Heard) -> None:
        """Somebody of another company is told so, politely, and becomes nobody here."""
        text = words.stranger(language_of(heard.app))

        async def body(work: Work) -> None:
            if await first_time(work, heard.key, "chat"):
                log.info("chat.stranger", app=heard.app.app_id)
                await outbox.add([self._reply(heard, text, work, None)])
                work.after_commit(self._bell.ring)

        await in_one_transaction(self._ledger, body)

    async def _in_one(
        self,
        heard: Heard,
        operator: Operator,
        answer: Callable[[Turn], Awaitable[Answer]],
        *,
        recorded: bool = False,
    ) -> None:
        """What `answer` does and says is committed together with the message's record, unless that was seen before."""

        async def body(work: Work) -> None:
            fresh = not await _replied(heard) if recorded else await first_time(work, heard.key, "chat")
            if fresh:
                turn = await self._turn(work, operator, heard.app, name_of(heard.parsed))
                await self._post(heard, turn, await answer(turn))

        await in_one_transaction(self._ledger, body)

    async def _post(self, heard: Heard, turn: Turn, answer: Answer) -> None:
        """In answer to the message, in a group in its thread; a group does not read what is for the asker alone.

        A card is a message of its own, to the asker.
        """
        if answer.card is not None or answer.on_its_way or (heard.is_group and answer.private):
            await self._tell(turn, answer, f"answer:{heard.key}")
            if not heard.is_group:
                return
            answer = Answer(messages.in_private(turn.language), private=False)
        await outbox.add([self._reply(heard, answer.text, turn.work, turn.operator)])
        turn.work.after_commit(self._bell.ring)

    async def _tell(self, turn: Turn, answer: Answer, dedupe: str) -> None:
        """The answer goes to the asker's private chat."""
        if not answer.on_its_way:
            await outbox.add([_private(turn, answer, dedupe[:160])])
        turn.work.after_commit(self._bell.ring)

    @staticmethod
    def _reply(heard: Heard, text: str, work: Work, operator: Operator | None) -> OutboxMessage:
        return outbox.reply(
            tenant=heard.app.tenant,
            app_id=heard.app.app_id,
            message_id=heard.message_id,
            chat_id=heard.chat_id,
            text=text,
            now=work.now,
            person_id=operator.id if operator else None,
            in_thread=heard.is_group,
        )

    async def _turn(self, work: Work, operator: Operator, app: AppCredentials, command: str) -> Turn:
        person = await User.get(id=operator.id)
        return Turn(work, operator, app, zone_named(person.time_zone, self._zone), command)

    @staticmethod
    async def _answered(heard: Heard) -> bool:
        """Whether there is nothing left to do for this message."""
        if isinstance(heard.parsed, Approve | Reject):
            return await _replied(heard)
        return await InboundRecord.exists(key=heard.key)

    async def _is_new(self, turn: Turn) -> bool:
        """Whether this person came to us within the last day and was not greeted yet."""
        person = await User.get(id=turn.operator.id)
        return turn.now - person.created_at < GREET_AGAIN and await self._greets(turn)

    async def _greets(self, turn: Turn) -> bool:
        """Whether the person gets today's greeting now: Feishu reports every opening of the chat."""
        today = turn.now.astimezone(self._zone).date().isoformat()
        return await first_time(turn.work, f"{turn.app.app_id}:welcome:{turn.operator.id}:{today}", "welcome")

    @staticmethod
    async def _greeting(turn: Turn) -> str:
        """By name, where Feishu has told it already: an id is no way to greet anybody."""
        person = await User.get(id=turn.operator.id)
        name = None if person.name in await made_up_names(person) else person.name
        return messages.welcome(name, turn.operator.role, turn.language)


def _private(turn: Turn, answer: Answer, dedupe: str) -> OutboxMessage:
    operator = turn.operator
    if answer.card is not None:
        return outbox.card(
            tenant=operator.tenant,
            person_id=operator.id,
            app_id=turn.app.app_id,
            card=answer.card,
            fallback=answer.text,
            now=turn.now,
            dedupe=dedupe,
        )
    return outbox.text(
        tenant=operator.tenant,
        person_id=operator.id,
        app_id=turn.app.app_id,
        text=answer.text,
        now=turn.now,
        dedupe=dedupe,
    )


async def _replied(heard: Heard) -> bool:
    return await OutboxMessage.exists(dedupe=f"reply:{heard.app.app_id}:{heard.message_id}"[:160])


async def _now(answer: Answer) -> Answer:
    return answer


def name_of(parsed: Parsed | str) -> str:
    """The command for audit and log: what was typed is not in it."""
    return parsed if isinstance(parsed, str) else type(parsed).__name__


def _menu_command(key: str) -> Command | None:
    """Only what changes nothing can be reached by one press."""
    command = parse(f"/{key}")
    return command if isinstance(command, Help | WhoAmI | Pending | ListAgents | OpenSettings) else None
