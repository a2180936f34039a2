"""The file in which zones are kept."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import threading
from pathlib import Path

import pytest
import shapely

from agent.errors import ConfigError, FidamiaError, StoreError
from agent.zones import stored
from agent.zones.zone import KINDS, Zone
from agent.zones.zones import Zones
from tests.unit.somebody_else import NOBODY, somebody_else
from tests.unit.zone_files import square, zone

AIX = zone("commune", "13001", square(0, 0, 3), square(1, 1))
SCHOOL = zone("no_capture", "École «Jules»", square(0, 0))
FAIR = Zone("statistics", None, "Foire", shapely.MultiPolygon([SCHOOL.geometry, shapely.Polygon(square(4, 4))]))


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    assert stored.replace(tmp_path, set(KINDS), [FAIR, SCHOOL, AIX]) == 0
    back = stored.read(tmp_path)
    assert [(one.kind, one.code, one.name) for one in back] == [
        ("commune", "13001", "13001"),
        ("no_capture", None, "École «Jules»"),
        ("statistics", None, "Foire"),
    ]
    for one, before in zip(back, (AIX, SCHOOL, FAIR), strict=True):
        assert one.geometry.equals(before.geometry)


def test_the_file_is_geojson_with_seven_decimals(tmp_path: Path) -> None:
    third = zone("commune", "13001", [(5 + x / 3, 43 + y / 3) for x, y in ((0, 0), (1, 0), (1, 1), (0, 0))])
    stored.replace(tmp_path, {"commune"}, [third])
    content = json.loads((tmp_path / "zones.geojson").read_text())
    assert content["type"] == "FeatureCollection"
    ring = content["features"][0]["geometry"]["coordinates"][0]
    assert [5.3333333, 43.0] in ring
    assert content["features"][0]["properties"] == {"kind": "commune", "code": "13001", "name": "13001"}


def test_only_the_kinds_that_came_are_replaced(tmp_path: Path) -> None:
    stored.replace(tmp_path, set(KINDS), [FAIR, SCHOOL, AIX])
    other = zone("commune", "13002", square(1, 1))
    assert stored.replace(tmp_path, {"commune"}, [other]) == 1
    assert [one.id for one in stored.read(tmp_path)] == ["13002", "École «Jules»", "Foire"]


def test_without_the_last_zone_there_is_no_file(tmp_path: Path) -> None:
    stored.replace(tmp_path, {"no_capture"}, [SCHOOL])
    assert stored.replace(tmp_path, {"no_capture"}, []) == 1
    assert list(tmp_path.iterdir()) == []
    assert stored.replace(tmp_path, {"no_capture"}, []) == 0


def test_the_folder_is_made_where_the_agent_never_ran(tmp_path: Path) -> None:
    stored.replace(tmp_path / "a" / "store", {"commune"}, [AIX])
    assert stat.S_IMODE((tmp_path / "a" / "store").stat().st_mode) == 0o750
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="the folder can not be made"):
        stored.replace(tmp_path / "file" / "store", {"commune"}, [AIX])


def test_the_file_is_for_the_owner_of_the_folder(public: Path) -> None:
    mask = os.umask(0o077)
    try:
        if os.geteuid() == 0:
            os.chown(public, NOBODY, NOBODY)
        stored.replace(public, {"commune"}, [AIX])
    finally:
        os.umask(mask)
    found, folder = (public / "zones.geojson").stat(), public.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o640, folder.st_uid, folder.st_gid)
    with somebody_else():
        assert len(stored.read(public)) == 1


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / ".zones.geojson.partial").symlink_to(victim)
    (folder / "zones.geojson").symlink_to(tmp_path / "nowhere")
    stored.replace(folder, {"commune"}, [AIX])
    assert victim.read_text() == "precious"
    assert not (folder / "zones.geojson").is_symlink()


def test_a_folder_that_can_not_be_written_is_a_sentence_and_nothing_is_changed(public: Path) -> None:
    stored.replace(public, {"commune"}, [AIX])
    before = (public / "zones.geojson").read_bytes()
    public.chmod(0o555)
    (public / "zones.geojson").chmod(0o644)
    with somebody_else(), pytest.raises(FidamiaError, match=r"can not be written .* nothing was changed"):
        stored.replace(public, {"no_capture"}, [SCHOOL])
    assert (public / "zones.geojson").read_bytes() == before


def test_a_file_that_may_not_be_read_is_a_sentence(public: Path) -> None:
    stored.replace(public, {"commune"}, [AIX])
    (public / "zones.geojson").chmod(0)
    with somebody_else(), pytest.raises(ConfigError, match=r"the zones can not be read \(Permission denied\)"):
        Zones.load(public)


def test_any_byte_that_is_lost_or_changed_is_noticed_and_what_is_left_is_not_overwritten(tmp_path: Path) -> None:
    stored.replace(tmp_path, set(KINDS), [FAIR, AIX])
    path = tmp_path / "zones.geojson"
    whole = path.read_bytes()
    expected = [one.id for one in stored.read(tmp_path)]
    for place in range(len(whole) - 1):
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]):
            path.write_bytes(damaged)
            try:
                found = [one.id for one in stored.read(tmp_path)]
            except ConfigError:
                with pytest.raises(ConfigError, match="import all of them again: fidamia zones import FILE"):
                    stored.replace(tmp_path, {"no_capture"}, [SCHOOL])
                assert path.read_bytes() == damaged
            else:
                assert found == expected  # the hash still holds: only what stands around the zones was changed


def test_an_import_waits_for_another_to_end(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    other = threading.Thread(target=stored.replace, args=(tmp_path, {"commune"}, [AIX]))
    other.start()
    other.join(0.05)
    assert stored.read(tmp_path) == []
    os.close(folder)
    other.join()
    assert len(stored.read(tmp_path)) == 1


def test_without_a_file_there_are_no_zones(tmp_path: Path) -> None:
    assert Zones.load(tmp_path).all == ()
    assert Zones.load(tmp_path / "nowhere").all == ()
