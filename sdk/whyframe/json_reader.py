"""The reader of all JSON that whyframe reads: bounded in size and depth, and strict."""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from typing import Any, NoReturn

from whyframe.errors import one_line
from whyframe.files import read_bounded
from whyframe.printable import printable

__all__ = ["DEEPEST", "LARGEST", "JsonError", "parse_json", "read_json"]

LARGEST = 1 << 30
"""Largest size of a JSON file in bytes; the annotations of COCO's 118,000 images have half a gigabyte."""

DEEPEST = 40
"""Largest depth of nested lists and objects."""

_MOST_DIGITS = 20  # as many as a 64-bit number has
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|([\[{])|([\]}])', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89abAB]")


class JsonError(ValueError):
    """JSON that is malformed, too large, too deep or ambiguous; the message is the reason, to be put in brackets."""


def read_json(path: str | os.PathLike[str], limit: int = LARGEST) -> Any:
    """Return the value of a JSON file; see `parse_json`.

    Raises:
        OSError: The file cannot be read.
        JsonError: The content is refused.
    """
    return parse_json(read_bounded(path, limit), limit)


def parse_json(content: bytes | str, limit: int = LARGEST) -> Any:
    """Return the value of JSON.

    Args:
        content: The text, in UTF-8 where it is bytes.
        limit: Largest size, in bytes or characters.

    Returns:
        The value. Its numbers are finite, integers have at most 20 digits, its texts can be encoded, and no object has
        a key twice.

    Raises:
        JsonError: The text is larger, is not JSON, is nested deeper than `DEEPEST`, or breaks one of these rules.
    """
    if len(content) > limit:
        raise JsonError(f"it is larger than {limit:,} bytes")
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_integer,
        )
    except RecursionError:
        raise JsonError(f"it is nested deeper than {DEEPEST} levels") from None
    except JsonError:
        raise
    except ValueError as error:
        raise JsonError(one_line(error)) from error
    _check_depth(text)
    if _SURROGATE.search(text):
        _check_encodable(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise JsonError(f"the key {twice!r:.80} occurs twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise JsonError(f"{name} is not a number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise JsonError(f"the number {digits:.40} is too large")
    return number


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise JsonError(f"the number {digits:.40} is too large")
    return int(digits)


def _check_depth(text: str) -> None:
    """Raise an error where valid JSON is too deep; later steps, such as a copy, recurse over its levels."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += (token[1] is not None) - (token[2] is not None)
        if depth > DEEPEST:
            raise JsonError(f"it is nested deeper than {DEEPEST} levels")


def _check_encodable(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        found = printable(error.object[error.start])
        raise JsonError(f"a text has half of a surrogate pair, {found}") from None
