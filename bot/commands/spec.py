"""What the table says of one command."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from models.enums import Language


class Who(StrEnum):
    """For whom a command is there; what a person may do to one agent or approval is decided by the use case."""

    EVERYONE = "everyone"
    CREATOR = "creator"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class CommandSpec:
    name: str  # "approve", or two words: "agent create"
    usage: str
    who: Who
    zh: str
    en: str
    aliases: tuple[str, ...] = ()  # of the last word

    def describe(self, language: Language) -> str:
        return self.zh if language is Language.ZH_CN else self.en
