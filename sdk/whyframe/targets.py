"""Lookup of classes by id or name."""

from __future__ import annotations

import difflib
import operator
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from whyframe.errors import TargetError

__all__ = ["Target", "find_class", "resolve_target", "targets_of_batch"]

Target = str | int | None | tuple[str | int | None, str | int]
"""A class by name or id; None for the predicted class; or a pair, whose first class is explained against the second."""

_SUGGESTIONS = 4


def resolve_target(find: Callable[[str | int], int], target: Target) -> int | tuple[int | None, int] | None:
    """Return a target with ids in the place of names.

    Args:
        find: Function from the name or id of a class to its id.
        target: The target.

    Raises:
        TargetError: There is no such class, or a tuple is not a pair of two different classes.
    """
    if not isinstance(target, tuple):
        return None if target is None else find(target)
    if len(target) != 2 or target[1] is None:
        raise TargetError(
            f"target {target!r:.80} is not a pair: give two classes, to explain the first against the second."
        )
    explained, against = None if target[0] is None else find(target[0]), find(target[1])
    if explained == against:
        raise TargetError(f"target {target!r:.80} names one class twice; give two different classes.")
    return explained, against


def targets_of_batch(target: Any, count: int) -> list[Target]:
    """Return a target for each frame of a batch.

    A list has a target for each frame. A tuple has one for each frame too where it has as many entries as there are
    frames, or where an entry is a tuple; any other tuple of two is a pair for all frames. For two frames, a tuple of
    two classes is understood as one for each, with a warning.

    Args:
        target: A target for all frames, or a list or tuple of targets.
        count: Number of frames.

    Raises:
        TargetError: The number of targets is not the number of frames.
    """
    if isinstance(target, tuple) and not any(isinstance(entry, tuple) for entry in target):
        if len(target) == 2 != count:
            return [target] * count
        if len(target) == 2:
            warnings.warn(
                f"the tuple {target!r:.80} is one target for each of two frames; give a list for this, or "
                "[pair] * 2 to explain the first class against the second in both.",
                stacklevel=3,
            )
    targets = list(target) if isinstance(target, (list, tuple)) else [target] * count
    if len(targets) != count:
        raise TargetError(
            f"there are {len(targets)} targets for {count} frames; give one target, or one for each frame."
        )
    return targets


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
