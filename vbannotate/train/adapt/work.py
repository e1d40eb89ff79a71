"""The work of `adapt`: states, folds, heads and counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vbannotate import models, tune
from vbannotate.decode import EVENT, Settings
from vbannotate.detection import decode_stream
from vbannotate.events import Annotation, Event
from vbannotate.models.base import Card
from vbannotate.models.folder import Source
from vbannotate.settings import Resolved, resolve
from vbannotate.times import to_us
from vbannotate.train import judge, references
from vbannotate.train.adapt import fit, graph, point, states, targets
from vbannotate.train.adapt.decide import Outcome, decide
from vbannotate.train.adapt.inputs import Corrected
from vbannotate.train.adapt.torch_ops import HeadModule
from vbannotate.train.judge import Counts
from vbannotate.train.references import Recording

FOLDS = 5
BASE_RECORDINGS = 200  # more are left out; half of them fit, half judge
ENOUGH = 1500  # windows to choose two settings on: with 10 s and 2 s of overlap more than three hours

_RATE = 16_000  # Hz

Report = Callable[[str], None]


@dataclass(frozen=True)
class Prepared:
    """A recording ready to fit on and to judge by."""

    item: Recording
    windows: fit.Windows
    samples: int


@dataclass(frozen=True, slots=True)
class Fitted:
    """A head and the settings that go with it."""

    parameters: graph.Parameters
    settings: Settings


@dataclass(frozen=True)
class Work:
    """A model taken apart, and how it is judged. `card` is at the granularity of the corrections."""

    source: Source
    card: Card
    split: graph.Split
    encoder: states.Encoder
    head: HeadModule
    resolved: Resolved
    plan: fit.Plan
    report: Report

    @classmethod
    def of(
        cls,
        model: str | Path,
        granularity: str,
        preset: str | None,
        plan: fit.Plan,
        cache: Path,
        temporary: Path,
        report: Report,
    ) -> Work:
        """Take `model` apart. One that has no ONNX file is written as one below `temporary` first."""
        source = models.locate(model)
        if source.onnx is None:
            from vbannotate.models.export import export

            export(source, temporary / "model")
            source = models.locate(temporary / "model")
        assert source.onnx is not None
        card = source.card.at(granularity)
        parts = graph.split(source.onnx)
        encoder = states.Encoder(parts.below(), card, cache)
        head = HeadModule(parts, encoder.widths, encoder.flat)
        return cls(source, card, parts, encoder, head, resolve(card, preset), plan, report)

    def prepare(self, path: Path, annotation: Annotation, given: str, background: str) -> Prepared:
        """States, targets and the starting head's probabilities of a recording."""
        found = self.encoder.states(path)
        frames = -(-found.samples // self.card.layout.samples)
        self.head.load(self.split.parameters())
        before = fit.probabilities(self.head, found.windows)
        wanted = targets.targets(
            annotation, targets.columns(self.source.card), given, frames, before.shape[2], self.card.frame_us
        )
        target, weight = (states.cut(values, found.samples, self.card.layout) for values in wanted)
        windows = fit.Windows(found.windows, target, weight, before.astype(np.float16))
        item = replace(
            references.of_annotation(path, annotation), seconds=found.samples / _RATE, background=background
        )
        return Prepared(item, windows, found.samples)

    def curve(self, one: Prepared, probabilities: np.ndarray) -> np.ndarray:
        """The curve of each label, float32 [frames, labels], from the probabilities of the windows."""
        curve = states.stitched(probabilities, one.samples, self.card.layout)
        return curve[:, self.card.column : self.card.column + len(self.card.labels)]

    def events(self, one: Prepared, curve: np.ndarray, settings: Settings) -> list[Event]:
        """Decode the curve of a recording, as `detect` does."""
        resolved = replace(self.resolved, default=settings)
        duration = to_us(one.item.seconds)
        return decode_stream([curve], self.card.labels, resolved, self.card.frame_us, lambda: duration)[0]

    def counts(
        self, ones: Sequence[Prepared], parameters: graph.Parameters, settings: Settings
    ) -> list[Counts]:
        """Counts of each recording with a head and its settings."""
        self.head.load(parameters)
        curves = (self.curve(one, fit.probabilities(self.head, one.windows.states)) for one in ones)
        found = [self.events(one, curve, settings) for one, curve in zip(ones, curves, strict=True)]
        return judge.count_all([one.item for one in ones], found)

    def chosen(
        self, own: Sequence[Prepared], base: Sequence[Prepared], parameters: graph.Parameters
    ) -> Settings:
        """The settings that go with a head, on the recordings that it was fitted on (see `point`)."""
        self.head.load(parameters)
        labels: list[list[tune.Recording]] = [[] for _ in self.card.labels]
        own = some(own, ENOUGH, self.plan.seed)
        for k, one in enumerate([*own, *base]):
            curve = self.curve(one, fit.probabilities(self.head, one.windows.states))
            wanted: Sequence[Event] = one.item.events
            if k >= len(own):
                before = self.curve(one, one.windows.before.astype(np.float32))
                wanted = self.events(one, before, self.resolved.default)
            for column, label in enumerate(self.card.labels):
                meant = tuple(e for e in wanted if len(labels) == 1 or e.label == label)
                labels[column].append(
                    tune.Recording(
                        str(one.item.path),
                        curve[:, column],
                        meant,
                        self.card.frame_us,
                        duration_us=to_us(one.item.seconds),
                        examined=one.item.examined,
                    )
                )
        return point.choose(labels, self.resolved.default)

    def fitted(self, own: Sequence[Prepared], base: Sequence[Prepared], name: str) -> Fitted:
        """A head fitted on some recordings, with its settings."""
        windows, around = ([one.windows for one in side] for side in (own, base))
        progress = fit.timed(name, self.report)
        sizes = self.encoder.widths, self.encoder.flat
        parameters = fit.fit(self.split, *sizes, windows, around, self.plan, progress)
        return Fitted(parameters, self.chosen(own, base, parameters))


def some(ones: Sequence[Prepared], windows: int, seed: int) -> list[Prepared]:
    """Recordings drawn at random until they have so many windows; all of them where they have fewer."""
    if sum(len(one.windows.states) for one in ones) <= windows:
        return list(ones)
    drawn: list[Prepared] = []
    for k in np.random.default_rng(seed).permutation(len(ones)):
        drawn.append(ones[k])
        windows -= len(ones[k].windows.states)
        if windows <= 0:
            break
    return drawn


def dealt(groups: Sequence[str], folds: int, seed: int) -> list[list[int]]:
    """Places dealt into at most `folds` folds of about equal size, a group never split."""
    members: dict[str, list[int]] = {}
    for place, group in enumerate(groups):
        members.setdefault(group, []).append(place)
    order = np.random.default_rng(seed).permutation(len(members))
    names = sorted(np.array([*members])[order], key=lambda name: -len(members[name]))
    result: list[list[int]] = [[] for _ in range(min(folds, len(members)))]
    for name in names:
        min(result, key=len).extend(members[name])
    return result


def run(work: Work, corrected: Sequence[Corrected], base: Path | None) -> tuple[Outcome, Fitted, Prepared]:
    """Fit and judge. Gives the outcome, the head fitted on all, and a recording to check a file with."""
    own = _prepared(
        work, [(c.path, c.annotation, "yours") for c in corrected], work.card.granularity, "yours"
    )
    around = []
    if base is not None:
        items = [item for items in references.read_sets(base)[0].values() for item in items]
        items = items[:: max(1, len(items) // BASE_RECORDINGS)][:BASE_RECORDINGS]
        around = _prepared(
            work, [(i.path, references.annotation_of(i), i.background) for i in items], EVENT, "base data"
        )
    taught, judging = around[::2], around[1::2]
    start = work.split.parameters(), work.resolved.default
    before = work.counts(own, *start)
    after: list[Counts] = [Counts()] * len(own)
    folds = dealt([c.group for c in corrected], FOLDS, work.plan.seed)
    for number, fold in enumerate(folds, 1):
        rest = [own[k] for k in range(len(own)) if k not in fold]
        head = work.fitted(rest, taught, f"fold {number} of {len(folds)}")
        found = work.counts([own[k] for k in fold], head.parameters, head.settings)
        for k, counts in zip(fold, found, strict=True):
            after[k] = counts
        done = [k for part in folds[:number] for k in part]
        told = [sum((side[k] for k in done), Counts()).f1 for side in (before, after)]
        work.report(
            f"fold {number} of {len(folds)}: F1 {told[0]:.3f} -> {told[1]:.3f} on {len(done)} recordings"
        )
    final = work.fitted(own, taught, "all recordings")
    outcome = decide(
        before,
        after,
        work.counts(judging, *start),
        work.counts(judging, final.parameters, final.settings),
        point.changed(work.resolved.default, final.settings),
    )
    return outcome, final, max(own, key=lambda one: len(one.item.events) / max(one.item.seconds, 1))


def _prepared(
    work: Work, wanted: Sequence[tuple[Path, Annotation, str]], given: str, name: str
) -> list[Prepared]:
    began = told = time.monotonic()
    found = []
    for number, (path, annotation, background) in enumerate(wanted, 1):
        found.append(work.prepare(path, annotation, given, background))
        now = time.monotonic()
        if now - told >= 10:
            told = now
            left = (now - began) / number * (len(wanted) - number)
            work.report(f"{name}: {number} of {len(wanted)} recordings listened to, {left:.0f} s left")
    minutes = sum(one.item.seconds for one in found) / 60
    work.report(f"{name}: {len(found)} recordings, {minutes:.1f} min")
    return found
