"""A document as YAML that yaml_in reads back to the same document."""

from __future__ import annotations

import yaml

from bot.policy.places import HIDDEN
from bot.policy.yaml_in import is_surprising
from models.values import Json

YAML_SUFFIXES = (".yaml", ".yml")


class _Dumper(yaml.SafeDumper):
    """Without aliases, and with quotes around every text that some reader takes for something else."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """List items stand below their key, not beside it."""
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if is_surprising(text) or HIDDEN.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def as_yaml(document: Json) -> str:
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, indent=2)
    # What is hidden stands in double quotes, where an escape means the same.
    return HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
