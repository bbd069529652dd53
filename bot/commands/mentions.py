"""Mentions in a chat text are placeholders, `@_user_1`; the message says which open_id each stands for.

https://open.feishu.cn/document/server-docs/im-v1/message/events/receive
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"@_user_\d+|@_all")


def strip_mentions(text: str, mentions: Mapping[str, str], bot_open_id: str | None) -> str:
    """The text without mentions of the bot; any other known mention becomes the open_id it stands for.

    So `@_user_1 /user role @_user_2 org_admin` can be parsed, and a text that begins with a mention of somebody else is
    no command. While the bot's own open_id is unknown, mentions at the start count as the bot's.
    """
    if bot_open_id is None:
        text = re.sub(rf"\A(?:\s*(?:{_PLACEHOLDER.pattern}))+", "", text)

    def shown(match: re.Match[str]) -> str:
        open_id = mentions.get(match[0])
        return "" if open_id is not None and open_id == bot_open_id else open_id or match[0]

    return _PLACEHOLDER.sub(shown, text).strip()
