"""The words a person typed, taken out of a message's content. Pure; strips nothing.

`content` is JSON in a string: {"text"} for text, {"title", "content": [[node]]} for post, which phones send for input
of several lines (open.feishu.cn, "Message content"). Mentions stay as their placeholders.
"""

from __future__ import annotations

from bot.foreign_json import NotJson, parse_object
from models.values import Json, JsonObject


def text_in(message_type: Json, content: Json) -> str | None:
    """The text of a `text` or `post` message, None for anything else."""
    if not isinstance(content, str):
        return None
    try:
        parsed = parse_object(content)
    except NotJson:
        return None
    if message_type == "text":
        text = parsed.get("text")
        return text if isinstance(text, str) else None
    return _post_text(parsed) if message_type == "post" else None


def mentions_in(mentions: Json) -> dict[str, str]:
    """Placeholder → open_id. "@_all" and people without an open_id are left out."""
    found: dict[str, str] = {}
    for mention in mentions if isinstance(mentions, list) else []:
        if not isinstance(mention, dict):
            continue
        key, ids = mention.get("key"), mention.get("id")
        open_id = ids.get("open_id") if isinstance(ids, dict) else None
        if isinstance(key, str) and isinstance(open_id, str) and key and open_id:
            found[key] = open_id
    return found


def _post_text(post: JsonObject) -> str | None:
    if "content" not in post:  # sent by a bot or copied: one member for each locale
        post = next((each for each in post.values() if isinstance(each, dict)), {})
    title, paragraphs = post.get("title"), post.get("content")
    lines = [title] if isinstance(title, str) and title else []
    for nodes in paragraphs if isinstance(paragraphs, list) else []:
        if isinstance(nodes, list):
            lines.append("".join(_node_text(node) for node in nodes))
    return "\n".join(lines) or None


def _node_text(node: Json) -> str:
    if not isinstance(node, dict):
        return ""
    text = node.get("user_id" if node.get("tag") == "at" else "text")
    return text if isinstance(text, str) else ""
