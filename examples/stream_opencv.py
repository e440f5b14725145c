"""Show the explanation of a live stream in an OpenCV window; press q to quit.

    python examples/stream_opencv.py 0                      # the first camera
    python examples/stream_opencv.py rtsp://camera/stream
    python examples/stream_opencv.py clip.mp4

A live source drops frames instead of falling behind, so the window always shows the newest explained frame.
"""

from __future__ import annotations

import argparse

import cv2

from whyframe import ExplainEngine

WINDOW = "whyframe"


def main() -> None:
    """Explain and show frames until the source ends or q is pressed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", help="camera number, address, or video file")
    parser.add_argument("--model", help="fused ONNX file; the bundled model by default")
    args = parser.parse_args()
    source = int(args.source) if args.source.isdigit() else args.source

    shown = 0
    with ExplainEngine(args.model) as engine:
        for result in engine.stream(source):
            cv2.imshow(WINDOW, result.overlay())
            shown += 1
            if cv2.waitKey(1) & 0xFF == ord("q"):
                break
    cv2.destroyAllWindows()
    print(f"{shown} frames shown")


if __name__ == "__main__":
    main()
