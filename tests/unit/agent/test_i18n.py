"""Every message for people has its French."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from babel.messages import mofile, pofile
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir

from agent import i18n

ROOT = Path(__file__).parents[3]
WORDS = ROOT / "agent" / "locale" / "fr" / "LC_MESSAGES"
KEYWORDS = {"_": None, "ngettext": (1, 2)}


@pytest.fixture(scope="module")
def french() -> Catalog:
    with (WORDS / "fidamia.po").open("rb") as file:
        return pofile.read_po(file, locale="fr")


def all_of(translation: object) -> bool:
    """Whether the translation, or each of its plural forms, says something."""
    return all(translation) if isinstance(translation, tuple) else bool(translation)


def test_no_message_is_without_its_french(french: Catalog) -> None:
    missing = []
    for package in ("agent", "central"):
        for _file, _line, message, _comments, _context in extract_from_dir(ROOT / package, keywords=KEYWORDS):
            key = message[0] if isinstance(message, tuple) else message
            known = french.get(key)
            if known is None or not all_of(known.string):
                missing.append(message)
    assert not missing, "make translations, and translate what is new"


def test_each_french_message_fills_the_same_places(french: Catalog) -> None:
    faults = [(message.id, message.check()) for message in french if message.id and message.check()]
    assert not faults


def test_the_compiled_catalogue_is_the_written_one(french: Catalog) -> None:
    compiled = io.BytesIO()
    mofile.write_mo(compiled, french)
    assert (WORDS / "fidamia.mo").read_bytes() == compiled.getvalue(), "make translations"


def test_the_locale_chooses_the_language(monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = {}
    for locale in ("fr_FR.UTF-8", "en_GB.UTF-8", "C", "xx_YY", "de_DE.UTF-8"):
        monkeypatch.setenv("LANGUAGE", "")
        monkeypatch.setenv("LC_ALL", locale)
        i18n._catalogue.cache_clear()
        spoken[locale] = (i18n.language(), i18n._("unknown key"))
    i18n._catalogue.cache_clear()
    assert spoken.pop("fr_FR.UTF-8") == ("fr", "clé inconnue")
    assert set(spoken.values()) == {("en", "unknown key")}
