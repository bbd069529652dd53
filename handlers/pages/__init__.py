"""The web views: read-only pages reached by signed links (docs/web-views.md). Decisions are taken in Feishu only."""

from __future__ import annotations

from handlers.pages.routes import Pages

__all__ = ["Pages"]
