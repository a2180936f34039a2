"""What becomes of an observation: a report, held for a while, or more of a report that is known already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from agent.domain import (
    WHOLE_FRAME,
    Fix,
    Glimpse,
    Here,
    Look,
    Observation,
    Position,
    Reading,
    Report,
    SeenAgain,
)
from agent.errors import StoreError
from agent.manifest import Manifest
from agent.pipeline.anonymise import Identity
from agent.pipeline.dating import Dating
from agent.pipeline.filing import NO_CAPTURE, STATISTICS, UNSAVED, Filed, Filing
from agent.pipeline.known import SAME_PASS, VAGUE, Memory
from agent.pipeline.locate import NOWHERE, Fixes
from agent.pipeline.place import Mounting
from agent.plane import apart, travel
from agent.routing import Routing
from agent.rules import Rule, Urgent
from agent.store.store import Store
from tests.unit.agent.pipeline.moody import MoodyStore
from tests.unit.builders import BOOT, DEVICE, MARSEILLE, NOON, classification, fix, frame, identifier, manifest
from tests.unit.builders import report as any_report

OTHER_BOOT = "5ab4a44d-6d8d-4e6d-9d5c-0d8f8a8f8b02"
PACE = 10.0  # metres per second, due east
PATIENCE = 300.0  # seconds
BELOW = (0.0, 0.3, 1.0, 1.0)  # the road in a frame
IN_SIGHT = (3.0, 14.0)  # metres before the vehicle, where a defect is recognised
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DEFECT = 125.0  # metres along the street
HERE = Here("13055", "Marseille", zones=("13055",))
MEMORY = Memory()


def fix_at(seconds: float, day: int = 0, **changes: Any) -> Fix:
    """Of a vehicle that drives along the street, from its beginning at second 0."""
    lat, lon = travel(*MARSEILLE, PACE * seconds, 90.0)
    return fix(seconds, lat=lat, lon=lon, at=NOON + timedelta(days=day, seconds=seconds), **changes)


def fixes(begin: int, end: int, day: int = 0) -> list[Fix]:
    """One each second."""
    return [fix_at(seconds, day) for seconds in range(begin, end + 1)]


def glimpses(metres: float) -> tuple[Glimpse, ...]:
    """Four metres apart, of a defect so many metres along the street. Where it was, the vehicle does not know yet."""
    found = []
    for vehicle in (metres + 4 * step for step in range(-10, 5)):
        shown = 0.9 if IN_SIGHT[0] < metres - vehicle < IN_SIGHT[1] else 0.02
        probabilities = np.array([shown, 0.02, 0.98 - shown], np.float32)
        found.append(Glimpse(vehicle / PACE, NOWHERE, (Look(BELOW, probabilities),)))
    return tuple(found)


def seen(  # noqa: PLR0913, PLR0917 - what there is to see of a defect
    metres: float = DEFECT,
    label: str = "pothole",
    probability: float = 0.9,
    decision: str = "accepted",
    own: Fix | None = None,
    clock: datetime = NOON,
) -> Observation:
    """A defect so many metres along the street, best seen eight metres before it; `clock` is what it is at second 0."""
    at = (metres - 8) / PACE
    shot = replace(frame(at, own), captured_at=clock + timedelta(seconds=at))
    said = replace(classification(label, probability, decision), region=BELOW)
    return Observation(shot, said, NOWHERE, 3, glimpses(metres))


def off(report: Report, metres: float) -> float:
    """Metres between where the report says that the defect is, and so many along the street."""
    assert report.position.lat is not None
    assert report.position.lon is not None
    return apart(fix(lat=report.position.lat, lon=report.position.lon), fix_at(metres / PACE))


class Office:
    """A filing, and what it is made of."""

    def __init__(  # noqa: PLR0913 - what there is to choose
        self,
        store: Store,
        boot: str = BOOT,
        *,
        here: Here | Callable[[float, float], Here] = HERE,
        memory: Memory = MEMORY,
        patience: float = PATIENCE,
        model: Manifest | None = None,
        clock: Callable[[], Reading] | None = None,
        urgent: dict[str, Urgent] | None = None,
        rules: dict[str, Rule] | None = None,
    ) -> None:
        self.store = store
        self.fixes, self.dating = Fixes(), Dating(clock)
        self.filing = Filing(
            store,
            model or manifest(),
            Identity(DEVICE, boot),
            self.fixes,
            self.dating,
            routing=Routing(
                rules or {},
                urgent or {},
                {"pothole": "voirie", "graffiti": "propreté"},
                {"pothole": "normal", "graffiti": "low"},
            ),
            zones=(lambda _lat, _lon: here) if isinstance(here, Here) else here,
            memory=memory,
            patience=patience,
        )

    def hear(self, told: Sequence[Fix]) -> None:
        self.fixes.add(told)
        self.dating.hear(told)

    def file(self, *observations: Observation, now: float = 30.0) -> None:
        for observation in observations:
            self.filing.add(observation, Mounting())
        self.filing.commit(now)

    @property
    def sendable(self) -> list[Report]:
        """What goes to the centre, the oldest first."""
        return [entry.report for entry in self.store.outbox.pending(0, 10_000)]

    @property
    def kept(self) -> list[Report]:
        """What is in the store, sent, held or pending."""
        return [entry.report for entry in self.store.outbox.entries()]


def on_the_road(store: Store, day: int = 0, boot: str = BOOT, **choices: Any) -> Office:
    """Of a patrol on that day, which knows where it is between seconds 0 and 60."""
    office = Office(store, boot, **choices)
    office.hear(fixes(0, 60, day))
    return office


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MoodyStore]:
    opened = MoodyStore(tmp_path)
    yield opened
    opened.close()


def test_a_new_report_says_where_the_object_is_when_it_was_seen_and_who_gets_it(store: Store) -> None:
    office = on_the_road(store)
    office.file(seen())
    (report,) = office.sendable
    assert off(report, DEFECT) < 2
    assert off(report, DEFECT - 8) > 6, "that is where the vehicle was"
    assert report.position.source == "gnss"
    assert report.position.speed == pytest.approx(PACE)
    assert (report.observed_at, report.clock) == (NOON + timedelta(seconds=11.7), "gps")
    assert (report.commune, report.team, report.severity, report.revision) == ("13055", "voirie-13055", "normal", 0)
    assert (office.filing.filed.reports, office.filing.held, office.filing.unsaved) == (1, 0, 0)


def test_the_clock_of_the_receiver_is_believed_and_not_that_of_the_computer(store: Store) -> None:
    office = on_the_road(store)
    office.file(seen(clock=EPOCH))
    (report,) = office.sendable
    assert (report.observed_at, report.first_observed_at) == (NOON + timedelta(seconds=11.7), None)


def test_the_table_of_routes_knows_the_place_and_the_speed(store: Store) -> None:
    office = on_the_road(
        store,
        here=Here("13055", zones=("port", "13055")),
        urgent={"fast": Urgent(labels=["pothole"], from_kmh=PACE * 3.6 - 1)},
        rules={"port": Rule(zones=["port"], team="harbour")},
    )
    office.file(seen(), seen(300.0, "graffiti"))
    assert [(one.label, one.team, one.severity) for one in office.sendable] == [
        ("pothole", "harbour", "urgent"),
        ("graffiti", "harbour", "low"),
    ]


def test_in_a_tunnel_a_report_is_held_and_goes_with_the_objects_place_once_the_way_out_is_known(
    store: Store,
) -> None:
    office = Office(store)
    office.hear(fixes(0, 8))
    office.file(seen(300.0), now=32.0)
    assert (office.sendable, office.filing.held) == ([], 1)
    (held,) = store.outbox.entries()
    assert (held.held, held.report.position.source) == (True, "last_known")
    office.hear(fixes(50, 53))
    office.filing.commit(53.0)
    (report,) = office.sendable
    assert report.id == held.report.id
    assert (report.position.source, report.revision, report.team) == ("interpolated", 0, "voirie-13055")
    assert off(report, 300.0) < 2
    assert (office.filing.filed.reports, office.filing.filed.placed, office.filing.held) == (1, 1, 0)


def test_a_report_of_which_no_more_becomes_known_goes_after_the_patience_as_it_is(store: Store) -> None:
    office = Office(store)
    office.hear(fixes(0, 8))
    office.file(seen(300.0), now=32.0)
    office.filing.commit(29.2 + PATIENCE - 0.1)
    assert office.sendable == []
    office.filing.commit(29.2 + PATIENCE + 0.1)
    (report,) = office.sendable
    assert (report.position.source, report.revision) == ("last_known", 0)
    assert report.position.accuracy is not None
    assert report.position.accuracy > VAGUE
    assert report.commune == "13055"
    office.hear(fixes(400, 403))
    office.filing.commit(403.0)
    assert office.sendable == [report], "what was told of its place stands"


def test_where_no_fix_will_ever_come_nothing_is_held_not_even_what_was_taken_this_moment(store: Store) -> None:
    office = Office(store, patience=0.0)
    observation = seen()
    office.file(observation, now=observation.frame.monotonic)
    (report,) = office.sendable
    assert (report.position, report.commune, report.team, report.severity) == (NOWHERE, None, None, "normal")
    assert office.filing.held == 0


def test_whoever_took_a_picture_stood_before_the_defect_and_no_receiver_knows_better(store: Store) -> None:
    office = on_the_road(store)
    own = fix(11.7, lat=48.85, lon=2.35, eph=None)
    office.file(seen(own=own))
    (report,) = office.sendable
    assert (report.position.source, report.position.lat, report.position.lon) == ("gnss", 48.85, 2.35)
    assert report.position.accuracy is not None
    assert report.position.accuracy > 3.0, "the receiver of a telephone states no error"


def test_a_picture_that_knows_its_own_place_does_not_wait_for_a_receiver(store: Store) -> None:
    office = Office(store, clock=lambda: Reading(NOON, 0.0, "ntp", 0.1))
    office.file(seen(own=fix(11.7)), now=12.0)
    assert [(one.clock, one.team) for one in office.sendable] == [("ntp", "voirie-13055")]


def test_a_report_waits_for_the_time_and_was_never_told_with_a_wrong_one(store: Store) -> None:
    office = Office(store)
    office.hear(fixes(0, 0) + fixes(30, 30))  # too few to believe their time
    office.file(seen(clock=EPOCH), now=30.0)
    assert (office.sendable, office.filing.held) == ([], 1)
    office.hear(fixes(31, 32))
    office.filing.commit(32.0)
    (report,) = office.sendable
    assert (report.observed_at, report.clock) == (NOON + timedelta(seconds=11.7), "gps")
    assert (report.first_observed_at, report.revision) == (None, 0)


def without_a_time(store: Store, boot: str = BOOT) -> Office:
    """Has sent a report with the wrong time, as its patience was at its end."""
    office = Office(store, boot, clock=lambda: Reading(EPOCH, 0.0, "rtc", None))
    office.file(seen(clock=EPOCH))
    office.filing.commit(12.0 + PATIENCE)
    return office


def test_the_time_of_a_report_that_was_told_wrongly_is_put_right_and_what_was_told_is_kept(store: Store) -> None:
    office = without_a_time(store)
    (wrong,) = office.sendable
    assert (wrong.observed_at, wrong.clock) == (EPOCH + timedelta(seconds=11.7), "rtc")
    store.outbox.settle([wrong.id])
    office.hear(fixes(400, 403))
    office.filing.commit(404.0)
    (report,) = office.sendable
    assert (report.observed_at, report.clock) == (NOON + timedelta(seconds=11.7), "gps")
    assert (report.first_observed_at, report.revision) == (wrong.observed_at, 1)
    assert report.clock_error is not None
    office.filing.commit(405.0)
    assert office.sendable == [report]
    assert (office.filing.filed.redated, office.filing.filed.reports) == (1, 1)


def test_of_a_time_that_was_put_right_before_the_first_word_is_kept(store: Store) -> None:
    store.append(any_report(1, clock="unknown", monotonic=11.7, first_observed_at=EPOCH))
    office = on_the_road(store)
    office.filing.commit(60.0)
    (report,) = office.sendable
    assert (report.observed_at, report.first_observed_at) == (NOON + timedelta(seconds=11.7), EPOCH)


def test_a_process_that_starts_anew_in_the_same_boot_puts_the_time_right_too_and_of_that_boot_only(
    store: Store,
) -> None:
    for boot in (BOOT, OTHER_BOOT):
        without_a_time(store, boot)
    again = Office(store, OTHER_BOOT)
    again.filing.commit(399.0)
    assert [one.revision for one in again.sendable] == [0, 0]
    again.hear(fixes(400, 403))
    again.filing.commit(404.0)
    assert [(one.boot, one.observed_at.year, one.revision) for one in again.sendable] == [
        (BOOT, 1970, 0),
        (OTHER_BOOT, 2026, 1),
    ]
    assert again.sendable[1].first_observed_at == EPOCH + timedelta(seconds=11.7)


def test_what_was_held_when_the_process_died_goes_and_its_time_is_put_right_in_the_same_boot(store: Store) -> None:
    office = Office(store)
    office.file(seen(clock=EPOCH), now=12.0)
    assert office.sendable == []
    store.recover()
    again = Office(store)
    again.hear(fixes(60, 63))
    again.filing.commit(64.0)
    (report,) = again.sendable
    assert (report.observed_at, report.revision) == (NOON + timedelta(seconds=11.7), 1)


def test_a_report_is_known_again_in_the_moment_its_time_is_put_right(store: Store) -> None:
    office = Office(store)
    office.hear([replace(one, at=EPOCH) for one in fixes(0, 60)])  # a receiver whose clock stands
    office.file(seen(clock=EPOCH))
    office.filing.commit(12.0 + PATIENCE)
    office.filing.add(seen(clock=EPOCH), Mounting())
    office.hear(fixes(400, 403))
    office.filing.commit(404.0)
    assert [(one.observed_at, one.revision) for one in office.kept] == [(NOON + timedelta(seconds=11.7), 1)]
    assert office.filing.filed.same == 1


def test_a_defect_that_is_still_there_days_later_is_told_of_the_report_that_is_known(store: Store) -> None:
    first = on_the_road(store)
    first.file(seen())
    (known,) = first.sendable
    store.outbox.settle([known.id])
    for times, day in ((1, 3), (2, 9)):
        later = on_the_road(store, day, boot=OTHER_BOOT)
        later.file(seen(DEFECT + 2))
        (told,) = later.sendable
        assert told.id == known.id
        assert told.seen_again == SeenAgain(times, NOON + timedelta(days=day, seconds=11.9))
        assert (told.revision, told.observed_at, told.position) == (times, known.observed_at, known.position)
        assert (later.filing.filed.seen_again, later.filing.filed.reports) == (1, 0)
        store.outbox.sent(store.outbox.pending(0, 1))
        store.outbox.settle([known.id])
    assert len(later.kept) == 1


def test_what_was_just_reported_is_nothing_new(store: Store) -> None:
    office = on_the_road(store)
    office.file(seen(), seen(DEFECT + 3))
    office.file(seen(DEFECT - 3))
    (report,) = office.sendable
    assert (report.revision, report.seen_again) == (0, None)
    assert (office.filing.filed.reports, office.filing.filed.same, office.filing.filed.seen_again) == (1, 2, 0)


def test_two_sights_on_one_later_pass_are_one_more(store: Store) -> None:
    on_the_road(store).file(seen())
    later = on_the_road(store, day=1, boot=OTHER_BOOT)
    later.file(seen(), seen(DEFECT + 3))
    (report,) = later.sendable
    assert report.seen_again == SeenAgain(1, NOON + timedelta(days=1, seconds=11.7))
    assert (later.filing.filed.seen_again, later.filing.filed.same) == (1, 1)


def test_clocks_that_begin_each_boot_anew_do_not_make_two_passes_one(store: Store) -> None:
    for boot in (BOOT, OTHER_BOOT):
        office = Office(store, boot)
        office.hear([replace(one, at=EPOCH) for one in fixes(0, 60)])  # a receiver whose clock stands
        office.file(seen(clock=EPOCH))
        office.filing.commit(12.0 + PATIENCE)
    assert office.filing.filed.seen_again == 1


def test_who_comes_by_again_in_the_same_boot_has_seen_it_again(store: Store) -> None:
    office = Office(store)
    away = (SAME_PASS + timedelta(seconds=60)).total_seconds()
    round_trip = [
        replace(one, monotonic=one.monotonic + away, at=one.at + timedelta(seconds=away)) for one in fixes(0, 60)
    ]
    office.hear([*fixes(0, 60), *round_trip])
    again = seen()
    later = replace(again.frame, monotonic=again.frame.monotonic + away)
    looks = tuple(replace(one, monotonic=one.monotonic + away) for one in again.glimpses)
    office.file(seen(), replace(again, frame=later, glimpses=looks), now=300.0)
    (report,) = office.sendable
    assert report.seen_again == SeenAgain(1, NOON + timedelta(seconds=11.7 + away))


def test_a_sight_that_is_believed_upgrades_a_report_that_a_person_was_to_look_at(store: Store) -> None:
    office = on_the_road(store)
    office.file(seen(probability=0.5, decision="to_review"))
    (doubtful,) = office.sendable
    office.file(seen(probability=0.95))
    office.file(seen(probability=0.55, decision="to_review"))
    (report,) = office.sendable
    assert (report.id, report.decision, report.probability, report.revision) == (doubtful.id, "accepted", 0.95, 1)
    assert (report.seen_again, report.position) == (None, doubtful.position)


def test_a_doubtful_sight_days_later_takes_nothing_from_a_report_that_is_believed(store: Store) -> None:
    on_the_road(store).file(seen())
    later = on_the_road(store, day=2, boot=OTHER_BOOT)
    later.file(seen(probability=0.5, decision="to_review"))
    (report,) = later.sendable
    assert (report.decision, report.probability) == ("accepted", 0.9)
    assert report.seen_again == SeenAgain(1, NOON + timedelta(days=2, seconds=11.7))


def test_a_believed_sight_days_later_says_both(store: Store) -> None:
    on_the_road(store).file(seen(probability=0.5, decision="to_review"))
    later = on_the_road(store, day=2, boot=OTHER_BOOT)
    later.file(seen())
    (report,) = later.sendable
    assert (report.decision, report.revision) == ("accepted", 1)
    assert report.seen_again is not None


def test_a_held_report_that_turns_out_to_be_known_is_merged_and_the_centre_is_told_why_its_number_does_not_come(
    store: Store,
) -> None:
    on_the_road(store).file(seen(300.0))
    later = Office(store, OTHER_BOOT)
    later.hear(fixes(0, 20, day=2))
    later.file(seen(300.0), now=32.0)
    assert len(later.kept) == 2
    later.hear(fixes(40, 43, day=2))
    later.filing.commit(43.0)
    (report,) = later.sendable
    assert (report.revision, report.seen_again) == (1, SeenAgain(1, NOON + timedelta(days=2, seconds=29.2)))
    assert len(later.kept) == 1
    (loss,) = store.losses.pending(10)
    assert (loss.what, loss.reason, loss.sequences, loss.labels) == ("report", "merged", ((2, 2),), {"pothole": 1})
    assert (later.filing.filed.placed, later.filing.filed.seen_again, later.filing.held) == (1, 1, 0)


def test_two_sights_of_one_defect_that_were_held_together_are_one_report(store: Store) -> None:
    office = Office(store)
    office.hear(fixes(0, 20))
    office.file(seen(300.0), seen(302.0), now=32.0)
    office.hear(fixes(40, 43))
    office.filing.commit(43.0)
    assert [(one.revision, one.seen_again) for one in office.kept] == [(0, None)]
    assert [loss.reason for loss in store.losses.pending(10)] == ["merged"]


def test_a_held_report_is_none_that_is_known(store: Store) -> None:
    office = Office(store)
    office.hear(fixes(0, 20))
    office.file(seen(300.0), now=32.0)
    office.hear(fixes(40, 43))
    office.file(seen(300.0), now=43.0)
    assert len(office.kept) == 1, "the second is filed first, and the first merged into it"
    assert [loss.sequences for loss in store.losses.pending(10)] == [((1, 1),)]


def test_a_known_report_that_is_dropped_in_that_moment_costs_no_sight(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_the_road(store).file(seen(), seen(300.0))
    later = Office(store, OTHER_BOOT)
    later.hear(fixes(0, 8, day=2))
    later.file(seen(300.0), now=32.0)
    near = store.outbox.near

    def near_and_gone(labels: Sequence[str], lat: float, lon: float, metres: float) -> Any:
        found = near(labels, lat, lon, metres)
        store.outbox.remove([one.sequence for one in found])
        return found

    monkeypatch.setattr(store.outbox, "near", near_and_gone)
    later.hear(fixes(9, 60, day=2))
    later.file(seen(), now=60.0)
    assert [(one.boot, one.position.source, one.seen_again) for one in later.sendable] == [
        (OTHER_BOOT, "gnss", None)
    ] * 2
    assert store.losses.pending(10) == []


@pytest.mark.parametrize("known_eph", [VAGUE + 1, 3.0])
def test_a_vague_position_does_not_tell_one_defect_from_another(store: Store, known_eph: float) -> None:
    for boot, eph in ((BOOT, known_eph), (OTHER_BOOT, VAGUE + 4 - known_eph)):
        office = Office(store, boot)
        office.hear([replace(one, eph=eph) for one in fixes(0, 60)])
        office.file(seen())
    assert [one.revision for one in office.sendable] == [0, 0]


def test_positions_that_are_only_the_last_known_ones_never_match(store: Store) -> None:
    office = Office(store)
    office.hear([fix_at(0, speed=0.0, track=None)])
    office.file(seen(80.0), seen(81.0), now=10.0)
    office.filing.commit(20.0 + PATIENCE)
    assert [one.position.source for one in office.sendable] == ["last_known"] * 2
    assert all((one.position.accuracy or 0.0) <= VAGUE for one in office.sendable), "else another reason"


def test_labels_that_are_mistaken_for_one_another_are_one_defect_and_others_are_not(store: Store) -> None:
    on_the_road(store).file(seen())
    apart_from_it = on_the_road(store, day=1, boot=OTHER_BOOT)
    apart_from_it.file(seen(label="graffiti"))
    assert [one.label for one in apart_from_it.sendable] == ["pothole", "graffiti"]
    labels = [msgspec.structs.replace(label, group="surface") for label in manifest().labels[:2]]
    grouped = msgspec.structs.replace(manifest(), labels=[*labels, manifest().labels[2]])
    on_the_road(store, boot=OTHER_BOOT, model=grouped).file(seen(300.0))
    together = on_the_road(store, day=3, model=grouped)
    together.file(seen(300.0, "graffiti"))
    assert [(one.label, one.revision) for one in together.sendable] == [("pothole", 0), ("graffiti", 0), ("pothole", 1)]


@pytest.mark.parametrize(
    ("memory", "metres", "day", "reports"),
    [
        (Memory(10.0, 30.0), 9.0, 29, 1),
        (Memory(10.0, 30.0), 11.0, 29, 2),
        (Memory(15.0, 30.0), 11.0, 29, 1),
        (Memory(10.0, 30.0), 0.0, 31, 2),
        (Memory(10.0, 0.0), 0.0, 0, 2),
    ],
)
def test_how_far_apart_and_how_long_ago_the_same_defect_is_can_be_said(
    store: Store, memory: Memory, metres: float, day: int, reports: int
) -> None:
    on_the_road(store, memory=memory).file(seen())
    later = on_the_road(store, day, memory=memory)
    later.file(seen(DEFECT + metres))
    assert len(later.kept) == reports


def test_days_count_from_when_it_was_last_seen(store: Store) -> None:
    for day in (0, 20, 40):
        office = on_the_road(store, day, boot=identifier(day))
        office.file(seen())
    (report,) = office.sendable
    assert report.seen_again is not None
    assert report.seen_again.times == 2


def test_where_only_statistics_are_allowed_there_is_neither_place_nor_picture(store: Store) -> None:
    office = on_the_road(store, here=Here("13055", statistics=True, zones=("school", "13055")))
    office.file(seen())
    office.file(seen())
    for report in office.sendable:
        assert report.position == Position("none", speed=report.position.speed)
        assert (report.region, report.evidence, report.evidence_withheld) == (WHOLE_FRAME, None, STATISTICS)
        assert report.commune == "13055"
    assert len(office.sendable) == 2, "without a place no two are the same"


def test_a_held_report_that_turns_out_to_lie_where_only_statistics_are_allowed_loses_its_place(store: Store) -> None:
    _lat, border = travel(*MARSEILLE, 200.0, 90.0)
    office = Office(store, here=lambda _lat, lon: replace(HERE, statistics=lon > border))
    office.hear(fixes(0, 8))
    office.file(seen(300.0), now=32.0)
    office.hear(fixes(50, 53))
    office.filing.commit(53.0)
    (report,) = office.sendable
    assert (report.position.source, report.position.lat, report.evidence_withheld) == ("none", None, STATISTICS)


def test_a_held_report_that_turns_out_to_lie_where_nothing_may_be_captured_loses_its_place(store: Store) -> None:
    _lat, border = travel(*MARSEILLE, 200.0, 90.0)
    office = Office(store, here=lambda _lat, lon: replace(HERE, no_capture=lon > border))
    office.hear(fixes(0, 8))
    office.file(seen(300.0), now=32.0)
    office.hear(fixes(50, 53))
    office.filing.commit(53.0)
    (report,) = office.sendable
    assert (report.position.source, report.position.lat, report.region) == ("none", None, WHOLE_FRAME)
    assert report.evidence_withheld == NO_CAPTURE


def test_a_sight_that_is_told_after_a_later_one_does_not_make_the_defect_older(store: Store) -> None:
    for day in (10, 20, 15):
        office = on_the_road(store, day, boot=identifier(day))
        office.file(seen())
    (report,) = office.sendable
    assert report.seen_again == SeenAgain(2, NOON + timedelta(days=20, seconds=(DEFECT - 8) / PACE))


def test_while_the_store_can_not_be_written_reports_wait_in_memory_in_their_order(
    store: MoodyStore, caplog: pytest.LogCaptureFixture
) -> None:
    office = on_the_road(store)
    store.fail()
    for metres in (100.0, 200.0, 300.0):
        office.filing.add(seen(metres), Mounting())
        office.filing.try_to_commit(60.0)
    assert (office.kept, office.filing.unsaved) == ([], 3)
    assert str(office.filing.trouble) == "the disk is full"
    assert [record.getMessage() for record in caplog.records] == ["the disk is full; 1 reports wait in memory"]
    store.mend()
    office.filing.try_to_commit(61.0)
    assert [round(off(one, 100.0), -2) for one in office.sendable] == [0.0, 100.0, 200.0]
    assert (office.filing.unsaved, office.filing.trouble, office.filing.filed.reports) == (0, None, 3)


def test_what_memory_does_not_hold_is_counted_as_lost_the_oldest_first(store: MoodyStore) -> None:
    office = Office(store, patience=0.0)
    store.fail()
    for number in range(UNSAVED + 3):
        office.filing.add(seen(number), Mounting())
    assert (office.filing.unsaved, office.filing.filed.lost) == (UNSAVED, 3)
    assert office.filing._unsaved[0].at == seen(3.0).frame.monotonic


def life(store: MoodyStore, fails_after: int | None) -> tuple[list[Any], list[Any], Filed]:
    """Everything that can become of a sight, on two patrols; with a store that fails once, after so many writes."""
    first = on_the_road(store)
    first.file(seen(100.0), seen(150.0, probability=0.5, decision="to_review"), seen(300.0))
    store.outbox.settle([one.id for one in first.sendable])
    second = Office(store, OTHER_BOOT)
    if fails_after is not None:
        store.fail(fails_after)
    second.filing.add(seen(50.0, clock=EPOCH), Mounting())
    second.filing.try_to_commit(6.0)
    store.mend()
    second.filing.commit(4.2 + PATIENCE)
    if fails_after is not None:
        store.fail(fails_after)
    second.hear(fixes(5, 26, day=2))
    sights = (seen(100.0), seen(102.0), seen(150.0), seen(180.0), seen(300.0), seen(400.0))
    for observation in sights:
        second.filing.add(observation, Mounting())
    second.filing.try_to_commit(41.0)
    second.filing.try_to_commit(42.0)
    store.mend()
    second.filing.try_to_commit(43.0)
    if fails_after is not None:
        store.fail(fails_after)
    second.hear(fixes(45, 50, day=2))
    second.filing.try_to_commit(50.0)
    store.mend()
    second.filing.commit(51.0)
    reports = [
        (one.label, one.decision, one.revision, one.seen_again, one.first_observed_at, one.position.source)
        for one in second.kept
    ]
    losses = [(loss.reason, loss.labels) for loss in store.losses.pending(10)]
    return reports, losses, second.filing.filed


def test_nothing_is_lost_or_doubled_at_whichever_write_the_store_fails(tmp_path: Path) -> None:
    lives = []
    for number, fails_after in enumerate((None, *range(12))):
        opened = MoodyStore(tmp_path / str(number))
        lives.append(life(opened, fails_after))
        opened.close()
    reports, losses, filed = lives[0]
    assert len(reports) == 6
    assert (filed.reports, filed.seen_again, filed.same, filed.placed, filed.redated) == (4, 3, 1, 3, 1)
    assert losses == [("merged", {"pothole": 1})]
    for other_reports, other_losses, other_filed in lives[1:]:
        # One that was written late may be known by then, and need not be held.
        assert (other_reports, other_losses, replace(other_filed, placed=3)) == (reports, losses, filed)


def test_at_the_end_what_is_held_goes_as_it_is_also_what_was_taken_this_moment(store: Store) -> None:
    office = Office(store)
    office.hear(fixes(0, 8))
    office.file(seen(300.0), now=32.0)
    last = seen(400.0)
    office.filing.add(last, Mounting())
    office.filing.finish(last.frame.monotonic)
    assert [one.position.source for one in office.sendable] == ["last_known"] * 2
    assert (office.filing.held, office.filing.unsaved) == (0, 0)


def test_an_end_that_can_not_be_written_is_told_and_loses_nothing_while_it_is_tried_again(store: MoodyStore) -> None:
    office = on_the_road(store)
    store.fail()
    office.filing.add(seen(), Mounting())
    for _attempt in range(2):
        with pytest.raises(StoreError, match="the disk is full"):
            office.filing.finish(30.0)
    assert (office.filing.unsaved, office.filing.filed.lost) == (1, 0)
    store.mend()
    office.filing.finish(31.0)
    assert (len(office.sendable), office.filing.filed.lost) == (1, 0)


def test_what_is_given_up_is_told(store: MoodyStore, caplog: pytest.LogCaptureFixture) -> None:
    office = on_the_road(store)
    office.filing.give_up()
    assert caplog.text == ""
    store.fail()
    office.filing.add(seen(), Mounting())
    with suppress(StoreError):
        office.filing.finish(30.0)
    office.filing.give_up()
    assert office.filing.filed.lost == 1
    assert "1 report(s) that waited in memory are lost" in caplog.text
