"""How the vehicle of a drawn patrol moves: it gains speed, brakes for corners, waits and parks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from agent.simulation.conditions import Stop

STEP = 0.1  # seconds between two points of the motion
CRUISE = (8.0, 11.0)  # metres per second; 13.9 is 50 km/h
TURNING = 4.5  # metres per second
GAINING, BRAKING = 1.3, 1.9  # metres per second squared
CREEP = 0.005  # metres before the line at which a vehicle that brakes for it stands
RED = (3.0, 9.0)  # seconds
RED_CHANCE = 0.3  # at each corner
AFTER = 4.0  # metres before a corner at which a vehicle waits


def drive(
    rng: np.random.Generator, legs: Sequence[float], duration: float, stops: Sequence[Stop]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Metres and metres per second at every STEP, on legs of those metres, again and again for `duration` seconds.

    It brakes for corners, waits at some red lights, and parks at `stops`.
    """
    count = math.ceil(duration / STEP) + 2
    metres, speeds = np.zeros(count), np.zeros(count)
    parking = sorted(stops, reverse=True)
    corner, cruise, waits, parked = 0.0, CRUISE[0], 0.0, 0.0
    number, position, speed = -1, 0.0, 0.0
    for step in range(1, count):
        if position >= corner:
            number += 1
            corner += legs[number % len(legs)]
            cruise = rng.uniform(*CRUISE)
            waits = rng.uniform(*RED) if rng.random() < RED_CHANCE else 0.0
        left = corner - position
        stop = left - AFTER if waits > 0 else math.inf
        berth = parking[-1][0] - position if parking else math.inf
        nearest = max(0.0, min(stop, berth))
        allowed = min(cruise, math.sqrt(TURNING**2 + 2 * BRAKING * left), math.sqrt(2 * BRAKING * nearest))
        speed = min(allowed, speed + GAINING * STEP)
        if berth < CREEP:
            speed = 0.0
            parked += STEP
            if parked >= parking[-1][1]:
                parking.pop()
                parked = 0.0
        elif stop < CREEP:
            speed = 0.0
            waits -= STEP
        position += speed * STEP
        metres[step], speeds[step] = position, speed
    return metres, speeds
