"""Group commit: checks that arrive while a commit is under way share the next one."""
