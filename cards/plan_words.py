"""The words that every answer about asking plans shares: steps, people, ways to remind, endings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from cards.plan_views import TermsView
from cards.said_in_text import safe_line
from cards.words import Bilingual, lasting
from models.enums import AskedAs, Ending, Nudge, Severity

SEVERITIES = {
    Severity.NORMAL: Bilingual("普通", "normal"),
    Severity.HIGH: Bilingual("重要", "high"),
    Severity.CRITICAL: Bilingual("特别重要", "critical"),
}
NUDGES = {
    Nudge.THREAD: Bilingual("卡片下留言", "a text in the card's thread"),
    Nudge.PIN: Bilingual("置顶机器人会话", "the bot's chat on top"),
    Nudge.URGENT_APP: Bilingual("应用内加急", "an urgent buzz in the app"),
    Nudge.URGENT_SMS: Bilingual("短信加急", "an urgent text message"),
    Nudge.URGENT_PHONE: Bilingual("电话加急", "an urgent call"),
}
REFS = {
    "creator": Bilingual("创建者", "the creator"),
    "backup": Bilingual("后备审批人", "the backup"),
    "leader": Bilingual("创建者的上级", "the creator's leader"),
    "admins": Bilingual("管理员", "the admins"),
    "role:org_admin": Bilingual("组织管理员", "the organisation's admins"),
}
ASKED_AS = {
    AskedAs.CREATOR: Bilingual("创建者", "creator"),
    AskedAs.BACKUP: Bilingual("后备审批人", "backup"),
    AskedAs.DELEGATE: Bilingual("代理人", "stands in"),
    AskedAs.LEADER: Bilingual("上级", "leader"),
    AskedAs.ADMIN: Bilingual("管理员", "admin"),
    AskedAs.GROUP: Bilingual("方案指定", "named by the plan"),
}


def listed(parts: Sequence[Bilingual], zh: str, en: str) -> Bilingual:
    """The parts with the separators of their languages between them."""
    return Bilingual(zh.join(part.zh for part in parts), en.join(part.en for part in parts))


def at_once_or_after(after: timedelta) -> Bilingual:
    if not after:
        return Bilingual("立即", "at once")
    return Bilingual("{t}后", "after {t}").format(t=lasting(after))


def step_words(after: timedelta, doing: Sequence[Bilingual]) -> Bilingual:
    """When, and all that happens then."""
    words = Bilingual("{at}：{doing}", "{at}: {doing}")
    return words.format(at=at_once_or_after(after), doing=listed(doing, "；", "; "))


def reminding(how: Nudge, *, all_of_them: bool) -> Bilingual:
    words = Bilingual("提醒（{how}）", "remind by {how}")
    if all_of_them:
        words = Bilingual("提醒还没答复的人（{how}）", "remind all who have not answered, by {how}")
    return words.format(how=NUDGES[how])


def ref_words(ref: str) -> Bilingual:
    """Whom a word of the plan names."""
    kind, _, name = ref.partition(":")
    shown = safe_line(name)
    if kind == "group":
        return Bilingual(f"「{shown}」组", f"the group “{shown}”")
    if kind == "person":
        return Bilingual(shown, shown)
    return REFS.get(ref, Bilingual(safe_line(ref), safe_line(ref)))


def ending_words(terms: TermsView) -> Bilingual:
    words = Bilingual("{t}内没人答复：过期，不执行", "nobody answers within {t}: expired, it does not run")
    if terms.ending is Ending.REJECT:
        words = Bilingual("{t}内没人答复：拒绝", "nobody answers within {t}: rejected")
    return words.format(t=lasting(terms.open_for))


def demands(terms: TermsView) -> list[Bilingual]:
    """What is asked of the answer, beside that somebody gives it."""
    found = []
    if terms.approvals > 1:
        found.append(Bilingual("需 {n} 人同意", "{n} people must approve").format(n=terms.approvals))
    if terms.separate_duties:
        found.append(Bilingual("请求人不能同意", "the requester may not approve"))
    return found
