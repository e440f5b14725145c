"""Kinds of network addresses: which are files, and which are live."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

__all__ = ["file_path", "is_address", "is_live_protocol", "protocol"]

_ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_LIVE_PROTOCOLS = {
    "rtsp",
    "rtsps",
    "rtmp",
    "rtmps",
    "rtmpt",
    "rtmpe",
    "srt",
    "udp",
    "rtp",
    "mms",
    "mmsh",
    "tcp",
}


def is_address(source: str) -> bool:
    """Return whether a source is an address, such as ``"rtsp://..."``, rather than a path."""
    return bool(_ADDRESS.match(source))


def protocol(address: str) -> str:
    """Return the protocol of an address in lower case, for example ``"https"``."""
    return address.split(":", 1)[0].lower()


def is_live_protocol(address: str) -> bool:
    """Return whether everything that a protocol carries arrives in real time."""
    return protocol(address) in _LIVE_PROTOCOLS


def file_path(address: str) -> Path:
    """Return the local path of a ``file://`` address."""
    parts = urlsplit(address)
    host = "" if parts.netloc in ("", "localhost") else f"//{parts.netloc}"
    # A question mark or a hash may stand unescaped in a file's name.
    rest = address.split("://", 1)[1][len(parts.netloc) :]
    return Path(url2pathname(host + rest) if "%" in rest or host else unquote(rest))
