import copy
import dataclasses
import pickle
import threading

import numpy as np
import pytest

from helpers import toy
from whyframe import (
    BackendError,
    ExplainEngine,
    FrameError,
    ManifestError,
    ModelError,
    TargetError,
)
from whyframe.errors import CopyError
from whyframe.input_spec import InputSpec
from whyframe.postprocess import to_frame
from whyframe.preprocess import to_input
from whyframe.scores import MINIMUM_RANGE


def half_and_half(height=32, width=32):
    """Red on the left, blue on the right (BGR)."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[:, : width // 2, 2] = frame[:, width // 2 :, 0] = 255
    return frame


@pytest.mark.parametrize("mode", ["ct", "bt"])
@pytest.mark.parametrize("resize", ["stretch", "crop"])
@pytest.mark.parametrize("target", [None, 0, "blue"])
def test_every_output_is_the_float64_answer(tmp_path, frame, mode, resize, target):
    model = toy.Toy(mode=mode, resize=resize, mask_side=8)
    with ExplainEngine(model.write(tmp_path / "toy.onnx"), threads=1) as engine:
        result = engine.run(frame, target=target)
    inputs = to_input(frame, model.manifest().input)[None]
    target_id = {None: -1, 0: 0, "blue": 2}[target]
    probabilities, class_id, saliency = model.reference(inputs, np.array([target_id]))
    np.testing.assert_allclose(result.probabilities, probabilities[0], atol=1e-6)
    assert result.class_id == class_id[0]
    assert result.label == toy.LABELS[class_id[0]]
    assert result.probability == result.probabilities[result.class_id]
    np.testing.assert_allclose(result.mask, saliency[0], atol=1e-5)
    expected = to_frame(saliency[0].astype(np.float32), 48, 64, model.manifest().input)
    np.testing.assert_allclose(result.saliency, expected, atol=1e-5)
    assert result.frame is frame


def test_color_is_the_channel_order_of_the_array(engine):
    red = np.zeros((20, 30, 3), np.uint8)
    red[..., 2] = 255
    assert engine.run(red).label == "red"
    assert engine.run(red, color="rgb").label == "blue"
    swapped = engine.run(np.ascontiguousarray(red[..., ::-1]), color="rgb")
    assert swapped.label == "red"
    np.testing.assert_array_equal(swapped.frame, red)


def test_the_map_follows_the_target(engine):
    frame = half_and_half()
    red, blue = engine.run(frame, target="red"), engine.run(frame, target="blue")
    left, right = np.s_[:, :12], np.s_[:, 20:]
    assert red.saliency[left].min() > red.saliency[right].max()
    assert blue.saliency[right].min() > blue.saliency[left].max()


def test_a_model_that_ignores_its_target_is_detected_by_its_equal_maps(tmp_path):
    with ExplainEngine(toy.write(tmp_path / "bad.onnx", ignores_target=True), threads=1) as engine:
        frame = half_and_half()
        np.testing.assert_array_equal(
            engine.run(frame, target="red").mask, engine.run(frame, target="blue").mask
        )


@pytest.mark.parametrize("axis", [0, 1])
def test_a_mirrored_frame_has_the_mirrored_map(engine, frame, axis):
    straight, mirrored = engine.run(frame, target=1), engine.run(np.flip(frame, axis), target=1)
    np.testing.assert_allclose(np.flip(mirrored.saliency, axis), straight.saliency, atol=1e-5)


def test_a_result_is_unchanged_by_the_next_run(engine, frame):
    first = engine.run(frame, target=1)
    kept = first.probabilities.copy(), first.mask.copy()
    engine.run(half_and_half(), target=2)
    engine.run_batch([half_and_half(), frame])
    np.testing.assert_array_equal(first.probabilities, kept[0])
    np.testing.assert_array_equal(first.mask, kept[1])
    np.testing.assert_array_equal(first.saliency, engine.run(frame, target=1).saliency)


def test_a_blank_wall_has_no_signal(engine, rng):
    wall = (128 + rng.normal(0, 3, (240, 320, 3))).round().astype(np.uint8)
    result = engine.run(wall, target="white, bright")
    assert np.ptp(result.mask) > 2 * MINIMUM_RANGE  # normalisation amplifies the noise
    assert result.no_signal
    assert result.to_dict()["peak"] is None
    np.testing.assert_array_equal(result.overlay()[:200], wall[:200])


@pytest.mark.parametrize(("mode", "level"), [("ct", 0.5**2.5), ("bt", 0.0)])
def test_a_constant_map_has_no_signal(tmp_path, frame, mode, level):
    with ExplainEngine(toy.write(tmp_path / "toy.onnx", mode=mode, constant=True), threads=1) as engine:
        result = engine.run(frame)
        refined = engine.run(frame, refine=4)
    np.testing.assert_allclose(result.saliency, level, atol=1e-6)
    assert result.no_signal
    assert refined.no_signal  # refinement does not turn noise into a map
    np.testing.assert_allclose(refined.saliency, level, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (2, 3)])
def test_tiny_frames_are_explained(engine, size):
    frame = np.full((*size, 3), (0, 0, 255), np.uint8)
    result = engine.run(frame)
    assert result.label == "red"
    assert result.saliency.shape == size
    assert result.no_signal


def test_a_huge_frame_is_explained(engine):
    """The frame is 8000 x 6000, red with a green corner; the map of green marks the corner."""
    frame = np.zeros((6000, 8000, 3), np.uint8)
    frame[..., 2] = 255
    frame[:1500, :2000] = (0, 255, 0)
    result = engine.run(frame, target="green")
    assert result.saliency.shape == (6000, 8000)
    assert result.saliency[:750, :1000].min() > 0.9
    assert result.saliency[2300:, 3100:].max() < 0.2
    assert result.probabilities.argmax() == 0


@pytest.mark.parametrize("batch", [None, 1, 2, 3])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_a_batch_is_its_frames_whatever_the_graph(tmp_path, rng, batch, count):
    frames = [rng.integers(0, 256, (20 + i, 30 - i, 3), dtype=np.uint8) for i in range(count)]
    targets = [None, 0, "blue", 3, "black"][:count]
    with ExplainEngine(toy.write(tmp_path / "toy.onnx", batch=batch), threads=1) as engine:
        results = engine.run_batch(frames, target=targets)
        for index, (result, frame, target) in enumerate(zip(results, frames, targets, strict=True)):
            alone = engine.run(frame, target=target)
            assert result.index == index
            assert (result.class_id, result.label) == (alone.class_id, alone.label)
            np.testing.assert_allclose(result.probabilities, alone.probabilities, atol=1e-6)
            np.testing.assert_allclose(result.saliency, alone.saliency, atol=1e-6)


def test_one_target_is_for_every_frame_of_a_batch(engine, frame):
    assert [result.label for result in engine.run_batch([frame, frame], target="green")] == ["green"] * 2
    assert engine.run_batch([]) == []
    assert [result.class_id for result in engine.run_batch([frame, frame], target=np.int64(3))] == [3, 3]
    with pytest.raises(TargetError, match="3 targets for 2 frames"):
        engine.run_batch([frame, frame], target=[0, 1, 2])


def test_refine_works_in_a_batch_and_on_a_fixed_graph(tmp_path, frame, engine):
    with ExplainEngine(toy.write(tmp_path / "toy.onnx", batch=3), threads=1) as fixed:
        results = fixed.run_batch([frame, frame[::-1]], refine=8)
    for result, image in zip(results, (frame, frame[::-1]), strict=True):
        np.testing.assert_allclose(result.mask, engine.run(image, refine=8).mask, atol=1e-6)


def test_timings_are_in_order(engine, frame):
    timings = engine.run(frame, refine=4).timings
    assert list(timings) == ["preprocess", "inference", "refine", "total"]
    assert sum(timings.values()) == pytest.approx(2 * timings["total"])


def test_files_and_pil_images_are_explained_like_arrays(engine, frame, tmp_path):
    pil = pytest.importorskip("PIL.Image").fromarray(np.ascontiguousarray(frame[..., ::-1]))
    pil.save(tmp_path / "a.png")
    expected = engine.run(frame)
    for other in (tmp_path / "a.png", str(tmp_path / "a.png"), pil):
        np.testing.assert_array_equal(engine.run(other).saliency, expected.saliency)


def test_bad_calls_are_refused(engine, frame):
    with pytest.raises(FrameError, match=r"float64.*255"):
        engine.run(frame / 255)
    with pytest.raises(FrameError, match="refine is -1"):
        engine.run(frame, refine=-1)
    with pytest.raises(TargetError, match=r"nearest names are 'green'"):
        engine.run(frame, target="gren")
    with pytest.raises(TargetError, match="0 to 4"):
        engine.run(frame, target=5)
    with pytest.raises(FrameError, match="grey"):
        engine.run_batch([frame, frame[..., 0]])


def test_clones_share_the_weights_and_run_at_once(engine, rng):
    frames = [rng.integers(0, 256, (24, 24, 3), dtype=np.uint8) for _ in range(4)]
    expected = [engine.run(frame).mask for frame in frames]
    clones = [engine.clone() for _ in frames]
    engine.close()
    equal = []

    def work(clone, frame, mask):
        equal.extend(np.array_equal(clone.run(frame).mask, mask) for _ in range(50))

    workers = [threading.Thread(target=work, args=job) for job in zip(clones, frames, expected, strict=True)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert equal == [True] * 200


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, pickle.dumps], ids=["copy", "deepcopy", "pickle"])
def test_an_engine_is_not_copied_and_the_message_has_the_way_out(engine, frame, make):
    with pytest.raises(CopyError, match=r"engine\.clone\(\) gives an engine for another thread"):
        make(engine)
    assert engine.clone().run(frame).label == engine.run(frame).label


def test_a_closed_engine_raises_and_its_results_stay_valid(toy_path, frame):
    with ExplainEngine(toy_path, threads=1) as engine:
        result = engine.run(frame)
    with pytest.raises(BackendError, match="closed"):
        engine.run(frame)
    assert result.saliency.shape == (48, 64)


def test_the_backend_is_named_with_the_reason_of_its_choice(engine, toy_path):
    assert engine.backend_name == "onnxruntime"
    assert "auto" in engine.backend_reason
    assert engine.backend_object.device == "cpu"
    assert engine.manifest.labels == toy.LABELS
    with ExplainEngine(toy_path, backend="onnxruntime", threads=1) as named:
        assert named.backend_reason == "requested"


def test_the_old_names_of_the_backend_warn(engine):
    with pytest.warns(DeprecationWarning, match="use backend_name"):
        assert engine.backend == engine.backend_name
    with pytest.warns(DeprecationWarning, match="use backend_object"):
        assert engine.runtime is engine.backend_object


def test_stream_passes_its_options_on(engine, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "whyframe.video.stream.stream_explanations",
        lambda *arguments, **options: calls.append((arguments, options)) or iter(()),
    )
    assert list(engine.stream("clip.mp4", target="red", refine=3)) == []
    ((arguments, options),) = calls
    assert arguments == (engine, "clip.mp4")
    assert options["target"] == "red"
    assert options["refine"] == 3
    assert options["images"] is engine.image_options


def test_a_missing_bundled_model_is_a_model_error(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.resources.files", lambda package: tmp_path)
    with pytest.raises(ModelError, match=r"does not contain efficientnet_lite0_ct\.onnx; give a model"):
        ExplainEngine()


def bad_models(folder):
    sound = toy.write(folder / "sound.onnx").read_bytes()
    flipped = bytearray(sound)
    flipped[sound.index(b"frames")] ^= 1  # a name inside the graph
    (folder / "flipped.onnx").write_bytes(flipped)
    (folder / "cut.onnx").write_bytes(sound[: len(sound) // 2])
    (folder / "text.onnx").write_text("no model\n")
    yield folder / "absent.onnx", ModelError, "no model file"
    yield folder / "text.onnx", ModelError, "not an ONNX model"
    yield folder / "cut.onnx", ModelError, "truncated|not an ONNX model"
    yield folder / "flipped.onnx", ModelError, r"flipped\.onnx is damaged.*fetch it again"
    yield toy.write_without_manifest(folder / "plain.onnx"), ManifestError, "no whyframe manifest"
    yield toy.write_newer_schema(folder / "newer.onnx"), ManifestError, "upgrade whyframe"
    yield toy.write_wrong_outputs(folder / "renamed.onnx", "renamed"), ModelError, "heatmap"
    yield toy.write_wrong_outputs(folder / "missing.onnx", "missing"), ModelError, "outputs are"
    yield toy.write_wrong_outputs(folder / "double.onnx", "double"), ModelError, r"saliency is tensor.double"
    yield toy.write_wrong_outputs(folder / "rank.onnx", "rank"), ModelError, "3 axes"


def test_every_bad_model_is_refused_in_one_line(tmp_path, capfd):
    for path, kind, message in bad_models(tmp_path):
        with pytest.raises(kind, match=message) as caught:
            ExplainEngine(path, threads=1)
        assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input": InputSpec.square(32)}, r"input of \(32, 32, 3\).*16"),
        ({"mask_height": 8}, "mask height of 8.*4"),
        ({"batch": 2}, "batch of 2.*None"),
        ({"labels": ("a", "b")}, "label.*2.*5"),
    ],
)
def test_a_manifest_that_contradicts_its_graph_is_refused(tmp_path, changes, message):
    manifest = dataclasses.replace(toy.Toy().manifest(), **changes)
    with pytest.raises(ModelError, match=message):
        ExplainEngine(toy.Toy().write(tmp_path / "toy.onnx", manifest), threads=1)


def test_probabilities_that_are_not_numbers_are_refused(engine, frame, monkeypatch):
    explain = engine.backend_object.explain

    def broken(*args):
        probabilities, *rest = explain(*args)
        return (probabilities * np.nan, *rest)

    monkeypatch.setattr(engine.backend_object, "explain", broken)
    with pytest.raises(ModelError, match="not a number"):
        engine.run(frame)
