"""What a grant covers, as a value: drawn from approved requests, compared with new ones. Pure; fails closed.

An exact grant holds the action digest. Any other holds one bound for each argument, one for the other members of
`details` and one for whom the agent says it acts. A bound is one of
    {"is": value}  {"one_of": [values]}  {"at_most": number}  {"text": characters}  {"any": type}
    {"any": "list" | "object", "bytes": canonical bytes}
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

from bot.asking.parsing import as_hashed
from bot.digest import NotCanonical, canonical
from cards.views import LimitKind, LimitView
from models.enums import GrantKind
from models.values import ActionRequest, GrantFacts, Json, JsonObject

SHORTEST_TEXT = 200
"""Characters that a free text may always have; a longer one that was approved may grow to twice its length."""

SAMPLES_PER_VALUE = 5
"""A varied argument is bound to the values that were seen while there are at most a fifth as many as samples."""


def _of(words: str) -> frozenset[str]:
    return frozenset(words.split())


_IDENTITIES = _of(
    "id uid pid gid no nr number num code account acct card phone mobile port index version key ref employee order"
    " invoice row line page 编号 账号 卡号 号码 电话 订单号 端口"
)
"""Words in the name of a number that tells which thing, not how much: such a number is kept fixed by default."""


def shape_of(request: ActionRequest) -> str:
    """64 hex digits, equal for requests with the same action type, tool, and names and JSON types of arguments."""
    types: JsonObject = {name: _type(value) for name, value in request.args.items()}
    shape = canonical({"action_type": request.action_type, "tool": request.tool, "args": types})
    return hashlib.sha256(shape).hexdigest()


def exact_bounds(digest: str) -> JsonObject:
    """This very action, whatever the session."""
    return {"digest": digest}


def kind_bounds(request: ActionRequest, fixed: Collection[str]) -> JsonObject:
    """The same action with the arguments named in `fixed` as they are, and the others free within bounds."""
    return {
        "args": {name: {"is": value} if name in fixed else _free([value]) for name, value in request.args.items()},
        "extra": {"is": request.extra},
        "requested_by": {"is": request.requested_by},
    }


def graduated_bounds(requests: Sequence[ActionRequest]) -> JsonObject:
    """What all these requests of one shape have in common: what never varied is fixed, the rest stays within the seen.

    ValueError when there are none, or when their shapes differ.
    """
    if len({shape_of(request) for request in requests}) != 1:
        raise ValueError("graduated bounds are drawn from requests of one shape")
    return {
        "args": {name: _seen([request.args[name] for request in requests]) for name in requests[0].args},
        "extra": _seen([request.extra for request in requests]),
        "requested_by": {"one_of": _distinct([request.requested_by for request in requests])},
    }


def default_fixed(request: ActionRequest) -> frozenset[str]:
    """The arguments that stay as they are unless a person says otherwise: all but amounts."""
    return frozenset(name for name, value in request.args.items() if not _is_amount(name, value))


def matches(grant: GrantFacts, request: ActionRequest, digest: str, now: datetime) -> bool:
    """Whether the grant covers this request at this time. Uses and revocation are compared by the database (use)."""
    if now >= grant.expires_at or (request.action_type, request.tool) != (grant.action_type, grant.tool):
        return False
    if grant.session is not None and grant.session != request.session:
        return False
    if grant.kind is GrantKind.EXACT:
        return grant.bounds == {"digest": digest}
    return _within(grant.bounds, request)


def describe(bounds: JsonObject) -> tuple[LimitView, ...]:
    """The bounds of the arguments for people to read; none for an exact grant."""
    args = bounds.get("args")
    return tuple(_described(name, bound) for name, bound in args.items()) if isinstance(args, dict) else ()


def _described(name: str, bound: Json) -> LimitView:
    match bound:
        case {"is": value}:
            return LimitView(name, LimitKind.FIXED, (value,))
        case {"one_of": [*values]}:
            return LimitView(name, LimitKind.ONE_OF, tuple(values))
        case {"at_most": int() | float() as most}:
            return LimitView(name, LimitKind.AT_MOST, most=most)
        case {"text": int() as most}:
            return LimitView(name, LimitKind.TEXT, most=most)
        case _:
            return LimitView(name, LimitKind.ANY)


def _within(bounds: JsonObject, request: ActionRequest) -> bool:
    args = bounds.get("args")
    if bounds.keys() != {"args", "extra", "requested_by"} or not isinstance(args, dict):
        return False
    if args.keys() != request.args.keys():
        return False
    return (
        all(_holds(args[name], value) for name, value in request.args.items())
        and _holds(bounds["extra"], request.extra)
        and _holds(bounds["requested_by"], request.requested_by)
    )


def _holds(bound: Json, value: Json) -> bool:
    """Whether the value keeps the bound; one that cannot be read holds nothing."""
    match bound:
        case {"is": wanted, **others} if not others:
            return same(wanted, value)
        case {"one_of": [*wanted], **others} if not others:
            return any(same(one, value) for one in wanted)
        case {"at_most": int() | float() as most, **others} if not others:
            return _is_number(value) and 0 <= value <= as_hashed(most)  # type: ignore[operator]
        case {"text": int() as most, **others} if not others:
            return isinstance(value, str) and len(value) <= most
        case {"any": "list" | "object" as kind, "bytes": int() as most, **others} if not others:
            return _type(value) == kind and _size(value) <= most
        case {"any": "boolean" as kind, **others} if not others:
            return _type(value) == kind
        case _:
            return False


def _free(values: Sequence[Json]) -> Json:
    """A bound that holds all these values, which have one JSON type, and leaves the room that its kind leaves."""
    kind = _type(values[0])
    if kind == "number" and all(value >= 0 for value in values):  # type: ignore[operator]
        return {"at_most": max(values)}  # type: ignore[type-var]
    if kind == "string":
        return {"text": _room(len, values)}
    if kind in ("list", "object"):
        return {"any": kind, "bytes": _room(_size, values)}
    return {"any": kind} if kind == "boolean" else {"one_of": _distinct(values)}


def _seen(values: Sequence[Json]) -> Json:
    distinct = _distinct(values)
    if len(distinct) == 1:
        return {"is": distinct[0]}
    if _type(values[0]) != "number" and len(distinct) * SAMPLES_PER_VALUE <= len(values):
        return {"one_of": distinct}
    return _free(values)


def _room(size: Callable[..., int], values: Iterable[Json]) -> int:
    return max(SHORTEST_TEXT, 2 * max(size(value) for value in values))


def _distinct(values: Iterable[Json]) -> list[Json]:
    return list({canonical(value): value for value in values}.values())


def same(one: Json, other: Json) -> bool:
    """Equal as they would be hashed: 1 and 1.0 are, 1 and true are not."""
    try:
        return canonical(as_hashed(one)) == canonical(as_hashed(other))
    except NotCanonical:
        return False


def _size(value: Json) -> int:
    return len(canonical(value))


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_amount(name: str, value: Json) -> bool:
    """Whether this tells how much, so that less of it is the lesser action."""
    return _is_number(value) and value >= 0 and not _words(name) & _IDENTITIES  # type: ignore[operator]


def _words(name: str) -> set[str]:
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
    return {name.lower(), *"".join(letter if letter.isalnum() else " " for letter in spaced).split()}


def _type(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "list"
        case dict():
            return "object"
