"""Tests of the runtime on a real GPU (`pytest -m gpu`). Tests of TensorRT are skipped if it cannot run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from whyframe import BackendError, ExplainEngine
from whyframe.cli.bundled_images import COFFEE, read_bundled_image
from whyframe.cuda.frames import DeviceFrame
from whyframe.cuda.graph_cache import GraphCache
from whyframe.cuda.pycuda_driver import PyCudaDriver
from whyframe.cuda.ring import Ring
from whyframe.native.kernels import Kernels, load_kernels

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def driver() -> PyCudaDriver:
    return PyCudaDriver(0)


@pytest.fixture(scope="module")
def kernels() -> Kernels:
    return load_kernels()


@pytest.fixture(scope="module")
def tensorrt_engine() -> Iterator[ExplainEngine]:
    try:
        engine = ExplainEngine(backend="tensorrt")
    except BackendError as error:
        pytest.skip(f"TensorRT cannot run: {error}")
    with engine:
        yield engine


def test_uploaded_bytes_are_downloaded_again(driver: PyCudaDriver, rng: np.random.Generator) -> None:
    sent = rng.integers(0, 256, (37, 53), dtype=np.uint8)
    with driver.current():
        stream = driver.stream()
        memory, rows = driver.to_device(sent, stream), driver.allocate(37 * 8)
        copy = driver.allocate(memory.size)
        driver.copy(copy.pointer, memory.pointer, memory.size, stream)
        driver.copy_rows(rows.pointer, 8, copy.pointer + 5, 53, 8, 37, stream)
        received, columns = driver.pinned(sent.shape, np.uint8), np.empty((37, 8), np.uint8)
        driver.download(received, copy.pointer, stream)
        driver.download(columns, rows.pointer, stream)
        stream.synchronize()
    np.testing.assert_array_equal(received, sent)
    np.testing.assert_array_equal(columns, sent[:, 5:13])


def test_a_graph_reads_the_memory_at_each_launch(
    driver: PyCudaDriver, kernels: Kernels, rng: np.random.Generator
) -> None:
    with driver.current():
        stream = driver.stream()
        source, result = driver.pinned((4, 4), np.float32), driver.pinned((8, 8), np.float32)
        mask, scores = driver.allocate(source.nbytes), driver.allocate(result.nbytes)

        def enqueue() -> None:
            driver.upload(mask.pointer, source, stream)
            kernels.upsample(mask.pointer, 4, 4, scores.pointer, 8, 8, stream=stream.handle)
            driver.download(result, scores.pointer, stream)

        graphs = GraphCache(driver, stream)
        for _ in range(5):
            source[...] = rng.random((4, 4))
            graphs.run("upsample", enqueue)
            stream.synchronize()
            assert result[0, 0] == source[0, 0]
            assert result[7, 7] == source[3, 3]
        assert len(graphs) == 1


def test_a_failed_capture_leaves_the_stream_usable(driver: PyCudaDriver) -> None:
    with driver.current():
        stream = driver.stream()
        with pytest.raises(RuntimeError, match="on purpose"):
            driver.capture(stream, lambda: (_ for _ in ()).throw(RuntimeError("on purpose")))
        memory = driver.to_device(np.arange(4), stream)
        assert memory.pointer


def test_a_ring_keeps_results_on_the_device(driver: PyCudaDriver) -> None:
    with driver.current():
        stream = driver.stream()
        ring, slots = Ring(driver, {"mask": ((2, 3), np.float32)}, length=2), []
        for value in range(5):
            slots.append(ring.take())
            driver.upload(slots[-1].pointer("mask") or 0, np.full((2, 3), value, np.float32), stream)
            stream.synchronize()
    assert [float(slot.fetch()["mask"][0, 0]) for slot in slots] == [0, 1, 2, 3, 4]


def test_pytorch_shares_the_context(driver: PyCudaDriver) -> None:
    import torch

    tensor = torch.arange(24, dtype=torch.uint8, device="cuda").reshape(2, 4, 3)
    torch.cuda.synchronize()
    frame = DeviceFrame(shape=(2, 4, 3), pointer=tensor.data_ptr(), pitch=12, format="bgr", driver=driver)
    np.testing.assert_array_equal(np.asarray(frame), tensor.cpu().numpy())
    assert float(torch.ones(3, device="cuda").sum()) == 3.0


@pytest.mark.parametrize("target", [None, "cup"])
def test_onnx_runtimes_cuda_provider_agrees_with_its_cpu(target: str | None) -> None:
    image = read_bundled_image(COFFEE)
    with ExplainEngine() as host, ExplainEngine(backend="onnxruntime", device="cuda:0") as device:
        for _ in range(3):  # warm-up, capture, launch
            got, wanted = device.run(image, target=target), host.run(image, target=target)
            assert got.class_id == wanted.class_id
            assert got.probability == pytest.approx(wanted.probability, abs=2e-3)
            np.testing.assert_allclose(got.mask, wanted.mask, atol=2e-2)


def test_tensorrt_agrees_with_the_cpu(tensorrt_engine: ExplainEngine) -> None:
    image = read_bundled_image(COFFEE)
    with ExplainEngine() as host:
        for _ in range(3):
            got, wanted = tensorrt_engine.run(image), host.run(image)
            assert got.class_id == wanted.class_id
            assert got.probability == pytest.approx(wanted.probability, abs=1e-2)
            np.testing.assert_allclose(got.mask, wanted.mask, atol=5e-2)
        refined, expected = tensorrt_engine.run(image, refine=32), host.run(image, refine=32)
        assert np.abs(refined.mask - expected.mask).mean() < 0.02
        drawn = tensorrt_engine.run(image).overlay().astype(int)
        assert np.abs(drawn - host.run(image).overlay()).mean() < 2


def test_tensorrt_takes_a_tensor_of_pytorch(tensorrt_engine: ExplainEngine) -> None:
    import torch

    image = read_bundled_image(COFFEE)
    tensor = torch.from_numpy(image).cuda()
    got, wanted = tensorrt_engine.run(tensor), tensorrt_engine.run(image)
    np.testing.assert_allclose(got.mask, wanted.mask, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(got.frame), image)
