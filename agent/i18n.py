"""Messages for people: in French or English, by the locale, and with any name on one line."""

from __future__ import annotations

import gettext
from functools import cache
from importlib.resources import files

DOMAIN = "fidamia"


@cache
def _catalogue() -> gettext.NullTranslations:
    """The catalogue of the locale (LANGUAGE, LC_ALL, LC_MESSAGES, LANG); English where there is none."""
    return gettext.translation(DOMAIN, str(files("agent") / "locale"), fallback=True)


def _(message: str) -> str:
    """The message in the reader's language."""
    return _catalogue().gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """The message in the reader's language, in the form that fits the number."""
    return _catalogue().ngettext(singular, plural, number)


def shown(name: object) -> str:
    """The name of a file or of anything else, on one line whatever characters it has."""
    text = str(name)
    return text if text.isprintable() else repr(text)


def language() -> str:
    """`fr` or `en`: which of a label's two names to show."""
    return _catalogue().info().get("language", "en")[:2]
