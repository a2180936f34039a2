"""What other systems call our labels: their codes, as the configuration gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from agent.taxonomy import categories

Code = Annotated[str, Meta(min_length=1, max_length=64)]

_Labels = msgspec.defstruct("_Labels", [(category.id, Code | None, None) for category in categories()], frozen=True)


class Codes(_Labels, frozen=True):  # type: ignore[call-arg, misc, valid-type] # its fields are data
    """One system's section: a key a label, so that a label that there is not is named like any other unknown key."""


def with_codes(features: Iterable[Mapping[str, Any]], systems: Mapping[str, Codes]) -> list[dict[str, Any]]:
    """The reports, each with `codes`: by system, what it calls the report's label. One that has no word is left out."""
    tables = {name: msgspec.structs.asdict(codes) for name, codes in systems.items()}
    return [{**feature, "properties": _coded(feature["properties"], tables)} for feature in features]


def _coded(properties: Mapping[str, Any], tables: Mapping[str, Mapping[str, str | None]]) -> dict[str, Any]:
    found = {name: table.get(properties["label"]) for name, table in tables.items()}
    return {**properties, "codes": {name: code for name, code in found.items() if code is not None}}
