from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import clips
from whyframe.video.containers import is_truncated


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.ts"])
@pytest.mark.parametrize("keep", [0.3, 0.9, 0.99])
def test_a_complete_file_is_not_truncated_and_its_first_part_is(
    tmp_path: Path, name: str, keep: float
) -> None:
    complete = clips.write_clip(tmp_path / name)
    assert not is_truncated(complete)
    assert is_truncated(clips.truncate(complete, keep))


HEADS = [b"", b"\0\0\0\1mdat", b"\x1a\x45\xdf\xa3", b"RIFF", b"G"]


@given(data=st.binary(max_size=400), head=st.sampled_from(HEADS))
def test_arbitrary_bytes_raise_no_error(
    tmp_path_factory: pytest.TempPathFactory, head: bytes, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.bin"
    path.write_bytes(head + data)
    assert is_truncated(path) in (True, False)


def test_a_box_size_of_64_bits_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.mp4"
    path.write_bytes(b"\0\0\0\1mdat" + (24).to_bytes(8, "big") + bytes(8))
    assert not is_truncated(path)
    path.write_bytes(b"\0\0\0\1mdat" + (25).to_bytes(8, "big") + bytes(8))
    assert is_truncated(path)


def test_a_matroska_file_of_unknown_length_is_not_truncated(tmp_path: Path) -> None:
    """Recorders of live streams write a segment without a length."""
    path = tmp_path / "live.mkv"
    path.write_bytes(b"\x1a\x45\xdf\xa3\x80" + b"\x18\x53\x80\x67" + b"\x01" + b"\xff" * 7 + b"cluster")
    assert not is_truncated(path)
