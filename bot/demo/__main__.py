"""`python -m bot.demo [--port N]`: the demo without the rest of the command line."""

from __future__ import annotations

import argparse
import asyncio

from bot.demo.stage import DEFAULT_PORT, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bot.demo", description="The demo on loopback ports.")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="the page's port; 0 takes a free one")
    asyncio.run(run(parser.parse_args().port))
