"""All that waits for one person on one card: opened, paged, decided there, put off, and kept as the database says."""
