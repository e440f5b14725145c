import pytest

from whyframe.cuda.graph_cache import GraphCache


@pytest.fixture
def graphs(driver):
    return GraphCache(driver, driver.stream())


def counting(driver, done, value):
    return lambda: driver.submit(lambda: done.append(value))


def test_the_first_use_warms_up_captures_and_launches(driver, graphs):
    done = []
    graphs.run("a", counting(driver, done, 1))
    assert done == [1, 1]  # without a graph, then by the graph; not during the capture
    assert driver.log == ["synchronize", "capture", "launch"]


def test_later_uses_launch_the_graph(driver, graphs):
    done = []
    for _ in range(3):
        graphs.run("a", counting(driver, done, 1))
    assert driver.log.count("capture") == 1
    assert driver.log.count("launch") == 3
    assert len(done) == 4


def test_another_key_is_captured_and_the_first_is_kept(driver, graphs):
    done = []
    for key in ("a", "b", "a", "b"):
        graphs.run(key, counting(driver, done, key))
    assert driver.log.count("capture") == 2
    assert done == ["a", "a", "b", "b", "a", "b"]


def test_the_oldest_graph_is_removed(driver, graphs):
    for key in range(9):
        graphs.run(key, lambda: None)
    assert len(graphs) == 4
    graphs.run(8, lambda: None)
    assert driver.log.count("capture") == 9
    graphs.run(0, lambda: None)
    assert driver.log.count("capture") == 10


def test_work_that_cannot_be_captured_is_queued_each_time(driver):
    graphs, done = GraphCache(driver, driver.stream(), lambda: False), []
    for _ in range(3):
        graphs.run("a", counting(driver, done, 1))
    assert done == [1, 1, 1]
    assert "capture" not in driver.log


def test_a_failing_capture_leaves_no_graph(driver, graphs):
    calls = []

    def enqueue():
        calls.append(1)
        if len(calls) == 2:  # the captured call
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        graphs.run("a", enqueue)
    assert driver.recording is None
    assert len(graphs) == 0
