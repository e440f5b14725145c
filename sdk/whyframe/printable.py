"""Text that is safe in a terminal and in a log."""

from __future__ import annotations

import unicodedata

__all__ = ["printable"]

_UNSAFE = ("Cc", "Cs", "Zl", "Zp")  # control characters, lone surrogates, line and paragraph separators
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    r"""Return a text with every character that a terminal or a log interprets written as an escape, such as ``\x1b``.

    Control characters move the cursor, colour the output or start a new line; characters that change the direction of
    writing show a name as another one; and lone surrogates cannot be encoded at all.
    """
    if text.isprintable():  # the common case, and quick
        return text
    return "".join(_escaped(letter) if _is_unsafe(letter) else letter for letter in text)


def _is_unsafe(letter: str) -> bool:
    return letter in _DIRECTIONS or unicodedata.category(letter) in _UNSAFE


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", errors="backslashreplace").decode("ascii")
