"""What agents ran, counted for budgets: a cache of the audit that is exact at every commit."""

from bot.metering.counting import Counting
from bot.metering.forgetting import forget
from bot.metering.measures import Measures
from bot.metering.metering import Metering, OpenMeter

__all__ = ["Counting", "Measures", "Metering", "OpenMeter", "forget"]
