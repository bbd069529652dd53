"""Reminding one person of one question: whether, when, how, and what it costs of the person's day."""
