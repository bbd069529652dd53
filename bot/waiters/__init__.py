"""Long polls, and how the news of a resolution reaches them across processes."""
