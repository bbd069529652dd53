"""Actions that run without being asked about: the notice of one with its two buttons, and the summary of many."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from cards import elements as node
from cards.action import argument_nodes, claim_nodes, headline_nodes
from cards.refusals import toast
from cards.said_in_text import as_typed, lines, safe_action, safe_line, safe_target
from cards.shown import action_words, name
from cards.views import Notice, RunsView, RunView
from cards.words import Bilingual, moment
from models.enums import Language
from models.values import JsonObject

_ARGUMENTS = 5_000  # bytes of a run's arguments
_RUNS = Bilingual("「{agent}」正在执行：{action}", "“{agent}” is executing: {action}")
_DEFAULT = Bilingual("默认级别", "the default level")
_STOP = Bilingual("以后先问我", "Ask me first from now on")
_WRONG = Bilingual("这次不对", "This was wrong")
_MOST_ACTIONS = 5
_LAST_FAILURE = Bilingual(
    "它这一小时内再失败，只记入收件箱。", "Its further failures this hour are listed in your inbox only."
)


def run_card(view: RunView) -> JsonObject:
    """What runs and why it was not asked about; one tap makes the rule ask, one tap says that this was wrong."""
    run = view.run
    title = _RUNS.format(agent=name(run.agent), action=action_words(run.action_type))
    because = Bilingual("L2 · 规则 {rule}", "L2, rule {rule}").format(rule=name(run.rule) if run.rule else _DEFAULT)
    tags = [node.text_tag(Bilingual("告知", "Notice"), "blue")]
    if view.wrong_at is not None:
        tags = [node.text_tag(Bilingual("已标记不对", "Marked wrong"), "red")]
    elif view.stopped_at is not None:
        tags = [node.text_tag(Bilingual("以后先问", "Asks from now on"), "neutral")]
    header: JsonObject = {
        "title": node.plain_text(title),
        "subtitle": node.plain_text(because),
        "text_tag_list": [*tags],
        "template": "red" if view.wrong_at else "grey" if view.stopped_at else "wathet",
    }
    return node.card(header, title, _run(view))


def _run(view: RunView) -> Iterator[JsonObject]:
    run = view.run
    yield from headline_nodes(run.action_type, run.tool, run.args)
    yield from claim_nodes(run.claimed_reason)
    yield from argument_nodes(run.action_type, run.tool, run.args, budget=_ARGUMENTS, folded=True)
    if run.requester:
        yield node.labelled(Bilingual("请求人", "Requester"), name(run.requester))
    yield node.labelled(Bilingual("时间", "At"), moment(run.at, view.now, run.zone))
    yield node.divider()
    if view.wrong_at is not None:
        yield node.labelled(Bilingual("不对", "Wrong"), _by(view.wrong_by, view.wrong_at, view))
    if view.stopped_at is not None:
        yield node.labelled(Bilingual("以后先问", "Asks first"), _by(view.stopped_by, view.stopped_at, view))
        yield node.note(_stopped(view))
    buttons = [_button("notice_stop", _STOP, "default", view)] if view.stopped_at is None else []
    if view.wrong_at is None:
        buttons.append(_button("notice_wrong", _WRONG, "danger", view))
    if buttons:
        yield node.columns(*((1, [button]) for button in buttons))
    if view.stopped_at is None:
        yield node.note(_hint(view))


def _button(act: str, label: Bilingual, kind: str, view: RunView) -> JsonObject:
    value: JsonObject = {
        "act": act,
        "check_id": str(view.check_id),
        "agent_id": str(view.agent_id),
        "at": view.run.at.isoformat(),
    }
    return node.button(f"{act}:{view.check_id}", label, kind, value)


def _by(who: str | None, at: datetime, view: RunView) -> Bilingual:
    words = Bilingual("{who}，{at}", "{who}, {at}")
    return words.format(who=name(who or "—", 90), at=moment(at, view.now, view.run.zone))


def _hint(view: RunView) -> Bilingual:
    if view.run.rule:
        words = Bilingual(
            "「以后先问我」会把规则 {rule} 改成 L3：先问，再执行。", "“Ask me first” puts rule {rule} at L3."
        )
        return words.format(rule=name(view.run.rule, 90))
    words = Bilingual(
        "「以后先问我」会为 {action} 加一条 L3 规则：先问，再执行。", "“Ask me first” adds an L3 rule for {action}."
    )
    return words.format(action=name(view.run.action_type, 90))


def _stopped(view: RunView) -> Bilingual:
    rule = name(view.stopped_rule or "—", 90)
    if view.stopped_version is None:
        return Bilingual("规则 {rule} 现在是 L3。", "Rule {rule} is L3 now.").format(rule=rule)
    words = Bilingual("规则 {rule} 现在是 L3。改回：{undo}", "Rule {rule} is L3 now. To undo: {undo}")
    return words.format(rule=rule, undo=f"/policy rollback {as_typed(view.run.agent)} {view.stopped_version}")


# -- texts -------------------------------------------------------------------------------------------------------------


def runs_notice(view: RunsView, language: Language) -> Notice:
    """Many runs within an hour in one text, and how to have less of them."""
    title = Bilingual("【汇总】「{agent}」这一小时执行了 {runs} 次", "Summary: “{agent}” ran {runs} times this hour")
    span = Bilingual(
        "{begin} 至 {end}，前 {told} 次已逐条告知。", "{begin} to {end}; the first {told} were told one by one."
    )
    ask = Bilingual("改为先问您：", "To be asked first: ").in_(language)
    begin, end = moment(view.begin, view.now, view.zone), moment(view.end, view.now, view.zone)
    shown = [f"· {safe_action(action, language)} {count}" for action, count in view.actions[:_MOST_ACTIONS]]
    top = view.actions[0][0] if view.actions else None
    return Notice(
        title.format(agent=safe_line(view.agent), runs=view.runs).in_(language),
        lines(
            span.format(begin=begin, end=end, told=view.told).in_(language),
            [*shown, *(["…"] if len(view.actions) > _MOST_ACTIONS else [])],
            f"{ask}/policy set {as_typed(view.agent)} {as_typed(top)} L3" if top else None,
        ),
    )


def failed_notice(view: RunView, error: str | None, language: Language, *, last: bool = False) -> Notice:
    """An action that was not asked about has failed; its creator always learns that.

    `last`: this hour's further failures are in the inbox only.
    """
    title = Bilingual("【执行失败】「{agent}」{action}", "Failed: {action} (“{agent}”)")
    why = Bilingual("智能体报告的原因：", "The agent reports: ").in_(language)
    rule = Bilingual("放行依据：规则 {rule}", "It ran unasked under rule {rule}")
    named = safe_line(view.run.rule) if view.run.rule else _DEFAULT
    target = safe_target(view.run.action_type, view.run.tool, view.run.args)
    what = Bilingual("对象：{target}", "What: {target}").format(target=target) if target else None
    return Notice(
        title.format(agent=safe_line(view.run.agent), action=safe_action(view.run.action_type, language)).in_(language),
        lines(
            what.in_(language) if what else None,
            why + safe_line(error, 400) if error else None,
            rule.format(rule=named).in_(language),
            Bilingual("详情：/why {id}", "More: /why {id}").format(id=str(view.check_id)).in_(language),
            _LAST_FAILURE.in_(language) if last else None,
        ),
    )


# -- toasts ------------------------------------------------------------------------------------------------------------


def stopped_toast(rule: str, *, again: bool) -> JsonObject:
    if again:
        return toast("info", Bilingual("之前已经设为先问您", "It asks first already"))
    words = Bilingual("好，{rule} 以后先问您", "Done: {rule} asks you first from now on")
    return toast("success", words.format(rule=name(rule, 60)))


def wrong_toast(*, again: bool, asks_first: bool) -> JsonObject:
    """`asks_first`: the rule was stopped already, so there is nothing more to offer."""
    if again:
        return toast("info", Bilingual("之前已经标记过", "It was marked already"))
    if asks_first:
        return toast("success", Bilingual("已记录", "Noted"))
    return toast("success", Bilingual("已记录。要它以后先问您吗？", "Noted. Shall it ask you first from now on?"))


def not_told_toast() -> JsonObject:
    """The button names a run of which the audit knows nothing."""
    return toast("error", Bilingual("找不到这次执行", "There is no such run"))
