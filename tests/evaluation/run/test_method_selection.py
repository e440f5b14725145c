from importlib import resources
from pathlib import Path

import pytest

from whyframe.errors import WhyframeError
from whyframe_evaluation.methods import GROUPS, METHODS, UnknownMethod, build_method
from whyframe_evaluation.run.method_selection import select_methods

BUNDLED = resources.files("whyframe") / "models" / "efficientnet_lite0_ct.onnx"


def names(methods: object) -> list[str]:
    return [method.name for method in select_methods(methods)]


def test_groups_and_all_are_replaced_by_their_methods_each_once() -> None:
    assert names("all") == list(METHODS)
    group = list(GROUPS["controllers"])
    assert names(f"cam, controllers,{group[0]}") == ["cam", *group]
    assert set(names("all,controllers")) == {*METHODS, *group}


def test_methods_are_taken_as_they_are_beside_names() -> None:
    deletion = build_method("meaningful-deletion")
    selected = select_methods(["cam,rise", deletion, "gradient"])
    assert [method.name for method in selected] == ["cam", "rise", "meaningful-deletion", "gradient"]
    assert selected[2] is deletion


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ("gradcam", "did you mean grad-cam"),
        ("cam,", "there is no method ''"),
        ("controler", "did you mean the group controllers"),
        ([], "no method is given"),
    ],
)
def test_an_unknown_method_is_refused_with_an_offer(methods: object, message: str) -> None:
    with pytest.raises(UnknownMethod, match=message):
        select_methods(methods)


def test_a_method_that_is_given_twice_is_refused() -> None:
    with pytest.raises(WhyframeError, match="names cam twice"):
        select_methods("cam,rise,cam")
    with pytest.raises(WhyframeError, match="cam has the name of another method, cam; rename it"):
        select_methods(["cam", build_method("cam")])


@pytest.mark.parametrize("taken", ["cam", "ct-all"])
def test_a_fused_file_with_the_name_of_a_method_is_refused(tmp_path: Path, taken: str) -> None:
    (tmp_path / f"{taken}.onnx").write_bytes(BUNDLED.read_bytes())
    with pytest.raises(WhyframeError, match=f"name of another method, {taken}; rename it"):
        select_methods(f"{tmp_path}/{taken}.onnx")
