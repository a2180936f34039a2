"""Emptying the outbox towards a centre in memory; time is an argument."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from agent.domain import Acknowledgement, Blurring, Evidence, Report, SeenAgain
from agent.errors import DeviceError, StoreError
from agent.interfaces import Message
from agent.store.outbox import Outbox
from agent.store.store import FILE_NAME, Store
from agent.sync.delivery import AHEAD, BATCH, STALLED, UNUSABLE, Delivery
from agent.sync.messages import acknowledgement
from agent.sync.transfer import LARGEST_PIECE
from agent.sync.window import BEGIN
from tests.unit.agent.sync.centre import Centre, revision_of
from tests.unit.builders import BOOT, DEVICE, NOON, PREFIX, identifier, report

RESEND_AFTER = 60.0


@pytest.fixture
def outbox(store: Store) -> Outbox:
    return store.outbox


@pytest.fixture
def centre() -> Centre:
    return Centre()


@pytest.fixture
def delivery(store: Store, centre: Centre) -> Delivery:
    return Delivery(store, centre, DEVICE, PREFIX, window=2, resend_after=RESEND_AFTER, facts={"boot": BOOT})


def fill(outbox: Outbox, count: int, first: int = 1) -> None:
    with outbox._database.transaction():  # one wait for the disk instead of many
        for number in range(first, first + count):
            outbox.append(report(number))


def ids(*numbers: int) -> list[str]:
    return [identifier(number) for number in numbers]


def states(outbox: Outbox) -> list[str]:
    return [entry.state for entry in outbox.entries()]


def said(payload: bytes) -> Message:
    """Something on the device's own topic of acknowledgements."""
    return Message(f"{PREFIX}/{DEVICE}/ack", payload)


def test_what_the_centre_has_stored_leaves_the_outbox(outbox: Outbox, centre: Centre, delivery: Delivery) -> None:
    fill(outbox, 3)
    delivery.step(0.0)
    assert list(centre.stored) == ids(1, 2, 3)
    assert states(outbox) == ["settled"] * 3
    assert (delivery.counters.sent, delivery.counters.settled, delivery.waiting) == (3, 3, 0)


def test_a_report_leaves_only_when_the_centre_says_so_never_on_the_brokers_word(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    centre.silent = True
    fill(outbox, 1)
    for second in range(10):
        delivery.step(second)
    assert list(centre.stored) == ids(1)
    assert states(outbox) == ["sent"]
    centre.says.append(centre.answers[0])
    delivery.step(10.0)
    assert states(outbox) == ["settled"]


def test_a_lost_ack_is_sent_again_and_a_refusal_is_not(outbox: Outbox, centre: Centre, delivery: Delivery) -> None:
    centre.refused[identifier(2)] = "no such label"
    centre.silent = True
    fill(outbox, 2)
    delivery.step(0.0)
    centre.silent = False
    delivery.step(RESEND_AFTER + 0.1)
    assert centre.received == [ids(1, 2), ids(1, 2)]
    assert states(outbox) == ["settled", "rejected"]
    delivery.step(RESEND_AFTER * 3)
    assert len(centre.received) == 2
    assert (delivery.counters.resent, delivery.counters.rejected) == (2, 1)


def keep_awake(outbox: Outbox, centre: Centre, delivery: Delivery, until: float, since: float = 0.0) -> None:
    """A new report every twenty seconds, which the centre answers: it is only older answers that are missing."""
    now, number = since, 1000 + int(since)
    while now < until:
        now = min(until, now + 20.0)
        number += 1
        outbox.append(report(number))
        centre.silent = False
        delivery.step(now)
        centre.silent = True


def test_nothing_is_sent_again_before_its_time(outbox: Outbox, centre: Centre, delivery: Delivery) -> None:
    centre.silent = True
    fill(outbox, 1)
    delivery.step(0.0)
    keep_awake(outbox, centre, delivery, RESEND_AFTER)
    assert centre.received.count(ids(1)) == 1
    delivery.step(RESEND_AFTER + 0.1)
    assert centre.received.count(ids(1)) == 2


def test_a_centre_that_answers_nothing_at_all_is_called_anew(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    centre.silent = True
    fill(outbox, 1)
    delivery.step(0.0)
    delivery.step(STALLED)
    with pytest.raises(DeviceError, match="the centre has not answered for 31 s"):
        delivery.step(STALLED + 1)
    assert (delivery.connected, centre.is_open) == (False, False)
    delivery.step(STALLED + 2)
    assert delivery.silence(STALLED + 3) == STALLED + 3, "a new connection is no answer"
    centre.silent = False
    centre.says += centre.answers
    delivery.step(STALLED + 4)
    assert (centre.openings, states(outbox), delivery.silence(1000.0)) == (2, ["settled"], 0.0)


def test_a_silence_in_which_nothing_was_asked_is_none(outbox: Outbox, centre: Centre, delivery: Delivery) -> None:
    delivery.step(0.0)
    delivery.step(10 * STALLED)
    fill(outbox, 1)
    delivery.step(20 * STALLED)
    assert (centre.openings, states(outbox)) == (1, ["settled"])


def test_reports_go_oldest_first_and_no_more_than_the_window(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    centre.silent = True
    fill(outbox, 1000)
    delivery.step(0.0)
    delivery.step(1.0)
    sent = [name for message in centre.received for name in message]
    assert sent == ids(*range(1, len(sent) + 1))
    assert len(centre.received) >= AHEAD
    assert BEGIN <= sum(centre.sizes) < BEGIN * (1 + 1 / AHEAD)
    assert delivery.waiting == len(sent)
    centre.silent = False
    centre.says += centre.answers
    delivery.step(2.0)
    delivery.step(3.0)
    assert sum(centre.sizes) > 2 * BEGIN, "the window has grown"


def test_a_new_report_goes_out_while_older_ones_wait_for_their_answer(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    centre.silent = True
    fill(outbox, 1)
    delivery.step(0.0)
    fill(outbox, 1, first=2)
    delivery.step(1.0)
    assert centre.received == [ids(1), ids(2)]


def test_what_was_sent_again_does_not_send_what_is_still_on_its_way(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    centre.silent = True
    fill(outbox, 1)
    delivery.step(0.0)
    fill(outbox, 1, first=2)
    delivery.step(RESEND_AFTER / 2)
    keep_awake(outbox, centre, delivery, RESEND_AFTER + 1, since=RESEND_AFTER / 2)
    delivery.step(RESEND_AFTER + 2)
    assert [name for message in centre.received for name in message if name in ids(1, 2)] == ids(1, 2, 1)


def test_an_answer_after_the_second_sending_settles_once(outbox: Outbox, centre: Centre, delivery: Delivery) -> None:
    centre.silent = True
    fill(outbox, 1)
    delivery.step(0.0)
    keep_awake(outbox, centre, delivery, RESEND_AFTER)
    delivery.step(RESEND_AFTER + 1)
    before = delivery.counters.settled
    centre.says += centre.answers
    delivery.step(RESEND_AFTER + 2)
    assert (outbox.counts(0).pending, delivery.counters.settled - before, delivery.waiting) == (0, 1, 0)


def test_an_acknowledgement_that_comes_twice_changes_nothing(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    fill(outbox, 1)
    delivery.step(0.0)
    centre.says += [centre.answers[0], centre.answers[0]]
    delivery.step(1.0)
    assert (states(outbox), delivery.counters.settled) == (["settled"], 1)


def test_an_acknowledgement_of_something_else_changes_nothing(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    centre.silent = True
    fill(outbox, 1)
    delivery.step(0.0)
    strange = Acknowledgement(("", "x", identifier(99)), ((identifier(98), "why"), ("y", "why")))
    centre.says.append(acknowledgement(PREFIX, DEVICE, strange))
    delivery.step(1.0)
    assert (states(outbox), delivery.waiting) == (["sent"], 1)
    assert (delivery.counters.settled, delivery.counters.rejected) == (0, 0)


def test_what_comes_on_another_topic_is_not_believed(outbox: Outbox, centre: Centre, delivery: Delivery) -> None:
    centre.silent = True
    fill(outbox, 1)
    delivery.step(0.0)
    answer = centre.answers[0].payload
    centre.says += [Message(f"{PREFIX}/veh-043/ack", answer), Message(f"{PREFIX}/{DEVICE}/ack/x", answer)]
    delivery.step(1.0)
    assert states(outbox) == ["sent"]


def test_malformed_acknowledgements_are_counted_a_few_are_logged_and_the_good_one_counts(
    outbox: Outbox, centre: Centre, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    centre.silent = True
    fill(outbox, 1)
    delivery.step(0.0)
    nonsense = [b"", b"{", b"\xff", b'{"stored": 3}', b"[" * 100_000, b" " * 2_000_000]
    centre.says += [*map(said, nonsense), centre.answers[0]]
    delivery.step(1.0)
    assert delivery.counters.malformed == len(nonsense)
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == UNUSABLE
    assert states(outbox) == ["settled"]


def test_the_largest_acknowledgement_there_can_be_is_taken_in(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    centre.silent = True
    fill(outbox, 1)
    delivery.step(0.0)
    many = [f"{number:x}" for number in range(9_999)]
    centre.says.append(said(msgspec.json.encode({"stored": [*many, identifier(1)]})))
    delivery.step(1.0)
    assert states(outbox) == ["settled"]


@pytest.mark.parametrize(
    "nonsense",
    [
        {"stored": ["x"] * 340_000},
        {"rejected": [{"id": "x", "reason": "y"}] * 20_000},
        {"evidence_missing": {identifier(1): [[500_000, 600_000]]}},
        {"evidence_missing": {identifier(1): [[99_999, 100_000]] * 60_000}},
        {"evidence_missing": {identifier(1): [[7, 3], [0, 0], [2**31, 2**31]]}},
    ],
)
def test_nonsense_from_the_centre_does_no_harm(
    store: Store, centre: Centre, delivery: Delivery, nonsense: dict[str, object]
) -> None:
    evidence = picture(store, 1, 100_000)
    delivery.step(0.0)
    delivery.step(1.0)
    pieces = len(centre.piece_sizes)
    centre.says.append(said(msgspec.json.encode(nonsense)))
    delivery.step(2.0)
    assert len(centre.piece_sizes) < pieces + 200
    for second in range(3, 9):
        delivery.step(second * 70.0)
    assert centre.pictures == {identifier(1): evidence.jpeg}


def test_a_refused_report_is_put_aside_and_the_rest_goes_on(
    outbox: Outbox, centre: Centre, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    centre.refused[identifier(1)] = "no such label"
    fill(outbox, 3)
    delivery.step(0.0)
    assert states(outbox) == ["rejected", "settled", "settled"]
    assert "the centre refused 1 report(s): 'no such label'" in caplog.text
    assert delivery.waiting == 0


def test_a_refused_message_puts_all_its_reports_aside_and_the_next_goes_on(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    centre.refuses_messages = True
    fill(outbox, 3)
    delivery.step(0.0)
    assert states(outbox) == ["rejected"] * 3
    centre.refuses_messages = False
    fill(outbox, 1, first=4)
    delivery.step(1.0)
    assert states(outbox) == ["rejected"] * 3 + ["settled"]
    assert delivery.counters.rejected == 3


def test_a_broken_connection_sends_everything_again_that_was_not_answered(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    centre.silent = True
    fill(outbox, 2)
    delivery.step(0.0)
    centre.away = True
    for second in (1.0, 2.0):
        with pytest.raises(DeviceError):
            delivery.step(second)
        assert (delivery.connected, delivery.waiting, centre.is_open) == (False, 0, False)
    assert outbox.counts(0).pending == 2
    centre.away = centre.silent = False
    delivery.step(3.0)
    assert centre.received == [ids(1, 2), ids(1, 2)]
    assert states(outbox) == ["settled"] * 2
    assert len(centre.stored) == 2


def test_each_connection_begins_with_a_birth(outbox: Outbox, centre: Centre, delivery: Delivery) -> None:
    delivery.step(0.0)
    delivery.step(1.0)
    centre.away = True
    with pytest.raises(DeviceError):
        delivery.step(2.0)
    centre.away = False
    delivery.step(3.0)
    assert [msgspec.json.decode(message.payload)["state"] for message in centre.states] == ["online", "online"]
    assert msgspec.json.decode(centre.states[0].payload)["boot"] == BOOT
    assert list(outbox.entries()) == []


def test_a_store_that_can_not_be_read_neither_swallows_the_birth_nor_leaves_a_connection_behind(
    tmp_path: Path, outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    fill(outbox, 1)
    connection = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    connection.execute("ALTER TABLE report RENAME TO elsewhere")
    with pytest.raises(StoreError):
        delivery.step(0.0)
    assert not centre.is_open
    connection.execute("ALTER TABLE elsewhere RENAME TO report")
    connection.close()
    delivery.step(1.0)
    assert len(centre.states) == 1
    assert states(outbox) == ["settled"]


def test_at_the_end_what_came_last_is_sent_once_more_and_goodbye_is_said(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    delivery.step(0.0)
    fill(outbox, 1)
    delivery.finish(1.0)
    assert states(outbox) == ["settled"]
    assert not centre.is_open


def test_at_the_end_what_is_not_answered_stays_pending(outbox: Outbox, centre: Centre, delivery: Delivery) -> None:
    centre.silent = True
    fill(outbox, 1)
    delivery.step(0.0)
    delivery.finish(1.0)
    assert outbox.counts(0).pending == 1
    assert len(centre.received) == 1


def test_at_the_end_no_connection_is_made_for_a_goodbye(outbox: Outbox, centre: Centre, delivery: Delivery) -> None:
    fill(outbox, 1)
    delivery.finish(0.0)
    assert (centre.openings, centre.received) == (0, [])


def test_everything_arrives_though_every_other_answer_is_lost(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    fill(outbox, BATCH * 5 + 7)
    now = 0.0
    while outbox.counts(since=0).pending:
        centre.silent = not centre.silent
        delivery.step(now)
        now += RESEND_AFTER + 1
        assert now < RESEND_AFTER * 100
    assert list(centre.stored) == [entry.report.id for entry in outbox.entries()]


def test_a_centre_that_owes_an_answer_is_silent_until_it_gives_one(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    centre.silent = True
    delivery.step(0.0)
    assert delivery.silence(100.0) == 0.0, "it was sent nothing"
    fill(outbox, 1)
    delivery.step(100.0)
    assert delivery.silence(120.0) == 20.0
    centre.says = centre.answers[-1:]
    delivery.step(125.0)
    assert delivery.silence(1000.0) == 0.0


def again(old: Report) -> Report:
    """It was seen again."""
    return replace(old, seen_again=SeenAgain(1 + (old.seen_again.times if old.seen_again else 0), NOON))


def test_a_report_that_is_told_anew_on_its_way_is_sent_again_and_settled_once(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    centre.silent = True
    fill(outbox, 2)
    delivery.step(0.0)
    outbox.revise(1, again)
    delivery.step(1.0)
    assert centre.received == [ids(1, 2)], "the answer to the first would be taken for both"
    centre.silent = False
    centre.says += centre.answers
    delivery.step(2.0)
    assert (states(outbox), delivery.counters.settled) == (["pending", "settled"], 1)
    delivery.step(3.0)
    delivery.step(4.0)
    assert centre.revisions == [(identifier(1), 0), (identifier(2), 0), (identifier(1), 1)]
    assert (states(outbox), delivery.counters.settled, delivery.waiting) == (["settled"] * 2, 2, 0)
    assert revision_of(centre.stored[identifier(1)]) == 1


def test_a_report_that_is_told_anew_while_the_connection_is_gone_goes_once_as_it_is_now(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    centre.silent = True
    fill(outbox, 1)
    delivery.step(0.0)
    centre.away = True
    with pytest.raises(DeviceError):
        delivery.step(1.0)
    outbox.revise(1, again)
    outbox.revise(1, again)
    centre.away = centre.silent = False
    delivery.step(2.0)
    delivery.step(3.0)
    assert centre.revisions == [(identifier(1), 0), (identifier(1), 2)]
    assert (states(outbox), delivery.counters.settled) == (["settled"], 1)


def test_an_answer_to_what_was_told_first_that_comes_late_does_not_settle_what_is_not_sent_yet(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    centre.silent = True
    fill(outbox, 1)
    delivery.step(0.0)
    centre.away = True
    with pytest.raises(DeviceError):
        delivery.step(1.0)
    outbox.revise(1, again)
    outbox.settle(ids(1))
    assert states(outbox) == ["pending"]
    centre.away = False
    delivery.step(2.0)
    assert revision_of(centre.stored[identifier(1)]) == 1
    centre.says += centre.answers
    delivery.step(3.0)
    assert (states(outbox), delivery.counters.settled, delivery.waiting) == (["settled"], 1, 0)


def test_a_centre_that_answers_after_the_second_sending_settles_what_was_told_anew_once(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    centre.silent = True
    fill(outbox, 1)
    delivery.step(0.0)
    outbox.revise(1, again)
    keep_awake(outbox, centre, delivery, RESEND_AFTER)
    assert centre.revisions.count((identifier(1), 1)) == 0
    delivery.step(RESEND_AFTER + 1)
    assert centre.revisions.count((identifier(1), 1)) == 1
    before = delivery.counters.settled
    centre.says += centre.answers
    delivery.step(RESEND_AFTER + 2)
    assert (outbox.counts(0).pending, delivery.counters.settled - before, delivery.waiting) == (0, 1, 0)
    assert revision_of(centre.stored[identifier(1)]) == 1


def test_what_the_centre_has_goes_again_when_it_is_told_anew_and_its_picture_does_not(
    store: Store, centre: Centre, delivery: Delivery
) -> None:
    picture(store, 1, 50_000)
    for second in range(5):
        delivery.step(float(second))
    assert list(centre.pictures) == ids(1)
    store.outbox.revise(1, again)
    delivery.step(5.0)
    delivery.step(6.0)
    assert (centre.revisions, states(store.outbox)) == ([(identifier(1), 0), (identifier(1), 1)], ["settled"])
    assert sum(centre.piece_sizes) == 50_000, "no byte twice"


def test_what_is_held_waits_and_goes_once_it_is_released(outbox: Outbox, centre: Centre, delivery: Delivery) -> None:
    outbox.append(report(1), held=True)
    outbox.append(report(2))
    delivery.step(0.0)
    delivery.step(1.0)
    assert centre.received == [ids(2)]
    assert delivery.silence(1000.0) == 0.0
    outbox.release([1])
    delivery.step(2.0)
    assert centre.revisions == [(identifier(2), 0), (identifier(1), 0)]
    assert states(outbox) == ["settled"] * 2


def test_what_is_refused_after_it_was_told_anew_is_not_offered_again(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    centre.refused[identifier(1)] = "no such label"
    centre.silent = True
    fill(outbox, 1)
    delivery.step(0.0)
    outbox.revise(1, again)
    centre.says += centre.answers
    delivery.step(1.0)
    delivery.step(2.0)
    assert (centre.received, states(outbox), delivery.waiting) == ([ids(1)], ["rejected"], 0)


def test_new_reports_go_first_while_a_backlog_drains_and_the_backlog_goes_on(
    outbox: Outbox, centre: Centre, delivery: Delivery
) -> None:
    fill(outbox, 2000)
    delivery.step(0.0)
    share = []
    for second in range(1, 8):
        fill(outbox, 100, first=10_000 + 100 * second)
        before = len(centre.received)
        delivery.step(float(second))
        names = [name for message in centre.received[before:] for name in message]
        new = [name for name in names if name > identifier(5000)]
        assert names[: len(new)] == new, "new ones first"
        share.append(len(names) - len(new))
    assert min(share) > 0
    assert set(states(outbox)) == {"settled", "pending"}


def test_a_loss_is_told_until_the_centre_has_it(store: Store, centre: Centre, delivery: Delivery) -> None:
    fill(store.outbox, 3)
    store.losses.add("report", "purged", store.outbox.remove([1, 3]))
    centre.silent = True
    delivery.step(0.0)
    delivery.step(1.0)
    assert len(centre.losses) == 1
    (loss,) = centre.losses.values()
    assert (loss["count"], loss["labels"], loss["sequences"]) == (2, {"pothole": 2}, [[1, 1], [3, 3]])
    assert len(store.losses.pending(10)) == 1
    centre.says += centre.answers
    delivery.step(2.0)
    assert store.losses.pending(10) == []
    assert delivery.silence(100.0) == 0.0


def picture(store: Store, number: int, size: int) -> Evidence:
    evidence = Evidence(np.random.default_rng(number).bytes(size), 1280, 720, Blurring("faces 1", 0, 0))
    store.append(report(number, evidence=evidence.facts, evidence_withheld=None), evidence)
    return evidence


def test_a_picture_follows_its_report_in_pieces(store: Store, centre: Centre, delivery: Delivery) -> None:
    evidence = picture(store, 1, 100_000)
    for second in range(6):
        delivery.step(float(second))
    assert centre.pictures == {identifier(1): evidence.jpeg}
    assert max(centre.piece_sizes) <= LARGEST_PIECE
    assert store.pictures.pending(10) == []
    assert delivery.counters.pictures == 1
    assert sum(centre.piece_sizes) == 100_000, "no byte twice"


def test_a_picture_that_was_cut_off_goes_on_where_it_stopped(store: Store, centre: Centre, delivery: Delivery) -> None:
    evidence = picture(store, 1, 200_000)
    delivery.step(0.0)
    delivery.step(1.0)
    some = sum(centre.piece_sizes)
    assert 0 < some < 200_000
    centre.away = True
    with pytest.raises(DeviceError):
        delivery.step(2.0)
    centre.away = False
    for second in range(3, 12):
        delivery.step(float(second))
    assert centre.pictures == {identifier(1): evidence.jpeg}
    assert sum(centre.piece_sizes) == 200_000
    assert 0 in centre.piece_sizes, "it asked what is missing"


def test_a_picture_that_is_dropped_on_its_way_is_no_trouble(store: Store, centre: Centre, delivery: Delivery) -> None:
    for number in (1, 2):
        picture(store, number, 200_000)
    delivery.step(0.0)
    delivery.step(1.0)
    first = store.pictures.pending(1)[0]
    assert store.drop_picture(first, "quota")
    for second in range(2, 14):
        delivery.step(float(second))
    assert set(centre.pictures) == {identifier(2)}
    assert [(loss["what"], loss["sequences"]) for loss in centre.losses.values()] == [("evidence", [[1, 1]])]


@pytest.mark.parametrize("damage", ["gone", "unreadable", "changed", "cut"])
def test_damaged_pictures_are_told_and_hold_up_nobody(
    store: Store, centre: Centre, delivery: Delivery, damage: str
) -> None:
    for number in range(1, 7):
        picture(store, number, 50_000)
    for number in range(1, 6):
        path = store.pictures.path(report(number))
        path.unlink()
        if damage == "unreadable":
            path.mkdir()
        elif damage != "gone":
            path.write_bytes(bytes(50_000 if damage == "changed" else 10))
    for second in range(20):
        delivery.step(float(second))
    assert len(centre.stored) == 6
    assert set(centre.pictures) == {identifier(6)}
    assert {tuple(run) for loss in centre.losses.values() for run in loss["sequences"]} == {(n, n) for n in range(1, 6)}


def test_a_picture_that_the_centre_refuses_is_given_up_and_that_is_told(
    store: Store, centre: Centre, delivery: Delivery
) -> None:
    picture(store, 1, 50_000)
    centre.refuses_pictures = True
    for second in range(4):
        delivery.step(float(second))
    assert store.pictures.pending(10) == []
    (loss,) = centre.losses.values()
    assert (loss["what"], loss["reason"], loss["sequences"]) == ("evidence", "refused", [[1, 1]])


def test_pictures_wait_for_reports(store: Store, centre: Centre, delivery: Delivery) -> None:
    picture(store, 1, 50_000)
    fill(store.outbox, 500, first=2)
    while store.outbox.counts(0).pending > 50:
        delivery.step(0.0)
        assert centre.piece_sizes == [] or not store.outbox.counts(0).pending
    for _ in range(4):
        delivery.step(0.0)
    assert list(centre.pictures) == [identifier(1)]


def test_pictures_wait_for_a_network_that_is_for_them_and_reports_do_not(store: Store, centre: Centre) -> None:
    networks = [False, False, True]
    delivery = Delivery(store, centre, DEVICE, PREFIX, may_send_pictures=lambda: networks.pop(0))
    picture(store, 1, 1000)
    delivery.step(0.0)
    delivery.step(1.0)
    assert list(centre.stored) == ids(1)
    assert delivery.counters.pictures == 0
    delivery.step(2.0)
    assert delivery.counters.pictures == 1


def test_how_the_device_is_goes_out_each_minute(store: Store, centre: Centre) -> None:
    delivery = Delivery(store, centre, DEVICE, PREFIX, diagnose=lambda: b'{"state": "healthy"}')
    for second in range(0, 150, 10):
        delivery.step(float(second))
    assert [message.payload for message in centre.healths] == [b'{"state": "healthy"}'] * 3
    assert delivery.silence(1000.0) == 0.0, "nobody owes an answer to it"
