"""Two rows turn out to be one person: everything of the one goes over to the other, and nothing counts twice."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from bot.epoch import move_epoch
from models.agent import Agent
from models.approval import ApprovalRequest, CardCopy, Consent
from models.asking import QueueCard
from models.enums import Role
from models.feishu import FeishuIdentity
from models.grant import Grant, Review
from models.notification import Notification
from models.policy import Freeze
from models.user import AccessToken, User

_SENIORITY = list(Role)

_CHOSEN = ("time_zone", "quiet_hours", "working_days", "digest_at", "leader_id")
"""NULL where nobody has said anything."""

_ABSENCE = ("away_since", "away_until", "delegate_id")
"""These belong together."""


async def unite(stub: User, person: User) -> None:
    """`stub` was `person` all along: identities, agents, approvals, inbox, rights and wishes go over.

    Audit keeps both ids.
    """
    if stub.id == person.id:
        return
    await move_epoch()  # first: whoever holds the epoch waits for nothing that we hold
    carried = await _carried(stub, person)
    for identity in await FeishuIdentity.filter(person_id=stub.id):
        # Where both have one in the same app, the stub's is the one that Feishu's events name.
        await FeishuIdentity.filter(person_id=person.id, app_id=identity.app_id).delete()
        await FeishuIdentity.filter(id=identity.id).update(person_id=person.id)
    await Agent.filter(creator_id=stub.id).update(creator_id=person.id)
    await ApprovalRequest.filter(creator_id=stub.id).update(creator_id=person.id)
    await ApprovalRequest.filter(requester_id=stub.id).update(requester_id=person.id)
    await Notification.filter(person_id=stub.id).update(person_id=person.id)
    await Grant.filter(giver_id=stub.id).update(giver_id=person.id)
    await Review.filter(person_id=stub.id).update(person_id=person.id)
    await AccessToken.filter(person_id=stub.id).update(person_id=person.id)
    await Agent.filter(backup_id=stub.id).update(backup_id=person.id)
    await User.filter(delegate_id=stub.id).update(delegate_id=person.id)
    await User.filter(leader_id=stub.id).update(leader_id=person.id)
    await QueueCard.filter(person_id=stub.id).update(person_id=person.id)
    await _hand_over_copies(stub.id, person.id)
    await _hand_over_consents(stub.id, person.id)
    await Freeze.filter(frozen_by=f"user:{stub.id}", lifted_at=None).update(frozen_by=f"user:{person.id}")
    await User.filter(joined_with=stub.id).update(joined_with=person.id)
    # Nothing is the stub's any more: a role that it kept would outlive the person's.
    await User.filter(id=stub.id).update(joined_with=person.id, role=Role.MEMBER)
    role = max(person.role, stub.role, key=_SENIORITY.index)
    await User.filter(id=person.id).update(role=role, **carried)


async def made_up_names(person: User) -> set[str]:
    """What we call somebody of whom only an address or ids are known."""
    ids = await FeishuIdentity.filter(person_id=person.id)
    known = {(person.email or "").partition("@")[0]} | {one or "" for row in ids for one in (row.user_id, row.open_id)}
    return known | {""}


async def _carried(stub: User, person: User) -> Mapping[str, object]:
    """What the stub said of itself, and Feishu of it, as far as nothing is known of the person."""
    carried = {name: getattr(stub, name) for name in _CHOSEN if getattr(person, name) is None}
    if carried.get("leader_id") == person.id:
        del carried["leader_id"]
    if person.away_until is None and stub.delegate_id != person.id:
        carried |= {name: getattr(stub, name) for name in _ABSENCE}
    if not await FeishuIdentity.exists(person_id=person.id):  # the person never wrote under this name
        carried["language"] = stub.language
    if stub.looked_up_at is not None and (person.looked_up_at is None or person.looked_up_at < stub.looked_up_at):
        carried |= {"employment": stub.employment, "looked_up_at": stub.looked_up_at}
    if person.name in await made_up_names(person) and stub.name not in await made_up_names(stub):
        carried["name"] = stub.name
    return carried


async def _hand_over_copies(stub_id: UUID, person_id: UUID) -> None:
    """Of the same approval the person keeps the own copy; the stub's stays for its card, and asks nobody else."""
    has = await CardCopy.filter(person_id=person_id).values_list("approval_id", flat=True)
    await CardCopy.filter(person_id=stub_id).exclude(approval_id__in=list(has)).update(person_id=person_id)


async def _hand_over_consents(stub_id: UUID, person_id: UUID) -> None:
    """Of the same action the person keeps the own one: one person counts once, however many names there were."""
    own = set(await Consent.filter(person_id=person_id).values_list("approval_id", "action_digest"))
    for consent in await Consent.filter(person_id=stub_id):
        if (consent.approval_id, consent.action_digest) in own:
            await Consent.filter(id=consent.id).delete()
        else:
            await Consent.filter(id=consent.id).update(person_id=person_id)
