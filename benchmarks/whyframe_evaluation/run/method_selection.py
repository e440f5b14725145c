"""Selection of methods by name: single methods, groups of methods, and trained predictors by path."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from whyframe.errors import WhyframeError
from whyframe_evaluation.methods import GROUPS, METHODS, VARIANTS, UnknownMethod, build_method
from whyframe_evaluation.methods.method import Method

__all__ = ["select_methods"]


def select_methods(methods: str | Sequence[str | Method]) -> list[Method]:
    """Build the methods that are named, each once.

    Args:
        methods: Names separated by commas, or a sequence of names and methods. A name is that of a method, that
            of a group of methods, ``"all"``, or the path of a run folder or of a fused ONNX file.

    Raises:
        UnknownMethod: No method is given, or a name is that of neither a method nor a group; the message offers the
            nearest names.
        WhyframeError: A name is given twice, two methods have the same name, or a path is neither a run folder nor
            a fused ONNX file.
    """
    entries = _split_names([methods] if isinstance(methods, str) else methods)
    selected: dict[str, Method] = {}
    for name, method in _build_entries(entries, {**GROUPS, "all": tuple(METHODS)}):
        if method.name in selected or _takes_known_name(name, method):
            raise WhyframeError(f"{name} has the name of another method, {method.name}; rename it.")
        selected[method.name] = method
    if not selected:
        raise UnknownMethod("no method is given: name at least one method, such as cam.")
    return list(selected.values())


def _split_names(methods: Iterable[str | Method]) -> list[str | Method]:
    entries: list[str | Method] = []
    for entry in methods:
        entries += [name.strip() for name in entry.split(",")] if isinstance(entry, str) else [entry]
    names = [entry for entry in entries if isinstance(entry, str)]
    for name in names:
        if names.count(name) > 1:
            raise WhyframeError(f"--methods names {name} twice; name each method once.")
    return entries


def _build_entries(
    entries: Iterable[str | Method], groups: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, Method]]:
    """Yield each method with its given name; a method that is in several groups is built once."""
    built: set[str] = set()
    for entry in entries:
        if not isinstance(entry, str):
            yield entry.name, entry
            continue
        for name in groups.get(entry, (entry,)):
            if name not in built:
                built.add(name)
                yield name, _build(name, groups)


def _takes_known_name(name: str, method: Method) -> bool:
    """Return whether a predictor that is given by its path has the name of a built-in method."""
    return method.name != name and method.name in {*METHODS, *VARIANTS}


def _build(name: str, groups: Iterable[str]) -> Method:
    try:
        return build_method(name)
    except UnknownMethod:
        near = difflib.get_close_matches(name.casefold(), groups, n=1, cutoff=0.7)
        if near:
            raise UnknownMethod(f"there is no method {name!r}: did you mean the group {near[0]}?") from None
        raise
