"""The power is cut, and nothing is lost: in a machine of its own, where there is one (`make power`)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.system.power import PowerRig, is_possible

CUTS = 4
SEED = 3

pytestmark = pytest.mark.skipif(not is_possible(), reason="no QEMU with a kernel here: make .guest/initrd.gz")


@pytest.mark.timeout(600)
def test_what_was_committed_outlives_the_power(tmp_path: Path) -> None:
    with closing(PowerRig(tmp_path, SEED)) as rig:
        verdict = rig.run(CUTS)
    assert verdict.is_good, verdict
    assert verdict.committed > CUTS
