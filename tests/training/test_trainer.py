import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from helpers.tiny_network import CLASSES, SIDE
from helpers.tiny_run import killed_and_resumed, settings, spec
from whyframe_training.checkpoint import CHECKPOINT, load_predictor
from whyframe_training.classifiers.classifier import ClassifierError
from whyframe_training.config import RunError, TrainConfig
from whyframe_training.target_choice import choose_filter_labels, choose_target_labels, choose_targets
from whyframe_training.trainer import Trainer
from whyframe_training.training_run import device_name, explained_errors, train
from whyframe_training.validate import Validation


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    rng = np.random.default_rng(0)
    data = tmp_path / "photos"
    data.mkdir()
    for i in range(20):
        cv2.imwrite(str(data / f"{i}.png"), cv2.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), (96, 80)))
    return settings(spec(tmp_path), data=str(data), validation=4)


def images(config: TrainConfig) -> list[Path]:
    return sorted(Path(config.data).iterdir())[:16]


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in trainer.predictor.state_dict().items()}


def test_training_changes_the_generator_and_not_the_classifier(config: TrainConfig, tmp_path: Path) -> None:
    trainer = Trainer(config, images(config), tmp_path)
    frozen = {k: v.clone() for k, v in trainer.encoder.state_dict().items()}
    before = weights(trainer)
    steps = list(trainer.run())
    assert [s.stage for s in steps] == [1] * 3 + [2] * 12
    assert all(torch.equal(frozen[k], v) for k, v in trainer.encoder.state_dict().items())
    assert not trainer.encoder.module.training
    after = weights(trainer)
    moved = {k for k in after if not torch.equal(after[k], before[k])}
    assert "generator.head.6.weight" in moved
    assert "generator.reduce.0.weight" in moved


def test_stage_two_leaves_the_filter_alone_and_stage_one_the_embedding_of_the_head(
    config: TrainConfig, tmp_path: Path
) -> None:
    trainer = Trainer(config, images(config), tmp_path)
    run = trainer.run()
    for _ in range(3):
        next(run)
    head = trainer.classifier.head()
    part = trainer.predictor.generator.filter
    assert torch.equal(part.embedding, head.weight)
    assert part.gain != 1
    gain = part.gain.clone()
    list(run)
    assert torch.equal(part.gain, gain)


def test_stage_one_opens_the_filter_on_the_predicted_class_and_closes_it_on_others(
    config: TrainConfig, tmp_path: Path
) -> None:
    """The expected loss is computed from its parts: the filter's mean attention is the probability of the class."""
    trainer = Trainer(config, images(config), tmp_path)
    x = torch.rand(16, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    loss = trainer.filter_loss(x, torch.Generator().manual_seed(1))
    rng = torch.Generator().manual_seed(1)
    present = torch.rand(16, generator=rng) < 0.5
    shift = torch.randint(1, CLASSES, (16,), generator=rng)
    features = trainer.classifier(x)
    predicted = features.logits.argmax(1)
    target = torch.where(present, predicted, (predicted + shift) % CLASSES)
    assert (target[~present] != predicted[~present]).all()
    part = trainer.predictor.generator.filter
    places = (
        torch.einsum("ndhw,nd->nhw", features.stages[-1], part.embedding[target]) * part.gain + part.offset
    )
    opening = torch.sigmoid(places).mean((1, 2))
    expected = -torch.where(present, opening, 1 - opening).log().mean()
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-4)


def test_loss_is_cross_entropy_on_the_image_preserved_by_the_mask(
    config: TrainConfig, tmp_path: Path
) -> None:
    """The expected loss is Eq. 8 computed from its parts, without the class activation map."""
    trainer = Trainer(
        dataclasses.replace(config, predicted_share=1.0, controller_jitter=1.0), images(config), tmp_path
    )
    trainer.predictor.eval()
    x = torch.rand(4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    loss = trainer.mask_loss(x, torch.Generator().manual_seed(1))
    from whyframe_training.perturb import random_backgrounds

    rng = torch.Generator().manual_seed(1)
    features = trainer.classifier(x)
    target = choose_targets(features.logits, 1.0, rng)
    background = random_backgrounds(x, trainer.blur, rng)
    mask = trainer.predictor.controller(trainer.predictor.generator(features.stages, target).logit_map)
    m = torch.nn.functional.interpolate(mask[:, None], size=SIDE, mode="bilinear", align_corners=False)
    logits = trainer.classifier.logits(x * m + background * (1 - m))
    expected = -logits.log_softmax(1).gather(1, target[:, None]).mean()
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-4)


def test_a_multi_label_classifier_is_explained_by_the_cross_entropy_of_each_label(
    config: TrainConfig, tmp_path: Path
) -> None:
    """Both losses are computed from their parts: binary cross-entropies of a label that is drawn."""
    spec = dataclasses.replace(config.classifier, activation="sigmoid")
    trainer = Trainer(
        dataclasses.replace(config, classifier=spec, controller_jitter=1.0), images(config), tmp_path
    )
    trainer.predictor.eval()
    x = torch.rand(8, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    loss = trainer.mask_loss(x, torch.Generator().manual_seed(1))
    filter_loss = trainer.filter_loss(x, torch.Generator().manual_seed(2))
    from whyframe_training.perturb import random_backgrounds

    rng = torch.Generator().manual_seed(1)
    features = trainer.classifier(x)
    target = choose_target_labels(features.logits, config.predicted_share, rng)
    background = random_backgrounds(x, trainer.blur, rng)
    mask = trainer.predictor.controller(trainer.predictor.generator(features.stages, target).logit_map)
    m = torch.nn.functional.interpolate(mask[:, None], size=SIDE, mode="bilinear", align_corners=False)
    logits = trainer.classifier.logits(x * m + background * (1 - m))
    expected = -logits.sigmoid().gather(1, target[:, None]).log().mean()
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-4)

    label, present = choose_filter_labels(features.logits, torch.Generator().manual_seed(2))
    _, activation = trainer.predictor.generator.filter(features.stages[-1], label)
    opening = activation.sigmoid().mean((1, 2, 3))
    expected = -torch.where(present, opening, 1 - opening).log().mean()
    torch.testing.assert_close(filter_loss, expected, atol=1e-5, rtol=1e-4)


def test_stopped_and_resumed_is_bitwise_uninterrupted(
    config: TrainConfig, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("whyframe_training.trainer.CHECKPOINT_EVERY", 2)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    complete = Trainer(config, images(config), tmp_path / "a")
    list(complete.run())
    interrupted = Trainer(config, images(config), tmp_path / "b").run()
    for _ in range(3 + 7):  # past a checkpoint, before the next
        next(interrupted)
    interrupted.close()
    resumed = Trainer(config, images(config), tmp_path / "b")
    assert resumed.done == {1: 3, 2: 6}
    list(resumed.run())
    ours, theirs = weights(complete), weights(resumed)
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_the_checkpoint_has_the_entries_that_earlier_versions_wrote(
    config: TrainConfig, tmp_path: Path
) -> None:
    trainer = Trainer(config, images(config), tmp_path)
    trainer.save()
    state = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    assert set(state) == {"predictor", "optimizers", "scheduler", "done", "sheet"}
    assert state["done"] == {1: 0, 2: 0}
    assert set(state["optimizers"]) == {1, 2}


@pytest.mark.slow
def test_killed_and_resumed_is_bitwise_uninterrupted(config: TrainConfig, tmp_path: Path) -> None:
    """The process of the command line is ended with SIGKILL."""
    runs = killed_and_resumed(dataclasses.replace(config, epochs=150), tmp_path)
    a, b = (torch.load(run / CHECKPOINT, weights_only=True)["predictor"] for run in runs)
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_a_run_folder_holds_settings_log_contact_sheet_checkpoint_and_validation(
    config: TrainConfig, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    result = train(config, folder)
    report = json.loads((folder / "validation.json").read_text())
    assert report["images"] == len(result.files) == 4
    assert set(report["scores"]) == {"predictor", "cam"}
    assert report["predictor_minus_cam"]["count"] == report["count"]
    sheet = cv2.imread(str(folder / "contact_sheet.png"))
    assert sheet.shape[1] == 4 * 112
    assert sheet.shape[0] > 5 * 112
    last = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
    assert (last["stage"], last["step"]) == (2, 12)
    assert TrainConfig.load(folder / "config.json") == config
    predictor, steps = load_predictor(folder, config, Trainer(config, images(config), folder).classifier)
    assert steps == 12
    assert not predictor.training


def test_another_runs_folder_is_refused(config: TrainConfig, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    dataclasses.replace(config, seed=5).save(folder / "config.json")
    with pytest.raises(RunError, match="other settings"):
        train(config, folder)
    with pytest.raises(RunError, match="choose another place"):
        train(config, folder / "config.json" / "below-a-file")


def test_the_error_of_a_damaged_checkpoint_names_the_file(config: TrainConfig, tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"not a checkpoint")
    with pytest.raises(RunError, match="cannot be read: delete it"):
        Trainer(config, images(config), tmp_path)


def test_starting_from_another_run_takes_its_weights_and_keeps_its_filter(
    config: TrainConfig, tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = Trainer(config, images(config), tmp_path / "a")
    list(first.run())
    second = Trainer(
        dataclasses.replace(config, start_from=str(tmp_path / "a")), images(config), tmp_path / "b"
    )
    ours, theirs = weights(second), weights(first)
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert [step.stage for step in second.run()] == [2] * 12


def test_a_validation_without_measurable_images_is_valid_json() -> None:
    nothing = Validation(("a.png", "b.png"), {"predictor": (float("nan"),) * 2})
    assert nothing.to_dict()["faithfulness"] == {"predictor": None}
    json.dumps(nothing.to_dict(), allow_nan=False)


def test_a_run_that_cannot_begin_leaves_no_folder(config: TrainConfig, tmp_path: Path) -> None:
    wrong = dataclasses.replace(
        config, classifier=dataclasses.replace(config.classifier, weights="nowhere.pt")
    )
    with pytest.raises(ClassifierError, match=r"nowhere\.pt"):
        train(wrong, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_running_out_of_gpu_memory_is_one_line_that_says_what_to_do() -> None:
    with pytest.raises(RunError, match="smaller --batch"), explained_errors():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nof memory")


def test_a_gpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100")
    assert device_name(torch.device("cuda")) == "NVIDIA H100 (cuda:0)"
    assert device_name(torch.device("cuda:1")) == "NVIDIA H100 (cuda:1)"
    assert device_name(torch.device("cpu")) == "cpu"


def test_a_network_without_a_class_activation_map_is_compared_with_the_forward_map(
    config: TrainConfig, tmp_path: Path
) -> None:
    mixed = dataclasses.replace(
        config.classifier, name=config.classifier.name.replace(":build", ":build_mixed")
    )
    result = train(dataclasses.replace(config, classifier=mixed), tmp_path / "run")
    assert set(result.scores) == {"predictor", "forward"}
    report = json.loads((tmp_path / "run" / "validation.json").read_text())
    assert report["predictor_minus_forward"]["count"] == report["count"]
    assert "better than the forward map" in str(result)


@pytest.mark.parametrize(
    "changes",
    [
        {"done": {1: 0, 2: -5}},
        {"done": {1: 0, 2: 10**9}},
        {"done": {1: 0}},
        {"done": [0, 0, "x"]},
        {"sheet": [3]},
        {"predictor": 7},
        {"optimizers": {}},
        {"scheduler": None},
    ],
)
def test_a_damaged_checkpoint_is_refused_in_one_line(config: TrainConfig, tmp_path: Path, changes) -> None:
    trainer = Trainer(config, images(config), tmp_path)
    torch.save(trainer.state_dict() | changes, tmp_path / CHECKPOINT)
    with pytest.raises(RunError, match=r": (delete it to start again|train into a new folder)$"):
        Trainer(config, images(config), tmp_path)


def test_a_checkpoint_without_a_state_is_refused_in_one_line(config: TrainConfig, tmp_path: Path) -> None:
    torch.save([1], tmp_path / CHECKPOINT)
    with pytest.raises(RunError, match="is not a checkpoint of a run"):
        Trainer(config, images(config), tmp_path)
