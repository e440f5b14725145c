import pytest

from whyframe.errors import SourceError, one_line
from whyframe.printable import printable


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("tabby, tabby cat", "tabby, tabby cat"),
        ("猫 é 👩\u200d👩", "猫 é 👩\u200d👩"),
        ("a\x1b[31mb\r\n", r"a\x1b[31mb\r\n"),
        ("a\u2028b\u202ec\x9bd", r"a\u2028b\u202ec\x9bd"),
        ("clip\udce9.mp4", r"clip\udce9.mp4"),
    ],
)
def test_what_a_terminal_interprets_is_escaped(text, safe):
    assert printable(text) == safe


def test_messages_are_one_short_line_that_keeps_what_to_do():
    message = str(SourceError("x\n\x1b" * 100_000 + "; give another path."))
    assert len(message.splitlines()) == 1
    assert message.endswith("; give another path.")
    assert len(message) < 20_000
    assert one_line("a\x1bb") == r"a\x1bb"
