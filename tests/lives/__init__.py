"""Random lives of approval requests, lived through the whole service beside the simulator; every law holds at the end.

`python -m tests.lives --lives 1000 --seed 1` prints what happened; a failure names its seed. Agents ask, repeat,
withdraw and report; people press, type, edit, look away, go and come back; Feishu fails; the service restarts. The
clock is moved, nothing sleeps.
"""
