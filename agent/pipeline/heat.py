"""Spares a hot board: half as many frames are looked at until it has cooled down."""

from __future__ import annotations

import logging

from agent.domain import Heat

log = logging.getLogger(__name__)

HALVED = 2.0  # times the distance and the time between two frames that are looked at


class Cooling:
    """Remembers whether the board is hot, so that the rate does not change with each degree."""

    def __init__(self, hot: float, cool: float) -> None:
        """Degrees Celsius: hot from the one on, until below the other, which is less."""
        self.heat: Heat | None = None  # as it was last
        self.hot = False
        self._hot = hot
        self._cool = cool
        self._celsius: float | None = None  # the last that is known
        self._undervoltage = False

    def factor(self, heat: Heat) -> float:
        """By what the distance and the time between two frames that are looked at are multiplied from now on."""
        self.heat = heat
        if heat.celsius is not None:
            self._celsius = heat.celsius
        self._judge(heat.throttled)
        if heat.undervoltage != self._undervoltage:
            self._undervoltage = heat.undervoltage
            if heat.undervoltage:
                log.warning("the supply voltage is too low; check the power supply and its cable")
            else:
                log.info("the supply voltage is high enough again")
        return HALVED if self.hot else 1.0

    def _judge(self, throttled: bool) -> None:
        # A sensor that falls silent changes nothing: what was hot may be so still.
        limit = self._cool if self.hot else self._hot
        hot = throttled or (self._celsius is not None and self._celsius >= limit)
        if hot == self.hot:
            return
        self.hot = hot
        temperature = "unknown" if self._celsius is None else f"{self._celsius:.0f} °C"
        if hot:
            cause = "the firmware slows the board down" if throttled else "the board is hot"
            log.warning("%s (%s); half as many frames are looked at", cause, temperature)
        else:
            log.info("the board has cooled down (%s); as many frames as before are looked at", temperature)
