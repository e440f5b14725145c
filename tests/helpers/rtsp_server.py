"""An RTSP server (RFC 2326) with H.264 over the connection itself, in a thread, that a test can freeze and restart."""

from __future__ import annotations

import contextlib
import socket
import time
from fractions import Fraction

import av

from helpers import clips
from helpers.live_server import LiveServer

_SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track1\r\n"
)


class RtspServer(LiveServer):
    """RTSP server whose frame i of each connection is `clips.numbered_image(i % 30)`; `sent` is of the newest one.

    Args:
        port: TCP port; None for a free one.
        rate: Frames per second.
    """

    place = "rtsp/live"

    def __init__(self, port: int | None = None, rate: int = 30) -> None:
        self.rate = rate
        super().__init__(port)

    def serve(self, client: socket.socket) -> None:
        """Answer the requests of a connection, and send frames after PLAY."""
        with client.makefile("rb") as requests:
            while line := requests.readline():
                method = line.split(b" ")[0]
                fields = dict(self._fields(requests))
                self._running.wait()
                client.sendall(self._answer(method, fields))
                if method == b"PLAY":
                    self._send(client)
                    return

    def _fields(self, requests):
        while (line := requests.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            yield name.lower(), value.strip()

    def _answer(self, method: bytes, fields: dict[str, str]) -> bytes:
        head = f"RTSP/1.0 200 OK\r\nCSeq: {fields['cseq']}\r\nSession: 1\r\n"
        if method == b"OPTIONS":
            head += "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        if method == b"SETUP":
            head += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        if method != b"DESCRIBE":
            return (head + "\r\n").encode()
        return f"{head}Content-Type: application/sdp\r\nContent-Length: {len(_SDP)}\r\n\r\n{_SDP}".encode()

    def _send(self, client: socket.socket) -> None:
        """Encode frames, let FFmpeg pack them as RTP to a socket of this process, and pass them on."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets:
            packets.bind(("127.0.0.1", 0))
            packets.setblocking(False)
            target = f"rtp://127.0.0.1:{packets.getsockname()[1]}"
            with av.open(target, "w", format="rtp") as container:
                options = {
                    "preset": "ultrafast",
                    "tune": "zerolatency",
                    "crf": "10",
                    "x264-params": "keyint=10",
                }
                stream = container.add_stream("libx264", rate=self.rate, options=options)
                stream.width, stream.height = clips.SIZE
                stream.pix_fmt = "yuv420p"
                for index in range(1_000_000):
                    self._running.wait()
                    frame = av.VideoFrame.from_ndarray(clips.numbered_image(index % 30), format="bgr24")
                    frame.pts, frame.time_base = index, Fraction(1, self.rate)
                    container.mux(stream.encode(frame))
                    with contextlib.suppress(BlockingIOError):
                        while True:
                            data = packets.recv(65536)
                            client.sendall(b"$\0" + len(data).to_bytes(2, "big") + data)
                    self.sent = index + 1
                    time.sleep(1 / self.rate)
