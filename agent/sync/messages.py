"""What is published and what comes back: GeoJSON of reports, acknowledgements, birth and last will."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import uuid6
from msgspec import Meta

from agent.domain import Acknowledgement, Loss, Report
from agent.errors import FidamiaError
from agent.interfaces import Message
from agent.store.outbox import Entry
from agent.sync.topics import topic
from agent.sync.transfer import Piece

LARGEST_PAYLOAD = 64 * 1024  # bytes
LARGEST_ACKNOWLEDGEMENT = 1024 * 1024  # bytes
MOST_ANSWERS, MOST_REJECTED = 10_000, 1000  # in one acknowledgement
HISTORICAL = 60.0  # seconds between seen and sent, from which on a report is no news

GEOJSON = "application/geo+json"
JSON = "application/json"
JPEG = "image/jpeg"
OPENING, CLOSING = b'{"type":"FeatureCollection","features":[', b"]}"


class MalformedMessage(FidamiaError):
    """A message from outside that is not what the contract says."""


def report_message(prefix: str, device: str, features: Iterable[bytes], now: datetime) -> Message:
    """A message of reports, encoded by `feature`."""
    name = topic(prefix, device, "reports")
    payload = OPENING + b",".join(features) + CLOSING
    return Message(name, payload, GEOJSON, cloud_event(f"{prefix}/{device}", "fidamia.reports.v1", now))


def loss_message(prefix: str, device: str, loss: Loss, now: datetime) -> Message:
    """What was dropped, so that nobody looks for it."""
    payload = {
        "id": loss.id,
        "what": loss.what,
        "reason": loss.reason,
        "count": sum(loss.labels.values()),
        "labels": loss.labels,
        "sequences": loss.sequences,
        "from": timestamp(loss.since),
        "to": timestamp(loss.until),
    }
    properties = cloud_event(f"{prefix}/{device}", "fidamia.losses.v1", now)
    return Message(topic(prefix, device, "losses"), msgspec.json.encode(payload), JSON, properties)


def piece_message(prefix: str, device: str, piece: Piece, content: bytes, now: datetime) -> Message:
    """A part of a picture; an empty one asks what is missing of it."""
    properties = cloud_event(f"{prefix}/{device}", "fidamia.evidence.v1", now)
    picture = piece.picture
    properties |= {"offset": str(piece.start), "total": str(picture.bytes), "sha256": picture.sha256}
    return Message(topic(prefix, device, f"evidence/{picture.id}"), content, JPEG, properties)


def batches(
    features: Iterable[tuple[Entry, bytes]], largest: int = LARGEST_PAYLOAD, most: int = 1000
) -> Iterator[list[tuple[Entry, bytes]]]:
    """Group encoded reports so that no message is larger than `largest` bytes, or holds more than `most` reports."""
    batch: list[tuple[Entry, bytes]] = []
    size = len(OPENING) + len(CLOSING)
    for entry, encoded in features:
        if batch and (size + len(encoded) + 1 > largest or len(batch) == most):
            yield batch
            batch, size = [], len(OPENING) + len(CLOSING)
        batch.append((entry, encoded))
        size += len(encoded) + 1
    if batch:
        yield batch


def feature(entry: Entry, now: datetime) -> bytes:
    """One report as a GeoJSON Feature (RFC 7946), as it is sent at `now` (aware UTC)."""
    report, position = entry.report, entry.report.position
    historical = (now - report.observed_at).total_seconds() > HISTORICAL
    properties: dict[str, Any] = {
        "device": report.device,
        "boot": report.boot,
        "sequence": entry.sequence,
        "observed_at": timestamp(report.observed_at),
        "sent_at": timestamp(now),
        "clock": report.clock,
        "clock_error_s": _rounded(report.clock_error, 3),
        "historical": historical,
        "label": report.label,
        "probability": round(report.probability, 4),
        "decision": report.decision,
        "candidates": [{"label": c.label, "probability": round(c.probability, 4)} for c in report.candidates],
        "severity": report.severity,
        "frames": report.frames,
        "region": [round(edge, 4) for edge in report.region],
        "position": {
            "source": position.source,
            "age_s": _rounded(position.age, 2),
            "accuracy_m": _rounded(position.accuracy, 1),
            "speed_mps": _rounded(position.speed, 2),
            "track_deg": _rounded(position.track, 1),
        },
        "commune": report.commune,
        "team": report.team,
        "model": {"name": report.model.name, "version": report.model.version, "sha256": report.model.sha256},
        "evidence": report.evidence,
        "evidence_withheld": report.evidence_withheld,
        **_news(report),
    }
    return msgspec.json.encode(
        {"type": "Feature", "id": report.id, "geometry": _geometry(report), "properties": properties}
    )


def birth(prefix: str, device: str, now: datetime, **facts: str) -> Message:
    """`online`, retained, so that whoever subscribes later knows too."""
    payload = {"state": "online", "at": timestamp(now), **facts}
    properties = cloud_event(f"{prefix}/{device}", "fidamia.state.v1", now)
    encoded = msgspec.json.encode(payload)
    return Message(topic(prefix, device, "state"), encoded, JSON, properties, retain=True, optional=True)


def health_message(prefix: str, device: str, diagnosis: bytes, now: datetime) -> Message:
    """How the device is: what `fidamia status --json` says."""
    properties = cloud_event(f"{prefix}/{device}", "fidamia.health.v1", now)
    return Message(topic(prefix, device, "health"), diagnosis, JSON, properties, optional=True)


def farewell(prefix: str, device: str) -> Message:
    """`offline`, retained: the last will, which the broker publishes when the device is gone."""
    return Message(topic(prefix, device, "state"), b'{"state":"offline"}', JSON, retain=True, optional=True)


Id = Annotated[str, Meta(max_length=64)]
Offset = Annotated[int, Meta(ge=0, le=2**31)]  # bytes


class _Rejection(msgspec.Struct):
    id: Id
    reason: Annotated[str, Meta(max_length=2000)]


class _Acknowledgement(msgspec.Struct):
    stored: Annotated[list[Id], Meta(max_length=MOST_ANSWERS)] = []
    evidence: Annotated[list[Id], Meta(max_length=MOST_ANSWERS)] = []
    evidence_missing: Annotated[dict[Id, list[tuple[Offset, Offset]]], Meta(max_length=MOST_ANSWERS)] = {}
    rejected: Annotated[list[_Rejection], Meta(max_length=MOST_REJECTED)] = []


def decode_acknowledgement(payload: bytes) -> Acknowledgement:
    """Read what the centre says. Raises MalformedMessage."""
    if len(payload) > LARGEST_ACKNOWLEDGEMENT:
        raise MalformedMessage(f"an acknowledgement of {len(payload)} bytes")
    try:
        content = msgspec.json.decode(payload, type=_Acknowledgement)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedMessage(f"not an acknowledgement: {error}") from error
    return Acknowledgement(
        tuple(content.stored),
        tuple((r.id, r.reason) for r in content.rejected),
        tuple(content.evidence),
        {name: tuple(ranges) for name, ranges in content.evidence_missing.items()},
    )


def acknowledgement(prefix: str, device: str, content: Acknowledgement) -> Message:
    """What the centre sends back once it has committed."""
    payload = {
        "stored": content.stored,
        "evidence": content.evidence,
        "evidence_missing": content.evidence_missing,
        "rejected": [{"id": identifier, "reason": reason} for identifier, reason in content.rejected],
    }
    return Message(topic(prefix, device, "ack"), msgspec.json.encode(payload), JSON)


def cloud_event(source: str, kind: str, now: datetime) -> dict[str, str]:
    """CloudEvents 1.0 attributes in binary mode, as MQTT 5 user properties."""
    return {
        "specversion": "1.0",
        "id": str(uuid6.uuid7()),
        "source": f"/{source}",
        "type": kind,
        "time": timestamp(now),
    }


def timestamp(instant: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _news(report: Report) -> dict[str, Any]:
    """What is only told of a report that is no longer as it was."""
    told: dict[str, Any] = {}
    if report.revision:
        told["revision"] = report.revision
    if report.seen_again is not None:
        told["seen_again"] = {"times": report.seen_again.times, "last_at": timestamp(report.seen_again.last_at)}
    if report.mark is not None:
        told["mark"] = report.mark
    if report.first_observed_at is not None:
        told["first_observed_at"] = timestamp(report.first_observed_at)
    return told


def _geometry(report: Report) -> dict[str, Any] | None:
    position = report.position
    if position.lat is None or position.lon is None:
        return None
    return {"type": "Point", "coordinates": [round(position.lon, 7), round(position.lat, 7)]}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
