"""Arbitrary policies, floors, requests and histories over a small world, in which rules meet requests often."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from models.enums import Level
from models.values import ActionRequest, PersonFacts, Question, Requester
from tests.support.policies import BOT, LIN, MIDNIGHT, NOW
from tests.support.slow_policy import Run

levels = st.sampled_from([level.value for level in Level])
names = st.sampled_from(["pay", "pay_x", "Pay_x", "ｐay_x", "pa\u200by_x", "read", "read_pay", "p"])
patterns = st.sampled_from(["*", "pay", "pay_*", "PAY_*", "*pay*", "read*", "*_x", "p*y*", "r*d_*", "read", "ｐ*"])
texts = st.sampled_from(["", "a", "ab", "b", "xyz"])
numbers = st.integers(-3, 200)

ZHAO = PersonFacts(UUID(int=9), "Zhao", "zhao@b.org", feishu_ids=("ou_zhao",))
requesters = st.sampled_from(
    [None, Requester("lin@example.com", LIN), Requester("ou_zhao", ZHAO), Requester("zhao@b.org")]
)

args = st.fixed_dictionaries(
    {},
    optional={
        "n": st.one_of(numbers, st.floats(-5, 200, allow_nan=False), st.just("12"), st.none(), st.just([1])),
        "s": texts,
        "amount": st.one_of(numbers, st.just("5"), st.none()),
        "list": st.lists(st.one_of(st.integers(0, 5), st.just("a")), max_size=3),
    },
)

_small = st.integers(0, 100)
_atoms = st.one_of(
    st.builds("args.n {} {}".format, st.sampled_from([">", "<", ">=", "<="]), _small),
    st.builds('args.s == "{}"'.format, texts),
    st.builds('args.s.startsWith("{}")'.format, texts),
    st.builds('args.s.matches("{}")'.format, st.sampled_from(["^a", "b$", "a|b"])),
    st.builds("size(args.s) > {}".format, st.integers(0, 3)),
    st.builds("has(args.{})".format, st.sampled_from(["n", "s", "amount"])),
    st.builds("args.list.{}(x, x > {})".format, st.sampled_from(["exists", "all"]), st.integers(0, 5)),
    st.builds('action.{}("{}")'.format, st.sampled_from(["contains", "endsWith"]), st.sampled_from(["pay", "x"])),
    st.builds('tool == "{}"'.format, st.sampled_from(["", "pay_x"])),
    st.builds('agent.labels["{}"] == "prod"'.format, st.sampled_from(["env", "none"])),
    st.sampled_from(["requester.known", 'requester.said == ""', 'agent.name == "Bookkeeper"', "true", "false"]),
    st.builds(
        'rate("{}") {} {}'.format, st.sampled_from(["5m", "1h", "24h"]), st.sampled_from([">", "<"]), st.integers(0, 4)
    ),
    st.builds('today("amount") > {}'.format, st.integers(0, 300)),
)
conditions: st.SearchStrategy[str] = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.builds("!({})".format, inner),
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    ),
    max_leaves=4,
)

_matchers: dict[str, st.SearchStrategy[Any]] = {
    "tool": patterns,
    "agent": st.sampled_from(["Book*", "other", "*"]),
    "creator": st.sampled_from(["*@example.com", "ou_lin", "nobody", "*LIN"]),
    "requester": st.sampled_from(["*@*", "zhao@b.org", "ou_zhao", "*", "OU_*"]),
    "tenant": st.sampled_from(["acme", "ACME", "x*"]),
    "session": st.sampled_from(["*", "night*"]),
    "labels": st.dictionaries(st.sampled_from(["env", "x"]), st.sampled_from(["prod", "PROD", "*", "dev"]), min_size=1),
    "when": conditions,
}
rules: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"action": patterns, "level": levels}, optional=_matchers
)
flat = st.dictionaries(patterns, levels, max_size=4)
floors: st.SearchStrategy[dict[str, Any]] = st.one_of(
    flat, st.fixed_dictionaries({"rules": st.lists(rules, max_size=4)})
)
policies: st.SearchStrategy[dict[str, Any]] = st.one_of(
    flat, st.fixed_dictionaries({"rules": st.lists(rules, max_size=4)}, optional={"default": levels})
)

runs = st.builds(
    lambda action, tool, amount, minutes: Run(action, tool, {"amount": amount}, NOW - timedelta(minutes=minutes)),
    names,
    st.sampled_from(["", "pay_x"]),
    st.one_of(numbers, st.just("5")),
    st.sampled_from([0, 1, 4, 5, 6, 59, 60, 61, 500, 1439, 1440]),
)
midnights = st.just(MIDNIGHT)

questions = st.builds(
    lambda action, tool, given, session, requester, labels: Question(
        ActionRequest(action, tool, given, session=session), replace(BOT, labels=labels), NOW, requester
    ),
    names,
    st.one_of(st.none(), names),
    args,
    st.sampled_from([None, "night-1"]),
    requesters,
    st.sampled_from([{}, {"env": "prod"}, {"env": "dev", "x": "prod"}]),
)
