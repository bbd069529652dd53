"""assent policy lint, diff, test, replay: what a draft says before it is in force."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bot.cli.console import FAILED, complain, fail, run, say, say_json, settings_for
from bot.cli.policy_files import is_file, read_file

if TYPE_CHECKING:
    from bot.administration.trials import Tried
    from bot.cli.desk import Desk
    from bot.policy.diff import Change
    from bot.policy.files import PolicyFile
    from bot.policy.rules import Floor, Policy
    from models.values import ActionRequest, Decision, Json

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Tenant = Annotated[str, typer.Option(help="Whose floor.")]
FloorFile = Annotated[str | None, typer.Option("--floor", help="A floor in a file; else the starter floor.")]


def lint(
    file: Annotated[str, typer.Argument(help="YAML or JSON; - reads standard input.")],
    floor: FloorFile = None,
    as_floor: Annotated[bool, typer.Option("--as-floor", help="The file is a floor.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a policy file, with its lines; nothing is changed and no database is needed."""
    from bot.policy.lint import Severity
    from bot.policy.lint import lint as look_at

    read = read_file(file)
    ground = _floor(read, file) if as_floor else _policy(read, file)
    findings = look_at(ground, None if as_floor else _floor_above(floor))
    lines = [(read.place(_path(one.rule, one.path, read)), one) for one in findings]
    if as_json:
        say_json(
            [
                {"line": place.line, "column": place.column, "severity": one.severity.value, "code": one.code,
                 "rule": one.rule, "words": one.words}
                for place, one in lines
            ]
        )  # fmt: skip
    else:
        for place, one in lines:
            say(f"{file}:{place}: {one.severity.value}: {_named(one.rule)}{one.words}")
        say(f"{len(ground.rules)} rules, {len(lines)} finding(s).")
    if any(one.severity is Severity.ERROR for one in findings):
        raise typer.Exit(FAILED)


def diff(
    old: Annotated[str, typer.Argument(help="A file, an agent, AGENT@VERSION, floor or floor@VERSION.")],
    new: Annotated[str, typer.Argument(help="The same.")],
    tenant: Tenant = "default",
    as_json: AsJson = False,
) -> None:
    """Say rule by rule what differs between two policies, or two floors."""
    run(_diff(old, new, tenant, as_json))


def test(
    what: Annotated[str, typer.Argument(help="A file, an agent, or floor.")],
    action: Annotated[str | None, typer.Argument(help="The action type.")] = None,
    details: Annotated[str, typer.Option(help="The details of the check, JSON.")] = "{}",
    requested_by: Annotated[str | None, typer.Option(help="For whom the agent says it acts.")] = None,
    session: Annotated[str | None, typer.Option(help="The session.")] = None,
    agent: Annotated[str | None, typer.Option(help="Try the file as a draft for this agent, or for floor.")] = None,
    floor: FloorFile = None,
    cases: Annotated[str | None, typer.Option(help="Try a table of expected decisions instead of one action.")] = None,
    expect: Annotated[str | None, typer.Option(help="End with 1 unless this level comes out.")] = None,
    tenant: Tenant = "default",
    as_json: AsJson = False,
) -> None:
    """Say what an action would get, and why. Nothing is recorded and nobody is asked."""
    if cases is not None:
        _cases(what, cases, floor, as_json)
        return
    if action is None:
        fail("Name an action type, or a table with --cases.", code=2)
    request = request_of(action, details, requested_by, session)
    if is_file(what) and agent is None:
        decision = _offline(what, floor, request)
        subject, counted = what, False
    else:
        if floor is not None:
            fail("--floor goes with a file that is tried without an agent.", code=2)
        tried = run(_tried(agent or what, what if is_file(what) else None, request, tenant))
        subject, decision, counted = tried.subject, tried.decision, tried.counted
    _tell(subject, decision, counted, as_json)
    if expect is not None and decision.level.value != expect:
        fail(f"Expected {expect}, got {decision.level}.")


def replay(
    what: Annotated[str, typer.Argument(help="The agent, or floor.")],
    file: Annotated[str | None, typer.Argument(help="The draft; without one, the rules in force.")] = None,
    days: Annotated[int, typer.Option(help="How far back, 1 to 366.")] = 7,
    limit: Annotated[int, typer.Option(help="At most so many checks, the newest; up to 100000.")] = 100_000,
    tenant: Tenant = "default",
    as_json: AsJson = False,
) -> None:
    """Decide the checks of the last days again under a draft and say what would have been different."""
    run(_replay(what, file, days, limit, tenant, as_json))


def _policy(read: PolicyFile, file: str) -> Policy:
    from bot.policy import PolicyFault, parse_policy
    from models.enums import Level

    try:
        return parse_policy(read.document, default=Level(settings_for("administer").default_level))
    except PolicyFault as fault:
        _faults(fault.faults, read, file)


def _floor(read: PolicyFile, file: str) -> Floor:
    from bot.policy import PolicyFault, parse_floor

    try:
        return parse_floor(read.document)
    except PolicyFault as fault:
        _faults(fault.faults, read, file)


def _faults(faults: tuple[tuple[str, str], ...], read: PolicyFile, file: str) -> NoReturn:
    for path, detail in faults:
        complain(f"{file}:{read.place(path)}: error: {path or 'policy'}: {detail}")
    raise typer.Exit(FAILED)


def _floor_above(file: str | None) -> Floor:
    from bot.policy import starter_floor

    return starter_floor() if file is None else _floor(read_file(file), file)


def _path(rule: str | None, path: str, read: PolicyFile) -> str:
    """Findings name places of the canonical form; in a map of patterns the rule is found by its name."""
    document = read.document
    if rule is None or not isinstance(document, dict) or isinstance(document.get("rules"), list):
        return path
    return f"rules.{rule}" if "rules" in document else rule


def _named(rule: str | None) -> str:
    return f"{rule}: " if rule else ""


def _offline(file: str, floor: str | None, request: ActionRequest) -> Decision:
    """Without an agent and its past: budgets cannot be counted, and their rules then decide strictly."""
    from datetime import UTC, datetime

    from bot.administration.trials import stand_in
    from bot.policy import evaluate
    from models.values import Question, Requester

    requester = Requester(request.requested_by) if request.requested_by else None
    question = Question(request, stand_in("default"), datetime.now(UTC), requester)
    return evaluate(_policy(read_file(file), file), _floor_above(floor), question)


def request_of(action: str, details: str, requested_by: str | None, session: str | None) -> ActionRequest:
    import json

    from bot.asking.parsing import BadAsk, parse_check
    from bot.asking.strict_json import NotStrict, decode

    try:
        asked: Json = {
            "action_type": action,
            "details": decode(details.encode()),
            "requested_by": requested_by,
            "session": session,
        }
        return parse_check(json.dumps(asked).encode())
    except NotStrict as fault:
        fail(f"--details: {fault}", code=2)
    except BadAsk as fault:
        fail(f"{fault.field}: {fault.detail}", code=2)


async def _tried(name: str, file: str | None, request: ActionRequest, tenant: str) -> Tried:
    from bot.cli.desk import granted, open_desk

    async with open_desk(settings_for("administer")) as desk:
        written = read_file(file).document if file else None
        tried: Tried = granted(await desk.trials.test(desk.actor, name, request, written=written, tenant=tenant))
        return tried


def _tell(subject: str, decision: Decision, counted: bool, as_json: bool) -> None:
    from bot.administration.as_json import decision_json

    if as_json:
        say_json({"agent": subject, **decision_json(decision), "counted": counted})
        return
    say(f"{decision.level} ({decision.layer}): {decision.reason}.")
    if decision.matched:
        say(f"  matched: {', '.join(decision.matched)}")
    if decision.floor_rule:
        say(f"  floor:   {decision.floor_rule} demands {decision.floor_level}")
    for fault in decision.faults:
        say(f"  fault:   {fault}")
    if not counted and any("not counted here" in fault for fault in decision.faults):
        say("A file alone has no past, so budgets are decided strictly: name an agent with --agent, or use --cases.")


def _cases(what: str, table: str, floor: str | None, as_json: bool) -> None:
    """A table against a file; the floor is the starter floor or a file."""
    from bot.policy.cases import BadCase, try_cases

    if not is_file(what):
        fail("--cases goes with a policy file.", code=2)
    read = read_file(table)
    try:
        tried = list(try_cases(read.document, _policy(read_file(what), what), _floor_above(floor)))
    except BadCase as fault:
        fail(f"{table}:{read.place(fault.path)}: {fault}")
    wrong = [one for one in tried if not one.holds]
    if as_json:
        say_json(
            [
                {"path": one.path, "action": one.action, "holds": one.holds, "expected": one.expected.value,
                 "level": one.decision.level.value, "rule": one.deciding}
                for one in tried
            ]
        )  # fmt: skip
    else:
        for one in wrong:
            wanted = f"{one.expected}{f' by {one.rule}' if one.rule else ''}"
            got = f"{one.decision.level} by {one.deciding or 'the default'}"
            say(f"{table}:{read.place(one.path)}: {one.action}: expected {wanted}, got {got}")
        say(f"{len(tried) - len(wrong)} of {len(tried)} decisions are as expected.")
    if wrong:
        raise typer.Exit(FAILED)


async def _diff(old: str, new: str, tenant: str, as_json: bool) -> None:
    from bot.administration.as_json import changes_json
    from bot.cli.desk import open_desk
    from bot.policy.diff import diff as differences

    floors = any(one.partition("@")[0] == "floor" for one in (old, new))
    if is_file(old) and is_file(new):
        changes = differences(_from_file(old, floors), _from_file(new, floors))
    else:
        async with open_desk(settings_for("administer")) as desk:
            before = await _ground(desk, old, tenant, floors)
            changes = differences(before, await _ground(desk, new, tenant, floors))
    if as_json:
        say_json(changes_json(changes))
        return
    say_changes(changes)
    if not changes:
        say("No difference.")


def say_changes(changes: tuple[Change, ...]) -> None:
    for change in changes:
        sides = " → ".join(side for side in (change.before, change.after) if side is not None)
        say(f"  {change.kind.value:8} {change.rule or ''}{': ' if change.rule else ''}{sides}")


def _from_file(file: str, floor: bool) -> Policy | Floor:
    read = read_file(file)
    return _floor(read, file) if floor else _policy(read, file)


async def _ground(desk: Desk, what: str, tenant: str, floor: bool) -> Policy | Floor:
    from bot.administration import Declined
    from bot.cli.desk import refuse
    from models.values import Refusal

    if is_file(what):
        return _from_file(what, floor)
    name, _, version = what.rpartition("@")
    wanted = int(version) if name and version.isdecimal() and len(version) < 10 else None
    name = what if wanted is None else name
    found = await desk.administration.policies.version(desk.actor, name, wanted, tenant=tenant)
    if isinstance(found, Refusal | Declined):
        refuse(found)
    return found


async def _replay(what: str, file: str | None, days: int, limit: int, tenant: str, as_json: bool) -> None:
    from bot.cli.desk import granted, open_desk
    from cards.replays import replay_json, replay_text
    from models.enums import Language

    written = read_file(file).document if file else None
    async with open_desk(settings_for("administer"), tenant=tenant) as desk:
        shown = sys.stderr.isatty()
        report = granted(
            await desk.replaying.under(
                desk.actor, what, written, days=days, limit=limit, progress=_progress if shown else _quietly
            )
        )
        if shown:
            typer.echo("", err=True)
        if as_json:
            say_json(replay_json(report))
        else:
            say(replay_text(report, Language.EN_US, now=desk.clock.now(), zone=desk.settings.zone))


def _progress(done: int, total: int) -> None:
    share = 100 * done // total if total else 100
    typer.echo(f"\r{done} of {total} checks, {share} %", nl=False, err=True)


def _quietly(_done: int, _total: int) -> None:
    pass
