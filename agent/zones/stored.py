"""The zones in the store's folder: one GeoJSON file (RFC 7946), whole or not there, that says by its hash if it is."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from agent.errors import ConfigError, FidamiaError
from agent.export.target import replacing
from agent.i18n import _
from agent.store.disk import sync
from agent.store.lock import create_directory
from agent.zones.zone import Zone

FILE_NAME = "zones.geojson"
MODE = 0o640  # by root, for the daemon's user to read


class _Properties(msgspec.Struct):
    kind: Literal["commune", "no_capture", "statistics"]
    code: str | None
    name: str


class _Feature(msgspec.Struct, tag_field="type", tag="Feature"):
    properties: _Properties
    geometry: msgspec.Raw


class _File(msgspec.Struct, tag_field="type", tag="FeatureCollection"):
    sha256: str  # of the features, as they stand in the file
    features: msgspec.Raw


def read(directory: Path) -> list[Zone]:
    """The zones that are kept, none where nothing was imported. Raises ConfigError."""
    path = directory / FILE_NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(
            _("{path}: the zones can not be read ({reason}); check the file's owner").format(
                path=path, reason=error.strerror
            )
        ) from error
    from agent.zones import geojson, shape  # noqa: PLC0415 - shapely only where there are zones

    try:
        file = msgspec.json.decode(content, type=_File)
        features = bytes(file.features)
        if hashlib.sha256(features).hexdigest() != file.sha256:
            raise ValueError(_("its hash is another"))
        return [
            Zone(
                feature.properties.kind,
                feature.properties.code,
                feature.properties.name,
                shape.build(geojson.parts(feature.geometry)),
            )
            for feature in msgspec.json.decode(features, type=list[_Feature])
        ]
    except (ValueError, RecursionError, shape.BadFeature) as error:
        raise ConfigError(
            _(
                "{path}: the zones are damaged, or were changed by hand ({reason}); "
                "move the file away and import all of them again: fidamia zones import FILE"
            ).format(path=path, reason=error)
        ) from error


def replace(directory: Path, kinds: Collection[str], zones: Sequence[Zone]) -> int:
    """Put these in the place of all zones of these kinds, durably; how many went.

    Raises ConfigError where what is kept is damaged, StoreError where there can be no folder, and FidamiaError where
    it can not be written. Then nothing is changed.
    """
    create_directory(directory)
    try:
        with _alone(directory):
            before = read(directory)
            kept = [zone for zone in before if zone.kind not in kinds]
            _write(directory, sorted([*kept, *zones], key=lambda zone: zone.order))
    except OSError as error:
        raise FidamiaError(
            _("{path}: can not be written ({reason}); nothing was changed; check the folder's owner and disk").format(
                path=directory / FILE_NAME, reason=error.strerror
            )
        ) from error
    return len(before) - len(kept)


def _write(directory: Path, zones: Sequence[Zone]) -> None:
    path = directory / FILE_NAME
    if not zones:
        path.unlink(missing_ok=True)
        sync(directory)
        return
    features = b"[\n" + b",\n".join(map(_encode, zones)) + b"\n]"
    content = _File(hashlib.sha256(features).hexdigest(), msgspec.Raw(features))
    owner = directory.stat()
    # The daemon's user owns the folder: what root writes into must be new, and no link that it put there.
    with replacing(path) as partial, open(partial, "xb", opener=_private) as file:
        file.write(msgspec.json.encode(content) + b"\n")
        file.flush()
        os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        os.fchmod(file.fileno(), MODE)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _encode(zone: Zone) -> bytes:
    from agent.zones import shape  # noqa: PLC0415 - shapely only where there are zones

    kind, coordinates = shape.coordinates(zone.geometry)
    return msgspec.json.encode(
        {
            "type": "Feature",
            "properties": {"kind": zone.kind, "code": zone.code, "name": zone.name},
            "geometry": {"type": kind, "coordinates": coordinates},
        }
    )


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Two imports at once would each write what the other did not know."""
    folder = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
