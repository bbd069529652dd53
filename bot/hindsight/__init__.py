"""Looking back: why something was decided, and what a draft would have decided."""
