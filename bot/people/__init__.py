"""Who is who, the Feishu apps through which they are reached, and the first admin."""
