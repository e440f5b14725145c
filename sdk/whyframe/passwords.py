"""Removal of passwords from texts that are shown, logged or written."""

from __future__ import annotations

import re

__all__ = ["hide_passwords"]

# One slash is enough: pathlib writes "rtsp://host" as "rtsp:/host". One letter before the colon is a Windows drive.
# A password may hold spaces and quotes; a port, which also follows a colon, ends at the first of them.
_ADDRESS = re.compile(
    r"\b((?!file:)[a-z][a-z0-9+.-]+:/{1,2}(?!/))((?:[^\s/:@]*:(?!\d+(?:[\s/]|$))[^/\n]*@)?\S*)", re.IGNORECASE
)
_HOST = re.compile(r"(\[[^\]]*\]|[^:@]*)(:\d*)?")
_SECRET_FIELD = re.compile(
    r"((?:^|[?&;/_])[a-z0-9.-]*(?:pass|pwd|secret|token|signature|credential|api-?key|auth)[a-z0-9.-]*=)[^&;/#\s'\"]+",
    re.IGNORECASE,
)


def hide_passwords(text: str) -> str:
    """Return a text without the passwords of the network addresses in it.

    The user and the password of ``scheme://user:password@host`` are left out; they end at the last ``@`` before the
    path. Where a password holds a ``/``, so that what stands before the path is no host and port, they end at the last
    ``@`` of the address. Fields of an address such as ``password=``, ``pwd=`` or ``token=`` get the value ``***``.

    Args:
        text: The text, such as an address or the message of an error.

    Returns:
        The text, unchanged where it holds no address with a password.
    """
    return _ADDRESS.sub(lambda found: found[1] + _hide(found[2]), text) if ":/" in text else text


def _hide(rest: str) -> str:
    """Return what follows the scheme of an address, without the passwords."""
    before_path = re.split(r"[/?#]", rest, maxsplit=1)[0]
    authority, path = before_path.rpartition("@")[2], rest[len(before_path) :]
    if not _HOST.fullmatch(authority) and "@" in path:
        authority, path = "", path.rpartition("@")[2]
    return authority + _SECRET_FIELD.sub(r"\1***", path)
