"""Check of an installation without extras, run by CI in an empty folder."""

import subprocess
import sys
from importlib import resources
from pathlib import Path

import cv2
import numpy as np

COMMAND = Path(sys.executable).parent / "whyframe"


def main() -> None:
    """Run every check; the first failure ends the program."""
    check_video()
    check_demo()
    check_mistake()
    check_import()
    check_python_interface()


def check_video() -> None:
    """A video becomes a video of the same length, size and frame rate."""
    clip, output = Path("clip.mp4"), Path("out.mp4")
    make_clip(clip)
    done = run_command("run", str(clip), "-o", str(output))
    assert done.returncode == 0, done.stderr
    assert video_properties(clip) == (24, 1280, 720, 25.0)
    assert video_properties(output) == (24, 1280, 720, 25.0), video_properties(output)
    print(done.stdout.strip() or done.stderr.strip().splitlines()[-1])


def check_demo() -> None:
    """The demo recognises the bundled image and writes an image file."""
    done = run_command("demo", "-o", "demo.png")
    assert done.returncode == 0, done.stderr
    assert "espresso" in done.stdout + done.stderr
    assert Path("demo.png").stat().st_size > 10_000


def check_mistake() -> None:
    """A missing input gives one line of error and no output file."""
    done = run_command("run", "missing.mp4", "-o", "never.mp4")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert not Path("never.mp4").exists()


def check_import() -> None:
    """The package is imported without PyTorch; the time that the import takes is printed."""
    program = (
        "import sys, time, numpy, cv2, onnxruntime; start = time.perf_counter(); import whyframe; "
        "print(f'import whyframe: {time.perf_counter() - start:.3f} s after its dependencies'); "
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    print(done.stdout.strip())


def check_python_interface() -> None:
    """The engine explains an array, and its map has values between 0 and 1."""
    from whyframe import ExplainEngine

    saliency = ExplainEngine().run(cv2.imread("demo.png")).saliency
    assert 0 <= saliency.min() < saliency.max() <= 1


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command."""
    return subprocess.run([str(COMMAND), *arguments], capture_output=True, text=True, check=False)


def make_clip(path: Path, frames: int = 24) -> None:
    """Write a 1280 x 720 video that moves over a bundled image."""
    data = (resources.files("whyframe") / "assets" / "coffee.jpg").read_bytes()
    image = cv2.resize(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), (1400, 800))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (1280, 720))
    for index in range(frames):
        writer.write(image[index : index + 720, 2 * index : 2 * index + 1280])
    writer.release()


def video_properties(path: Path) -> tuple[int, int, int, float]:
    """Return the number of frames, the width, the height and the frame rate of a video."""
    video = cv2.VideoCapture(str(path))
    count = 0
    while video.read()[0]:
        count += 1
    width, height = video.get(cv2.CAP_PROP_FRAME_WIDTH), video.get(cv2.CAP_PROP_FRAME_HEIGHT)
    return count, int(width), int(height), video.get(cv2.CAP_PROP_FPS)


if __name__ == "__main__":
    main()
