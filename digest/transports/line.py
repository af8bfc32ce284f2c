"""One HTTP connection, kept open between requests: a new one costs three journeys, and with TLS five.

What fails on a kept connection is told apart where it can be: one that the other side has closed while it was idle is
seen before the request, and opened anew. Nothing is ever sent twice.
"""

from __future__ import annotations

import http.client
import select
import socket
import time
import urllib.request
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

_IDLE_SECONDS = 20.0
"""Servers close idle connections after a while; one that is older is not trusted."""

_LARGEST_ANSWER = 4_000_000
_TUNNEL_PORT = 443


class Line:
    """A connection to whichever host was asked last. One thread at a time. `timeout` is for each wait, in seconds."""

    def __init__(self, *, timeout: float) -> None:
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None
        self._place: tuple[str, str] = ("", "")
        self._used = 0.0

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Ask, and read the answer to its end: status, headers, body. Redirects are answers like others.

        Raises OSError and http.client.HTTPException; after that nobody knows whether the request was taken, unless
        it is ConnectionRefusedError or socket.gaierror.
        """
        parts = urlsplit(url)
        connection = self._connected(parts)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            response = connection.getresponse()
            answer = response.read(_LARGEST_ANSWER)
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if response.will_close or not response.isclosed():
            self.close()
        self._used = time.monotonic()
        return response.status, dict(response.getheaders()), answer

    def _connected(self, parts: SplitResult) -> http.client.HTTPConnection:
        if self._connection is not None and (self._place != (parts.scheme, parts.netloc) or self._is_stale()):
            self.close()
        if self._connection is None:
            self._connection = self._dial(parts)
            self._place = (parts.scheme, parts.netloc)
        return self._connection

    def _is_stale(self) -> bool:
        sock = self._connection.sock if self._connection else None
        if sock is None or time.monotonic() - self._used > _IDLE_SECONDS:
            return True
        return bool(select.select([sock], [], [], 0)[0])  # between two answers there is nothing to read but an end

    def _dial(self, parts: SplitResult) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        host, port = parts.hostname or "", parts.port
        proxy = urllib.request.getproxies().get(parts.scheme)
        if proxy and not urllib.request.proxy_bypass(host):
            by = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
            connection = kind(by.hostname or "", by.port, timeout=self._timeout)
            connection.set_tunnel(host, port or _TUNNEL_PORT)
        else:
            connection = kind(host, port, timeout=self._timeout)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def close(self) -> None:
        """Hang up. Twice is harmless."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
