"""Answers about policies and floors: as they are, what changed, their versions, what they make of an action."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from itertools import groupby

from cards.cut import shortened
from cards.faults import placed_fault
from cards.policy_views import ChangeKind, ChangeView, FindingView, VersionView
from cards.said_in_text import as_typed, lines, safe_line
from cards.tried import version_note, without_exception
from cards.views import PolicyRuleView, PolicyView
from cards.words import CHINA, Bilingual, moment
from models.enums import Language

_LEVELS = Bilingual(
    "（L1 直接执行，L2 执行并告知，L3 需要同意，DENY 禁止）",
    "(L1 runs, L2 runs and you are told, L3 needs approval, DENY never runs)",
)
_FAMILIES = {
    "delete": Bilingual("删除", "delete"),
    "pay": Bilingual("付款", "pay"),
    "send outside": Bilingual("对外发送", "send outside"),
    "change permissions": Bilingual("修改权限", "change permissions"),
}
"""The families of the starter floor; any other note stands as it was written."""

_FAMILY = 3
"""Rules of one note and level that are more than these are told on one line."""


def policy_show(view: PolicyView, language: Language, *, now: datetime, zone: tzinfo = CHINA) -> str:
    """The rules in their order, then the default."""
    rest = Bilingual(
        "· … 还有 {n} 行：命令行 assent policy export {typed}", "· … {n} more: assent policy export {typed}"
    )
    by = Bilingual("由 {who} 于 {at} 修改", "Changed by {who}, {at}")
    written = view.author is not None and view.at is not None and view.version > 0
    default = Bilingual("其他: {level}", "anything else: {level}")
    return lines(
        _title(view).in_(language),
        shortened(list(_rules(view.rules, language)), language, rest, typed=_typed(view)),
        f"· {default.format(level=view.default.value).in_(language)}" if view.default else None,
        _LEVELS.in_(language),
        by.format(who=safe_line(view.author or "—"), at=moment(view.at or now, now, zone)).in_(language)
        if written
        else None,
    )


def _title(view: PolicyView) -> Bilingual:
    if not view.is_floor:
        words = Bilingual("「{agent}」的策略 v{n}", "Policy v{n} of “{agent}”")
        return words.format(agent=safe_line(view.agent), n=view.version)
    if view.version == 0:
        return Bilingual(
            "底线（初始）：任何策略和授权都不能更宽松", "The floor (as it comes): no policy and no grant is looser"
        )
    return Bilingual("底线 v{n}：任何策略和授权都不能更宽松", "Floor v{n}: no policy and no grant is looser").format(
        n=view.version
    )


def _rules(rules: Sequence[PolicyRuleView], language: Language) -> Iterator[str]:
    """A line for each rule, and one for a family of them that one note explains."""
    for (note, level), family in groupby(rules, lambda rule: (rule.note, rule.level)):
        members = list(family)
        if note is None or len(members) <= _FAMILY:
            yield from (_rule(rule) for rule in members)
            continue
        words = Bilingual("· {note}（{n} 条）: {level}\n  {names}", "· {note} ({n} rules): {level}\n  {names}")
        names = safe_line(", ".join(rule.pattern for rule in members), 240)
        yield words.format(
            note=_FAMILIES.get(note, Bilingual(safe_line(note), safe_line(note))),
            n=len(members),
            level=level.value,
            names=names,
        ).in_(language)


def _rule(rule: PolicyRuleView) -> str:
    told = f"\n  {safe_line(' · '.join(rule.conditions), 300)}" if rule.conditions else ""
    return f"· {safe_line(rule.pattern)}: {rule.level.value}{told}"


def _typed(view: PolicyView) -> str:
    return "floor" if view.is_floor else as_typed(view.agent)


def policy_saved(
    view: PolicyView,
    language: Language,
    *,
    changes: Sequence[ChangeView] = (),
    findings: Sequence[FindingView] = (),
    before: int | None = None,
) -> str:
    """What is in force now, what of it is new, and what of it the floor overrides."""
    words = Bilingual("「{agent}」的策略 v{n} 已生效。", "Policy v{n} of “{agent}” is in force.")
    if view.is_floor:
        words = Bilingual("底线 v{n} 已生效，对所有智能体。", "Floor v{n} is in force, for every agent.")
    back = Bilingual("撤回：/policy rollback {typed} {before}", "To undo: /policy rollback {typed} {before}")
    shown = Bilingual("查看：/policy show {typed}", "To see it: /policy show {typed}")
    told = shown.format(typed=_typed(view))
    if before is not None and (before > 0 or view.is_floor):  # v0 of a floor is the starter floor
        told = back.format(typed=_typed(view), before=before)
    return lines(
        words.format(agent=safe_line(view.agent), n=view.version).in_(language),
        _change_lines(changes, language),
        finding_lines(findings, language),
        told.in_(language),
    )


def policy_unchanged(agent: str, version: int, language: Language, *, is_floor: bool = False) -> str:
    words = Bilingual(
        "「{agent}」的策略本来就是这样（v{n}）。", "Nothing to change: policy v{n} of “{agent}” says so already."
    )
    if is_floor:
        words = Bilingual("底线本来就是这样（v{n}）。", "Nothing to change: floor v{n} says so already.")
    return words.format(agent=safe_line(agent), n=version).in_(language)


def policy_invalid(faults: Sequence[str], language: Language) -> str:
    """Every fault at once, so that one more try is enough."""
    title = Bilingual("策略没有更新，请改正：", "The policy was not changed. Please correct:")
    return lines(title.in_(language), (_fault(fault, language) for fault in faults[:20]))


def _fault(fault: str, language: Language) -> str:
    """The parts of a fault that has several lines, such as a condition with a caret below it, stay below each other."""
    first, *more = placed_fault(fault, language).split("\n")
    return "\n".join((f"· {safe_line(first, 300)}", *(_kept(line) for line in more[:3])))


def _kept(line: str) -> str:
    """A line whose blanks count: what stands below it points at a place."""
    return f"  {' ' * (len(line) - len(line.lstrip()))}{safe_line(line.strip(), 300)}"


_KINDS = {
    ChangeKind.ADDED: Bilingual("新增 {rule}: {after}", "new: {rule}: {after}"),
    ChangeKind.REMOVED: Bilingual("删除 {rule}: {before}", "removed: {rule}: {before}"),
    ChangeKind.CHANGED: Bilingual("修改 {rule}: {before} → {after}", "changed: {rule}: {before} → {after}"),
    ChangeKind.MOVED: Bilingual("移动 {rule}（顺序变了）", "moved: {rule} (the order changed)"),
    ChangeKind.DEFAULT: Bilingual("其他: {before} → {after}", "anything else: {before} → {after}"),
}


def change_words(changes: Sequence[ChangeView], language: Language) -> list[str]:
    """A line for each difference, and one for several rules that say the same of different names."""
    told: list[str] = []
    for _, family in groupby(changes, lambda change: (change.kind, change.before, change.after)):
        members = list(family)
        if len(members) <= _FAMILY or members[0].kind is ChangeKind.MOVED:
            told += [_change(change, change.rule, language) for change in members]
            continue
        words = Bilingual("{names}（{n} 条）", "{names} ({n} rules)")
        names = ", ".join(change.rule for change in members)
        told.append(_change(members[0], words.format(names=safe_line(names, 240), n=len(members)), language))
    return told


def _change(change: ChangeView, rule: str | Bilingual, language: Language) -> str:
    said = (without_exception(text or "—", language) for text in (change.before, change.after))
    before, after = (safe_line(text, 160) for text in said)
    shown = safe_line(rule) if isinstance(rule, str) else rule
    return _KINDS[change.kind].format(rule=shown, before=before, after=after).in_(language)


def _change_lines(changes: Sequence[ChangeView], language: Language) -> list[str]:
    rest = Bilingual("· … 还有 {n} 处", "· … {n} more")
    return shortened([f"· {line}" for line in change_words(changes, language)], language, rest, most=20)


def finding_lines(findings: Sequence[FindingView], language: Language) -> list[str]:
    """What of the policy has no effect, because the floor or another rule is in its way."""
    if not findings:
        return []
    rest = Bilingual("· … 还有 {n} 条：assent policy lint", "· … {n} more: assent policy lint")
    told = [
        _fault(f"{finding.path}: {finding.words}" if finding.path else finding.words, language) for finding in findings
    ]
    return [Bilingual("请注意：", "Please note:").in_(language), *shortened(told, language, rest, most=8)]


_MOST_CHANGES = 3


def policy_history(
    agent: str,
    versions: Sequence[VersionView],
    total: int,
    language: Language,
    *,
    is_floor: bool = False,
    now: datetime,
    zone: tzinfo = CHINA,
) -> str:
    """The newest versions first: who, when, what."""
    if not versions:
        words = Bilingual("还没有人修改过。", "Nobody has changed it yet.")
        if is_floor:
            words = Bilingual(
                "还没有人修改过，现在是初始底线（v0）。查看：/policy show floor",
                "Nobody has changed it yet: it is the floor as it comes (v0). To see it: /policy show floor",
            )
        return words.in_(language)
    title = Bilingual("「{agent}」策略的版本（{n}）", "Versions of the policy of “{agent}” ({n})")
    if is_floor:
        title = Bilingual("底线的版本（{n}）", "Versions of the floor ({n})")
    rest = Bilingual(
        "· … 还有 {n} 个：命令行 assent policy history {typed}", "· … {n} more: assent policy history {typed}"
    )
    back = Bilingual("恢复某个版本：/policy rollback {typed} 版本", "To go back: /policy rollback {typed} VERSION")
    typed = "floor" if is_floor else as_typed(agent)
    told = [_version(version, language, now, zone) for version in versions]
    left = total - len(versions)
    return lines(
        title.format(agent=safe_line(agent), n=total).in_(language),
        told,
        rest.format(n=left, typed=typed).in_(language) if left > 0 else None,
        back.format(typed=typed).in_(language),
    )


def _version(view: VersionView, language: Language, now: datetime, zone: tzinfo) -> str:
    said = version_note(view.note)
    note = f" {said.in_(language)}" if said else ""
    first = f"· v{view.version} {moment(view.at, now, zone).in_(language)} {safe_line(view.author)}{note}"
    told = [f"  {line}" for line in change_words(view.changes, language)]
    left = len(told) - _MOST_CHANGES
    return "\n".join([first, *told[:_MOST_CHANGES], *([f"  … (+{left})"] if left > 0 else [])])


def rolled_back(view: PolicyView, to: int, changes: Sequence[ChangeView], findings: Sequence[FindingView],
                language: Language) -> str:  # fmt: skip
    """The earlier version is in force again, as a new one."""
    words = Bilingual(
        "「{agent}」的策略恢复为 v{to}，作为 v{n} 生效。", "Policy v{to} of “{agent}” is in force again, as v{n}."
    )
    if view.is_floor:
        words = Bilingual("底线恢复为 v{to}，作为 v{n} 生效。", "Floor v{to} is in force again, as v{n}.")
    return lines(
        words.format(agent=safe_line(view.agent), to=to, n=view.version).in_(language),
        _change_lines(changes, language),
        finding_lines(findings, language),
    )


def replay_begun(agent: str, days: int, language: Language) -> str:
    words = Bilingual(
        "正在用「{agent}」最近 {n} 天的请求试算，算完就告诉您。什么都不会改变。",
        "Running the checks of “{agent}” of the last {n} days under your draft; I tell you when it is done. "
        "Nothing is changed by it.",
    )
    if agent == "floor":
        words = Bilingual(
            "正在用所有智能体最近 {n} 天的请求试算，算完就告诉您。什么都不会改变。",
            "Running the checks of all agents of the last {n} days under your draft; I tell you when it is done. "
            "Nothing is changed by it.",
        )
    return words.format(agent=safe_line(agent), n=days).in_(language)
