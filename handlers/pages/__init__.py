"""The web views: read-only pages reached by signed links (docs/web-views.md). Decisions are taken in Feishu only."""
