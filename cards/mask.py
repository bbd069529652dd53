"""Secrets hidden before anything leaves the database: by the name of the field, and by the look of the value.

A hidden secret reads `●●●● (40, #3fa1)`: its length and the first 4 hex digits of its SHA-256, so that people can tell
whether two are the same. A short one shows its length only: 16 bits of a digest would give a PIN away.
Identity card, bank card and phone numbers stay readable in part; Feishu refuses them in clear (230028, DLP).
Each pattern starts at a fixed word or behind a look-behind, so that the time grows linearly with the text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from itertools import pairwise

from models.values import Json

_BULLETS = "●●●●"
_DIGEST_FROM = 12  # characters; see above
_DEEPEST = 64  # the hook refuses more than 32

_SECRET_PART = re.compile(
    r"password|passwd|passphrase|passcode|secret(?!ar)|apikey|accesskey|privatekey|signingkey|encryptkey|credential"
    r"|authorization|cookie|bearer|sessionid|sessionkey|webhookurl|connectionstring"
    r"|密码|口令|密钥|私钥|令牌|凭证|凭据|验证码|授权码"
)
_SECRET_WORDS = frozenset({"token", "pwd", "pass", "auth", "pin", "cvv", "cvc", "otp", "totp", "jwt", "sid", "sk"})
_ABOUT_A_SECRET = frozenset(
    {"name", "type", "kind", "count", "limit", "length", "size", "at", "expiry", "expires", "ttl", "policy", "path"}
    | {"file", "filename", "hint", "version", "enabled", "required", "usage"}
)
_NAME_MEMBERS = frozenset({"name", "key", "header", "variable"})
_VALUE_MEMBERS = frozenset({"value", "values", "val"})
_FLAG = re.compile(r"--?[A-Za-z][\w-]{0,100}")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\x00-\x7f]+")


def mask(value: Json) -> Json:
    """The same value with every secret hidden. Never raises; what is nested beyond any allowed depth is dropped."""
    return _masked(value, hide=False, depth=0)


def mask_text(text: str) -> str:
    """The text with everything hidden that looks like a secret or a personal number. Never raises."""
    for pattern, replace in _RULES:
        text = pattern.sub(replace, text)
    return text


def hidden(secret: str) -> str:
    """What is shown in place of a secret."""
    if _HIDDEN.fullmatch(secret):
        return secret
    if len(secret) < _DIGEST_FROM:
        return f"{_BULLETS} ({len(secret)})"
    digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{_BULLETS} ({len(secret)}, #{digest[:4]})"


def names_secret(name: str) -> bool:
    """Whether a field of this name holds a secret: apiKey does, max_tokens and password_policy don't."""
    words = [word.lower() for word in _WORD.findall(name[:200])]
    if not words or words[-1] in _ABOUT_A_SECRET:
        return False
    return bool(_SECRET_WORDS.intersection(words)) or bool(_SECRET_PART.search("".join(words)))


def _masked(value: Json, *, hide: bool, depth: int) -> Json:
    if depth > _DEEPEST:
        return "…"
    match value:
        case dict():
            return _masked_members(value, hide=hide, depth=depth)
        case list():
            return [
                _masked(item, hide=hide or _follows_flag(before, item), depth=depth + 1)
                for before, item in zip([None, *value], value, strict=False)
            ]
        case str():
            return hidden(value) if hide and value else mask_text(value)
        case bool() | None:
            return value
        case _:
            return _masked_number(value, hide=hide)


def _masked_members(value: dict[str, Json], *, hide: bool, depth: int) -> dict[str, Json]:
    members: dict[str, Json] = {}
    alike: dict[str, int] = {}
    named = _names_its_value(value)
    for name, member in value.items():
        alone = shown = mask_text(str(name))
        while shown in members:  # two names that mask alike must not hide one another
            alike[alone] = alike.get(alone, 0) + 1
            shown = f"{alone}′{alike[alone]}"  # counted: thousands may mask alike
        secret = names_secret(str(name)) or (named and str(name).lower() in _VALUE_MEMBERS)
        members[shown] = _masked(member, hide=hide or secret, depth=depth + 1)
    return members


def _names_its_value(value: dict[str, Json]) -> bool:
    """Whether this is {"name": "DB_PASSWORD", "value": …}, as environments and headers are often written."""
    names = [member for key, member in value.items() if str(key).lower() in _NAME_MEMBERS]
    return any(isinstance(name, str) and " " not in name and names_secret(name) for name in names)


def _follows_flag(before: Json, item: Json) -> bool:
    """Whether `item` is the value of a command line's ["--password", …]."""
    return (
        isinstance(before, str)
        and isinstance(item, str)
        and not item.startswith("-")
        and bool(_FLAG.fullmatch(before))
        and names_secret(before)
    )


def _masked_number(value: int | float, *, hide: bool) -> Json:
    if hide:
        return _BULLETS
    if isinstance(value, float) or abs(value) < 10**10 or abs(value) >= 10**20:
        return value
    shown = mask_text(str(value))
    return value if shown == str(value) else shown


_HIDDEN = re.compile(rf"{_BULLETS}(?: \(\d+(?:, #[0-9a-f]{{4}})?\))?")
_VALUE = rf"(?!\\?[\"']?{_BULLETS})"


def _hide_all(match: re.Match[str]) -> str:
    return hidden(match.group())


def _hide_value(match: re.Match[str]) -> str:
    return match.group("name") + hidden(match.group("value"))


def _hide_random(match: re.Match[str]) -> str:
    return hidden(match.group()) if _looks_random(match.group()) else match.group()


def _hide_card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match.group())
    return f"{digits[:4]}{'*' * (len(digits) - 8)}{digits[-4:]}" if _passes_luhn(digits) else match.group()


def _looks_random(text: str) -> bool:
    """Whether the characters change class as often as in random text: words and paths rarely do, keys always do."""
    classes = [_class(char) for char in text[:4_096]]
    pairs = [(a, b) for a, b in pairwise(classes) if a and b]
    if len(pairs) < 24 or "digit" not in classes or len(set(text[:4_096])) < 10:
        return False
    changes = sum(a != b for a, b in pairs) / len(pairs)
    return changes > (0.42 if {"upper", "lower"} <= set(classes) else 0.3)


def _class(char: str) -> str:
    return "digit" if char.isdigit() else "upper" if char.isupper() else "lower" if char.islower() else ""


def _passes_luhn(digits: str) -> bool:
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


_NAMES = (
    r"password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|cookie"
    r"|_pass|密码|口令|密钥|令牌|验证码"
)
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![\w+/=-])"
_Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]
_RULES: tuple[_Rule, ...] = (
    (
        re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [^-]{1,60}-----|\Z)"),
        _hide_all,
    ),
    (re.compile(r"(?P<name>://[^\s/@:]{0,200}:)(?P<value>[^\s/@]{1,500})(?=@)"), _hide_value),
    (
        re.compile(
            r"(?i)(?P<name>(?<![a-z])authorization\\?[\"']?\s{0,3}[:=]\s{0,3}\\?[\"']?"
            r"(?:(?:bearer|basic|token|digest)\s{1,3})?)"
            rf"(?P<value>(?!(?:bearer|basic|token|digest)\s){_VALUE}[^\s\"'\\,]{{4,4000}})"
        ),
        _hide_value,
    ),
    (re.compile(rf"(?P<name>(?i:\bbearer) {{1,3}})(?P<value>{_VALUE}[^\s\"'\\,]{{8,4000}})"), _hide_value),
    (
        re.compile(
            rf"(?i)(?P<name>(?:{_NAMES})(?:\\?[\"'])?\s{{0,3}}(?:[:=：]|是|为)\s{{0,3}}(?P<quote>\\?[\"']))"
            rf"(?P<value>{_VALUE}[^\"'\\\n]{{1,4000}})"
        ),
        _hide_value,
    ),
    (
        re.compile(
            rf"(?i)(?P<name>(?:{_NAMES})(?:\\?[\"'])?\s{{0,3}}(?:[:=：]|是|为)\s{{0,3}}|--(?:{_NAMES})\s{{1,3}})"
            rf"(?P<value>{_VALUE}[^\s\"'\\,;&，；。]{{3,4000}})"
        ),
        _hide_value,
    ),
    (re.compile(r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?"), _hide_all),
    (
        re.compile(
            r"(?<![A-Za-z0-9])(?:sk-|[sr]k_(?:live|test)_|gh[pousr]_|github_pat_|glpat-|xox[a-z]-|ast_|whsec_|npm_|pypi-"
            r"|hf_|dapi|AIza|[tu]-g1)[\w-]{12,}|(?<![A-Za-z0-9])(?:AKIA|ASIA|LTAI|AKID)[A-Za-z0-9]{12,}"
        ),
        _hide_all,
    ),
    (re.compile(rf"(?<![\w+/=-])(?<!sha256:)(?!(?:om|ou|oc|on|cli|img_v\d)_)(?!{_UUID})[\w+/=-]{{32,}}"), _hide_random),
    (
        re.compile(
            r"(?<!\d)(?P<a>\d{6})(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{2}(?P<b>\d[\dXx])(?!\w)"
        ),
        lambda match: f"{match['a']}{'*' * 10}{match['b']}",
    ),
    (re.compile(r"(?<![\d.])[3-69](?:[ -]?\d){14,18}(?!\d)"), _hide_card),
    (
        re.compile(r"(?<!\d)(?P<a>(?:\+?86[ -]?)?1[3-9]\d)(?P<s>[ -]?)\d{4}(?P=s)(?P<b>\d{4})(?!\d)"),
        lambda match: f"{match['a']}****{match['b']}",
    ),
)
