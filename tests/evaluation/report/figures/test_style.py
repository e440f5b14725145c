import re

import cv2
import numpy as np
from matplotlib import rc_context, rcParams
from matplotlib.figure import Figure

from whyframe_evaluation.report.figures.style import COLOURS, INK, STYLE, add_tooltip, panels, png, svg


@rc_context(STYLE)
def drawn() -> Figure:
    figure, (axes,) = panels(1, 4, 3)
    (dot,) = axes.plot([1, 2], [3, 4], color=COLOURS[1])
    add_tooltip(dot, 'a "tip" & <more>')
    axes.set_title("a title")
    return figure


def test_an_svg_is_an_element_that_needs_nothing_else() -> None:
    text = svg(drawn(), 'shows "it"')
    assert text.startswith("<svg ")
    assert text.rstrip().endswith("</svg>")
    assert "http" not in text
    assert "xmlns" not in text
    assert 'aria-label="shows &#34;it&#34;"' in text
    assert "a title" in text  # letters, not outlines
    assert re.search(r'viewBox="0 0 288 216"', text)


def test_an_svg_takes_its_colours_from_the_page() -> None:
    text = svg(drawn(), "")
    assert "var(--c1)" in text
    assert "var(--ink)" in text
    assert not {INK, COLOURS[1]} & set(re.findall(r"#[0-9a-f]{6}", text))


def test_a_tooltip_is_a_title_of_its_artist() -> None:
    text = svg(drawn(), "")
    assert '<title>a "tip" &amp; &lt;more&gt;</title>' in text
    assert "tip:" not in text
    assert "<style" not in text  # it would apply to the rest of the page, too


def test_the_same_figure_is_the_same_text() -> None:
    assert svg(drawn(), "") == svg(drawn(), "")


def test_a_png_is_on_white() -> None:
    image = cv2.imdecode(np.frombuffer(png(drawn()), np.uint8), cv2.IMREAD_UNCHANGED)
    assert image.shape[:2] == (3 * 160, 4 * 160)
    assert (image[0, 0] == 255).all()


def test_the_global_settings_of_matplotlib_stay_as_they_are() -> None:
    before = rcParams["axes.grid"]
    svg(drawn(), "")
    png(drawn())
    assert rcParams["axes.grid"] == before
    assert not before
