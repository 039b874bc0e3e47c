"""Who may ask and how much: the token, the host, the size of what is sent, and headers against being framed or sniffed."""

from __future__ import annotations

import asyncio
import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE = "kosae_token"
MOST_BYTES = 64 * 1024
SLOWEST = 20.0
"""Seconds that the next part of a request may take to arrive."""
SHORTEST_TOKEN = 16
_HEADERS = {
    "x-content-type-options": "nosniff", "x-frame-options": "SAMEORIGIN", "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}  # fmt: skip
_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'"


def refusal(status: int, sentence: str, **headers: str) -> JSONResponse:
    """An error as every part of the server gives it."""
    return JSONResponse({"error": sentence}, status, headers=headers)


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:  # brackets without a partner
        return urlsplit("")


class Guard:
    """Refuses requests before anything else sees them."""

    def __init__(self, app: ASGIApp, *, token: str | None, hosts: tuple[str, ...] | None) -> None:
        self.app, self.token = app, token
        self.hosts = hosts
        """Names that the Host header may have; None: any. A page elsewhere whose name leads here must not be answered."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if (answer := self._refuse(scope, headers)) is not None:
            await answer(scope, receive, send)
            return
        explorer = scope["path"].endswith("/explorer.html")

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                outgoing = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    outgoing.setdefault(name, value)
                if explorer:
                    outgoing["content-security-policy"] = _POLICY
                outgoing.setdefault("cache-control", "no-cache")
            await send(message)

        read, whole = 0, False

        async def receiving() -> Message:
            nonlocal read, whole
            if whole:  # from then on, only that the reader has gone is waited for
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), SLOWEST)
            except TimeoutError:
                raise HTTPException(
                    408, f"the request did not arrive within {SLOWEST:.0f} seconds: send it again"
                ) from None
            read, whole = read + len(message.get("body", b"")), not message.get("more_body", False)
            if read > MOST_BYTES:
                raise HTTPException(413, "a request may have 64 KiB at most: send less text")
            return message

        await self.app(scope, receiving, sending)

    def _refuse(self, scope: Scope, headers: Headers):
        host = _split(f"//{headers.get('host', '')}").hostname or ""
        if self.hosts is not None and host not in self.hosts:
            return refusal(400, f"this server answers as {self.hosts[0]} only: open it under that name.")
        origin = headers.get("origin")
        if scope["method"] not in ("GET", "HEAD") and origin and _split(origin).netloc != headers.get("host"):
            return refusal(403, "a page of another address asked: open the explorer from this server.")
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MOST_BYTES:
            return refusal(413, f"a request may have {MOST_BYTES // 1024} KiB at most: send less text.")
        return self._unknown(scope, headers) if self.token else None

    def _unknown(self, scope: Scope, headers: Headers):
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        asked = dict(query).get("token")
        if asked is not None and self._right(asked):
            rest = urlencode([pair for pair in query if pair[0] != "token"])
            answer = RedirectResponse(scope["path"] + (f"?{rest}" if rest else ""), 303)
            answer.set_cookie(COOKIE, asked, httponly=True, samesite="strict")
            return answer
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._right(given):
            return None
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            cookie = None
        if cookie is not None and self._right(cookie.value):
            return None
        sentence = "a token is needed: add ?token=... once, or send the header Authorization: Bearer ..."
        return refusal(401, sentence, **{"www-authenticate": "Bearer"})

    def _right(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), str(self.token).encode())
