"""What cards are drawn from: names looked up, the reader left out, links for the reader only."""

from __future__ import annotations

from datetime import UTC, timedelta

from bot.database import Database
from bot.people.recipients import Recipient
from cards.approval import approval_card
from cards.notices import reminder_text
from models.enums import AskedAs, Language, Role
from models.user import User
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


async def test_times_are_in_the_zone_of_who_reads_them(database: Database) -> None:
    """As /settings promises; the installation's zone is for who chose none, or one that this machine does not know."""
    async with open_office(database) as office:
        ann, root = await office.person("Ann"), await office.person("Root", role=Role.ORG_ADMIN)
        approval = await office.asked(ann)
        await User.filter(id=root.id).update(time_zone="Asia/Kolkata")
        now, views = office.gate.clock.now(), office.gate.views
        mine = await views.of(await fresh(approval), now, person_id=root.id)
        assert mine.expires_at.astimezone(mine.zone).utcoffset() == timedelta(hours=5, minutes=30)
        there = f"{mine.expires_at.astimezone(UTC) + timedelta(hours=5, minutes=30):%H:%M}"
        assert f"{there} (UTC+5:30)" in str(approval_card(mine))
        assert there in reminder_text(mine, Language.EN_US).text
        assert await views.zone_for(root.id) == mine.zone

        assert (await views.of(await fresh(approval), now, person_id=ann.id)).zone == views.zone
        await User.filter(id=root.id).update(time_zone="Mars/Olympus")
        assert (await views.of(await fresh(approval), now, person_id=root.id)).zone == views.zone
