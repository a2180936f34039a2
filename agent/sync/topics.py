"""The names of the topics."""

from __future__ import annotations


def topic(prefix: str, device: str, channel: str) -> str:
    """`{prefix}/{device}/{channel}`."""
    return f"{prefix}/{device}/{channel}"


def device_of(prefix: str, name: str) -> str | None:
    """The device that a topic belongs to, None where the topic is not under the prefix."""
    parts = name.removeprefix(f"{prefix}/").split("/")
    return parts[0] if name.startswith(f"{prefix}/") and len(parts) > 1 else None
