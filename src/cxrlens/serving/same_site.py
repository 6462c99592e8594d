"""Requests that another site made a browser send are refused.

SPDX-License-Identifier: Apache-2.0

Two tricks of a page elsewhere: its name is made to point at this machine (DNS rebinding), so that
the browser takes it for ours, or it lets the browser post a form here (cross-site request
forgery). The first carries another name in `Host`, the second another `Origin`. Both work against
a room on the loopback too, where nobody signs in.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from cxrlens.serving.body import Body
from cxrlens.serving.early_answer import send_away
from cxrlens.serving.problem import Problem

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Those that change nothing, RFC 9110 §9.2.1."""

DEFAULT_PORTS = {"http": 80, "https": 443}
"""Left out of an address."""

MAX_FACT = 128
"""Characters of a header that a witness is told."""

Witness = Callable[[str, Mapping[str, str]], Awaitable[None]]
"""Told of a refusal: its kind, which is the problem's code, and facts without the path: `client`,
`method` and, where they were sent, `host`, `origin` and `site`. Whatever a header said is cut to
`MAX_FACT` characters; it is the client's word."""

UNKNOWN_HOST = Problem(
    400,
    "unknown-host",
    "Unknown host",
    "this room is not known by the name in the header Host",
    "use the address that the room printed when it started, or start it with this name allowed",
)
"""Answered to another name."""

CROSS_SITE = Problem(
    403,
    "cross-site",
    "Cross-site request",
    "this request came from a page of another site, or does not say from which",
    "send it from the room's own pages, or with a token and no cookie",
)
"""Answered to another site."""


class SameSiteGuard:
    """Refuses other names of this host, and what other sites' pages would change here.

    Args:
        app: what is guarded.
        hosts: names by which the room is known, such as `127.0.0.1`, `[::1]` or
            `room.example:8443`; one without a port stands for all its ports.
        cookie: name of the session's cookie.
        witness: told of every refusal before it is answered.
    """

    def __init__(
        self, app: ASGIApp, hosts: Collection[str], cookie: str, witness: Witness | None = None
    ) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._cookie = cookie
        self._witness = witness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; ASGI 3."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        problem = None
        if not is_known_host(headers, self._hosts):
            problem = UNKNOWN_HOST
        elif scope["method"] not in SAFE_METHODS and is_cross_site(
            headers, self._hosts, self._cookie
        ):
            problem = CROSS_SITE
        if problem is None:
            await self._app(scope, receive, send)
            return
        if self._witness is not None:
            await self._witness(problem.code, _list_facts(scope, headers))
        await send_away(problem, Body(scope, receive, limit=0), send)


def is_known_host(headers: Headers, hosts: Collection[str]) -> bool:
    """Tell whether a request names this host as it is known.

    Args:
        headers: of the request.
        hosts: lower-case names, with a port or for all ports.

    Returns:
        False also where there is no `Host`, or more than one.
    """
    named = headers.getlist("host")
    if len(named) != 1:
        return False
    host = named[0].lower()
    name, colon, port = host.rpartition(":")
    has_port = bool(colon) and port.isascii() and port.isdigit() and not name.endswith(":")
    return host in hosts or (has_port and name in hosts)


def is_cross_site(headers: Headers, hosts: Collection[str], cookie: str) -> bool:
    """Tell whether an unsafe request may have been made by another site's page.

    What a browser says of the page counts, whether there is a session or not: a room on the
    loopback has none. A request that says nothing of a page is refused if it carries the session,
    since only browsers do, and is for the application to judge if it does not. A token in
    `Authorization: Bearer` without the session is no browser's doing, since a page elsewhere
    cannot add it unasked.

    Args:
        headers: of a request that changes something.
        hosts: lower-case names, with a port, or without for the scheme's own.
        cookie: name of the session's cookie.

    Returns:
        True to refuse.

    Source:
        W3C Fetch Metadata §2.3; OWASP CSRF prevention, "Fetch metadata" and "Verifying origin".
    """
    has_session = _has_cookie(headers, cookie)
    if headers.get("authorization", "").lower().startswith("bearer ") and not has_session:
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    if origin is not None:
        return not _is_own_origin(origin, headers.get("host", ""), hosts)
    return has_session


def _has_cookie(headers: Headers, name: str) -> bool:
    """Whether a cookie was sent, whatever it holds."""
    pairs = ";".join(headers.getlist("cookie")).split(";")
    return any(pair.partition("=")[0].strip() == name for pair in pairs)


def _is_own_origin(origin: str, host: str, hosts: Collection[str]) -> bool:
    """Whether a page's origin is the host that was asked, or is listed exactly.

    The schemes may differ, since a proxy may have ended TLS; and where it has changed `Host`, the
    list says how the room is known outside.
    """
    scheme, separator, authority = origin.lower().partition("://")
    if not separator or scheme not in DEFAULT_PORTS:
        return False
    own = _drop_port(authority, scheme)
    return own == _drop_port(host.lower(), scheme) or own in hosts or authority in hosts


def _drop_port(authority: str, scheme: str) -> str:
    """Without the port that the scheme stands for."""
    return authority.removesuffix(f":{DEFAULT_PORTS[scheme]}")


def _list_facts(scope: Scope, headers: Headers) -> dict[str, str]:
    """What a witness may write down."""
    client = scope.get("client")
    facts = {"client": client[0] if client else "", "method": scope["method"]}
    for fact, name in (("host", "host"), ("origin", "origin"), ("site", "sec-fetch-site")):
        if name in headers:
            facts[fact] = headers[name][:MAX_FACT]
    return facts
