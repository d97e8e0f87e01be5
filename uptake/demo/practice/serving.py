"""The practice EHR beside the product. In: a demo project; out: its address in a block."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from uptake.demo.practice.app import create_practice
from uptake.demo.practice.registration import HOST, Addresses
from uptake.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

START_SECONDS = 10.0


@contextmanager
def practice_served(folder: Path, port: int) -> Iterator[str]:
    """Give the address of the practice EHR, one port above the product's.

    Raises StorageError where that port is taken.
    """
    at = Addresses(port)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port + 1))
        except OSError as error:
            raise StorageError(
                f"port {port + 1} of {HOST}, for the practice EHR, cannot be used: "
                f"{error.strerror}; take another with --port"
            ) from error
        config = uvicorn.Config(create_practice(folder, at), log_level="error", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), name="practice")
        thread.start()
        until = time.monotonic() + START_SECONDS
        while not server.started and thread.is_alive() and time.monotonic() < until:
            time.sleep(0.02)
        try:
            yield at.practice
        finally:
            server.should_exit = True
            thread.join()
