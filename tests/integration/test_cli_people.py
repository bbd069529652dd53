"""assent plan, agent backup, user away and back: in processes of their own, on both databases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.database import open_database
from models.tables import Agent, AskingPlanVersion, AuditEntry, User
from tests.integration.test_cli import CommandLine

DRAFT = """\
# two pairs of eyes for large payments
groups:
  finance: [li@example.com]
questions:
  - action: pay_*
    approvals: 2
    steps:
      - {after: 0m, ask: [creator]}
      - {after: 2h, ask: ["group:finance"], nudge: thread}
"""


@pytest.fixture
def assent(tmp_path: Path, database_url: str) -> CommandLine:
    return CommandLine(tmp_path, {"ASSENT_DATABASE_URL": database_url})


async def test_a_plan_goes_from_file_to_force_and_back(assent: CommandLine, database_url: str) -> None:
    file = assent.directory / "plan.yaml"
    file.write_text(DRAFT, encoding="utf-8")
    assert "nothing is wrong" in await assent.done("plan", "lint", "plan.yaml")
    told = await assent.done("plan", "set", "plan.yaml", "--note", "quarter end")
    assert "v1" in told
    assert "nobody is known as li@example.com yet" in told
    assert json.loads(await assent.done("plan", "show"))["questions"][0]["approvals"] == 2

    await assent.done("plan", "export", "out.yaml")
    exported = (assent.directory / "out.yaml").read_text(encoding="utf-8")
    assert "says so already" in await assent.done("plan", "import", "out.yaml")
    (assent.directory / "out.yaml").write_text(exported.replace("approvals: 2", "approvals: 3"), encoding="utf-8")
    assert "v2" in await assent.done("plan", "import", "out.yaml")
    refused = await assent("plan", "import", "out.yaml")
    assert refused.code == 1
    assert "v2" in refused.err or "newer" in refused.err
    assert "v3" in await assent.done("plan", "rollback", "1", "--if-version", "2")
    lines = json.loads(await assent.done("plan", "history", "--json"))
    assert [line["version"] for line in lines] == [3, 2, 1]
    assert lines[1]["changes"] == [{"kind": "changed", "rule": "questions[0].approvals", "before": "2", "after": "3"}]
    async with open_database(database_url):
        assert await AskingPlanVersion.all().count() == 3
        assert len(await AuditEntry.filter(action="plan.saved")) == 3


async def test_what_is_wrong_is_told_with_its_line(assent: CommandLine) -> None:
    file = assent.directory / "plan.yaml"
    file.write_text(DRAFT.replace("group:finance", "group:treasury"), encoding="utf-8")
    looked = await assent("plan", "lint", "plan.yaml")
    assert looked.code == 1
    assert "plan.yaml:9" in looked.out
    assert 'no group is called "treasury"' in looked.out
    refused = await assent("plan", "set", "plan.yaml")
    assert refused.code == 1
    assert "line 9" in refused.err
    assert "treasury" in refused.err


async def test_a_trial_a_backup_and_an_absence(assent: CommandLine, database_url: str) -> None:
    await assent.done("agent", "create", "Payer", "--creator", "ann@example.com")
    await assent.done("agent", "create", "Other", "--creator", "li@example.com")
    (assent.directory / "plan.yaml").write_text(DRAFT, encoding="utf-8")
    assert "Backup of “Payer”: li." in await assent.done("agent", "backup", "Payer", "li@example.com")
    refused = await assent("agent", "backup", "Payer", "ann@example.com")
    assert refused.code == 1
    assert "backup" in refused.err

    told = await assent.done("user", "away", "ann@example.com", "3d", "--delegate", "li@example.com")
    assert "ann is away until" in told
    assert "li decides meanwhile" in told
    tried = await assent.done("plan", "test", "Payer", "delete_files")
    assert "ann (as creator, away until" in tried
    assert "li (as delegate instead of ann)" in tried
    drafted = await assent.done("plan", "test", "Payer", "pay_invoice", "--draft", "plan.yaml")
    assert "2 people approve" in drafted
    assert "delegate" not in drafted
    assert "after 2h: li (as group); reminder by thread" in drafted
    assert "ann is back." in await assent.done("user", "back", "ann@example.com")
    assert "ann was not away." in await assent.done("user", "back", "ann@example.com")
    assert (await assent("user", "away", "ann@example.com", "soonish")).code == 2
    assert (await assent("user", "away", "ann@example.com", "200d")).code == 1
    assert "nobody" in await assent.done("agent", "backup", "Payer", "off")
    async with open_database(database_url):
        ann = await User.get(email="ann@example.com")
        assert (ann.away_until, ann.delegate_id) == (None, None)
        assert (await Agent.get(name="Payer")).backup_id is None
        entries = await AuditEntry.filter(subject=f"user:{ann.id}").order_by("id")
        assert [entry.action for entry in entries][-2:] == ["person.away", "person.back"]


async def test_the_schema_is_printed(assent: CommandLine) -> None:
    assert json.loads(await assent.done("plan", "schema"))["title"] == "Assent asking plan"
