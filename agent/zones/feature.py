"""A feature as a file has it, before any of it is believed; and the files of which none is."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.errors import FidamiaError
from agent.i18n import _, shown
from agent.zones.shape import BadFeature
from agent.zones.zone import Geometry

LAMBERT_93 = "EPSG:2154"
EPSG = re.compile(r".*EPSG\W.*?(\d{4,6})\Z", re.IGNORECASE)


class UnusableFile(FidamiaError):
    """A file whose zones can not be taken."""

    def __init__(self, sentence: str) -> None:
        super().__init__("\n".join((sentence, _("Nothing was changed."))))


@dataclass(frozen=True, slots=True)
class Feature:
    """One of a file: an area, or what is wrong with it."""

    place: str  # where in the file, in words
    properties: Mapping[str, object]
    geometry: Geometry | None = None  # degrees, perhaps not valid
    fault: BadFeature | None = None


def wrong_system(path: Path, system: str | None) -> str:
    """That coordinates are in another system than WGS 84, and how to convert them; None where it is not stated."""
    known = EPSG.match(system or "")
    source = f"EPSG:{known[1]}" if known else LAMBERT_93
    target = path.with_name(f"{path.stem}-wgs84.geojson")
    command = f"ogr2ogr -s_srs {source} -t_srs EPSG:4326 {shlex.quote(str(target))} {shlex.quote(str(path))}"
    if known:
        sentence = _("{path}: its coordinates are {system}, not degrees of WGS 84 (EPSG:4326); convert it: {command}")
        return sentence.format(path=shown(path), system=source, command=shown(command))
    if system is not None:
        sentence = _(
            "{path}: its coordinates are {system}, not degrees of WGS 84 (EPSG:4326); "
            "convert it, for instance from Lambert-93: {command}"
        )
        return sentence.format(path=shown(path), system=shown(system), command=shown(command))
    return _(
        "{path}: its coordinates are not degrees of WGS 84 (EPSG:4326); "
        "convert it, for instance from Lambert-93: {command}"
    ).format(path=shown(path), command=shown(command))
