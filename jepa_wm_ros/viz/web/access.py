"""Who may open the page: rules on the head of an HTTP request.

The page has buttons that arm and move a robot, and viser has no notion of who is allowed. Without
a token only this computer is served, under its own name: another site's script, or a name that
was made to point to this computer, is refused (cross-site WebSocket hijacking, DNS rebinding).
With a token the first visit brings it in the address and gets a cookie for the next ones.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from jepa_wm_ros.errors import JepaWmError

COOKIE = 'jepa_wm_view'
LOCAL_HOSTS = ('localhost', '127.0.0.1', '::1')
ANY_HOSTS = ('', '0.0.0.0', '::', '*')
"""Addresses that stand for all of this computer: one can listen there, and open none of them."""
METHODS = ('GET', 'HEAD')
VERSIONS = ('HTTP/1.0', 'HTTP/1.1')
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r'[\x00-\x08\x0a-\x1f\x7f]')
_ONCE = ('host', 'origin', 'content-length', 'transfer-encoding')


class AccessError(JepaWmError):
    """A request that is not served; the message is for the person at the browser."""

    code = 403


class RequestError(AccessError):
    """What is no request of HTTP, or one that a page has no answer to."""

    code = 400


class MethodError(RequestError):
    """Something else than to get a page is asked for."""

    code = 405


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
        RequestError: It is no HTTP, or something that servers understand in several ways.
    """
    first, *lines = head.decode('latin-1').split('\r\n')
    words = first.split(' ')
    if len(words) != 3 or words[2] not in VERSIONS or not _TOKEN.fullmatch(words[0]):
        raise RequestError('this is not HTTP')
    if words[0] not in METHODS:
        raise MethodError(f'{words[0][:20]} is not possible here, only {" and ".join(METHODS)}')
    if not words[1].startswith('/') or _CONTROL.search(words[1]):
        raise RequestError('the address must be a path that begins with /')
    headers: dict[str, str] = {}
    for line in lines:
        if not line:
            continue
        name, colon, value = line.partition(':')
        if not colon or not _TOKEN.fullmatch(name) or _CONTROL.search(value):
            raise RequestError('a header must be NAME: VALUE on one line')
        key = name.lower()
        if key in headers and key in _ONCE:
            raise RequestError(f'the header {name} is there twice')
        headers[key] = value.strip()
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
        try:
            return self._judge(request)
        except ValueError as error:
            # of an address in it, such as http://[::1
            raise RequestError(f'the request has an address that is none: {error}') from error

    def _judge(self, request: Request) -> str:
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


def addresses(host: str, port: int, token: str, name: str) -> list[str]:
    """Return where the page can be opened, for this computer first.

    Args:
        host: Address that is listened at.
        port: Port that is listened at.
        token: What visitors must know; empty for nothing.
        name: Of this computer, for others.
    """
    query = '?' + urlencode({'token': token}) if token else ''
    names = ['localhost', name] if host in ANY_HOSTS else [host]
    return [f'http://{_in_address(each)}:{port}/{query}' for each in names if each]


def _in_address(host: str) -> str:
    """A host as it stands in an address: that of IPv6 in brackets."""
    bare = host.strip('[]')
    return '[' + bare.replace('%', '%25') + ']' if ':' in bare else bare


def _without_token(target: str) -> str:
    parts = urlsplit(target)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name != 'token']
    path = '/' + parts.path.lstrip('/')  # never another site
    return path + (f'?{urlencode(kept)}' if kept else '')
