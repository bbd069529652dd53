"""Events from Feishu that were seen, so that a redelivery, even after a restart, changes nothing."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class InboundRecord(Model):
    """One authentic event. Kept for 24 h; Feishu redelivers for about 7 h (feishu-protocol 1.6)."""

    key = fields.CharField(max_length=200, primary_key=True)  # app id, colon, event id or message id
    kind = fields.CharField(max_length=40)
    received_at = fields.DatetimeField(db_index=True)

    class Meta(Model.Meta):
        table = "inbound_events"
