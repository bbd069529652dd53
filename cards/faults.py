"""Faults of what a person wrote (a policy, a URL) in that person's language; rules find them, and programs read them,
in English."""

from __future__ import annotations

import re

from models.enums import Language

_ZH: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), chinese)
    for pattern, chinese in (
        # policies
        (r"(.+) is not a level; write L1, L2, L3 or DENY; did you mean (\w+)\?", r"\1 不是级别，您是想写 \2 吗？"),
        (r"(.+) is not a level; write L1, L2, L3 or DENY", r"\1 不是级别，可选 L1、L2、L3、DENY"),
        (r"a policy is a map from action to level, not (.+)", r"策略应是从操作到级别的对象，不是 \1"),
        (r"a map from action to level or a list of rules, not (.+)", r"应是从操作到级别的对象，或规则的列表，不是 \1"),
        (r"a rule is (\{.+\}), not (.+)", r"规则应写成 \1，不是 \2"),
        (r"an action is a text such as (\S+) or (\S+), not (.+)", r"操作应是文本，例如 \1 或 \2，不是 \3"),
        (r"stands beside rules; put it into rules", "请放到 rules 里面"),
        (r"no such member of a rule", "规则里没有这一项"),
        (r"more than (\d+) rules", r"规则多于 \1 条"),
        (r"longer than (\d+) characters", r"超过 \1 个字符"),
        (r"control, invisible or surrounding space characters", "含有控制字符、不可见字符或首尾空格"),
        (r"never reached: (.+) matches first", r"永远用不到：\1 已先匹配"),
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


_KIND_WORDS = {"a list": "列表", "a map": "对象", "null": "空值"}
_KINDS = re.compile(r"a list\b|a map\b|null\b")


def fault_words(fault: str, language: Language) -> str:
    """The fault as the person reads it, the place in front of it kept; one that is not known stays as it is."""
    if language is not Language.ZH_CN:
        return fault
    place, colon, detail = fault.partition(": ")
    for where, told in ((f"{place}：", detail), ("", fault)) if colon else (("", fault),):
        for pattern, chinese in _ZH:
            if match := pattern.fullmatch(told):
                return where + _KINDS.sub(lambda kind: _KIND_WORDS[kind[0]], match.expand(chinese))
    return fault
