"""A proxy between client and server that cuts connections or forwards nothing, as a faulty network does."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType


class Proxy:
    """Listens on a free port of this machine and forwards to a server's port, until it is set to stall."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.stalls = threading.Event()  # forward nothing
        self.mute = threading.Event()  # do not forward the server's answers
        self._ends: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        self.cut()

    @property
    def connections(self) -> int:
        """The number of connections, or of those before the last cut."""
        return len(self._ends)

    def cut(self) -> None:
        """End every connection at once, in both directions."""
        with self._lock:
            ends, self._ends = self._ends, []
        for pair in ends:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                with self._lock:
                    self._ends.append((client, server))
                for source, target, hushed in ((client, server, None), (server, client, self.mute)):
                    threading.Thread(target=self._forward, args=(source, target, hushed), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket, hushed: threading.Event | None) -> None:
        with suppress(OSError):
            while block := source.recv(65536):
                if not (self.stalls.is_set() or (hushed is not None and hushed.is_set())):
                    target.sendall(block)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
