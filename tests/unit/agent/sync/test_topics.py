"""The names of the topics."""

from __future__ import annotations

import pytest

from agent.sync.topics import device_of, topic


def test_a_topic_is_made_of_prefix_device_and_channel() -> None:
    assert topic("fidamia/v1", "veh-042", "reports") == "fidamia/v1/veh-042/reports"


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("fidamia/v1/veh-042/reports", "veh-042"),
        ("fidamia/v1/veh-042/evidence/x", "veh-042"),
        ("fidamia/v1/veh-042", None),
        ("fidamia/v1//reports", ""),
        ("fidamia/v2/veh-042/reports", None),
        ("fidamia/v1x/veh-042/reports", None),
        ("", None),
    ],
)
def test_the_device_is_read_from_a_topic_below_the_prefix(name: str, device: str | None) -> None:
    assert device_of("fidamia/v1", name) == device
