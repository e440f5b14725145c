from dataclasses import replace

import numpy as np
import pytest

from helpers.finished_evaluation import classifier, line, material, pictures
from whyframe_evaluation.report.figures import artefacts
from whyframe_evaluation.report.figures.artefacts import delete, games, section


def short(name: str):
    return replace(games()[name], iterations=20)


def test_the_games_are_those_of_equations_4_and_3() -> None:
    with_, without = games().values()
    assert (with_.jitter, with_.factor, with_.tv_weight) == (4, 8, 1e-2)
    assert (without.jitter, without.factor, without.tv_weight) == (0, 1, 0)


@pytest.mark.parametrize("name", list(games()))
def test_a_deletion_leaves_what_its_mask_does_not_delete(name: str) -> None:
    subject = pictures()[0]
    found = delete(classifier(), subject, short(name))
    image = subject.image.permute(1, 2, 0).numpy()
    kept = found.mask == 0
    assert found.seen[kept] == pytest.approx(image[kept], abs=1e-6)
    assert np.abs(found.seen - image)[found.mask > 0.9].mean() > 0.05
    left = classifier().logits(pictures()[0].image.new_tensor(found.seen).permute(2, 0, 1)[None]).softmax(1)
    assert found.left == pytest.approx(float(left[0, subject.target]), rel=1e-4)
    assert 0 <= found.shifted <= 1


def test_free_pixels_are_more_scattered() -> None:
    smooth, free = (delete(classifier(), pictures()[0], short(name)) for name in games())
    assert free.scatter > 2 * smooth.scatter


def test_the_game_is_played_once_for_a_folder_and_only_where_asked(tmp_path, monkeypatch) -> None:
    played = []
    small = {name: short(name) for name in games()}
    monkeypatch.setattr(artefacts, "games", lambda: small)
    monkeypatch.setattr(artefacts, "delete", lambda *a: played.append(1) or delete(*a))
    study = material([line("meaningful-deletion")], classifier=classifier(), folder=tmp_path)
    first, second = section(study), section(study)
    assert len(played) == 2
    assert first == second
    assert first.body.count("<img") == 5
    assert section(material([line("cam")], classifier=classifier())) is None
    assert section(material([line("meaningful-deletion")])) is None
