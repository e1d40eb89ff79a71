"""The work of ``vbannotate detect`` over many recordings: plan, detect, write, tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vbannotate import cores, formats, outputs, report, scores
from vbannotate.cli.common import print_json, progress_line, warn
from vbannotate.detection import Detection, Detector, published_settings, redecode
from vbannotate.errors import MediaError, StartError, UsageError, VbannotateError
from vbannotate.formats.base import WriteOptions


@dataclass(frozen=True, slots=True)
class Request:
    """What one call of `detect` asks of every recording; it travels to worker processes."""

    model: str | None = None
    preset: str | None = None
    settings: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    compat: str | None = None
    granularity: str | None = None
    kinds: bool = False
    explain: bool = False
    channel: int | str | None = None
    keep_scores: bool = False
    device: str = "auto"
    backend: str = "auto"
    jobs: int = 1
    overwrite: bool = False
    into: Path | None = None
    in_place: bool = False
    tiers: str = "one"
    confidence: bool = False
    labels: Path | None = None
    exact: bool = False
    cue_style: str = "default"
    replace_edited: bool = False

    def detector(self, threads: int | None = None) -> Detector:
        """Load what was asked for."""
        from vbannotate.settings import read_file

        file = read_file(self.settings) if self.settings else None
        return Detector.load(
            self.model,
            self.preset,
            file,
            self.options,
            self.compat,
            self.device,
            self.backend,
            threads,
            self.granularity,
            self.kinds,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """One recording done, or the error that stopped it."""

    name: str
    detection: Detection | None = None
    written: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str | None = None


def run(
    request: Request,
    media: Sequence[Path],
    output: Path | None,
    wanted: Sequence[str],
    *,
    wav: bool = False,
    json: bool = False,
    quiet: bool = False,
) -> int:
    """Detect in all recordings and return the exit code: 1 if any of them failed."""
    found = find_media(media)
    for name in wanted:
        formats.module(name)
    keep = request.keep_scores
    plans = outputs.plan([(path, root) for path, root in found if path.exists()], output, wanted, keep, wav)
    by_path = {plan.media: plan for plan in plans}
    tasks = [by_path.get(path, outputs.Plan(path)) for path, _ in found]
    if request.into is not None and len(tasks) != 1:
        raise UsageError(
            f"--into takes the events of one recording, not of {len(tasks)}", "call it once a recording"
        )
    failed = 0
    for outcome in _outcomes(request, tasks, quiet or json):
        failed += outcome.error is not None
        _tell(outcome, json, len(tasks) > 1, quiet)
    if len(tasks) > 1 and not json and not quiet:
        print(f"{len(tasks)} recordings: {len(tasks) - failed} done, {failed} failed")
    return 1 if failed else 0


def find_media(given: Sequence[Path]) -> list[tuple[Path, Path]]:
    """The recordings among files and folders, each with the folder it was found under, in order, once."""
    from vbannotate.audio import MEDIA_SUFFIXES

    found: dict[Path, Path] = {}
    for path in given:
        if not path.is_dir():
            found.setdefault(path, path.parent)
            continue
        inside = [
            one
            for one in sorted(path.rglob("*"))
            if one.suffix.lower() in MEDIA_SUFFIXES
            and one.is_file()
            and not one.name.startswith(".")
            and not outputs.is_ours(one)
        ]
        if not inside:
            kinds = " ".join(sorted(suffix.lstrip(".") for suffix in MEDIA_SUFFIXES))
            raise UsageError(f"no recordings in {path}", f"looked for {kinds}")
        for one in inside:
            found.setdefault(one, path)
    return list(found.items())


def _outcomes(request: Request, tasks: Sequence[outputs.Plan], silent: bool) -> Iterator[Outcome]:
    if request.jobs > 1 and len(tasks) > 1:
        yield from _in_parallel(request, tasks)
        return
    detector: Detector | None = None
    for number, plan in enumerate(tasks, 1):
        name = plan.media.name if len(tasks) == 1 else f"[{number}/{len(tasks)}] {plan.media.name}"
        if (refused := _refused(request, plan)) is not None:
            yield refused
            continue
        if detector is None and not _is_scores(plan.media):
            detector = request.detector()
        with progress_line(name, not silent) as progress:
            outcome = _one(request, plan, detector, progress)
        yield outcome


def _refused(request: Request, plan: outputs.Plan) -> Outcome | None:
    """What stands in the way of a recording before any work is done for it."""
    try:
        if not plan.media.exists():
            raise MediaError(f"file not found: {plan.media}", "check the name")
        outputs.check(plan, request.overwrite)
    except VbannotateError as error:
        return Outcome(str(plan.media), error=str(error))
    return None


def _one(request: Request, plan: outputs.Plan, detector: Detector | None, progress: Any = None) -> Outcome:
    """Detect in one recording and write its files; what is wrong with it stands in the outcome."""
    try:
        return _done(request, plan, detector, progress)
    except StartError:
        raise
    except VbannotateError as error:
        return Outcome(str(plan.media), error=str(error))


def _done(request: Request, plan: outputs.Plan, detector: Detector | None, progress: Any) -> Outcome:
    detection = _detect(request, plan.media, detector, progress)
    mapped, options = _writer(request, detection)
    annotation = mapped.annotation
    written = outputs.write(plan, mapped, options, request.overwrite)
    warnings = [*annotation.warnings]
    if "textgrid" in plan.targets and plan.wav is None and not _is_scores(plan.media):
        from vbannotate import audio

        warnings += filter(None, [audio.praat_clock_warning(plan.media)])
    if request.into is not None:
        from vbannotate.formats.into import merge_into

        merged = merge_into(request.into, mapped.annotation, options=options, in_place=request.in_place)
        written.append(merged.path)
        warnings += merged.notes
    return Outcome(str(plan.media), mapped, tuple(written), tuple(warnings))


def _detect(request: Request, media: Path, detector: Detector | None, progress: Any) -> Detection:
    if _is_scores(media):
        return _from_scores(request, media)
    assert detector is not None
    return detector.run(
        media,
        channel=request.channel,
        explain=request.explain,
        keep_scores=request.keep_scores,
        progress=progress,
    )


def _from_scores(request: Request, path: Path) -> Detection:
    from vbannotate import models
    from vbannotate.settings import read_file, resolve

    kept = scores.load(path)
    file = read_file(request.settings) if request.settings else None
    card = models.card(request.model or (file.model if file else None) or kept.model)
    wanted = request.granularity or (file.granularity if file else None) or kept.granularity
    if wanted != kept.granularity:
        raise UsageError(
            f"{path}: a curve of granularity {kept.granularity}", "detect in the recording itself for another"
        )
    card = card.at(wanted)
    if request.kinds:
        raise UsageError(
            f"{path}: a kept curve holds no kinds", "detect in the recording itself, with --kinds"
        )
    program = published_settings(request.compat, request.options)
    resolved = resolve(card, request.preset, file, request.options, program)
    return redecode(kept, resolved, request.compat, request.explain)


def _writer(request: Request, detection: Detection) -> tuple[Detection, WriteOptions]:
    """The result with the user's label names, and how to write it."""
    options = WriteOptions(
        confidence=request.confidence,
        tiers=request.tiers,
        exact=request.exact,
        style=request.cue_style,
        replace_edited=request.replace_edited,
    )
    if request.labels is None:
        return detection, options
    from vbannotate import vocabulary

    names = vocabulary.load(request.labels)
    renamed = names.rename(detection.annotation, detection.annotation.media or "the recording")
    mapped = replace(detection, annotation=renamed)
    return mapped, replace(options, texts=names.texts)


def _in_parallel(request: Request, tasks: Sequence[outputs.Plan]) -> Iterator[Outcome]:
    """Worker processes that load the model once each; results come in the order of the recordings."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    jobs = min(request.jobs, len(tasks))
    threads = max(1, cores.free() // jobs)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _start_worker, (request, threads)) as pool:
        futures = [pool.submit(_work, plan) for plan in tasks]
        try:
            for future in futures:
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


_worker: list[
    Any
] = []  # in a worker process: the request, the number of threads and, once loaded, the detector


def _start_worker(request: Request, threads: int) -> None:
    _worker[:] = [request, threads, None]


def _work(plan: outputs.Plan) -> Outcome:
    request, threads, detector = _worker
    if (refused := _refused(request, plan)) is not None:
        return refused
    if detector is None and not _is_scores(plan.media):
        detector = _worker[2] = request.detector(threads)
    return _one(request, plan, detector)


def _tell(outcome: Outcome, json: bool, many: bool, quiet: bool) -> None:
    for line in outcome.warnings:
        warn(line if outcome.name in line else f"{outcome.name}: {line}")
    if outcome.detection is None:
        error = outcome.error or ""
        warn(error if outcome.name in error else f"{outcome.name}: {error}")
        return
    annotation = outcome.detection.annotation
    if json:
        result = report.as_json(outcome.name, annotation)
        if outcome.detection.dropped:
            result["dropped"] = [str(dropped) for dropped in outcome.detection.dropped]
        print_json(result, indent=None if many else 2)
    elif not quiet:
        print(report.as_text(outcome.name, annotation))
        if calibration := annotation.provenance.get("settings", {}).get("calibration"):
            print(f"\nConfidences are calibrated on {calibration['events']} of your events: of 100 events")
            print("with a confidence of 0.83 about 83 were right in your recordings.")
        if outcome.detection.dropped:
            print("\nNot events of their own:\n")
            print("\n".join(f"  {dropped}" for dropped in outcome.detection.dropped))
        for path in outcome.written:
            print(f"  wrote {path}")


def _is_scores(path: Path) -> bool:
    return path.name.endswith(scores.SUFFIX)
