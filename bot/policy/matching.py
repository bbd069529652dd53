"""Which action requests a rule is about: one glob for each thing known of a request, all of which must match."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property

from bot.policy.folding import fold
from bot.policy.globs import Glob
from models.values import PersonFacts, Question

ANYTHING = Glob("*")


@dataclass(frozen=True)
class Match:
    """Absent matchers match everything. What a request lacks (tool, session, requester, a label) is ""."""

    action: Glob | None = None
    tool: Glob | None = None
    agent: Glob | None = None  # its name or id
    creator: Glob | None = None  # any of the person's id, e-mail, Feishu ids
    requester: Glob | None = None  # the same; for somebody we don't know, what the agent wrote
    tenant: Glob | None = None
    session: Glob | None = None
    labels: tuple[tuple[str, Glob], ...] = ()  # sorted by label

    @cached_property
    def is_empty(self) -> bool:
        return not any(True for _ in self.globs())

    @cached_property
    def is_names_only(self) -> bool:
        """Whether action type and tool decide alone."""
        return all(name in ("action", "tool") for name, _ in self.globs())

    @cached_property
    def is_action_only(self) -> bool:
        return self.action is not None and all(name == "action" for name, _ in self.globs())

    def globs(self) -> Iterator[tuple[str, Glob]]:
        """Each matcher with its name, as written: "action", …, "labels.env"."""
        for name in MATCHERS:
            glob = getattr(self, name)
            if glob is not None:
                yield name, glob
        for label, glob in self.labels:
            yield f"labels.{label}", glob

    @cached_property
    def by_name(self) -> dict[str, Glob]:
        return dict(self.globs())

    @cached_property
    def folded(self) -> Match:
        """As a floor compares it."""
        globs: dict[str, Glob] = {name: glob.folded for name, glob in self.globs() if not name.startswith("labels.")}
        return Match(**globs, labels=tuple((label, glob.folded) for label, glob in self.labels))

    def names(self, action: str, tool: str) -> bool:
        """Whether action type and tool match, case included."""
        return (self.action is None or self.action.matches(action)) and (self.tool is None or self.tool.matches(tool))

    def names_folded(self, action: str, tool: str) -> bool:
        """As `names`, compared folded: never fewer match."""
        return (self.action is None or self.action.folded.matches(fold(action))) and (
            self.tool is None or self.tool.folded.matches(fold(tool))
        )

    def rest(self, question: Question, *, folded: bool) -> bool:
        """Whether all the other matchers match."""
        return self.is_names_only or all(
            _any(glob, texts_of(name, question), folded)
            for name, glob in self.globs()
            if name not in ("action", "tool")
        )

    def applies(self, question: Question, *, folded: bool = False) -> bool:
        names = self.names_folded if folded else self.names
        request = question.request
        return names(request.action_type, request.tool or "") and self.rest(question, folded=folded)

    def covers(self, other: Match) -> bool:
        """Whether every request that `other` matches is matched here too. Sound, not complete."""
        theirs = other.by_name
        for name, glob in self.by_name.items():
            if glob.pattern != "*" and (name not in theirs or not glob.covers(theirs[name])):
                return False
        return True


MATCHERS = tuple(f.name for f in fields(Match) if f.name != "labels")


def texts_of(matcher: str, question: Question) -> tuple[str, ...]:
    """What the glob of this matcher is compared with; one match is enough."""
    request, agent = question.request, question.agent
    match matcher:
        case "action":
            return (request.action_type,)
        case "tool":
            return (request.tool or "",)
        case "agent":
            return (agent.name, str(agent.id))
        case "creator":
            return (str(agent.creator_id),) if agent.creator is None else _ids(agent.creator)
        case "requester":
            if question.requester is None:
                return ("",)
            person = question.requester.person
            return (question.requester.said,) if person is None else _ids(person)
        case "tenant":
            return (agent.tenant,)
        case "session":
            return (request.session or "",)
        case _:
            return (agent.labels.get(matcher.removeprefix("labels."), ""),)


def _ids(person: PersonFacts) -> tuple[str, ...]:
    return tuple(text for text in (str(person.id), person.email, *person.feishu_ids) if text)


def _any(glob: Glob, texts: Iterable[str], folded: bool) -> bool:
    if folded:
        return any(glob.folded.matches(fold(text)) for text in texts)
    return any(glob.matches(text) for text in texts)
