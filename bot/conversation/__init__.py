"""What people write to the bot, carried out once and answered: the use-case side of chat commands."""

from bot.conversation.answers import Answers
from bot.conversation.hearing import Conversation
from bot.conversation.turn import Answer, Heard

__all__ = ["Answer", "Answers", "Conversation", "Heard"]
