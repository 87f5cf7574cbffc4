"""This machine's ports: which are free, and which a process listens on."""

from __future__ import annotations

import errno
import os
import socket

import psutil

from ..errors import ServerUnavailable

MAX_PORTS_TRIED = 200  # consecutive ports


def find_free_port(first: int, taken: int = 0) -> int:
    """Return the first port from `first` on that is free for IPv4 and IPv6, other than `taken`.

    Another process may take it before it is used: check `find_listening_ports` afterwards.

    Raises
    ------
    ServerUnavailable : none of the next 200 is free.
    """
    for port in range(first, min(first + MAX_PORTS_TRIED, 65536)):
        if port != taken and _is_free(socket.AF_INET, "127.0.0.1", port) and _is_free(socket.AF_INET6, "::1", port):
            return port
    raise ServerUnavailable(
        f"There is no free port from {first} on.", "Set HMREC_BOLT_PORT and HMREC_HTTP_PORT to other ports."
    )


def _is_free(family: socket.AddressFamily, address: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name == "posix":  # on other systems, the option lets two servers share a port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        return family == socket.AF_INET6 and error.errno not in (errno.EADDRINUSE, errno.EACCES)  # no IPv6 here
    return True


def find_listening_ports(process: psutil.Process) -> set[int] | None:
    """Return the TCP ports that the process listens on; None if the system does not report them."""
    try:
        return {found.laddr.port for found in process.net_connections("tcp") if found.status == psutil.CONN_LISTEN}
    except (psutil.Error, OSError):
        return None


def is_answering(port: int) -> bool:
    """Return whether the port accepts connections."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
