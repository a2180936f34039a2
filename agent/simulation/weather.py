"""A street in its weather and its tunnel: what the camera's shutter and its gain make of them."""

from __future__ import annotations

from dataclasses import replace

from agent.domain import Pixels
from agent.simulation.conditions import Range
from agent.simulation.lamps import illuminate, paint_glow, paint_posts, paint_tunnel_lamps
from agent.simulation.lens import blur
from agent.simulation.light import Light
from agent.simulation.rain import thicken, wet
from agent.simulation.scenery import paint_street
from agent.simulation.street import Street
from agent.simulation.surfaces import find_surfaces
from agent.simulation.view import View

# Seconds that the shutter is open. By day it is so short that nothing is blurred; gain does the rest.
SHUTTER = {"clear": 0.0, "rain": 1 / 300, "night": 1 / 40}
TUNNEL_SHUTTER = 1 / 200
NOISE = {"clear": 0.0, "rain": 1.5, "night": 6.0}  # grey levels more
TUNNEL_NOISE = 3.0


def shutter(weather: str, covered: bool) -> float:
    """Seconds that the shutter is open in that weather, or in a tunnel."""
    return TUNNEL_SHUTTER if covered else SHUTTER[weather]


def weathered(light: Light, weather: str, covered: bool) -> Light:
    """The light of a street as that weather leaves it, or a tunnel."""
    if covered:
        return replace(light, sun=0.0, exposure=1.0, gamma=1.0, haze=0.0, noise=light.noise + TUNNEL_NOISE)
    if weather == "clear":
        return light
    noise = light.noise + NOISE[weather]
    grey = replace(light, sun=0.05, clouds=1.0, gains=(1.02, 1.0, 0.97), gamma=1.0, noise=noise)
    return replace(grey, exposure=0.86 if weather == "rain" else 1.0)


def paint_weather(
    street: Street, view: View, light: Light, weather: str, tunnel: Range | None, metres: float
) -> Pixels:
    """The street in that weather, of a vehicle that drives so many metres while the shutter is open."""
    if weather == "clear" and tunnel is None:
        return paint_street(street, view, light)
    night = weather == "night"
    seen = find_surfaces(view, street, tunnel)
    if weather == "rain":
        frame = paint_street(street, view, light, tunnel, lambda ground: wet(ground, view, street, seen))
        thicken(frame, view, seen)
    else:
        frame = paint_street(street, view, light, tunnel)
    if night:
        paint_posts(frame, view, street, tunnel)
    if night or tunnel is not None:
        illuminate(frame, view, street, seen, night=night, tunnel=tunnel)
    if night:
        paint_glow(frame, view, street, tunnel)
    if tunnel is not None:
        paint_tunnel_lamps(frame, view, street, tunnel)
    return blur(frame, view, seen, metres)
