import re

import pytest

from whyframe import errors

CLASSES = [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")]


def drawn_bases() -> dict[str, tuple[str, ...]]:
    """Names of the bases of each exception, read from the tree in the module's docstring."""
    bases: dict[str, tuple[str, ...]] = {}
    path: list[str] = []
    for indent, name, builtin in re.findall(
        r"^ {4}([ │├└─]*)(\w+Error)(?:\((\w+)\))?$", errors.__doc__, re.MULTILINE
    ):
        del path[len(indent) // 4 :]
        bases[name] = (*path[-1:], *filter(None, [builtin]))
        path.append(name)
    return bases


def test_the_tree_in_the_docstring_is_that_of_the_classes():
    assert drawn_bases() == {
        kind.__name__: tuple(base.__name__ for base in kind.__bases__) for kind in CLASSES
    }


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_is_caught_as_a_whyframe_error(kind):
    assert issubclass(kind, errors.WhyframeError)


def test_one_line_folds_and_shortens():
    assert errors.one_line(RuntimeError("a\n  b\tc")) == "a b c"
    assert errors.one_line(RuntimeError()) == "RuntimeError"
    assert errors.one_line("x" * 300) == "x" * 197 + "..."
