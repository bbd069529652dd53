"""Pages as HTML, and the headers that every one of them carries. Drawn from values; nothing is read here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import TypeVar

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cards import words as card_words
from cards.action import KIND_WORDS, SIGN_WORDS
from cards.words import CHINA, Bilingual
from handlers.pages import values
from handlers.pages.words import EXECUTORS, KINDS, TROUBLE, WORDS
from models.enums import Language

K = TypeVar("K")

_HERE = Path(__file__).parent

STYLE = (_HERE / "static" / "pages.css").read_bytes()
STYLE_VERSION = hashlib.sha256(STYLE).hexdigest()[:12]

SECURITY_HEADERS = {
    # No script, nothing from elsewhere, never in a frame; the address holds a token, so it is never passed on.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_environment = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {"name": values.name, "quoted": values.quoted}
_environment.globals |= {"tree": values.tree}


@dataclass(frozen=True, slots=True)
class Look:
    """How one page is drawn: language, where it stands, and the query that keeps it open in another language."""

    language: Language
    now: datetime
    zone: tzinfo = CHINA  # in which people read times
    root: str = ""  # from this page back to the service's root
    query: str | None = None  # without the language; None: the page cannot be opened again
    inbox: str | None = None  # where the reader's inbox is
    explicit: bool = False  # the language was chosen in the address

    @property
    def lang_suffix(self) -> str:
        """Keeps a chosen language on the way to other pages."""
        return f"&lang={self.language.value}" if self.explicit else ""

    @property
    def other(self) -> Language:
        return Language.EN_US if self.language is Language.ZH_CN else Language.ZH_CN

    def t(self, key: str, **named: object) -> str:
        """The words for `key`; a value that is Bilingual gets the page's language."""
        texts = {k: v.in_(self.language) if isinstance(v, Bilingual) else str(v) for k, v in named.items()}
        return WORDS[key].in_(self.language).format(**texts)

    def at(self, moment: datetime) -> Markup:
        """A <time> that a person reads, exact to the second for machines and on hover."""
        shown = self.moment(moment)
        exact = moment.isoformat(timespec="seconds")
        return Markup('<time datetime="{}" title="{}">{}</time>').format(exact, exact, shown)

    def moment(self, moment: datetime) -> str:
        return card_words.moment(moment, self.now, self.zone).in_(self.language)

    def second(self, moment: datetime) -> Markup:
        """The same with seconds, for the audit."""
        local = moment.astimezone(self.zone)
        return Markup('<time datetime="{}">{:%Y-%m-%d %H:%M:%S}</time>').format(moment.isoformat(), local)

    def lasting(self, delta: timedelta) -> str:
        return card_words.lasting(delta).in_(self.language)

    def say(self, words: Bilingual) -> str:
        """Words that the card has too."""
        return words.in_(self.language)


def page(template: str, look: Look, *, status: int = 200, **drawn: object) -> web.Response:
    """The page with its headers. Call it away from the event loop when it draws an agent's data."""
    html = _environment.get_template(template).render(
        look=look,
        t=look.t,
        html_lang="zh-CN" if look.language is Language.ZH_CN else "en",
        zone=card_words.zone_name(look.now, look.zone),
        style=f"{look.root}assets/pages.css?v={STYLE_VERSION}",
        statuses=_in(card_words.STATUSES, look),
        executions=_in(card_words.EXECUTIONS, look),
        deliveries=_in(card_words.DELIVERIES, look),
        argument_kinds=_in(KIND_WORDS, look),
        signs=_in(SIGN_WORDS, look),
        executors=_in(EXECUTORS, look),
        kinds=_in(KINDS, look),
        trouble=TROUBLE,
        **drawn,
    )
    # A lone surrogate in an agent's text must not make the page of its approval fail.
    body = html.encode("utf-8", "backslashreplace")
    return web.Response(status=status, body=body, content_type="text/html", charset="utf-8", headers=SECURITY_HEADERS)


def style(request: web.Request) -> web.Response:
    """The only asset. Its address changes with its content, so it may be kept for good."""
    current = request.query.get("v") == STYLE_VERSION
    caching = "public, max-age=31536000, immutable" if current else "no-cache"
    headers = SECURITY_HEADERS | {"Cache-Control": caching}
    return web.Response(body=STYLE, content_type="text/css", charset="utf-8", headers=headers)


def _in(words: Mapping[K, Bilingual], look: Look) -> dict[K, str]:
    return {key: told.in_(look.language) for key, told in words.items()}
