"""One action request as conditions see it, turned into CEL's values once, and only when a condition asks."""

from __future__ import annotations

from typing import Any

from cel_expr_python import cel  # type: ignore[import-untyped]

from models.values import Json, PersonFacts, Question

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

    def activation(self, environment: cel.Env) -> Any:
        """CEL's form of the question; converting large args takes a few milliseconds, so it is kept."""
        if self._activation is None:
            self._activation = environment.Activation(values_of(self.question))
        return self._activation

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
