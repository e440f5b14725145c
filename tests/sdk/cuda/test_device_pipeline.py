import ctypes
import gc
import weakref

import numpy as np
import pytest

from helpers import toy
from helpers.fake_gpu import CudaArray, FakeDriver, nv12_of
from whyframe import BackendError, ExplainEngine
from whyframe.cuda.frames import NV12Frame
from whyframe.errors import FrameError
from whyframe.resize_rule import ResizeRule


@pytest.fixture
def pair(model, on_gpu):
    """The same model on the fake GPU and on the CPU."""
    with ExplainEngine(model, threads=1) as host, on_gpu(model) as device:
        yield device, host


def frames(rng, count, height=96, width=130):
    coarse = rng.integers(0, 256, (count, 6, 8, 3), dtype=np.uint8)
    return [np.kron(image, np.ones((16, 17, 1), np.uint8))[:height, :width].copy() for image in coarse]


def assert_same(got, wanted, tolerance=0.02):
    assert (got.class_id, got.label) == (wanted.class_id, wanted.label)
    assert got.probability == pytest.approx(wanted.probability, abs=tolerance)
    np.testing.assert_allclose(got.mask, wanted.mask, atol=tolerance)
    np.testing.assert_allclose(got.saliency, wanted.saliency, atol=tolerance)
    assert got.no_signal == wanted.no_signal


def test_a_frame_gives_the_result_of_the_cpu(pair, rng):
    device, host = pair
    assert device.backend_name == "tensorrt"
    for frame in frames(rng, 4):
        assert_same(device.run(frame), host.run(frame))
        assert_same(device.run(frame, target="blue"), host.run(frame, target="blue"))
        assert_same(device.run(frame, color="rgb"), host.run(frame, color="rgb"))


@pytest.mark.parametrize("size", [(96, 130), (33, 32), (1, 1), (31, 200)])
def test_frames_of_any_size_give_the_result_of_the_cpu(pair, rng, size):
    device, host = pair
    frame = frames(rng, 1, *size)[0]
    assert_same(device.run(frame), host.run(frame), 0.03)


def test_the_crop_rule_gives_the_result_of_the_cpu(tmp_path, on_gpu, rng):
    path = toy.write(tmp_path / "crop.onnx", side=32, mask_side=8, resize="crop")
    frame = frames(rng, 1)[0]
    with ExplainEngine(path, threads=1) as host, on_gpu(path) as device:
        assert_same(device.run(frame), host.run(frame))
        drawn, wanted = device.run(frame).overlay(), host.run(frame).overlay()
        assert np.abs(drawn.astype(int) - wanted).mean() < 1.5


RULES = [
    ResizeRule(interpolation="bilinear"),
    ResizeRule(interpolation="bicubic", antialias=False),
    ResizeRule(mode="crop", shorter_side=28, interpolation="bicubic"),
    ResizeRule(mode="crop", shorter_side=20, interpolation="bilinear", fill=(200, 90, 0)),
    ResizeRule(mode="letterbox", interpolation="bilinear", fill=(114, 114, 200)),
    ResizeRule(mode="letterbox", interpolation="nearest"),
    ResizeRule(mode="crop"),
]


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_input_of_any_shape_and_rule_gives_the_result_of_the_cpu(tmp_path, on_gpu, rng, rule, channels):
    path = toy.write(
        tmp_path / "shaped.onnx", side=24, mask_side=6, width=32, channels=channels, rule=rule, gain=6.0
    )
    with ExplainEngine(path, threads=1) as host, on_gpu(path, (1, 4)) as device:
        for size in ((96, 130), (70, 41), (9, 7)):
            frame = frames(rng, 1, *size)[0]
            if channels == 4:
                frame = np.concatenate([frame, frame[::-1, :, :1]], axis=2)
            got, wanted = device.run(frame, refine=4), host.run(frame, refine=4)
            assert (got.mask.shape, got.saliency.shape) == ((24, 32), size)
            # The two inputs differ by rounding, which may swap pixels of nearly equal scores.
            assert np.abs(got.mask - wanted.mask).mean() < 0.02
            got, wanted = device.run(frame), host.run(frame)
            assert_same(got, wanted, 0.03)
            assert ((got.saliency == 0) == (wanted.saliency == 0)).all()
            np.testing.assert_array_equal(np.asarray(got.frame), wanted.frame)
            assert np.abs(got.overlay().astype(int) - wanted.overlay()).mean() < 1.5
            on_device = device.run(CudaArray(frame))
            assert_same(on_device, wanted, 0.03)
            np.testing.assert_array_equal(np.asarray(on_device.frame), wanted.frame)
            turned = np.ascontiguousarray(frame[..., [2, 1, 0, 3][: frame.shape[2]]])
            assert_same(device.run(CudaArray(turned), color="rgb"), wanted, 0.03)


def test_an_exact_resize_is_captured_with_its_scratch_memory(tmp_path, on_gpu, gpu, rng):
    rule = ResizeRule(mode="letterbox", interpolation="bicubic")
    path = toy.write(tmp_path / "exact.onnx", side=24, mask_side=6, rule=rule)
    with ExplainEngine(path, threads=1) as host, on_gpu(path) as device:
        for height in (*range(40, 60), 41):  # more sizes than are kept
            frame = frames(rng, 1, height, 64)[0]
            assert_same(device.run(frame), host.run(frame))
        gpu.driver.log.clear()
        for frame in frames(rng, 6, 41, 64):
            assert_same(device.run(frame), host.run(frame))
        assert gpu.driver.log.count("launch") == 6


def test_a_model_with_alpha_refuses_frames_without(tmp_path, on_gpu, rng):
    path = toy.write(tmp_path / "alpha.onnx", side=24, mask_side=6, channels=4)
    luma, chroma = nv12_of(frames(rng, 1, 96, 130)[0])
    planes = NV12Frame(luma=luma.ctypes.data, chroma=chroma.ctypes.data, height=96, width=130, pitch=130)
    with on_gpu(path) as device:
        with pytest.raises(FrameError, match="the frame is nv12 and the model takes an alpha channel; give"):
            device.run(planes)
        with pytest.raises(FrameError, match="96 x 130 x 3; give height x width x 4"):
            device.run(CudaArray(frames(rng, 1)[0]))
        given = device.run(CudaArray(np.zeros((8, 8, 4), np.uint8))).frame
    square = toy.write(tmp_path / "rgb.onnx", side=24, mask_side=6)
    with (
        on_gpu(square) as device,
        pytest.raises(FrameError, match="bgra and the model takes no alpha channel"),
    ):
        device.run(given)


def test_the_options_of_the_overlay_reach_the_device(pair, rng):
    device, host = pair
    frame = frames(rng, 1)[0]
    result, wanted = device.run(frame), host.run(frame)
    for options in ({"colormap": "viridis"}, {"opacity": 0.3}, {"caption": False}, {"caption": "a text"}):
        drawn = result.overlay(**options)
        assert np.abs(drawn.astype(int) - wanted.overlay(**options)).mean() < 1.5
        assert not np.array_equal(drawn, result.overlay())


def test_a_graph_is_captured_for_each_staging_buffer(pair, gpu, rng):
    device, _ = pair
    for frame in frames(rng, 6):
        device.run(frame)
    assert gpu.driver.log.count("capture") == 2
    assert gpu.driver.log.count("launch") == 6


def test_a_new_frame_size_gets_a_new_graph(pair, gpu, rng):
    device, host = pair
    for _ in range(2):
        for size in ((96, 130), (80, 60)):
            for frame in frames(rng, 2, *size):
                assert_same(device.run(frame), host.run(frame))
    assert gpu.driver.log.count("capture") <= 6


def test_many_sizes_leave_no_graph_with_freed_weights(pair, rng):
    device, host = pair
    for height in range(40, 60):
        frame = frames(rng, 1, height, 64)[0]
        assert_same(device.run(frame), host.run(frame))


def test_a_result_is_unchanged_by_later_runs(pair, rng):
    device, host = pair
    some = frames(rng, 12)
    results = [device.run(frame) for frame in some]
    for result, frame in zip(results, some, strict=True):
        assert_same(result, host.run(frame))


def test_the_map_stays_on_the_device_until_it_is_read(pair, gpu, rng):
    device, _ = pair
    device.run(frames(rng, 1)[0])
    device.run(frames(rng, 1)[0])
    gpu.driver.log.clear()
    result = device.run(frames(rng, 1)[0])
    assert gpu.driver.log.count("synchronize") == 1  # the only wait of the frame
    assert result.mask is result.mask
    assert gpu.driver.log.count("synchronize") == 2


def test_a_batch_gives_the_result_of_each_frame(pair, rng):
    device, host = pair
    some = frames(rng, 3)
    for got, wanted in zip(device.run_batch(some), host.run_batch(some), strict=True):
        assert_same(got, wanted)


def test_a_frame_on_the_device_gives_the_result_of_the_host_frame(pair, gpu, rng):
    device, host = pair
    for frame in frames(rng, 3):
        gpu.driver.log.clear()
        result = device.run(CudaArray(frame, stream=9))
        assert gpu.driver.log[0] == "wait for stream 9"
        assert_same(result, host.run(frame))
        np.testing.assert_array_equal(np.asarray(result.frame), frame)
        assert np.abs(result.overlay().astype(int) - host.run(frame).overlay()).mean() < 1.5
    # The graph of the first frame holds no address of the frame, so the later frames launch the same graph.
    assert gpu.driver.log.count("capture") == 0


def test_an_rgb_frame_on_the_device_is_converted(pair, rng):
    device, host = pair
    frame = frames(rng, 1)[0]
    assert_same(device.run(CudaArray(np.ascontiguousarray(frame[..., ::-1])), color="rgb"), host.run(frame))


def test_nv12_planes_of_a_decoder_are_explained(pair, rng):
    device, host = pair
    frame = frames(rng, 1, 96, 130)[0]
    luma, chroma = nv12_of(frame)
    planes = NV12Frame(
        luma=luma.ctypes.data,
        chroma=chroma.ctypes.data,
        height=96,
        width=130,
        pitch=130,
        matrix="bt601",
        owner=(luma, chroma),
    )
    result = device.run(planes)
    assert_same(result, host.run(np.asarray(result.frame)), 0.03)


@pytest.mark.parametrize("steps", [1, 4, 40])
@pytest.mark.parametrize("profile", [(1, 1), (1, 33), (1, 7)])
def test_refinement_gives_the_result_of_the_cpu(model, on_gpu, rng, steps, profile):
    frame = frames(rng, 1)[0]
    with ExplainEngine(model, threads=1) as host, on_gpu(model, profile) as device:
        got, wanted = device.run(frame, refine=steps), host.run(frame, refine=steps)
    assert got.mask.shape == wanted.mask.shape
    # The two inputs differ by rounding, which may swap pixels of nearly equal scores.
    assert np.abs(got.mask - wanted.mask).mean() < 0.02


def test_a_frame_without_signal_is_not_refined_into_a_finding(pair, rng):
    device, host = pair
    wall = np.full((64, 64, 3), 90, np.uint8)
    wall[20:40, 20:40] += 2  # the map uses the full range, although the frame shows nothing
    got, wanted = device.run(wall, refine=8), host.run(wall, refine=8)
    assert got.no_signal
    assert np.ptp(got.mask) > 0.1
    np.testing.assert_allclose(got.mask, wanted.mask, atol=1e-5)


def test_a_prefetched_frame_is_not_uploaded_twice(pair, gpu, rng):
    device, host = pair
    first, second = frames(rng, 2)
    uploads = []
    original = gpu.driver.upload
    gpu.driver.upload = lambda *arguments: (uploads.append(arguments[1].nbytes), original(*arguments))
    device.prefetch(first)
    device.prefetch(second)
    assert_same(device.run(first), host.run(first))
    assert_same(device.run(second), host.run(second))
    assert uploads.count(first.nbytes) == 2
    assert_same(device.run(first), host.run(first))
    assert uploads.count(first.nbytes) == 3


def test_new_content_in_the_same_array_is_uploaded_again(pair, rng):
    device, host = pair
    buffer = np.empty((96, 130, 3), np.uint8)
    for frame in frames(rng, 6):
        buffer[...] = frame
        assert_same(device.run(buffer), host.run(frame))


def test_the_channel_order_may_change_between_runs(pair, rng):
    device, host = pair
    frame = frames(rng, 1)[0]
    assert_same(device.run(frame), host.run(frame))
    assert_same(device.run(frame, color="rgb"), host.run(frame, color="rgb"))


def test_a_stream_gives_the_results_of_the_cpu(model, on_gpu, tmp_path):
    from helpers import clips

    clip = clips.write_clip(tmp_path / "clip.mp4")
    with ExplainEngine(model, threads=1) as host, on_gpu(model) as device:
        for got, wanted in zip(device.stream(clip), host.stream(clip), strict=True):
            assert got.index == wanted.index
            assert_same(got, wanted, 0.03)


def test_a_clone_has_its_own_graphs_and_results(pair, rng):
    device, host = pair
    first, second = frames(rng, 2)
    clone = device.clone()
    a, b = device.run(first), clone.run(second)
    assert_same(a, host.run(first))
    assert_same(b, host.run(second))
    device.close()
    assert_same(clone.run(first), host.run(first))


def test_a_model_of_fixed_batch_runs_single_frames(tmp_path, on_gpu, rng):
    path = toy.write(tmp_path / "four.onnx", side=32, mask_side=8, batch=4)
    with ExplainEngine(path, threads=1) as host, on_gpu(path, (4, 4)) as device:
        for frame in frames(rng, 2):
            assert_same(device.run(frame), host.run(frame))
        assert device.run(frame, refine=6).mask.shape == (32, 32)
        # The targets of the padding rows must be valid, not uninitialised memory. No public result shows them.
        targets = device._pipeline._tensors["target"]
        padding = np.frombuffer((ctypes.c_char * 32).from_address(targets.pointer), np.int64)[1:]
        assert padding.tolist() == [-1, -1, -1]


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 3)),
        np.zeros((0, 4, 3), np.uint8),
        CudaArray(np.zeros((4, 4))),
    ],
)
def test_bad_frames_are_refused_and_the_next_frame_is_explained(pair, rng, frame):
    device, host = pair
    with pytest.raises(FrameError):
        device.run(frame)
    good = frames(rng, 1)[0]
    assert_same(device.run(good), host.run(good))


def test_the_cpu_refuses_a_frame_on_the_device(pair):
    _, host = pair
    with pytest.raises(FrameError, match="backend='tensorrt'"):
        host.run(CudaArray(np.zeros((4, 4, 3), np.uint8)))


def test_an_engine_that_cannot_start_gives_an_error(gpu, model):
    backend = gpu.backend(model.read_bytes(), starts=False)
    with pytest.raises(BackendError, match="could not start"):
        backend.explain(np.zeros((1, 32, 32, 3), np.uint8), np.full(1, -1))


def test_a_closed_engine_gives_an_error(pair, rng):
    device, _ = pair
    result = device.run(frames(rng, 1)[0])
    device.close()
    device.close()
    for call in (
        device.clone,
        lambda: device.run(frames(rng, 1)[0]),
        lambda: device.prefetch(frames(rng, 1)[0]),
    ):
        with pytest.raises(BackendError, match="closed"):
            call()
    assert result.mask.shape == (8, 8)  # results outlive their engine
    assert result.overlay().shape == (96, 130, 3)


@pytest.mark.parametrize("close", [True, False])
def test_a_deleted_engine_leaves_nothing_to_the_garbage_collector(model, on_gpu, rng, close):
    """The collector would free GPU memory in any thread, even during a capture. Only the pipeline holds such memory."""
    device = on_gpu(model)
    device.run(frames(rng, 1)[0])
    pipeline = weakref.ref(device._pipeline)
    gc.disable()
    try:
        if close:
            device.close()
        del device
        assert pipeline() is None
    finally:
        gc.enable()


def test_the_fake_refuses_calls_without_a_context():
    with pytest.raises(BackendError, match="without a current context"):
        FakeDriver().allocate(4)
