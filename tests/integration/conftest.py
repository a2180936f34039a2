"""What the integration tests share: real programs, started for one test and stopped after it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .broker import MOSQUITTO, OPEN, Broker
from .receiver import GPSD, Receiver

ROOT = Path(__file__).parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder talks to real programs."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A moving GPS receiver behind a real gpsd."""
    if GPSD is None:
        pytest.skip("gpsd is not installed (Debian: apt install gpsd)")
    with Receiver() as moving:
        yield moving


@pytest.fixture
def make_broker(tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    """Starts a broker with the settings given."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed (Debian: apt install mosquitto)")
    brokers: list[Broker] = []

    def make(settings: str = OPEN, persistent: bool = False) -> Broker:
        directory = tmp_path / f"broker-{len(brokers)}"
        directory.mkdir()
        broker = Broker(directory, settings, persistent)
        brokers.append(broker)
        broker.start()
        return broker

    yield make
    for broker in brokers:
        broker.close()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of photographs and recordings, which never enter the repository."""
    folder = Path(os.environ.get("FIDAMIA_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"the photographs are not here ({folder}); FIDAMIA_SHARED names their folder")
    return folder
