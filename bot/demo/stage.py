"""Puts the demo together in one process (folder, local Feishu, service, executor, agents) and takes it away again."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot.administration import Actor, AgentCreated, ExecutorSet, PolicySaved, in_one_transaction
from bot.app import HOUSE, House, Pace, create_app
from bot.demo.agents import CASHIER, CASHIER_POLICY, FILE_KEEPER, Cashier, FileKeeper
from bot.demo.diary import Diary
from bot.demo.hook_client import HookClient, NotAnswered
from bot.demo.ledger_executor import LedgerExecutor
from bot.demo.listening import address, bound, listening
from bot.demo.workplace import Workplace
from bot.ledger import Work
from bot.simulator.demo import ADMIN, CREATOR, STRANGER, demo_world
from bot.simulator.panels import Panel
from bot.simulator.server import create_simulator
from bot.simulator.state import App
from bot.simulator.world import World
from config import logging
from config.settings import Settings, load_settings
from models.enums import Role
from models.tables import User

DEFAULT_PORT = 8788
"""Of the page. The service takes the one before it."""

PAUSE = 20.0
"""Seconds between two rounds of the agents."""

_ABSENT = 5.0  # seconds until an agent asks again after an error

WELCOME = """
  Assent 演示 · demo

  打开这个页面 · open this page:   {url}

    1. 「文件管家」想删除 reports/2025：以林小雨的身份，在卡片上点「同意」或「拒绝」。
       The agent wants to delete a folder: as 林小雨, press approve or reject on the card.
    2. 看页面下方的文件夹：同意，文件夹真的没了；拒绝，文件夹还在。
       Watch the folder: approved, it is really gone; rejected, it stays.
    3. 在聊天里试试 /pending、/help、/policy show 付款助手、/why 校验码（卡片上有）。
       Type /pending, /help, /policy show 付款助手, or /why and the code on a card into the chat.
    4. 试算一笔，再让它停下：/policy test 付款助手 financial_operations {{"amount": 9000}}
       Try a payment, then stop and go on: /freeze 文件管家 for 10m   /unfreeze 文件管家

  文件夹 · folder:  {folder}
  Ctrl-C 结束并清理 · stops everything and cleans up
"""


GUIDE = (
    "① 林小雨：点「同意」或「拒绝」 · approve or reject",
    "② 看文件夹：没了，还是还在 · watch the folder",
    "③ 试试 /policy show 付款助手、/why 校验码、/freeze · or type a command",
)
"""What the page says about itself, in its first panel."""


@dataclass(frozen=True, slots=True)
class _Tokens:
    file_keeper: str
    cashier: str


async def run(port: int | None = DEFAULT_PORT) -> None:
    """Runs until SIGINT or SIGTERM. `port`: the page's; 0 or a taken one: any free one."""
    logging.configure("ERROR")
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    with _scratch() as folder:
        async with staged(folder, DEFAULT_PORT if port is None else port, Diary(_say)) as url:
            _say(WELCOME.format(url=url, folder=folder / "workspace"))
            await stop.wait()
            _say("\n  正在停止 · stopping …")
    _say("  再见 · bye")


@asynccontextmanager
async def staged(folder: Path, port: int, diary: Diary, *, pause: float = PAUSE) -> AsyncIterator[str]:
    """The whole demo runs; yields the address of its page."""
    workplace = Workplace(folder / "workspace")
    workplace.root.mkdir(parents=True)
    workplace.restock()
    page, service = bound(port), bound(port - 1 if port > 1 else 0)
    world, feishu_app = demo_world(f"{address(service)}/feishu/webhook")
    settings = _settings(folder, feishu_app, address(page), address(service))
    executor = LedgerExecutor(workplace)

    async with (
        listening(create_simulator(world, panels=_panels(workplace, diary)), page) as url,
        listening(executor.app(), bound(0)) as executor_url,
    ):
        app = await create_app(settings, pace=Pace(poll=0.5))
        async with listening(app, service) as hook_url:
            tokens = await _registered(app[HOUSE], world, feishu_app, executor, f"{executor_url}/execute")
            async with aiohttp.ClientSession() as session, _working(session, hook_url, tokens, diary, workplace, pause):
                yield url


def _panels(workplace: Workplace, diary: Diary) -> list[Panel]:
    async def guide() -> list[str]:
        return list(GUIDE)

    async def listing() -> list[str]:
        return workplace.listing()

    return [
        Panel("怎么玩", guide, "What to do"),
        Panel("智能体的工作文件夹", listing, "The agents' folder"),
        Panel("智能体日志", diary.lines, "The agents' log"),
    ]


@asynccontextmanager
async def _working(
    session: aiohttp.ClientSession, hook_url: str, tokens: _Tokens, diary: Diary, workplace: Workplace, pause: float
) -> AsyncIterator[None]:
    """The agents live in a task of their own, and know the hook by its address only."""
    file_keeper = FileKeeper(HookClient(session, hook_url, tokens.file_keeper), diary, workplace)
    cashier = Cashier(HookClient(session, hook_url, tokens.cashier), diary)

    async def live() -> None:
        number = 1
        while True:
            try:
                await file_keeper.round(number)
                await cashier.round(number)
            except (NotAnswered, aiohttp.ClientError, TimeoutError) as fault:
                diary.note(
                    "——", f"没有得到答复（{fault}），不执行", f"no answer ({type(fault).__name__}), does not act"
                )
                await asyncio.sleep(_ABSENT)
                continue
            number += 1
            diary.note("——", f"{pause:g} 秒后恢复文件夹，再来一轮", f"folder restored in {pause:g} s, next round")
            await asyncio.sleep(pause)

    living = asyncio.create_task(live(), name="demo-agents")
    try:
        yield
    finally:
        living.cancel()
        with suppress(asyncio.CancelledError):
            await living


async def _registered(
    house: House, world: World, feishu_app: App, executor: LedgerExecutor, executor_url: str
) -> _Tokens:
    """Three people, two agents of 林小雨's, and the executor of one of them."""
    people = {}
    for key, role in ((CREATOR, Role.MEMBER), (ADMIN, Role.ORG_ADMIN), (STRANGER, Role.MEMBER)):
        person = world.people[key]
        user = await house.people.ensure("default", world.open_id(feishu_app, person), role=role, now=house.clock.now())
        await User.filter(id=user.id).update(name=person.name)
        people[key] = await house.people.user(user.id)

    async def create(work: Work) -> _Tokens:
        actor, agents = Actor.command_line("demo", "default"), house.administration.agents
        tokens = []
        for name in (FILE_KEEPER, CASHIER):
            made = await agents.create(work, actor, name, creator=people[CREATOR])
            if not isinstance(made, AgentCreated):
                raise TypeError(f"{name}: {made}")
            tokens.append(made.token)
        saved = await house.administration.policies.set_document(work, actor, CASHIER, CASHIER_POLICY)
        if not isinstance(saved, PolicySaved):
            raise TypeError(f"{CASHIER}: {saved}")
        done = await agents.set_executor(work, actor, CASHIER, executor_url)
        if not isinstance(done, ExecutorSet) or done.secret is None:
            raise TypeError(f"{CASHIER}: {done}")
        executor.secret = done.secret
        return _Tokens(*tokens)

    return await in_one_transaction(house.ledger, create)


def _settings(folder: Path, app: App, feishu_url: str, public_url: str) -> Settings:
    """Complete, and independent of the environment: the demo touches no real tenant, whatever is configured here."""
    return load_settings(
        {
            "ASSENT_DATABASE_URL": f"sqlite://{folder / 'assent.db'}",
            "ASSENT_SECRET_KEY": secrets.token_urlsafe(32),
            "ASSENT_PUBLIC_URL": public_url,
            "ASSENT_FEISHU_APP_ID": app.app_id,
            "ASSENT_FEISHU_APP_SECRET": app.app_secret,
            "ASSENT_FEISHU_ENCRYPT_KEY": app.encrypt_key,
            "ASSENT_FEISHU_VERIFICATION_TOKEN": app.verification_token,
            "ASSENT_FEISHU_BASE_URL": feishu_url,
            "ASSENT_REMINDERS": "2m,10m",
            "ASSENT_APPROVAL_TTL": "1h",
        }
    )


@contextmanager
def _scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="assent-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
