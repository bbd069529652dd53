"""What may stand in the `content` of a message, by type. Pure: returns the refusal or raises nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.simulator.card_checks import LOCALES
from bot.simulator.errors import ApiError, bad_parameter
from bot.simulator.rules import TOO_LARGE, card_fault
from bot.simulator.wire import parse

MAX_TEXT_BYTES = 150_000
MAX_POST_BYTES = 30_000
_POST_TAGS: dict[str, frozenset[str]] = {
    "text": frozenset({"tag", "text", "un_escape", "style"}),
    "a": frozenset({"tag", "text", "href", "style"}),
    "at": frozenset({"tag", "user_id", "style"}),
    "md": frozenset({"tag", "text"}),
    "hr": frozenset({"tag"}),
}
_POST_NEEDS = {"text": ("text",), "a": ("text", "href"), "at": ("user_id",), "md": ("text",), "hr": ()}


def content_refusal(msg_type: str, content: Any, knows_person: Callable[[str], bool]) -> ApiError | None:
    """Why Feishu would not take this content, or None."""
    if not isinstance(content, str):
        return bad_parameter("content must be a JSON string, not an object")
    if msg_type == "interactive":
        return card_refusal(content, knows_person)
    try:
        body = parse(content)
        size = len(content.encode())
    except ValueError:
        return bad_parameter("content is not in JSON format")
    if not isinstance(body, dict):
        return bad_parameter("content is not a JSON object")
    if msg_type == "text":
        return _text_refusal(body, size)
    if msg_type == "post":
        return _post_refusal(body, size)
    return bad_parameter(f"msg_type {msg_type} is not simulated")


def card_refusal(content: str, knows_person: Callable[[str], bool]) -> ApiError | None:
    fault = card_fault(content, knows_person)
    if fault is None:
        return None
    if fault.code == TOO_LARGE:
        return ApiError(TOO_LARGE, "The length of the message content reaches its limit.")
    return ApiError(230099, f"Failed to create card content, {fault.ext}")


def _text_refusal(body: dict[str, Any], size: int) -> ApiError | None:
    if set(body) != {"text"} or not isinstance(body["text"], str):
        return bad_parameter('text content is {"text": "…"}')
    if not body["text"].strip():
        return bad_parameter("text must not be empty")
    if size > MAX_TEXT_BYTES:
        return ApiError(TOO_LARGE, "The length of the message content reaches its limit.")
    return None


def _post_refusal(body: dict[str, Any], size: int) -> ApiError | None:
    if size > MAX_POST_BYTES:
        return ApiError(TOO_LARGE, "The length of the message content reaches its limit.")
    if not body or not set(body) <= LOCALES:
        return bad_parameter("post content is an object of locales, without a wrapper")
    for locale, post in body.items():
        if why := _post_fault(post):
            return bad_parameter(f"post {locale}: {why}")
    return None


def _post_fault(post: Any) -> str | None:
    if not isinstance(post, dict) or not set(post) <= {"title", "content"}:
        return "an object of title and content is expected"
    rows = post.get("content")
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        return "content is a list of paragraphs, each a list of nodes"
    if not isinstance(post.get("title", ""), str):
        return "the title is a string"
    return next((fault for row in rows for node in row if (fault := _node_fault(node))), None)


def _node_fault(node: Any) -> str | None:
    tag = node.get("tag") if isinstance(node, dict) else None
    if not isinstance(tag, str) or tag not in _POST_TAGS:
        return f"unknown tag {tag}"
    if unknown := set(node) - _POST_TAGS[tag]:
        return f"unknown property {sorted(unknown)[0]} of {tag}"
    if any(not isinstance(node.get(key), str) for key in _POST_NEEDS[tag]):
        return f"{tag} needs {' and '.join(_POST_NEEDS[tag])}"
    return None
