"""Grants: bounded standing permissions given by people, used by checks, graduated into, reviewed and revoked."""
