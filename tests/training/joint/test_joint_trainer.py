import dataclasses
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from helpers.tiny_run import killed_and_resumed
from whyframe_training.checkpoint import CHECKPOINT
from whyframe_training.classifiers.classifier import ClassifierError, build_classifier
from whyframe_training.config import TrainConfig
from whyframe_training.joint.accuracy import measure_accuracy
from whyframe_training.joint.joint_run import prepare
from whyframe_training.joint.joint_trainer import JointTrainer
from whyframe_training.joint.labelled import Labelled, read_labelled, split_labelled
from whyframe_training.perturb import perturb, random_backgrounds, upsample

CPU = torch.device("cpu")
Parts = tuple[Labelled, Labelled]


@pytest.fixture
def parts(config: TrainConfig) -> Parts:
    return split_labelled(config.data, read_labelled(config.data), config.validation)


def make(config: TrainConfig, parts: Parts, folder: Path, weight: float = 1.0) -> JointTrainer:
    own = prepare(config, None, parts[0].labels, folder)
    return JointTrainer(own, parts[0], folder, weight, CPU)


def classifier_state(trainer: JointTrainer) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in trainer.encoder.state_dict().items()}


def test_a_multi_label_classifier_is_refused_in_one_line(
    config: TrainConfig, parts: Parts, tmp_path: Path
) -> None:
    spec = dataclasses.replace(config.classifier, activation="sigmoid")
    with pytest.raises(ClassifierError, match=r"is a multi-label classifier.*leave out --joint") as caught:
        make(dataclasses.replace(config, classifier=spec), parts, tmp_path / "run")
    assert "\n" not in str(caught.value)


def test_the_loss_is_both_terms_of_the_true_class(config: TrainConfig, parts: Parts, tmp_path: Path) -> None:
    """The terms are cross-entropy on the image, and Eq. 8 on the image that the true class's mask preserves."""
    trainer = make(dataclasses.replace(config, controller_jitter=1.0), parts, tmp_path / "run", weight=0.5)
    trainer.predictor.eval()
    trainer.done[2] = 3
    x = torch.rand(4, 3, trainer.classifier.side, trainer.classifier.side)
    loss = trainer.mask_loss(x, torch.Generator().manual_seed(1))
    y = trainer.stream.classes(range(12, 16))
    features = trainer.classifier(x)
    mask = trainer.predictor.controller(trainer.predictor.generator(features.stages, y).logit_map)
    background = random_backgrounds(x, trainer.blur, torch.Generator().manual_seed(1))
    kept = trainer.classifier.logits(perturb(x, upsample(mask, x.shape[-1]), background))
    expected = F.cross_entropy(features.logits, y) + 0.5 * F.cross_entropy(kept, y)
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "name", ["encoder.module.body.1.0", "encoder.module.fc", "predictor.generator.head.6"]
)
def test_the_gradient_has_every_part(config: TrainConfig, parts: Parts, tmp_path: Path, name: str) -> None:
    """The reference is finite differences, through the classifier f and through the mask made from its features."""
    trainer = make(dataclasses.replace(config, controller_jitter=1.0), parts, tmp_path / "run")
    trainer.encoder.double()
    trainer.predictor.double().eval()
    trainer.blur.double()
    trainer.to_precision = lambda images: images
    x = torch.rand(4, 3, trainer.classifier.side, trainer.classifier.side, dtype=torch.float64)
    part, _, path = name.partition(".")
    weight = getattr(trainer, part).get_submodule(path).weight

    def loss() -> torch.Tensor:
        return trainer.mask_loss(x, torch.Generator().manual_seed(1)).double()

    (gradient,) = torch.autograd.grad(loss(), weight)
    step = 1e-3 / gradient.norm()  # of the loss, whose cross-entropies are float32
    direction = gradient / gradient.norm()
    with torch.no_grad():
        weight += step * direction
        above = loss()
        weight -= 2 * step * direction
        slope = (above - loss()) / (2 * step)
    torch.testing.assert_close(slope, gradient.norm(), atol=0, rtol=5e-2)


def test_stage_one_moves_the_last_layer_and_stage_two_all(
    config: TrainConfig, parts: Parts, tmp_path: Path
) -> None:
    trainer = make(config, parts, tmp_path / "run")
    embedding = trainer.predictor.generator.filter.embedding
    assert embedding is trainer.encoder.head().weight
    start, gain = classifier_state(trainer), trainer.predictor.generator.filter.gain.item()
    run = trainer.run()
    for _ in range(3):
        next(run)
    first = classifier_state(trainer)
    assert {k for k in start if not torch.equal(start[k], first[k])} == {"module.fc.weight", "module.fc.bias"}
    assert trainer.encoder.module.get_submodule("body.0.0").weight.grad is None, "nothing is computed in vain"
    assert trainer.predictor.generator.filter.gain.item() != gain
    list(run)
    second = classifier_state(trainer)
    moved = {key for key in first if not torch.equal(first[key], second[key])}
    assert moved == set(first)
    assert not trainer.encoder.module.training


def test_the_filters_own_loss_leaves_the_last_layer_alone(
    config: TrainConfig, parts: Parts, tmp_path: Path
) -> None:
    """The filter's embedding is that layer's weight, which only the classifier's loss trains in stage one."""
    trainer = make(config, parts, tmp_path / "run")
    features = torch.rand(4, 20, 2, 2)
    attention = trainer.filter_attention(features, torch.tensor([0, 1, 2, 3]))
    part = trainer.predictor.generator.filter
    attention.sum().backward()
    assert part.embedding.grad is None
    assert part.gain.grad != 0
    places = torch.einsum("ndhw,nd->nhw", features, part.embedding[:4]) * part.gain + part.offset
    torch.testing.assert_close(attention, torch.sigmoid(places).mean((1, 2)), atol=1e-6, rtol=1e-5)


def test_a_weight_of_zero_is_the_classifier_alone(config: TrainConfig, parts: Parts, tmp_path: Path) -> None:
    trainer = make(config, parts, tmp_path / "run", weight=0.0)
    before = trainer.predictor.generator.reduce[0].weight.clone()
    loss = trainer.mask_loss(torch.rand(4, 3, 64, 64), torch.Generator().manual_seed(1))
    list(trainer.run())
    assert torch.equal(trainer.predictor.generator.reduce[0].weight, before)
    assert loss.requires_grad


def test_it_learns_its_classes(config: TrainConfig, parts: Parts, tmp_path: Path) -> None:
    trainer = make(
        dataclasses.replace(config, epochs=16, filter_steps=20, learning_rate=2e-2), parts, tmp_path / "run"
    )
    start = measure_accuracy(trainer.classifier, parts[1], CPU)
    losses = [step.loss for step in trainer.run() if step.stage == 2]
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])
    trained = build_classifier(trainer.config.classifier)
    assert measure_accuracy(trained, parts[1], CPU).percent >= 80 > start.percent


def test_the_weights_in_the_folder_are_the_ones_that_were_trained(
    config: TrainConfig, parts: Parts, tmp_path: Path
) -> None:
    trainer = make(config, parts, tmp_path / "run")
    list(trainer.run())
    loaded = build_classifier(trainer.config.classifier)
    assert loaded.labels == parts[0].labels
    ours = classifier_state(trainer)
    assert all(torch.equal(ours[key], value) for key, value in loaded.state_dict().items())


def test_stopped_and_resumed_is_bitwise_uninterrupted(
    config: TrainConfig, parts: Parts, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("whyframe_training.trainer.CHECKPOINT_EVERY", 2)
    complete = make(config, parts, tmp_path / "a")
    list(complete.run())
    interrupted = make(config, parts, tmp_path / "b").run()
    weights = tmp_path / "b" / "classifier.safetensors"
    early = weights.read_bytes()
    for _ in range(3 + 7):  # past a checkpoint, before the next
        next(interrupted)
    interrupted.close()
    weights.write_bytes(early)  # as if killed after the checkpoint and before the weights
    resumed = make(config, parts, tmp_path / "b")
    assert resumed.done == {1: 3, 2: 6}
    assert resumed.predictor.generator.filter.embedding is resumed.encoder.head().weight
    list(resumed.run())
    for ours, theirs in (
        (classifier_state(complete), classifier_state(resumed)),
        (complete.predictor.state_dict(), resumed.predictor.state_dict()),
    ):
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    ours, theirs = ((tmp_path / f / "classifier.safetensors").read_bytes() for f in "ab")
    assert ours == theirs


def test_bfloat16_training_updates_float32_weights(config: TrainConfig, parts: Parts, tmp_path: Path) -> None:
    trainer = make(dataclasses.replace(config, precision="bf16", epochs=1), parts, tmp_path / "run")
    before = classifier_state(trainer)
    list(trainer.run())
    after = classifier_state(trainer)
    assert all(value.dtype == torch.float32 for value in after.values())
    assert not torch.equal(before["module.body.0.0.weight"], after["module.body.0.0.weight"])


@pytest.mark.slow
def test_killed_and_resumed_is_bitwise_uninterrupted(config: TrainConfig, tmp_path: Path) -> None:
    """The process of the command line is ended with SIGKILL."""
    runs = killed_and_resumed(dataclasses.replace(config, epochs=60), tmp_path, "--joint")
    a, b = (torch.load(run / CHECKPOINT, weights_only=True)["predictor"] for run in runs)
    assert all(torch.equal(a[key], b[key]) for key in a)
    a, b = ((run / "classifier.safetensors").read_bytes() for run in runs)
    assert a == b
