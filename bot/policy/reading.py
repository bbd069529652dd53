"""Rules as people write them, in both forms: every fault is named with its path, and none is repaired by guessing."""

from __future__ import annotations

from bot.policy.conditions import Condition, ConditionFault, compile_condition
from bot.policy.globs import PATTERN_LIMIT, STARS_LIMIT, Glob
from bot.policy.matching import MATCHERS, Match
from bot.policy.rules import Rule
from models.enums import Level
from models.values import JsonObject

RULES_LIMIT = 500
NAME_LIMIT = 100  # characters
NOTE_LIMIT = 500
CONDITIONS_LIMIT = 60_000
"""Characters of all conditions of one document: compiling them takes some 5 microseconds each."""

LABELS_LIMIT = 20
MATCHING = frozenset({*MATCHERS, "labels", "when"})
_MEMBERS = MATCHING | {"name", "level", "note"}

Fault = tuple[str, str]  # path, what is wrong there


class PolicyFault(ValueError):
    """The document is no policy. `faults` names everything that is wrong, each with its path."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{path or 'policy'}: {detail}" for path, detail in faults))
        self.faults = tuple(faults)


def read_map(written: dict[object, object], prefix: str, faults: list[Fault]) -> tuple[list[Rule], list[str]]:
    """The rules of the short form, the more specific first, and their paths."""
    read = []
    for action, level in written.items():
        path = f"{prefix}{action}"
        glob = read_glob(action, path, faults)
        read.append((Rule(glob.pattern, Match(action=glob), None, read_level(level, path, faults)), glob))
    read.sort(key=lambda each: each[1].looseness)
    return [rule for rule, _ in read], [f"{prefix}{glob.pattern}" for _, glob in read]


def read_list(written: list[object], faults: list[Fault]) -> tuple[list[Rule], list[str]]:
    """The rules of the long form in their order, and their paths. Rules without a name get one."""
    if length_of_conditions(written) > CONDITIONS_LIMIT:
        faults.append(("rules", f"the conditions have more than {CONDITIONS_LIMIT} characters in all"))
        return [], []
    rules, paths = [], []
    for position, entry in enumerate(written):
        path = f"rules[{position}]"
        if isinstance(entry, dict):
            rules.append(_rule(entry, path, faults))
            paths.append(path)
        else:
            faults.append((path, f'a rule is {{"action": …, "level": …}}, not {kind(entry)}'))
    return _with_names(rules, paths, faults), paths


def read_glob(written: object, path: str, faults: list[Fault]) -> Glob:
    if not isinstance(written, str) or not written:
        faults.append((path, f"a pattern is a text such as delete_files or pay_*, not {kind(written)}"))
    elif len(written) > PATTERN_LIMIT:
        faults.append((path[:PATTERN_LIMIT], f"longer than {PATTERN_LIMIT} characters"))
    elif not _is_clean(written):
        faults.append((ascii(path)[1:-1], "control, invisible or surrounding space characters"))
    elif (glob := Glob.of(written)).pattern.count("*") > STARS_LIMIT:
        faults.append((path, f"more than {STARS_LIMIT} * in one pattern"))
    else:
        return glob
    return Glob("")


def read_level(written: object, path: str, faults: list[Fault]) -> Level:
    """Exactly as written in the glossary; "l3" is a fault, never a guess."""
    for level in Level:
        if written == level.value:
            return level
    hint = f"; did you mean {written.upper()}?" if isinstance(written, str) and written.upper() in list(Level) else ""
    faults.append((path, f"{kind(written)} is not a level; write L1, L2, L3 or DENY{hint}"))
    return Level.DENY


def _level(entry: dict[object, object], path: str, faults: list[Fault]) -> Level:
    if "level" in entry:
        return read_level(entry["level"], f"{path}.level", faults)
    faults.append((f"{path}.level", "a rule says its level: L1, L2, L3 or DENY"))
    return Level.DENY


def name_of(match: Match, when: Condition | None) -> str:
    """What a rule without a name is called: its matchers, the action's pattern alone standing first."""
    parts = [glob.pattern if name == "action" else f"{name} {glob.pattern}" for name, glob in match.globs()]
    if not parts and when is not None:
        parts = ["when " + " ".join(when.text.split())]
    return _cut(" · ".join(parts), NAME_LIMIT)


def written_condition(name: str | None, match: Match, when: Condition | None) -> JsonObject:
    """The part of a rule that says when it applies, as a document has it; `name`: None where it was derived."""
    written: JsonObject = {"name": name} if name is not None else {}
    written |= {matcher: glob.pattern for matcher, glob in match.globs() if not matcher.startswith("labels.")}
    if match.labels:
        written["labels"] = {label: glob.pattern for label, glob in match.labels}
    if when is not None:
        written["when"] = when.text
    return written


def kind(written: object) -> str:
    """What was written, short enough to say back."""
    match written:
        case None:
            return "null"
        case bool():
            return str(written).lower()
        case str():
            return f'"{written[:40]}"'
        case list():
            return "a list"
        case dict():
            return "a map"
        case _:
            return str(written)[:40]


def length_of_conditions(written: list[object]) -> int:
    whens = (entry.get("when") for entry in written if isinstance(entry, dict))
    return sum(len(when) for when in whens if isinstance(when, str))


def _rule(entry: dict[object, object], path: str, faults: list[Fault]) -> Rule:
    for name in entry.keys() - _MEMBERS:
        faults.append((f"{path}.{str(name)[:40]}", "no such member of a rule"))
    match, when = read_matchers(entry, path, faults, "a rule")
    name = read_text(entry, "name", NAME_LIMIT, path, faults)
    return Rule(
        name or "",
        match,
        when,
        _level(entry, path, faults),
        read_text(entry, "note", NOTE_LIMIT, path, faults),
        named=name is not None,
    )


def read_matchers(
    entry: dict[object, object], path: str, faults: list[Fault], what: str
) -> tuple[Match, Condition | None]:
    """What `entry` (`what`: "a rule") matches on; it must say something."""
    globs = {name: read_glob(entry[name], f"{path}.{name}", faults) for name in MATCHERS if name in entry}
    labels = _labels(entry["labels"], f"{path}.labels", faults) if "labels" in entry else ()
    when = _condition(entry["when"], f"{path}.when", faults) if "when" in entry else None
    if not entry.keys() & MATCHING:
        faults.append((f"{path}.action", f"{what} says what it matches: action, tool, … or when"))
    return Match(**globs, labels=labels), when


def _labels(written: object, path: str, faults: list[Fault]) -> tuple[tuple[str, Glob], ...]:
    if not isinstance(written, dict) or not written:
        faults.append(
            (path, f'labels are a map such as {{"env": "prod"}}, not {kind(written) if written else "empty"}')
        )
        return ()
    if len(written) > LABELS_LIMIT:
        faults.append((path, f"more than {LABELS_LIMIT} labels"))
        return ()
    globs = []
    for label, glob in written.items():
        if isinstance(label, str) and label and len(label) <= NAME_LIMIT and _is_clean(label):
            globs.append((label, read_glob(glob, f"{path}.{label}", faults)))
        else:
            faults.append((path, f"{ascii(label)[:60]} is no label"))
    return tuple(sorted(globs, key=lambda each: each[0]))


def _condition(written: object, path: str, faults: list[Fault]) -> Condition | None:
    if not isinstance(written, str):
        faults.append((path, f"a condition is a text such as args.amount > 100, not {kind(written)}"))
        return None
    try:
        return compile_condition(written)
    except ConditionFault as fault:
        faults.append((path, f"{fault}\n{fault.caret}" if fault.caret else str(fault)))
        return None


def read_text(entry: dict[object, object], member: str, limit: int, path: str, faults: list[Fault]) -> str | None:
    if member not in entry:
        return None
    written = entry[member]
    if (
        isinstance(written, str)
        and 0 < len(written) <= limit
        and _is_clean(written.replace("\n", " ") if member == "note" else written)
    ):
        return written
    faults.append((f"{path}.{member}", f"a printable text of 1 to {limit} characters"))
    return None


def _with_names(rules: list[Rule], paths: list[str], faults: list[Fault]) -> list[Rule]:
    taken: set[str] = set()
    for rule, path in zip(rules, paths, strict=True):
        if rule.named and rule.name in taken:
            faults.append((f"{path}.name", f'another rule is called "{rule.name}"'))
        if rule.named:
            taken.add(rule.name)
    return [rule if rule.named else _named(rule, taken) for rule in rules]


def _named(rule: Rule, taken: set[str]) -> Rule:
    plain = name = name_of(rule.match, rule.when)
    number = 1
    while name in taken:
        number += 1
        name = f"{_cut(plain, NAME_LIMIT - 6)} #{number}"
    taken.add(name)
    return Rule(name, rule.match, rule.when, rule.level, rule.note)


def _is_clean(text: str) -> bool:
    return text.isprintable() and text == text.strip()


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
