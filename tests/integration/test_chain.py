"""From frame to the centre's database, cut in the middle: nothing is lost and nothing doubled."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from agent.config import Broker as Settings
from agent.drivers.mqtt import MqttConnection
from agent.interfaces import Message

from .broker import Broker
from .chain import Chain
from .receiver import wait_until

MakeBroker = Callable[..., Broker]


@pytest.fixture
def broker(make_broker: MakeBroker) -> Broker:
    return make_broker(persistent=True)


@pytest.fixture
def chain(tmp_path: Path, broker: Broker) -> Iterator[Chain]:
    vehicle = Chain(tmp_path, broker.port)
    yield vehicle
    vehicle.close()


def has_delivered(chain: Chain, count: int) -> Callable[[], bool]:
    return lambda: (chain.figure("centre", "settled") or 0) >= count


def has_found(chain: Chain, count: int) -> Callable[[], bool]:
    return lambda: (chain.figure("store", "reports") or 0) >= count


def everything_arrived_once(chain: Chain) -> None:
    """What the device stored is what the centre holds: the same ids, the same sequences, without a hole."""
    assert wait_until(lambda: chain.pending() == 0, 30), chain.agent.log
    device, centre = chain.on_device(), chain.centre.reports()
    assert {entry.report.id for entry in device} == {feature["id"] for feature in centre}
    assert len(device) == len(centre) > 0
    assert [feature["properties"]["sequence"] for feature in centre] == list(range(1, len(device) + 1))
    assert {entry.state for entry in device} == {"settled"}


def test_the_broker_killed_in_the_middle(chain: Chain, broker: Broker) -> None:
    chain.centre.start()
    chain.agent.start()
    assert wait_until(has_delivered(chain, 2), 40), chain.agent.log
    broker.kill()
    found = chain.figure("store", "reports")
    assert wait_until(has_found(chain, found + 2), 40), "without a broker nothing is found any more"
    assert chain.pending() > 0
    assert wait_until(lambda: chain.status()[0] == 1, 10)
    broker.start()
    assert wait_until(has_delivered(chain, found + 2), 40), chain.agent.log
    assert chain.agent.kill(signal.SIGTERM) == 0
    chain.agent.start()  # delivers what the last two seconds may have left
    everything_arrived_once(chain)
    assert chain.agent.log.count("WARNING agent.sync") <= 4, "repeats are not warnings"


def test_the_agent_killed_again_and_again(chain: Chain) -> None:
    chain.centre.start()
    for count in (1, 2, 1):
        chain.agent.start()
        assert wait_until(has_found(chain, count), 40), chain.agent.log
        assert chain.agent.kill() == -signal.SIGKILL
        (chain.directory / "status.json").unlink()
    assert len(chain.on_device()) >= 4
    chain.agent.start()
    everything_arrived_once(chain)


def test_the_centre_killed_again_and_again(chain: Chain) -> None:
    chain.agent.start()
    for count in (1, 2, 3):
        chain.centre.start()
        assert wait_until(has_delivered(chain, count), 40), chain.agent.log
        chain.centre.kill()
    chain.centre.start()
    everything_arrived_once(chain)


def test_a_stop_commits_what_is_open_within_two_seconds(chain: Chain) -> None:
    chain.centre.start()
    agent = chain.agent.start()
    assert wait_until(has_found(chain, 1), 40), chain.agent.log
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(timeout=4) == 0
    code, answer = chain.status()
    assert (code, answer["state"]) == (2, "down")
    assert "systemctl start" in answer["sentence"]


def test_status_says_all_is_well_while_it_runs(chain: Chain) -> None:
    chain.centre.start()
    chain.agent.start()
    assert wait_until(has_delivered(chain, 1), 40), chain.agent.log
    code, answer = chain.status()
    assert (code, answer["state"]) == (0, "healthy"), answer
    assert answer["settled_today"] >= 1
    assert set(answer["parts"]) == {"camera", "lens", "gps", "model", "store", "centre", "board"}


def test_a_second_daemon_on_the_same_store_refuses_with_the_pid_of_the_first(chain: Chain) -> None:
    first = chain.agent.start()
    assert wait_until(has_found(chain, 1), 40), chain.agent.log
    second = chain.agent.start()
    assert second.wait(timeout=20) == 74
    assert f"pid {first.pid}" in chain.agent.log
    first.kill()
    first.wait()


def test_no_position_and_no_password_in_the_logs(chain: Chain) -> None:
    toml = chain.directory / "agent.toml"
    toml.write_text(toml.read_text().replace("[agent]\n", '[agent]\nlog_level = "DEBUG"\n'))
    chain.centre.start()
    chain.agent.start()
    assert wait_until(has_delivered(chain, 2), 40), chain.agent.log
    chain.agent.kill(signal.SIGTERM)
    for feature in chain.centre.reports():
        lon, lat = feature["geometry"]["coordinates"]
        for log in (chain.agent.log, chain.centre.log):
            assert f"{lat:.3f}" not in log
            assert f"{lon:.3f}" not in log


def test_nonsense_is_refused_with_a_reason_and_kept_aside_and_the_rest_goes_on(chain: Chain, broker: Broker) -> None:
    settings = Settings(host="127.0.0.1", port=broker.port, tls=False)
    stranger = MqttConnection(settings, "stranger", subscriptions=["fidamia/v1/stranger/ack"])
    chain.centre.start()
    assert wait_until(lambda: "connected" in chain.centre.log, 20)
    stranger.open()
    reports = "fidamia/v1/stranger/reports"
    person = b'{"type":"FeatureCollection","features":[{"type":"Feature","id":"7","person":"x"}]}'
    answers = stranger.exchange(
        [
            Message(reports, b"\xff\x00 no JSON", properties={"id": "first"}),
            Message(reports, b"[" * 50_000, properties={"id": "second"}),
            Message(reports, b"x" * 70_000, properties={"id": "third"}),
            Message(reports, person),
            Message("fidamia/v1/NOT A DEVICE/reports", b"{}"),
        ],
        5.0,
    )
    deadline = 10
    while len(_refused(answers)) < 4 and (deadline := deadline - 1):
        answers += stranger.exchange([], 1.0)
    stranger.close()
    assert set(_refused(answers)) == {"first", "second", "third", "7"}
    assert all(_refused(answers).values()), "a refusal without a reason"
    chain.agent.start()
    assert wait_until(has_delivered(chain, 1), 40), chain.agent.log
    with chain.centre.store() as store:
        assert [(device, identifier) for device, identifier, _reason in store.refusals()] == [
            ("stranger", "first"),
            ("stranger", "second"),
            ("stranger", "third"),
            ("stranger", "7"),
        ]
    assert "Traceback" not in chain.centre.log


def _refused(answers: list[Message]) -> dict[str, str]:
    contents = [msgspec.json.decode(answer.payload) for answer in answers]
    return {refusal["id"]: refusal["reason"] for content in contents for refusal in content["rejected"]}


def test_a_broker_without_a_centre_is_no_centre(chain: Chain) -> None:
    chain.agent.start()
    assert wait_until(lambda: chain.status()[1]["parts"].get("centre", {}).get("state") == "failed", 60)
    code, answer = chain.status()
    assert code == 1
    assert "centre is not reached" in answer["sentence"]
    assert chain.pending() > 0
    chain.centre.start()
    everything_arrived_once(chain)
