import pytest

from whyframe import errors


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name.endswith("Error")])
def test_every_error_is_caught_as_a_whyframe_error(name):
    assert issubclass(getattr(errors, name), errors.WhyframeError)


def test_errors_are_caught_as_what_they_specialise():
    assert issubclass(errors.ManifestError, errors.ModelError)
    assert issubclass(errors.FrameTypeError, (errors.FrameError, TypeError))
    assert issubclass(errors.FrameTypeError, TypeError)
    assert issubclass(errors.FrameValueError, ValueError)
    assert issubclass(errors.TargetError, ValueError)


def test_one_line_folds_and_shortens():
    assert errors.one_line(RuntimeError("a\n  b\tc")) == "a b c"
    assert errors.one_line(RuntimeError()) == "RuntimeError"
    assert errors.one_line("x" * 300) == "x" * 197 + "..."
