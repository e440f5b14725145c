"""Seeded mutations of files: of bytes, of JSON values, and of protocol buffers."""

from __future__ import annotations

import copy
import random
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2**31, 2**63, -(2**70), 1e308, float("inf"), float("nan"), 0.5, "",
    "\x1b[31m\nforged", "\ud800",
    "x" * 100_000, [], {}, [[]], {"": None}, "../../etc/passwd",
)  # fmt: skip
"""Values that a reader does not expect in place of its own."""

_ODD_NUMBERS = (0, 1, -1, 255, 2**31 - 1, 2**31, 2**63 - 1, -(2**63))


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Return data with up to eight bytes changed, or a stretch removed, repeated, zeroed, or cut off."""
    changed = bytearray(data)
    start = rng.randrange(len(changed))
    stop = min(len(changed), start + rng.choice((1, 4, 64, 1024)))
    kind = rng.randrange(6)
    if kind == 0:
        for _ in range(rng.randint(1, 8)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    elif kind == 1:
        del changed[start:]
    elif kind == 2:
        del changed[start:stop]
    elif kind == 3:
        changed[start:start] = changed[start:stop] * rng.choice((1, 16))
    elif kind == 4:
        changed[start:stop] = bytes(stop - start)
    else:
        changed[start:stop] = rng.randbytes(stop - start)
    return bytes(changed)


def mutate_json(value: Any, rng: random.Random) -> Any:
    """Return JSON values with one to three of them removed, replaced by an odd one, repeated, or nested deeply."""
    changed = copy.deepcopy(value)
    for _ in range(rng.randint(1, 3)):
        changed = _mutated(changed, rng)
    return changed


def _mutated(value: Any, rng: random.Random) -> Any:
    keys = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    if not keys or rng.random() < 0.1:
        return _replaced(value, rng)
    key = rng.choice(keys)
    if isinstance(value[key], (dict, list)) and value[key] and rng.random() < 0.7:
        value[key] = _mutated(value[key], rng)
    elif rng.random() < 0.2:
        del value[key]
    elif isinstance(value, list) and rng.random() < 0.2:
        value.append(copy.deepcopy(value[key]))
    else:
        value[key] = _replaced(value[key], rng)
    return value


def _replaced(value: Any, rng: random.Random) -> Any:
    if rng.random() < 0.1:
        for _ in range(rng.choice((3, 400))):
            value = [value]
        return value
    return copy.deepcopy(rng.choice(ODD_VALUES))


def mutate_message(message: Any, rng: random.Random) -> None:
    """Change a random field of a protocol buffer, or of a message inside it, in place."""
    fields = [(field, value) for field, value in message.ListFields()]
    if not fields:
        return
    field, value = rng.choice(fields)
    repeated = not isinstance(value, (str, bytes, int, float)) and hasattr(value, "append")
    if repeated:
        _mutate_repeated(field, value, rng)
    elif field.message_type is not None:
        mutate_message(value, rng)
    elif isinstance(value, (bool, int)):
        _set(message, field.name, rng.choice(_ODD_NUMBERS))
    elif isinstance(value, float):
        setattr(message, field.name, rng.choice((0.0, -1.0, 1e30, float("nan"), float("inf"))))
    else:
        text = "" if isinstance(value, str) else b""
        setattr(message, field.name, rng.choice((text, value * 2, value[:-1])))


def _mutate_repeated(field: Any, value: Any, rng: random.Random) -> None:
    index = rng.randrange(len(value))
    if rng.random() < 0.15:
        del value[index]
    elif field.message_type is not None:
        if rng.random() < 0.1:
            value.append(copy.deepcopy(value[index]))
        else:
            mutate_message(value[index], rng)
    elif isinstance(value[index], int):
        try:
            value[index] = rng.choice(_ODD_NUMBERS)
        except (ValueError, TypeError):
            value[index] = 1
    else:
        value.append(value[index])


def _set(message: Any, name: str, number: int) -> None:
    try:
        setattr(message, name, number)
    except (ValueError, TypeError):  # outside the range of the field
        setattr(message, name, 1)
