"""The polite no, because: a sentence for every kind of refusal, and the toasts that a click is answered with."""

from __future__ import annotations

from datetime import datetime, tzinfo

from cards.elements import both
from cards.escape import text_safe
from cards.notices import next_step
from cards.shown import name
from cards.views import ApprovalView
from cards.words import CHINA, STATUSES, Bilingual, moment
from models.enums import ApprovalStatus, Executor, Language, Verdict
from models.values import JsonObject, Refusal, RefusalKind

_SENTENCES: dict[RefusalKind, Bilingual] = {
    RefusalKind.UNKNOWN_VERDICT: Bilingual(
        "不认识这个按钮，没有做任何改动。", "I don't know this button. Nothing was changed."
    ),
    RefusalKind.UNKNOWN_APPROVAL: Bilingual(
        "没有找到这个审批请求。等您审批的请求：/pending",
        "There is no such approval request. What waits for you: /pending",
    ),
    RefusalKind.NOT_YOURS: Bilingual(
        "只有智能体的创建者、组织管理员，或被请来决定的人可以处理。",
        "Only the agent's creator, an admin of the organisation, or somebody who was asked can decide this.",
    ),
    RefusalKind.ALREADY_RESOLVED: Bilingual("{by}{at}{status}，无需再处理。", "Already {status}{by}{at}."),
    RefusalKind.EXPIRED: Bilingual("这个请求{at}过期了，没有执行。", "This request expired{at}. It did not run."),
    RefusalKind.WRONG_CODE: Bilingual(
        "校验码不对。请核对卡片上的校验码：/approve 编号 校验码",
        "That code is not right. Compare it with the one on the card: /approve ID CODE",
    ),
    RefusalKind.NOT_APPROVED: Bilingual(
        "这个请求没有获得同意（{status}），不能执行，也不能授权。",
        "This request is not approved ({status}): it must not run, and no grant can be given on it.",
    ),
    RefusalKind.ALREADY_CLAIMED: Bilingual(
        "这次同意{at}已被认领，只能用一次。", "This approval was claimed{at}. It can be used once only."
    ),
    RefusalKind.CLAIM_LAPSED: Bilingual(
        "智能体没有按时认领，这次同意{at}已失效，请重新请求。",
        "The approval lapsed{at} because it was not claimed in time. Ask again.",
    ),
    RefusalKind.DIGEST_MISMATCH: Bilingual(
        "要执行的操作与获批的不一致，已拒绝。", "The action is not the one that was approved. It was refused."
    ),
    RefusalKind.SERVICE_EXECUTES: Bilingual(
        "这个操作由服务执行，智能体不能认领。", "The service runs this action itself; the agent cannot claim it."
    ),
    RefusalKind.NOT_CLAIMED: Bilingual(
        "还没有认领这次同意，不能上报结果。", "The approval was not claimed yet, so there is no outcome to report."
    ),
    RefusalKind.OUTCOME_KNOWN: Bilingual("结果{at}已经上报过了。", "The outcome was already reported{at}."),
    RefusalKind.DENIED_NOW: Bilingual(
        "现行策略禁止这个操作，没有执行。", "The policy in force denies this action. It did not run."
    ),
    RefusalKind.FROZEN: Bilingual(
        "智能体{at}已被{by}冻结，解冻后才能继续。",
        "The agent was frozen{by}{at}. It can go on when the freeze is over.",
    ),
    RefusalKind.VERSION_MOVED: Bilingual(
        "没有改动：{by}{at}写了更新的版本{detail}。请先用 /policy history 看过再改。",
        "Nothing was changed: a newer version{detail} was written{by}{at}. Look at it first with /policy history.",
    ),
    RefusalKind.BELOW_FLOOR: Bilingual(
        "底线要求这类操作每次都问{detail}，不能授权免问。",
        "The organisation's floor asks for this every time{detail}; no grant can spare it.",
    ),
    RefusalKind.NOT_PENDING: Bilingual("这个请求已经结束（{status}）。", "This request is already over ({status})."),
    RefusalKind.NOT_PERMITTED: Bilingual(
        "您没有权限这样做{by}，需要{who}。", "You are not permitted to do this{by}. Who may: {who}."
    ),
    RefusalKind.UNKNOWN_SUBJECT: Bilingual("没有找到{detail}。", "Not found{detail}."),
    RefusalKind.SEPARATED: Bilingual(
        "这个操作要求请求人和审批人分开：您是请求人，不能同意，但可以拒绝。",
        "Requester and approver must be two people here: you asked for this, so you cannot approve it. You may reject.",
    ),
    RefusalKind.CONSENTED: Bilingual(
        "您已经同意过了，还需要另一个人同意。", "Your approval is recorded; somebody else's is still needed."
    ),
    RefusalKind.EDITED: Bilingual(
        "您改了参数，但按的是「同意」。要按改后的执行，请按「按改后的参数同意」；不改，请先把参数改回去。",
        "You changed arguments but pressed “Approve”. Press “Approve as edited” for what you wrote, or undo it.",
    ),
    RefusalKind.NOT_EDITABLE: Bilingual(
        "没有改动{detail}，也没有同意。请检查填写的内容：文字一行，数字如 120 或 120.50，是非填 true 或 false。",
        "Nothing was changed or approved{detail}. Please check what you typed: one line of text, a number like 120 or"
        " 120.50, true or false.",
    ),
    RefusalKind.CRITICAL: Bilingual(
        "这个请求特别重要，请单独决定。", "This request is critical; please decide it on its own."
    ),
    RefusalKind.STALE: Bilingual(
        "这条消息到得太晚，为安全起见没有执行，请重新发送。",
        "This arrived too late. To be safe it was not run; please send it again.",
    ),
    RefusalKind.INVALID: Bilingual(
        "内容不正确{detail}，没有做任何改动。", "That is not valid{detail}. Nothing was changed."
    ),
}


def refusal_sentence(refusal: Refusal, now: datetime, zone: tzinfo = CHINA) -> Bilingual:
    """Why not, naming who and when where an earlier decision is the reason. For plain_text and toasts."""
    at = moment(refusal.at, now, zone) if refusal.at else None
    status = STATUSES[refusal.status] if refusal.status else Bilingual("已处理", "decided")
    if refusal.kind is RefusalKind.NOT_PERMITTED:
        return _not_permitted(refusal, at)
    if refusal.kind is RefusalKind.EDITED and refusal.by:
        return _CHANGED_MEANWHILE.format(by=name(refusal.by))
    if refusal.kind is RefusalKind.NOT_EDITABLE and refusal.status is not None:
        return _SAME_AS_ANOTHER.format(code=name(refusal.detail or "", 24))
    zh_at, en_at = (f"{at.zh} ", f", {at.en}") if at else ("", "")
    return _SENTENCES[refusal.kind].format(
        by=_by(refusal, has_time=at is not None),
        at=Bilingual(f"于 {zh_at}" if refusal.by and at else zh_at, en_at),
        status=Bilingual(status.zh, status.en.lower()),
        detail=_detail(refusal),
    )


_CHANGED_MEANWHILE = Bilingual(
    "{by} 刚改了参数，您看到的是改前的内容，所以没有同意。请看过现在的内容再决定。",
    "{by} has just changed the arguments; what you saw was the version before, so nothing was approved. Please look"
    " at the present one, then decide.",
)
_SAME_AS_ANOTHER = Bilingual(
    "没有改动：改后与另一个未结束的请求（校验码 {code}）相同，请在那个请求上决定。",
    "Nothing was changed: it would equal another open request (code {code}). Please decide on that one.",
)

_GRANT_TERMS = "1–1000, ≤ 30d"


def _not_permitted(refusal: Refusal, at: Bilingual | None) -> Bilingual:
    """Who may instead, and who did what stands in the way."""
    who = Bilingual("组织管理员", "an admin of the organisation")
    if not refusal.admins_only:
        who = Bilingual("智能体的创建者或组织管理员", "the agent's creator, or an admin of the organisation")
    by = Bilingual("", "")
    if refusal.by:
        by = Bilingual("（{by}{at}所为）", " (by {by}{at})").format(
            by=name(refusal.by), at=Bilingual(" 于 {at} ", ", {at}").format(at=at) if at else ""
        )
    return _SENTENCES[refusal.kind].format(by=by, who=who)


_NOT_OF_AN_APPROVAL = frozenset({RefusalKind.FROZEN, RefusalKind.VERSION_MOVED})


def _by(refusal: Refusal, *, has_time: bool) -> Bilingual:
    if refusal.by is None and refusal.kind in _NOT_OF_AN_APPROVAL:
        return Bilingual("有人" if refusal.kind is RefusalKind.VERSION_MOVED else "", "")
    if refusal.by is None:
        return Bilingual("", "") if has_time else Bilingual("这个请求", "")
    who = name(refusal.by)
    return Bilingual(f"{who} ", f" by {who}")


def _detail(refusal: Refusal) -> Bilingual:
    if not refusal.detail:
        return Bilingual("这一项", "") if refusal.kind is RefusalKind.UNKNOWN_SUBJECT else Bilingual("", "")
    value = name(refusal.detail, 300)
    if refusal.kind is RefusalKind.VERSION_MOVED:
        return Bilingual(f" v{value}", f" (v{value})")
    if refusal.kind is RefusalKind.BELOW_FLOOR:
        return Bilingual(f"（{value}）", f" ({value})")
    if refusal.kind is RefusalKind.INVALID and refusal.detail == _GRANT_TERMS:
        return Bilingual("：授权最长 30 天，1 到 1000 次", ": a grant lasts 30 days at most, for 1 to 1000 uses")
    if refusal.kind is RefusalKind.NOT_EDITABLE:
        return Bilingual(f"（{value}）", f" ({value})")
    bare = refusal.kind is RefusalKind.UNKNOWN_SUBJECT
    return Bilingual(f"「{value}」" if bare else f"：{value}", f": {value}")


def refusal_text(refusal: Refusal, language: Language, now: datetime, zone: tzinfo = CHINA) -> str:
    """The same sentence as an answer in the chat."""
    return text_safe(refusal_sentence(refusal, now, zone).in_(language))


def refusal_toast(refusal: Refusal, now: datetime, zone: tzinfo = CHINA) -> JsonObject:
    """The same sentence as the answer to a click: HTTP 200 with a toast (Feishu callback page)."""
    over = refusal.kind in (RefusalKind.ALREADY_RESOLVED, RefusalKind.EXPIRED, RefusalKind.NOT_PENDING)
    return toast("info" if over else "error", refusal_sentence(refusal, now, zone))


def verdict_toast(verdict: Verdict, service_executes: bool) -> JsonObject:
    """The press is recorded."""
    if verdict is Verdict.REJECT:
        return toast("success", Bilingual("已拒绝，不会执行", "Rejected; it does not run"))
    if service_executes:
        return toast("success", Bilingual("已同意，即将执行", "Approved; it runs now"))
    return toast("success", Bilingual("已同意，智能体可以执行一次", "Approved; the agent may run it once"))


def resolved_toast(view: ApprovalView) -> JsonObject:
    """As verdict_toast, from the recorded state."""
    if view.status is ApprovalStatus.APPROVED:
        return verdict_toast(Verdict.APPROVE, view.executor is Executor.SERVICE)
    if view.status is ApprovalStatus.REJECTED:
        return verdict_toast(Verdict.REJECT, view.executor is Executor.SERVICE)
    if view.status is ApprovalStatus.PENDING:
        return toast("success", consented_words(view))
    return toast("info", next_step(view))


def consented_words(view: ApprovalView) -> Bilingual:
    """One approval of several is recorded."""
    missing = max(1, view.needed - len(view.consents))
    words = Bilingual(
        "已记下您的同意，还需要 {n} 个人同意，现在不会执行",
        "Your approval is recorded; {n} more needed. Nothing runs before that",
    )
    return words.format(n=missing)


def toast(kind: str, words: Bilingual) -> JsonObject:
    """A toast of Feishu's four types: info, success, error, warning."""
    return {"type": kind, "content": words.zh, "i18n": both(words)}


def busy_toast() -> JsonObject:
    """Said when a press could not be settled in time; pressing again is safe."""
    return toast(
        "warning",
        Bilingual(
            "系统繁忙，尚未确认是否已处理，请稍候再点一次", "Busy: not settled yet. Please press again in a moment."
        ),
    )
