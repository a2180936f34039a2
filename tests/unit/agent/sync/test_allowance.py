"""Pictures over networks that cost nothing, and over those that cost something."""

from __future__ import annotations

import pytest

from agent.store.quota import MEGABYTE
from agent.store.store import Store
from agent.sync import allowance
from agent.sync.allowance import Allowance


class Way:
    """A connection of which the test says what it has carried."""

    def __init__(self) -> None:
        self.network: str | None = "wwan0"
        self.carried = {"wwan0": 0, "wlan0": 0}

    def usage(self) -> dict[str, int]:
        return dict(self.carried)


@pytest.fixture
def way() -> Way:
    return Way()


def test_without_a_limit_pictures_go_anywhere(store: Store, way: Way) -> None:
    way.carried["wwan0"] = 10**12
    assert Allowance(store.traffic, way).pictures()
    assert Allowance(store.traffic, way, free=["wlan*"]).pictures()
    assert Allowance(store.traffic, way).spent is None


def test_a_month_has_so_many_bytes_on_the_networks_that_cost_something(store: Store, way: Way) -> None:
    month = Allowance(store.traffic, way, free=["wlan*"], month_mb=10)
    assert month.pictures()
    way.carried["wwan0"] = 10 * MEGABYTE - 1
    assert month.pictures()
    way.carried["wlan0"] = 1000 * MEGABYTE
    assert month.pictures()
    way.carried["wwan0"] = 10 * MEGABYTE
    assert not month.pictures()
    assert month.holds
    assert month.spent == 10 * MEGABYTE
    way.network = "wlan0"
    assert month.pictures()
    assert not month.holds
    way.network = None
    assert not month.pictures()


def test_what_was_spent_outlives_the_process_and_the_month_does_not(
    store: Store, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowance, "WRITTEN", 0.0)
    first = Allowance(store.traffic, way, month_mb=10)
    way.carried["wwan0"] = 10 * MEGABYTE
    assert not first.pictures()
    again = Way()
    assert not Allowance(store.traffic, again, month_mb=10).pictures()
    store._database.execute("UPDATE traffic SET month = '1999-12'")
    assert Allowance(store.traffic, again, month_mb=10).pictures()


def test_nothing_a_month_means_free_networks_only(store: Store, way: Way) -> None:
    never = Allowance(store.traffic, way, free=["wlan*", "eth0"], month_mb=0)
    assert not never.pictures()
    way.network = "eth0"
    assert never.pictures()
    way.network = "eth1"
    assert not never.pictures()


def test_it_is_said_once_that_pictures_wait_and_once_that_they_go(
    store: Store, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    never = Allowance(store.traffic, way, free=["wlan*"], month_mb=0)
    for network in ("wwan0", "wwan0", None, "wlan0", "wlan0"):
        way.network = network
        never.pictures()
    assert [record.getMessage() for record in caplog.records] == [
        "wwan0: pictures wait for a free network or the next month",
        "wlan0: pictures go",
    ]
