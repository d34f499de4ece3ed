"""The door of the page: lets requests through to viser that `Access` allows."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.viz.web.access import ANY_HOSTS, COOKIE, AccessError, read_head

if TYPE_CHECKING:
    from jepa_wm_ros.viz.web.access import Access

_HEAD_BYTES = 16384
_HEAD_S = 10.0
_CHUNK = 65536
_LINGER_S = 1.0
_REASONS = {
    303: 'See Other',
    400: 'Bad Request',
    403: 'Forbidden',
    405: 'Method Not Allowed',
    408: 'Request Timeout',
    431: 'Request Header Fields Too Large',
    502: 'Bad Gateway',
}
_TRIES = 5


class GateError(JepaWmError):
    """The page cannot be served at this address."""


class Gate:
    """Listens at one address and passes connections on to a server on this computer.

    Each connection carries one request: viser closes it after an answer, and browsers open a new
    one for a WebSocket. So what was checked once holds for the whole connection.

    Args:
        access: Judges requests.
        host: Address to listen at.
        port: Port to listen at; 0 takes a free one.
        behind: Port of the server on 127.0.0.1.
    """

    def __init__(self, access: Access, host: str, port: int, behind: int) -> None:
        self._access, self._behind = access, behind
        self._address = host, port
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name='gate', daemon=True)

    @property
    def port(self) -> int:
        """Port that is listened at.

        Raises:
            GateError: It has not been opened.
        """
        if self._server is None:
            raise GateError('the gate is closed')
        return int(self._server.sockets[0].getsockname()[1])

    def open(self) -> None:
        """Begin to listen.

        Raises:
            GateError: The address is taken or not ours.
        """
        host, port = self._address
        self._thread.start()
        starting = self._listen()
        try:
            self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(10.0)
        except (OSError, OverflowError, UnicodeError) as error:
            self.close()
            raise GateError(
                f'cannot listen at {host}:{port}: {error}; choose another --port or --host'
            ) from error

    def close(self) -> None:
        """Stop listening, and drop all connections."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5.0)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5.0)
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        """Listen at all addresses of the host, at one port.

        A free port is chosen for each address, so that a name with two, such as localhost with
        its addresses of IPv4 and IPv6, would have two ports.
        """
        host, port = self._address
        place = None if host in ANY_HOSTS[:1] else host.strip('[]')
        for _ in range(_TRIES):
            server = await asyncio.start_server(self._serve, place, port, limit=_HEAD_BYTES)
            ports = {socket.getsockname()[1] for socket in server.sockets}
            if len(ports) == 1:
                return server
            server.close()
            await server.wait_closed()
            with contextlib.suppress(OSError):
                return await asyncio.start_server(
                    self._serve, place, min(ports), limit=_HEAD_BYTES
                )
        raise OSError(f'no port is free at all addresses of {host}')

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        own = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not own]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            try:
                await self._admit(reader, writer)
                await _hear_out(reader, writer)
            finally:
                writer.close()

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read the head of a request, and pass the connection on or answer it."""
        try:
            head = await asyncio.wait_for(reader.readuntil(b'\r\n\r\n'), _HEAD_S)
        except asyncio.IncompleteReadError as error:
            if error.partial:
                await _answer(writer, 400, 'this is not HTTP')
            return
        except asyncio.LimitOverrunError:
            await _answer(writer, 431, f'the headers are longer than {_HEAD_BYTES} bytes')
            return
        except asyncio.TimeoutError:
            await _answer(writer, 408, f'no request within {_HEAD_S:g} s')
            return
        try:
            onwards = self._access.check(read_head(head))
        except AccessError as error:
            await _answer(writer, error.code, str(error))
            return
        if onwards:
            cookie = f'{COOKIE}={self._access.token}; Path=/; HttpOnly; SameSite=Strict'
            await _answer(writer, 303, '', Location=onwards, **{'Set-Cookie': cookie})
            return
        try:
            inner = await asyncio.open_connection('127.0.0.1', self._behind)
        except OSError:
            await _answer(writer, 502, 'the page is going away')
            return
        inner[1].write(head)
        try:
            answered = await _join((reader, writer), inner)
        finally:
            inner[1].close()
        if not answered:
            # the server behind drops what it does not understand: HTTP/1.0, a body, 200 headers
            await _answer(writer, 400, 'the page has no answer to such a request')


_Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _join(one: _Ends, other: _Ends) -> bool:
    """Carry bytes both ways until the other side has said all.

    A visitor that has said all still waits for the answer.

    Returns:
        Whether the other side has said anything.
    """
    ways = [
        asyncio.ensure_future(_carry(one[0], other[1])),
        asyncio.ensure_future(_carry(other[0], one[1])),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        if ways[0].done() and not ways[0].cancelled() and ways[0].exception() is None:
            other[1].write_eof()
            await asyncio.wait(ways[1:], timeout=_HEAD_S)
    finally:
        for way in ways:
            way.cancel()
        ends = await asyncio.gather(*ways, return_exceptions=True)
    # no answer is one that has ended, without an error, after no byte
    return bool(ends[1] != 0)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """Carry bytes until there are no more; return how many."""
    count = 0
    while chunk := await reader.read(_CHUNK):
        count += len(chunk)
        writer.write(chunk)
        await writer.drain()
    return count


async def _hear_out(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say that no more comes, and hear for a moment what a visitor still sends.

    To close at once would reset the connection, and the answer would be lost on its way.
    """
    if writer.is_closing() or not writer.can_write_eof():
        return
    writer.write_eof()
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(_drop(reader), _LINGER_S)


async def _drop(reader: asyncio.StreamReader) -> None:
    while await reader.read(_CHUNK):
        pass


async def _answer(writer: asyncio.StreamWriter, code: int, text: str, **headers: str) -> None:
    body = text.encode()
    lines = [
        f'HTTP/1.1 {code} {_REASONS[code]}',
        'Content-Type: text/plain; charset=utf-8',
        f'Content-Length: {len(body)}',
        'Connection: close',
        *(f'{name}: {value}' for name, value in headers.items()),
    ]
    writer.write('\r\n'.join(lines).encode() + b'\r\n\r\n' + body)
    await writer.drain()
