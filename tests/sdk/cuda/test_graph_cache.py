import pytest

from whyframe.cuda.graph_cache import GraphCache


@pytest.fixture
def replay(driver):
    return GraphCache(driver, driver.stream())


def counting(driver, done, value):
    return lambda: driver.submit(lambda: done.append(value))


def test_the_first_use_warms_up_captures_and_launches(driver, replay):
    done = []
    replay.run("a", counting(driver, done, 1))
    assert done == [1, 1]  # once eagerly, once by the graph; nothing while it was captured
    assert driver.log == ["synchronize", "capture", "launch"]


def test_later_uses_only_launch(driver, replay):
    done = []
    for _ in range(3):
        replay.run("a", counting(driver, done, 1))
    assert driver.log.count("capture") == 1
    assert driver.log.count("launch") == 3
    assert len(done) == 4


def test_another_key_is_captured_and_the_first_is_kept(driver, replay):
    done = []
    for key in ("a", "b", "a", "b"):
        replay.run(key, counting(driver, done, key))
    assert driver.log.count("capture") == 2
    assert done == ["a", "a", "b", "b", "a", "b"]


def test_the_oldest_graph_goes(driver, replay):
    for key in range(9):
        replay.run(key, lambda: None)
    assert len(replay) == 4
    replay.run(8, lambda: None)
    assert driver.log.count("capture") == 9
    replay.run(0, lambda: None)
    assert driver.log.count("capture") == 10


def test_what_cannot_be_captured_is_queued_each_time(driver):
    replay, done = GraphCache(driver, driver.stream(), lambda: False), []
    for _ in range(3):
        replay.run("a", counting(driver, done, 1))
    assert done == [1, 1, 1]
    assert "capture" not in driver.log


def test_a_failing_capture_leaves_no_graph(driver, replay):
    calls = []

    def enqueue():
        calls.append(1)
        if len(calls) == 2:  # the one that is captured
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        replay.run("a", enqueue)
    assert driver.recording is None
    assert len(replay) == 0
