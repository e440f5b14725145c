from __future__ import annotations

import pytest

from whyframe.errors import StreamError, WhyframeError, one_line
from whyframe.passwords import hide_passwords


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://me:secret@host/a", "rtsp://host/a"),
        ("rtsp://me:s@cr@et@host:554/live@2", "rtsp://host:554/live@2"),
        ("rtsp://me:sec/ret@host/a", "rtsp://host/a"),
        ("rtsp://me:sec?ret@host/a", "rtsp://host/a"),
        ("rtsp://me:it's secret@host/a", "rtsp://host/a"),
        ("rtsp://:secret@host/", "rtsp://host/"),
        ("rtsp://me%40work:secret@[::1]:554/", "rtsp://[::1]:554/"),
        ("RTSP:/me:se@cret@host/a", "RTSP:/host/a"),
        ("http://cam/cgi?usr=me&pwd=secret&n=1", "http://cam/cgi?usr=me&pwd=***&n=1"),
        ("rtsp://cam/user=me_password=secret_channel=1", "rtsp://cam/user=me_password=***"),
        ("srt://host:9000?passphrase=secret&mode=caller", "srt://host:9000?passphrase=***&mode=caller"),
        ("http://host:80/a?mail=a@b.org", "http://host:80/a?mail=a@b.org"),
        ("file:///home/a@b/c.mp4", "file:///home/a@b/c.mp4"),
        ("C:/a@b/c.mp4", "C:/a@b/c.mp4"),
    ],
)
def test_user_and_password_are_left_out_up_to_the_last_at_sign_before_the_path(
    address: str, shown: str
) -> None:
    assert hide_passwords(address) == shown
    assert hide_passwords(f"Error: '{address}'; a@b") == f"Error: '{shown}'; a@b"


def test_every_address_of_a_text_is_treated_and_a_port_is_no_password() -> None:
    text = "[tcp] tcp://me:se@cret@a:5: refused, http://b:80 and ask x@y"
    assert hide_passwords(text) == "[tcp] tcp://a:5: refused, http://b:80 and ask x@y"


def test_no_error_holds_a_password() -> None:
    message = "rtsp://me:se@cret@host/a is gone; try again."
    for error in (WhyframeError(message), StreamError(message, 3), OSError(message)):
        assert one_line(error) == "rtsp://host/a is gone; try again."
    assert "cret" not in repr(WhyframeError(message))
    assert StreamError(message, 3).frames == 3
