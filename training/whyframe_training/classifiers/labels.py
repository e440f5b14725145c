"""Labels of classes, from text, JSON and CSV files as people have them."""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

from whyframe.json_reader import JsonError, parse_json
from whyframe_training.classifiers.errors import ClassifierError, listing

__all__ = ["read_labels", "repeated", "wrong_count"]

HOW = "give a text file with one label per line, in class order"
WORDNET = re.compile(r"n\d{8}[\s,]+(.+)")
NUMBERED = re.compile(r"(\d+)\s*[\s,;:]\s*(.+)")
MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""Byte order marks at the start of a text file, and the encodings that they stand for."""

IMAGENET_CLASSES = 1000
LARGEST = 16 << 20
"""Largest size of a labels file in bytes; ImageNet-21k has half a megabyte."""


def read_labels(path: Path) -> tuple[str, ...]:
    """Read the labels of a file, in class order.

    Args:
        path: Text file with one label per line, or with lines `id name`; a JSON file with a list of labels, a mapping
            from ids to names or from names to ids, or the `config.json` of a Hugging Face model; or a CSV file with
            one column of labels, or with the columns id and name in any order. UTF-8, or UTF-16 with a byte order mark.

    Returns:
        One label per class.

    Raises:
        ClassifierError: The file is missing or is not text, it has no labels, or the ids are not 0, 1, 2, ...
    """
    text = _read_text(path)
    if not text.strip():
        raise ClassifierError(f"{path} is empty: {HOW}")
    if path.suffix.lower() in (".csv", ".tsv"):
        return _checked(path, _from_rows(path, text))
    if path.suffix.lower() == ".json" or text.lstrip()[0] in "[{":
        return _checked(path, _from_values(path, _parse(path, text)))
    return _checked(path, _from_lines(path, text))


def wrong_count(name: str, classes: int, labels: Sequence[str]) -> str:
    """Return one line that says that there are not as many labels as classes, with what may be the reason.

    Args:
        name: Name of the network.
        classes: Number of its classes.
        labels: The labels.
    """
    line = f"{name} has {classes} classes but {len(labels)} labels were given"
    twice = repeated(labels)
    if len(labels) == IMAGENET_CLASSES:
        line += " (without --labels they are those of ImageNet-1k)"
    elif twice:
        line += f" ({listing([repr(label) for label in twice])} more than once)"
    elif labels[0].lower() in ("label", "labels", "name", "class"):
        line += f" (the first, {labels[0]!r}, may be a heading)"
    elif classes == len(labels) + 1:
        line += " (the background may be a class)"
    return f"{line}: pass --labels, {HOW[7:]}"


def repeated(labels: Sequence[str]) -> list[str]:
    """Return the labels that occur more than once, in the order of their first occurrence."""
    return [label for label in dict.fromkeys(labels) if labels.count(label) > 1]


def _read_text(path: Path) -> str:
    if path.is_dir():
        raise ClassifierError(f"{path} is a folder, not a labels file: {HOW}")
    if not path.is_file():
        raise ClassifierError(f"no such labels file {path}: {HOW}")
    try:
        too_large = path.stat().st_size > LARGEST
        data = b"" if too_large else path.read_bytes()
    except OSError as error:
        raise ClassifierError(f"{path} cannot be read ({error.strerror}): check its permissions") from error
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    if too_large or (encoding != "utf-16" and b"\0" in data):
        raise ClassifierError(f"{path} is not a labels file (it is not text): {HOW}")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ClassifierError(
            f"{path} is not UTF-8 text (line {line}): convert it, for example with "
            f"`iconv -f latin1 -t utf-8 {path.name} > labels-utf8.txt`"
        ) from error


def _checked(path: Path, labels: Sequence[Any]) -> tuple[str, ...]:
    names = [" ".join(str(label).split()) for label in labels]
    if "" in names:
        raise ClassifierError(f"{path} has no name for class {names.index('')}: name every class")
    return tuple(names)


def _from_lines(path: Path, text: str) -> Sequence[str]:
    lines = [line.strip() for line in text.strip().splitlines()]
    first = len(text) - len(text.lstrip())
    if "" in lines:
        number = text[:first].count("\n") + lines.index("") + 1
        raise ClassifierError(
            f"line {number} of {path} is empty: name every class, because the place of a line is its class"
        )
    wordnet = [WORDNET.fullmatch(line) for line in lines]
    if all(wordnet):
        return [match[1] for match in wordnet if match]
    numbered = [NUMBERED.fullmatch(line) for line in lines]
    if all(numbered) and min(int(match[1]) for match in numbered if match) <= 1:  # "20 euro" is a label
        return _in_order(path, [(int(match[1]), match[2]) for match in numbered if match])
    return lines


def _from_rows(path: Path, text: str) -> Sequence[str]:
    """Return the labels of a table with a column of labels, or the columns id and name; a heading is recognised."""
    separator = max(",;\t", key=text.splitlines()[0].count)
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=separator)]
    rows = [row for row in rows if any(row)]
    widths = {len(row) for row in rows}
    if widths == {1}:
        heading = rows[0][0].lower() in ("label", "labels", "name", "names", "class", "classes")
        return [row[0] for row in rows[heading:]]
    if widths != {2}:
        raise ClassifierError(
            f"{path} has rows of {' and '.join(map(str, sorted(widths)))} columns: give one column of labels, or the "
            "columns id and name (a label with a comma needs quotes)"
        )
    for body in (rows, rows[1:]):
        for number in (0, 1):
            if body and all(row[number].isdecimal() for row in body):
                return _in_order(path, [(int(row[number]), row[1 - number]) for row in body])
    raise ClassifierError(
        f"neither column of {path} has the class ids 0, 1, 2, ...: give the columns id and name"
    )


def _parse(path: Path, text: str) -> Any:
    """Return the value of JSON, or of a Python literal, as which ImageNet's labels are handed around."""
    try:
        return parse_json(text, LARGEST)
    except JsonError as error:
        try:
            return ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise ClassifierError(
                f"{path} is not valid JSON ({error}): give a list of labels, or a mapping from ids to names"
            ) from error


def _from_values(path: Path, values: Any) -> Sequence[Any]:
    if isinstance(values, Mapping):
        for key in ("id2label", "label_names", "labels", "classes", "names"):
            if isinstance(values.get(key), (Mapping, list)):
                return _from_values(path, values[key])
        return _in_order(path, _pairs(path, values))
    if isinstance(values, list) and values and all(isinstance(v, Mapping) for v in values):
        if all({"id", "name"} <= set(v) for v in values):
            return _in_order(path, [(_as_id(v["id"]), v["name"]) for v in values])
    elif isinstance(values, list) and values and all(isinstance(v, str) for v in values):
        return values
    raise ClassifierError(f"{path} holds neither a list of labels nor a mapping from ids to names: {HOW}")


def _pairs(path: Path, values: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """Return (id, name) of a mapping from ids to names, or from names to ids."""
    if all(_as_id(key) is not None for key in values):
        return [(_as_id(key), v[-1] if isinstance(v, list) and v else v) for key, v in values.items()]
    if all(isinstance(v, int) and not isinstance(v, bool) for v in values.values()):
        return [(value, key) for key, value in values.items()]
    raise ClassifierError(f"{path} maps neither ids to names nor names to ids: {HOW}")


def _as_id(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() else None


def _in_order(path: Path, pairs: Sequence[tuple[Any, Any]]) -> Sequence[Any]:
    """Return the names in the order of their ids, which start at 0 or 1 and have no gaps."""
    ids = sorted(pair[0] for pair in pairs if pair[0] is not None)
    twice = repeated([str(number) for number in ids])
    if twice:
        raise ClassifierError(f"{path} names class {listing(twice)} twice: give each class one name")
    if len(ids) != len(pairs) or not ids or ids[0] > 1 or ids[-1] - ids[0] != len(ids) - 1:
        known = set(ids)
        gaps = [str(number) for number in range(ids[-1] if ids else 0) if number not in known]
        raise ClassifierError(
            f"{path} has no name for class {listing(gaps)}: number the classes 0, 1, 2, ... and name every one"
            if gaps
            else f"{path} has an id that is not a whole number from 0: number the classes 0, 1, 2, ..."
        )
    return [name for _, name in sorted(pairs, key=itemgetter(0))]
