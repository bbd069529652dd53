"""Whom an action would be asked of, and when: the answer to /plan test."""

from __future__ import annotations

from cards.plan_views import ForeseenStep, ForeseenView, PersonAsked
from cards.plan_words import ASKED_AS, SEVERITIES, demands, ending_words, listed, ref_words, reminding, step_words
from cards.said_in_text import lines, safe_action, safe_line
from cards.words import Bilingual
from models.enums import Language, Level


def plan_tried(view: ForeseenView, language: Language) -> str:
    """Step by step, with the people as they are now: who is away is stood in for."""
    title = Bilingual("「{agent}」{action}：", "{action} (“{agent}”):")
    level = Bilingual(
        "现行策略给它 {level}，不会询问。假如要问：", "It gets {level} now, so nobody is asked. If it needed approval:"
    )
    used = Bilingual("按询问方案 v{n} 的「{rule}」（{severity}）", "By “{rule}” of asking plan v{n} ({severity})")
    if view.question == "default":
        used = Bilingual("按询问方案 v{n} 的默认（{severity}）", "By the default of asking plan v{n} ({severity})")
    return lines(
        title.format(agent=safe_line(view.agent), action=safe_action(view.action_type, language)).in_(language),
        level.format(level=view.level.value).in_(language) if view.level is not Level.L3 else None,
        used.format(n=view.version, rule=safe_line(view.question), severity=SEVERITIES[view.severity]).in_(language),
        (f"· {_step(step).in_(language)}" for step in view.steps),
        f"· {ending_words(view.terms).in_(language)}",
        (f"· {each.in_(language)}" for each in demands(view.terms)),
        Bilingual("这只是试算，没有问任何人。", "This was only a trial: nobody was asked.").in_(language),
    )


def _step(step: ForeseenStep) -> Bilingual:
    doing: list[Bilingual] = []
    if step.people:
        people = listed([_person(one) for one in step.people], "、", ", ")
        doing.append(Bilingual("问 {people}", "ask {people}").format(people=people))
    new = Bilingual(
        "{who}：有人还不认识，到时按邮箱找", "{who}: somebody is not known yet, and looked up by e-mail then"
    )
    doing += [new.format(who=ref_words(ref)) for ref in step.unknown]
    gone = Bilingual("{who}：目前没有人可问", "{who}: nobody is there")
    doing += [gone.format(who=ref_words(ref)) for ref in step.unreached]
    if step.nudge is not None:
        doing.append(reminding(step.nudge, all_of_them=True))
    return step_words(step.at, doing or [Bilingual("没有新的人要问", "nobody new is asked")])


def _person(one: PersonAsked) -> Bilingual:
    shown = safe_line(one.name)
    if one.instead_of is not None:
        other = safe_line(one.instead_of)
        return Bilingual(f"{shown}（代 {other}）", f"{shown} (for {other})")
    why = ASKED_AS[one.asked_as]
    return Bilingual(f"{shown}（{why.zh}）", f"{shown} ({why.en})")
