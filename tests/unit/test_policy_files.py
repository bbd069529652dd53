"""Policy files: read alike by everybody or refused with the place, and written so that they read back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.asking.strict_json import SAFE_INTEGER, is_sound
from bot.policy import PolicyFault, parse_floor, parse_policy, starter_floor
from bot.policy.files import SIZE_LIMIT, FileFault, Place, as_yaml, read
from bot.policy.parse import document, floor_document
from bot.policy.schema import _UNSEEN, schema
from bot.policy.starter import STARTER
from models.enums import Level
from models.values import Json

COMMITTED = Path(__file__).parents[2] / "docs" / "policy.schema.json"


def _yaml(text: str) -> Json:
    return read(text.encode(), name="policy.yaml").document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("pay_*: L3", {"pay_*": "L3"}),
        ('"*": L2', {"*": "L2"}),
        ("a: 'NO'", {"a": "NO"}),
        ('a: "0x10"', {"a": "0x10"}),
        ("a: 12", {"a": 12}),
        ("a: -1.5e3", {"a": -1500.0}),
        ("a: [true, false, null]", {"a": [True, False, None]}),
        ("a: 你好 # 注释", {"a": "你好"}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("when: args.amount > 100 && rate('1h') < 3", {"when": "args.amount > 100 && rate('1h') < 3"}),
        ('{"a": {"b": ["c"]}}', {"a": {"b": ["c"]}}),
    ],
)
def test_yaml_that_everybody_reads_alike_is_taken(text: str, value: Json) -> None:
    assert _yaml(text) == value


@pytest.mark.parametrize(
    ("text", "place"),
    [
        *((f"a:\n  b: {word}", "2:6") for word in ("NO", "no", "Yes", "on", "OFF", "y", "N", "~", "True", "NULL")),
        *((f"a:\n  b: {word}", "2:6") for word in ("0x10", "0o17", "010", "1_000", "+1", ".5", "1.", "12:30", ".inf")),
        *((f"a:\n  b: {word}", "2:6") for word in (".NaN", "2026-11-22", "2026-11-22 10:00:00", "=", "1e400")),
        ("a:\n  b: 9007199254740993", "2:6"),
        ("a:\n  b: " + "9" * 5000, "2:6"),
        ("a:", "1:3"),
        ("on: L1", "1:1"),
        ("1: L1", "1:1"),
        ("null: L1", "1:1"),
        ("a: L1\nb: L2\na: L3", "3:1"),
        ('a: L1\n"a": L3', "2:1"),
        ("a: &x L1\nb: *x", "1:4"),
        ("a: L1\nb: *x", "2:4"),
        ("*_files: L3", "1:1"),
        ("a: {b: L1}\n<<: {c: L1}", "2:1"),
        ("a: !!str L1", "1:4"),
        ("a: !x L1", "1:4"),
        ("a: !!python/object/apply:os.system [ls]", "1:4"),
        ("? [a]\n: L1", "1:3"),
        ("a: L1\n---\nb: L1", "2:1"),
        ("a: L1 # x\u2028b: L1", "1:10"),
        ("a: L1 # \u202epay", "1:9"),
        ('a: "\\ud800"', "1:4"),
        ('a: "x\\0"', "1:4"),
        ("a: \x07", "1:4"),
        ("a: b: c", "1:5"),
        ("\ta: L1", "1:1"),
        ("[" * 40 + "]" * 40, "1:34"),
        ("a: [" * 40, "1:1"),
        ("", "1:1"),
        ("# nothing", "1:1"),
    ],
)
def test_yaml_that_readers_could_understand_differently_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(FileFault) as caught:
        _yaml(text)
    if text != "a: [" * 40:
        assert str(caught.value.place) == place, str(caught.value)
    assert caught.value.detail


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": "L1", "a": "L2"}', "1:1"),
        ('{"a":\n  L1}', "2:3"),
        ('{"a": 1e999}', "1:1"),
        ('{"a": NaN}', "1:1"),
        ('{"a": "\\u0000"}', "1:1"),
        ("", "1:1"),
    ],
)
def test_json_is_taken_as_strictly_as_from_the_hook(text: str, place: str) -> None:
    with pytest.raises(FileFault) as caught:
        read(text.encode(), name="policy.json")
    assert str(caught.value.place) == place, str(caught.value)


def test_what_is_too_large_or_not_utf_8_is_refused() -> None:
    for raw, place in ((b" " * (SIZE_LIMIT + 1), Place(1, 1)), (b"a: L1\nb: \xff", Place(2, 1))):
        with pytest.raises(FileFault) as caught:
            read(raw, name="x.yaml")
        assert caught.value.place == place


def test_without_a_telling_name_a_brace_means_json() -> None:
    assert read(b' {"a": "L1"}').document == {"a": "L1"}
    assert read(b"a: L1").document == {"a": "L1"}
    with pytest.raises(FileFault):
        read(b"{a: L1}")


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_every_member_has_its_place_in_both_forms(suffix: str) -> None:
    written = {
        "default": "L2",
        "rules": [{"action": "a", "level": "L1"}, {"tool": "t", "labels": {"env": "p"}, "level": "L3"}],
    }
    text = as_yaml(written) if suffix == "yaml" else json.dumps(written, indent=1)
    found = read(text.encode(), name=f"p.{suffix}")
    lines = text.splitlines()
    for path, shown in (
        ("default", "default"), ("rules", "rules"), ("rules[0].level", "level"), ("rules[1].tool", "tool"),
        ("rules[1].labels.env", "env"),
    ):  # fmt: skip
        place = found.place(path)
        assert lines[place.line - 1][place.column - 1 :].lstrip('"').startswith(shown), path
    assert found.place("rules[1].labels.env.nothing") == found.place("rules[1].labels.env")
    assert found.place("nothing at all") == Place(1, 1)


def test_where_a_file_comes_from_is_no_part_of_the_policy() -> None:
    file = read(b"agent: Ledger\nversion: 5\nnote: null\ndefault: L2\nrules: []\n", name="x.yaml")
    assert (file.agent, file.version, file.document) == ("Ledger", 5, {"default": "L2", "rules": []})
    short = read(b"agent: L1\nversion: L2\n", name="x.yaml")
    assert short.document == {"agent": "L1", "version": "L2"}, "in the short form every member is a rule"
    assert (short.agent, short.version) == (None, None)


TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)
NUMBERS = st.integers(-SAFE_INTEGER, SAFE_INTEGER) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS | st.sampled_from(["NO", "y", "0o17", "1_0", "*", "a: b", "#", "- x"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(TEXTS.filter(lambda key: key != "rules"), VALUES, min_size=1, max_size=5))
def test_what_is_written_as_yaml_reads_back_the_same(value: dict[str, Json]) -> None:
    assert is_sound(value)
    text = as_yaml(value)
    back = read(text.encode(), name="x.yaml").document
    assert back == value
    assert json.dumps(back) == json.dumps(value), "an integer stays one, and so does a float"


@settings(deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_whatever_the_file_holds_it_is_a_sound_value_or_one_refusal(text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    for name in ("x.yaml", "x.json", ""):
        try:
            value = read(raw, name=name).document
        except FileFault as fault:
            assert fault.place.line >= 1
            assert fault.place.column >= 1
        else:
            assert is_sound(value)


def test_the_committed_schema_is_the_one_in_the_code() -> None:
    assert json.loads(COMMITTED.read_text(encoding="utf-8")) == schema(), (
        "assent policy schema > docs/policy.schema.json"
    )
    jsonschema.Draft202012Validator.check_schema(schema())


def _is_valid(written: object, part: str = "") -> bool:
    whole = schema()
    validator = jsonschema.Draft202012Validator({**whole, "$ref": f"#/$defs/{part}"} if part else whole)
    return bool(validator.is_valid(written))


GOOD: list[Json] = [
    {},
    {"default": "L3"},
    {"pay_*": "L3", "*": "L2", "default": "L1"},
    {"rules": {}},
    {"default": "DENY", "rules": {"default": "L1", "rules": "L2"}},
    {"rules": [{"action": "pay_*", "when": "args.amount > 100", "level": "L3", "name": "pay", "note": "two\nlines"}]},
    {"rules": [{"labels": {"env": "prod", "团队": "*"}, "level": "DENY"}]},
    {"rules": [{matcher: "*", "level": "L1"} for matcher in ("tool",)]},
    {"rules": [{"requester": "lin@example.com", "session": "s-*", "tenant": "t", "level": "L2"}]},
    dict(STARTER),
    floor_document(starter_floor()),
]

BAD: list[Json] = [
    None,
    [],
    "L3",
    {"a": "l3"},
    {"a": None},
    {"": "L1"},
    {" a": "L1"},
    {"a\u200b": "L1"},
    {"x" * 101: "L1"},
    {"default": "L5"},
    {"rules": "L1"},
    {"rules": [], "pay_*": "L3"},
    {"rules": [{"action": "a"}]},
    {"rules": [{"level": "L1"}]},
    {"rules": [{"action": "a", "level": "L1", "lvl": "L2"}]},
    {"rules": [{"action": 5, "level": "L1"}]},
    {"rules": [{"action": "a", "labels": {}, "level": "L1"}]},
    {"rules": [{"action": "a", "labels": {"env": 1}, "level": "L1"}]},
    {"rules": [{"action": "a", "name": "", "level": "L1"}]},
    {"rules": [{"action": "a", "note": "x" * 501, "level": "L1"}]},
    {"rules": [{"when": "x" * 2001, "level": "L1"}]},
    {"rules": [{"when": True, "level": "L1"}]},
    {"rules": [{"action": f"a{n}", "level": "L1"} for n in range(501)]},
]


def test_the_schema_and_the_parser_agree_on_documented_documents() -> None:
    for written in GOOD:
        parse_policy(written, default=Level.L2)
        assert _is_valid(written), written
    for written in BAD:
        with pytest.raises(PolicyFault):
            parse_policy(written, default=Level.L2)
        assert not _is_valid(written), written
    assert not _is_valid({"default": "L2", "rules": []}, "floor")
    with pytest.raises(PolicyFault):
        parse_floor({"default": "L2", "rules": []})


NAMES = st.text(max_size=12) | st.sampled_from(["pay_*", "*", "a b", "a\u00a0b", " x", "default", "rules"])
LEVELS = st.sampled_from([*(level.value for level in Level), "l1", "", None, 3])
RULES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("action", "tool", "agent", "creator", "requester", "tenant", "session", "name"), NAMES),
        "labels": st.dictionaries(NAMES, NAMES, max_size=3),
        "when": st.sampled_from(["true", "args.x > 1", "rate('1h') > 3"]),
        "level": LEVELS,
        "note": st.text(max_size=10),
        "odd": st.just(1),
    },
)
DOCUMENTS = (
    st.dictionaries(NAMES, LEVELS, max_size=5)
    | st.fixed_dictionaries({"rules": st.lists(RULES, max_size=4)}, optional={"default": LEVELS})
    | st.fixed_dictionaries({"rules": st.dictionaries(NAMES, LEVELS, max_size=4)}, optional={"default": LEVELS})
)


@settings(deadline=None)
@given(DOCUMENTS)
def test_whatever_the_parser_accepts_is_valid_and_so_is_its_canonical_form(written: dict[str, Json]) -> None:
    try:
        policy = parse_policy(written, default=Level.L2)
    except PolicyFault:
        return
    assert _is_valid(written)
    assert _is_valid(document(policy))


def test_the_schema_refuses_no_character_that_the_parser_takes() -> None:
    for code in range(0x110000):
        if not 0xD800 <= code <= 0xDFFF and chr(code) != " " and re.match(f"[{_UNSEEN}]", chr(code)):
            assert not chr(code).isprintable(), hex(code)
