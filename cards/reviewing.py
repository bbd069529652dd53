"""The review of a run that nobody was asked about: was this right?"""

from __future__ import annotations

from collections.abc import Iterator

from cards import elements as node
from cards.granting import grant_nodes, run_nodes
from cards.refusals import toast
from cards.said_in_text import lines, safe_action, safe_line, safe_target
from cards.shown import action_words, name
from cards.views import ReviewView
from cards.words import Bilingual, moment
from models.enums import Language, ReviewAnswer
from models.values import JsonObject

_TITLE = Bilingual("抽查：「{agent}」{action}，这次对吗？", "Review: was this right? {action} (“{agent}”)")
_ANSWERS: dict[ReviewAnswer, Bilingual] = {
    ReviewAnswer.RIGHT: Bilingual("没问题", "Right"),
    ReviewAnswer.WRONG: Bilingual("不对，撤销", "Wrong, revoke"),
}
_RECORDED: dict[ReviewAnswer, Bilingual] = {
    ReviewAnswer.RIGHT: Bilingual("没问题", "Right"),
    ReviewAnswer.WRONG: Bilingual("不对，授权已撤销", "Wrong; the grant is revoked"),
}
_RAN = Bilingual("{at} 自己执行的", "It ran by itself, {at}")
_COLORS = {ReviewAnswer.RIGHT: "green", ReviewAnswer.WRONG: "red"}
_WHY = Bilingual(
    "这次凭您的授权自己执行，没有再问。抽出来请您看一眼；点“不对”会立即撤销授权，以后照常来问。",
    "It ran by itself, under your grant. This one was drawn for a look; “wrong” revokes the grant at once.",
)


def review_card(view: ReviewView) -> JsonObject:
    """The question with its two buttons, or the answer that was given."""
    grant = view.use.grant
    title = _TITLE.format(agent=name(grant.agent), action=action_words(grant.action_type))
    tags = [node.text_tag(Bilingual("抽查", "Review"), "indigo")]
    if view.answer is not None:
        tags = [node.text_tag(_RECORDED[view.answer], _COLORS[view.answer])]
    header: JsonObject = {
        "title": node.plain_text(title),
        "subtitle": node.plain_text(_RAN.format(at=moment(view.use.at, grant.now, grant.zone))),
        "text_tag_list": [*tags],
        "template": "indigo" if view.answer is None else _COLORS[view.answer],
    }
    return node.card(header, title, _body(view))


def _body(view: ReviewView) -> Iterator[JsonObject]:
    yield from run_nodes(view.use)
    yield node.divider()
    yield from grant_nodes(view.use.grant)
    if view.answer is None:
        yield node.note(_WHY)
        yield node.columns((1, [_button(view, ReviewAnswer.RIGHT)]), (1, [_button(view, ReviewAnswer.WRONG)]))
        return
    at = moment(view.answered_at or view.use.at, view.use.grant.now, view.use.grant.zone)
    words = Bilingual("{answer}（{who}，{at}）", "{answer} ({who}, {at})")
    who = name(view.answered_by or "—", 90)
    yield node.labelled(Bilingual("抽查", "Review"), words.format(answer=_RECORDED[view.answer], who=who, at=at))


def _button(view: ReviewView, answer: ReviewAnswer) -> JsonObject:
    act = f"review_{answer.value}"
    kind = "primary" if answer is ReviewAnswer.RIGHT else "danger"
    value: JsonObject = {"act": act, "review_id": str(view.review_id)}
    return node.button(f"{act}:{view.review_id}", _ANSWERS[answer], kind, value)


def review_text(view: ReviewView, language: Language) -> str:
    """Stands in for a card that Feishu refused."""
    grant = view.use.grant
    title = _TITLE.format(agent=safe_line(grant.agent), action=safe_action(grant.action_type, language))
    what = safe_target(grant.action_type, grant.tool, view.use.args)
    wrong = Bilingual("如果不对，请撤销：", "If it was wrong, end it: ").in_(language)
    return lines(
        title.in_(language),
        Bilingual("对象：", "What: ").in_(language) + what if what else None,
        wrong + f"/grant revoke {grant.grant_id}",
    )


def reviewed_toast(view: ReviewView, *, again: bool) -> JsonObject:
    """The answer is recorded, or somebody had answered."""
    answer = view.answer or ReviewAnswer.RIGHT
    if again:
        words = Bilingual("{who}已答复：{answer}", "Answered by {who}: {answer}")
        return toast("info", words.format(who=name(view.answered_by or "—", 60), answer=_RECORDED[answer]))
    thanks = Bilingual("谢谢，已记录", "Thank you, recorded")
    return toast("success", _RECORDED[answer] if answer is ReviewAnswer.WRONG else thanks)
