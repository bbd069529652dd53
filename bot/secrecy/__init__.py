"""Secrets at rest, signed links, and secrets that are shown once."""
