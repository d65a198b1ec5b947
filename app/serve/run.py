"""Runs a server until it is told to stop."""

from __future__ import annotations

import gc
import signal
import socket
import sys
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from app.serve.desk import spare_from_collection
from data.errors import ConfigError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

BACKLOG = 2048
"""Connections that wait to be accepted."""
YOUNG = 20_000
"""Objects after which garbage is looked for; requests that are being answered have fewer together,
and leave none behind, refused ones aside.
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens.

    Attributes:
        host: Address of this machine.
        port: 0 takes any that is free.
        grace_s: Seconds that requests in flight have once it is told to stop.
    """

    host: str = "127.0.0.1"
    port: int = 8800
    grace_s: int = 10

    def listen(self) -> socket.socket:
        """What it listens with; who connects from here on waits for the first answer.

        Raises:
            ConfigError: the port is taken, or the address is none of this machine.
        """
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        there = socket.socket(family, socket.SOCK_STREAM)
        try:
            there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            there.bind((self.host, self.port))
            there.listen(BACKLOG)
        except OSError as error:
            there.close()
            raise ConfigError(
                f"Cannot listen on {self.host}:{self.port}: {error.strerror}. Name another one "
                "with --port, or --host."
            ) from None
        return there


def run(app: ASGIApp, place: Place, there: socket.socket) -> None:
    """Answers until SIGTERM or Ctrl-C; then it takes no more, and what is in flight may end.

    Args:
        app: That answers.
        place: Where it listens.
        there: With what; see `Place.listen`.
    """
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        backlog=BACKLOG,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=place.grace_s,
        ws="none",
    )
    spare_from_collection()  # to look for garbage in what is kept again and again finds none
    gc.set_threshold(YOUNG)
    signal.signal(signal.SIGTERM, _leave)
    uvicorn.Server(config).run(sockets=[there])


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """What uvicorn calls once more when all is done: a server that was told to stop did well."""
    sys.exit(0)
