"""What is registered with Feishu for completion."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.commands import COMMANDS
from bot.native_commands import fingerprint, slash_commands

NAME = re.compile(r"[a-z][a-z0-9_]*")  # feishu-protocol 5.4
MOST = 100


def test_every_first_word_is_registered_once_in_both_languages() -> None:
    commands = slash_commands()
    assert [command.name for command in commands] == list(
        dict.fromkeys(spec.name.partition(" ")[0] for spec in COMMANDS)
    )
    assert len(commands) <= MOST
    for command in commands:
        assert NAME.fullmatch(command.name)
        assert re.search("[\u4e00-\u9fff]", command.zh)
        assert command.en
        assert not re.search("[\u4e00-\u9fff]", command.en)


def test_the_fingerprint_moves_with_every_word() -> None:
    commands = slash_commands()
    assert fingerprint(commands) == fingerprint(slash_commands())
    changed = [replace(commands[0], zh="别的"), *commands[1:]]
    assert len({fingerprint(commands), fingerprint(changed), fingerprint(commands[1:])}) == 3
