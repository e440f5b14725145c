"""Fixtures of the tests of sinks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from whyframe import ExplainEngine
from whyframe.video.sink import Sink
from whyframe.video.sinks import open_sink
from whyframe.video.sources import Source, open_source
from whyframe.video.stream import stream_explanations


@pytest.fixture
def convert(engine: ExplainEngine) -> Callable[..., Sink]:
    """Return a function that explains a source into an output; it raises ``error`` at the frame ``stop``."""

    def explain(
        source: Path | Source, output: Path, stop: int | None = None, error: BaseException | None = None
    ) -> Sink:
        opened = open_source(source)
        with open_sink(output, opened) as sink:
            for result in stream_explanations(engine, opened):
                if stop == result.index and error:
                    raise error
                sink.write(result)
        return sink

    return explain
