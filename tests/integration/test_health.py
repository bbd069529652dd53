"""Alive and ready, and errors of the hook as problem documents; over real HTTP."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from bot.database import Database, open_database
from bot.readiness import MigrationsApplied, database_answers
from handlers.errors import PROBLEMS, problem, problem_middleware
from handlers.health import ReadyCheck, health_routes, task_runs
from tests.support.databases import PostgresServer

Client = TestClient[web.Request, web.Application]
ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def serving(*routes: web.RouteDef, size: int = 1024) -> AsyncIterator[Client]:
    app = web.Application(middlewares=[problem_middleware], client_max_size=size)
    app.add_routes(routes)
    async with TestClient(TestServer(app)) as client:
        yield client


async def _ready(checks: Mapping[str, ReadyCheck]) -> tuple[int, dict[str, object]]:
    async with serving(*health_routes(checks, patience=0.2)) as client:
        assert (await client.get("/healthz")).status == 200
        response = await client.get("/readyz")
        return response.status, await response.json()


async def test_ready_with_a_database_that_is_migrated(database: Database) -> None:
    applied = MigrationsApplied(database)
    checks: dict[str, ReadyCheck] = {"database": partial(database_answers, database), "migrations": applied}
    for _ in range(2):
        status, body = await _ready(checks)
        assert (status, body) == (200, {"status": "ready", "checks": {"database": "ok", "migrations": "ok"}})
    assert await database_answers(database) is None, "the pool of the use cases is untouched"


async def test_missing_migrations_are_named(postgres_server: PostgresServer, tmp_path: Path) -> None:
    with postgres_server.database(migrated=False) as postgres:
        for url in (postgres, f"sqlite://{tmp_path / 'empty.db'}"):
            async with open_database(url) as database:
                status, body = await _ready({"migrations": MigrationsApplied(database)})
                assert status == 503
                assert body["missing"] == ["migrations"]
                assert "0001_initial" in str(body["checks"])


async def test_a_database_that_went_away_is_not_ready_while_the_process_lives(postgres_server: PostgresServer) -> None:
    with postgres_server.database() as url:
        async with open_database(url) as database:
            assert (await _ready({"database": partial(database_answers, database)}))[0] == 200
            postgres_server.psql(f'DROP DATABASE "{url.partition("?")[0].rpartition("/")[2]}" WITH (FORCE)')
            status, body = await _ready({"database": partial(database_answers, database)})
            assert (status, body["code"], body["missing"]) == (503, "not_ready", ["database"])


async def test_a_check_that_hangs_or_fails_is_named_without_its_text() -> None:
    async def hangs() -> str | None:
        await asyncio.Event().wait()
        return None

    async def fails() -> str | None:
        raise OSError("postgres://user:hunter2@host")

    async def fine() -> str | None:
        return None

    status, body = await _ready({"database": hangs, "worker": fails, "journal": fine})
    assert status == 503
    assert body["missing"] == ["database", "worker"]
    assert body["checks"] == {"database": "no answer within 0.2 s", "worker": "failed (OSError)", "journal": "ok"}


async def test_a_stopped_task_is_not_ready() -> None:
    release = asyncio.Event()

    async def work() -> None:
        await release.wait()

    task = asyncio.create_task(work())
    check = task_runs(lambda: task)
    assert await check() is None
    release.set()
    await task
    assert await check() == "stopped"
    assert await task_runs(lambda: None)() == "not started"


async def _boom(request: web.Request) -> web.Response:
    try:
        raise KeyError("ast_secret_in_the_cause")
    except KeyError:
        raise RuntimeError("ast_secret_in_the_message")  # noqa: B904


async def _read(request: web.Request) -> web.Response:
    await request.read()
    return web.Response()


HOOK = [web.get("/v1/boom", _boom), web.get("/page", _boom), web.post("/v1/check", _read)]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/v1", 404, "not_found"),
        ("GET", "/v1/check", 405, "method_not_allowed"),
        ("POST", "/v1/check", 413, "body_too_large"),
        ("GET", "/v1/boom", 500, "internal"),
    ],
)
async def test_every_error_of_the_hook_is_a_problem_document(method: str, path: str, status: int, code: str) -> None:
    async with serving(*HOOK) as client:
        response = await client.request(method, path, data=b"x" * 5000 if method == "POST" else None)
        body = json.loads(await response.text())
        assert (response.status, response.content_type) == (status, "application/problem+json")
        assert body["type"] == f"/problems/{code}"
        assert (body["status"], body["code"], body["title"]) == (status, code, PROBLEMS[code][1])
        assert ("POST" in response.headers.get("Allow", "")) == (status == 405)


async def test_an_unexpected_fault_is_logged_by_its_id_and_nothing_of_it_is_said() -> None:
    with capture_logs() as logs:
        async with serving(*HOOK) as client:
            hook, page = await client.get("/v1/boom"), await client.get("/page")
            told = [await hook.text(), await page.text()]
    assert page.status == 500
    assert hook.headers["Retry-After"] == "1"
    assert "secret" not in str(told) + str(logs), "neither told nor logged"
    failed = [entry for entry in logs if entry["event"] == "request.failed"]
    assert [entry["error_id"] in text for entry, text in zip(failed, told, strict=True)] == [True, True]
    assert failed[0]["fault"] == "builtins.RuntimeError"
    assert "_boom" in failed[0]["stack"]


async def test_outside_the_hook_errors_stay_plain() -> None:
    async with serving(*HOOK) as client:
        response = await client.get("/elsewhere")
        assert (response.status, response.content_type) == (404, "text/plain")


def test_the_callers_words_never_take_the_place_of_ours() -> None:
    with pytest.raises(ValueError, match="reserved"):
        problem(409, "already_claimed", "…", title="mine")
    with pytest.raises(ValueError, match="no problem no_such_code"):
        problem(409, "no_such_code", "…")
    answer = problem(400, "busy", "…", by="\ud800", at="now")
    assert isinstance(answer.body, bytes)
    assert answer.status == 503, "a code has one status"
    assert json.loads(answer.body)["by"] == "\ud800"


def test_every_code_is_documented_and_no_other() -> None:
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", page, re.MULTILINE))
    assert rows == {code: str(status) for code, (status, _) in PROBLEMS.items()}


def test_every_code_that_a_handler_answers_is_known() -> None:
    """Codes are literals in the handlers; one that is not in PROBLEMS would be answered with a 500."""
    wanted = set()
    for module in (ROOT / "handlers").glob("*.py"):
        wanted |= set(re.findall(r'problem\(\s*\d{3},\s*"(\w+)"', module.read_text("utf-8")))
        wanted |= set(re.findall(r'BadAsk\([^)]*"(\w+)"\)', module.read_text("utf-8")))
    assert wanted
    assert wanted <= PROBLEMS.keys()
