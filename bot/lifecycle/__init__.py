"""The life of an approval request: who may end it, who may use it, when it is due. Facts and `now` in, values out.

The use cases repeat each condition in one conditional UPDATE; these rules choose the words and the times. A clock that
steps backwards never revives, resolves or claims anything: status and `claimed_at` decide before any time does.
"""

from bot.lifecycle.attempts import (
    DELAYS,
    GiveUp,
    LeaveRunning,
    MarkUnknown,
    NothingToDo,
    Recovery,
    Start,
    execution_recovery,
    next_attempt,
)
from bot.lifecycle.claiming import Claimed, Reported, claim, claim_lapsed, report_outcome
from bot.lifecycle.due import Due, Expire, NotYet, Remind, Settled, next_reminder
from bot.lifecycle.repeating import Claim, Fresh, Join, Reject, Rendezvous, Report, rendezvous
from bot.lifecycle.resolving import BY_TIME, REASON_LIMIT, Consented, cancel, entitled, expiry, resolve, tidy_reason

__all__ = [
    "BY_TIME",
    "DELAYS",
    "REASON_LIMIT",
    "Claim",
    "Claimed",
    "Consented",
    "Due",
    "Expire",
    "Fresh",
    "GiveUp",
    "Join",
    "LeaveRunning",
    "MarkUnknown",
    "NotYet",
    "NothingToDo",
    "Recovery",
    "Reject",
    "Remind",
    "Rendezvous",
    "Report",
    "Reported",
    "Settled",
    "Start",
    "cancel",
    "claim",
    "claim_lapsed",
    "entitled",
    "execution_recovery",
    "expiry",
    "next_attempt",
    "next_reminder",
    "rendezvous",
    "report_outcome",
    "resolve",
    "tidy_reason",
]
