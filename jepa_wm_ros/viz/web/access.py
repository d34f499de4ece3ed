"""Who may open the page: rules on the head of an HTTP request.

The page has buttons that arm and move a robot, and viser has no notion of who is allowed. Without
a token only this computer is served, under its own name: another site's script, or a name that
was made to point to this computer, is refused (cross-site WebSocket hijacking, DNS rebinding).
With a token the first visit brings it in the address and gets a cookie for the next ones.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from jepa_wm_ros.errors import JepaWmError

COOKIE = 'jepa_wm_view'
LOCAL_HOSTS = ('localhost', '127.0.0.1', '::1')


class AccessError(JepaWmError):
    """A request that is not served; the message is for the person at the browser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The head of an HTTP request.

    Attributes:
        target: Path and query, as requested.
        headers: By lower-case name.
    """

    target: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def query(self) -> dict[str, str]:
        """The parameters in the address."""
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def cookie(self) -> str:
        """Our cookie; empty without one."""
        try:
            morsel = SimpleCookie(self.headers.get('cookie', '')).get(COOKIE)
        except CookieError:
            return ''
        return morsel.value if morsel else ''


def read_head(head: bytes) -> Request:
    """Read the head of a request.

    Raises:
        AccessError: It is no HTTP.
    """
    first, *lines = head.decode('latin-1').split('\r\n')
    words = first.split(' ')
    if len(words) != 3 or not words[2].startswith('HTTP/'):
        raise AccessError('this is not HTTP')
    pairs = (line.partition(':') for line in lines if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Request(target=words[1], headers=headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The rules.

    Attributes:
        token: What a visitor must know; empty serves this computer alone.
    """

    token: str = ''

    def check(self, request: Request) -> str:
        """Judge a request.

        Returns:
            Where to send the visitor on, with a cookie, after a first visit with the token; empty
            to serve the request.

        Raises:
            AccessError: It is not served.
        """
        host = request.headers.get('host', '')
        origin = request.headers.get('origin')
        if origin is not None and urlsplit(origin).netloc != host:
            raise AccessError(f'a page of {origin} may not use the one of {host}')
        if not self.token:
            self._require_local(host)
            return ''
        if self._knows(request.cookie):
            return ''
        if self._knows(request.query.get('token', '')):
            return _without_token(request.target)
        raise AccessError(
            'the token is missing or wrong; open the address that `jepa-wm view` has printed'
        )

    def _knows(self, word: str) -> bool:
        return hmac.compare_digest(word.encode(), self.token.encode())

    def _require_local(self, host: str) -> None:
        name = urlsplit(f'//{host}').hostname or ''
        if name not in LOCAL_HOSTS:
            raise AccessError(
                f'the page is for this computer only, not for {name or "nobody"}; open '
                'http://localhost, or start `jepa-wm view` with --token'
            )


def _without_token(target: str) -> str:
    parts = urlsplit(target)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name != 'token']
    path = '/' + parts.path.lstrip('/')  # never another site
    return path + (f'?{urlencode(kept)}' if kept else '')
