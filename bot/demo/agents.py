"""The two sample agents: one acts by itself after the go-ahead, the other leaves the action to its executor.

They know the hook and their own token, like any agent; each action below is preceded by a question.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.demo.diary import Diary
from bot.demo.hook_client import HookClient
from bot.demo.workplace import REPORTS, SUMMARY, Workplace
from models.values import JsonObject

FILE_KEEPER = "文件管家"
CASHIER = "付款助手"

CASHIER_POLICY: JsonObject = {
    "default": "L2",
    "rules": [
        {
            "name": "单笔上限",
            "action": "financial_operations",
            "when": "args.amount > 5000",
            "level": "DENY",
            "note": "大额由财务付 · finance pays these",
        },
        {
            "name": "每日额度",
            "action": "financial_operations",
            "when": 'today("amount") > 20000',
            "level": "DENY",
        },
        {"action": "financial_operations", "level": "L3"},
    ],
}
"""A condition and a budget: what `/policy show` and `/policy test` have to show."""

_REFUSALS = {
    "rejected": ("被拒绝", "rejected"),
    "expired": ("超时无人答复", "nobody answered in time"),
    "cancelled": ("已撤回", "withdrawn"),
    "denied": ("不被允许（策略禁止、已暂停或已冻结）", "denied: by the policy, paused or frozen"),
}


class FileKeeper:
    """Reads (L1), writes (L2) and deletes (L3) in the scratch folder, by itself."""

    def __init__(self, hook: HookClient, diary: Diary, workplace: Workplace) -> None:
        self._hook = hook
        self._diary = diary
        self._workplace = workplace

    async def round(self, number: int) -> None:
        self._workplace.restock()
        reports = await self._read(number)
        await self._write(number, reports)
        await self._delete(number)

    async def _read(self, number: int) -> dict[str, int]:
        answer = await self._hook.check(_ask("read_files", number, {"tool": "list_files", "args": {"path": REPORTS}}))
        if not answer["allowed"]:
            self._not_done("read_files", answer)
            return {}
        reports = self._workplace.read_reports()
        self._note(f"{answer['level']} 读取：{len(reports)} 个文件，不打扰人", f"read {len(reports)} files, silently")
        return reports

    async def _write(self, number: int, reports: dict[str, int]) -> None:
        details = {"tool": "write_file", "args": {"path": SUMMARY}, "reason": "整理季度报表的目录"}
        answer = await self._hook.check(_ask("write_workspace_files", number, details))
        if not answer["allowed"]:
            return self._not_done("write_workspace_files", answer)
        size = self._workplace.write_summary(reports, datetime.now().astimezone())
        self._note(
            f"{answer['level']} 写入 {SUMMARY}，已告知林小雨", f"wrote {size} bytes to {SUMMARY}, 林小雨 was told"
        )
        return None

    async def _delete(self, number: int) -> None:
        details = {
            "tool": "delete_folder",
            "args": {"path": REPORTS},
            "reason": "2025 年的报表已归档，可以清理",
        }
        ask = _ask("delete_files", number, details)
        answer = await self._hook.check(ask)
        if answer["status"] == "pending":
            self._note(f"L3 想删除 {REPORTS}，等待审批", f"wants to delete {REPORTS}, waits for approval")
            answer = await self._hook.settled(ask)
        if not answer["allowed"]:
            self._not_done("delete_files", answer)
            return self._note(f"{REPORTS} 原样保留", f"{REPORTS} was kept")
        deleted = self._workplace.delete(REPORTS)
        if answer["approval_id"]:
            await self._hook.report(answer["approval_id"], "succeeded", {"deleted_files": deleted})
        return self._note(
            f"{answer['level']} 已删除 {REPORTS}（{deleted} 个文件）", f"deleted {REPORTS} ({deleted} files)"
        )

    def _not_done(self, action: str, answer: dict[str, Any]) -> None:
        self._note(*_refused(action, answer))

    def _note(self, zh: str, en: str) -> None:
        self._diary.note(FILE_KEEPER, zh, en)


class Cashier:
    """Asks for payments (L3). It could not pay if it wanted to: after the approval Assent calls the executor."""

    def __init__(self, hook: HookClient, diary: Diary) -> None:
        self._hook = hook
        self._diary = diary

    async def round(self, number: int) -> None:
        invoice = f"INV-2025-{number:04d}"
        args = {
            "invoice": invoice,
            "payee": "云帆科技有限公司",
            "amount": 1180 + 100 * number,
            "currency": "CNY",
        }
        details = {"tool": "pay_invoice", "args": args, "reason": "发票已核对，今天到期"}
        ask = _ask("financial_operations", number, details)
        answer = await self._hook.check(ask)
        if answer["status"] == "pending":
            self._note(f"L3 想支付 {invoice}，等待审批", f"wants to pay {invoice}, waits for approval")
            answer = await self._hook.settled(ask)
        if answer["status"] != "approved":
            self._note(*_refused("financial_operations", answer))
            return self._note(f"{invoice} 未支付", f"{invoice} was not paid")
        execution = answer["execution"]["status"]
        if execution == "succeeded":
            return self._note(f"{invoice} 已由执行方支付，记入账本", f"the executor paid {invoice}, see the ledger")
        return self._note(f"{invoice} 的支付结果：{execution}", f"payment of {invoice}: {execution}")

    def _note(self, zh: str, en: str) -> None:
        self._diary.note(CASHIER, zh, en)


def _ask(action_type: str, number: int, details: dict[str, Any]) -> dict[str, Any]:
    """One session for each round, so that a rejection of the last one is not the answer to this one."""
    return {"action_type": action_type, "details": details, "session": f"demo-{number}"}


def _refused(action: str, answer: dict[str, Any]) -> tuple[str, str]:
    zh, en = _REFUSALS.get(answer["status"], ("未获准", "not allowed"))
    reason = answer.get("reason")
    return (f"{action} {zh}：{reason}", f"{en}: {reason}") if reason else (f"{action} {zh}", en)
