"""Is a model the one that was made, and does it say here what it said there?"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2

from agent.domain import ModelIdentity
from agent.drivers.tflite import TfliteClassifier
from agent.errors import ConfigError
from agent.golden import Answer, GoldenError, ask, load_golden, read_pixels, timed
from agent.i18n import _, ngettext
from agent.manifest import Manifest, load_manifest

RUNS = 60  # inferences that are timed


@dataclass(frozen=True, slots=True)
class Times:
    """Of an inference, in milliseconds."""

    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it. `sentence` and `faults` are for people; what was not reached is None or empty."""

    right: bool
    sentence: str
    faults: Sequence[str] = ()
    model: ModelIdentity | None = None
    path: str | None = None  # of the model's file
    runtime: str | None = None
    tolerance: float | None = None  # of a probability
    pictures: Sequence[Answer] = ()
    milliseconds: Times | None = None


def verify(name: str, runtime: str = "auto", threads: int = 1) -> Verdict:
    """Hold a model, by its name or its folder, against its manifest and its golden pictures; needs no network."""
    try:
        manifest = load_manifest(name)
        classifier = TfliteClassifier(manifest, runtime, threads)
    except ConfigError as error:
        return Verdict(False, _("The model {name} can not be used.").format(name=name), error.faults)
    loaded = Verdict(False, "", (), manifest.identity, str(manifest.path), classifier.runtime)
    try:
        golden = load_golden(manifest)
        pictures = [read_pixels(manifest.directory, picture) for picture in golden.pictures]
    except GoldenError as error:
        sentence = _(
            "The model {name} {version} fits its manifest and loads, but without its golden pictures "
            "it can not be told whether it answers rightly."
        ).format(name=manifest.name, version=manifest.version)
        remedy = _("Install the model again, or make its golden pictures again: python -m training.golden {folder}")
        return replace(loaded, sentence=sentence, faults=(str(error), remedy.format(folder=manifest.directory)))
    answers = ask(classifier, manifest, golden.pictures, pictures)
    # Said this way round so that an answer that is no number is a wrong one.
    wrong = [answer for answer in answers if not answer.gap <= golden.tolerance]
    times = list(timed(classifier, pictures, RUNS))
    return replace(
        loaded,
        right=not wrong,
        sentence=_sentence(manifest, len(wrong), len(answers)),
        faults=_faults(manifest, wrong, classifier.runtime) if wrong else (),
        tolerance=golden.tolerance,
        pictures=answers,
        milliseconds=Times(round(statistics.median(times), 2), round(statistics.quantiles(times, n=20)[-1], 2)),
    )


def _sentence(manifest: Manifest, wrong: int, count: int) -> str:
    if wrong:
        text = ngettext(
            "The model {name} {version} answers wrongly: of {count} golden pictures, {wrong} is not recognised as it "
            "was when the model was made.",
            "The model {name} {version} answers wrongly: of {count} golden pictures, {wrong} are not recognised as "
            "they were when the model was made.",
            wrong,
        )
    else:
        text = ngettext(
            "The model {name} {version} is right: it says of {count} golden picture what it said when it was made.",
            "The model {name} {version} is right: it says of {count} golden pictures what it said when it was made.",
            count,
        )
    return text.format(name=manifest.name, version=manifest.version, wrong=wrong, count=count)


def _faults(manifest: Manifest, wrong: Sequence[Answer], runtime: str) -> list[str]:
    faults = [
        _("{file}: {label} has the probability {found:.3f}, expected is {expected:.3f}").format(
            file=answer.file,
            label=manifest.label(answer.label).name,
            found=answer.found,
            expected=answer.expected,
        )
        for answer in wrong
    ]
    remedy = _(
        "The file of the model is unaltered, so it is {runtime}, OpenCV {opencv} or this program that computes wrongly "
        "here: install the program again, or choose another [model] runtime."
    )
    return [*faults, remedy.format(runtime=runtime, opencv=cv2.__version__)]
