"""Every answer about policies, grants and freezes in both languages, as a person has read it.

`TEST_UPDATETEXTS=1 pytest …` writes the files anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from uuid import UUID

import pytest

from cards import grants_said, policies, steering
from cards.freezing import FreezeView
from cards.policy_views import ChangeKind, ChangeView, FindingView, TriedView, VersionView
from cards.tried import policy_tried
from cards.views import GrantView, LimitKind, LimitView, PolicyRuleView, PolicyView
from cards.why import why
from models.enums import (
    ApprovalStatus,
    Delivery,
    ExecutionStatus,
    Executor,
    GrantKind,
    Language,
    Layer,
    Level,
    OutboxKind,
    OutboxState,
    Via,
)
from models.values import ActionRequest, ExecutionView
from models.why import AskedPerson, PinnedVersion, Why, WhyApproval, WhyDelivery, WhyGrant
from tests.support.goldens import TEXTS, golden
from tests.unit.test_cards_golden import ASKED

HOUR = timedelta(hours=1)

POLICY = PolicyView(
    agent="记账助手",
    version=6,
    default=Level.L2,
    rules=(
        PolicyRuleView(pattern="read_*", level=Level.L1),
        PolicyRuleView(
            pattern="大额付款",
            level=Level.DENY,
            conditions=("action pay_*", "when args.amount > 10000.0", "财务部 2026 年的规定"),
        ),
        PolicyRuleView(pattern="pay_* · tool bank.*", level=Level.L3),
    ),
    author="林晓",
    at=ASKED,
)
FLOOR = PolicyView(
    agent="floor",
    version=0,
    default=None,
    rules=(
        *(
            PolicyRuleView(pattern=f"*{word}*", level=Level.L3, note="delete")
            for word in ("delete", "erase", "purge", "wipe")
        ),
        PolicyRuleView(pattern="wire_*", level=Level.DENY, note="pay"),
    ),
    author="system",
)
CHANGES = (
    ChangeView(ChangeKind.DEFAULT, "", "L3", "L2"),
    ChangeView(ChangeKind.REMOVED, "mail_*", "L2", None),
    ChangeView(ChangeKind.CHANGED, "delete_*", "L3", "L2"),
    ChangeView(ChangeKind.ADDED, "pay_* · tool bank.*", None, "L3"),
    ChangeView(ChangeKind.MOVED, "read_*", "3", "1"),
)
FINDINGS = (
    FindingView("delete_*", 'L2 has no effect: the floor\'s rule "*delete*" demands L3'),
    FindingView("pay_*", "the agent itself names the requester: a claim may loosen the level here"),
)
VERSIONS = (
    VersionView(version=6, author="林晓", at=ASKED, note="pay_* L3", changes=CHANGES),
    VersionView(version=5, author="cli:root", at=ASKED - 400 * 24 * HOUR, note=None, changes=CHANGES[:1]),
)
TRIED = TriedView(
    agent="记账助手",
    action_type="pay_invoice",
    tool="bank.pay",
    requester="赵敏",
    requester_known=True,
    level=Level.L3,
    layer=Layer.FLOOR,
    rule="pay_* · tool bank.*",
    policy_version=6,
    matched=("action *pay_*",),
    faults=('rule "大额付款": no such key: amount',),
    floor_rule="*pay_*",
    floor_level=Level.L3,
    floor_version=0,
)
GRANT = GrantView(
    grant_id=UUID("0198f3a2-7c11-7d3e-9b52-5a1c0e4f7d21"),
    kind=GrantKind.KIND,
    agent="记账助手",
    action_type="send_feishu_message",
    tool="im.send",
    giver="林晓",
    expires_at=ASKED + 9 * HOUR,
    max_uses=50,
    uses=3,
    now=ASKED,
    limits=(
        LimitView("to", LimitKind.FIXED, ("ou_zhao",)),
        LimitView("count", LimitKind.AT_MOST, most=20),
        LimitView("text", LimitKind.TEXT, most=200),
    ),
)
FROZEN = FreezeView(agent="记账助手", by="王敏", at=ASKED, now=ASKED, until=ASKED + 2 * HOUR, reason="金额不对")
WHY = Why(
    check_id=UUID("0198f3a2-7c11-7d3e-9b52-5a1c0e4f7d21"),
    at=ASKED,
    now=ASKED + 3 * HOUR,
    outcome="check.pending",
    agent="记账助手",
    creator="林晓",
    requester="zhao@example.com",
    requester_known=False,
    request=ActionRequest("delete_files", "delete_file", {"path": "reports/2025"}, reason="去年的报表已经归档。"),
    action_digest="sha256:5d1f6a0c" + "0" * 56,
    level=Level.L3,
    rule="delete_*",
    rule_note="财务的文件要留十年",
    policy_version=6,
    layer=Layer.POLICY,
    reason='rule "delete_*" gives L3',
    matched=("action delete_*", 'when args.path.startsWith("reports/")'),
    floor_rule="*delete*",
    floor_level=Level.L3,
    floor_version=2,
    policy=PinnedVersion(6, "林晓", ASKED - 48 * HOUR, "pay_* L3"),
    approval=WhyApproval(
        id=UUID("0198f3a2-7c11-7d3e-9b52-5a1c0e4f7d22"),
        status=ApprovalStatus.APPROVED,
        created_at=ASKED,
        expires_at=ASKED + 72 * HOUR,
        attempt=1,
        reminders=1,
        executor=Executor.SERVICE,
        execution=ExecutionView(ExecutionStatus.SUCCEEDED),
        asked=(
            AskedPerson("林晓", Delivery.SENT, ASKED),
            AskedPerson("王敏", Delivery.DEGRADED, ASKED, detail="230099 card refused"),
        ),
        resolver="林晓",
        resolved_at=ASKED + 2 * HOUR,
        via=Via.CARD,
        resolution_reason="确认过备份",
    ),
    deliveries=(
        WhyDelivery(OutboxKind.APPROVAL_CARD, "林晓", ASKED, OutboxState.DELIVERED, 1, ASKED, None),
        WhyDelivery(OutboxKind.APPROVAL_CARD, "王敏", ASKED, OutboxState.DELIVERED, 3, ASKED, None),
        WhyDelivery(OutboxKind.TEXT, "王敏", ASKED, OutboxState.WAITING, 0, None, "rate limited"),
    ),
)
WHY_GRANTED = replace(
    WHY,
    outcome="check.allowed",
    level=Level.L2,
    layer=Layer.GRANT,
    would_be=Level.L3,
    requester_known=True,
    floor_rule=None,
    approval=None,
    deliveries=(),
    faults=('rule "大额付款": no such key: amount',),
    grant=WhyGrant(
        id=GRANT.grant_id,
        kind=GrantKind.GRADUATED,
        giver="林晓",
        created_at=ASKED,
        expires_at=ASKED + 24 * HOUR,
        uses=3,
        max_uses=1000,
        revoked_at=None,
    ),
)

SAMPLES: dict[str, Callable[[Language], str]] = {
    "policy_shown": lambda to: policies.policy_show(POLICY, to, now=ASKED),
    "floor_shown": lambda to: policies.policy_show(FLOOR, to, now=ASKED),
    "policy_shown_long": lambda to: policies.policy_show(
        replace(POLICY, rules=tuple(PolicyRuleView(pattern=f"action_{n}", level=Level.L2) for n in range(90))),
        to,
        now=ASKED,
    ),
    "policy_saved": lambda to: policies.policy_saved(POLICY, to, changes=CHANGES, findings=FINDINGS, before=5),
    "floor_saved": lambda to: policies.policy_saved(replace(FLOOR, version=1), to, changes=CHANGES[2:3], before=0),
    "policy_unchanged": lambda to: policies.policy_unchanged("记账助手", 6, to),
    "policy_invalid": lambda to: policies.policy_invalid(
        [
            'rules[0].level: "l3" is not a level; write L1, L2, L3 or DENY; did you mean L3?',
            "rules[1].when: line 1, column 7: undeclared reference to 'amuont'\nargs.a > amuont\n........^",
        ],
        to,
    ),
    "history": lambda to: policies.policy_history("记账助手", VERSIONS, 23, to, now=ASKED),
    "history_floor_unwritten": lambda to: policies.policy_history("floor", (), 0, to, is_floor=True, now=ASKED),
    "rolled_back": lambda to: policies.rolled_back(POLICY, 3, CHANGES[:2], FINDINGS[:1], to),
    "replay_begun": lambda to: policies.replay_begun("记账助手", 7, to),
    "tried": lambda to: policy_tried(TRIED, to, now=ASKED),
    "tried_granted": lambda to: policy_tried(
        replace(
            TRIED,
            level=Level.L2,
            layer=Layer.GRANT,
            would_be=Level.L3,
            grant_giver="林晓",
            until=ASKED + HOUR,
            floor_rule=None,
            faults=(),
            requester="somebody",
            requester_known=False,
        ),
        to,
        now=ASKED,
    ),
    "tried_frozen": lambda to: policy_tried(
        replace(
            TRIED,
            level=Level.DENY,
            layer=Layer.FREEZE,
            frozen_by="王敏",
            until=ASKED + HOUR,
            would_be=Level.L3,
            floor_rule=None,
            faults=(),
            matched=(),
            requester=None,
        ),
        to,
        now=ASKED,
    ),
    "why_asked": lambda to: why(WHY, to, details_url="http://127.0.0.1:8787/a/0198?t=s"),
    "why_granted": lambda to: why(WHY_GRANTED, to),
    "grants": lambda to: grants_said.grants_list((GRANT, replace(GRANT, kind=GrantKind.EXACT, limits=())), None, to),
    "grants_none": lambda to: grants_said.grants_list((), "记账助手", to),
    "granted": lambda to: grants_said.granted(GRANT, False, to),
    "granted_again": lambda to: grants_said.granted(GRANT, True, to),
    "grant_revoked": lambda to: grants_said.grant_revoked(GRANT, False, to),
    "grant_revoked_again": lambda to: grants_said.grant_revoked(
        replace(GRANT, revoked_by="王敏", revoked_at=ASKED), True, to
    ),
    "frozen": lambda to: steering.frozen([FROZEN], [replace(FROZEN, agent=None, until=None)], 3, to),
    "frozen_all": lambda to: steering.frozen([replace(FROZEN, agent=None, until=None)], [], 3, to),
    "frozen_own": lambda to: steering.frozen([FROZEN, replace(FROZEN, agent="Clerk")], [], 1, to),
    "unfrozen": lambda to: steering.unfrozen("记账助手", 1, [], to),
    "unfrozen_held": lambda to: steering.unfrozen(None, 1, [FROZEN], to),
    "unfrozen_nothing": lambda to: steering.unfrozen("记账助手", 0, [], to),
    "observing": lambda to: steering.observing("记账助手", ASKED + 7 * 24 * HOUR, to, now=ASKED),
    "observed": lambda to: steering.observing("记账助手", None, to, now=ASKED),
    "labels": lambda to: steering.labels_set("记账助手", {"team": "财务", "env": "prod"}, to),
    "limits": lambda to: steering.limits_set("记账助手", 5, None, to),
    "token": lambda to: steering.access_token_link(
        "laptop", "http://127.0.0.1:8787/once?k=x", timedelta(minutes=10), ASKED + 720 * HOUR, to, now=ASKED
    ),
    "tokens": lambda to: steering.access_tokens([("laptop", ASKED, ASKED + 720 * HOUR)], to, now=ASKED),
    "tokens_none": lambda to: steering.access_tokens([], to, now=ASKED),
    "token_revoked": lambda to: steering.access_token_revoked("laptop", to),
}


@pytest.mark.parametrize("text", SAMPLES)
def test_the_answer_is_the_one_that_was_read(text: str) -> None:
    said = f"{SAMPLES[text](Language.ZH_CN)}\n\n--- en_us\n\n{SAMPLES[text](Language.EN_US)}\n"
    assert golden(TEXTS / f"{text}.txt", said) == said


def test_every_golden_text_has_its_sample() -> None:
    assert {path.stem for path in TEXTS.glob("*.txt")} == set(SAMPLES)


_EVIL = '{x}<at user_id="all"></at>[x](https://e.cn)\u202e\nsk-abcdefghijklmnop1234'


@cache
def _evil(language: Language) -> dict[str, str]:
    """Every answer whose parts others write, all of them hostile."""
    rule = PolicyRuleView(pattern=_EVIL, level=Level.L3, conditions=(_EVIL,), note=_EVIL)
    policy = PolicyView(agent=_EVIL, version=2, default=Level.L2, rules=(rule,) * 90, author=_EVIL, at=ASKED)
    change = ChangeView(ChangeKind.CHANGED, _EVIL, _EVIL, _EVIL)
    finding = FindingView(_EVIL, _EVIL)
    version = VersionView(version=1, author=_EVIL, at=ASKED, note=_EVIL, changes=(change,) * 5)
    tried = replace(
        TRIED, agent=_EVIL, action_type=_EVIL, tool=_EVIL, requester=_EVIL, requester_known=False, rule=_EVIL,
        matched=(_EVIL,), faults=(_EVIL,), floor_rule=_EVIL, frozen_by=_EVIL,
    )  # fmt: skip
    grant = replace(
        GRANT, agent=_EVIL, action_type=_EVIL, tool=_EVIL, giver=_EVIL, revoked_by=_EVIL, revoked_at=ASKED,
        limits=(LimitView(_EVIL, LimitKind.FIXED, (_EVIL,)),),
    )  # fmt: skip
    frozen = replace(FROZEN, agent=_EVIL, by=_EVIL, reason=_EVIL)
    assert WHY.approval is not None
    explained = replace(
        WHY_GRANTED, agent=_EVIL, creator=_EVIL, requester=_EVIL, outcome=_EVIL, rule=_EVIL, rule_note=_EVIL,
        matched=(_EVIL,), faults=(_EVIL,), floor_rule=_EVIL, action_digest=_EVIL,
        request=ActionRequest(_EVIL, _EVIL, {_EVIL: _EVIL}, reason=_EVIL),
        policy=PinnedVersion(1, _EVIL, ASKED, _EVIL),
        approval=replace(
            WHY.approval, resolver=_EVIL, resolution_reason=_EVIL,
            asked=(AskedPerson(_EVIL, Delivery.SENT, detail=_EVIL),),
        ),
        deliveries=(WhyDelivery(OutboxKind.TEXT, _EVIL, ASKED, OutboxState.WAITING, 1, None, _EVIL),),
    )  # fmt: skip
    return {
        "show": policies.policy_show(policy, language, now=ASKED),
        "saved": policies.policy_saved(policy, language, changes=(change,) * 30, findings=(finding,) * 20, before=1),
        "unchanged": policies.policy_unchanged(_EVIL, 1, language),
        "invalid": policies.policy_invalid([_EVIL], language),
        "history": policies.policy_history(_EVIL, (version,), 9, language, now=ASKED),
        "rolled_back": policies.rolled_back(policy, 1, (change,), (finding,), language),
        "replay": policies.replay_begun(_EVIL, 7, language),
        "tried": policy_tried(tried, language, now=ASKED),
        "why": why(explained, language),
        "grants": grants_said.grants_list((grant,) * 30, None, language),
        "no_grants": grants_said.grants_list((), _EVIL, language),
        "granted": grants_said.granted(grant, False, language),
        "granted_again": grants_said.granted(grant, True, language),
        "revoked": grants_said.grant_revoked(grant, False, language),
        "revoked_again": grants_said.grant_revoked(grant, True, language),
        "frozen": steering.frozen([frozen, frozen], [frozen], 1, language),
        "unfrozen": steering.unfrozen(_EVIL, 1, [frozen], language),
        "observing": steering.observing(_EVIL, ASKED, language, now=ASKED),
        "observed": steering.observing(_EVIL, None, language, now=ASKED),
        "labels": steering.labels_set(_EVIL, {_EVIL: _EVIL}, language),
        "limits": steering.limits_set(_EVIL, 1, 1, language),
        "tokens": steering.access_tokens([(_EVIL, ASKED, ASKED)], language, now=ASKED),
        "token": steering.access_token_link(_EVIL, "", HOUR, ASKED, language, now=ASKED),
        "token_title": steering.access_token_title(_EVIL, language),
        "token_revoked": steering.access_token_revoked(_EVIL, language),
    }


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("text", _evil(Language.ZH_CN))
def test_no_answer_can_be_made_to_call_everyone_or_to_link(text: str, language: Language) -> None:
    said = _evil(language)[text]
    for obeyed in ("<", "[", "https://e.cn", "\u202e", "sk-abcdefghijklmnop1234"):
        assert obeyed not in said
    assert "{x}" in said  # and never read as a format
    assert "{n}" not in said
    assert "{agent}" not in said


@pytest.mark.parametrize("text", _evil(Language.ZH_CN))
def test_no_answer_grows_beyond_what_a_chat_takes(text: str) -> None:
    assert len(_evil(Language.ZH_CN)[text].encode()) < 20_000
