"""What is written about the product is true of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from agent.cli.main import main as fidamia
from agent.sync.topics import topic
from central.cli import main as central

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
ASYNCAPI: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text())


def verbs(group: click.Command, name: str) -> list[str]:
    """Every command of a program, in full."""
    if not isinstance(group, click.Group):
        return [name]
    context = click.Context(group)
    found = []
    for verb in group.list_commands(context):
        command = group.get_command(context, verb)
        assert command is not None
        found += verbs(command, f"{name} {verb}")
    return found


@pytest.mark.parametrize("verb", verbs(fidamia, "fidamia") + verbs(central, "fidamia-central"))
def test_every_command_stands_in_the_readme(verb: str) -> None:
    assert verb in README


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/operations.md"])
def test_every_link_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert ((ROOT / page).parent / target).exists(), target


def references(content: Any) -> list[str]:
    if isinstance(content, dict):
        inner = [found for value in content.values() for found in references(value)]
        return inner + ([content["$ref"]] if "$ref" in content else [])
    return [found for value in content for found in references(value)] if isinstance(content, list) else []


def test_every_reference_of_the_asyncapi_description_leads_somewhere() -> None:
    found = references(ASYNCAPI)
    assert found
    for reference in found:
        file, _, path = reference.partition("#/")
        if file:
            assert (ROOT / "docs" / file).exists(), reference
            continue
        place: Any = ASYNCAPI
        for part in path.split("/"):
            place = place[part]


def test_the_topics_of_the_asyncapi_description_are_those_in_use() -> None:
    described = {channel["address"] for channel in ASYNCAPI["channels"].values()}
    channels = ("reports", "evidence/{report}", "losses", "health", "ack", "state")
    assert described == {topic("fidamia/v1", "{device}", channel) for channel in channels}
