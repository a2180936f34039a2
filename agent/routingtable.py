"""The routing table of this device: from its configuration, its model and its zones, with everything that is wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from pathlib import Path

from agent.config import Config
from agent.configfile import Fault, located, unknown
from agent.domain import NO_DEFECT
from agent.errors import ConfigError
from agent.i18n import _, shown
from agent.manifest import Manifest
from agent.routing import Routing
from agent.rules import SHIPPED, Rule, Urgent, conflicts
from agent.taxonomy import categories
from agent.zones.zones import Zones


def load_routing(config: Config, manifest: Manifest, zones: Zones, path: Path | None = None) -> Routing:
    """The table in force; `path` is the file that `config` was read from. Raises ConfigError with every fault."""
    routing = build(config, manifest)
    faults = list(find_faults(config, manifest, routing, zones.names() or None))
    if faults:
        raise ConfigError(*located(faults, path))
    return routing


def build(config: Config, manifest: Manifest) -> Routing:
    """The table as it is configured, right or wrong; the model's word goes before the taxonomy's."""
    known = categories()
    domains = {category.id: category.team for category in known}
    severities = {category.id: category.severity for category in known}
    for label in manifest.labels:
        if label.team is not None and label.severity is not None:
            domains[label.id], severities[label.id] = label.team, label.severity
    deadlines = {
        category.id: category.deadline_h
        for category in known
        # Hours that were meant for another severity say nothing.
        if category.deadline_h is not None and severities[category.id] == category.severity
    }
    urgent = {**SHIPPED, **config.urgent}
    return Routing(config.routes, urgent, domains, severities, deadlines=deadlines, default=config.routing.default)


def find_faults(config: Config, manifest: Manifest, routing: Routing, zones: Collection[str] | None) -> Iterator[Fault]:
    """Unknown labels and zones, conflicts and holes. `zones` are all that there are; None where none is imported."""
    sections: dict[str, Rule | Urgent] = {f"routes.{name}": rule for name, rule in config.routes.items()}
    sections |= {f"urgent.{name}": urgent for name, urgent in config.urgent.items()}
    for name, section in sections.items():
        for label in section.labels:
            if label not in routing.labels:
                yield Fault(
                    name, "labels", unknown(label, routing.labels, _("{name} is no label").format(name=shown(label)))
                )
        for zone in section.zones:
            if zones is not None and zone not in zones:
                yield Fault(name, "zones", _unknown_zone(zone, zones))
    for one, other in conflicts(config.routes):
        sentence = _(
            "says something else than [routes.{other}] in the same case, and neither is more specific; "
            "take from one of them what the other names, or name more in one of them"
        )
        yield Fault(f"routes.{one}", None, sentence.format(other=other))
    holes = routing.holes([label.id for label in manifest.labels if label.id != NO_DEFECT])
    if holes:
        names = ", ".join(f"{label} ({', '.join(severities)})" for label, severities in holes.items())
        sentence = _("is false, and no rule says who gets {names} everywhere; add one without zones, or set it to true")
        yield Fault("routing", "default", sentence.format(names=names))


def _unknown_zone(zone: str, known: Collection[str]) -> str:
    close = get_close_matches(zone, known, n=1)
    if close:
        return _("{zone} is no zone; did you mean {name}?").format(zone=shown(zone), name=close[0])
    return _("{zone} is neither the INSEE code of a commune nor a special zone: fidamia zones ls names them").format(
        zone=shown(zone)
    )
