import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays

from whyframe_evaluation.run.maps import Maps


@given(scores=arrays(np.float32, (3, 5), elements={"allow_nan": False, "allow_infinity": False}))
def test_a_map_comes_back_as_it_was(tmp_path_factory, scores) -> None:
    maps = Maps(tmp_path_factory.mktemp("maps"))
    maps.keep("grad-cam++", "photos/a b/c.jpg", scores)
    back = maps.get("grad-cam++", "photos/a b/c.jpg")
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, scores)


def test_no_map_and_a_damaged_map_are_none(tmp_path) -> None:
    maps = Maps(tmp_path)
    assert maps.get("m", "f") is None
    assert not maps.has("m", "f")
    maps.keep("m", "f", np.ones((2, 2), np.float32))
    assert maps.has("m", "f")
    (tmp_path / "m" / "f.npz").write_bytes(b"PK\x03\x04")
    assert maps.get("m", "f") is None
