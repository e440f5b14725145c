import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from helpers import tiny_network
from whyframe.errors import WhyframeError
from whyframe_training.inspect_cli import _explainer_table, inspect

APP = typer.Typer(pretty_exceptions_enable=False)
APP.command()(inspect)


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """Return the arguments of the tiny network, whose labels are a to e."""
    labels = tmp_path / "labels.txt"
    labels.write_text("a\nb\nc\nd\ne\n")
    network = f"{tiny_network.__file__}:build"
    return [network, "--weights", "random", "--labels", str(labels), "--side", "64"]


def test_a_table_lists_features_and_explainers(arguments: list[str]) -> None:
    result = CliRunner().invoke(APP, [*arguments, "--taps", "body.3,body.1", "--activation", "softmax"])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("input: 64 x 64 rgb")
    rows = [line.split() for line in lines if "body." in line]
    assert [row[1] for row in rows] == ["body.1", "body.3"]
    assert rows[0][3:] == ["nchw", "│", "16", "x", "16", "│", "8", "│", "4", "│"]
    assert any(line.startswith("│ predictor │ 16 x 16") for line in lines)
    assert any(line.startswith("cam: ") for line in lines), "the reason why it cannot be used"


def test_json_has_the_documented_fields(arguments: list[str]) -> None:
    result = CliRunner().invoke(APP, [*arguments, "--json"])
    facts = json.loads(result.stdout)
    fields = (inspect.__doc__ or "").split("Fields of --json:")[1].split("Examples")[0]
    documented = re.findall(r"^ {6}(\w+)  ", fields, re.MULTILINE)
    assert list(facts) == documented


def test_wrong_taps_are_one_line_with_the_nearest_name(arguments: list[str]) -> None:
    with pytest.raises(WhyframeError, match=r"no module 'boddy.3' .did you mean body.3") as caught:
        CliRunner().invoke(APP, [*arguments, "--taps", "boddy.3"], catch_exceptions=False)
    assert "\n" not in str(caught.value)


def test_labels_that_nothing_states_are_said_to_be_assumed(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n"
        "def build():\n"
        "    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 1000)\n"
        "    return nn.Sequential(nn.Conv2d(3, 4, 4, 4), *head)\n"
    )
    arguments = [f"{tmp_path / 'mine.py'}:build", "--side", "32", "--activation", "softmax"]
    result = CliRunner().invoke(APP, arguments)
    assert (
        "labels: assumed to be those of ImageNet-1k, because nothing states them; pass --labels"
        in result.stdout
    )
    assert json.loads(CliRunner().invoke(APP, [*arguments, "--json"]).stdout)["labels_from"].startswith(
        "assumed"
    )
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(f"class {index}" for index in range(1000)))
    result = CliRunner().invoke(APP, [*arguments, "--labels", str(labels)])
    assert "assumed to be those" not in result.stdout


def test_a_small_cost_is_not_shown_as_0() -> None:
    explainer = {"usable": True, "mask": [7, 7], "parameters": 0, "multiply_adds": 5}
    shown = {
        cost: next(iter(_explainer_table({"cam": {**explainer, "relative_cost": cost}}).columns[-1].cells))
        for cost in (0.0, 2.5e-5, 0.0123)
    }
    assert shown == {0.0: "0 %", 2.5e-5: "< 0.01 %", 0.0123: "1.23 %"}
