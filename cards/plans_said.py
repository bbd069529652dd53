"""The asking plan in words: as it stands, what changed, its versions; and an agent's backup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo

from cards.faults import placed_fault
from cards.plan_views import PlanView, QuestionView, StepView, TermsView
from cards.plan_words import NUDGES, SEVERITIES, demands, ending_words, listed, ref_words, reminding, step_words
from cards.policy_views import ChangeKind, ChangeView, VersionView
from cards.said_in_text import lines, safe_line
from cards.settings import days_said
from cards.words import CHINA, Bilingual, moment
from models.enums import Language

CHANGES_SHOWN = 12
QUESTIONS_SHOWN = 12


def plan_show(view: PlanView, language: Language, *, now: datetime, zone: tzinfo = CHINA) -> str:
    """The rules in their order, then the default, then what holds for all of them."""
    more = Bilingual("· … 还有 {n} 条：命令行 assent plan export", "· … {n} more: assent plan export")
    rest = len(view.questions) - QUESTIONS_SHOWN
    by = Bilingual("由 {who} 于 {at} 修改", "Changed by {who}, {at}")
    head = Bilingual("其他操作：", "Anything else:") if view.questions or view.severities else _ALL
    written = by.format(who=safe_line(view.author), at=moment(view.at, now, zone)) if view.author and view.at else None
    return lines(
        _title(view).in_(language),
        [line for question in view.questions[:QUESTIONS_SHOWN] for line in _question(question, language)],
        more.format(n=rest).in_(language) if rest > 0 else None,
        [line for terms in view.severities for line in _severity(terms, language)],
        head.in_(language),
        _terms(view.default, language),
        _groups(view).in_(language) if view.groups else None,
        _quiet(view).in_(language),
        _rings(view).in_(language) if view.rings else None,
        written.in_(language) if written else None,
        Bilingual("试一下：/plan test 智能体 操作", "Try it: /plan test AGENT ACTION").in_(language),
    )


_ALL = Bilingual("需要审批的操作：", "Whatever needs approval:")


def _title(view: PlanView) -> Bilingual:
    if view.version == 0:
        return Bilingual("询问方案（初始）", "The asking plan (as it comes)")
    return Bilingual("询问方案 v{n}", "Asking plan v{n}").format(n=view.version)


def _question(question: QuestionView, language: Language) -> Iterator[str]:
    shown = safe_line(question.name)
    yield Bilingual(f"「{shown}」", f"“{shown}”").in_(language)
    if question.told:
        yield f"  {safe_line(' · '.join(question.told), 300)}"
    yield from _terms(question.terms, language)
    if question.when_grave is not None:
        yield from _terms(question.when_grave, language)


def _severity(terms: TermsView, language: Language) -> Iterator[str]:
    if terms.severity is not None:
        words = Bilingual("「{what}」的操作，没有另外写明时：", "What is {what}, where nothing else is said:")
        yield words.format(what=SEVERITIES[terms.severity]).in_(language)
        yield from _terms(replace(terms, severity=None), language)


def _terms(terms: TermsView, language: Language) -> Iterator[str]:
    for step in terms.steps:
        yield f"· {_step(step).in_(language)}"
    yield f"· {ending_words(terms).in_(language)}"
    said = [*([SEVERITIES[terms.severity]] if terms.severity else []), *demands(terms)]
    if said:
        yield f"· {listed(said, '，', ', ').in_(language)}"


def _step(step: StepView) -> Bilingual:
    doing = []
    if step.ask:
        asked = listed([ref_words(ref) for ref in step.ask], "、", ", ")
        doing.append(Bilingual("问{who}", "ask {who}").format(who=asked))
    if step.nudge is not None:
        doing.append(reminding(step.nudge, all_of_them=not step.ask))
    return step_words(step.after, doing)


def _groups(view: PlanView) -> Bilingual:
    told = [Bilingual(f"{safe_line(name)}（{n} 人）", f"{safe_line(name)} ({n})") for name, n in view.groups]
    return Bilingual("组：{all}", "Groups: {all}").format(all=listed(told, "、", ", "))


def _quiet(view: PlanView) -> Bilingual:
    usual = Bilingual("按系统设置", "as installed")
    passes = Bilingual("没有例外", "nothing passes")
    if view.critical_passes:
        passes = Bilingual("特别重要的例外", "critical ones pass")
    words = Bilingual(
        "免打扰：{hours}；工作日：{days}；{passes}。个人设置优先（/settings）",
        "Quiet hours: {hours}; working days: {days}; {passes}. A person's own settings come first (/settings)",
    )
    return words.format(
        hours=usual if view.quiet_hours is None else _hours(view.quiet_hours),
        days=usual if view.working_days is None else days_said(view.working_days),
        passes=passes,
    )


def _hours(hours: str) -> Bilingual:
    return Bilingual("不设", "none") if hours == "never" else Bilingual(hours, hours)


def _rings(view: PlanView) -> Bilingual:
    words = Bilingual("{how}每天最多 {n} 次", "{how}, at most {n} a day")
    told = [words.format(how=NUDGES[nudge], n=n) for nudge, n in view.rings]
    return Bilingual("每人：{all}", "For each person: {all}").format(all=listed(told, "；", "; "))


def plan_saved(
    version: int,
    changes: Sequence[ChangeView],
    warnings: Sequence[str],
    language: Language,
    *,
    rolled_back_to: int | None = None,
) -> str:
    """The plan is in force for every question that is opened from now on."""
    words = Bilingual(
        "询问方案 v{n} 已生效，用于此后的请求；等待中的请求仍按原方案。",
        "Asking plan v{n} is in force for what is asked from now on; what waits keeps its own.",
    )
    back = Bilingual("这是 v{n} 的内容。", "It says what v{n} said.")
    look = Bilingual("注意：{what}", "Look at: {what}")
    undo = Bilingual("撤回：/plan rollback {n}", "To undo: /plan rollback {n}")
    return lines(
        words.format(n=version).in_(language),
        back.format(n=rolled_back_to).in_(language) if rolled_back_to is not None else None,
        _changes(changes, language),
        (look.format(what=safe_line(placed_fault(each, language), 300)).in_(language) for each in warnings[:8]),
        undo.format(n=version - 1).in_(language),
    )


def plan_unchanged(version: int, language: Language) -> str:
    words = Bilingual("询问方案本来就是这样（v{n}）。", "Nothing to change: asking plan v{n} says so already.")
    return words.format(n=version).in_(language)


def plan_invalid(faults: Sequence[str], language: Language) -> str:
    """Every fault at once, so that one more try is enough."""
    title = Bilingual("询问方案没有更新，请改正：", "The asking plan was not changed. Please correct:")
    return lines(title.in_(language), (f"· {safe_line(placed_fault(fault, language), 300)}" for fault in faults[:20]))


def plan_history(versions: Sequence[VersionView], language: Language, *, now: datetime, zone: tzinfo = CHINA) -> str:
    if not versions:
        return Bilingual("还没有人改过询问方案。", "Nobody has changed the asking plan yet.").in_(language)
    line = Bilingual("v{n} {at} {who}", "v{n} {at} {who}")
    shown: list[str] = []
    for each in versions:
        said = line.format(n=each.version, at=moment(each.at, now, zone), who=safe_line(each.author)).in_(language)
        note = f" {safe_line(each.note, 200)}" if each.note else ""
        shown += [said + note, *_changes(each.changes, language, most=5)]
    back = Bilingual(
        "恢复：/plan rollback 版本（0 是初始方案）", "Go back: /plan rollback VERSION (0 is the plan as it comes)"
    )
    head = Bilingual("询问方案的修改：", "Changes of the asking plan:")
    return lines(head.in_(language), shown, back.in_(language))


def _changes(changes: Sequence[ChangeView], language: Language, *, most: int = CHANGES_SHOWN) -> list[str]:
    rest = Bilingual("· … 还有 {n} 处", "· … {n} more").format(n=len(changes) - most).in_(language)
    shown = [_change(change) for change in changes[:most]]
    return [*shown, rest] if len(changes) > most else shown


def _change(change: ChangeView) -> str:
    where, before, after = (safe_line(each or "", 120) for each in (change.rule, change.before, change.after))
    if change.kind is ChangeKind.ADDED:
        return f"· + {where}: {after}"
    if change.kind is ChangeKind.REMOVED:
        return f"· − {where}: {before}"
    return f"· {where}: {before} → {after}"


def no_such_plan(given: str, language: Language) -> str:
    words = Bilingual(
        "询问方案没有版本 v{n}。有哪些版本：/plan history",
        "There is no version v{n} of the asking plan. Which there are: /plan history",
    )
    return words.format(n=safe_line(given)).in_(language)


def plan_moved(
    version: str, by: str | None, at: datetime | None, language: Language, *, now: datetime, zone: tzinfo
) -> str:
    """Somebody else wrote a newer version than the one that this change was made to."""
    words = Bilingual(
        "没有改动：询问方案已有更新的版本 v{n}{by}。请先看过再改：/plan show，/plan history",
        "Nothing was changed: there is a newer asking plan, v{n}{by}. Look at it first: /plan show, /plan history",
    )
    who = Bilingual("", "")
    if by is not None and at is not None:
        who = Bilingual("（{who}，{at}）", " ({who}, {at})").format(who=safe_line(by), at=moment(at, now, zone))
    return words.format(n=safe_line(version), by=who).in_(language)


def backup_set(agent: str, backup: str | None, language: Language) -> str:
    words = Bilingual("「{agent}」不再有后备审批人。", "“{agent}” has no backup any more.")
    if backup is not None:
        words = Bilingual(
            "{name} 现在是「{agent}」的后备审批人：您不在或没有及时答复时，按询问方案会问到。",
            "{name} is the backup of “{agent}” now, and is asked when you are away or do not answer in time, as the "
            "asking plan says.",
        )
    return words.format(agent=safe_line(agent), name=safe_line(backup or "")).in_(language)
