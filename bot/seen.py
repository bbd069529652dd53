"""Events of Feishu that were handled: each once, whatever is delivered twice or after a restart."""

from __future__ import annotations

from bot.ledger import Work
from models.inbound import InboundRecord

CARD_PRESS = "card.action.trigger"


async def first_time(work: Work, key: str, kind: str = CARD_PRESS) -> bool:
    """Whether this was not seen before; it is recorded in the transaction. A race ends in an IntegrityError."""
    if await InboundRecord.exists(key=key):
        return False
    await InboundRecord.create(key=key, kind=kind, received_at=work.now)
    return True
