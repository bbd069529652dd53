"""`python -m tests.lives --lives 1000 --seed 1 [--postgres]`: so many random lives, and whether every law held."""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from tests.lives.living import Lived, live
from tests.support.databases import own_server


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.lives")
    parser.add_argument("--lives", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL of its own, instead of SQLite")
    parser.add_argument("--log", action="store_true", help="what the service logs, from warnings on")
    wanted = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30 if wanted.log else 50))
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    began = time.monotonic()
    print(f"{wanted.lives} lives, seed {wanted.seed}", flush=True)
    try:
        with _database(postgres=wanted.postgres) as url:
            lived = asyncio.run(live(url, lives=wanted.lives, seed=wanted.seed, tell=_tell))
    except BaseException:
        print(f"\nseed {wanted.seed} failed", file=sys.stderr, flush=True)
        raise
    print(f"\n{_summary(lived)}\n{time.monotonic() - began:.0f} s")


def _tell(begun: int) -> None:
    print(f"\r{begun} lives begun", end="", flush=True)


def _summary(lived: Lived) -> str:
    counts = ", ".join(f"{count} {what}" for what, count in sorted(lived.counted.items()))
    deeds = ", ".join(f"{count} {what}" for what, count in lived.did.most_common())
    return f"{lived.lives} lives over {lived.days:.0f} days: {counts}\n{deeds}"


@contextmanager
def _database(*, postgres: bool) -> Iterator[str]:
    if postgres:
        with own_server() as server, server.database(migrated=False) as url:
            yield url
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite://{Path(folder) / 'lives.db'}"


if __name__ == "__main__":
    main()
