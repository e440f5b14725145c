"""Wrong modules, weights, labels and flags of users: each gets one line of `whyframe train`, and no traceback."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers import wrong_inputs
from whyframe.cli import main

pytest.importorskip("timm")
pytest.importorskip("transformers")

SOURCES = [
    ("", "the name of the classifier is empty"),
    ("resnet5", "unknown classifier 'resnet5' .did you mean resnet50"),
    ("torchvision:resnet5", "unknown classifier 'resnet5'"),
    ("timm:resnet_18", "timm has no model 'resnet_18' .did you mean timm:resnet18"),
    ("timm:resnet18.no_such_tag", "timm has no weights 'resnet18.no_such_tag': its tags are"),
    ("hf:{folder}/absent", "no such folder .*absent: hf: takes a folder that save_pretrained wrote"),
    ("hf:{folder}/hf_nothing", "has no config.json"),
    ("hf:{folder}/hf_broken", "the configuration in .* cannot be read"),
    ("hf:{folder}/hf_text", "is a bert model, which has no image classifier"),
    ("hf:{folder}/hf_headless", "lack classifier.* which would be random"),
    ("hf:{folder}/hf_no_weights", "the model in .*hf_no_weights cannot be read"),
    ("hf:{folder}/hf_unprocessed", "has no readable preprocessor_config.json .*--mean and --std"),
    ("hf:{folder}/hf_lanczos", "cannot be expressed .its resample is 1.: give all of --side, --resize"),
    ("{folder}/absent.py:build", "no such file .*absent.py: --classifier takes"),
    ("{folder}:build", "is a folder: --classifier takes"),
    ("{folder}", "is a folder: give hf:"),
    ("{folder}/net.py", "needs the name of a function in it"),
    ("{folder}/net.txt:grey", "net.txt is not a Python file"),
    ("{folder}/net.py:absent", r"has no function absent \(it has Around, "),
    ("{folder}/net.py:a-b", "'a-b' is not the name of a function"),
    ("{folder}/imports.py:build", "ModuleNotFoundError: No module named 'absent_package' .--verbose"),
    ("{folder}/syntax.py:build", "syntax.py failed: SyntaxError"),
    ("{folder}/graph.onnx", "is an ONNX file, which has no gradients"),
    ("{folder}/good.pt", "holds no network .*give --classifier my_model.py:build --weights"),
    ("{folder}/good.safetensors", "holds no network .*give --classifier my_model.py:build --weights"),
    ("{folder}/cut.pt", "cut.pt is damaged"),
    ("{folder}/absent.pt2", "no such .*absent.pt2"),
]

MODULES = [
    ("crash", r"crash\(\) in .* failed: RuntimeError: no luck .--verbose"),
    ("leave", r"leave\(\) in .* failed: SystemExit: bye"),
    ("nothing", "returned NoneType, not an nn.Module"),
    ("a_class", "returned a class .add parentheses"),
    ("a_state", "returned OrderedDict, not an nn.Module"),
    ("a_pair", "returned tuple, not an nn.Module"),
    ("argument", r"argument\(\) in .* failed: TypeError: .*'number'"),
    ("not_callable", "not_callable in .* is a int, not a function"),
    ("dynamic", r"is quantised \(fc is a torch.ao.nn.quantized.dynamic.*give the float network"),
    ("eight_bit", r"is quantised \(fc is a net.Linear8bitLt\)"),
    ("int8", r"is quantised \(the whole is a net.Eight\)"),
    ("lazy", r"size is not known yet \(3.weight, 3.bias\): run it once"),
    ("nan", r"the weights of .* are not finite \(fc.weight\)"),
    ("meta", "on the meta device, without values"),
    ("two_inputs", r"forward\(\) of .* takes images, lengths: return a module"),
    ("keywords", r"forward\(\) of .* takes pixel_values as a keyword: return a module"),
    ("a_dict", "cannot process N x 3 x 64 x 64 images: .*--verbose"),
    ("grey", "it takes 1 channels and was given 3: pass --channels 1 .last layer 0, a Conv2d"),
    ("fixed_size", "takes 100352 features and was given 8192: pass --side .*last layer 3, a Linear"),
    ("too_small", "the images are too small for its layers: pass --side"),
    ("reshapes", "reshapes its features to a fixed size"),
    ("on_cuda", "its forward.. uses a device by name: take the device of the images"),
    ("in_half", "it mixes precisions: keep the whole network in float32"),
    ("no_output", "the network returns NoneType: return N x classes logits"),
    ("segments", r"the network returns a tensor of shape"),
    ("integers", "the network returns int64 numbers"),
    ("boxes", "the network returns a dict with boxes"),
    ("fails", "AttributeError: 'Tensor' object has no attribute 'no_such_method'"),
    ("infinite", "returns values that are not numbers"),
]

WEIGHTS = [
    ("absent.pt", "no such weights file .*absent.pt"),
    (".", "is a folder, not a weights file: give a file in it, such as"),
    ("empty.pt", "is empty: copy or download it again"),
    ("cut.pt", "is damaged: its end is missing"),
    ("cut.safetensors", "is damaged, or not a safetensors file"),
    ("pickle.pt", "pickle.pt is damaged: copy or download it again"),
    ("text.pt", "is not a weights file: give a state dict"),
    ("page.pt", "is a web page, not the weights: download the file itself"),
    ("lfs.pt", "is a Git LFS pointer, not the weights: run `git lfs pull`"),
    ("graph.onnx", "is an ONNX file"),
    ("keras.h5", "is an HDF5 .Keras. file"),
    ("packed.pt", "is a gzip archive, not a weights file: unpack it first"),
    ("array.npy", "is a NumPy array"),
    ("archive.zip", "is a zip archive of weights.npy: unpack it first"),
    ("whole.pt", r"holds a whole pickled object \(torch.nn.*make a safe file with `python -c"),
    ("object.pt", "holds other Python objects beside 'state_dict'.*make a safe file with `python -c"),
    ("shapes.pt", "size mismatch: fc.weight is 9 x 20 in the file and 5 x 20 in the network.*have 9 classes"),
    ("missing.pt", "missing in the file: fc.weight, fc.bias"),
    ("unexpected.pt", "unexpected in the file: extra.weight"),
    ("other.pt", "missing in the file: .* and .* more; unexpected in the file: weight, bias"),
    ("no_entries.pt", "holds no state dict .it holds an empty dict"),
    ("optimizer.pt", "holds no state dict .it holds optimizer, epoch"),
    ("list.pt", "holds no state dict .it holds list"),
    ("nan.pt", "has values that are not finite in fc.weight"),
    ("quantised.pt", r"holds quantised weights \(fc.weight\): give the float weights"),
    ("several.pt", r"several weights that fit .* \(model, model_ema\): choose one, with --weights"),
    ("several.pt#ema", "has no 'ema': it has 'model', 'model_ema'"),
]

LABELS = [
    ("absent.txt", "no such labels file"),
    (".", "is a folder, not a labels file"),
    ("empty.txt", "is empty: give a text file"),
    ("latin.txt", "is not UTF-8 text .line 1.: convert it"),
    ("binary.txt", "is not text"),
    ("good.pt", "is not a labels file"),
    ("gap.txt", "line 3 of .* is empty: name every class"),
    ("four.txt", "has 5 classes but 4 labels were given .the background may be a class"),
    ("twice.txt", "has 5 classes but 6 labels were given .'a' more than once"),
    ("heading.txt", "has 5 classes but 6 labels were given .the first, 'label', may be a heading"),
    ("ids.txt", "names class 1 twice"),
    ("bad.json", "is not valid JSON"),
    ("gap.json", "has no name for class 1: number the classes"),
    ("numbers.json", "holds neither a list of labels nor a mapping"),
    ("table.csv", "has rows of 3 columns"),
    (None, "has 5 classes but 1000 labels were given .without --labels they are those of ImageNet-1k"),
]

FLAGS = [
    (["--side", "big"], "--side takes 8 to 8192 pixels"),
    (["--mean", "a,b,c"], "--mean takes"),
    (["--mean", "0.5,0.5"], "--mean|the mean has 2 numbers"),
    (["--std", "0,0,0"], "--std|the std is"),
    (["--color", "grey", "--channels", "3"], "--color grey has 1 channel, not 3"),
    (["--resize", "stretch", "--shorter-side", "72"], "--shorter-side goes with --resize crop"),
    (["--channels", "1"], "it takes 3 channels and was given 1: pass --channels 3"),
    (["--activation", "none"], "are not probabilities"),
]


NOTICE = "executing the Python file "
"""What a command says, before it fails, of a file that it executes."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wrong")
    wrong_inputs.write(folder)
    (folder / "photos").mkdir()
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (70, 80, 3), np.uint8)
        cv2.imwrite(str(folder / "photos" / f"{number}.png"), pixels)
    return folder


@pytest.fixture
def refuse(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """Return a function that runs `whyframe train` and checks that it prints one line and leaves nothing."""

    def run(message: str, **options: str | None) -> None:
        given = {
            "data": f"{folder}/photos",
            "output": f"{folder}/run",
            "validation": "1",
            "batch": "2",
            **options,
        }
        words = [word for name, value in given.items() if value is not None for word in (f"--{name}", value)]
        check(message, words)

    def check(message: str, words: list[str]) -> None:
        monkeypatch.setattr("sys.argv", ["whyframe", "train", *words])
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        lines = [line for line in capfd.readouterr().err.splitlines() if not line.startswith(NOTICE)]
        assert (end.value.code, len(lines)) == (1, 1), lines
        assert lines[0].startswith("whyframe: ")
        assert re.search(message, lines[0]), lines[0]
        assert len(lines[0]) < 700
        assert not (folder / "run").exists()

    return run


def tiny(folder: Path, **changes: str | None) -> dict[str, str | None]:
    """Return the options of a classifier that is right, with changes."""
    return {
        "classifier": f"{Path(wrong_inputs.__file__).parent / 'tiny_network.py'}:build",
        "side": "64",
        "labels": f"{folder}/labels.txt",
        **changes,
    }


@pytest.mark.parametrize(("name", "message"), SOURCES)
def test_wrong_classifiers(name: str, message: str, refuse, folder: Path) -> None:
    refuse(message, classifier=name.format(folder=folder))


@pytest.mark.parametrize(("function", "message"), MODULES)
def test_wrong_modules(function: str, message: str, refuse, folder: Path) -> None:
    refuse(message, **tiny(folder, classifier=f"{folder}/net.py:{function}"))


@pytest.mark.parametrize(("name", "message"), WEIGHTS)
def test_wrong_weights(name: str, message: str, refuse, folder: Path) -> None:
    refuse(message, **tiny(folder, weights=f"{folder}/{name}"))


@pytest.mark.parametrize(("name", "message"), LABELS)
def test_wrong_labels(name: str | None, message: str, refuse, folder: Path) -> None:
    refuse(message, **tiny(folder, labels=None if name is None else f"{folder}/{name}"))


@pytest.mark.parametrize(("words", "message"), FLAGS)
def test_wrong_flags(words: list[str], message: str, refuse, folder: Path) -> None:
    flags = {name.removeprefix("--"): value for name, value in zip(words[::2], words[1::2], strict=True)}
    refuse(message, **tiny(folder, **flags))


def test_there_are_at_least_sixty() -> None:
    assert len([*SOURCES, *MODULES, *WEIGHTS, *LABELS, *FLAGS]) >= 60
