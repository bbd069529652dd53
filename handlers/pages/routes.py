"""The addresses of the web views. Who may see what is decided in bot.reading; what a link opens, in bot.secrecy."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import tzinfo
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from bot.approval_pages import ApprovalPage
from bot.inboxes import InboxPage
from bot.ports import Clock
from bot.reading import Reading
from bot.secrecy.links import INBOX, Links, Visit, approval_path
from bot.secrecy.one_time import Gone, OneTimeSecrets, Revealed
from cards.words import CHINA
from handlers.errors import PROBLEMS
from handlers.pages.drawing import SECURITY_HEADERS, Look, page, style
from handlers.pages.showing import drawn_approval, drawn_waiting
from models.enums import Language


@dataclass(frozen=True, slots=True)
class Pages:
    """The web views: read-only but for the read marks of an inbox, and the one view of a one-time secret."""

    reading: Reading
    links: Links
    one_time: OneTimeSecrets
    clock: Clock
    zone: tzinfo = CHINA

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/approvals/{id}", self.approval),
            web.get("/inbox", self.inbox),
            web.post("/inbox", self.mark_read),
            web.get("/once", self.once),
            web.post("/once", self.reveal),
            web.get("/problems/{code}", self.problem),
            web.get("/assets/pages.css", self.stylesheet),
        ]

    async def approval(self, request: web.Request) -> web.Response:
        approval_id = _uuid(request.match_info["id"])
        if approval_id is None:
            return self._not_found(request, root="../")
        visit = self._visit(request, approval_path(approval_id))
        if visit is None:
            return self._bad_link(request, root="../")
        shown = await self.reading.approval_page(approval_id, visit.person_id)
        if shown is None:
            return self._not_found(request, root="../")
        look = self._look(request, shown.reader.language, root="../", query={"t": request.query["t"]}, visit=visit)
        # Masking and drawing 256 KiB of arguments takes long enough to be noticed by every other request.
        return await asyncio.to_thread(_draw_approval, shown, look)

    async def inbox(self, request: web.Request) -> web.Response:
        visit = self._visit(request, INBOX)
        if visit is None:
            return self._bad_link(request)
        before = _uuid(request.query.get("before", ""))
        shown = await self.reading.inbox(visit.person_id, before=before)
        if shown is None:
            return self._not_found(request)
        query = {"t": request.query["t"]} | ({"before": str(before)} if before else {})
        look = self._look(request, shown.reader.language, query=query, visit=visit)
        return await asyncio.to_thread(_draw_inbox, shown, look, self._approval_links(shown, visit, look), before)

    async def mark_read(self, request: web.Request) -> web.Response:
        """Back to where the reader was, with one line or all marked as read."""
        visit = self._visit(request, INBOX)
        if visit is None:
            return self._bad_link(request)
        form = await request.post()
        wanted = str(form.get("line", ""))
        line = _uuid(wanted)
        if line is None and wanted != "all":
            return self._not_found(request)
        await self.reading.mark_read(visit.person_id, line)
        kept = {name: request.query[name] for name in ("t", "before", "lang") if name in request.query}
        where = f"#n-{line}" if line else ""
        return web.Response(status=303, headers=SECURITY_HEADERS | {"Location": f"inbox?{urlencode(kept)}{where}"})

    async def once(self, request: web.Request) -> web.Response:
        """Never shows the secret: chat clients open links to draw a preview."""
        key = request.query.get("k", "")
        found = await self.one_time.look(key, self.clock.now())
        look = self._look(request, found.language, query={"k": key})
        if isinstance(found, Gone):
            return page("gone.html", look, status=410, gone=found)
        return page("once.html", look, waiting=found)

    async def reveal(self, request: web.Request) -> web.Response:
        found = await self.one_time.reveal(request.query.get("k", ""), self.clock.now())
        look = self._look(request, found.language)
        if isinstance(found, Revealed):
            return page("revealed.html", look, revealed=found)
        return page("gone.html", look, status=410, gone=found)

    async def problem(self, request: web.Request) -> web.Response:
        """What the `type` of a problem document points to."""
        code = request.match_info["code"]
        if code not in PROBLEMS:
            return self._not_found(request, root="../")
        status, title = PROBLEMS[code]
        look = self._look(request, None, root="../", query={})
        return page("problem.html", look, code=code, problem_status=status, title=title)

    async def stylesheet(self, request: web.Request) -> web.Response:
        return style(request)

    def _visit(self, request: web.Request, path: str) -> Visit | None:
        return self.links.visit(path, request.query.get("t", ""), self.clock.now())

    def _approval_links(self, shown: InboxPage, visit: Visit, look: Look) -> dict[UUID, str]:
        """A fresh link, as good as this visit, for every approval on the page."""
        wanted = {line.approval_id for line in shown.lines if line.approval_id} | {
            item.approval_id for item in shown.waiting
        }
        paths = {approval_id: approval_path(approval_id) for approval_id in wanted}
        return {
            approval_id: f"{path.lstrip('/')}?t={self.links.onward(path, visit)}{look.lang_suffix}"
            for approval_id, path in paths.items()
        }

    def _look(
        self,
        request: web.Request,
        preferred: Language | None,
        *,
        root: str = "",
        query: dict[str, str] | None = None,
        visit: Visit | None = None,
    ) -> Look:
        chosen = next((one for one in Language if one.value == request.query.get("lang")), None)
        language = chosen or preferred or _browser_language(request)
        suffix = f"&lang={chosen.value}" if chosen else ""
        return Look(
            language=language,
            now=self.clock.now(),
            zone=self.zone,
            root=root,
            query=None if query is None else urlencode(query),
            inbox=f"{root}inbox?t={self.links.onward(INBOX, visit)}{suffix}" if visit else None,
            explicit=chosen is not None,
        )

    def _bad_link(self, request: web.Request, *, root: str = "") -> web.Response:
        return page("fault.html", self._look(request, None, root=root), status=403, fault="bad_link")

    def _not_found(self, request: web.Request, *, root: str = "") -> web.Response:
        return page("fault.html", self._look(request, None, root=root), status=404, fault="not_found")


def _draw_approval(shown: ApprovalPage, look: Look) -> web.Response:
    return page("approval.html", look, **drawn_approval(shown, look))


def _draw_inbox(shown: InboxPage, look: Look, links: dict[UUID, str], before: UUID | None) -> web.Response:
    return page("inbox.html", look, inbox=shown, waiting=drawn_waiting(shown, look), links=links, before=before)


def _browser_language(request: web.Request) -> Language:
    """Chinese unless the browser asks for English first; used where no person is known."""
    first = request.headers.get("Accept-Language", "").split(",")[0].strip().lower()
    return Language.EN_US if first.startswith("en") else Language.ZH_CN


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
