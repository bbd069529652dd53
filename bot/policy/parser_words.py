"""What CEL's parser and type checker complain of, as the person who wrote the condition would say it."""

from __future__ import annotations

import re


def plainly(detail: str) -> str:
    """The parser's own words as its user would say them; those of other faults as they are."""
    for pattern, words in _PARSER_WORDS:
        if found := pattern.fullmatch(detail):
            return "Syntax error: " + words.format(*found.groups(), *[_MEANT.get(one, "") for one in found.groups()])
    return _OPERATOR.sub(r"'\1' ", detail)


_MEANT = {
    "and": "; write &&",
    "AND": "; write &&",
    "or": "; write ||",
    "OR": "; write ||",
    "not": "; write !",
    "=": "; write ==",
}
"""What people write who know another language."""

_PARSER_WORDS = (
    (re.compile(r"Syntax error: \w+ input '<EOF>' expecting .*"), "it ends too early"),
    (re.compile(r"Syntax error: \w+ input '(.+?)' expecting .*"), "'{0}' is not expected here{1}"),
    (re.compile(r"Syntax error: no viable alternative at input '.*"), "this cannot be read"),
    (re.compile(r"Syntax error: token recognition error at: '(=|.+?) ?'"), "'{0}' is not expected here{1}"),
)
_OPERATOR = re.compile(r"'_?(\W+?)_?' (?=applied to )")
