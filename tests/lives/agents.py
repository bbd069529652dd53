"""What the agents of the town do: ask, ask again, act when they may, report, withdraw."""

from __future__ import annotations

from typing import Any

from tests.lives.bylaws import ACTIONS, SELDOM
from tests.lives.town import Life, Town
from tests.support.service import HookAgent

BUSY = 10
"""Times that an agent tries again at once."""


async def ask(town: Town) -> None:
    """A question that nobody has been asked before."""
    dice, number = town.dice, len(town.lives)
    agent, action = dice.choice(town.agents), dice.choice(ACTIONS)
    args = {"amount": dice.randint(1, 50) * 10, "to": dice.choice(("li", "he", "wu")), "memo": f"n{number}"}
    body: dict[str, Any] = {
        "action_type": action,
        "details": {"tool": f"tools.{action}", "args": args, "reason": "it is time"},
        "session": f"s{number}",
    }
    if by := dice.choice((None, None, *town.people)):
        body["requested_by"] = by.email
    status, answer = await _call(town, agent, "POST", "/v1/check", body)
    assert status == 202, answer
    town.lives.append(Life(number, agent, action, body, answer["approval_id"]))


async def repeat(town: Town) -> None:
    """The agent asks again; what it is allowed it does, and says how it went, or forgets to."""
    life = _some_life(town)
    if life is None:
        return
    answer = await _checked(town, life, life.body)
    if "amended" in answer and not answer["allowed"] and answer.get("approval_id") == life.approval_id:
        answer = await _checked(town, life, life.body | {"details": answer["amended"]["details"]})
    if answer["allowed"]:
        await _go_ahead(town, life, answer)
    elif answer.get("approval_id") not in (None, *(each.approval_id for each in town.lives)):
        town.lives.append(Life(len(town.lives), life.agent, life.action, life.body, answer["approval_id"]))


async def claim(town: Town) -> None:
    """The agent asks how it stands and takes the go-ahead by its id."""
    life = _some_life(town)
    if life is None:
        return
    status, state = await _call(town, life.agent, "GET", f"/v1/approvals/{life.approval_id}")
    assert status == 200, state
    digest = (state.get("amended") or state)["action_digest"]
    path = f"/v1/approvals/{life.approval_id}/claim"
    status, answer = await _call(town, life.agent, "POST", path, {"action_digest": digest})
    assert status in (200, 409), answer
    if status == 200 and answer["allowed"]:
        await _go_ahead(town, life, answer)


async def act(town: Town) -> None:
    """An agent acts without a question, and its creator is told."""
    agent, number = town.dice.choice(town.agents), town.dice.randint(1, 10**6)
    details = {"tool": "tools.notes", "args": {"text": f"note {number}"}}
    status, answer = await _call(town, agent, "POST", "/v1/check", {"action_type": SELDOM, "details": details})
    assert status in (200, 202), answer
    if answer.get("approval_id"):  # somebody stopped the rule
        body = {"action_type": SELDOM, "details": details}
        town.lives.append(Life(len(town.lives), agent, SELDOM, body, answer["approval_id"]))


async def withdraw(town: Town) -> None:
    life = _some_life(town)
    if life is not None:
        status, answer = await _call(
            town, life.agent, "POST", f"/v1/approvals/{life.approval_id}/cancel", {"reason": "moot"}
        )
        assert status in (200, 409), answer


async def _checked(town: Town, life: Life, body: dict[str, Any]) -> dict[str, Any]:
    status, answer = await _call(town, life.agent, "POST", "/v1/check", body)
    assert status in (200, 202), answer
    checked: dict[str, Any] = answer
    return checked


async def _call(town: Town, agent: HookAgent, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """As every agent does it: who is told that the gate is busy, as on a machine with much else to do, tries again."""
    for _ in range(BUSY):
        status, answer = await agent.call(method, path, body)
        if status != 503:
            break
        town.did["busy answers"] += 1
    return status, answer


async def _go_ahead(town: Town, life: Life, answer: dict[str, Any]) -> None:
    meant = next(each for each in town.lives if each.approval_id == answer.get("approval_id", life.approval_id))
    meant.go_aheads += 1
    if town.dice.random() < 0.7:
        status = town.dice.choice(("succeeded", "failed"))
        code, told = await _call(
            town, life.agent, "POST", f"/v1/approvals/{meant.approval_id}/outcome", {"status": status}
        )
        assert code == 200, told


def _some_life(town: Town) -> Life | None:
    return town.dice.choice(town.lives[-40:]) if town.lives else None
