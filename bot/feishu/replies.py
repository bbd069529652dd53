"""What Feishu's answers hold, read leniently: a member that is absent or of another type counts as not told. Pure."""

from __future__ import annotations

from bot.feishu.timestamps import instant
from bot.ports import Profile, ReadReceipt
from models.enums import Employment
from models.values import Json, JsonObject


def receipts_in(body: JsonObject) -> list[ReadReceipt]:
    """One page of "Query read users" (im/v1 read_users)."""
    found: list[ReadReceipt] = []
    for item in items_in(body):
        open_id, at = item.get("user_id"), instant(item.get("timestamp"))
        if isinstance(open_id, str) and at is not None:
            found.append(ReadReceipt(open_id, at))
    return found


def next_page(body: JsonObject) -> str | None:
    data = data_of(body)
    token = data.get("page_token")
    return token if data.get("has_more") is True and isinstance(token, str) and token else None


def profile_in(body: JsonObject) -> Profile | None:
    """ "Get user" (contact/v3 users/:id); None for an answer without a user."""
    user = data_of(body).get("user")
    if not isinstance(user, dict):
        return None
    return Profile(
        name=text_of(user, "name"),
        employment=employment_in(status) if isinstance(status := user.get("status"), dict) else None,
        leader_open_id=text_of(user, "leader_user_id"),
        time_zone=text_of(user, "time_zone"),
    )


def employment_in(status: Json) -> Employment:
    """contact/v3 UserStatus. Whoever has resigned, or left the company by oneself, has left."""
    if not isinstance(status, dict):
        return Employment.ACTIVE
    if status.get("is_resigned") is True or status.get("is_exited") is True:
        return Employment.LEFT
    return Employment.FROZEN if status.get("is_frozen") is True else Employment.ACTIVE


def items_in(body: JsonObject) -> list[JsonObject]:
    items = data_of(body).get("items")
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def data_of(body: JsonObject) -> JsonObject:
    data = body.get("data")
    return data if isinstance(data, dict) else {}


def text_of(parent: JsonObject, key: str) -> str | None:
    value = parent.get(key)
    return value if isinstance(value, str) and value.strip() else None


def texts_of(parent: JsonObject, key: str) -> list[str]:
    value = parent.get(key)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
