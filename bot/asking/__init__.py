"""What an agent sends, made into an action request: strict JSON in, values out. Pure."""
