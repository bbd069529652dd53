"""One message of one person, and what is answered to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from bot.administration import Actor, Declined, Why
from bot.commands import Parsed
from bot.ledger import AuditFact, Work
from cards import administration as words
from cards import messages
from models.enums import Language
from models.values import AppCredentials, JsonObject, Operator, PersonIds, Refusal, RefusalKind

_DETAIL_LIMIT = 200  # characters of a refusal's detail that the audit keeps


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that is meant for the bot, parsed."""

    app: AppCredentials
    sender: PersonIds
    message_id: str
    chat_id: str
    is_group: bool
    parsed: Parsed
    at: datetime

    @property
    def key(self) -> str:
        """By this a redelivery is known, after a restart too."""
        return f"{self.app.app_id}:{self.message_id}"[:200]


@dataclass(frozen=True, slots=True)
class Answer:
    """`private`: goes to the asker alone; a group only hears that it did.

    With `card` that is sent, and `text` where Feishu refuses it. `on_its_way`: the use case sends the answer itself.
    """

    text: str
    private: bool = True
    card: JsonObject | None = None
    on_its_way: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """Who asks, and the transaction in which the command is carried out."""

    work: Work
    operator: Operator
    app: AppCredentials
    zone: tzinfo  # the person's own
    command: str  # its name, for the audit

    @property
    def now(self) -> datetime:
        return self.work.now

    @property
    def actor(self) -> Actor:
        return Actor.of(self.operator)

    @property
    def language(self) -> Language:
        return self.operator.language

    def no_such_person(self, outcome: Refusal | Declined) -> Answer:
        """As `no`; where nobody was found under what was written, with how to name somebody."""
        answer = self.no(outcome)
        if isinstance(outcome, Refusal) and outcome.kind is RefusalKind.UNKNOWN_SUBJECT:
            return Answer(f"{answer.text}\n{words.how_to_name_people(self.language)}")
        return answer

    def no(self, outcome: Refusal | Declined) -> Answer:
        """The answer that says no, because; a refusal is audited."""
        if isinstance(outcome, Declined):
            faults = outcome.faults
            if outcome.why is Why.BAD_POLICY:
                return Answer(messages.policy_invalid(faults, self.language))
            return Answer(words.declined(outcome.why.value, outcome.given, faults, self.language))
        self.work.audit(
            AuditFact(
                tenant=self.operator.tenant,
                actor=self.actor.name,
                action="command.refused",
                subject=f"command:{self.command}",
                details={"refusal": outcome.kind.value, "detail": (outcome.detail or "")[:_DETAIL_LIMIT] or None},
            )
        )
        return Answer(messages.refusal_text(outcome, self.language, self.now, self.zone))
