"""From a file of anybody's to zones: what can be taken, what was repaired, and what is wrong with the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import shapely

from agent.i18n import _, shown
from agent.zones import geojson, geopackage
from agent.zones.feature import Feature, UnusableFile, wrong_system
from agent.zones.shape import BadFeature, NoDegrees, make_whole
from agent.zones.zone import COMMUNE, KINDS, Zone, area

LARGEST = 100_000_000  # bytes of a file
MOST = 50_000  # zones: France has 35 000 communes
LONGEST = 100  # characters of a name
SMALLEST, WIDEST = 1.0, 1e11  # square metres: a manhole, ten times the largest region of France
SLIVER = 0.001  # share of the smaller commune: what neighbours overlap by where each was drawn for itself
SHOWN = 20  # faults of a kind

INSEE = re.compile(r"[0-9][0-9AB][0-9]{3}")
CODES = ("insee", "insee_com", "code_insee", "ref:insee", "code")
NAMES = ("nom", "name", "libelle", "nom_officiel")


@dataclass(frozen=True, slots=True)
class Intake:
    """What came of a file."""

    zones: tuple[Zone, ...]
    repaired: tuple[str, ...]  # each with what was wrong
    overlaps: tuple[str, ...]  # communes that cover more than a sliver of each other
    faults: tuple[str, ...]  # of the features that are no zones


def read(path: Path, layer: str | None = None) -> list[Feature]:
    """The features of a GeoJSON file or a GeoPackage. Raises UnusableFile."""
    content = _content(path)
    if content.startswith(geopackage.MAGIC):
        found = geopackage.read(path, layer)
    elif layer is None:
        found = geojson.read(path, content)
    else:
        raise UnusableFile(_("{path}: only a GeoPackage has layers; leave --layer out").format(path=shown(path)))
    features = list(islice(found, MOST + 1))
    if len(features) > MOST:
        raise UnusableFile(
            _("{path}: more than {number} zones; leave out what is not driven through").format(
                path=shown(path), number=MOST
            )
        )
    if not features:
        raise UnusableFile(_("{path}: there is no zone in it").format(path=shown(path)))
    if all(isinstance(feature.fault, NoDegrees) for feature in features):
        raise UnusableFile(wrong_system(path, None))
    return features


def examine(features: Sequence[Feature], kind: str | None = None) -> Intake:
    """Make zones of them, all of that kind, or each of the kind that it states."""
    zones: list[Zone] = []
    repaired, faults = [], []
    places: dict[str, str] = {}
    for feature in features:
        try:
            zone, fault = _zone(feature, kind)
            if zone.code and places.setdefault(zone.code, feature.place) != feature.place:
                raise BadFeature(_("the same code as {place}").format(place=places[zone.code]))
        except BadFeature as error:
            faults.append(f"{_named(feature)}: {error}")
            continue
        zones.append(zone)
        if fault:
            repaired.append(f"{_named(feature)}: {fault}")
    return Intake(tuple(zones), tuple(repaired), tuple(islice(_overlaps(zones), SHOWN)), tuple(faults))


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise _unreadable(path, _("it is no file") if path.exists() else _("there is no such file"))
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise _unreadable(path, error.strerror) from error
    if len(content) > LARGEST:
        raise UnusableFile(
            _("{path}: larger than {number} MB; leave out what is not driven through, or simplify it").format(
                path=shown(path), number=LARGEST // 1_000_000
            )
        )
    return content


def _unreadable(path: Path, reason: object) -> UnusableFile:
    return UnusableFile(
        _("{path}: can not be read ({reason}); check the name, and who may read it").format(
            path=shown(path), reason=reason
        )
    )


def _zone(feature: Feature, kind: str | None) -> tuple[Zone, str]:
    """The zone, and what was repaired of it. Raises BadFeature."""
    if feature.fault:
        raise feature.fault
    properties = {key.lower(): value for key, value in feature.properties.items()}
    kind = kind or _kind(properties)
    code = _code(properties) if kind == COMMUNE else None
    name = _text(properties, NAMES)
    if not name or len(name) > LONGEST or not name.isprintable():
        raise BadFeature(
            _("no name, or none of at most {number} characters, in any of {keys}").format(
                number=LONGEST, keys=", ".join(NAMES)
            )
        )
    geometry, fault = make_whole(feature.geometry)
    size = area(geometry)
    if not SMALLEST <= size <= WIDEST:
        raise BadFeature(_("{size:.3g} km² is no size for a zone").format(size=size / 1e6))
    return Zone(kind, code, name, geometry), fault


def _kind(properties: Mapping[str, object]) -> str:
    """What the zone says that it is; one that does not say it but has an INSEE code is a commune."""
    kind = properties.get("kind")
    if kind in KINDS:
        return str(kind)
    if kind is None and INSEE.fullmatch(_text(properties, CODES).upper()):
        return COMMUNE
    raise BadFeature(
        _("its kind ({kind}) is none of {kinds}; say with --kind what the zones are").format(
            kind="-" if kind is None else shown(kind)[:30], kinds=", ".join(KINDS)
        )
    )


def _code(properties: Mapping[str, object]) -> str:
    code = _text(properties, CODES).upper()
    if not INSEE.fullmatch(code):
        raise BadFeature(
            _("no INSEE code of 5 characters, but {code}, in any of {keys}").format(
                code=shown(code[:30]) or "-", keys=", ".join(CODES)
            )
        )
    return code


def _text(properties: Mapping[str, object], keys: Sequence[str]) -> str:
    """The first of these properties that says something; a code with the zeros that spreadsheets take away."""
    for key in keys:
        value = properties.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return f"{value:05d}" if keys is CODES else str(value)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def _named(feature: Feature) -> str:
    properties = {key.lower(): value for key, value in feature.properties.items()}
    name = _text(properties, NAMES) or _text(properties, CODES)
    return f"{feature.place} ({shown(name[:LONGEST])})" if name else feature.place


def _overlaps(zones: Sequence[Zone]) -> Iterator[str]:
    communes = [zone for zone in zones if zone.kind == COMMUNE]
    tree = shapely.STRtree([zone.geometry for zone in communes])
    for number, one in enumerate(communes):
        for other in tree.query(one.geometry, predicate="intersects").tolist():
            if other <= number:
                continue
            smaller = min(one.geometry.area, communes[other].geometry.area)
            share = one.geometry.intersection(communes[other].geometry).area / smaller
            if share > SLIVER:
                yield _("{one} and {other}: {share:.1%} of the smaller one").format(
                    one=_title(one), other=_title(communes[other]), share=share
                )


def _title(zone: Zone) -> str:
    return f"{zone.name} ({zone.code})"
