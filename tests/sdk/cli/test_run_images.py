"""`whyframe run` with animations, folders and images of unusual sizes."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from helpers.animations import ANIMATION_FRAMES, SECONDS, write_animation
from helpers.shared_inputs import shared_input
from whyframe import ExplainEngine
from whyframe.errors import OutputError, SourceError
from whyframe.image_options import ImageOptions
from whyframe.video.sources import open_source


def test_a_folder_names_what_it_leaves_out(whyframe, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "more").mkdir(parents=True)
    Image.fromarray(ANIMATION_FRAMES[0]).save(folder / "a.png")
    for name in ("b.jpg", "c.jpg"):
        (folder / name).write_text("broken")
    (folder / "notes.txt").write_text("text")
    (folder / ".hidden").write_text("text")
    write_animation(folder / "d.gif")
    outcome = whyframe("run", "in", "-o", "out")
    assert outcome.code == 1
    for text in ("2 of 6 entries", "more/, notes.txt", "b.jpg", "1 of its 3 frames", "2 of the 4 images"):
        assert text in outcome.err
    assert ".hidden" not in outcome.err
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["a.png", "d.gif.png"]


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_an_animation_is_written_with_the_times_of_its_source(whyframe, tmp_path: Path, suffix: str) -> None:
    write_animation(tmp_path / "a.webp")
    assert whyframe("run", "a.webp", "-o", f"out.{suffix}").code == 0
    with Image.open(f"out.{suffix}") as image:
        assert (image.n_frames, image.size) == (3, (100, 50))
        for position, seconds in enumerate(SECONDS):
            image.seek(position)
            image.load()
            assert suffix == "tif" or image.info["duration"] == pytest.approx(seconds * 1000)


def test_an_animation_becomes_a_video_with_the_same_times(whyframe, tmp_path: Path) -> None:
    write_animation(tmp_path / "a.gif")
    assert whyframe("run", "a.gif", "-o", "out.mp4").code == 0
    with av.open("out.mp4") as container:
        assert [frame.time for frame in container.decode(video=0)] == pytest.approx([0, 0.2, 1.2])
        assert container.streams.video[0].duration * container.streams.video[0].time_base == pytest.approx(
            1.6
        )


def test_the_flags_set_the_matte_and_the_limit(whyframe, tmp_path: Path) -> None:
    Image.new("RGBA", (40, 30), (255, 0, 0, 0)).save(tmp_path / "a.png")
    assert (
        whyframe("run", "a.png", "-o", "b.png", "--matte", "#0000ff", "--no-caption", "--opacity", 0).code
        == 0
    )
    assert (np.asarray(Image.open("b.png")) == (0, 0, 255)).all()
    refused = whyframe("run", "a.png", "--max-megapixels", 0.001)
    assert (refused.code, len(refused.err.splitlines())) == (1, 1)
    assert "limit of 0.001 megapixels" in refused.err
    with pytest.raises(SourceError, match="more than the limit"):
        open_source(tmp_path / "a.png", images=ImageOptions(max_megapixels=0.001))


def test_the_shared_animation_has_three_frames_with_their_times(whyframe) -> None:
    outcome = whyframe("run", shared_input("anim.webp"), "--json")
    assert outcome.code == 0
    times = [json.loads(line)["timestamp"] for line in outcome.out.splitlines()]
    assert times == pytest.approx([0, 0.2, 1.2])


def test_the_shared_wide_image_does_not_become_webp(whyframe, engine: ExplainEngine) -> None:
    outcome = whyframe("run", shared_input("wide17000.png"), "-o", "x.webp")
    assert (outcome.code, len(outcome.err.splitlines())) == (1, 1)
    with pytest.raises(OutputError, match="16383"):
        engine.run(shared_input("wide17000.png")).save("x.webp")
