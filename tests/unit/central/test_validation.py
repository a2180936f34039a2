"""Nothing from outside is believed before it has passed here, and nothing from outside breaks it."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.interfaces import Message
from agent.sync.messages import LARGEST_PAYLOAD
from central.validation import Checked, Validator
from tests.unit.builders import DEVICE, PREFIX, identifier
from tests.unit.central.builders import MESSAGE_ID, TOPIC, message, raw, right, told_anew

VALIDATOR = Validator()

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def paths(content: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each value in a document."""
    if isinstance(content, dict | list):
        keys = content if isinstance(content, dict) else range(len(content))
        return [here, *(path for key in keys for path in paths(content[key], (*here, key)))]
    return [here]


def value_at(content: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        content = content[key]
    return content


def changed(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at the end of the path."""
    if not path:
        return value
    whole = copy.deepcopy(content)
    value_at(whole, path[:-1])[path[-1]] = value
    return whole


def check(payload: bytes) -> Checked:
    checked = VALIDATOR.check(PREFIX, raw(payload))
    assert checked is not None
    return checked


def reason(feature: Any) -> str:
    """Why the report is refused; another beside it is stored all the same."""
    checked = VALIDATOR.check(PREFIX, message(feature, right(2)))
    assert checked is not None
    assert [one["id"] for one in checked.reports] == [identifier(2)]
    (refusal,) = checked.refusals
    assert (refusal.device, refusal.topic) == (DEVICE, TOPIC)
    assert msgspec.json.decode(refusal.payload) == feature
    assert 0 < len(refusal.reason) <= 500
    return refusal.reason


def whole_reason(payload: bytes) -> str:
    """Why the message is refused as a whole, by the id of the message."""
    checked = check(payload)
    assert checked.reports == []
    (refusal,) = checked.refusals
    assert (refusal.id, refusal.payload) == (MESSAGE_ID, payload)
    return refusal.reason


def test_a_right_message_is_taken_whole() -> None:
    checked = VALIDATOR.check(PREFIX, message(right(1), right(2)))
    assert checked == Checked(DEVICE, [right(1), right(2)], [])


def test_a_message_without_reports_is_right() -> None:
    assert check(b'{"type":"FeatureCollection","features":[]}') == Checked(DEVICE, [], [])


@pytest.mark.parametrize(
    "topic",
    [
        "reports",
        f"{PREFIX}/reports",
        f"{PREFIX}//reports",
        f"{PREFIX}/VEH/reports",
        f"{PREFIX}/{'a' * 33}/reports",
        f"{PREFIX}/veh\n/reports",
        f"elsewhere/{DEVICE}/reports",
    ],
)
def test_a_message_on_a_topic_without_a_device_can_not_be_answered(topic: str) -> None:
    assert VALIDATOR.check(PREFIX, message(right(), topic=topic)) is None


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"", "not JSON"),
        (b"pothole", "not JSON"),
        (b'{"type":"FeatureCollection","features":[', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"type":"\xff"}', "not JSON"),
        (b'{"type":"FeatureCollection","features":["\xc3"]}', "not JSON"),
        (b'{"type":"FeatureCollection","features":["\\ud800"]}', "not JSON"),
        (b'{"type":"FeatureCollection","features":[NaN]}', "not JSON"),
        (b'{"type":"FeatureCollection","features":[Infinity]}', "not JSON"),
        (b'{"type":"FeatureCollection","features":[1e999]}', "not JSON"),
        (b'{"type":"FeatureCollection","features":[]} {}', "not JSON"),
        (b"[" * 60_000, "not JSON"),
        (b'{"type":"FeatureCollection","features":[' + b'{"a":' * 12_000, "not JSON"),
        (b"null", "data must be object"),
        (b"[]", "data must be object"),
        (b"42", "data must be object"),
        (b"{}", "data must contain"),
        (b'{"type":"FeatureCollection"}', "data must contain"),
        (b'{"type":"Feature","features":[]}', "data.type must be same"),
        (b'{"type":"FeatureCollection","features":{}}', "data.features must be array"),
        (b'{"type":"FeatureCollection","features":null}', "data.features must be array"),
        (b'{"type":"FeatureCollection","features":[%s]}' % b",".join([b"0"] * 501), "data.features must contain less"),
    ],
    ids=lambda value: value[:30].decode("latin-1") if isinstance(value, bytes) else "",
)
def test_a_message_that_is_no_collection_is_refused_as_a_whole(payload: bytes, said: str) -> None:
    assert said in whole_reason(payload)


def test_a_message_larger_than_the_contract_allows_is_not_even_read() -> None:
    right_but_long = message(right()).payload.ljust(LARGEST_PAYLOAD)
    assert check(right_but_long).refusals == []
    assert whole_reason(right_but_long + b" ") == "65537 bytes, more than 65536"


def test_a_message_without_an_id_is_refused_without_one() -> None:
    checked = VALIDATOR.check(PREFIX, Message(TOPIC, b""))
    assert checked is not None
    assert checked.refusals[0].id == ""


@pytest.mark.parametrize("feature", [None, 1, "pothole", [], [[]], True, {}, {"id": 3}, {"id": ["x"]}])
def test_something_that_is_no_report_is_refused_without_an_id(feature: Any) -> None:
    checked = VALIDATOR.check(PREFIX, message(feature))
    assert checked is not None
    assert [refusal.id for refusal in checked.refusals] == [""]


@pytest.mark.parametrize("key", sorted(right()["properties"]))
def test_every_property_must_be_there(key: str) -> None:
    feature = right()
    del feature["properties"][key]
    assert "data.properties must contain" in reason(feature)


@pytest.mark.parametrize("key", ["type", "id", "geometry", "properties"])
def test_every_member_must_be_there(key: str) -> None:
    feature = right()
    del feature[key]
    assert "data must contain" in reason(feature)


@pytest.mark.parametrize("path", paths(right())[1:], ids=lambda path: ".".join(map(str, path)))
def test_a_value_of_the_wrong_kind_is_refused(path: tuple[Any, ...]) -> None:
    wrong: list[Any] = [{}, [[]]]
    if path[-1] != "historical":
        wrong += [True, False]
    if not isinstance(value_at(right(), path), str | None):
        wrong.append("1")
    for value in wrong:
        assert reason(changed(right(), path, value))


@pytest.mark.parametrize(
    "path", [(), ("properties",), ("properties", "position"), ("properties", "model"), ("properties", "candidates", 0)]
)
@pytest.mark.parametrize("key", ["person", "plate", "picture", "x"])
def test_nothing_is_said_beyond_the_contract_least_of_all_of_a_person(path: tuple[Any, ...], key: str) -> None:
    feature = right()
    value_at(feature, path)[key] = "Jane"
    said = reason(feature)
    assert key in said
    assert "Jane" not in said


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("id",), "01930000-0000-4000-8000-000000000001"),
        (("id",), "01930000-0000-7000-8000-00000000000G"),
        (("id",), identifier(1) + "\n"),
        (("id",), identifier(1).upper() + "A"),
        (("geometry",), {"type": "Point", "coordinates": [5.0]}),
        (("geometry",), {"type": "Point", "coordinates": [5.0, 43.0, 12.0]}),
        (("geometry",), {"type": "Point", "coordinates": [5.0, 90.1]}),
        (("geometry",), {"type": "Point", "coordinates": [-180.1, 43.0]}),
        (("geometry",), {"type": "LineString", "coordinates": [[5.0, 43.0], [5.0, 43.1]]}),
        (("properties", "sequence"), 0),
        (("properties", "sequence"), 1.5),
        (("properties", "sequence"), 2**53),
        (("properties", "sequence"), 2**63),
        (("properties", "sequence"), 10**39),
        (("properties", "sequence"), 1e300),
        (("properties", "frames"), 10**39),
        (("properties", "probability"), 1.0001),
        (("properties", "probability"), 10**39),
        (("properties", "clock_error_s"), 1e300),
        (("properties", "position", "accuracy_m"), 10**39),
        (("properties", "position", "track_deg"), 360.1),
        (("properties", "region"), [0, 0, 1]),
        (("properties", "candidates"), []),
        (("properties", "candidates"), [{"label": "pothole", "probability": 0.1}] * 4),
        (("properties", "label"), "Pothole"),
        (("properties", "label"), "a" * 65),
        (("properties", "label"), "pothole\n"),
        (("properties", "label"), "'; DROP TABLE report; --"),
        (("properties", "decision"), "no_defect"),
        (("properties", "clock"), "sundial"),
        (("properties", "severity"), None),
        (("properties", "commune"), "1305"),
        (("properties", "team"), "x" * 129),
        (("properties", "evidence"), {"sha256": "0" * 64}),
        (("properties", "model", "sha256"), "0" * 63),
        (("properties", "observed_at"), "yesterday"),
        (("properties", "observed_at"), "2026-02-30T10:00:00Z"),
        (("properties", "observed_at"), "2026-13-01T10:00:00Z"),
        (("properties", "observed_at"), "2026-11-22T24:00:00Z"),
        (("properties", "observed_at"), "2026-11-22T10:00:60Z"),
        (("properties", "observed_at"), "0000-11-22T10:00:00Z"),
        (("properties", "observed_at"), "2026-11-22T10:00:00+01:00"),
        (("properties", "observed_at"), "2026-11-22T10:00:00"),
        (("properties", "sent_at"), "2025-02-29T10:00:00.000Z"),
    ],
)
def test_a_value_out_of_its_range_is_refused(path: tuple[Any, ...], value: Any) -> None:
    assert reason(changed(right(), path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("geometry",), None),
        (("geometry", "coordinates"), [0, 0]),
        (("geometry", "coordinates"), [-180, 90]),
        (("properties", "sequence"), 2**53 - 1),
        (("properties", "commune"), "2A004"),
        (("properties", "team"), None),
        (("properties", "observed_at"), "2024-02-29T23:59:59.999999Z"),
    ],
)
def test_the_borders_of_the_contract_are_inside(path: tuple[Any, ...], value: Any) -> None:
    feature = changed(right(), path, value)
    assert VALIDATOR.check(PREFIX, message(feature)) == Checked(DEVICE, [feature], [])


def test_what_is_told_anew_is_taken() -> None:
    assert VALIDATOR.check(PREFIX, message(told_anew())) == Checked(DEVICE, [told_anew()], [])


@pytest.mark.parametrize("key", ["times", "last_at"])
def test_who_says_that_it_was_seen_again_says_how_often_and_when(key: str) -> None:
    feature = told_anew()
    del feature["properties"]["seen_again"][key]
    assert "data.properties.seen_again must contain" in reason(feature)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("revision",), 0),
        (("revision",), -1),
        (("revision",), 1.5),
        (("revision",), True),
        (("revision",), "1"),
        (("revision",), None),
        (("revision",), 2**31),
        (("seen_again",), None),
        (("seen_again",), []),
        (("seen_again", "times"), 0),
        (("seen_again", "times"), 1.5),
        (("seen_again", "times"), 10**7),
        (("seen_again", "last_at"), None),
        (("seen_again", "last_at"), "2026-02-30T10:00:00Z"),
        (("seen_again", "last_at"), "2026-11-22T10:00:00+01:00"),
        (("seen_again", "by"), "Jane"),
        (("first_observed_at",), None),
        (("first_observed_at",), "2025-02-29T10:00:00.000Z"),
        (("first_observed_at",), "1970-01-01"),
    ],
)
def test_what_is_told_anew_in_a_wrong_way_is_refused(path: tuple[str, ...], value: Any) -> None:
    assert reason(changed(told_anew(), ("properties", *path), value))


@given(path=st.sampled_from(paths(told_anew())), value=ANY_JSON)
def test_no_value_anywhere_in_what_is_told_anew_breaks_it(path: tuple[Any, ...], value: Any) -> None:
    checked = VALIDATOR.check(PREFIX, message(changed(told_anew(), path, value)))
    assert checked is not None
    assert len(checked.reports) + len(checked.refusals) == 1


def test_a_device_speaks_only_for_itself() -> None:
    assert reason(right(device="veh-043")) == f"device veh-043 sent on the topic of {DEVICE}"


def test_the_id_of_a_refused_report_is_kept_so_that_its_device_can_be_told() -> None:
    checked = VALIDATOR.check(PREFIX, message(right(1, label="?"), changed(right(), ("id",), "x" * 500)))
    assert checked is not None
    assert [refusal.id for refusal in checked.refusals] == [identifier(1), "x" * 64]


@given(st.binary(max_size=200))
def test_no_bytes_break_it(payload: bytes) -> None:
    assert check(payload).reports == []


@given(ANY_JSON)
def test_no_document_breaks_it(content: Any) -> None:
    assert check(msgspec.json.encode(content)).reports == []


@given(st.lists(ANY_JSON, max_size=3))
def test_no_feature_breaks_it(features: list[Any]) -> None:
    checked = VALIDATOR.check(PREFIX, message(*features))
    assert checked is not None
    assert len(checked.refusals) == len(features)


@given(path=st.sampled_from(paths(right())), value=ANY_JSON)
def test_no_value_anywhere_in_a_report_breaks_it(path: tuple[Any, ...], value: Any) -> None:
    checked = VALIDATOR.check(PREFIX, message(changed(right(), path, value)))
    assert checked is not None
    assert len(checked.reports) + len(checked.refusals) == 1


@given(position=st.integers(0, 2000), byte=st.integers(0, 255))
def test_no_flipped_byte_breaks_it(position: int, byte: int) -> None:
    payload = bytearray(message(right()).payload)
    payload[position % len(payload)] = byte
    checked = check(bytes(payload))
    assert len(checked.reports) + len(checked.refusals) == 1


@given(st.text(max_size=100))
def test_no_topic_breaks_it(topic: str) -> None:
    VALIDATOR.check(PREFIX, message(right(), topic=f"{PREFIX}/{topic}"))
