"""A server for tests of transports: plain sockets in threads, so that it can misbehave byte for byte.

It serves any event loop, and its own work is never in the way of the one under test.
"""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

#: How long the tests wait for what should happen at once.
PATIENCE_S = 30.0


class Peer:
    """One connection, as the server sees it."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._unread = b""
        self.requests: list[bytes] = []
        #: Set when the handler is done with the connection.
        self.finished = threading.Event()

    def read_request(self) -> bytes:
        """The next request, head and body; empty when the client has closed."""
        while b"\r\n\r\n" not in self._unread:
            if not self._receive():
                return b""
        head, _, rest = self._unread.partition(b"\r\n\r\n")
        lengths = [
            line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
        ]
        length = int(lengths[0]) if lengths else 0
        while len(rest) < length:
            if not self._receive():
                return b""
            rest = self._unread.partition(b"\r\n\r\n")[2]
        self._unread = rest[length:]
        self.requests.append(head + b"\r\n\r\n" + rest[:length])
        return self.requests[-1]

    def _receive(self) -> bool:
        try:
            data = self._socket.recv(65536)
        except OSError:
            return False
        self._unread += data
        return bool(data)

    def send(self, data: bytes) -> None:
        """Send all of it, if the client is still there."""
        with contextlib.suppress(OSError):
            self._socket.sendall(data)

    def send_until_stopped(self, data: bytes, seconds: float) -> int:
        """Send the same over and over until it cannot be sent for so long; gives the number of bytes sent."""
        self._socket.settimeout(seconds)
        sent = 0
        try:
            while True:
                sent += self._socket.send(data)
        except OSError:
            self._socket.settimeout(PATIENCE_S)
            return sent

    def send_while_taken(self, data: bytes, seconds: float) -> int:
        """Send as much of it as is taken, until nothing is for so long; gives the number of bytes sent."""
        self._socket.settimeout(seconds)
        sent, view = 0, memoryview(data)
        try:
            while sent < len(data):
                sent += self._socket.send(view[sent:])
        except OSError:
            pass
        self._socket.settimeout(PATIENCE_S)
        return sent

    def shut_down(self) -> None:
        """Have whoever waits for the connection see its end."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close with a FIN."""
        self.shut_down()
        self._socket.close()

    def reset(self) -> None:
        """Close with a RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def closed_by_client(self, seconds: float = PATIENCE_S) -> bool:
        """Whether the client closes the connection within this time; what it sends meanwhile is dropped."""
        self._socket.settimeout(seconds)
        try:
            while self._socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            return True
        return True

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on in TLS, as the server of it."""
        self._socket = context.wrap_socket(self._socket, server_side=True)


class RawServer:
    """Listens on a free port of the loopback interface and runs ``handler`` on each connection, in a thread."""

    def __init__(self, handler: Callable[[Peer], None], tls: ssl.SSLContext | None = None) -> None:
        self._handler = handler
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.peers: list[Peer] = []
        self._arrived = threading.Condition()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        """Where it is, without a path."""
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self.port}"

    def peer(self, number: int = 0) -> Peer:
        """The connection with this number, waiting for it if it has not come yet."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.peers) > number, PATIENCE_S), "nobody connected"
            return self.peers[number]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A thread that waits in `accept` does not notice that its socket is closed; one that is shut down it does.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE_S)
        for peer in self.peers:
            peer.shut_down()
        for peer in self.peers:
            assert peer.finished.wait(PATIENCE_S), "a connection's handler does not end"
            peer.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        if self._tls is not None:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()
                return
        peer = Peer(connection)
        with self._arrived:
            self.peers.append(peer)
            self._arrived.notify_all()
        try:
            self._handler(peer)
        finally:
            peer.finished.set()


def answer(body: bytes = b"hello", *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """A proper answer with a length."""
    lines = [b"HTTP/1.1 " + status, b"content-length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(*chunks: bytes) -> bytes:
    """An answer in chunks, without the last one."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


def serve(*answers: bytes) -> Callable[[Peer], None]:
    """Answers the requests of each connection with these, the last one over and over."""

    def handler(peer: Peer) -> None:
        number = 0
        while peer.read_request():
            peer.send(answers[min(number, len(answers) - 1)])
            number += 1

    return handler


def misbehave(first: bytes, then: Callable[[Peer], object]) -> Callable[[Peer], None]:
    """Reads a request, sends some bytes, and does something."""

    def handler(peer: Peer) -> None:
        peer.read_request()
        peer.send(first)
        then(peer)

    return handler
