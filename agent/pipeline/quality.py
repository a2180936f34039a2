"""Which frames are worth looking at, and what is wrong with the others."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from agent.domain import Pixels
from agent.pipeline.detail import Detail, Grey, detail, reduce, sample
from agent.pipeline.lens import Lens

UNCHANGED = "unchanged"
REASONS = ("dark", "overexposed", "frozen", UNCHANGED, "grey", "covered", "out_of_focus", "motion_blur")

CLIPPED = 250  # grey levels: as bright as it gets
BRIGHT_PART = 0.95  # of a frame is darker than what must not be too dark, so that lamps do not make a night a day
BLANK = 1.5  # grey levels, standard deviation: a picture of a pavement has 2
EVEN = 2  # grey levels between what counts as one grey
ONE_GREY = 0.6  # of the frame in one grey: of 6,000 pictures none has more than 0.5
ALL_WAYS = 1.6  # times as sharp in the best direction as in the worst: with less, it is blurred in all


@dataclass(frozen=True, slots=True)
class Settings:
    """From where on a frame is refused; 0 refuses none for that reason."""

    darkest: float = 20.0  # grey levels that the brightest twentieth of the frame reaches
    brightest: float = 0.6  # share of the frame that is clipped
    blur: float = 0.5  # sharpness; 1 is a perfect edge
    same: float = 1.5  # grey levels of mean difference from a frame that was looked at
    dirty_share: float = 0.35  # of the lens below the horizon
    horizon: float = 0.3  # fraction of the frame's height from the top


@dataclass(slots=True)
class _Camera:
    """What is remembered of a camera: two thumbnails and the state of its lens."""

    lens: Lens
    before: Grey = field(default_factory=lambda: np.empty((0, 0), np.float32))  # the frame before
    looked_at: Grey = field(default_factory=lambda: np.empty((0, 0), np.float32))  # the last one found good


class Gate:
    """Judges each frame by itself, by the one before, and by what the lens has shown for a while."""

    def __init__(self, settings: Settings) -> None:
        """Knows nothing of any camera yet."""
        self._settings = settings
        self._cameras: dict[str, _Camera] = {}

    def judge(self, pixels: Pixels, camera: str, moving: bool) -> str | None:
        """One of REASONS for a frame that is not worth looking at, None for a good one; never raises.

        `moving` where the vehicle is known to have moved since the frame before: then the same picture again
        is a camera's fault ("frozen"), and else has been looked at already ("unchanged").
        """
        if camera not in self._cameras:
            self._cameras[camera] = _Camera(Lens(self._settings.horizon))
        known = self._cameras[camera]
        grey = sample(pixels)
        if not grey.size:
            return "grey"
        smooth, small = reduce(grey)
        before, known.before = known.before, small
        reason = (
            self._badly_lit(small)
            or self._again(small, before, known.looked_at, moving)
            or _without_picture(pixels, small)
        )
        gradients = None if reason in {"dark", "overexposed", UNCHANGED} else detail(grey, smooth)
        if gradients is not None and moving and not np.array_equal(before, small):
            known.lens.add(gradients, float(small.mean()))
            if self._settings.dirty_share and known.lens.covered:
                return "covered"
        if reason is None and gradients is not None:
            reason = self._blurred(gradients)
        if reason is None:
            known.looked_at = small
        return reason

    def dirt(self, camera: str) -> float:
        """The share of that camera's lens that is dirty, below the horizon; 0 for a camera that is not known."""
        known = self._cameras.get(camera)
        return known.lens.dirt if known else 0.0

    def is_dirty(self, camera: str) -> bool:
        """Whether that camera's lens is to be cleaned."""
        return 0 < self._settings.dirty_share <= self.dirt(camera)

    def _badly_lit(self, small: Grey) -> str | None:
        brightest = int(BRIGHT_PART * small.size)
        if np.partition(small, brightest, axis=None)[brightest] < self._settings.darkest:
            return "dark"
        if 0 < self._settings.brightest <= float((small >= CLIPPED).mean()):
            return "overexposed"
        return None

    def _again(self, small: Grey, before: Grey, looked_at: Grey, moving: bool) -> str | None:
        if moving:
            # Half, because a vehicle that creeps along an even road sees nearly the same.
            return "frozen" if _apart(small, before) < self._settings.same / 2 else None
        return UNCHANGED if _apart(small, looked_at) < self._settings.same else None

    def _blurred(self, gradients: Detail) -> str | None:
        worst, best = gradients.sharpness()
        if worst >= self._settings.blur:
            return None
        return "out_of_focus" if best < ALL_WAYS * worst else "motion_blur"


def _apart(one: Grey, other: Grey) -> float:
    """Grey levels between two thumbnails, in the mean; infinite where they are of different sizes."""
    return float(np.abs(one - other).mean()) if one.shape == other.shape else np.inf


def _without_picture(pixels: Pixels, small: Grey) -> str | None:
    """A damaged stream leaves a frame in one grey, with some of what moved in it; a picture has no such part."""
    if small.std() < BLANK:
        return "grey"
    step = max(1, max(pixels.shape[:2]) // 80)
    few = pixels[::step, ::step].astype(np.int16)
    most = int(np.bincount(few[:, :, 1].ravel()).argmax())
    if most >= CLIPPED or most <= EVEN:
        return None  # a white sky or a black edge of a picture
    return "grey" if float((np.abs(few - most) <= EVEN).all(axis=2).mean()) >= ONE_GREY else None
