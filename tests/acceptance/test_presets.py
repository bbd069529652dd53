"""Story: one tap says no and tells the agent what to do instead, in its own language."""

from __future__ import annotations

import pytest

from cards.presets import PRESETS
from tests.support.service import RunningHouse


@pytest.mark.parametrize("key", PRESETS)
async def test_a_prepared_rejection_reaches_the_agent(house: RunningHouse, key: str) -> None:
    agent, lin = await house.agent(), house.feishu.creator
    asked = await agent.asks()
    card = await house.feishu.next_card(to=lin)
    click = await house.feishu.click(
        card, f"reject_{key}:{asked['approval_id']}", by=lin, reason="见上周的邮件", omit_value=key == "never"
    )
    assert (click.code, click.toast.kind) == (0, "success")
    answer = await agent.asks()
    assert (answer["status"], answer["preset"]) == ("rejected", key)
    assert answer["reason"] == f"{PRESETS[key].instruction.en}\n见上周的邮件"
    seen = await agent.looks(asked["approval_id"])
    assert seen["resolution"]["preset"] == key
    assert PRESETS[key].label.zh in house.feishu.words(card)
