"""`python -m benchmarks`: every figure beside its peer, in turn and in one run; the results as JSON and as a table."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from agent import __version__
from benchmarks import backlog, delivery, inference, nearby, processes, stages, throughput, zones
from benchmarks.measure import Figure, line

RESULTS = Path(__file__).parent / "results" / "latest.json"
FIGURES: tuple[Callable[[], Figure], ...] = (
    inference.jpeg_to_class,
    inference.frame_to_decision,
    inference.road_720p,
    inference.road_1080p,
    processes.classify_photographs,
    processes.classify_frames,
    inference.observation_to_commit,
    processes.status,
    processes.resident_memory,
    processes.frame_to_commit,
    delivery.drain,
    delivery.drain_paho,
    delivery.bytes_on_the_wire,
    delivery.live,
    delivery.after_tunnel,
    backlog.memory,
    backlog.start,
    backlog.salvage,
    backlog.written,
    zones.lookup,
    zones.lookup_bare,
    zones.load,
    *stages.FIGURES,
    *throughput.FIGURES,
    nearby.near,
)


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=RESULTS, help="Where the JSON goes.")
def main(out: Path) -> None:
    """Measure everything; some minutes."""
    figures = []
    for measure in FIGURES:
        figure = measure()
        figures.append(figure)
        click.echo(line(figure))
    out.parent.mkdir(exist_ok=True)
    content = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "python": platform.python_version(),
        "machine": _machine(),
        "figures": figures,
    }
    out.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")
    click.echo(f"written to {out}")


def _machine() -> str:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    name = models[0].partition(":")[2].strip() if models else platform.machine()
    return f"{name}, {len(models)} cores, {platform.system()} {platform.machine()}"


sys.exit(main())
