"""Run by CI with the runtime alone: a real video in, an explained video out, the demo, and a mistake."""

import importlib
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

HERE = Path(sys.executable).parent


def whyframe(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(HERE / "whyframe"), *arguments], capture_output=True, text=True, check=False)


def make_clip(path: Path, frames: int = 24) -> None:
    """A bundled picture, panned, at 1280 x 720."""
    from importlib import resources

    data = (resources.files("whyframe") / "assets" / "coffee.jpg").read_bytes()
    picture = cv2.resize(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), (1400, 800))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (1280, 720))
    for i in range(frames):
        writer.write(picture[i : i + 720, 2 * i : 2 * i + 1280])
    writer.release()


def facts(path: Path) -> tuple[int, int, int, float]:
    video = cv2.VideoCapture(str(path))
    count = 0
    while video.read()[0]:
        count += 1
    return count, int(video.get(3)), int(video.get(4)), video.get(5)


def main() -> None:
    clip, out = Path("clip.mp4"), Path("out.mp4")
    make_clip(clip)
    done = whyframe("run", str(clip), "-o", str(out))
    assert done.returncode == 0, done.stderr
    assert facts(out) == facts(clip) == (24, 1280, 720, 25.0), facts(out)
    demo = whyframe("demo", "-o", "demo.png")
    assert demo.returncode == 0, demo.stderr
    assert "espresso" in demo.stdout + demo.stderr
    assert Path("demo.png").stat().st_size > 10_000
    wrong = whyframe("run", "missing.mp4", "-o", "never.mp4")
    assert wrong.returncode == 1
    assert len(wrong.stderr.strip().splitlines()) == 1, wrong.stderr
    assert not Path("never.mp4").exists()
    timing = (
        "import sys, time, numpy, cv2, onnxruntime; start = time.perf_counter(); import whyframe; "
        "print(f'import whyframe: {time.perf_counter() - start:.3f} s after its dependencies'); "
        "assert 'torch' not in sys.modules"
    )
    print(
        subprocess.run(
            [sys.executable, "-c", timing], capture_output=True, text=True, check=True
        ).stdout.strip()
    )
    saliency = importlib.import_module("whyframe").ExplainEngine().run(cv2.imread("demo.png")).saliency
    assert 0 <= saliency.min() < saliency.max() <= 1
    print(done.stdout.strip() or done.stderr.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
