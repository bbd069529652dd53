"""What administrators and creators are told beside the common answers: why a change was not made, lists, links."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from cards.faults import fault_words
from cards.said_in_text import lines, safe_line
from cards.words import ROLES, Bilingual, lasting
from models.enums import Language, Role

_DECLINED: dict[str, Bilingual] = {
    "name_taken": Bilingual(
        "已经有名为「{given}」的智能体了，请换一个名称。", "There already is an agent “{given}”. Choose another name."
    ),
    "name_archived": Bilingual(
        "「{given}」是一个已归档智能体的名称，为了让审计记录清楚，不能再用。请换一个名称。",
        "“{given}” is the name of an archived agent; its audit keeps the name. Choose another one.",
    ),
    "bad_name": Bilingual(
        "「{given}」不能用作名称：需要 1 到 100 个可见字符。",
        "“{given}” cannot be a name: it needs 1 to 100 printable characters.",
    ),
    "bad_url": Bilingual("网址「{given}」不能用：{faults}", "The URL “{given}” cannot be used: it {faults}."),
    "bad_policy": Bilingual("「{given}」的策略没有更新：{faults}", "The policy of “{given}” was not changed: {faults}"),
    "bad_person": Bilingual(
        "「{given}」不是邮箱，也不是飞书 ID。", "“{given}” is neither an e-mail address nor a Feishu id."
    ),
    "bad_app": Bilingual(
        "飞书应用「{given}」不能登记：{faults}", "The Feishu app “{given}” cannot be registered: {faults}."
    ),
    "unknown_app": Bilingual(
        "没有登记飞书应用「{given}」。", "The Feishu app “{given}” is not registered for this organisation."
    ),
    "archived": Bilingual("「{given}」已归档，不能再修改。", "“{given}” is archived and can no longer be changed."),
    "last_admin": Bilingual(
        "{given} 是最后一位平台管理员。请先任命另一位。",
        "{given} is the last platform admin. Appoint another one first.",
    ),
    "ambiguous": Bilingual(
        "「{given}」对应不止一个，请写得更完整。", "“{given}” fits more than one. Write more of it, or the whole id."
    ),
    "wrong_claim": Bilingual(
        "代码不对。请使用服务启动时显示的代码。",
        "That is not the code. Use the one that the service printed when it started.",
    ),
    "claimed": Bilingual(
        "已经有管理员了，代码不再有效。请联系管理员。",
        "There is an admin already; the code is no longer valid. Ask an admin.",
    ),
    "too_many_tries": Bilingual("尝试太多次了，请十分钟后再试。", "Too many tries. Wait ten minutes."),
    "reserved_name": Bilingual(
        "「{given}」在命令里另有含义，请换一个名称。",
        "“{given}” means something else in commands. Choose another name.",
    ),
    "no_such_version": Bilingual(
        "没有版本 v{given}。有哪些版本：/policy history 名称",
        "There is no version v{given}. Which there are: /policy history NAME",
    ),
    "bad_end": Bilingual(
        "「{given}」的期限不能用：观察最长 30 天（30d），访问令牌最长 366 天（366d）。",
        "“{given}” cannot end then: an observation lasts 30 days (30d) at most, an access token 366 (366d).",
    ),
    "bad_label": Bilingual(
        "标签「{given}」不能用：名和值各 1 到 100 个可见字符，最多 20 个标签。",
        "The label “{given}” cannot be used: name and value need 1 to 100 printable characters, and 20 labels at most.",
    ),
    "bad_limit": Bilingual(
        "上限「{given}」不能用：写 0 到 100000 的整数。",
        "The limit “{given}” cannot be used: write a whole number from 0 to 100000.",
    ),
    "token_name_taken": Bilingual(
        "您已有叫「{given}」的访问令牌。请换一个名称，或先吊销：/token revoke 名称",
        "You have an access token “{given}” already. Choose another name, or end it first: /token revoke NAME",
    ),
    "floor_not_tried": Bilingual(
        "底线总是和策略一起试算，请写智能体的名称：/policy test 名称 操作",
        "The floor is always tried with a policy. Name an agent: /policy test NAME ACTION",
    ),
    "bad_plan": Bilingual("询问方案没有更新：{faults}", "The asking plan was not changed: {faults}"),
    "bad_absence": Bilingual(
        "离开的截止时间必须在今后 90 天之内。", "An absence ends in the future, and within 90 days."
    ),
    "bad_delegate": Bilingual(
        "不能由 {given} 代为决定：需要是同组织的在职同事，且不能是本人。",
        "{given} cannot decide meanwhile: name a present colleague of the same organisation, somebody else.",
    ),
    "bad_backup": Bilingual(
        "{given} 不能做后备审批人：需要是同组织的在职同事，且不能是创建者本人。",
        "{given} cannot be the backup: name a present colleague of the same organisation, not the creator.",
    ),
    "too_many_tokens": Bilingual(
        "{given} 已有 20 个有效的访问令牌，请先撤销不用的。",
        "{given} has 20 access tokens that work. Revoke those that are not needed first.",
    ),
}


def how_to_name_people(language: Language) -> str:
    words = Bilingual(
        "可以 @ 对方，或写邮箱、ID。对方要先给机器人发过消息。",
        "Mention the person, or write an e-mail address or id. Somebody new must have written to the bot once.",
    )
    return words.in_(language)


def declined(why: str, given: str, faults: Sequence[str], language: Language) -> str:
    """Why nothing was changed. `why` is one of the words in bot.administration.values.Why."""
    return (
        _DECLINED[why]
        .format(
            given=safe_line(given),
            faults=Bilingual("；", "; ").in_(language).join(_fault(fault, language) for fault in faults[:20]),
        )
        .in_(language)
    )


def _fault(fault: str, language: Language) -> str:
    return safe_line(fault_words(fault, language), 300)


def stranger(language: Language) -> str:
    return Bilingual("抱歉，我只为本组织的成员服务。", "Sorry, I only work for members of this organisation.").in_(
        language
    )


def executor_secret_link(agent: str, url: str, valid: timedelta, language: Language) -> str:
    """The executor's signing secret behind a link; never in the chat itself."""
    words = Bilingual(
        "「{agent}」的执行方需要用签名密钥验证请求。密钥只显示一次，链接 {valid}内有效：\n{url}",
        "The executor of “{agent}” verifies our calls with a signing secret. It is shown once; this link works for "
        "{valid}:\n{url}",
    )
    return words.format(agent=safe_line(agent), valid=lasting(valid), url=url).in_(language)


def one_time_title(agent: str, executor: bool, language: Language) -> str:
    """What the page behind a one-time link is headed with."""
    words = Bilingual("「{agent}」的令牌", "Token of “{agent}”")
    if executor:
        words = Bilingual("「{agent}」的执行方签名密钥", "Signing secret of the executor of “{agent}”")
    return words.format(agent=safe_line(agent)).in_(language)


def users_list(people: Sequence[tuple[str, Role, str | None]], total: int, language: Language) -> str:
    """People with role and e-mail address."""
    more = Bilingual("还有 {n} 人，用命令行 assent user list 查看全部。", "{n} more; assent user list shows all.")
    return lines(
        Bilingual("成员（{n}）", "People ({n})").format(n=total).in_(language),
        (
            f"· {safe_line(name)}: {ROLES[role].in_(language)}{f', {safe_line(email)}' if email else ''}"
            for name, role, email in people
        ),
        more.format(n=total - len(people)).in_(language) if total > len(people) else None,
        Bilingual("修改角色：/user role 邮箱或ID 角色", "Change a role: /user role WHO ROLE").in_(language),
    )


_PLACEHOLDERS = {
    "COMMAND": "命令",
    "ID": "编号",
    "CODE": "校验码",
    "REASON": "理由",
    "NAME": "名称",
    "AGENT": "智能体",
    "ACTION": "操作",
    "LEVEL": "级别",
    "URL": "网址",
    "WHO": "邮箱或ID",
    "VERSION": "版本",
    "KEY": "键",
    "VALUE": "值",
    "FIELDS": "参数名",
    "N": "数量",
    "WHEN": "时间",
}


def usage_words(usage: str, language: Language) -> str:
    """How a command is written, with the reader's placeholders, and round brackets: a text would obey square ones."""
    usage = usage.replace("[", "(").replace("]", ")")
    if language is not Language.ZH_CN:
        return usage
    return re.sub(r"\b[A-Z]+\b", lambda word: _PLACEHOLDERS.get(word[0], word[0]), usage)


def command_help(usages: Sequence[tuple[str, str]], language: Language) -> str:
    """One command, or the commands that begin with one word: how each is written, and what for."""
    return lines(
        Bilingual("用法", "Usage").in_(language),
        (f"{safe_line(usage_words(line, language), 300)}  {meaning}" for line, meaning in usages),
    )
