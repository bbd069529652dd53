"""What an agent sends to the hook, parsed: bytes in, an ActionRequest or a BadAsk that names the field out.

The caller's own members of `details` go to `extra` and never stand beside ours. Also the stored form of a request:
`from_json(as_json(request)) == request`, through the canonical text as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.asking import python_text, strict_json
from bot.asking.strict_json import SAFE_INTEGER, Flaw, NotStrict, join
from models.values import ActionRequest, Json, JsonObject

BODY_LIMIT = 256 * 1024  # bytes
ACTION_TYPE_LIMIT = 100  # characters, like the others
NAME_LIMIT = 200
REASON_LIMIT = 4000

_TOP = frozenset({"action_type", "details", "requested_by", "session", "call_id"})
_OURS_IN_DETAILS = frozenset({"tool", "args", "reason", "requested_by"})
_ARGS = "details.args"
_ARGS_DEPTH = 3  # the body is level 1, details 2


class BadAsk(ValueError):
    """The body is refused with a 400 (413 for `body_too_large`), naming the field; `code` is for programs."""

    def __init__(self, field: str, detail: str, code: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail
        self.code = code


def parse_check(body: bytes) -> ActionRequest:
    """The action request in the body of POST /v1/check, whole and typed. An absent member and null mean the same."""
    if len(body) > BODY_LIMIT:
        raise BadAsk("body", f"larger than {BODY_LIMIT // 1024} KiB", Flaw.BODY_TOO_LARGE)
    try:
        document = strict_json.decode(body)
    except NotStrict as refused:
        raise _bad("", refused) from None
    return _request(_object(document, "body"))


def _request(ask: JsonObject) -> ActionRequest:
    for name in ask.keys() - _TOP:
        raise BadAsk(join("", name), "no such member; your own data goes into details", Flaw.UNKNOWN_MEMBER)
    given = ask.get("details")
    details = {} if given is None else _object(given, "details")
    return ActionRequest(
        action_type=_action_type(ask.get("action_type")),
        tool=_Text("details.tool", NAME_LIMIT).read(details.get("tool")),
        args=_arguments(details.get("args")),
        reason=_Text("details.reason", REASON_LIMIT, printable=False, may_be_empty=True).read(details.get("reason")),
        requested_by=_requested_by(ask.get("requested_by"), details.get("requested_by")),
        session=_Text("session", NAME_LIMIT, may_be_empty=True).read(ask.get("session")),
        call_id=_Text("call_id", NAME_LIMIT, may_be_empty=True).read(ask.get("call_id")),
        extra={name: member for name, member in details.items() if name not in _OURS_IN_DETAILS},
    )


@dataclass(frozen=True, slots=True)
class _Text:
    """How one member of text is read. Invisible characters would let two names look the same to a person."""

    field: str
    limit: int
    printable: bool = True
    may_be_empty: bool = False  # then empty means absent

    def read(self, value: Json) -> str | None:
        if value is None or (value == "" and self.may_be_empty):
            return None
        if not isinstance(value, str):
            raise BadAsk(self.field, "must be text", Flaw.WRONG_TYPE)
        if not value.strip():
            raise BadAsk(self.field, "must not be empty", Flaw.EMPTY)
        if len(value) > self.limit:
            raise BadAsk(self.field, f"longer than {self.limit} characters", Flaw.TOO_LONG)
        if self.printable and (not value.isprintable() or value != value.strip()):
            raise BadAsk(self.field, "control, invisible or surrounding space characters", Flaw.NOT_PRINTABLE)
        return value


def _action_type(value: Json) -> str:
    """Required: that a missing one takes the default level is a rule of policies, not a licence to send none."""
    action_type = _Text("action_type", ACTION_TYPE_LIMIT).read(value)
    if action_type is None:
        raise BadAsk("action_type", "is required", Flaw.MISSING)
    return action_type


def _requested_by(outer: Json, inner: Json) -> str | None:
    """Read from the top level or, as older callers send it, from `details`; two different ones are refused."""
    above = _Text("requested_by", NAME_LIMIT).read(outer)
    below = _Text("details.requested_by", NAME_LIMIT).read(inner)
    if above is not None and below is not None and above != below:
        raise BadAsk("details.requested_by", "differs from requested_by", Flaw.CONFLICT)
    return below if above is None else above


def _arguments(value: Json) -> JsonObject:
    """The same typed object from an object, from its JSON text and from the text of a Python dict; else refused."""
    if value is None:
        return {}
    if isinstance(value, str):
        return _arguments_from_text(value)
    return _object(value, _ARGS)


def _arguments_from_text(text: str) -> JsonObject:
    try:
        return _object(strict_json.decode(text.encode(), depth=_ARGS_DEPTH), _ARGS)
    except NotStrict as not_json:
        if not_json.fault.flaw != Flaw.INVALID_JSON:
            raise _bad(_ARGS, not_json) from None
    try:
        return python_text.read_dict(text, depth=_ARGS_DEPTH)
    except NotStrict as not_python:
        raise _neither(not_python) if not_python.fault.flaw == Flaw.INVALID_ARGS else _bad(_ARGS, not_python) from None


def _neither(refused: NotStrict) -> BadAsk:
    return BadAsk(_ARGS, f"neither JSON nor the text of a Python dict ({refused.fault.detail})", Flaw.INVALID_ARGS)


def _object(value: Json, field: str) -> JsonObject:
    if not isinstance(value, dict):
        raise BadAsk(field, "must be an object", Flaw.WRONG_TYPE)
    return value


def _bad(field: str, refused: NotStrict) -> BadAsk:
    fault = refused.fault
    if fault.path.startswith("["):
        return BadAsk(f"{field or 'body'}{fault.path}", fault.detail, fault.flaw)
    return BadAsk(join(field, fault.path) if fault.path else field or "body", fault.detail, fault.flaw)


def as_json(request: ActionRequest) -> JsonObject:
    """Everything in the request, to be stored; an absent member is null."""
    return {
        "action_type": request.action_type,
        "tool": request.tool,
        "args": request.args,
        "reason": request.reason,
        "requested_by": request.requested_by,
        "session": request.session,
        "call_id": request.call_id,
        "extra": request.extra,
    }


def from_json(stored: JsonObject) -> ActionRequest:
    """The request as it was stored; ValueError when this is not the stored form of one."""
    try:
        members = dict(stored)
        action_type, args, extra = members.pop("action_type"), members.pop("args"), members.pop("extra")
        texts = {name: members.pop(name) for name in ("tool", "reason", "requested_by", "session", "call_id")}
    except KeyError as missing:
        raise ValueError(f"not a stored action request: {missing.args[0]} is missing") from None
    if members or not (isinstance(action_type, str) and isinstance(args, dict) and isinstance(extra, dict)):
        raise ValueError("not a stored action request")
    if not all(text is None or isinstance(text, str) for text in texts.values()):
        raise ValueError("not a stored action request")
    return ActionRequest(action_type=action_type, args=_restored(args), extra=_restored(extra), **texts)  # type: ignore[arg-type]


def _restored(members: JsonObject) -> JsonObject:
    return {key: as_hashed(value) for key, value in members.items()}


def as_hashed(value: Json) -> Json:
    """The value as it was before it was stored.

    RFC 8785 writes the float 1e20 with all its digits, so an integer beyond 2^53 - 1 was a float when hashed.
    """
    match value:
        case bool():
            return value
        case int() if not -SAFE_INTEGER <= value <= SAFE_INTEGER:
            return float(value)
        case list():
            return [as_hashed(item) for item in value]
        case dict():
            return _restored(value)
        case _:
            return value
