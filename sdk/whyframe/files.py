"""Complete writing and bounded reading of files, and JSON text that every reader takes."""

from __future__ import annotations

import contextlib
import errno
import functools
import io
import json
import math
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whyframe.errors import OutputError, one_line
from whyframe.parts import lock_part, sweep_parts

__all__ = ["append_line", "atomic_write", "json_text", "read_bounded"]

_LONGEST_STEM = 80
"""Bytes of a file's name in the name of its temporary file, which may have 255."""

# Once a folder and process: reading a folder of many files takes longer than writing one.
_sweep_once = functools.cache(sweep_parts)


def atomic_write(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write a file so that it is either complete or unchanged: to a temporary name first, which is then renamed.

    Args:
        path: The file to create or to replace.
        data: Complete content of the file.

    Returns:
        The path written.

    Raises:
        OutputError: The folder does not exist, or the file cannot be written.
    """
    path = Path(path)
    try:
        if not path.parent.is_dir():
            raise OutputError(
                f"{path.parent} is not a folder, so {path.name} cannot be written; create it first."
            )
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_bytes(data)  # a device or a pipe, such as /dev/stdout, which must not be replaced
        else:
            _replace(path, data)
    except (
        OSError,
        ValueError,
    ) as error:  # ValueError: a name with a null byte, or one that cannot be encoded
        reason = one_line(getattr(error, "strerror", None) or error)
        raise OutputError(f"{path} cannot be written ({reason}); choose another path.") from error
    return path


def append_line(path: Path, line: str) -> None:
    """Append a line to a text file, or leave the file as it was.

    Args:
        path: The file; created where it is missing.
        line: Text of the line, without the newline.

    Raises:
        OutputError: The line cannot be written, for example because the disk is full.
    """
    try:
        with path.open("ab", buffering=0) as file:
            _write_completely(file, f"{line}\n".encode())
    except OSError as error:
        reason = one_line(error.strerror or str(error))
        raise OutputError(f"{path} cannot be written ({reason}); make room, then run it again.") from error


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return a value as JSON (RFC 8259), which has neither NaN nor infinity: both become null.

    Args:
        value: Dicts, lists, tuples, text, numbers, booleans and None.
        indent: Number of spaces of each level; None for a single line.
    """
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    """Return a value with None in place of every number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _write_completely(file: io.FileIO, data: bytes) -> None:
    """Write data at the end of an unbuffered file; where it does not fit, restore the file's length."""
    start, written = file.seek(0, os.SEEK_END), 0
    try:
        written = file.write(data) or 0
    finally:
        if written < len(data):
            with contextlib.suppress(OSError):  # a device has no length
                file.truncate(start)
    if written < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def read_bounded(path: str | os.PathLike[str], limit: int) -> bytes:
    """Return the content of a file, which may not be larger than a limit.

    Args:
        path: The file.
        limit: Largest size in bytes.

    Raises:
        OSError: The file is missing or cannot be read, is a device or a pipe without an end, or is larger.
    """
    with Path(path).open("rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise OSError(0, "it is not a regular file")
        # Python allocates as many bytes as it is asked for before it reads.
        content = b"" if state.st_size > limit else file.read(state.st_size + 1)
    if state.st_size > limit or len(content) > limit:
        raise OSError(0, f"it is larger than {limit:,} bytes")
    return content


def _short_stem(name: str) -> str:
    """Return the start of a name, short enough for a temporary name that is longer than it."""
    return os.fsencode(name)[:_LONGEST_STEM].decode(errors="ignore")


def _replace(path: Path, data: bytes) -> None:
    _sweep_once(path.parent)
    path = path.resolve() if path.is_symlink() else path  # the link stays, and its file is replaced
    prefix, suffix = f".{_short_stem(path.name)}.", f".{os.getpid()}.part"  # a name that `sweep_parts` knows
    descriptor, temporary = tempfile.mkstemp(prefix=prefix, suffix=suffix, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            lock_part(descriptor)
            file.write(data)
        # mkstemp creates files that only their owner can read; set the mode that open() would have set.
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
