"""Puts the pipeline together from the configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agent.config import Camera, Config
from agent.drivers.tflite import TfliteClassifier
from agent.manifest import Manifest
from agent.pipeline.aggregate import Aggregator, Belief, Span
from agent.pipeline.anonymise import Identity
from agent.pipeline.dating import Dating
from agent.pipeline.filing import Filing
from agent.pipeline.known import Memory
from agent.pipeline.locate import Fixes
from agent.pipeline.pipeline import Eye, Pipeline
from agent.pipeline.place import Mounting
from agent.pipeline.quality import Gate, Settings
from agent.pipeline.regions import Pace, Rota
from agent.pipeline.trigger import Trigger, When
from agent.routing import Routing
from agent.sources import Sources, choose_regions
from agent.store.store import Store
from agent.zones.zones import Zones


def build_pipeline(  # noqa: PLR0913 - what it is put together from
    config: Config,
    sources: Sources,
    store: Store,
    classifier: TfliteClassifier,
    *,
    zones: Zones,
    routing: Routing,
    rate: Callable[[], float] = lambda: 1.0,
) -> Pipeline:
    """The pipeline from these sources into that store; `rate` says how much rarer than usual frames are wanted."""
    manifest = classifier.manifest
    fixes, dating = Fixes(), Dating(sources.clock)
    filing = Filing(
        store,
        manifest,
        Identity(config.agent.device, sources.boot),
        fixes,
        dating,
        routing=routing,
        zones=zones.at,
        memory=Memory(config.seen_again.radius_m, config.seen_again.days),
        patience=0.0 if config.gps.source == "none" else config.gps.wait_s,
    )
    quality = config.quality
    standards = Settings(
        quality.darkest, quality.brightest, quality.blur, quality.same, quality.dirty_share, config.camera.horizon
    )
    return Pipeline(
        camera=sources.camera,
        gps=sources.gps,
        classifier=classifier,
        eyes={one.name: _eye(config, one, manifest, sources.mountings[one.name]) for one in config.all_cameras},
        gate=Gate(standards),
        fixes=fixes,
        dating=dating,
        filing=filing,
        is_forbidden=lambda lat, lon, metres: zones.at(lat, lon, metres).no_capture,
        rate=rate,
    )


def _eye(config: Config, camera: Camera, manifest: Manifest, mounting: Mounting) -> Eye:
    trigger, aggregate = config.trigger, config.aggregate
    limits = trigger.slowest_kmh, trigger.fastest_kmh
    # Whoever takes single pictures takes one of each defect.
    are_single = Path(camera.source).is_dir() and config.gps.source == "none"
    frames = aggregate.min_frames or (1 if are_single else 2)
    span = Span(aggregate.reach_m, aggregate.gap_m, aggregate.patience_s)
    return Eye(
        Trigger(When(trigger.every_m, trigger.every_s, trigger.parked_s, *limits, trigger.spans)),
        Aggregator(manifest, span, Belief(frames, aggregate.certain, are_single)),
        Rota(choose_regions(camera)),
        Pace(trigger.every_m, trigger.every_s, camera.look_share),
        mounting,
    )
