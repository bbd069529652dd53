"""One action request as conditions see it, turned into CEL's values once, and only when a condition asks."""

from __future__ import annotations

from typing import Any

from cel_expr_python import cel  # type: ignore[import-untyped]

from models.values import Json, PersonFacts, Question

TEXT_LIMIT = 2000  # characters of a condition

VARIABLES: dict[str, cel.Type] = {
    "action": cel.Type.STRING,
    "tool": cel.Type.STRING,
    "session": cel.Type.STRING,
    "args": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    "now": cel.Type.TIMESTAMP,
    "agent.id": cel.Type.STRING,
    "agent.name": cel.Type.STRING,
    "agent.tenant": cel.Type.STRING,
    "agent.labels": cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
    "creator.id": cel.Type.STRING,
    "creator.email": cel.Type.STRING,
    "requester.id": cel.Type.STRING,
    "requester.email": cel.Type.STRING,
    "requester.role": cel.Type.STRING,
    "requester.known": cel.Type.BOOL,
    "requester.said": cel.Type.STRING,
}
"""Dotted names, so that a member that does not exist is found when the condition is written."""


class Facts:
    """The question of one evaluation."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self._activation: Any = None
        self._size: tuple[int, int] | None = None
        self._sizes: dict[tuple[str, ...] | None, tuple[int, int]] = {}

    def activation(self, environment: cel.Env) -> Any:
        """CEL's form of the question; converting large args takes a few milliseconds, so it is kept."""
        if self._activation is None:
            self._activation = environment.Activation(values_of(self.question))
        return self._activation

    def size(self, path: tuple[str, ...] | None) -> tuple[int, int]:
        """Values and characters of what a dotted name stands for; of everything a condition can see for None."""
        if path not in self._sizes:
            self._sizes[path] = self._sized(path)
        return self._sizes[path]

    def _sized(self, path: tuple[str, ...] | None) -> tuple[int, int]:
        if path is None:
            values, characters = _size(self.question.request.args)
            names = _size({name: told for name, told in values_of(self.question).items() if isinstance(told, str)})
            return values + names[0], characters + names[1] + TEXT_LIMIT  # a condition's own texts
        if path[0] != "args":
            return _size(values_of(self.question).get(".".join(path)))
        found: Json = self.question.request.args
        for name in path[1:]:
            if not isinstance(found, dict) or name not in found:
                return 1, 0  # that fails before it costs anything
            found = found[name]
        return _size(found)

    def steps(self, rounds: int, iterations: int, gathered: int) -> int:
        """What relating the values of args to each other may cost; beyond all bounds when there are too many."""
        if self._size is None:
            self._size = _size(self.question.request.args)
        values, characters = self._size
        if values > gathered:
            return 2**62
        return int(min(values**rounds, iterations)) * (values + characters)


def values_of(question: Question) -> dict[str, Any]:
    """The value of each variable."""
    request, agent, requester = question.request, question.agent, question.requester
    person = requester.person if requester else None
    return {
        "action": request.action_type,
        "tool": request.tool or "",
        "session": request.session or "",
        "args": request.args,
        "now": question.now,
        "agent.id": str(agent.id),
        "agent.name": agent.name,
        "agent.tenant": agent.tenant,
        "agent.labels": dict(agent.labels),
        "creator.id": str(agent.creator_id),
        "creator.email": _email(agent.creator),
        "requester.id": str(person.id) if person else "",
        "requester.email": _email(person),
        "requester.role": person.role.value if person else "",
        "requester.known": person is not None,
        "requester.said": requester.said if requester else "",
    }


def _email(person: PersonFacts | None) -> str:
    return (person.email or "") if person else ""


def _size(args: Json) -> tuple[int, int]:
    """How many values there are in args, and how many characters of text, keys included."""
    values = characters = 0
    left: list[Json] = [args]
    while left:
        value = left.pop()
        values += 1
        if isinstance(value, str):
            characters += len(value)
        elif isinstance(value, list):
            left.extend(value)
        elif isinstance(value, dict):
            characters += sum(map(len, value))
            left.extend(value.values())
    return values, characters
