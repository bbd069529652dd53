"""Policies as files: YAML or JSON, read so that no two readers can understand them differently.

Of YAML only what JSON can say is taken, and everything that some reader resolves to another value than the eye does
(`NO`, `on`, `0x10`, `1_000`, a bare date, an alias, a merge key) is refused with its place. Of JSON, what
bot.asking.strict_json takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.policy.places import FileFault, Place, refuse_hidden
from bot.policy.places_json import read_json
from bot.policy.yaml_in import read_yaml
from bot.policy.yaml_out import YAML_SUFFIXES, as_yaml
from models.values import Json, JsonObject

__all__ = ["FileFault", "Place", "PolicyFile", "as_yaml", "is_yaml", "read"]

SIZE_LIMIT = 256 * 1024  # bytes, as the hook's bodies

BESIDE = ("$schema", "agent", "version", "author", "at", "note")
"""What may stand beside `rules` in a file and is no part of the policy: where it came from."""


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """What a file says, and where it says it."""

    document: Json  # the policy alone
    beside: JsonObject = field(default_factory=dict)  # the members of BESIDE
    places: Mapping[str, Place] = field(default_factory=dict)  # path as faults name it -> place

    @property
    def version(self) -> int | None:
        """The version that was exported."""
        version = self.beside.get("version")
        return version if isinstance(version, int) and not isinstance(version, bool) else None

    @property
    def agent(self) -> str | None:
        """Whose policy was exported."""
        agent = self.beside.get("agent")
        return agent if isinstance(agent, str) else None

    def place(self, path: str) -> Place:
        """Where the path stands, or the nearest that encloses it; at worst the beginning."""
        while path:
            if path in self.places:
                return self.places[path]
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return Place(1, 1)


def read(text: bytes, *, name: str = "") -> PolicyFile:
    """The file of this name; one without a telling suffix is JSON when it begins with a brace. Raises FileFault."""
    if len(text) > SIZE_LIMIT:
        raise FileFault(Place(1, 1), f"larger than {SIZE_LIMIT // 1024} KiB")
    try:
        written = text.decode()
    except UnicodeDecodeError as fault:
        line = text.count(b"\n", 0, fault.start) + 1
        raise FileFault(Place(line, 1), "not UTF-8") from None
    refuse_hidden(written)
    value, places = read_yaml(written) if is_yaml(name, written) else read_json(written)
    document = without_origin(value)
    beside: JsonObject = {}
    if isinstance(value, dict) and isinstance(document, dict):
        beside = {member: told for member, told in value.items() if member not in document}
    return PolicyFile(document, beside, places)


def without_origin(value: Json) -> Json:
    """The document alone. In the short form every member is a rule, so that nothing can stand beside."""
    if not (isinstance(value, dict) and "rules" in value):
        return value
    return {member: told for member, told in value.items() if member not in BESIDE}


def is_yaml(name: str, written: str = "") -> bool:
    lowered = name.lower()
    if lowered.endswith(".json"):
        return False
    return lowered.endswith(YAML_SUFFIXES) or not written.lstrip("\ufeff \t\r\n").startswith(("{", "["))
