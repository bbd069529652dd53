"""What an action is, on any card that tells of one: headline, arguments, the agent's claim. Masked, cut, plain text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property

from cards import elements as node
from cards.argument_signs import Kind, Sign
from cards.argument_types import Told
from cards.arguments import Risk, Row, read, risk, shared_out, sole, target
from cards.escape import json_bytes
from cards.shown import name, quoted
from cards.words import CHINA, Bilingual
from models.enums import Severity
from models.values import JsonObject

ARGUMENTS = 7_500
"""Bytes of all arguments together while they are to be decided on."""

_TARGET = 600
_MOST_ARGUMENTS = 12
_MOST_OPEN_ARGUMENTS = 5
_MOST_FOLDED_BELOW = 8  # where some stand open above
_OPEN = 2_400  # bytes of the arguments that stand open; what has no room there is folded away whole
_OPEN_LINES = 9

KIND_WORDS: dict[Kind, Bilingual] = {
    Kind.SQL: Bilingual("SQL", "SQL"),
    Kind.SHELL: Bilingual("命令", "command"),
    Kind.PATH: Bilingual("路径", "path"),
    Kind.ADDRESS: Bilingual("地址", "address"),
    Kind.URL: Bilingual("网址", "URL"),
    Kind.TIME: Bilingual("时间", "time"),
    Kind.TEXT: Bilingual("正文", "text"),
    Kind.JSON: Bilingual("结构", "structure"),
    Kind.MONEY: Bilingual("金额", "money"),
}
SIGN_WORDS: dict[Sign, Bilingual] = {
    Sign.NO_WHERE: Bilingual("没有 WHERE：影响整张表", "No WHERE: the whole table"),
    Sign.DROPS: Bilingual("会删掉表或库里的全部内容", "Drops or empties a table"),
    Sign.STATEMENTS: Bilingual("不止一条语句", "More than one statement"),
    Sign.REMOVES: Bilingual("命令会删除或清空", "The command removes or overwrites"),
    Sign.ELEVATED: Bilingual("以管理员身份运行", "Runs with elevated rights"),
    Sign.PIPED: Bilingual("直接运行下载的内容", "Runs what it downloads"),
    Sign.FORCED: Bilingual("跳过安全检查（--force 等）", "Skips safety checks (--force and the like)"),
    Sign.CLIMBS: Bilingual("路径含 ..，可能跳出目录", "The path has .. and may leave its folder"),
    Sign.WILDCARD: Bilingual("路径含通配符", "The path has wildcards"),
    Sign.LOOKALIKE: Bilingual("混有形似字母，可能是仿冒", "Letters of two scripts in one word: maybe an imitation"),
    Sign.OTHER_HOST: Bilingual("网址在 @ 之前的部分不是网站名", "In the URL, what stands before the @ is not the site"),
}

_RISKS: dict[Risk, Bilingual] = {
    Risk.DELETE: Bilingual("不可撤回：删除后可能无法恢复", "Cannot be undone: what is deleted may not come back"),
    Risk.PAY: Bilingual("不可撤回：款项转出后可能无法追回", "Cannot be undone: money that has left may not come back"),
    Risk.SEND: Bilingual("不可撤回：发出后收不回来", "Cannot be undone: what is sent stays sent"),
}
UNKNOWN_RISK = Bilingual("能否撤回：无法判断", "Whether it can be undone: not known")
_SEVERITIES: dict[Severity, Bilingual] = {
    Severity.HIGH: Bilingual("重要", "Important"),
    Severity.CRITICAL: Bilingual("特别重要", "Critical"),
}


_ON_THE_PAGE = Bilingual("共 {n} 项参数，完整内容见全文", "{n} arguments; the whole is on the full page")


@dataclass(frozen=True)
class Action:
    """An action request as a card tells it. Reads, masks and types the arguments once, however often it is drawn."""

    action_type: str
    tool: str | None
    args: JsonObject
    zone: tzinfo = CHINA

    def headline(self) -> Iterator[JsonObject]:
        """The most telling argument in large letters, the tool above it."""
        over, large = self.headline_texts()
        if over:
            yield node.note(over)
        if large:
            yield node.block(large, size="heading")

    def headline_texts(self) -> tuple[str | None, str | None]:
        """What stands small above, and the large line; None where there is none."""
        shown = name(self.tool) if self.tool else None
        over = [shown if self._telling else None, self._sole]
        return " · ".join(filter(None, over)) or None, self._telling or shown

    def gravity(self, severity: Severity = Severity.NORMAL) -> Iterator[JsonObject]:
        """Whether it can be undone, how much it matters, what stands out in it: on red where there is any."""
        lines = self.grave_lines(severity)
        if not lines:
            yield node.note(UNKNOWN_RISK)
            return
        words = Bilingual("\n".join(f"⚠ {line.zh}" for line in lines), "\n".join(f"⚠ {line.en}" for line in lines))
        yield node.tinted("red", [node.block(words, color="red")])

    def grave_lines(self, severity: Severity = Severity.NORMAL) -> list[Bilingual]:
        """What should make a person stop; none where nothing is known."""
        return [*self._risk_lines(severity), *self._signs()]

    def folded(self, budget: int = ARGUMENTS, most: int = _MOST_ARGUMENTS) -> Iterator[JsonObject]:
        """All arguments, folded away; nothing where there are none, or the headline says it all."""
        if self._told and self._sole is None:
            yield self._panel(budget, most)

    def unfolded(self, budget: int = ARGUMENTS, *, rest: bool = True) -> Iterator[JsonObject]:
        """The first few arguments, a long one with head and tail; what was left out is folded away below.

        Where `rest` is false it is only said to be on the full page.
        """
        if not self._told:
            yield node.note(Bilingual("没有参数", "No arguments"))
        if not self._told or self._sole is not None:
            return
        shown = shared_out(self._told[:_MOST_OPEN_ARGUMENTS], _OPEN, _OPEN_LINES)
        for row in shown:
            yield from [node.labelled(row.name, row.text)] if row.is_short else _stacked(row)
        if not self._left_out(len(shown)) and not any(row.cut for row in shown):
            return
        if rest:
            yield self._panel(budget - _OPEN, _MOST_FOLDED_BELOW)
        else:
            yield node.note(_ON_THE_PAGE.format(n=len(self.args)))

    @cached_property
    def _told(self) -> list[tuple[str, Told]]:
        return read(self.args, _MOST_ARGUMENTS, self.zone)

    @cached_property
    def _telling(self) -> str | None:
        return target(self.args, self._risk, _TARGET, json_bytes)

    @cached_property
    def _sole(self) -> str | None:
        """The name of the one argument whose whole text the headline is."""
        return sole(self.args, self._telling, ARGUMENTS)

    @cached_property
    def _risk(self) -> Risk | None:
        return risk(self.action_type, self.tool)

    def _risk_lines(self, severity: Severity) -> Iterator[Bilingual]:
        hint = _RISKS[self._risk] if self._risk else UNKNOWN_RISK
        if (words := _SEVERITIES.get(severity)) is not None:
            yield Bilingual("{severity} · {hint}", "{severity} · {hint}").format(severity=words, hint=hint)
        elif self._risk:
            yield hint

    def _signs(self) -> Iterator[Bilingual]:
        return (SIGN_WORDS[sign] for sign in dict.fromkeys(sign for _, one in self._told for sign in one.signs))

    def _panel(self, budget: int, most: int) -> JsonObject:
        shown = shared_out(self._told[:most], budget)
        title = Bilingual("全部参数（{n} 项）", "All arguments ({n})").format(n=len(self.args))
        parts = [part for row in shown for part in _stacked(row)]
        if left_out := self._left_out(len(shown)):
            more = Bilingual("还有 {n} 项未显示，见全文", "{n} more: see the full page")
            parts.append(node.note(more.format(n=left_out)))
        elif any(row.cut for row in shown):
            parts.append(node.note(Bilingual("只显示了头尾，见全文", "Head and tail only: see the full page")))
        return node.panel(title, parts)

    def _left_out(self, shown: int) -> int:
        """How many arguments have no row; a currency that stands with its amount has none, and is not left out."""
        return max(0, len(self._told) - shown) + max(0, len(self.args) - _MOST_ARGUMENTS)


def headline_nodes(action_type: str, tool: str | None, args: JsonObject) -> Iterator[JsonObject]:
    return Action(action_type, tool, args).headline()


def argument_nodes(
    action_type: str, tool: str | None, args: JsonObject, *, budget: int = ARGUMENTS, folded: bool
) -> Iterator[JsonObject]:
    action = Action(action_type, tool, args)
    return action.folded(budget) if folded else action.unfolded(budget)


def claim_nodes(claimed_reason: str | None) -> Iterator[JsonObject]:
    """The agent's own words, on grey, and that they are that."""
    if claimed_reason and claimed_reason.strip():
        heading = Bilingual("智能体自称的理由（未核实）", "The agent's own reason (not verified)")
        yield node.tinted("grey", [node.note(heading), node.block(quoted(claimed_reason), color="grey")])


def _stacked(row: Row) -> tuple[JsonObject, JsonObject]:
    return node.note(_title(row)), node.block(row.text)


def _title(row: Row) -> str | Bilingual:
    """The argument's name, what it is, and how large, where that is not seen at once."""
    size = f" · {_bytes(row.whole)}" if row.cut else ""
    if (words := KIND_WORDS.get(row.kind)) is None:
        return f"{row.name}{size}"
    return Bilingual(f"{row.name} · {words.zh}{size}", f"{row.name} · {words.en}{size}")


def _bytes(count: int) -> str:
    return f"{count} B" if count < 1_024 else f"{count / 1_024:,.1f} KB"
