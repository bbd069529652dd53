"""Asking plans as files: read like policy files, with what an export says of itself told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.cli.policy_files import read_file

if TYPE_CHECKING:
    from bot.policy.files import PolicyFile
    from models.values import Json, JsonObject

BESIDE = ("$schema", "tenant", "version", "author", "at", "note")
"""What may stand beside the members of a plan in a file: where it came from."""


@dataclass(frozen=True, slots=True)
class PlanFile:
    document: Json  # the plan alone
    beside: JsonObject  # the members of BESIDE
    read: PolicyFile

    @property
    def version(self) -> int | None:
        """The version that was exported."""
        version = self.beside.get("version")
        return version if isinstance(version, int) and not isinstance(version, bool) else None

    @property
    def tenant(self) -> str | None:
        """Whose plan was exported."""
        tenant = self.beside.get("tenant")
        return tenant if isinstance(tenant, str) else None

    def placed(self, fault: str) -> str:
        """The fault behind its line."""
        return f"line {self.read.place(fault.partition(': ')[0]).line}: {fault}"


def read_plan(file: str) -> PlanFile:
    """What the file says; where it cannot be read as it must, the command ends with the place."""
    read = read_file(file)
    written = read.document
    if not isinstance(written, dict):
        return PlanFile(written, {}, read)
    document = {member: told for member, told in written.items() if member not in BESIDE}
    return PlanFile(document, {member: told for member, told in written.items() if member in BESIDE}, read)
