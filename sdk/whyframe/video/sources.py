"""Sources of frames: a video, an image, a folder of images, a camera, or a network address."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from whyframe.errors import SourceError
from whyframe.image_options import ImageOptions
from whyframe.images import READ_SUFFIXES
from whyframe.passwords import hide_passwords
from whyframe.video.addresses import file_path, is_address, is_live_protocol, protocol
from whyframe.video.captures import CameraSource, VideoSource
from whyframe.video.containers import is_truncated
from whyframe.video.image_sources import open_image_file, open_image_folder
from whyframe.video.live import LiveSource, Reconnect
from whyframe.video.source import Frame, Source, printable

if TYPE_CHECKING:
    from whyframe.video.decoder import VideoDecoder

__all__ = ["Frame", "Source", "open_source"]


NETWORK_TIMEOUT_MS = 5000
"""Milliseconds after which a network address that does not answer is given up."""


def open_source(
    source: str | Path | int | Source,
    *,
    live: bool | None = None,
    reconnect: Reconnect | None = None,
    images: ImageOptions | None = None,
) -> Source:
    """Open a source of frames.

    Args:
        source: Path of a video file, of an image file (recognised by its suffix: see READ_SUFFIXES) or of a
            folder of images; index of a camera (0 or "0"); address ("file://...", "https://...", "rtsp://...");
            or a Source, which is returned unchanged.
        live: True to drop old frames of a slow reader, False to deliver every frame. By default None: True for
            cameras, for RTSP, RTMP, SRT, UDP, RTP and TCP, and for MJPEG over HTTP.
        reconnect: Rule by which a live source that is lost is connected again; None for a StreamError instead, when
            it is read. Not used for other sources.
        images: How images are read; None for the defaults.

    Returns:
        The open source. The first frame of a video, camera or address, and a single image, have been decoded
        already, so that a damaged input fails here.

    Raises:
        SourceError: The input does not exist or cannot be read. An address that does not answer fails after
            5 seconds.
    """
    if isinstance(source, Source):
        return source
    images = images or ImageOptions()
    if isinstance(source, int) or (isinstance(source, str) and source.isdecimal()):
        return _watched(partial(CameraSource, int(source), live=live is not False), reconnect)
    if isinstance(source, str) and is_address(source):
        if protocol(source) != "file":
            return _watched(partial(_open_address, source, live=live), reconnect)
        source = file_path(source)
    path = Path(source)
    if path.is_dir():
        return open_image_folder(path, images)
    if not path.is_file():
        raise SourceError(
            f"{printable(path)} does not exist; check the path (a camera is given by its number, as in 0)."
        )
    if path.suffix.lower() in READ_SUFFIXES:
        return open_image_file(path, images)
    return _open_video(path, live=bool(live))


def _watched(connect: Callable[[], Source], reconnect: Reconnect | None) -> Source:
    """Return the source that a function opens; a live one is watched while it is read."""
    source = connect()
    if not source.live:
        return source
    first = [source]
    stall = NETWORK_TIMEOUT_MS / 1000
    return LiveSource(lambda: first.pop() if first else connect(), stall=stall, reconnect=reconnect)


def _open_video(path: Path, *, live: bool) -> Source:
    name = printable(path)
    try:
        # "file:" keeps a colon in the name from being taken for a protocol.
        decoder = _open_decoder(f"file:{path}", live=live, options={"protocol_whitelist": "file,crypto,data"})
    except SourceError as error:
        if is_truncated(path):
            raise SourceError(
                f"{name} is cut short and cannot be opened (its index is missing); copy or record it again."
            ) from error
        raise SourceError(
            f"{name} is not a video that FFmpeg can read ({error}); give a video, an image, a folder or a camera."
        ) from error
    return VideoSource(decoder, name, live=live, path=path)


def _open_address(address: str, *, live: bool | None) -> Source:
    name = hide_passwords(address)
    now = is_live_protocol(address) if live is None else live
    # Over UDP, RTSP loses packets on a busy network; a server that offers nothing else still gets UDP.
    options = {"rtsp_flags": "prefer_tcp"} if protocol(address) == "rtsp" else {}
    try:
        decoder = _open_decoder(address, live=now, timeout=NETWORK_TIMEOUT_MS / 1000, options=options)
    except SourceError as error:
        reason = str(error).replace(address, name)
        raise SourceError(
            f"{name} does not answer with a video ({reason}); check the address, the network and the password."
        ) from error
    if live is None and decoder.format == "mpjpeg":
        now = True
    return VideoSource(decoder, name, live=now)


def _open_decoder(
    location: str, *, live: bool, timeout: float | None = None, options: dict[str, str]
) -> VideoDecoder:
    from whyframe.video.decoder import VideoDecoder  # PyAV takes time to import

    return VideoDecoder(location, live=live, timeout=timeout, options=options)
