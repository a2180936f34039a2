"""How each part of the running daemon is, from what it has done: a part that does not move is not well."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from agent import __version__
from agent.config import Config
from agent.drivers.camera import CameraState
from agent.drivers.gpsd import ReceiverState
from agent.drivers.tflite import TfliteClassifier
from agent.errors import StoreError
from agent.health import Figures, Health, Part
from agent.i18n import _
from agent.pipeline.heat import Cooling
from agent.pipeline.pipeline import Pipeline
from agent.pipeline.regions import Cost
from agent.store.quota import MEGABYTE
from agent.sync.allowance import Allowance
from agent.sync.delivery import Delivery
from agent.worker import Worker

BLIND = 120.0  # seconds without a fix
SILENCE = 30.0  # seconds that the centre may take to answer


def cost_figures(cost: Cost | None) -> Figures:
    """What looking at a frame costs of late; nothing before the first."""
    if cost is None:
        return {}
    return {
        "frame_ms": round(1000 * cost.seconds, 1),
        "look_ms": round(1000 * cost.seconds / cost.looks, 1),
        "looks": round(cost.looks, 1),
        "regions": cost.regions,
    }


def board_part(cooling: Cooling) -> Part:
    """How the board is, as far as it says."""
    heat = cooling.heat
    if heat is None:
        return Part("waiting")
    figures: Figures = {
        "celsius": heat.celsius,
        "throttled": int(heat.throttled) or None,
        "undervoltage": int(heat.undervoltage) or None,
        "halved": int(cooling.hot) or None,
    }
    if heat.undervoltage:
        return Part("failed", figures=figures)
    if cooling.hot:
        return Part("waiting", figures=figures)
    return Part("off", _("tells no temperature")) if heat.celsius is None else Part("ok", figures=figures)


class Vitals:
    """Looks at the parts and never waits for them."""

    def __init__(  # noqa: PLR0913 - the parts it looks at
        self,
        config: Config,
        boot: str,
        *,
        classifier: TfliteClassifier,
        pipeline: Pipeline,
        delivery: Delivery,
        allowance: Allowance,
        cooling: Cooling,
        pipeline_worker: Worker,
        sync_worker: Worker,
        receiver: Callable[[], ReceiverState | None],
        unreadable: Callable[[], int],
        cameras: Callable[[], Sequence[CameraState]] = tuple,
    ) -> None:
        """`boot` is the UUID of this boot.

        `receiver` says how a live receiver is, `unreadable` how many pictures of a recording could
        not be read, `cameras` how each live camera is.
        """
        self._config = config
        self._boot = boot
        self._classifier = classifier
        self._pipeline = pipeline
        self._delivery = delivery
        self._allowance = allowance
        self._cooling = cooling
        self._pipeline_worker = pipeline_worker
        self._sync_worker = sync_worker
        self._receiver = receiver
        self._unreadable = unreadable
        self._cameras = cameras
        self._started = time.time()

    def health(self, now: float) -> Health:
        """How everything is at `now` (seconds, monotonic)."""
        return Health(
            device=self._config.agent.device,
            version=__version__,
            pid=os.getpid(),
            boot=self._boot,
            started_at=self._started,
            written=time.clock_gettime(time.CLOCK_BOOTTIME),
            parts={
                "camera": self._camera(),
                "lens": self._lens(),
                "gps": self._gps(),
                "model": self._model(),
                "store": self._store(),
                "centre": self._centre(now),
                "board": board_part(self._cooling),
            },
        )

    def _camera(self) -> Part:
        counters = self._pipeline.counters
        figures: Figures = {
            "frames": counters.frames,
            "looked_at": counters.looked_at,
            "unreadable": self._unreadable() or None,
            **{f"refused_{reason}": count for reason, count in sorted(counters.refused.items())},
        }
        trouble = self._pipeline_worker.trouble
        if trouble is not None and not isinstance(trouble.error, StoreError):
            return Part("failed", str(trouble.error), trouble.since, figures)
        if self._pipeline.ended.is_set():
            return Part("off", _("the recording has ended"), figures=figures)
        failed = [camera for camera in self._cameras() if camera.state == "failed"]
        if failed:
            # The others still give frames.
            detail = "; ".join(camera.detail for camera in failed)
            return Part("failed", detail, min(camera.since or 0.0 for camera in failed), figures)
        return Part("ok" if counters.frames else "waiting", figures=figures)

    def _lens(self) -> Part:
        gate, names = self._pipeline.gate, [camera.name for camera in self._config.all_cameras]
        dirty = [name for name in names if gate.is_dirty(name)]
        figures: Figures = {"dirt": round(max(gate.dirt(name) for name in names), 2) or None}
        return Part("failed", ", ".join(dirty), figures=figures) if dirty else Part("ok", figures=figures)

    def _gps(self) -> Part:
        if self._config.gps.source == "none":
            return Part("off")
        receiver, fixes = self._receiver(), self._pipeline.fixes
        refused = fixes.refused + (receiver.refused if receiver else 0) or None
        if receiver is not None and receiver.error is not None:
            return Part("failed", receiver.error, figures={"refused": refused})
        fix = fixes.last
        if fix is None:
            return Part("waiting", figures={"refused": refused})
        # Neither latitude nor longitude: this file is read by people who need not know where the vehicle is.
        age = max(0.0, self._pipeline.now - fix.monotonic)
        figures: Figures = {"age_s": round(age, 1), "eph_m": fix.eph, "refused": refused}
        # No tunnel takes that long: a receiver that fell silent, or lost its aerial.
        return Part("waiting" if age > BLIND else "ok", figures=figures)

    def _model(self) -> Part:
        identity = self._classifier.manifest.identity
        figures: Figures = {
            "name": identity.name,
            "version": identity.version,
            "runtime": self._classifier.runtime,
        }
        return Part("ok", figures=figures | cost_figures(self._pipeline.cost))

    def _store(self) -> Part:
        filing = self._pipeline.filing
        figures: Figures = {
            "reports": filing.filed.reports,
            "seen_again": filing.filed.seen_again or None,
            "held": filing.held or None,
            "unsaved": filing.unsaved or None,
            "lost": filing.filed.lost or None,
        }
        if filing.trouble is not None:
            return Part("failed", str(filing.trouble), figures=figures)
        for worker in (self._pipeline_worker, self._sync_worker):
            if worker.trouble is not None and isinstance(worker.trouble.error, StoreError):
                return Part("failed", str(worker.trouble.error), worker.trouble.since, figures)
        return Part("ok", figures=figures)

    def _centre(self, now: float) -> Part:
        counters = self._delivery.counters
        figures: Figures = {
            "sent": counters.sent,
            "settled": counters.settled,
            "rejected": counters.rejected,
            "resent": counters.resent,
            "waiting": self._delivery.waiting,
            "month_mb": None if self._allowance.spent is None else round(self._allowance.spent / MEGABYTE, 1),
            "holds_pictures": int(self._allowance.holds) or None,
        }
        trouble = self._sync_worker.trouble
        if trouble is not None and not isinstance(trouble.error, StoreError):
            return Part("failed", str(trouble.error), trouble.since, figures)
        silence = self._delivery.silence(now)
        if silence > SILENCE:
            # The broker is there, and takes the reports; only the centre's own answer counts.
            return Part("failed", _("the centre does not answer"), time.time() - silence, figures)
        return Part("ok" if self._delivery.connected else "waiting", figures=figures)
