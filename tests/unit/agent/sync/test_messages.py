"""What is published and what comes back, held against the JSON Schemas that are published with it."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files
from typing import Any

import fastjsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import Acknowledgement, Position, Report, SeenAgain
from agent.store.outbox import Entry
from agent.sync.messages import (
    LARGEST_ACKNOWLEDGEMENT,
    LARGEST_PAYLOAD,
    MalformedMessage,
    acknowledgement,
    batches,
    birth,
    decode_acknowledgement,
    farewell,
    feature,
    report_message,
    timestamp,
)
from tests.unit.builders import BOOT, DEVICE, NOON, PREFIX, identifier, report

Check = Callable[[Any], Any]


def schema(name: str, definition: str | None = None) -> Check:
    whole = msgspec.json.decode((files("agent.schema") / f"{name}.json").read_bytes())
    if definition is not None:
        whole = {"$ref": f"#/definitions/{definition}", "definitions": whole["definitions"]}
    check: Check = fastjsonschema.compile(whole)
    return check


CHECK_REPORTS, CHECK_REPORT = schema("reports"), schema("reports", "report")
CHECK_STATE, CHECK_ACKNOWLEDGEMENT = schema("state"), schema("acknowledgement")


def entry(number: int = 1, **changes: Any) -> Entry:
    return Entry(number, "pending", 0.0, report(number, **changes))


def sent(one: Entry, now: datetime = NOON) -> dict[str, Any]:
    """The report as it is sent, and fits the schema."""
    content: dict[str, Any] = msgspec.json.decode(feature(one, now))
    CHECK_REPORT(content)
    return content


def test_a_report_is_sent_as_the_contract_says() -> None:
    content = sent(entry(1234), NOON + timedelta(seconds=1.5))
    assert content["id"] == identifier(1234)
    assert content["geometry"] == {"type": "Point", "coordinates": [5.36978, 43.29648]}
    assert content["properties"] == {
        "device": DEVICE,
        "boot": BOOT,
        "sequence": 1234,
        "observed_at": "2026-11-22T12:00:00.000Z",
        "sent_at": "2026-11-22T12:00:01.500Z",
        "clock": "gps",
        "clock_error_s": 0.1,
        "historical": False,
        "label": "pothole",
        "probability": 0.93,
        "decision": "accepted",
        "candidates": [
            {"label": "pothole", "probability": 0.93},
            {"label": "graffiti", "probability": 0.05},
            {"label": "no_defect", "probability": 0.02},
        ],
        "severity": "normal",
        "frames": 4,
        "region": [0.1, 0.5, 0.4, 0.8],
        "position": {"source": "gnss", "age_s": 0.2, "accuracy_m": 3.1, "speed_mps": 8.2, "track_deg": 123.0},
        "commune": None,
        "team": "voirie",
        "model": {"name": "defects", "version": "1.0.0", "sha256": "0" * 64},
        "evidence": None,
        "evidence_withheld": "no_anonymiser",
    }


def test_where_no_position_is_known_the_geometry_is_null() -> None:
    content = sent(entry(position=Position("none"), team=None, clock="unknown", clock_error=None))
    assert content["geometry"] is None
    assert content["properties"]["position"]["source"] == "none"
    assert content["properties"]["position"]["age_s"] is None
    assert content["properties"]["clock_error_s"] is None


def test_a_position_on_the_equator_and_the_meridian_is_a_position() -> None:
    assert sent(entry(position=Position("gnss", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)))["geometry"]["coordinates"] == [0, 0]


@pytest.mark.parametrize(("seconds", "historical"), [(0, False), (60, False), (60.1, True), (86400 * 90, True)])
def test_a_report_seen_more_than_a_minute_before_it_is_sent_is_historical(seconds: float, historical: bool) -> None:
    assert sent(entry(), NOON + timedelta(seconds=seconds))["properties"]["historical"] is historical


def test_what_is_told_anew_says_so_and_only_what_there_is_to_say() -> None:
    def news(**changes: Any) -> dict[str, Any]:
        return {
            name: value
            for name, value in sent(entry(**changes))["properties"].items()
            if name in {"revision", "seen_again", "first_observed_at"}
        }

    assert news() == {}
    assert news(revision=3) == {"revision": 3}
    assert news(revision=1, seen_again=SeenAgain(2, NOON)) == {
        "revision": 1,
        "seen_again": {"times": 2, "last_at": "2026-11-22T12:00:00.000Z"},
    }
    wrong = datetime(1970, 1, 1, 0, 0, 12, tzinfo=UTC)
    assert news(first_observed_at=wrong) == {"first_observed_at": "1970-01-01T00:00:12.000Z"}


def test_seconds_since_the_boot_are_nobodys_business() -> None:
    assert b"monotonic" not in feature(entry(monotonic=12.5), NOON)


@given(
    revision=st.integers(0, 2**31 - 1),
    times=st.integers(1, 10**6),
    last_at=st.datetimes(datetime(1970, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - as hypothesis wants its bounds
)
def test_however_often_it_was_seen_again_a_report_fits_the_schema(revision: int, times: int, last_at: datetime) -> None:
    sent(entry(revision=revision, seen_again=SeenAgain(times, last_at), first_observed_at=last_at))


@given(
    probability=st.floats(0, 1),
    lat=st.floats(-90, 90),
    lon=st.floats(-180, 180),
    measure=st.floats(0, 1e6),
    track=st.floats(0, 360),
    frames=st.integers(1, 100_000),
    observed_at=st.datetimes(datetime(2000, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - as hypothesis wants its bounds
)
def test_whatever_the_figures_a_report_fits_the_schema(  # noqa: PLR0913, PLR0917 - a figure each
    probability: float, lat: float, lon: float, measure: float, track: float, frames: int, observed_at: datetime
) -> None:
    place = Position("last_known", lat, lon, measure, measure, measure, track)
    sent(entry(probability=probability, position=place, frames=frames, observed_at=observed_at))


def test_a_message_is_a_feature_collection_with_the_attributes_of_cloudevents() -> None:
    message = report_message(PREFIX, DEVICE, [feature(entry(n), NOON) for n in (1, 2)], NOON)
    content = msgspec.json.decode(message.payload)
    CHECK_REPORTS(content)
    assert [one["id"] for one in content["features"]] == [identifier(1), identifier(2)]
    assert message.topic == "fidamia/v1/veh-042/reports"
    assert message.content_type == "application/geo+json"
    assert not message.retain
    assert uuid.UUID(message.properties["id"]).version == 7
    assert {name: value for name, value in message.properties.items() if name != "id"} == {
        "specversion": "1.0",
        "source": "/fidamia/v1/veh-042",
        "type": "fidamia.reports.v1",
        "time": "2026-11-22T12:00:00.000Z",
    }


def grouped(*reports: Report) -> list[list[int]]:
    """The numbers in each batch; every batch makes a message that is not too large."""
    entries = [Entry(number, "pending", 0.0, one) for number, one in enumerate(reports, start=1)]
    groups = list(batches((one, feature(one, NOON)) for one in entries))
    for group in groups:
        message = report_message(PREFIX, DEVICE, (encoded for _one, encoded in group), NOON)
        assert len(message.payload) <= LARGEST_PAYLOAD
    return [[one.sequence for one, _encoded in group] for group in groups]


def test_reports_are_grouped_in_order_and_no_message_is_larger_than_the_contract_allows() -> None:
    groups = grouped(*(report(number, evidence_withheld="x" * 128) for number in range(200)))
    assert len(groups) > 1
    assert [number for group in groups for number in group] == list(range(1, 201))
    assert all(len(group) > 50 for group in groups[:-1])


@given(st.lists(st.integers(0, 60_000), max_size=12))
def test_whatever_their_sizes_no_message_is_too_large(sizes: list[int]) -> None:
    groups = grouped(*(report(number, evidence_withheld="x" * size) for number, size in enumerate(sizes)))
    assert [number for group in groups for number in group] == list(range(1, len(sizes) + 1))
    assert all(groups)


def test_birth_is_retained_and_says_what_runs() -> None:
    message = birth(PREFIX, DEVICE, NOON, boot=BOOT, version="1.0.0", model="defects 1.0.0")
    content = msgspec.json.decode(message.payload)
    CHECK_STATE(content)
    assert content == {
        "state": "online",
        "at": "2026-11-22T12:00:00.000Z",
        "boot": BOOT,
        "version": "1.0.0",
        "model": "defects 1.0.0",
    }
    assert (message.topic, message.retain) == ("fidamia/v1/veh-042/state", True)
    assert message.properties["type"] == "fidamia.state.v1"


def test_farewell_is_retained_in_the_same_place() -> None:
    message = farewell(PREFIX, DEVICE)
    CHECK_STATE(msgspec.json.decode(message.payload))
    assert message.payload == b'{"state":"offline"}'
    assert (message.topic, message.retain) == ("fidamia/v1/veh-042/state", True)


def test_an_acknowledgement_is_read_as_it_was_written() -> None:
    content = Acknowledgement((identifier(1), identifier(2)), ((identifier(3), "no such label"),))
    message = acknowledgement(PREFIX, DEVICE, content)
    CHECK_ACKNOWLEDGEMENT(msgspec.json.decode(message.payload))
    assert message.topic == "fidamia/v1/veh-042/ack"
    assert decode_acknowledgement(message.payload) == content


def test_what_a_newer_centre_adds_is_passed_over() -> None:
    assert decode_acknowledgement(b'{"stored": ["a"], "weather": {"rain": true}}') == Acknowledgement(("a",), ())
    assert decode_acknowledgement(b"{}") == Acknowledgement((), ())


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"no JSON",
        b'{"stored": ["\xff"]}',
        b"[]",
        b"null",
        b'{"stored": "a"}',
        b'{"stored": [1]}',
        b'{"stored": ["%s"]}' % (b"x" * 65),
        b'{"rejected": [{"id": "a"}]}',
        b'{"rejected": [{"id": "a", "reason": "%s"}]}' % (b"x" * 2001),
        b"[" * 100_000,
        b'{"x": ' + b"[" * 100_000,
    ],
    ids=lambda payload: payload[:20].decode("latin-1"),
)
def test_what_is_no_acknowledgement_is_told_apart(payload: bytes) -> None:
    with pytest.raises(MalformedMessage, match="not an acknowledgement"):
        decode_acknowledgement(payload)


def test_an_acknowledgement_larger_than_any_is_not_even_read() -> None:
    with pytest.raises(MalformedMessage, match="an acknowledgement of 1048577 bytes"):
        decode_acknowledgement(b" " * (LARGEST_ACKNOWLEDGEMENT + 1))


@given(st.binary() | st.from_regex(rb'\{"(stored|rejected|x)": ?\[.{0,20}\]\}', fullmatch=True))
def test_no_bytes_break_the_reader_of_acknowledgements(payload: bytes) -> None:
    with contextlib.suppress(MalformedMessage):
        decode_acknowledgement(payload)


def test_a_timestamp_is_in_utc_to_the_millisecond() -> None:
    paris = datetime(2026, 11, 22, 1, 30, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert timestamp(paris) == "2026-11-21T23:30:00.999Z"
