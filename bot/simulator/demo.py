"""The people of the demo: a creator, an admin, a stranger, and the bot."""

from __future__ import annotations

from bot.simulator.state import App
from bot.simulator.world import World

CREATOR = "creator"
ADMIN = "admin"
STRANGER = "stranger"


def demo_world(
    callback_url: str | None = None,
    *,
    app_id: str | None = None,
    app_secret: str | None = None,
    encrypt_key: str | None = None,
    verification_token: str | None = None,
    world: World | None = None,
) -> tuple[World, App]:
    """A company of three with one app; credentials that are not given are made up."""
    world = world or World()
    world.add_person(CREATOR, "林小雨", en_name="Lin Xiaoyu", email="lin@example.com")
    world.add_person(ADMIN, "王敏", en_name="Wang Min", email="wang@example.com")
    world.add_person(STRANGER, "赵磊", en_name="Zhao Lei", email="zhao@example.com")
    app = world.add_app(
        "Assent 审批助手",
        app_id=app_id,
        app_secret=app_secret,
        encrypt_key=encrypt_key,
        verification_token=verification_token,
        callback_url=callback_url,
    )
    for person in world.people.values():
        world.p2p(app, person)
    return world, app
