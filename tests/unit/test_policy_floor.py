"""Floors: all rules apply, names that look alike are alike, and the starter floor asks before the irreversible."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.policy import Floor, Glob, evaluate, floor_document, parse_floor, starter_floor, starter_policy
from bot.policy.folding import fold
from models.enums import Layer, Level
from tests.support.policies import asks, floored, ruled, written
from tests.unit.test_policy import SEED

L1, L2, L3, DENY = Level

FLOOR = floored(
    {"action": "pay_*", "level": "L2"},
    {"action": "pay_*", "when": "args.amount > 100", "level": "L3"},
    {"tool": "format", "level": "DENY"},
)


def test_the_strictest_matching_rule_demands() -> None:
    free = written({"*": "L1"}, version=9)
    small = evaluate(free, FLOOR, asks("pay_x", {"amount": 1}))
    assert (small.level, small.layer, small.floor_rule, small.floor_level) == (L2, Layer.FLOOR, "pay_*", L2)
    large = evaluate(free, FLOOR, asks("pay_x", {"amount": 101}))
    assert (large.level, large.floor_rule, large.floor_version) == (L3, "pay_* #2", 3)
    assert large.matched == ("action pay_*", "when args.amount > 100")
    assert evaluate(free, FLOOR, asks("pay_x", {"amount": 101}, tool="Format")).level is DENY
    untouched = evaluate(free, FLOOR, asks("read"))
    assert (untouched.level, untouched.floor_rule, untouched.floor_level) == (L1, None, L1)


def test_the_decision_keeps_what_the_policy_said() -> None:
    decision = evaluate(written({"pay_*": "L1"}, version=9), FLOOR, asks("pay_x", {"amount": 1}))
    assert (decision.rule, decision.policy_version) == ("pay_*", 9)
    assert decision.reason == 'the floor\'s rule "pay_*" demands L2; rule "pay_*" gives L1'


@pytest.mark.parametrize("own", ["L2", "L3", "DENY"])
def test_a_policy_may_be_as_strict_or_stricter(own: str) -> None:
    decision = evaluate(written({"pay_*": own}), FLOOR, asks("pay_x", {"amount": 1}))
    assert (decision.level, decision.layer) == (own, Layer.POLICY)
    assert (decision.floor_rule, decision.floor_level) == ("pay_*", L2)


def test_the_order_of_a_floor_means_nothing() -> None:
    decisions = {
        evaluate(written({"*": "L1"}), Floor(3, rules), asks("pay_x", {}, tool="format"))
        for rules in itertools.permutations(FLOOR.rules)
    }
    assert len(decisions) == 1


@pytest.mark.parametrize(
    "name",
    [
        "delete_files",
        "DELETE_FILES",
        "Delete_Files",
        "ｄｅｌｅｔｅ_files",
        "de\u200blete_files",
        "\u202edelete_files",
        "delete\u00ad_files",
        "d\ufe0felete_files",
        "de\u034flete_files",
        "de\u3164lete_files",
        "delete\U000e0001_files",
        "ﬁle_delete_now".replace("ﬁ", "\ufb01"),
        "𝐝𝐞𝐥𝐞𝐭𝐞_files",
    ],
)
def test_looking_different_is_no_way_below(name: str) -> None:
    floor = floored({"action": "*delete_*", "level": "L3"}, {"tool": "*delete_*", "level": "L3"})
    assert evaluate(written({"*": "L1"}), floor, asks(name)).level is L3
    assert evaluate(written({"*": "L1"}), floor, asks("x", tool=name)).level is L3
    assert evaluate(written({"*": "L1"}), floored({"action": "DELETE_*", "level": "L3"}), asks("delete_x")).level is L3


def test_labels_and_people_are_folded_too() -> None:
    floor = floored({"labels": {"env": "PROD"}, "creator": "LIN@example.com", "level": "L3"})
    assert evaluate(written({"*": "L1"}), floor, asks("read")).level is L3


@given(st.text(max_size=12))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet="aA*ｂ\u200bßſ", min_size=1, max_size=6), st.text(alphabet="aAｂ\u200bßs", max_size=6))
def test_folding_never_loses_a_match(pattern: str, text: str) -> None:
    glob = Glob.of(pattern)
    if glob.matches(text):
        assert glob.folded.matches(fold(text))


# --- the starter floor

IRREVERSIBLE = [
    *(
        "delete_files",
        "delete_file",
        "deleteFile",
        "bulk_delete",
        "mcp__fs__delete_file",
        "fs.delete",
        "s3:DeleteObject",
    ),
    *("remove_user", "rmdir_remove", "destroy_cluster", "purge_cache", "erase_disk", "wipe_device", "drop_table"),
    *("db_drop_table", "truncate_table", "get_and_delete_user", "listThenDelete", "readAndRemoveAll"),
    *("pay", "pay_invoice", "auto_pay", "auto_pay_bill", "make_payment", "create_payment", "payments.create"),
    *("payout_seller", "transfer_funds", "bank.transfer", "refund", "refund_order", "issue_refund", "withdraw_cash"),
    *("purchase_order", "financial_operations", "send_external_message", "agent_send_external_mail"),
    *("publish_post", "blog_publish", "share_externally", "share_external_link", "share_publicly", "share_public_link"),
    *("change_permissions", "set_permission", "grant_access", "db_grant_all", "update_access_control", "assign_role"),
    *("set_roles", "add_admin", "team_add_admin_user", "chmod", "chown_file", "modify_soul", "self_modify_soul"),
]
HARMLESS = [
    *("read_files", "write_workspace_files", "send_feishu_message", "access_business_system_read", "access_business"),
    *(
        "create_calendar_event",
        "read_payment_status",
        "get_payment",
        "list_payments",
        "listPayments",
        "bank.getPayment",
    ),
    *("mcp__bank__list_transfers", "get_permissions", "check_permission", "list_deleted_files", "find_refunds", "role"),
    *("search_published_posts", "view_purchase_history", "pays", "payroll_report", "dropdown", "undo", "transport"),
    *("grants", "public_holidays", "send_email", "control", "enrol", "paid_invoices", "describe_access_control"),
]


@pytest.mark.parametrize("name", IRREVERSIBLE)
def test_the_starter_floor_asks_before_the_irreversible(name: str) -> None:
    free = written({"*": "L1"})
    assert evaluate(free, starter_floor(), asks(name)).level is L3
    assert evaluate(free, starter_floor(), asks("x", tool=name)).level is L3
    assert evaluate(written({"*": "DENY"}), starter_floor(), asks(name)).level is DENY


@pytest.mark.parametrize("name", HARMLESS)
def test_the_starter_floor_leaves_the_harmless_alone(name: str) -> None:
    decision = evaluate(written({"*": "L1"}), starter_floor(), asks(name, tool=name))
    assert (decision.level, decision.faults) == (L1, ())


def test_a_harmless_action_does_not_cover_its_tool() -> None:
    assert evaluate(written({"*": "L1"}), starter_floor(), asks("list_payments", tool="make_payment")).level is L3


@pytest.mark.parametrize(("name", "own"), SEED.items())
def test_the_starter_floor_agrees_with_the_starter_policy(name: str, own: Level) -> None:
    assert evaluate(starter_policy(), starter_floor(), asks(name)).level is own


def test_the_starter_floor_is_version_0_and_no_more_than_l3() -> None:
    assert starter_floor().version == 0
    assert {rule.level for rule in starter_floor().rules} == {L3}
    assert {rule.note for rule in starter_floor().rules} == {"delete", "pay", "send outside", "change permissions"}
    assert parse_floor(floor_document(starter_floor())) == starter_floor()
    assert evaluate(ruled(default="L1"), starter_floor(), asks("read")).floor_version == 0
