import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import whyframe
from whyframe.errors import BackendError
from whyframe.tensorrt import api
from whyframe.tensorrt.api import USED, TensorRT, dotted, load_tensorrt


def offer(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    """Let only these modules be importable."""

    def pretend(name: str) -> SimpleNamespace:
        if name not in versions:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return SimpleNamespace(__version__=versions[name])

    monkeypatch.setattr(api, "import_module", pretend)
    monkeypatch.setattr("whyframe.tensorrt.soname.provide_unversioned_name", lambda: None)
    monkeypatch.delenv("WHYFRAME_TENSORRT", raising=False)


def test_full_tensorrt_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, tensorrt="11.4.0.106", tensorrt_rtx="1.7.1.116")
    assert load_tensorrt().name == "tensorrt"
    assert str(load_tensorrt("tensorrt_rtx")) == "TensorRT-RTX 1.7.1.116"


def test_the_argument_overrides_the_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, tensorrt="11.4.0.106", tensorrt_rtx="1.7.1.116")
    monkeypatch.setenv("WHYFRAME_TENSORRT", "tensorrt_rtx")
    assert load_tensorrt().name == "tensorrt_rtx"
    assert load_tensorrt("tensorrt").name == "tensorrt"


def test_a_version_that_is_too_old_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, tensorrt="10.5.0", tensorrt_rtx="1.2.0.54")
    assert load_tensorrt().name == "tensorrt_rtx"
    with pytest.raises(BackendError, match=r"10\.5\.0 is older than 10\.6.*'whyframe\[tensorrt\]'"):
        load_tensorrt("tensorrt")


def test_without_tensorrt_the_error_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch)
    with pytest.raises(
        BackendError, match=r"No module named 'tensorrt';.*pip install 'whyframe\[tensorrt-rtx\]'"
    ):
        load_tensorrt()


def test_an_unknown_flavour_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHYFRAME_TENSORRT", "tensorflow")
    with pytest.raises(BackendError, match="choose one of tensorrt, tensorrt_rtx"):
        load_tensorrt()


def test_capabilities_are_found_by_their_names() -> None:
    rtx = SimpleNamespace(
        ComputeCapability=SimpleNamespace(SM75=1, SM121=2, CURRENT=3),
        BuilderFlag=SimpleNamespace(REQUIRE_USER_ALLOCATION=1),
    )
    full = SimpleNamespace(BuilderFlag=SimpleNamespace())
    first, second = TensorRT(rtx, "tensorrt_rtx", "1.7"), TensorRT(full, "tensorrt", "11.4")
    assert (first.targets, first.user_managed, first.timing_cache) == (((7, 5), (12, 1)), True, False)
    assert (second.targets, second.user_managed, second.timing_cache) == ((), False, True)
    assert dotted((12, 0)) == "12.0"


def test_messages_are_those_since_the_logger_was_requested(trt: TensorRT) -> None:
    logger, severity = trt.logger(), trt.module.ILogger.Severity
    logger.log(severity.WARNING, "a warning")
    assert trt.messages(logger) == "a warning"
    logger.log(severity.INFO, "a remark")
    logger.log(severity.ERROR, "two\nlines")
    assert trt.messages(logger) == "two lines", "errors hide warnings"
    assert trt.messages(trt.logger()) != "two lines"
    assert trt.logger() is logger, "TensorRT keeps the first logger"


@pytest.mark.parametrize("name", [name for name, flavours in USED.items() if "tensorrt_rtx" in flavours])
def test_tensorrt_rtx_has_what_is_used(trt: TensorRT, name: str) -> None:
    found: object = trt.module
    for part in name.split("."):
        found = getattr(found, part)


LOAD_FULL = """
import ctypes, os, platform, sys
from pathlib import Path
from whyframe.tensorrt.api import USED, TensorRT
from whyframe.tensorrt.plugin import make_plugin_creator
from whyframe.tensorrt.soname import forwarding_library
folder = Path(sys.argv[1])
for name in ("libnvinfer.so.11", "libnvinfer_plugin.so.11", "libnvonnxparser.so.11"):
    (folder / name).write_bytes(forwarding_library(name, "libc.so.6", platform.machine()))
    ctypes.CDLL(str(folder / name), ctypes.RTLD_GLOBAL)
ctypes.CDLL(str(folder / "functions.so"), ctypes.RTLD_GLOBAL)
sys.setdlopenflags(os.RTLD_LAZY)
import tensorrt_bindings
def has(name):
    found = tensorrt_bindings
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is not None
trt = TensorRT(tensorrt_bindings, "tensorrt", tensorrt_bindings.__version__)
trt.logger()
assert make_plugin_creator(trt).plugin_namespace == "whyframe"
print(*(name for name, flavours in USED.items() if has(name) != ("tensorrt" in flavours)))
"""


def test_full_tensorrt_has_what_is_used(tmp_path: Path) -> None:
    """The libraries come from another index, so empty libraries replace them when the bindings are loaded."""
    if importlib.util.find_spec("tensorrt_bindings") is None:
        pytest.skip("pip install --no-deps tensorrt-cu13-bindings")
    if shutil.which("cc") is None:
        pytest.skip("install a C compiler")
    functions = ("getBuilderPluginRegistry", "getNvOnnxParserVersion", "initLibNvInferPlugins")
    source = "".join(f"void {name}(void) {{}}" for name in functions)
    command = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(tmp_path / "functions.so")]
    subprocess.run(command, input=source, text=True, check=True)
    done = subprocess.run(
        [sys.executable, "-c", LOAD_FULL, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.returncode) == ("", 0), done.stderr


def test_the_table_holds_every_name_that_the_code_uses() -> None:
    known = {part for name in USED for part in (name, name.split(".")[0])}
    bases = {"ILogger", "IPluginV3", "IPluginV3OneCore", "IPluginV3OneBuild", "IPluginV3OneRuntime"}
    for folder in ("tensorrt", "cuda"):
        for path in (Path(whyframe.__file__).parent / folder).glob("*.py"):
            used = set(re.findall(r"\bmodule\.([A-Z]\w*(?:\.[A-Z]\w*)?)", path.read_text()))
            used = {re.sub(r"\.(Severity)\.\w+", r".\1", name) for name in used}
            assert used - known - bases == set(), path
