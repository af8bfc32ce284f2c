"""Talking to a mail server: commands out, replies in, over one socket. smtplib opens it, this uses it.

smtplib reads a reply line by line through a file and writes in small pieces; here a whole mail is one write, from where
its parts lie, and several replies are one read.
"""

from __future__ import annotations

import smtplib
import socket
import ssl

_LONGEST_REPLY = 64_000  # bytes; RFC 5321 knows 512 to a line
_MOST_PARTS = 1_000  # of one write; the kernel takes 1,024
_CODE = 3
NO_REPLY = -1
"""The code of what came instead of a reply."""


class Lost(Exception):  # noqa: N818 - a turn of the conversation, not an error of the tree
    """The connection is gone; who was speaking knows what that means for the mail."""


class Dialogue:
    """An open, greeted connection. Every method raises `Lost` when it breaks."""

    def __init__(self, connection: smtplib.SMTP, sock: socket.socket) -> None:
        self._connection = connection
        self._sock = sock
        self._heard = b""
        self.pipelines = connection.has_extn("pipelining")
        self.wants_size = connection.has_extn("size")

    def push(self, data: bytes) -> None:
        """Write all of it."""
        try:
            self._sock.sendall(data)
        except OSError as error:
            raise Lost(f"connection lost: {error}") from error

    def pour(self, parts: list[bytes]) -> None:
        """Write all of them in their order, without putting them together first where the socket allows it."""
        try:
            for start in range(0, len(parts), _MOST_PARTS):
                some = parts[start : start + _MOST_PARTS]
                # TLS has to copy them anyhow.
                sent = 0 if isinstance(self._sock, ssl.SSLSocket) else self._sock.sendmsg(some)
                if sent < sum(map(len, some)):
                    self._sock.sendall(memoryview(b"".join(some))[sent:])
        except OSError as error:
            raise Lost(f"connection lost: {error}") from error

    def read(self) -> tuple[int, str]:
        """The next reply: its code, and code and words as one line. `NO_REPLY` when it is none."""
        words: list[str] = []
        while True:
            line = self._line()
            code = line[:_CODE]
            words.append(line[_CODE + 1 :].decode("utf-8", "replace").strip())
            if not code.isdigit():
                return NO_REPLY, f"{NO_REPLY} {line[:500].decode('utf-8', 'replace').strip()}"
            if line[_CODE : _CODE + 1] != b"-":
                return int(code), f"{int(code)} {' '.join(words)}"

    def _line(self) -> bytes:
        while True:
            line, end, rest = self._heard.partition(b"\n")
            if end:
                self._heard = rest
                return line
            if len(self._heard) > _LONGEST_REPLY:
                raise Lost("the server's reply has no end")
            try:
                more = self._sock.recv(16_384)
            except OSError as error:
                raise Lost(f"connection lost: {error}") from error
            if not more:
                raise Lost("connection lost: the server has hung up")
            self._heard += more

    def hang_up(self) -> None:
        """Close without a word."""
        self._connection.close()

    def say_goodbye(self) -> None:
        """QUIT where somebody still listens."""
        try:
            self.push(b"QUIT\r\n")
            self.read()
        except Lost:
            pass
        finally:
            self._connection.close()
