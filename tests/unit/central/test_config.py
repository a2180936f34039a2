"""The centre's own keys, and the file that explains them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import ConfigError
from central import config
from tests.unit.example_configuration import SYSTEMD, documented_faults, uncommented

EXAMPLE = SYSTEMD / "central.toml"


def test_the_example_file_loads() -> None:
    assert config.load(EXAMPLE).ingest.name == "ingest-1"


def test_every_key_stands_in_the_example_file_with_its_default() -> None:
    assert documented_faults(EXAMPLE, config.Config) == []


def test_every_comment_of_the_example_file_can_be_switched_on(tmp_path: Path) -> None:
    path = tmp_path / "central.toml"
    path.write_text(uncommented(EXAMPLE), encoding="utf-8")
    whole = config.load(path)
    assert whole.broker.username == "central"
    assert whole.codes["city"].pothole == "VOI-03"


def test_an_empty_file_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "central.toml"
    path.touch()
    assert config.load(path).store.directory == "/var/lib/fidamia-central"


@pytest.mark.parametrize("seconds", ["0", "-1", "inf", "nan", "4294967296"])
def test_a_session_that_mqtt_can_not_name_is_refused(tmp_path: Path, seconds: str) -> None:
    path = tmp_path / "central.toml"
    path.write_text(f"[ingest]\nsession_expiry_s = {seconds}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"central\.toml:2: \[ingest\] session_expiry_s"):
        config.load(path)
