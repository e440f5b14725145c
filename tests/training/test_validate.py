import pytest

from whyframe_training.validate import Validation


def lines(ours: list[float], theirs: list[float], name: str = "cam") -> list[str]:
    files = tuple(f"{index}.png" for index in range(len(ours)))
    return str(Validation(files, {"predictor": tuple(ours), name: tuple(theirs)})).splitlines()


def test_a_better_map_is_called_better_with_its_interval() -> None:
    *_, verdict = lines([70.0, 72.0, 74.0, 76.0, 78.0, 80.0], [60.0] * 6)
    assert verdict == (
        "the trained map is better than the class activation map: +15.00 points "
        "(95 % bootstrap interval +12.33 to +17.67)"
    )


@pytest.mark.parametrize(
    ("differences", "found"),
    [([-5.0, 6.0, -4.0, 5.0, 1.0, -1.0], "not shown to be better than"), ([-3.0, -4.0] * 4, "worse than")],
)
def test_a_map_that_is_not_better_is_called_so_with_what_to_do(differences: list[float], found: str) -> None:
    *_, verdict = lines([60.0 + value for value in differences], [60.0] * len(differences))
    assert verdict.startswith(f"the trained map is {found} the class activation map: ")
    assert verdict.endswith("; export with --explainer cam, or train longer or with more images")


def test_a_few_images_show_nothing_whatever_their_differences() -> None:
    nan = float("nan")
    *_, verdict = lines([90.0] * 5 + [nan] * 11, [10.0] * 5 + [nan] * 11)
    assert verdict.startswith("not shown to be better than the class activation map: 5 measured images")
    assert "--validation" in verdict


def test_any_map_without_training_is_compared_and_stored() -> None:
    result = Validation(("a",) * 8, {"predictor": (3.0,) * 8, "forward": (1.0,) * 8})
    assert "better than the forward map: +2.00 points" in str(result)
    assert result.to_dict()["predictor_minus_forward"]["mean"] == 2.0


def test_without_such_a_map_nothing_is_compared() -> None:
    result = Validation(("a",), {"predictor": (3.0,)})
    assert len(str(result).splitlines()) == 2
    assert "predictor_minus_cam" not in result.to_dict()
