"""Everything is cut at random, and nothing is lost. `make faults` does it for longer."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.system.fortnight import Fortnight
from tests.system.rig import Rig

CUTS = 60
SEED = 2


@pytest.mark.timeout(900)
def test_whatever_is_cut_each_report_arrives_once_or_its_loss_is_told(tmp_path: Path) -> None:
    with closing(Rig(tmp_path, SEED)) as rig:
        verdict = rig.run(CUTS)
    assert verdict.is_good, verdict
    assert verdict.committed > CUTS
    assert verdict.cuts.total() == CUTS


@pytest.mark.timeout(600)
def test_a_fortnight_without_the_broker_fits_and_arrives(tmp_path: Path) -> None:
    with closing(Fortnight(tmp_path, scale=0.03)) as fortnight:
        fortnight.drive()
        fortnight.come_home()
    assert fortnight.largest <= 1.01 * fortnight.quota
    assert fortnight.missing() == set()
    assert fortnight.pictures_dropped > 0, "the quota was never reached"
