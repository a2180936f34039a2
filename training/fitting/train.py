"""Fine-tunes the network; needs torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import click
import torch
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from training.fitting.depthwise import quicken
from training.fitting.network import DEVICE, pretrained, tensor
from training.fitting.samples import Samples
from training.folder import whole
from training.progress import shown
from training.settings import Settings

WARM = 200  # steps, while the learning rate rises

Judge = Callable[[Any], float]  # what a network is worth: the less the better


def start(labels: int) -> Any:
    """The pretrained network, with a last layer that says nothing yet."""
    network = pretrained(labels)
    for parameter in network._fc.parameters():
        torch.nn.init.zeros_(parameter)
    return network.eval()


def fit(
    network: Any, samples: Samples, settings: Settings, checkpoint: Path, judge: Judge | None = None
) -> tuple[Any, list[float]]:
    """Fine-tune a network from `start`; the best one, in evaluation mode, and what `judge` said of it at each epoch.

    Without a judge the best one is the last. The learning rate stays as it is, and weights are averaged instead: so a
    run of fewer epochs is the beginning of a longer one, and can be stopped after any. What is done is kept in
    `checkpoint`, and a second call goes on from there.
    """
    torch.manual_seed(settings.seed)
    origin = {name: value.clone() for name, value in network.state_dict().items()}
    if DEVICE.type == "cpu":
        quicken(network)
    averaged = AveragedModel(network, multi_avg_fn=_rising(settings.averaging), use_buffers=True)
    optimiser = learning(network, settings)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1.0, (step + 1) / WARM))
    parts = {"network": network, "averaged": averaged, "optimiser": optimiser, "schedule": schedule}
    progress: dict[str, Any] = {"done": 0, "worth": [], "best": None}
    progress |= _resume(parts, settings, checkpoint)
    for epoch in range(progress["done"], settings.epochs):
        torch.manual_seed(settings.seed + epoch)  # so that a run that goes on equals one in a piece
        learn_on(network, settings)
        errors = 0.0
        steps = samples.steps(settings)
        for targets, views in shown(samples.batches(settings, epoch), f"epoch {epoch + 1}", steps):
            batch = tensor(views, settings.input)
            errors += step(network, optimiser, batch, torch.from_numpy(targets).to(DEVICE), settings)
            schedule.step()
            averaged.update_parameters(network)
        tuned = _between(origin, averaged.module.state_dict(), settings.tuned)
        worth = _worth(network, tuned, judge)
        if progress["best"] is None or worth <= min(progress["worth"]):
            progress["best"] = tuned
        progress |= {"done": epoch + 1, "worth": [*progress["worth"], worth]}
        state = {name: part.state_dict() for name, part in parts.items()}
        content = BytesIO()  # of a file that can not be written, torch says nothing that helps
        torch.save(state | progress | {"settings": settings.of_learning()}, content)
        with whole(checkpoint) as partial:
            partial.write_bytes(content.getbuffer())
        judged = "" if judge is None else f", {worth:.3f} on what is held out"
        click.echo(f"epoch {epoch + 1} of {settings.epochs}: loss {errors / steps:.3f}{judged}", err=True)
    network.load_state_dict(progress["best"] or origin)
    return network.eval(), progress["worth"]


def learning(network: Any, settings: Settings) -> Any:
    """The optimiser of all but the frozen blocks, which learn no more."""
    for layer in _frozen(network, settings):
        layer.requires_grad_(False)
    rest = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(rest, settings.learning_rate, weight_decay=settings.weight_decay, fused=True)


def learn_on(network: Any, settings: Settings) -> None:
    """Back from evaluation to training, but for the frozen blocks."""
    network.train()
    for layer in _frozen(network, settings):
        layer.eval()


def step(network: Any, optimiser: Any, batch: Any, targets: Any, settings: Settings) -> float:
    """Learn from one batch, on the device that it is on; its loss before."""
    optimiser.zero_grad()
    with torch.autocast(batch.device.type, dtype=torch.bfloat16):
        logits = network(batch)
    error = functional.cross_entropy(logits.float(), targets, label_smoothing=settings.smoothing)
    error.backward()
    optimiser.step()
    return float(error.item())


def _rising(decay: float) -> Callable[[Sequence[Any], Sequence[Any], Any], None]:
    """A moving average that soon leaves the first weights behind (as in TensorFlow's ExponentialMovingAverage)."""

    def average(averaged: Sequence[Any], current: Sequence[Any], count: Any) -> None:
        now = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        for old, new in zip(averaged, current, strict=True):
            if old.is_floating_point():
                old.lerp_(new, now)
            else:  # of a batch normalisation: how many batches it has seen
                old.copy_(new)

    return average


def _frozen(network: Any, settings: Settings) -> list[Any]:
    return [network._conv_stem, network._bn0, *network._blocks[: settings.frozen]]


def _worth(network: Any, weights: Mapping[str, Any], judge: Judge | None) -> float:
    """What the judge says of the network with these weights; its own ones are back in it afterwards."""
    if judge is None:
        return 0.0
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(weights)
    worth = judge(network.eval())
    network.load_state_dict(kept)
    return worth


def _between(origin: Mapping[str, Any], tuned: Mapping[str, Any], share: float) -> dict[str, Any]:
    """Weights on the line between the two: a part of what the pretrained ones know of other streets is kept."""
    return {
        name: torch.lerp(value, tuned[name], share) if value.is_floating_point() else tuned[name].clone()
        for name, value in origin.items()
    }


def _resume(parts: Mapping[str, Any], settings: Settings, checkpoint: Path) -> dict[str, Any]:
    """Load the parts as a run of the same settings left them, unless it went farther than is asked; how far it was."""
    if not checkpoint.is_file():
        return {}
    state = torch.load(checkpoint, map_location=DEVICE)
    if state["settings"] != settings.of_learning() or state["done"] > settings.epochs:
        return {}
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return {name: state[name] for name in ("done", "worth", "best")}
