"""The sentences and words of cards and texts, in both languages, in one place. Wording only; nothing is drawn here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo

from models.enums import (
    AgentStatus,
    ApprovalStatus,
    Delivery,
    ExecutionStatus,
    Language,
    Role,
    Verdict,
    Via,
)

CHINA = timezone(timedelta(hours=8), "UTC+8")
"""The default zone of all shown times. China has no daylight saving, so no zone database is needed."""


@dataclass(frozen=True, slots=True)
class Bilingual:
    """One sentence in both languages; zh_cn comes first."""

    zh: str
    en: str

    def in_(self, language: Language) -> str:
        return self.zh if language is Language.ZH_CN else self.en

    def format(self, **values: str | int | Bilingual) -> Bilingual:
        """Both sentences with `{name}` filled in; a Bilingual value gives each its own language."""
        zh = {key: value.zh if isinstance(value, Bilingual) else value for key, value in values.items()}
        en = {key: value.en if isinstance(value, Bilingual) else value for key, value in values.items()}
        return Bilingual(self.zh.format(**zh), self.en.format(**en))


ACTIONS: dict[str, Bilingual] = {
    "read_files": Bilingual("读取文件", "read files"),
    "write_workspace_files": Bilingual("写入工作区文件", "write workspace files"),
    "send_feishu_message": Bilingual("发送飞书消息", "send a Feishu message"),
    "send_external_message": Bilingual("对外发送消息", "send an external message"),
    "modify_soul": Bilingual("修改自身设定", "change its own instructions"),
    "access_business_system_read": Bilingual("读取业务系统", "read a business system"),
    "access_business_system_write": Bilingual("写入业务系统", "write to a business system"),
    "delete_files": Bilingual("删除文件", "delete files"),
    "create_calendar_event": Bilingual("创建日程", "create a calendar event"),
    "financial_operations": Bilingual("执行资金操作", "move money"),
}
"""The action types of the starter policy as verb phrases; any other is shown as the agent wrote it."""

AGENT_GONE = Bilingual("智能体已归档", "the agent was archived")
"""Recorded as the reason, in both languages, where that closed a question."""

STATUSES: dict[ApprovalStatus, Bilingual] = {
    ApprovalStatus.PENDING: Bilingual("待审批", "Pending"),
    ApprovalStatus.APPROVED: Bilingual("已同意", "Approved"),
    ApprovalStatus.REJECTED: Bilingual("已拒绝", "Rejected"),
    ApprovalStatus.EXPIRED: Bilingual("已过期", "Expired"),
    ApprovalStatus.CANCELLED: Bilingual("已撤回", "Cancelled"),
}

EXECUTIONS: dict[ExecutionStatus, Bilingual] = {
    ExecutionStatus.NOT_STARTED: Bilingual("尚未执行", "Not started"),
    ExecutionStatus.RUNNING: Bilingual("执行中", "Executing"),
    ExecutionStatus.SUCCEEDED: Bilingual("执行成功", "Succeeded"),
    ExecutionStatus.FAILED: Bilingual("执行失败", "Failed"),
    ExecutionStatus.UNKNOWN: Bilingual("结果不明", "Outcome unknown"),
}

ROLES: dict[Role, Bilingual] = {
    Role.MEMBER: Bilingual("成员", "member"),
    Role.ORG_ADMIN: Bilingual("组织管理员", "organisation admin"),
    Role.PLATFORM_ADMIN: Bilingual("平台管理员", "platform admin"),
}

AGENT_STATUSES: dict[AgentStatus, Bilingual] = {
    AgentStatus.ACTIVE: Bilingual("运行中", "active"),
    AgentStatus.PAUSED: Bilingual("已暂停", "paused"),
    AgentStatus.ARCHIVED: Bilingual("已归档", "archived"),
}

DELIVERIES: dict[Delivery, Bilingual] = {
    Delivery.QUEUED: Bilingual("待发送", "queued"),
    Delivery.SENT: Bilingual("已送达", "sent"),
    Delivery.SEEN: Bilingual("已读", "seen"),
    Delivery.ACTED: Bilingual("已处理", "acted on"),
    Delivery.DEGRADED: Bilingual("卡片发送失败，已改发文字", "card refused, text sent instead"),
    Delivery.UNDELIVERABLE: Bilingual("无法送达", "undeliverable"),
}

VIAS: dict[Via, Bilingual] = {
    Via.CARD: Bilingual("卡片", "card"),
    Via.COMMAND: Bilingual("命令", "command"),
    Via.EXPIRY: Bilingual("到期", "expiry"),
    Via.AGENT: Bilingual("智能体", "agent"),
}

VERDICTS: dict[Verdict, Bilingual] = {
    Verdict.APPROVE: Bilingual("同意", "Approve"),
    Verdict.REJECT: Bilingual("拒绝", "Reject"),
}

LANGUAGES: dict[Language, Bilingual] = {
    Language.ZH_CN: Bilingual("简体中文", "Chinese (simplified)"),
    Language.EN_US: Bilingual("英文", "English"),
}

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def lasting(delta: timedelta) -> Bilingual:
    """How long, in the two largest units: 2 小时 5 分钟."""
    minutes = max(0, int(delta.total_seconds())) // 60
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    if days:
        return _units(days, "天", "d", hours, "小时", "h")
    if hours:
        return _units(hours, "小时", "h", minutes, "分钟", "min")
    return Bilingual(f"{minutes} 分钟", f"{minutes} min") if minutes else Bilingual("不到 1 分钟", "under 1 min")


def _units(large: int, large_zh: str, large_en: str, small: int, small_zh: str, small_en: str) -> Bilingual:
    zh, en = f"{large} {large_zh}", f"{large} {large_en}"
    return Bilingual(f"{zh} {small} {small_zh}", f"{en} {small} {small_en}") if small else Bilingual(zh, en)


def ago(delta: timedelta, language: Language) -> str:
    """How long past: 5 分钟前, 5 min ago; 刚刚 below a minute."""
    if delta < timedelta(minutes=1):
        return Bilingual("刚刚", "just now").in_(language)
    return Bilingual("{t}前", "{t} ago").format(t=lasting(delta)).in_(language)


def moment(at: datetime, now: datetime, zone: tzinfo = CHINA) -> Bilingual:
    """The local date and time, with the year only when it is another one than now's."""
    local = at.astimezone(zone)
    clock = f"{local:%H:%M}"
    if local.year == now.astimezone(zone).year:
        return Bilingual(f"{local.month}月{local.day}日 {clock}", f"{_MONTHS[local.month - 1]} {local.day}, {clock}")
    return Bilingual(
        f"{local.year}年{local.month}月{local.day}日 {clock}",
        f"{_MONTHS[local.month - 1]} {local.day} {local.year}, {clock}",
    )


def zone_name(at: datetime, zone: tzinfo = CHINA) -> str:
    """UTC+8: the offset in force at `at`."""
    offset = at.astimezone(zone).utcoffset() or timedelta(0)
    sign = "-" if offset < timedelta(0) else "+"
    hours, rest = divmod(abs(int(offset.total_seconds())), 3600)
    return f"UTC{sign}{hours}" + (f":{rest // 60:02d}" if rest else "")
