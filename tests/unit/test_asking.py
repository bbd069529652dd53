"""Bytes become a whole, typed action request, or a refusal that names the field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.asking.parsing import BODY_LIMIT, BadAsk, as_json, from_json, parse_check
from bot.digest import action_digest, canonical
from models.values import ActionRequest
from tests.unit.test_digest import json_values, text

WHOLE = {
    "action_type": "delete_files",
    "details": {
        "tool": "delete_file",
        "args": {"path": "reports/2025", "depth": 3, "ratio": 0.5, "force": True, "who": None, "names": ["王", "Lin"]},
        "reason": "what the agent claims\nin two lines",
        "level": "L1",
        "ticket": {"id": 7},
    },
    "requested_by": "lin@example.com",
    "session": "s-1",
    "call_id": "c-1",
}


def body(**changes: Any) -> bytes:
    return json.dumps(WHOLE | changes).encode()


def with_args(args: Any) -> bytes:
    return body(details={"tool": "t", "args": args})


def refusal(sent: bytes) -> tuple[str, str]:
    with pytest.raises(BadAsk) as refused:
        parse_check(sent)
    assert refused.value.detail
    return refused.value.field, str(refused.value.code)


def test_request_is_read_whole() -> None:
    assert parse_check(body()) == ActionRequest(
        action_type="delete_files",
        tool="delete_file",
        args=WHOLE["details"]["args"],  # type: ignore[index]
        reason="what the agent claims\nin two lines",
        requested_by="lin@example.com",
        session="s-1",
        call_id="c-1",
        extra={"level": "L1", "ticket": {"id": 7}},
    )


def test_action_type_alone_is_enough_and_null_is_absent() -> None:
    bare = ActionRequest("read_files")
    assert parse_check(b'{"action_type":"read_files"}') == bare
    nulls: dict[str, Any] = {
        "action_type": "read_files",
        "details": {"tool": None, "args": None, "reason": None, "requested_by": None},
    }
    nulls |= dict.fromkeys(["requested_by", "session", "call_id"])
    assert parse_check(json.dumps(nulls).encode()) == bare


def test_defect_1_arguments_are_kept_whole_however_long() -> None:
    args = {"text": "x" * 200_000, "path": "/a"}
    assert parse_check(with_args(args)).args == args
    assert parse_check(with_args(json.dumps(args))).args == args
    assert parse_check(with_args(str(args))).args == args


def test_defect_18_callers_level_stays_apart() -> None:
    stored = as_json(parse_check(body()))
    assert stored["extra"] == {"level": "L1", "ticket": {"id": 7}}
    assert "level" not in stored


def test_defect_23_requester_in_details_is_read_and_never_ignored() -> None:
    assert parse_check(body(requested_by=None, details={"requested_by": "wang"})).requested_by == "wang"
    assert parse_check(body(details={"requested_by": "lin@example.com"})).requested_by == "lin@example.com"
    assert refusal(body(details={"requested_by": "wang"})) == ("details.requested_by", "conflict")
    assert refusal(body(details={"requested_by": 7})) == ("details.requested_by", "wrong_type")
    assert refusal(body(requested_by={"id": 1})) == ("requested_by", "wrong_type")


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"action_type": None}, "action_type", "missing"),
        ({"action_type": ""}, "action_type", "empty"),
        ({"action_type": "  "}, "action_type", "empty"),
        ({"action_type": 3}, "action_type", "wrong_type"),
        ({"action_type": "x" * 101}, "action_type", "too_long"),
        ({"action_type": "a\nb"}, "action_type", "not_printable"),
        ({"action_type": "delete\u200b_files"}, "action_type", "not_printable"),
        ({"action_type": "delete_files "}, "action_type", "not_printable"),
        ({"details": []}, "details", "wrong_type"),
        ({"details": ""}, "details", "wrong_type"),
        ({"details": False}, "details", "wrong_type"),
        ({"details": {"tool": "t" * 201}}, "details.tool", "too_long"),
        ({"details": {"tool": ["t"]}}, "details.tool", "wrong_type"),
        ({"details": {"tool": ""}}, "details.tool", "empty"),
        ({"details": {"reason": "r" * 4001}}, "details.reason", "too_long"),
        ({"details": {"reason": 1}}, "details.reason", "wrong_type"),
        ({"session": "s" * 201}, "session", "too_long"),
        ({"session": 5}, "session", "wrong_type"),
        ({"call_id": "c\u202ed"}, "call_id", "not_printable"),
        ({"requested_by": "r" * 201}, "requested_by", "too_long"),
        ({"level": "L1"}, "level", "unknown_member"),
        ({"a\u202eb": "L1"}, "a\\u202eb", "unknown_member"),
        ({"details": {"x": {"y": ["a", "\0"]}}}, "details.x.y[1]", "nul_character"),
        ({"details": {"x": {"k\0": 1}}}, "details.x.k\\x00", "nul_character"),
        ({"details": {"x": 2**53}}, "details.x", "number_out_of_range"),
        ({"details": {"x": float("nan")}}, "details.x", "number_out_of_range"),
        ({"details": {"x": "\ud800"}}, "details.x", "lone_surrogate"),
    ],
)
def test_defect_19_bad_member_is_named(changes: dict[str, Any], field: str, code: str) -> None:
    assert refusal(body(**changes)) == (field, code)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"\xff", "invalid_json"),
        (b'"\xed\xa0\x80"', "invalid_json"),
        (b'\xef\xbb\xbf{"action_type":"a"}', "invalid_json"),
        ('{"action_type":"a"}'.encode("utf-16"), "invalid_json"),
        (b"[]", "wrong_type"),
        (b"null", "wrong_type"),
        (b"1e400", "number_out_of_range"),
        (b"9" * 5000, "invalid_json"),
        (b"[" * 100_000, "too_deep"),
        (b'{"a":' * 40_000, "too_deep"),
        (b" " * (BODY_LIMIT + 1), "body_too_large"),
    ],
)
def test_bad_body_is_refused(sent: bytes, code: str) -> None:
    assert refusal(sent) == ("body", code)


def test_nesting_is_counted_from_the_body() -> None:
    def nested(levels: int) -> Any:
        return {} if levels == 0 else {"a": nested(levels - 1)}

    deepest, too_deep = nested(29), nested(30)
    for form in (lambda args: args, json.dumps, str):
        assert parse_check(with_args(form(deepest))).args == deepest
        field, code = refusal(with_args(form(too_deep)))
        assert (field.startswith("details.args.a.a"), code) == (True, "too_deep")


@pytest.mark.parametrize(
    "outer", ['{"action_type":"a","action_type":"b"}', '{"action_type":"a","details":{"action_type":1}}']
)
def test_repeated_key_is_refused_only_within_one_object(outer: str) -> None:
    if outer.count('{"action_type":"a","action_type"'):
        assert refusal(outer.encode()) == ("action_type", "duplicate_key")
    else:
        assert parse_check(outer.encode()).extra == {"action_type": 1}


def test_repeated_key_is_refused_in_every_form_of_args() -> None:
    assert refusal(b'{"action_type":"a","details":{"args":{"path":"a","p\\u0061th":"b"}}}') == ("path", "duplicate_key")
    assert refusal(with_args('{"path":"a","path":"b"}')) == ("details.args.path", "duplicate_key")
    assert refusal(with_args("{'path':'a','path':'b'}")) == ("details.args.path", "duplicate_key")


ARGS = {
    "s": 'it\'s "so" \\ \n\t é 王 😀',
    "i": -5,
    "f": 1e-07,
    "big": 1e22,
    "t": [1, [2, {}]],
    "b": [True, False, None],
    "": "",
}


@pytest.mark.parametrize("form", [lambda args: args, json.dumps, str, repr, lambda args: f"  {args}\n"])
def test_three_forms_of_args_become_the_same(form: Any) -> None:
    request = parse_check(with_args(form(ARGS)))
    assert request.args == ARGS
    assert action_digest(request) == action_digest(parse_check(with_args(ARGS)))


@given(st.dictionaries(text, json_values, max_size=4).filter(lambda args: "\\x00" not in str(args)))
def test_str_of_any_dict_reads_back(args: dict[str, Any]) -> None:
    assert parse_check(with_args(str(args))).args == args


def test_python_tuples_are_lists() -> None:
    assert parse_check(with_args(str({"a": (), "b": (1,), "c": (1, (2, 3))}))).args == {
        "a": [],
        "b": [1],
        "c": [1, [2, 3]],
    }


@pytest.mark.parametrize(
    "args",
    [
        [],
        [1],
        0,
        7,
        1.5,
        True,
        False,
        "",
        " ",
        "null",
        "[]",
        "7",
        "path=/a",
        '{"path": ',
        "{'path': ",
        "{'a': 1} {}",
        "{'a'}",
        "{'a': {1, 2}}",
        "{'a': b'x'}",
        "{'a': 1j}",
        "{1: 2}",
        "{None: 1}",
        "{'a': open('x')}",
        "{**{}}",
        "{'a': (1)}",
        "{,}",
        "{'a': nan}",
        "{'a': inf}",
        "{'a': ...}",
        "{'a' 1}",
        "{'a': 1,,}",
        "{'a': f'{x}'}",
        "{'a': 'b' 'c'}",
        "{'a': '\\q'}",
        "{'a': 1 'b': 2}",
        "{'a': [1 2]}",
        "{'a': [,]}",
        "{'a': -}",
        "{'a': True1}",
        "{'a': 0x1f}",
        "{'a': '''x'''}",
        "set()",
        "{'a': '\\U00110000'}",
        "{'a': 'x\n'}",
        "dict(a=1)",
        "{'path': 'reports/2025', 'text': 'xxxx",
    ],
)
def test_anything_else_as_args_is_refused(args: Any) -> None:
    field, code = refusal(with_args(args))
    assert field == "details.args"
    assert code in ("wrong_type", "invalid_args")


@pytest.mark.parametrize(
    ("args", "field", "code"),
    [
        ("{'a': ['\\ud800']}", "details.args.a[0]", "lone_surrogate"),
        ('{"a": ["\\ud800"]}', "details.args.a[0]", "lone_surrogate"),
        ("{'a': '\\x00'}", "details.args.a", "nul_character"),
        ('{"a": "\\u0000"}', "details.args.a", "nul_character"),
        ("{'a': 9007199254740992}", "details.args.a", "number_out_of_range"),
        ('{"a": 9007199254740992}', "details.args.a", "number_out_of_range"),
        ('{"a": NaN}', "details.args.a", "number_out_of_range"),
        ("{'a': 1e999}", "details.args.a", "number_out_of_range"),
        ("{'a': " + "9" * 5000 + "}", "details.args.a", "number_out_of_range"),
    ],
)
def test_text_of_args_is_read_as_strictly(args: str, field: str, code: str) -> None:
    assert refusal(with_args(args)) == (field, code)


@pytest.mark.parametrize(
    "hostile",
    [
        "{'a':" * 40_000,
        "{'a':" + "-" * 200_000,
        "{'a':" + "[" * 200_000,
        "{'a':'" + "\\" * 100_000,
        "(" * 200_000,
        "{'a':f'" + "{a}" * 50_000 + "'}",
        "{" + "'" * 200_000,
        "{'a':" + "1+" * 100_000 + "1}",
        "{'a':[" + "1," * 120_000,
    ],
)
def test_hostile_text_of_args_is_refused(hostile: str) -> None:
    assert refusal(with_args(hostile))[0].startswith("details.args")


@settings(max_examples=300)
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_no_bytes_at_all_raise_anything_else(sent: bytes) -> None:
    for whole in (sent, b'{"action_type":"a","details":' + sent + b"}"):
        try:
            request = parse_check(whole)
        except BadAsk:
            continue
        assert action_digest(request)


requests = st.builds(
    ActionRequest,
    action_type=text.filter(bool),
    tool=st.none() | text,
    args=st.dictionaries(text, json_values, max_size=4),
    reason=st.none() | text,
    requested_by=st.none() | text,
    session=st.none() | text,
    call_id=st.none() | text,
    extra=st.dictionaries(text, json_values, max_size=3),
)


@given(requests)
def test_stored_request_is_the_one_that_was_hashed(request: ActionRequest) -> None:
    stored = canonical(as_json(request))
    restored = from_json(json.loads(stored))
    assert restored == request
    assert action_digest(restored) == action_digest(request)
    assert canonical(as_json(restored)) == stored


@pytest.mark.parametrize(
    "change", [{"more": 1}, {"args": []}, {"extra": None}, {"action_type": None}, {"tool": 3}, {"session": {}}]
)
def test_what_is_not_a_stored_request_is_a_fault(change: Any) -> None:
    with pytest.raises(ValueError, match="not a stored action request"):
        from_json(as_json(ActionRequest("a")) | change)
    with pytest.raises(ValueError, match="args is missing"):
        from_json({"action_type": "a"})
