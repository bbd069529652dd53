"""What cards are drawn from: names looked up, the reader left out, links for the reader only."""

from __future__ import annotations

from bot.database import Database
from bot.people.recipients import Recipient
from models.enums import AskedAs, Role
from tests.support.office import fresh, open_office


async def test_a_view_names_everyone_it_concerns(database: Database) -> None:
    async with open_office(database) as office:
        ann, root = await office.person("Ann"), await office.person("Root", role=Role.ORG_ADMIN)
        approval = await office.asked(ann, requested_by="Lin of accounting")
        async with office.gate.ledger.transaction() as work:
            await office.gate.approvals.telling.ask(work, approval, [Recipient(root.id, AskedAs.ADMIN)], app_id=None)
        now = office.gate.clock.now()
        view = await office.gate.views.of(await fresh(approval), now, person_id=ann.id)
        assert (view.agent, view.creator, view.requester) == ("Bookkeeper", "Ann", "Lin of accounting")
        assert (view.action_type, view.tool, view.args) == ("delete_files", "delete_file", {"path": "reports/2025"})
        assert view.asked == ("Root",)
        assert view.details_url is not None and f"/approvals/{approval.id}?t=" in view.details_url
        assert (view.code, view.rev, view.now) == (approval.facts().code, 1, now)

        nobodys = await office.gate.views.of(await fresh(approval), now)
        assert nobodys.asked == ("Ann", "Root")
        assert nobodys.details_url is None
