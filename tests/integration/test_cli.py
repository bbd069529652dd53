"""The real command line in a process of its own, on both databases."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.database import open_database
from bot.directory import token_hash
from bot.secrecy.box import SecretBox
from bot.simulator.demo import demo_world
from bot.simulator.server import create_simulator, serve
from models.enums import OutboxKind, Role
from models.tables import Agent, AuditEntry, FeishuApp, OutboxMessage, PolicyVersion, User

ROOT = Path(__file__).parents[2]
SECRET_KEY = "a-secret-key-for-tests-of-the-command-line"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class CommandLine:
    """Runs in an empty directory with no environment but what is given."""

    directory: Path
    env: dict[str, str]

    async def start(self, *words: str, **env: str) -> asyncio.subprocess.Process:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ASSENT_")}
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *words, cwd=self.directory, stdin=PIPE, stdout=PIPE, stderr=PIPE,
            env={**clean, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **self.env, **env},
        )  # fmt: skip

    async def __call__(self, *words: str, stdin: str = "", **env: str) -> Ran:
        process = await self.start(*words, **env)
        out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        ran = Ran(process.returncode, out.decode(), err.decode())
        assert "Traceback" not in ran.err, ran.err
        return ran

    async def done(self, *words: str, stdin: str = "", **env: str) -> str:
        ran = await self(*words, stdin=stdin, **env)
        assert ran.code == 0, ran
        return ran.out


@pytest.fixture
def assent(tmp_path: Path, database_url: str) -> CommandLine:
    return CommandLine(tmp_path, {"ASSENT_DATABASE_URL": database_url})


@pytest.fixture
def bare(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, {})


async def test_a_new_agent_gets_its_token_once_and_the_audit_names_who_made_it(assent: CommandLine) -> None:
    made = json.loads(await assent.done("agent", "create", "Bookkeeper", "--creator", "Lin@Example.com", "--json"))
    assert re.fullmatch(r"ast_[A-Za-z0-9_-]{43}", made["token"])
    assert (made["name"], made["tenant"], made["creator"]) == ("Bookkeeper", "default", "lin")
    told = await assent.done("agent", "create", "Second", "--creator", "lin@example.com")
    assert "shown once" in told
    async with open_database(assent.env["ASSENT_DATABASE_URL"]):
        agent = await Agent.get(name="Bookkeeper").select_related("creator")
        assert agent.token_hash == token_hash(made["token"])
        assert agent.creator.email == "lin@example.com"
        assert await User.all().count() == 1
        actors = {entry.actor for entry in await AuditEntry.all()}
        assert len(actors) == 1
        assert actors.pop().startswith("cli:")
        assert not [entry for entry in await AuditEntry.all() if "ast_" in entry.details]


async def test_agents_live_through_the_command_line(assent: CommandLine) -> None:
    await assent.done("agent", "create", "A", "--creator", "lin@example.com")
    again = await assent("agent", "create", "A", "--creator", "new@example.com")
    assert again.code == 1
    assert "already is an agent" in again.err
    assert "paused" in await assent.done("agent", "pause", "A")
    assert "active" in await assent.done("agent", "resume", "A")
    rotated = json.loads(await assent.done("agent", "rotate-token", "A", "--json"))
    assert rotated["token"].startswith("ast_")
    assert "archived" in await assent.done("agent", "archive", "A")
    assert json.loads(await assent.done("agent", "list", "--json")) == []
    [line] = json.loads(await assent.done("agent", "list", "--archived", "--json"))
    assert (line["name"], line["status"]) == ("A", "archived")
    unknown = await assent("agent", "pause", "nobody")
    assert unknown.code == 1
    assert "nobody" in unknown.err
    async with open_database(assent.env["ASSENT_DATABASE_URL"]):
        assert await User.all().count() == 1, "an agent that was not created leaves no creator behind"


async def test_an_executor_needs_the_secret_key_and_prints_its_secret_once(assent: CommandLine) -> None:
    await assent.done("agent", "create", "A", "--creator", "lin@example.com")
    keyless = await assent("agent", "set-executor", "A", "https://run.example/do")
    assert keyless.code == 2
    assert "ASSENT_SECRET_KEY is missing" in keyless.err
    words = ("agent", "set-executor", "A", "https://run.example/do", "--json")
    done = json.loads(await assent.done(*words, ASSENT_SECRET_KEY=SECRET_KEY))
    assert done["secret"].startswith("whsec_")
    bad = await assent("agent", "set-executor", "A", "https://169.254.169.254/", ASSENT_SECRET_KEY=SECRET_KEY)
    assert bad.code == 1
    async with open_database(assent.env["ASSENT_DATABASE_URL"]):
        agent = await Agent.get(name="A")
        assert agent.executor_url == "https://run.example/do"
        assert SecretBox([SECRET_KEY]).open(agent.executor_secret or "", bound_to=str(agent.id)) == done["secret"]
    assert "acts itself" in await assent.done("agent", "set-executor", "A", "off")


async def test_a_creator_named_by_a_feishu_id_needs_the_app_it_belongs_to(assent: CommandLine) -> None:
    words = ("agent", "create", "A", "--creator", "ou_lin")
    without = await assent(*words)
    assert without.code == 1
    assert "ASSENT_FEISHU_APP_ID" in without.err
    feishu = feishu_settings()
    await assent.done(*words, **feishu)
    async with open_database(assent.env["ASSENT_DATABASE_URL"]):
        row = await FeishuApp.get()
        assert row.app_id == feishu["ASSENT_FEISHU_APP_ID"]
        assert (await Agent.get().select_related("creator")).creator.name == "ou_lin"
        [only] = await OutboxMessage.all()
        assert only.kind is OutboxKind.LEARN_NAME


async def test_apps_are_registered_from_standard_input(assent: CommandLine) -> None:
    words = ("app", "add", "cli_two", "--name", "Two", "--secret-stdin")
    told = await assent.done(*words, stdin="app-s3cret\nenc-s3cret\nver-s3cret\n", ASSENT_SECRET_KEY=SECRET_KEY)
    assert "/feishu/cli_two/webhook" in told
    listed = await assent.done("app", "list")
    assert "cli_two" in listed
    assert "s3cret" not in listed
    short = await assent(*words, stdin="only-one\n", ASSENT_SECRET_KEY=SECRET_KEY)
    assert short.code == 2
    other = await assent(
        "app", "add", "wx_two", "--name", "x", "--secret-stdin", stdin="a\nb\nc", ASSENT_SECRET_KEY=SECRET_KEY
    )
    assert other.code == 1
    async with open_database(assent.env["ASSENT_DATABASE_URL"]):
        row = await FeishuApp.get()
        assert SecretBox([SECRET_KEY]).open(row.encrypt_key, bound_to="cli_two") == "enc-s3cret"


async def test_roles_are_set_and_the_last_admin_stays(assent: CommandLine) -> None:
    await assent.done("agent", "create", "A", "--creator", "lin@example.com")
    assert "platform_admin" in await assent.done("user", "set-role", "lin@example.com", "platform_admin")
    last = await assent("user", "set-role", "lin@example.com", "member")
    assert last.code == 1
    assert "last platform admin" in last.err
    unknown = await assent("user", "set-role", "lin@example.com", "king")
    assert unknown.code == 2
    [person] = json.loads(await assent.done("user", "list", "--json"))
    assert person["role"] == Role.PLATFORM_ADMIN


async def test_policies_are_shown_and_set_from_a_file_or_standard_input(assent: CommandLine) -> None:
    await assent.done("agent", "create", "A", "--creator", "lin@example.com")
    shown = json.loads(await assent.done("policy", "show", "A"))
    assert (shown["version"], shown["default"]) == (1, "L2")
    (assent.directory / "policy.json").write_text('{"default": "L3", "read_*": "L1"}')
    assert "v2" in await assent.done("policy", "set", "A", "policy.json")
    assert "v3" in await assent.done("policy", "set", "A", stdin='{"*": "DENY"}')
    for wrong, said in (('{"a": "l3", "b": 1}', "a: "), ("[1", "JSON"), ('{"a": "L1", "a": "L2"}', "a")):
        no = await assent("policy", "set", "A", stdin=wrong)
        assert no.code == 1
        assert said in no.err
    as_shown = await assent.done("policy", "show", "A")
    assert "says so already" in await assent.done("policy", "set", "A", stdin=as_shown)
    assert (await assent("policy", "set", "A", "missing.json")).code == 1
    async with open_database(assent.env["ASSENT_DATABASE_URL"]):
        assert await PolicyVersion.all().count() == 3


async def test_an_exported_policy_is_imported_over_the_version_it_was(assent: CommandLine) -> None:
    await assent.done("agent", "create", "A", "--creator", "lin@example.com")
    await assent.done("policy", "export", "A", "a.yaml")
    file = assent.directory / "a.yaml"
    text = file.read_text(encoding="utf-8")
    assert text.startswith("agent: A\nversion: 1\n")
    assert (await assent("policy", "export", "A", "a.yaml")).code == 1
    file.write_text(text.replace("default: L2", "default: L3"), encoding="utf-8")
    assert "default  L2 → L3" in await assent.done("policy", "diff", "A", "a.yaml")
    done = await assent.done("policy", "import", "A", "a.yaml", "--note", "quarter end")
    assert "Policy v2 of “A” is in force." in done
    assert "default  L2 → L3" in done
    file.write_text(text.replace("default: L2", "default: DENY"), encoding="utf-8")
    moved = await assent("policy", "import", "A", "a.yaml")
    assert moved.code == 1
    assert "v2" in moved.err
    assert "cli:" in moved.err
    assert "v3" in await assent.done("policy", "import", "A", "a.yaml", "--force")
    assert "v4" in await assent.done("policy", "rollback", "A", "1", "--if-version", "3")
    lines = json.loads(await assent.done("policy", "history", "A", "--json"))
    assert [(line["version"], line["note"]) for line in lines] == [
        (4, "rollback to v1"), (3, "whole policy"), (2, "quarter end"), (1, "starter policy"),
    ]  # fmt: skip
    assert "default  L3 → DENY" in await assent.done("policy", "diff", "A@2", "A@3")
    await assent.done("agent", "create", "B", "--creator", "lin@example.com")
    other = await assent("policy", "import", "B", "a.yaml")
    assert other.code == 1
    assert "“A”" in other.err


async def test_the_floor_is_written_like_a_policy(assent: CommandLine) -> None:
    shown = json.loads(await assent.done("policy", "show", "floor"))
    assert (shown["agent"], shown["version"], shown["author"]) == ("floor", 0, "system")
    assert "Floor v1" in await assent.done("policy", "set", "floor", stdin="'wire_*': L3\n")
    assert json.loads(await assent.done("policy", "show", "floor", "--tenant", "abroad"))["version"] == 0
    tried = json.loads(await assent.done("policy", "test", "floor", "WIRE_money", "--json"))
    assert (tried["level"], tried["layer"]) == ("L3", "floor")
    assert "Floor v2" in await assent.done("policy", "rollback", "floor", "0")


async def test_a_file_is_looked_at_and_tried_without_a_database(bare: CommandLine) -> None:
    (bare.directory / "p.yaml").write_text(
        "default: L2\nrules:\n  - action: pay_*\n    when: args.amount > 100\n    level: L3\n"
        "  - action: delete_x\n    level: L1\n",
        encoding="utf-8",
    )
    looked = await bare("policy", "lint", "p.yaml")
    assert looked.code == (1 if "error:" in looked.out else 0)
    assert re.search(r"^p\.yaml:6:5: \w+: delete_x: ", looked.out, re.MULTILINE), looked.out
    (bare.directory / "bad.yaml").write_text(
        "rules:\n  - action: a\n    when: args.\n    level: l1\n", encoding="utf-8"
    )
    bad = await bare("policy", "lint", "bad.yaml")
    assert bad.code == 1
    assert "bad.yaml:3:5: error: rules[0].when: " in bad.err
    assert "bad.yaml:4:5: error: rules[0].level: " in bad.err
    (bare.directory / "worse.yaml").write_text("a: NO\n", encoding="utf-8")
    worse = await bare("policy", "lint", "worse.yaml")
    assert worse.code == 1
    assert "worse.yaml:1:4: error: " in worse.err
    details = '{"args": {"amount": 250}}'
    tried = await bare.done("policy", "test", "p.yaml", "pay_rent", "--details", details, "--expect", "L3")
    assert "args.amount > 100" in tried
    assert (await bare("policy", "test", "p.yaml", "pay_rent", "--details", "{", "--expect", "L3")).code == 2
    assert (await bare("policy", "test", "p.yaml", "read_x", "--expect", "L3")).code == 1
    (bare.directory / "t.yaml").write_text(
        "cases:\n  - {action: read_x, expect: L2}\n  - {action: delete_x, expect: L1}\n", encoding="utf-8"
    )
    cases = await bare("policy", "test", "p.yaml", "--cases", "t.yaml")
    assert cases.code == 1
    assert "t.yaml:3:5: delete_x: expected L1, got L3" in cases.out
    assert json.loads(await bare.done("policy", "schema"))["title"] == "Assent policy"
    assert not list(bare.directory.glob("**/*.db"))


async def test_a_draft_is_replayed_over_what_the_agent_asked(assent: CommandLine) -> None:
    await assent.done("agent", "create", "A", "--creator", "lin@example.com")
    report = json.loads(await assent.done("policy", "replay", "A", "-", "--json", stdin='{"*": "L3"}'))
    assert (report["subject"], report["checks"]) == ("A", 0)
    bad = await assent("policy", "replay", "A", "-", stdin='{"*": "L9"}')
    assert bad.code == 1
    assert "L9" in bad.err


async def test_access_tokens_are_made_listed_and_revoked(assent: CommandLine) -> None:
    await assent.done("agent", "create", "A", "--creator", "lin@example.com")
    words = ("token", "create", "--user", "lin@example.com", "--name", "pipeline", "--json")
    made = json.loads(await assent.done(*words))
    assert re.fullmatch(r"asp_[A-Za-z0-9_-]{43}", made["token"])
    assert (await assent(*words, "--days", "367")).code == 1
    assert (await assent("token", "create", "--user", "nobody", "--name", "x")).code == 1
    [listed] = json.loads(await assent.done("token", "list", "--json"))
    assert (listed["name"], listed["person"], listed["state"]) == ("pipeline", "lin", "works")
    assert made["token"] not in await assent.done("token", "list", "--user", "lin@example.com")
    await assent.done("token", "revoke", made["token_id"])
    [listed] = json.loads(await assent.done("token", "list", "--json"))
    assert listed["state"] == "revoked"
    assert (await assent("token", "revoke", "nonsense")).code == 1
    async with open_database(assent.env["ASSENT_DATABASE_URL"]):
        assert not [entry for entry in await AuditEntry.all() if made["token"] in entry.details]


async def test_agents_are_frozen_observed_labelled_and_limited(assent: CommandLine) -> None:
    await assent.done("agent", "create", "A", "--creator", "lin@example.com")
    assert "stands still until 2" in await assent.done("freeze", "A", "--for", "2h", "--reason", "audit")
    frozen = await assent.done("freeze")
    assert "Every agent of tenant default stands still until it is lifted" in frozen
    assert "“A”" in frozen
    assert "Still: “A”" in await assent.done("unfreeze")
    assert "lifted" in await assent.done("unfreeze", "A")
    assert "was not frozen" in await assent.done("unfreeze", "A")
    assert (await assent("freeze", "A", "--for", "soon")).code == 2
    assert "only observed until" in await assent.done("agent", "observe", "A", "7d")
    assert (await assent("agent", "observe", "A", "31d")).code == 1
    assert "no longer" in await assent.done("agent", "observe", "A", "off")
    assert "env=prod, team=ops" in await assent.done("agent", "label", "A", "team=ops", "env=prod")
    assert "team" not in await assent.done("agent", "label", "A", "team=")
    assert (await assent("agent", "label", "A", "nonsense")).code == 2
    assert "pending 5, checks a minute as installed" in await assent.done("agent", "limit", "A", "--pending", "5")
    assert (await assent("agent", "limit", "A", "--pending", "many")).code == 2
    assert json.loads(await assent.done("grant", "list", "--json")) == []
    assert (await assent("grant", "revoke", "00000000-0000-0000-0000-000000000001")).code == 1
    assert (await assent("why", "0123456789abcdef")).code == 1


async def test_the_audit_is_proved_exported_and_a_change_is_named(assent: CommandLine) -> None:
    await assent.done("agent", "create", "A", "--creator", "lin@example.com")
    assert "whole" in await assent.done("audit", "verify")
    await assent.done("audit", "export", "audit.jsonl")
    assert "whole" in await assent.done("audit", "verify", "--file", "audit.jsonl")
    assert (await assent("audit", "export", "audit.jsonl")).code == 1
    lines = [json.loads(line) for line in (await assent.done("audit", "export")).splitlines()]
    assert "agent.created" in [line.get("action") for line in lines]
    async with open_database(assent.env["ASSENT_DATABASE_URL"]):
        entry = await AuditEntry.get(action="agent.created")
        await AuditEntry.filter(id=entry.id).update(actor="cli:somebody")
    broken = await assent("audit", "verify")
    assert broken.code == 1
    assert str(entry.id) in broken.err


async def test_a_fresh_sqlite_file_is_made_where_the_default_says(bare: CommandLine) -> None:
    assert "0001_initial" in await bare.done("migrate")
    assert "up to date" in await bare.done("migrate")
    assert (bare.directory / "var" / "assent.db").is_file()


async def test_postgres_is_migrated_by_its_owner_not_in_passing(bare: CommandLine, postgres_server: object) -> None:
    from tests.support.databases import PostgresServer

    assert isinstance(postgres_server, PostgresServer)
    with postgres_server.database(migrated=False) as url:
        early = await bare("agent", "list", ASSENT_DATABASE_URL=url)
        assert early.code == 1
        assert "assent migrate" in early.err
        await bare.done("migrate", ASSENT_DATABASE_URL=url)
        await bare.done("agent", "list", ASSENT_DATABASE_URL=url)


async def test_a_database_that_does_not_answer_is_one_line(bare: CommandLine) -> None:
    for words in (("agent", "list"), ("migrate",), ("audit", "verify")):
        ran = await bare(*words, ASSENT_DATABASE_URL="postgres://nobody:hunter2@127.0.0.1:1/none")
        assert ran.code == 1
        assert len(ran.err.strip().splitlines()) == 1
        assert "hunter2" not in ran.err


async def test_bad_settings_are_all_named_and_end_with_2(bare: CommandLine) -> None:
    ran = await bare("serve", ASSENT_REMINDERS="soon", ASSENT_COLOUR="red", ASSENT_SECRET_KEY="short-secret")
    assert ran.code == 2
    for variable in ("REMINDERS", "COLOUR", "SECRET_KEY", "FEISHU_APP_ID", "FEISHU_APP_SECRET", "FEISHU_ENCRYPT_KEY"):
        assert f"ASSENT_{variable} " in ran.err
    assert "short-secret" not in ran.err + ran.out


async def test_help_says_every_command_without_loading_the_service(bare: CommandLine) -> None:
    for words in ((), ("agent",), ("app",), ("user",), ("policy",), ("audit",)):
        assert "Usage" in (await bare(*words, "--help")).out
    code = "import sys, bot.__main__; print({'tortoise', 'aiohttp', 'lark_oapi'} & set(sys.modules))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=ROOT, stdout=PIPE)
    out, _ = await process.communicate()
    assert out.strip() == b"set()"


async def test_openapi_is_printed(bare: CommandLine) -> None:
    assert json.loads(await bare.done("openapi"))["openapi"].startswith("3.1")


def feishu_settings(base_url: str = "http://127.0.0.1:9") -> dict[str, str]:
    return {
        "ASSENT_SECRET_KEY": SECRET_KEY,
        "ASSENT_FEISHU_BASE_URL": base_url,
        "ASSENT_FEISHU_APP_ID": "cli_demo0001",
        "ASSENT_FEISHU_APP_SECRET": "app-secret",
        "ASSENT_FEISHU_ENCRYPT_KEY": "encrypt-key",
        "ASSENT_FEISHU_VERIFICATION_TOKEN": "token",
    }


@pytest.fixture
async def feishu() -> AsyncIterator[dict[str, str]]:
    """The settings of an app that lives in a running simulator."""
    world, app = demo_world()
    running = await serve(create_simulator(world), "127.0.0.1", 0)
    yield {
        **feishu_settings(running.base_url),
        "ASSENT_FEISHU_APP_ID": app.app_id,
        "ASSENT_FEISHU_APP_SECRET": app.app_secret,
        "ASSENT_FEISHU_ENCRYPT_KEY": app.encrypt_key or "",
        "ASSENT_FEISHU_VERIFICATION_TOKEN": app.verification_token or "",
    }
    await running.close()


async def test_doctor_finds_everything_right(assent: CommandLine, feishu: dict[str, str]) -> None:
    told = await assent.done("doctor", **feishu)
    assert "FAIL" not in told
    for what in ("settings", "database", "migrations", "Feishu: app", "/feishu/webhook"):
        assert what in told


async def test_doctor_says_what_to_do_about_what_is_wrong(assent: CommandLine, feishu: dict[str, str]) -> None:
    wrong = await assent("doctor", **feishu | {"ASSENT_FEISHU_APP_SECRET": "wrong-s3cret"})
    assert wrong.code == 1
    assert "compare app id and secret" in wrong.out
    assert "s3cret" not in wrong.out
    away = await assent("doctor", **feishu_settings())
    assert away.code == 1
    assert "ASSENT_FEISHU_BASE_URL" in away.out
    unset = await assent("doctor")
    assert unset.code == 1
    assert "ASSENT_SECRET_KEY is missing" in unset.out
    unreachable = await assent("doctor", **feishu | {"ASSENT_FEISHU_BASE_URL": "https://open.feishu.invalid"})
    assert "Feishu cannot reach http://127.0.0.1:8787/feishu/webhook" in unreachable.out
    no_database = await assent("doctor", **feishu, ASSENT_DATABASE_URL="postgres://127.0.0.1:1/none")
    assert no_database.code == 1
    assert "check ASSENT_DATABASE_URL" in no_database.out


async def test_serve_prints_the_claim_code_and_stops_gracefully(assent: CommandLine, feishu: dict[str, str]) -> None:
    process = await assent.start("serve", **feishu, ASSENT_PORT="0")
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        draining = asyncio.create_task(process.stderr.read())
        async with asyncio.timeout(60):
            line = (await process.stdout.readline()).decode()
        assert re.search(r"/claim [A-Z2-7]{4}(-[A-Z2-7]{4}){3}", line), line
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            assert await process.wait() == 0
        assert re.search(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){3}", (await draining).decode()) is None, "the code is not logged"
    finally:
        if process.returncode is None:
            process.kill()


async def test_simulator_prints_the_settings_that_reach_it(bare: CommandLine) -> None:
    process = await bare.start("simulator", "--port", "0")
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            lines = [(await process.stdout.readline()).decode().strip() for _ in range(6)]
        assert lines[0].startswith("Feishu simulator: http://127.0.0.1:")
        assert {line.partition("=")[0] for line in lines[1:]} == set(feishu_settings()) - {"ASSENT_SECRET_KEY"}
    finally:
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            assert await process.wait() == 0


async def test_demo_prints_the_address_of_its_page_and_ends_with_ctrl_c(bare: CommandLine) -> None:
    process = await bare.start("demo", "--port", "0")
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            while "http://127.0.0.1:" not in (await process.stdout.readline()).decode():
                assert not process.stdout.at_eof()
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            await process.communicate()
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()


async def test_a_taken_port_is_one_line(bare: CommandLine, feishu: dict[str, str]) -> None:
    port = feishu["ASSENT_FEISHU_BASE_URL"].rpartition(":")[2]
    ran = await bare("simulator", "--port", port)
    assert ran.code == 1
    assert "in use" in ran.err
