"""How fast a training step is, beside the same step with torch's own gradients; needs the extra [train].

`python -m benchmarks.training`, on a machine that does nothing else.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

import click
import torch

from training.fitting.depthwise import quicken, restore
from training.fitting.memory import keep_freed_memory
from training.fitting.network import pretrained
from training.fitting.train import learn_on, learning, step
from training.settings import Settings

WARM, STEPS = 2, 6


def steps(network: Any, settings: Settings) -> Iterator[float]:
    """Seconds of each step on pictures that are made up."""
    optimiser = learning(network, settings)
    learn_on(network, settings)
    size = settings.input.height, settings.input.width
    batch = torch.randn(settings.batch, 3, *size).contiguous(memory_format=torch.channels_last)
    targets = torch.arange(settings.batch) % network._fc.out_features
    for _ in range(WARM + STEPS):
        started = time.perf_counter()
        step(network, optimiser, batch, targets, settings)
        yield time.perf_counter() - started


@click.command()
@click.option("--rounds", default=3, show_default=True, help="each way in turn")
def main(rounds: int) -> None:
    """Photographs a second that the network learns from, the gradients' way and with memory that is kept."""
    settings = Settings()
    network = pretrained(6).to("cpu")  # where the quick gradient is of use
    found: dict[str, list[float]] = {"torch's gradient": [], "quick gradient": []}

    def measure(name: str) -> None:
        found.setdefault(name, []).extend(list(steps(network, settings))[WARM:])

    for _ in range(rounds):
        restore(network)
        measure("torch's gradient")
        quicken(network)
        measure("quick gradient")
    keep_freed_memory()  # for good: so it comes last
    for _ in range(rounds):
        measure("quick gradient, freed memory kept")
    base = statistics.median(found["torch's gradient"])
    for name, seconds in found.items():
        median = statistics.median(seconds)
        click.echo(f"{name}: {settings.batch / median:.0f} photographs/s, {base / median:.2f} times torch's")


if __name__ == "__main__":
    main()
