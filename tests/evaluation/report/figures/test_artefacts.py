from dataclasses import replace

import numpy as np
import pytest

from helpers.finished_evaluation import classifier, context, samples, summary
from whyframe_evaluation.report.figures import artefacts
from whyframe_evaluation.report.figures.artefacts import deletion_games, play, section


def short(name: str):
    return replace(deletion_games()[name], iterations=20)


def test_the_games_are_those_of_equations_4_and_3() -> None:
    with_, without = deletion_games().values()
    assert (with_.jitter, with_.factor, with_.tv_weight) == (4, 8, 1e-2)
    assert (without.jitter, without.factor, without.tv_weight) == (0, 1, 0)


@pytest.mark.parametrize("name", list(deletion_games()))
def test_a_deletion_leaves_the_pixels_that_its_mask_keeps(name: str) -> None:
    sample = samples()[0]
    found = play(classifier(), sample, short(name))
    image = sample.image.permute(1, 2, 0).numpy()
    kept = found.mask == 0
    assert found.remainder[kept] == pytest.approx(image[kept], abs=1e-6)
    assert np.abs(found.remainder - image)[found.mask > 0.9].mean() > 0.05
    left = (
        classifier().logits(samples()[0].image.new_tensor(found.remainder).permute(2, 0, 1)[None]).softmax(1)
    )
    assert found.probability == pytest.approx(float(left[0, sample.target]), rel=1e-4)
    assert 0 <= found.shifted <= 1


def test_free_pixels_are_more_scattered() -> None:
    smooth, free = (play(classifier(), samples()[0], short(name)) for name in deletion_games())
    assert free.scatter > 2 * smooth.scatter


def test_the_game_is_played_once_for_a_folder_and_only_with_the_method(tmp_path, monkeypatch) -> None:
    played = []
    small = {name: short(name) for name in deletion_games()}
    monkeypatch.setattr(artefacts, "deletion_games", lambda: small)
    monkeypatch.setattr(artefacts, "play", lambda *a: played.append(1) or play(*a))
    report = context([summary("meaningful-deletion")], folder=tmp_path)
    first, second = section(report), section(report)
    assert len(played) == 2
    assert first == second
    assert first.body.count("<img") == 5
    assert section(context([summary("cam")])) is None
