"""Faults of what a person wrote (a policy, a URL) in that person's language; rules find them, and programs read them,
in English."""

from __future__ import annotations

import re

from cards.words import Bilingual
from models.enums import Language

_ZH: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), chinese)
    for pattern, chinese in (
        # policies
        (r"(.+) is not a level; write L1, L2, L3 or DENY; did you mean (\w+)\?", r"\1 不是级别，您是想写 \2 吗？"),
        (r"(.+) is not a level; write L1, L2, L3 or DENY", r"\1 不是级别，可选 L1、L2、L3、DENY"),
        (r"a policy is a map from action to level, not (.+)", r"策略应是从操作到级别的对象，不是 \1"),
        (r"a floor is a map from action to level, not (.+)", r"底线应是从操作到级别的对象，不是 \1"),
        (r"a map from action to level or a list of rules, not (.+)", r"应是从操作到级别的对象，或规则的列表，不是 \1"),
        (r"a rule is (\{.+\}), not (.+)", r"规则应写成 \1，不是 \2"),
        (r"a rule says what it matches: (.+)", r"规则要写明匹配什么：action、tool……或 when"),
        (r"a pattern is a text such as (\S+) or (\S+), not (.+)", r"匹配模式应是文本，例如 \1 或 \2，不是 \3"),
        (r"stands beside rules; put it into rules", "请放到 rules 里面"),
        (r"a rule says its level: .+", "规则要写明级别 level：L1、L2、L3 或 DENY"),
        (r"no such member of a rule", "规则里没有这一项"),
        (r"more than (\d+) rules", r"规则多于 \1 条"),
        (r"more than (\d+) labels", r"标签多于 \1 个"),
        (r"longer than (\d+) characters", r"超过 \1 个字符"),
        (r"control, invisible or surrounding space characters", "含有控制字符、不可见字符或首尾空格"),
        (r"control or invisible character (\S+)", r"含有控制字符或不可见字符 \1"),
        (r"never reached: (.+) matches first", r"永远用不到：\1 已先匹配"),
        (r"never reached: (.+) matches under the same condition", r"永远用不到：\1 以同样的条件先匹配"),
        (r"labels are a map such as (\{.+\}), not (.+)", r"labels 应写成 \1，不是 \2"),
        (r"(.+) is no label", r"\1 不能用作标签"),
        (r"a printable text of 1 to (\d+) characters", r"应是 1 到 \1 个可见字符的文本"),
        (r"another rule is called (.+)", r"已有叫 \1 的规则"),
        (r"a floor has no default; .+", '底线没有默认级别；可以写一条 "*" 的规则'),
        # asking plans
        (r"a plan is a map such as (\{.+\}), not (.+)", r"询问方案应写成 \1，不是 \2"),
        (r"no such member of a plan; it has (.+)", r"方案里没有这一项，可选 \1"),
        (r"no such member of (?:a question|the default|a severity|a step|quiet)", "这里没有这一项"),
        (r"a map of terms, not (.+)", r"应是对象，不是 \1"),
        (r"a list, in which the first that matches decides, not (.+)", r"应是列表（最先匹配的生效），不是 \1"),
        (r"more than (\d+) questions", r"问题多于 \1 条"),
        (r"more than (\d+) groups", r"小组多于 \1 个"),
        (r"more than (\d+) steps", r"步骤多于 \1 个"),
        (r"more than (\d+) at once", r"一次问的多于 \1 项"),
        (r"the conditions have more than (\d+) characters in all", r"所有条件合计超过 \1 个字符"),
        (r"a question is (\{.+\}), not (.+)", r"问题应写成 \1，不是 \2"),
        (r"a question says what it matches: (.+)", "问题要写明匹配什么：action、tool……或 when"),
        (r"rate and today count past runs; only a policy can", "rate 和 today 统计过去的执行，只能用在策略里"),
        (r"another question is called (.+)", r"已有叫 \1 的问题"),
        (r"a map from name to e-mail addresses, not (.+)", r"应是从名称到邮箱列表的对象，不是 \1"),
        (r"a name of 1 to (\d+) letters, digits, - and _", r"名称应是 1 到 \1 个字母、数字、- 或 _"),
        (r"a list of 1 to (\d+) e-mail addresses", r"应是 1 到 \1 个邮箱的列表"),
        (r"an e-mail address, not (.+)", r"应是邮箱，不是 \1"),
        (r"a map from a way to remind to a number a day, not (.+)", r"应是从提醒方式到每天次数的对象，不是 \1"),
        (r"a map from a severity to terms, not (.+)", r"应是从重要程度到询问方式的对象，不是 \1"),
        (r"no such severity; there are (.+)", r"没有这种重要程度，可选 \1"),
        (r"no such way to remind; there are (.+)", r"没有这种提醒方式，可选 \1"),
        (r"how often a day, from 0 to (\d+), not (.+)", r"每天次数应是 0 到 \1，不是 \2"),
        (r"a map such as (\{.+\}), not (.+)", r"应写成 \1，不是 \2"),
        (
            r"must be hours such as (\S+) that begin and end at different times, or never",
            r"时段应写成 \1（起止不同）或 never",
        ),
        (r"must be the working days in order, such as (\d+) \(.+\)", r"工作日应按顺序写成 \1（1 是周一，7 是周日）"),
        (r"a text, not (.+)", r"应是文本，不是 \1"),
        (r"true or false, not (.+)", r"应是 true 或 false，不是 \1"),
        (r"longer than zero and shorter than (\w+): .+", r"应大于零、短于 \1：更早的卡片无法更新"),
        (r"a list of steps such as (\{.+\}), not (.+)", r"应是步骤的列表，例如 \1，不是 \2"),
        (r"a step is (\{.+\}), not (.+)", r"步骤应写成 \1，不是 \2"),
        (r"a step says when it comes, such as (.+)", r"步骤要写明何时：after，例如 \1"),
        (r"a step asks somebody or reminds: ask, nudge or both", "步骤要问人或提醒：写 ask、nudge 或两者"),
        (r"a list of whom to ask: (.+); not (.+)", r"应是要问的人的列表：\1；不是 \2"),
        (r"the same is asked twice", "同一项写了两次"),
        (r"no group is called (.+); list its people under groups", r"没有叫 \1 的小组，请在 groups 里列出成员"),
        (r"(.+) is nobody to ask; write (.+)", r"\1 不能作为要问的人，可选 \2"),
        (r"(creator, .+); not (.+)", r"应是 \1；不是 \2"),
        (r"the first step asks somebody at once: (.+)", r"第一步要马上问人：\1"),
        (r"nobody needs reminding of what was just asked; take a later step", "刚问过不必提醒，请放到后面的步骤"),
        (r"later than the step before", "要比前一步晚"),
        (r"the question ends before, after (\w+)", r"问题在 \1 后已经结束"),
        (r"must be a length of time such as (.+), not (.+)", r"应是时长，例如 \1，不是 \2"),
        (r"must be a length of time that a person could wait, not (.+)", r"时长太长：\1"),
        (r"(.+) is none of (.+)", r"\1 不可用，可选 \2"),
        (r"a whole number from (\d+) to (\d+), not (.+)", r"应是 \1 到 \2 的整数，不是 \3"),
        (r"nobody is known as (\S+) yet", r"还不认识 \1，会按邮箱联系"),
        (r"budgets has no (\S+)", r"budgets 里没有 \1，会改用更温和的提醒方式"),
        # conditions
        (r"a condition is a text such as (.+), not (.+)", r"条件应是文本，例如 \1，不是 \2"),
        (r"a condition is a CEL expression, not an empty text", "条件应是 CEL 表达式，不能为空"),
        (r"a condition gives true or false; compare it with something: .+", "条件的结果应是真或假，请与某个值比较"),
        (r"a condition gives true or false; this gives (\w+)", r"条件的结果应是真或假，这里是 \1"),
        (r"undeclared reference to (.+)", r"没有 \1 这个名称"),
        (r"found no matching overload for '(.+)' applied to '\((.+)\)'", r"类型不符：\1 不能用于 (\2)"),
        (r"found no matching overload for (.+)", r"类型不符：\1"),
        (r'a window is a text from "1m" to "24h"', '时间段应写成 "1m" 到 "24h"'),
        (r"a path is a text such as (.+) or (.+)", r"字段应写成 \1 或 \2 这样"),
        (r"invalid regular expression: (.+)", r"正则表达式有误：\1"),
        (r"Syntax error: it ends too early", "表达式没有写完"),
        (r"Syntax error: this cannot be read", "语法错误：看不懂这里"),
        (r"Syntax error: '(.+)' is not expected here; write (\S+)", r"语法错误：不能写 '\1'，请写 \2"),
        (r"Syntax error: '(.+)' is not expected here", r"语法错误：这里不该有 '\1'"),
        (r"Syntax error: (.+)", r"语法错误：\1"),
        (r"(\w+) takes one text that is written out, in quotes", r"\1 的参数要写成引号里的文本"),
        # what is worth a look
        (r"(\w+) has no effect: the floor's rule (.+) demands (\w+)", r"\1 不起作用：底线 \2 要求 \3"),
        (r"(\w+) may have no effect: the floor's rule (.+) demands (\w+)", r"\1 可能不起作用：底线 \2 要求 \3"),
        (r"the default (\w+) has no effect: the floor's rule (.+) demands (\w+)", r"默认 \1 不起作用：底线 \2 要求 \3"),
        (r"names that match (.+) too get (\w+): .+", r"同时符合 \1 的会按 \2：它排在前面"),
        (
            r"whatever no rule names runs without anyone being told at once",
            "没有规则的操作会直接执行，不会马上通知",
        ),
        (r"(.+) looks like a regular expression; only \* has a meaning", r"\1 像正则表达式，但只有 * 有含义"),
        (r"matches\((.+)\) looks anywhere in the text; .+", r"matches(\1) 会在任意位置匹配；要从头匹配请以 ^ 开头"),
        (r"(.+) is UTC; name the zone: (.+)", r"\1 是 UTC 时间，请写明时区：\2"),
        (r"the condition does not depend on the request", "条件与请求无关"),
        (r"the agent itself names the (requester|session): a claim may .+", r"\1 由智能体自己填写：自称可能使级别变宽"),
        (r"the agent itself names the (requester|session): another .+", r"\1 由智能体自己填写：换一个就能绕开这条规则"),
        (r"it relates values of args to each other: .+", "条件把参数的值互相比较：参数很大时会按更严的处理"),
        (r"a floor that demands L1 demands nothing", "要求 L1 的底线等于没有要求"),
        (r"(.+) always demands more", r"\1 总是要求更严"),
        # URLs of executors
        (r"is not a URL", "不是网址"),
        (r"contains blanks or control characters", "含有空格或控制字符"),
        (r"must begin with https:// or http:// and name a host", "应以 https:// 或 http:// 开头，并写明主机"),
        (r"must not contain a user, a password or a fragment", "不能含用户名、密码或 # 片段"),
        (r"writes an address in an unusual way", "IP 地址的写法不规范"),
        (r"is a cloud's metadata service", "是云服务器的元数据地址"),
        (r"is a link-local, multicast, unspecified or reserved address", "是链路本地、组播、未指定或保留地址"),
        (r"must be https, except inside a private network", "公网地址必须使用 https"),
    )
)


_PLACED = re.compile(r"line (\d+), column (\d+): (.*)", re.DOTALL)
_KIND_WORDS = {"a list": "列表", "a map": "对象", "null": "空值"}
_KINDS = re.compile(r"a list\b|a map\b|null\b")


def fault_words(fault: str, language: Language) -> str:
    """The fault as the person reads it, the place in front of it kept; one that is not known stays as it is."""
    if language is not Language.ZH_CN:
        return fault
    first, break_, below = fault.partition("\n")  # below stands the text itself, with a mark
    return _chinese(first) + break_ + below


def placed_fault(fault: str, language: Language) -> str:
    """As fault_words, for a chat: "rules[2].when" is the third rule there, and a bracket would be widened."""
    counted = _RULE.match(fault)
    if counted is None:
        return fault_words(fault, language)
    number, member = int(counted[1]) + 1, counted[2]
    words = Bilingual("第 {n} 条规则{member}", "rule {n}{member}").format(
        n=number, member=Bilingual(f"的 {member}", f", {member}") if member else ""
    )
    place = words.in_(language)
    return fault_words(f"{place}: {fault[counted.end() :]}", language)


_RULE = re.compile(r"rules\[(\d+)\](?:\.([^:\n]+))?: ")


def _chinese(fault: str) -> str:
    place, colon, detail = fault.partition(": ")
    for where, told in ((f"{place}：", detail), ("", fault)) if colon else (("", fault),):
        if placed := _PLACED.fullmatch(told):
            return f"{where}第 {placed[1]} 行第 {placed[2]} 列，{_known(placed[3]) or placed[3]}"
        if known := _known(told):
            return where + known
    return fault


def _known(told: str) -> str | None:
    for pattern, chinese in _ZH:
        if match := pattern.fullmatch(told):
            return _KINDS.sub(lambda kind: _KIND_WORDS[kind[0]], match.expand(chinese))
    return None
