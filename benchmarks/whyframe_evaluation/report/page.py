"""The report as one HTML file that needs no other: the table, the figures, what failed, what it all means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from html import escape
from importlib import resources
from typing import Any

import numpy as np

from whyframe.colormap import blend, blend_tables
from whyframe_evaluation.report.figures import (
    ablations,
    area_weight,
    artefacts,
    controller_shapes,
    experiment_tables,
    faithfulness_cost,
    masks,
    ranking,
    recovery_curves,
    refinement,
    theory,
)
from whyframe_evaluation.report.figures.html_table import legend, table
from whyframe_evaluation.report.figures.report_context import ReportContext, Section
from whyframe_evaluation.run.results import MapResult

__all__ = ["report_page"]


def report_page(facts: Mapping[str, Any], material: ReportContext) -> str:
    """The page. Its figures are written to the report folder, too.

    Args:
        facts: what was done: data, classifier, budget.
        material: of the finished study.
    """
    made = [(section(material), otherwise) for section, otherwise in _FIGURES]
    sections = [one for one, _ in made if one is not None]
    body = "".join(_section(index, one) for index, one in enumerate(sections))
    parts = [
        f"<header><h1>Explanations, compared</h1>{_lead(facts, material)}{_facts(facts)}</header>",
        _contents(sections),
        f"<main>{body}{_failures(material.rows)}{_footer([o for one, o in made if one is None and o])}</main>",
        '<dialog><img alt=""><p></p></dialog>' if material.pictures else "",
        f"<script>{_asset('page.js')}</script>",
    ]
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>whyframe evaluate</title><style>{_asset('page.css')}</style>"
    )
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


@cache
def _asset(name: str) -> str:
    return (resources.files("whyframe_evaluation.report.figures") / name).read_text(encoding="utf-8")


def _lead(facts: Mapping[str, Any], material: ReportContext) -> str:
    count = len(material.lines)
    methods = f"{count} methods explain" if count > 1 else "One method explains"
    asked = f"{methods} what {facts.get('classifier', 'a classifier')} saw in {len(_files(material.rows))} pictures."
    return f'<p class="lead">{escape(asked)} {escape(ranking.verdict(material, "faithfulness"))}</p>'


def _files(rows: Sequence[MapResult]) -> set[str]:
    return {row.file for row in rows}


def _facts(facts: Mapping[str, Any]) -> str:
    items = (
        f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>" for name, value in facts.items()
    )
    return f'<dl class="facts">{"".join(items)}</dl>'


def _contents(sections: Sequence[Section]) -> str:
    links = (f'<a href="#part-{index}">{escape(one.short)}</a>' for index, one in enumerate(sections))
    return f"<nav><div>{''.join(links)}</div></nav>"


def _section(index: int, one: Section) -> str:
    scale = _scale() if 'class="grid"' in one.body else ""
    return (
        f'<section id="part-{index}"><h2>{escape(one.title)}</h2><p class="reading">{escape(one.reading)}</p>'
        f"{scale}{one.body}</section>"
    )


def _scale() -> str:
    """The colours of the maps from low to high."""
    grey = np.full((1, 9, 3), 190, np.uint8)
    colours = blend(grey, np.linspace(0, 1, 9, dtype=np.float32)[None], *blend_tables())[0, :, ::-1]
    stops = ",".join(f"rgb({r},{g},{b})" for r, g, b in colours.tolist())
    return f'<p class="scale">low <i style="background:linear-gradient(90deg,{stops})"></i> high</p>'


def _table_section(material: ReportContext) -> Section:
    key = (
        '<div class="key"><span><b>bold</b>: the best</span><span>≈: not told apart from it, their 95 % intervals '
        'overlap</span><button id="intervals">intervals and counts</button></div>'
    )
    return Section(
        "Table",
        "All numbers",
        "Means over pictures; the bar under a number is its 95 % bootstrap interval on the column's own scale. "
        "Compare two methods only where they were measured on the same pictures: a cell's count says on how many.",
        table(material) + key + legend(material),
    )


# In the order of the page, with the sentence that says how to get what is not there.
_FIGURES: tuple[tuple[Callable[[ReportContext], Section | None], str], ...] = (
    (ranking.section, ""),
    (masks.section, "The maps side by side: --shown 6"),
    (faithfulness_cost.section, "What faithfulness costs: two or more methods"),
    (_table_section, ""),
    (recovery_curves.section, "How quickly the class comes back: two or more methods"),
    (controller_shapes.section, controller_shapes.ADD),
    (refinement.section, "Before and after post hoc tuning: --methods " + ",".join(refinement.TUNED)),
    (ablations.section, ablations.ADD),
    (area_weight.section, area_weight.ADD),
    (experiment_tables.section, ""),
    (theory.section, ""),
    (artefacts.section, artefacts.ADD),
)


def _failures(rows: Sequence[MapResult]) -> str:
    failed = [row for row in rows if row.error]
    if not failed:
        return ""
    count = Counter(row.method for row in failed)
    failed_on = ", ".join(f"{method} on {n} picture{'s' if n > 1 else ''}" for method, n in count.items())
    items = "".join(f"<li>{escape(f'{row.method} on {row.file}: {row.error}')}</li>" for row in failed)
    return (
        f'<section><h2>What failed</h2><p class="reading">{escape(failed_on)}. '
        "Their means are over the other pictures.</p>"
        f"<details><summary>Every failure</summary><ul>{items}</ul></details></section>"
    )


def _footer(missing: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(one)}</li>" for one in missing)
    asked = f"<p>Not in this report, and how to have it:</p><ul>{items}</ul>" if missing else ""
    return (
        f"<footer>{asked}<p>A map says where the classifier's evidence lies, not whether the classifier is right. "
        "Every value is in values.jsonl beside this file.</p></footer>"
    )
