import numpy as np

from whyframe.input_spec import InputSpec
from whyframe_export.bundled_images import bundled_crops


def test_crops_are_the_same_each_time_and_name_their_place() -> None:
    crops, names = bundled_crops(InputSpec.square(32), 3)
    again, same_names = bundled_crops(InputSpec.square(32), 3)
    assert crops.shape == (3, 32, 32, 3)
    assert crops.dtype == np.uint8
    assert names == same_names
    np.testing.assert_array_equal(crops, again)
    assert [name.split()[0] for name in names] == ["cat.jpg", "coffee.jpg", "cat.jpg"]
