import json
from pathlib import Path

import pytest
from benchmarks.script_output import argument_parser, markdown_table, write_results


def test_a_table_has_a_header_a_rule_and_a_line_per_row() -> None:
    text = markdown_table(["method", "MF"], [["cam", "66.96"], ["ct", "72.62"]])
    assert text.splitlines() == ["| method | MF |", "|---|---|", "| cam | 66.96 |", "| ct | 72.62 |"]


def test_results_are_written_as_page_and_values_and_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_results(tmp_path / "results", "the page\n", json.dumps({"mean": 1}))
    assert (tmp_path / "results.md").read_text() == "the page\n"
    assert (tmp_path / "results.json").read_text() == '{"mean": 1}\n'
    assert "the page" in capsys.readouterr().out


def test_a_page_without_values_is_written_alone(tmp_path: Path) -> None:
    write_results(tmp_path / "results", "the page\n")
    assert [path.name for path in tmp_path.iterdir()] == ["results.md"]


def test_help_shows_the_docstring_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argument_parser("Latency.\n\n    python benchmarks/latency.py RUN")
    with pytest.raises(SystemExit):
        parser.parse_args(["--help"])
    assert "Latency.\n\n    python benchmarks/latency.py RUN\n" in capsys.readouterr().out
