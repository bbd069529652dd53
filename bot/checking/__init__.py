"""The parts of a check, from facts to the committed answer; bot.enforcement puts them together."""
