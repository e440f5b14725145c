"""Lookup of classes by id or name."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable, Iterator, Sequence

from whyframe.errors import TargetError

__all__ = ["find_class"]

_SUGGESTIONS = 4


def find_class(labels: Sequence[str], target: str | int) -> int:
    """Return the id of a class given by id or name.

    A name is compared with the labels, then with the labels without regard to case, then with the synonyms in a
    label, which are separated by commas (ImageNet's "tabby, tabby cat"). If none is equal, digits are read as an id.

    Args:
        labels: Names of the classes.
        target: Id or name of the class.

    Returns:
        The class id, in ``range(len(labels))``.

    Raises:
        TargetError: No class has this id or this name (the message suggests similar names), or several classes
            have this name.
    """
    if isinstance(target, str):
        return _by_name(labels, target.strip())
    try:
        class_id = operator.index(target)
    except TypeError:
        class_id = -1
    if isinstance(target, bool) or not 0 <= class_id < len(labels):
        raise TargetError(
            f"target {target!r} is not a class id; give a name, or an id from 0 to {len(labels) - 1}."
        )
    return class_id


def _by_name(labels: Sequence[str], name: str) -> int:
    wanted = name.casefold()
    rules: tuple[Callable[[str], bool], ...] = (
        lambda label: label == name,
        lambda label: label.casefold() == wanted,
        lambda label: wanted in _synonyms(label),
    )
    for matches in rules:
        found = [index for index, label in enumerate(labels) if matches(label)]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(f"{index} ({labels[index]})" for index in found[:_SUGGESTIONS])
            raise TargetError(f"target {name!r} names {len(found)} classes; give one of the ids: {ids}.")
    if name.isascii() and name.removeprefix("-").isdigit():
        return find_class(labels, int(name))
    raise TargetError(f"no class is named {name!r}; {_advice(labels, wanted)}.")


def _synonyms(label: str) -> list[str]:
    return [part.strip() for part in label.casefold().split(",")]


def _advice(labels: Sequence[str], wanted: str) -> str:
    similar = list(dict.fromkeys(_nearest(labels, wanted)))[:_SUGGESTIONS]
    if similar:
        return "the nearest names are " + ", ".join(repr(label) for label in similar)
    return f"give a name that `whyframe info` lists, or an id from 0 to {len(labels) - 1}"


def _nearest(labels: Sequence[str], wanted: str) -> Iterator[str]:
    """Yield the labels with a synonym similar to ``wanted``, then those with a synonym that contains it."""
    label_of = {synonym: label for label in labels for synonym in _synonyms(label)}
    for synonym in difflib.get_close_matches(wanted, label_of, n=_SUGGESTIONS, cutoff=0.6):
        yield label_of[synonym]
    for synonym, label in label_of.items():
        if len(wanted) > 2 and wanted in synonym:
            yield label
