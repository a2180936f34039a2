"""How the agent is, judged from what it left on disk: works with the daemon dead and without network."""

from __future__ import annotations

import shutil
import time
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from agent import config, health
from agent.errors import ConfigError, DamagedStore, StoreError
from agent.health import Health, Part
from agent.i18n import _, ngettext
from agent.store import lock
from agent.store.outbox import Counts
from agent.store.store import FILE_NAME, Store

FULL = 1_000_000  # bytes: with less, a disk counts as full
GRACE = 30.0  # seconds after a start in which a part may still be waiting

EXIT_CODES = {"healthy": 0, "degraded": 1, "down": 2, "unknown": 3}


class Diagnosis(msgspec.Struct, frozen=True):
    """What `fidamia status` says."""

    state: Literal["healthy", "degraded", "down", "unknown"]
    sentence: str
    device: str | None = None
    version: str | None = None
    pending: int | None = None
    settled_today: int | None = None
    settled: int | None = None
    rejected: int | None = None
    pictures: int | None = None  # that the centre has not
    parts: dict[str, Part] = {}

    @property
    def exit_code(self) -> int:
        """0 healthy, 1 degraded, 2 down, 3 cannot tell."""
        return EXIT_CODES[self.state]


def diagnose(config_path: Path) -> Diagnosis:
    """Look at configuration, lock, store and the daemon's last word. Never raises for a fault of those."""
    try:
        settings = config.load(config_path)
    except ConfigError as error:
        return Diagnosis("unknown", _("Cannot tell: {error}").format(error=error))
    return judge(settings)


def judge(settings: config.Config) -> Diagnosis:
    """The same, of a configuration that was read. Never raises for a fault of lock, store or last word."""
    try:
        return _judge(settings)
    except PermissionError as error:
        sentence = _("Cannot tell: {path} may not be read; ask to join the group fidamia.").format(path=error.filename)
    except DamagedStore as error:
        sentence = _("Cannot tell: {error}. To save what can be read: {command}").format(error=error, command=RESTART)
    except (OSError, StoreError) as error:
        sentence = _("Cannot tell: {error}").format(error=error)
    return Diagnosis("unknown", sentence, device=settings.agent.device)


def _judge(settings: config.Config) -> Diagnosis:
    directory = settings.store_directory
    if not (directory / FILE_NAME).exists():
        sentence = _("Stopped: the agent has never run here (no store in {path}). To start it: {command}")
        return Diagnosis("down", sentence.format(path=directory, command=START), device=settings.agent.device)
    store = Store(directory, read_only=True)
    try:
        counts, pictures = store.outbox.counts(since=_midnight()), store.pictures.count()
    finally:
        store.close()
    last_word = health.read(settings.status_file)
    state, sentence = _verdict(
        lock.holder(directory), last_word, counts, full=shutil.disk_usage(settings.status_file.parent).free < FULL
    )
    return Diagnosis(
        state,
        sentence,
        device=settings.agent.device,
        version=last_word.version if last_word else None,
        pending=counts.pending,
        settled_today=counts.settled_today,
        settled=counts.settled,
        rejected=counts.rejected,
        pictures=pictures,
        parts=last_word.parts if last_word else {},
    )


START = "sudo systemctl start fidamia-agent"
RESTART = "sudo systemctl restart fidamia-agent"


def _verdict(
    pid: int | None, last_word: Health | None, counts: Counts, full: bool
) -> tuple[Literal["healthy", "degraded", "down"], str]:
    kept = _("no report is waiting.")
    if counts.pending:
        kept = ngettext(
            "{number} report is waiting and kept.", "{number} reports are waiting and kept.", counts.pending
        ).format(number=counts.pending)
    if pid is None:
        return "down", _("Stopped: the agent does not run; {kept} To start it: {command}").format(
            kept=kept, command=START
        )
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    if last_word is None or last_word.boot != health.boot_id() or now - last_word.written > health.STALE:
        if full:
            # A full disk keeps the daemon from saying how it is; started again, it would lose what waits in memory.
            return "degraded", _("To do: the disk is full; make room. The agent goes on; {kept}").format(kept=kept)
        return "down", _(
            "Hung: the agent (pid {pid}) no longer says how it is; {kept} To restart it: {command}"
        ).format(pid=pid, kept=kept, command=RESTART)
    problem = _problem(last_word)
    if problem:
        return "degraded", _("To do: {problem} {kept}").format(problem=problem, kept=kept[0].upper() + kept[1:])
    if counts.rejected:
        return "degraded", ngettext(
            "To do: the centre refused {number} report, which is kept aside; its operator must look at the reason.",
            "To do: the centre refused {number} reports, which are kept aside; its operator must look at the reasons.",
            counts.rejected,
        ).format(number=counts.rejected)
    return "healthy", _("All is well: {sent}, {waiting}.").format(
        sent=ngettext("{number} report sent today", "{number} reports sent today", counts.settled_today).format(
            number=counts.settled_today
        ),
        waiting=_("none waiting")
        if not counts.pending
        else ngettext("{number} waiting", "{number} waiting", counts.pending).format(number=counts.pending),
    )


def _problem(last_word: Health) -> str | None:
    """The first part that needs a hand, and the hand it needs."""
    warm = time.time() - last_word.started_at > GRACE
    names = ["store", "camera", "lens", "centre", "gps", "model", "board"]
    if _lacks_voltage(last_word.parts.get("board")):
        # It makes cameras and receivers drop out, whose cables would be looked at in vain.
        names.insert(1, "board")
    for name in names:
        part = last_word.parts.get(name)
        if part is None or part.state in ("ok", "off") or (part.state == "waiting" and not warm):
            continue
        since = ""
        if part.since is not None:
            since = _(" since {time:%H:%M}").format(time=datetime.fromtimestamp(part.since).astimezone())
        if _lacks_voltage(part):
            name = "supply"  # noqa: PLW2901 - which remedy
        elif name == "camera" and part.detail:
            name = "cameras"  # noqa: PLW2901 - the detail says which one, and what to do
        return _remedy(name).format(since=since, detail=part.detail)
    return None


def _lacks_voltage(part: Part | None) -> bool:
    return part is not None and bool(part.figures.get("undervoltage"))


def _remedy(name: str) -> str:
    sentences = {
        "store": _("the store can not be written{since}; check the disk's space and health."),
        "camera": _("the camera gives no picture{since}; check its cable and [camera] source."),
        "cameras": _("the camera gives no picture{since} ({detail})."),
        "lens": _("the lens is dirty: {detail}; clean it."),
        "centre": _(
            "the centre is not reached{since} ({detail}); without network this is normal, "
            "else check [broker] and the centre."
        ),
        "gps": _("no position from the receiver{since}; check its aerial and cable, and gpsd: systemctl status gpsd."),
        "model": _("the model does not work{since}; install it again."),
        "board": _("the board is too hot{since}, so half as many frames are looked at; give it air or shade."),
        "supply": _("the board's voltage is too low{since}; check its power supply and cable, or replace them."),
    }
    return sentences[name]


def _midnight() -> float:
    """Seconds since 1970 at which the local day began."""
    now = datetime.now().astimezone()
    return now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
