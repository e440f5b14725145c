"""Detection of truncated video files, from the lengths that their containers state.

Decoders do not report a truncated file: they end where the bytes end.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

__all__ = ["is_truncated"]

_BOX_TYPES = {b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"}
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_TS_PACKET, _TS_SYNC = 188, 0x47


def is_truncated(path: Path) -> bool:
    """Return whether a file ends earlier than its container states.

    Args:
        path: Path of an existing file in MP4/MOV (ISO 14496-12 boxes), Matroska/WebM (RFC 9559), AVI (RIFF) or
            MPEG transport stream format.

    Returns:
        True where bytes are missing; False where none are, and for every other format.
    """
    length = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_TS_PACKET + 1)
        file.seek(0)
        if head[4:8] in _BOX_TYPES:
            return _boxes_end(file, length) > length
        if head[:4] == _EBML:
            return _segment_end(file, length) > length
        if head[:4] == b"RIFF" and len(head) >= 8:
            return 8 + int.from_bytes(head[4:8], "little") > length
    is_transport_stream = len(head) > _TS_PACKET and head[0] == head[_TS_PACKET] == _TS_SYNC
    return is_transport_stream and length % _TS_PACKET != 0


def _boxes_end(file: BinaryIO, length: int) -> int:
    """Return the offset at which the last top-level box of an MP4 file ends."""
    end = 0
    while end < length:
        file.seek(end)
        header = file.read(16)
        if len(header) < 8:
            return end + 8
        size = int.from_bytes(header[:4], "big")
        if size == 1 and len(header) == 16:
            size = struct.unpack(">Q", header[8:])[0]
        if size < 8:  # 0 means "to the end of the file"; 1 to 7 are invalid
            return length
        end += size
    return end


def _segment_end(file: BinaryIO, length: int) -> int:
    """Return the offset at which the segment of a Matroska file ends; 0 where the file does not state it."""
    file.seek(len(_EBML))
    header_size = _read_vint(file)
    if header_size is None or header_size > length:
        return 0
    file.seek(header_size, 1)
    if file.read(len(_SEGMENT)) != _SEGMENT:
        return 0
    segment_size = _read_vint(file)
    return 0 if segment_size is None else file.tell() + segment_size


def _read_vint(file: BinaryIO) -> int | None:
    """Read an EBML variable-length integer (RFC 8794, section 4); None for "unknown" or at the end of the file."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    width = 9 - first[0].bit_length()
    bits = 7 * width
    value = int.from_bytes(first + file.read(width - 1), "big") & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else value
