import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays

from whyframe_evaluation.run.maps import Maps


@given(scores=arrays(np.float32, (3, 5), elements={"allow_nan": False, "allow_infinity": False}))
def test_a_map_is_loaded_as_it_was_saved(tmp_path_factory, scores) -> None:
    maps = Maps(tmp_path_factory.mktemp("maps"))
    maps.save("grad-cam++", "photos/a b/c.jpg", scores)
    loaded = maps.load("grad-cam++", "photos/a b/c.jpg")
    assert loaded.dtype == np.float32
    np.testing.assert_array_equal(loaded, scores)


def test_a_missing_and_a_damaged_map_are_none(tmp_path) -> None:
    maps = Maps(tmp_path)
    assert maps.load("m", "f") is None
    assert not maps.exists("m", "f")
    maps.save("m", "f", np.ones((2, 2), np.float32))
    assert maps.exists("m", "f")
    (tmp_path / "m" / "f.npz").write_bytes(b"PK\x03\x04")
    assert maps.load("m", "f") is None
