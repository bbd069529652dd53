"""Freezes: everything stands still at their commit, until they are lifted or over."""
