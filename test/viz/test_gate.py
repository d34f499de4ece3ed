"""The door of the page, with a server behind it that notes what comes through."""

import socket
import threading
from http.client import HTTPConnection

import pytest

from jepa_wm_ros.viz.web.access import COOKIE, Access
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
