"""The way to the broker: gone, there again, or there and of no use."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from agent.drivers import network
from agent.drivers.network import Network, carried, interface, stuck


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EVERY", "SELDOM"):
        monkeypatch.setattr(network, name, 0.0)
    monkeypatch.setattr(network, "TIMEOUT", 0.2)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def blackhole(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a tunnel: what is sent is never answered."""

    def connect(_address: tuple[str, int], _timeout: float) -> socket.socket:
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", connect)


def test_a_way_that_was_never_gone_does_not_come_back(listener: socket.socket) -> None:
    way = Network(*listener.getsockname())
    assert [way.came_back() for _ in range(3)] == [False] * 3


def test_a_tunnels_end_is_noticed_once(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    way = Network(*listener.getsockname())
    with monkeypatch.context() as tunnel:
        blackhole(tunnel)
        assert [way.came_back() for _ in range(3)] == [False] * 3
    assert [way.came_back() for _ in range(3)] == [True, False, False]


def test_a_machine_that_refuses_is_there(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    way = Network(*listener.getsockname())
    with monkeypatch.context() as tunnel:
        blackhole(tunnel)
        assert not way.came_back()
    listener.close()
    assert way.came_back()


def test_a_name_that_can_not_be_resolved_is_no_way() -> None:
    way = Network("no-such-host.invalid", 8883)
    assert [way.came_back() for _ in range(2)] == [False, False]


def test_it_is_not_looked_all_the_time(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "EVERY", 60.0)
    way = Network(*listener.getsockname())
    with monkeypatch.context() as tunnel:
        blackhole(tunnel)
        assert not way.came_back()
    assert not way.came_back(), "not yet looked again"


def test_whether_it_is_there_now(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    way = Network(*listener.getsockname())
    assert [way.is_there(), way.is_there()] == [True, True]
    with monkeypatch.context() as tunnel:
        blackhole(tunnel)
        assert not way.is_there()
    monkeypatch.setattr(network, "EVERY", 60.0)
    assert way.is_there()
    assert not way.is_there(), "looked again at once"


def test_a_connection_whose_packets_arrive_is_not_stuck(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()) as here, listener.accept()[0]:
        here.sendall(b"x")
        assert not stuck(here)
    with pytest.raises(OSError, match="descriptor"):
        stuck(here)


def test_an_address_belongs_to_a_network() -> None:
    assert interface("127.0.0.1") == "lo"
    assert interface("192.0.2.1") == ""  # of documentation: nobody's


def test_what_a_connection_carries_is_counted_with_headers_both_ways(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()) as here, listener.accept()[0] as there:
        begun = carried(here)
        here.sendall(bytes(100_000))
        arrived = 0
        while arrived < 100_000:
            arrived += len(there.recv(65_536))
        there.sendall(bytes(50_000))
        here.recv(50_000, socket.MSG_WAITALL)
        assert 150_000 < carried(here) - begun < 165_000
        assert 150_000 < carried(there) < 165_000
