"""A network that drops, as a proxy between client and server: cuts connections, or passes nothing on."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType


class Proxy:
    """Listens on a free port of this machine and passes on to a server's port, until it is told otherwise."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self.stalls = threading.Event()  # nothing is passed on
        self.mute = threading.Event()  # the server's answers are not
        self._ends: list[tuple[socket.socket, socket.socket]] = []
        self._alone = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._door.close()
        self.cut()

    @property
    def connections(self) -> int:
        """How many there are, or were before a cut."""
        return len(self._ends)

    def cut(self) -> None:
        """End every connection at once, in both directions."""
        with self._alone:
            ends, self._ends = self._ends, []
        for pair in ends:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._door.accept()
                server = socket.create_connection(self._target)
                with self._alone:
                    self._ends.append((client, server))
                for source, target, hushed in ((client, server, None), (server, client, self.mute)):
                    threading.Thread(target=self._propagate_once, args=(source, target, hushed), daemon=True).start()

    def _propagate_once(self, source: socket.socket, target: socket.socket, hushed: threading.Event | None) -> None:
        with suppress(OSError):
            while block := source.recv(65536):
                if not (self.stalls.is_set() or (hushed is not None and hushed.is_set())):
                    target.sendall(block)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
