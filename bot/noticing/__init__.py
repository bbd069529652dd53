"""What people learn of actions that ran without being asked about, and what they may do about it at once."""
