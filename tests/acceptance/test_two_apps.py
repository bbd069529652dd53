"""Story: an agent has a Feishu app of its own, beside the default one; people are the same, keys are not."""

from __future__ import annotations

from bot.administration import Actor, in_one_transaction
from bot.secrecy.box import SecretBox
from models.enums import Delivery, Role
from models.tables import FeishuApp, FeishuIdentity, User
from models.values import AppCredentials
from tests.support.feishu import App, Message
from tests.support.service import SECRET_KEY, HookAgent, RunningHouse


async def second_app(house: RunningHouse) -> App:
    """Registered as `assent app add` does it, and connected to its own address."""
    app = house.feishu.add_app("财务助手")
    credentials = AppCredentials(
        app_id=app.app_id,
        tenant="default",
        base_url=house.feishu.base_url,
        app_secret=app.app_secret,
        encrypt_key=app.encrypt_key,
        verification_token=app.verification_token,
    )
    actor = Actor.command_line("test", "default")
    added = await in_one_transaction(
        house.house.ledger,
        lambda work: house.house.administration.apps.add(work, actor, credentials, name="finance"),
    )
    assert added == credentials
    house.feishu.connect(f"{house.base_url}/feishu/{app.app_id}/webhook", app)
    return app


async def agent_of(house: RunningHouse, app: App) -> HookAgent:
    """The creator is known through both apps by having written to both bots."""
    await house.person(house.feishu.creator)
    for each in (house.feishu.app, app):
        assert (await house.feishu.say(house.feishu.creator, "/whoami", app=each)).delivered
    return await house.agent(app_id=app.app_id)


async def test_card_comes_from_the_agents_own_app_and_its_click_decides(house: RunningHouse) -> None:
    app = await second_app(house)
    agent = await agent_of(house, app)
    feishu = house.feishu
    await agent.asks()
    card = await feishu.next_card(to=feishu.creator)
    assert (card.app, card.chat) == (app, feishu.p2p(feishu.creator, app))
    click = await feishu.click(card, "approve", by=feishu.creator)
    assert click.toast is not None
    assert (click.code, click.toast.kind) == (0, "success")
    assert (await agent.asks())["allowed"]
    await house.settled()
    assert all(call.app_id == app.app_id for call in feishu.calls("send"))
    assert all(call.app_id == app.app_id for call in feishu.calls("patch"))


async def test_each_app_uses_the_open_ids_that_are_its_own(house: RunningHouse) -> None:
    """The simulator answers 99992361 to an open_id of another app; none is ever tried."""
    app = await second_app(house)
    agent, feishu = await agent_of(house, app), house.feishu
    await FeishuIdentity.all().update(user_id=None)  # a company that gives apps no user_id
    default = await house.agent(name="Other")
    for asking, sender in ((agent, app), (default, feishu.app)):
        await asking.asks()
        card = await feishu.next_card(to=feishu.creator)
        assert card.app is sender
    sends = [call for call in feishu.calls("send") if call.body["msg_type"] == "interactive"]
    assert {(call.app_id, call.body["receive_id"]) for call in sends} == {
        (each.app_id, feishu.open_id(feishu.creator, each)) for each in (app, feishu.app)
    }
    assert {call.query["receive_id_type"] for call in sends} == {"open_id"}
    assert {call.code for call in sends} == {0}


async def test_person_is_one_over_both_apps(house: RunningHouse) -> None:
    app = await second_app(house)
    agent, feishu = await agent_of(house, app), house.feishu
    assert await User.filter(joined_with=None).count() == 1
    identities = await FeishuIdentity.all()
    assert {row.app_id for row in identities} == {feishu.app.app_id, app.app_id}
    assert len({row.person_id for row in identities}) == 1
    assert len({row.open_id for row in identities}) == 2
    asked = await agent.asks()
    await feishu.next_card(to=feishu.creator)
    said = await feishu.say(feishu.creator, f"/approve {asked['approval_id']} {asked['code']}")  # to the other bot
    assert said.delivered
    assert (await agent.asks())["allowed"]


async def test_keys_of_one_app_never_open_the_events_of_another(house: RunningHouse) -> None:
    app = await second_app(house)
    agent, feishu = await agent_of(house, app), house.feishu
    asked = await agent.asks()
    card: Message = await feishu.next_card(to=feishu.creator)
    own, other = f"{house.base_url}/feishu/{app.app_id}/webhook", f"{house.base_url}/feishu/webhook"
    for url in (
        other,
        f"{house.base_url}/feishu/{feishu.app.app_id}/webhook",
        f"{house.base_url}/feishu/cli_x/webhook",
    ):
        feishu.connect(url, app)
        click = await feishu.click(card, "approve", by=feishu.creator)
        assert (click.code, click.attempt.status) == (200671, 401)
        said = await feishu.say(feishu.creator, f"/approve {asked['approval_id']} {asked['code']}", app=app)
        assert [attempt.status for attempt in said.attempts] == [401]
    feishu.connect(own, feishu.app)
    assert [attempt.status for attempt in (await feishu.say(feishu.creator, "/whoami")).attempts] == [401]
    assert (await house.approval(asked)).status.value == "pending"


async def test_secrets_of_an_app_are_sealed_and_no_other_row_opens_them(house: RunningHouse) -> None:
    """Defect 7: the look-up knows Feishu apps only, and a sealed secret belongs to one of them.

    One that does not open is a fault of the set-up, which is shown, and nothing is sent anywhere.
    """
    app = await second_app(house)
    await house.person(house.feishu.admin, role=Role.ORG_ADMIN)
    row = await FeishuApp.get(app_id=app.app_id)
    sealed = {row.app_secret, row.encrypt_key, row.verification_token}
    assert len(sealed) == 3
    assert not any(secret in text for text in sealed for secret in (app.app_secret, app.encrypt_key))
    assert SecretBox([SECRET_KEY]).open(row.app_secret, bound_to=app.app_id) == app.app_secret
    agent = await agent_of(house, app)
    await house.settled()  # the last answer that goes out with the right secret
    await FeishuApp.filter(app_id=app.app_id).update(
        app_secret=SecretBox([SECRET_KEY]).seal("another vendor's", bound_to="smtp")
    )
    house.house.apps._cache.clear()
    before = len(house.feishu.calls("token"))
    asked = await agent.asks()
    await house.settled()
    await house.feishu.next_text(to=house.feishu.admin, app=house.feishu.app)
    assert [call for call in house.feishu.calls("token")[before:] if call.app_id == app.app_id] == []
    looked = await agent.looks(asked["approval_id"])
    assert (looked["status"], looked["delivery"]["state"]) == ("pending", Delivery.QUEUED)
    assert "cannot be opened" in looked["delivery"]["detail"]
    assert len(await house.audited("app.misconfigured")) == 1
