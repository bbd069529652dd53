"""Approved actions being performed by the service, once."""
