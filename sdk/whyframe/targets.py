"""Finding the class that a caller means, by id or by name."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable, Iterator, Sequence

from whyframe.errors import TargetError

__all__ = ["find_class"]

_OFFERED = 4


def find_class(labels: Sequence[str], target: str | int) -> int:
    """The id of the class that ``target`` names.

    A name is sought as a whole label first, then without regard to case, then as one of the synonyms of a
    label that separates them by commas (ImageNet's "tabby, tabby cat"), and last as a number written out.

    Args:
        labels: One name for each class.
        target: A class id, or a name.

    Returns:
        The class id, in ``range(len(labels))``.

    Raises:
        TargetError: No class has that name (the nearest names are offered) or that id, or several have the
            name.
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
    for fits in rules:
        found = [index for index, label in enumerate(labels) if fits(label)]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(f"{index} ({labels[index]})" for index in found[:_OFFERED])
            raise TargetError(f"target {name!r} names {len(found)} classes; give one of the ids: {ids}.")
    if name.isascii() and name.removeprefix("-").isdigit():
        return find_class(labels, int(name))
    raise TargetError(f"no class is named {name!r}; {_offer(labels, wanted)}.")


def _synonyms(label: str) -> list[str]:
    return [part.strip() for part in label.casefold().split(",")]


def _offer(labels: Sequence[str], wanted: str) -> str:
    near = list(dict.fromkeys(_nearest(labels, wanted)))[:_OFFERED]
    if near:
        return "the nearest names are " + ", ".join(repr(label) for label in near)
    return f"give a name that `whyframe info` lists, or an id from 0 to {len(labels) - 1}"


def _nearest(labels: Sequence[str], wanted: str) -> Iterator[str]:
    """Labels whose synonyms look like ``wanted``, then those that contain it."""
    owner = {part: label for label in labels for part in _synonyms(label)}
    for part in difflib.get_close_matches(wanted, owner, n=_OFFERED, cutoff=0.6):
        yield owner[part]
    for part, label in owner.items():
        if len(wanted) > 2 and wanted in part:
            yield label
