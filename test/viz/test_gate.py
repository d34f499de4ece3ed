"""The door of the page, with a server behind it that notes what comes through."""

import socket
import threading
from argparse import Namespace
from http.client import HTTPConnection
from urllib.request import HTTPCookieProcessor, build_opener

import numpy as np
import pytest

from jepa_wm_ros.cli import view
from jepa_wm_ros.viz.web.access import COOKIE, Access, addresses
from jepa_wm_ros.viz.web.gate import Gate, GateError


class Behind:
    """Answers each connection with what it got, and stays for more."""

    def __init__(self):
        self.heads = []
        self._socket = socket.create_server(('127.0.0.1', 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        head = b''
        while b'\r\n\r\n' not in head:
            head += connection.recv(4096)
        self.heads.append(head)
        if b'HTTP/1.0' in head:  # as the real one, it says nothing to what it does not understand
            connection.close()
            return
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')
        while data := connection.recv(4096):
            connection.sendall(data.upper())
        connection.close()

    def close(self):
        self._socket.close()


@pytest.fixture
def behind():
    server = Behind()
    yield server
    server.close()


@pytest.fixture
def make_gate(behind):
    gates = []

    def make(token='', **kwargs):
        options = {'host': '127.0.0.1', 'port': 0, 'behind': behind.port} | kwargs
        gate = Gate(Access(token=token), **options)
        gates.append(gate)
        gate.open()
        return gate

    yield make
    for gate in gates:
        if not gate._loop.is_closed():
            gate.close()


def get(gate, target='/', **headers):
    connection = HTTPConnection('127.0.0.1', gate.port, timeout=20)
    connection.request('GET', target, headers=headers)
    answer = connection.getresponse()
    return answer, answer.read().decode()


def test_what_is_allowed_reaches_the_server_as_it_was_and_goes_on_both_ways(make_gate, behind):
    gate = make_gate()
    with socket.create_connection(('127.0.0.1', gate.port), timeout=20) as visitor:
        visitor.sendall(b'GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n')
        got = b''
        while not got.endswith(b'hello'):
            got += visitor.recv(4096)
        visitor.sendall(b'a word')
        assert visitor.recv(4096) == b'A WORD'
    assert behind.heads == [b'GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n']


def test_what_is_not_allowed_is_answered_with_the_reason_and_goes_no_further(make_gate, behind):
    answer, text = get(make_gate(), Host='evil.example')
    assert answer.status == 403
    assert 'for this computer only, not for evil.example' in text
    assert behind.heads == []


def test_the_first_visit_with_the_token_gets_a_cookie_that_opens_the_door(make_gate):
    gate = make_gate(token='secret')
    assert get(gate)[0].status == 403
    answer, _ = get(gate, '/?token=secret')
    assert (answer.status, answer.getheader('Location')) == (303, '/')
    cookie = answer.getheader('Set-Cookie')
    assert 'HttpOnly' in cookie
    assert 'SameSite=Strict' in cookie
    assert get(gate, Cookie=f'{COOKIE}=secret')[1] == 'hello'


def test_the_door_stays_usable_whatever_strangers_send(make_gate):
    gate = make_gate()
    for nonsense in (b'', b'\x00' * 10, b'x' * 40000, b'GET /\r\n\r\n'):
        with socket.create_connection(('127.0.0.1', gate.port), timeout=20) as stranger:
            stranger.sendall(nonsense)
    assert get(gate)[1] == 'hello'


def test_a_server_that_is_gone_is_said_to_be_gone(make_gate, behind):
    behind.close()
    with socket.create_server(('127.0.0.1', 0)) as unused:
        port = unused.getsockname()[1]
    assert get(make_gate(behind=port))[0].status == 502


def test_an_address_that_is_taken_is_an_error_with_its_name(make_gate):
    port = make_gate().port
    with pytest.raises(GateError, match=f'cannot listen at 127.0.0.1:{port}'):
        make_gate(port=port)


def test_a_closed_gate_is_closed(make_gate):
    gate = make_gate()
    port = gate.port
    gate.close()
    with pytest.raises(OSError):  # noqa: PT011 - refused, or reset
        socket.create_connection(('127.0.0.1', port), timeout=5).recv(1)


NO_REQUESTS = [
    b'GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://[::1\r\n\r\n',
    b'GET / HTTP/1.1\r\nHost: [::1\r\n\r\n',
    b'GET / HTTP/1.1\r\nHost localhost\r\n\r\n',
    b'GET / HTTP/1.1\r\n Host: localhost\r\n\r\n',
    b'GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n',
    b'GET / HTTP/1.1\r\nHost: local\x00host\r\n\r\n',
    b'GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n',
    b'GET http://evil/ HTTP/1.1\r\nHost: localhost\r\n\r\n',
    b'GET / HTTP/9.9\r\nHost: localhost\r\n\r\n',
    b'GET /\r\n\r\n',
    b'\r\n\r\n',
    b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    b'GET / HTTP/1.1\nHost: localhost\n\n',
]


def say(gate, text):
    """Say something and nothing more; return all that is answered."""
    with socket.create_connection(('127.0.0.1', gate.port), timeout=20) as visitor:
        visitor.sendall(text)
        visitor.shutdown(socket.SHUT_WR)
        got = b''
        while part := visitor.recv(65536):
            got += part
    return got


@pytest.fixture
def quiet(caplog):
    """Nothing is logged by the loop: no traceback, no callback that nobody awaits."""
    yield
    assert not [record for record in caplog.records if record.name == 'asyncio']


@pytest.mark.parametrize('text', NO_REQUESTS)
def test_what_is_no_request_gets_an_answer(make_gate, behind, quiet, text):
    assert say(make_gate(), text).startswith(b'HTTP/1.1 400 Bad Request\r\n')
    assert not behind.heads


def test_other_methods_and_endless_heads_are_answered_too(make_gate, behind, quiet):
    gate = make_gate()
    assert say(gate, b'POST / HTTP/1.1\r\nHost: localhost\r\n\r\n').startswith(b'HTTP/1.1 405 ')
    assert say(gate, b'A' * 100_000).startswith(b'HTTP/1.1 431 ')
    assert say(gate, b'') == b''
    assert not behind.heads


def test_what_the_server_behind_drops_is_answered(make_gate, quiet):
    got = say(make_gate(), b'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n')
    assert got.startswith(b'HTTP/1.1 400 Bad Request\r\n')
    assert got.endswith(b'the page has no answer to such a request')


def test_an_answer_reaches_who_still_speaks(make_gate, quiet):
    gate = make_gate()
    with socket.create_connection(('127.0.0.1', gate.port), timeout=20) as visitor:
        visitor.sendall(b'GET / HTTP/1.1\r\nX: ' + b'a' * 2_000_000)
        got = b''
        while part := visitor.recv(4096):
            got += part
    assert got.startswith(b'HTTP/1.1 431 ')


def test_who_has_said_all_still_gets_the_answer(make_gate):
    got = say(make_gate(), b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    assert got.endswith(b'hello')


@pytest.mark.parametrize('token', ['', 'word'])
def test_whatever_is_said_is_answered(make_gate, quiet, token):
    gate = make_gate(token)
    random = np.random.default_rng(0)
    whole = (
        b'GET /?token=word HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n'
        b'Cookie: jepa_wm_view=word\r\n\r\n'
    )
    for _ in range(200):
        spoilt = bytearray(whole)
        for _ in range(random.integers(1, 5)):
            spoilt[random.integers(len(spoilt))] = random.integers(256)
        assert say(gate, bytes(spoilt)).startswith(b'HTTP/1.1 '), bytes(spoilt)


def test_a_name_with_several_addresses_has_one_port(make_gate):
    gate = make_gate(host='localhost')
    ports = {s.getsockname()[1] for s in gate._server.sockets}
    assert ports == {gate.port}


@pytest.mark.parametrize(
    ('host', 'opened'),
    [
        ('localhost', ['http://localhost:80/']),
        ('0.0.0.0', ['http://localhost:80/', 'http://robot:80/']),
        ('', ['http://localhost:80/', 'http://robot:80/']),
        ('::', ['http://localhost:80/', 'http://robot:80/']),
        ('::1', ['http://[::1]:80/']),
        ('[::1]', ['http://[::1]:80/']),
        ('fe80::1%eth0', ['http://[fe80::1%25eth0]:80/']),
        ('192.168.1.5', ['http://192.168.1.5:80/']),
    ],
)
def test_the_address_that_is_printed_can_be_opened(host, opened):
    assert addresses(host, 80, '', 'robot') == opened
    assert addresses(host, 80, 'a b', 'robot')[0].endswith('/?token=a+b')


@pytest.mark.parametrize('host', ['0.0.0.0', '', '127.0.0.1', '[::1]'])
def test_every_printed_address_of_this_computer_leads_to_the_page(make_gate, host):
    if '::' in host and not socket.has_ipv6:
        pytest.skip('no IPv6 here')
    try:
        gate = make_gate('word', host=host)
    except GateError:
        assert '::' in host
        pytest.skip('no IPv6 here')
    visitor = build_opener(HTTPCookieProcessor())
    with visitor.open(addresses(host, gate.port, 'word', '')[0], timeout=20) as answer:
        assert answer.status == 200


@pytest.mark.parametrize('token', ['a b', 'a;b', 'ä', 'a\r\nSet-Cookie: x', '"a"'])
def test_a_token_that_browsers_would_change_is_refused(token):
    with pytest.raises(view.TokenError, match='letters'):
        view._token(Namespace(token=token, host='localhost'))
    assert view._token(Namespace(token='a.b_c~d-E9', host='localhost')) == 'a.b_c~d-E9'
