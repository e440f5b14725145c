import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from whyframe import Manifest
from whyframe.tensorrt import cache
from whyframe.tensorrt.api import TensorRT
from whyframe.tensorrt.build import BuildOptions
from whyframe.tensorrt.enginefile import EngineFile

TRT = TensorRT(None, "tensorrt_rtx", "1.7.1.116")


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, made_up: EngineFile) -> list[BuildOptions]:
    """Options of the builds so far. The builds are replaced: nothing is compiled."""
    builds = []

    def pretend(model: bytes, manifest: Manifest, options: BuildOptions, trt: TensorRT) -> EngineFile:
        builds.append(options)
        return dataclasses.replace(
            made_up,
            manifest=manifest,
            compute_capabilities=options.compute_capabilities,
            builder=trt.name,
            builder_version=trt.version,
            explainer=model,
        )

    monkeypatch.setattr(cache, "compile_model", pretend)
    monkeypatch.setenv("WHYFRAME_CACHE", str(tmp_path / "kept"))
    return builds


def test_an_engine_is_compiled_once(built: list, manifest: Manifest, tmp_path: Path) -> None:
    paths: list[Path] = []
    arguments = (b"model", manifest, BuildOptions(), TRT, (8, 6), paths.append)
    first, second = cache.cached_engine(*arguments), cache.cached_engine(*arguments)
    assert first == second
    assert built == [BuildOptions(compute_capabilities=((8, 6),))]
    assert paths == list((tmp_path / "kept").iterdir()), "no other file is left there"


@pytest.mark.parametrize(
    "change",
    [
        {"manifest": {"digest": "1" * 64}},
        {"manifest": {"precision": "fp16"}},
        {"options": {"batch": (1, 1, 4)}},
        {"options": {"plugin": True}},
        {"options": {"workspace": 1 << 20}},
        {"trt": {"version": "1.8.0.0"}},
        {"trt": {"name": "tensorrt"}},
        {"device": (8, 9)},
    ],
)
def test_every_dependency_of_an_engine_gives_another_engine(
    built: list, manifest: Manifest, tmp_path: Path, change: dict
) -> None:
    cache.cached_engine(b"model", manifest, BuildOptions(), TRT, (8, 6))
    other = [
        dataclasses.replace(argument, **change.get(name, {}))
        for name, argument in (("manifest", manifest), ("options", BuildOptions()), ("trt", TRT))
    ]
    cache.cached_engine(b"model", *other, change.get("device", (8, 6)))
    assert len(built) == len(list((tmp_path / "kept").iterdir())) == 2


def test_a_timing_cache_gives_the_same_engine(built: list, manifest: Manifest, tmp_path: Path) -> None:
    for options in (BuildOptions(), BuildOptions(timing_cache=tmp_path / "t")):
        cache.cached_engine(b"model", manifest, options, TRT, (8, 6))
    assert len(built) == 1


def test_a_damaged_engine_is_compiled_again(built: list, manifest: Manifest, tmp_path: Path) -> None:
    arguments = (b"model", manifest, BuildOptions(), TRT, (8, 6))
    engine = cache.cached_engine(*arguments)
    (path,) = (tmp_path / "kept").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    assert cache.cached_engine(*arguments) == engine
    assert EngineFile.read(path) == engine
    assert len(built) == 2


def test_an_engine_that_does_not_fit_is_compiled_again(
    built: list, manifest: Manifest, tmp_path: Path, made_up: EngineFile
) -> None:
    """A file may be copied from another machine or renamed."""
    arguments = (b"model", manifest, BuildOptions(), TRT, (8, 6))
    engine = cache.cached_engine(*arguments)
    (path,) = (tmp_path / "kept").iterdir()
    dataclasses.replace(made_up, builder_version="1.6.0.0").write(path)
    assert cache.cached_engine(*arguments) == engine
    assert len(built) == 2


def test_concurrent_compilations_do_not_disturb_each_other(
    built: list, manifest: Manifest, tmp_path: Path
) -> None:
    model = bytes(1 << 20)

    def make(_: int) -> EngineFile:
        return cache.cached_engine(model, manifest, BuildOptions(), TRT, (8, 6))

    with ThreadPoolExecutor(8) as pool:
        assert len({engine.to_bytes() for engine in pool.map(make, range(24))}) == 1
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_an_engine_that_cannot_be_kept_is_used_once(
    built: list, manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("WHYFRAME_CACHE", str(tmp_path / "file" / "folder"))
    with pytest.warns(UserWarning, match="set WHYFRAME_CACHE"):
        engine = cache.cached_engine(b"model", manifest, BuildOptions(), TRT, (8, 6))
    assert engine.explainer == b"model"


def test_the_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WHYFRAME_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/user")
    assert cache.cache_folder() == Path("/home/user/.cache/whyframe/engines")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/user")
    assert cache.cache_folder() == Path("/var/cache/user/whyframe/engines")
    monkeypatch.setenv("WHYFRAME_CACHE", "/engines")
    assert cache.cache_folder() == Path("/engines")
