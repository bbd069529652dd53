"""The executor of the demo: a server of its own that takes signed orders and writes payments into the ledger.

A payment is made once for each `webhook-id`, however often the order arrives: that is what the id is for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

from aiohttp import web

from bot.demo.workplace import Workplace

_TOLERANCE = 300
"""Seconds that an order may be old or early (Standard Webhooks)."""


class LedgerExecutor:
    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self.secret = ""
        """`whsec_…`, known once the executor is registered; until then every order is refused."""

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes([web.post("/execute", self._execute)])
        return app

    async def _execute(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not self._signed(request, body):
            return web.json_response({"error": "the signature is wrong"}, status=401)
        order = json.loads(body)["data"]
        if order["tool"] != "pay_invoice":
            return web.json_response({"error": "no such tool"}, status=422)
        paid = self._workplace.pay(request.headers["webhook-id"], order["args"])
        return web.json_response({"paid": order["args"]["amount"], "repeated": not paid})

    def _signed(self, request: web.Request, body: bytes) -> bool:
        """Written from the specification, not with Assent's own lines: this is how anybody's executor checks."""
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        message_id, timestamp, signatures = (request.headers.get(name, "") for name in names)
        if not self.secret or not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > _TOLERANCE:
            return False
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        mac = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
        wanted = "v1," + base64.b64encode(mac).decode()
        return any(hmac.compare_digest(wanted, given) for given in signatures.split())
