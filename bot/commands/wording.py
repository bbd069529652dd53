"""What a person is told whose command was not understood."""

from __future__ import annotations

import re

from bot.commands.values import Problem, Usage
from models.enums import Language

_ZH = {
    Problem.UNKNOWN_COMMAND: "没有 /{given} 这个命令。",
    Problem.UNKNOWN_SUBCOMMAND: "没有“{given}”这个子命令。",
    Problem.MISSING_WORD: "命令不完整。",
    Problem.TOO_MANY_WORDS: "多出了“{given}”。名称里有空格时请加引号。",
    Problem.BAD_ID: "“{given}”不是编号。请用卡片上的编号，至少前 6 位。",
    Problem.BAD_NAME: "“{given}”不能用作名称：最多 100 个字符，不能含控制字符。",
    Problem.BAD_LEVEL: "没有“{given}”这个级别。可选 L1、L2、L3、DENY。",
    Problem.BAD_ROLE: "没有“{given}”这个角色。可选 member、org_admin、platform_admin。",
    Problem.BAD_URL: "“{given}”不是 http(s) 网址。",
    Problem.BAD_JSON: "JSON 有误：{given}。",
    Problem.BAD_DURATION: "“{given}”不是时长。请写成 30m、2h 或 7d。",
    Problem.BAD_DAYS: "“{given}”不是天数。可写 1d 到 90d。",
    Problem.BAD_VERSION: "“{given}”不是版本号。请写成 5 或 v5。",
    Problem.BAD_NUMBER: "“{given}”不是大于 0 的整数。",
    Problem.BAD_OPTION: "看不懂“{given}”。",
    Problem.BAD_LANGUAGE: "没有“{given}”这种语言。可选 中文、English。",
    Problem.BAD_QUIET: "“{given}”不是时段。请写成 22:00-08:00、never（不设免打扰）或 default（跟随组织）。",
    Problem.BAD_WEEKDAYS: "“{given}”不是工作日。请写成 周一到周五、12345、每天 或 default（跟随组织）。",
    Problem.BAD_ZONE: "没有“{given}”这个时区。请写城市或时区，例如 上海、Europe/Berlin、UTC+8；default 表示跟随组织。",
    Problem.BAD_CLOCK: "“{given}”不是时间。请写成 18:00、never（不发摘要）或 default（跟随组织）。",
}
_EN = {
    Problem.UNKNOWN_COMMAND: "There is no command /{given}.",
    Problem.UNKNOWN_SUBCOMMAND: "There is no sub-command “{given}”.",
    Problem.MISSING_WORD: "Something is missing.",
    Problem.TOO_MANY_WORDS: "“{given}” is too much. Put a name with spaces in quotes.",
    Problem.BAD_ID: "“{given}” is not an id. Use the id on the card, at least its first 6 digits.",
    Problem.BAD_NAME: "“{given}” cannot be a name: at most 100 characters, no control characters.",
    Problem.BAD_LEVEL: "There is no level “{given}”. Choose L1, L2, L3 or DENY.",
    Problem.BAD_ROLE: "There is no role “{given}”. Choose member, org_admin or platform_admin.",
    Problem.BAD_URL: "“{given}” is not an http(s) URL.",
    Problem.BAD_JSON: "The JSON is wrong: {given}.",
    Problem.BAD_DURATION: "“{given}” is no length of time. Write 30m, 2h or 7d.",
    Problem.BAD_DAYS: "“{given}” is no number of days. Write 1d to 90d.",
    Problem.BAD_VERSION: "“{given}” is no version. Write 5 or v5.",
    Problem.BAD_NUMBER: "“{given}” is no whole number above 0.",
    Problem.BAD_OPTION: "I don't understand “{given}”.",
    Problem.BAD_LANGUAGE: "There is no language “{given}”. Choose Chinese or English.",
    Problem.BAD_QUIET: "“{given}” is no span of time. Write 22:00-08:00, never, or default (your organisation's).",
    Problem.BAD_WEEKDAYS: "“{given}” are no weekdays. Write Mon-Fri, every day, or default (your organisation's).",
    Problem.BAD_ZONE: "There is no time zone “{given}”. Write a city or a zone (Berlin, Asia/Shanghai, UTC+8), or "
    "default (your organisation's).",
    Problem.BAD_CLOCK: "“{given}” is no time of day. Write 18:00, never, or default (your organisation's).",
}


def say(usage: Usage, language: Language) -> str:
    """What is wrong, and how it is written. `usage.given` is the person's own text: neutralise the whole for Feishu."""
    chinese = language is Language.ZH_CN
    given = _json_fault(usage.given, language) if usage.problem is Problem.BAD_JSON else usage.given
    lines = [(_ZH if chinese else _EN)[usage.problem].replace("{given}", given)]
    if usage.suggestion:
        lines.append(f"您是不是想输入 {usage.suggestion}？" if chinese else f"Did you mean {usage.suggestion}?")
    if usage.usage:
        written = usage.usage.replace(", /", "\n/")  # two ways of writing stand below each other
        lead = "用法：" if chinese else "Usage: "
        lines.append(f"{lead.rstrip()}\n{written}" if "\n" in written else f"{lead}{written}")
    return "\n".join(lines)


def _json_fault(fault: str, language: Language) -> str:
    """What the reader of JSON said, without the words that help only programs."""
    fault = fault.removeprefix("the document: ").removeprefix("JSON is malformed: ")
    if fault == "Input data was truncated":
        return (
            "没有写完，少了括号或引号"
            if language is Language.ZH_CN
            else "it ends too early; a bracket or quote is missing"
        )
    if language is Language.ZH_CN and (placed := _BYTE.search(fault)):
        return f"第 {int(placed[1]) + 1} 个字节处写错了（{fault[: placed.start()].strip()}）"
    return fault


_BYTE = re.compile(r"\(byte (\d+)\)")
