"""Live streams over HTTP and TCP, in a thread, that a test can end, freeze and start again."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import cv2

from helpers import clips

_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\nCache-Control: no-cache\r\n\r\n"


def free_port() -> int:
    """Return a TCP port that nothing uses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class LiveServer:
    """Server of a live stream; its sub-classes answer a connection in `serve`.

    Args:
        port: TCP port; None for a free one.

    Attributes:
        sent: Number of frames that were sent.
    """

    place = ""

    def __init__(self, port: int | None = None) -> None:
        self.port = free_port() if port is None else port
        self.connections = self.sent = 0
        self._running = threading.Event()
        self._running.set()
        self._clients: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        """Address with a user and a password that holds an ``@``."""
        return self.shown.replace("://", "://me:se@cret@")

    @property
    def shown(self) -> str:
        """Address as messages show it."""
        protocol, _, path = self.place.partition("/")
        return f"{protocol}://127.0.0.1:{self.port}/{path}"

    def freeze(self) -> None:
        """Send nothing more, but keep the connections."""
        self._running.clear()

    def kill(self) -> None:
        """Close all connections, and refuse new ones."""
        for each in (self._server, *self._clients):
            with contextlib.suppress(OSError):  # killed already; the shutdown also ends a waiting accept
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._running.set()

    def serve(self, client: socket.socket) -> None:
        """Answer a connection until it ends."""
        raise NotImplementedError

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self.connections += 1
                self._clients.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            self.serve(client)


class MjpegServer(LiveServer):
    """MJPEG over HTTP, as network cameras send it: frame i of each connection is `clips.numbered_image(i % 30)`.

    Args:
        port: TCP port; None for a free one.
        rate: Frames per second.
        size: Width and height of the frames.
        frames: Number of frames after which a connection is closed; None for no limit.
    """

    place = "http/video.mjpg"

    def __init__(
        self,
        port: int | None = None,
        rate: float = 50,
        size: tuple[int, int] = clips.SIZE,
        frames: int | None = None,
    ) -> None:
        self.rate, self.size, self.frames = rate, size, frames
        super().__init__(port)

    def kill_after(self, frames: int) -> None:
        """Kill the server, with its port, after it has sent a number of frames."""

        def watch() -> None:
            while self.sent < frames:
                time.sleep(0.01)
            self.kill()

        threading.Thread(target=watch, daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        """Send a part for each frame."""
        client.recv(4096)
        client.sendall(_HEAD)
        index = 0
        while self.frames is None or index < self.frames:
            self._running.wait()
            jpeg = cv2.imencode(".jpg", clips.numbered_image(index % 30, self.size))[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
            client.sendall(head + jpeg + b"\r\n")
            index += 1
            self.sent += 1
            time.sleep(1 / self.rate)
