"""``vbannotate train``: a detector in the published architecture, on one's own data."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbannotate.errors import MissingDependencyError, UsageError

if TYPE_CHECKING:
    from vbannotate.train.locator.options import Settings

app = typer.Typer(help="Train detectors.", no_args_is_help=True)


@app.callback()
def _train() -> None:
    """Train detectors."""


@app.command()
def detector(
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="Folder of the run and its model. [OUT_DIR, vb_output]"),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Folder with train/ and val/, or of recordings. [DATA_DIR, vb_dataset]")
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(help="Whisper encoder: small (as published), base ..., a hub name, a file or a folder."),
    ] = None,
    mode: Annotated[str | None, typer.Option(help="frozen, lora or full; sets the next two.")] = None,
    freeze_encoder: Annotated[
        bool | None, typer.Option("--freeze-encoder/--no-freeze-encoder", help="[FREEZE_ENCODER, 0]")
    ] = None,
    rank: Annotated[int | None, typer.Option(help="Rank of the adapters; 0: none. [LORA_RANK, 0]")] = None,
    alpha: Annotated[float | None, typer.Option(help="0: 2 x rank. [LORA_ALPHA, 0]")] = None,
    preset: Annotated[str | None, typer.Option(help="published: the best published run.")] = None,
    resume: Annotated[str | None, typer.Option(help="none, latest or best. [RESUME_MODE, none]")] = None,
    init_weights: Annotated[
        str | None, typer.Option(help="Weights to start from: model.pt, head_only.pt ... [INIT_WEIGHTS]")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="[EPOCHS, 6]")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate of the head. [LR, 2e-4]")] = None,
    encoder_lr: Annotated[float | None, typer.Option(help="0: as --lr. [ENCODER_LR, 0]")] = None,
    pos_weight: Annotated[float | None, typer.Option(help="Weight of burst frames. [POS_WEIGHT, 4]")] = None,
    threshold: Annotated[float | None, typer.Option(help="[DET_THRESHOLD, 0.5]")] = None,
    merge_gap: Annotated[float | None, typer.Option(help="Seconds. [POST_MERGE_GAP, 0.5]")] = None,
    min_dur: Annotated[float | None, typer.Option(help="Seconds. [POST_MIN_DUR, 0.3]")] = None,
    max_batch: Annotated[
        int | None, typer.Option(help="Windows a batch; 0: the largest that fits. [MAX_BSZ, 0]")
    ] = None,
    synth: Annotated[
        int, typer.Option(min=0, help="Train on so many soundscapes an epoch, made meanwhile; --data judges.")
    ] = 0,
    bursts: Annotated[
        list[str] | None, typer.Option(help="--synth: folder, table or source of bursts; repeat.")
    ] = None,
    backgrounds: Annotated[
        list[str] | None, typer.Option(help="--synth: folder, table or source of backgrounds; repeat.")
    ] = None,
    labels: Annotated[
        str, typer.Option(help="Classes by comma, each with its own curve; burst is any event.")
    ] = "burst",
    window: Annotated[
        float, typer.Option(min=1, max=30, help="Seconds heard at once; published: 30.")
    ] = 30.0,
    seed: Annotated[int, typer.Option(min=0, help="Order of the data, first weights, held-out files.")] = 10,
    precision: Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes that prepare the data.")] = 0,
    save_steps: Annotated[
        int, typer.Option(min=0, help="A checkpoint each so many steps, beside each epoch's.")
    ] = 0,
    cache: Annotated[Path | None, typer.Option(help="Folder for states of frozen encoders.")] = None,
    pull: Annotated[
        bool, typer.Option("--pull", help="Fetch the encoder from the hub if it is missing.")
    ] = False,
    from_corrections: Annotated[
        Path | None,
        typer.Option(
            help="Folder of corrected recordings: fit a model's head to them. --data then holds soundscapes."
        ),
    ] = None,
    granularity: Annotated[
        str, typer.Option(help="--from-corrections: event or pulse, as the corrections are.")
    ] = "event",
    show_settings: Annotated[
        bool, typer.Option("--show-settings", help="Print the published settings in force, and stop.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Train a Whisper encoder and the published head. [NAME, x]: environment variable and published default.

    Example: vbannotate train detector --data scenes -o mine --encoder base --mode frozen
    """
    import os

    from vbannotate.train.locator import options

    if from_corrections is not None:
        from vbannotate.cli import adapt

        adapt.refuse_others({
            "encoder": encoder, "mode": mode, "freeze_encoder": freeze_encoder, "rank": rank, "alpha": alpha,
            "preset": preset, "resume": resume, "encoder_lr": encoder_lr, "pos_weight": pos_weight,
            "threshold": threshold, "merge_gap": merge_gap, "min_dur": min_dur,
            "synth": synth or None, "bursts": bursts, "backgrounds": backgrounds,
            "labels": None if labels == "burst" else labels, "window": None if window == 30 else window,
        })  # fmt: skip
        adapt.run(
            from_corrections, Path(output or "vb_output"), init_weights, Path(data) if data else None,
            granularity, {"epochs": epochs, "rate": lr, "batch": max_batch, "seed": seed}, cache, json, quiet,
        )  # fmt: skip
        return
    given = {
        "out_dir": output,
        "data_dir": data,
        "freeze_encoder": freeze_encoder,
        "lora_rank": rank,
        "lora_alpha": alpha,
        "resume_mode": resume,
        "init_weights": init_weights,
        "epochs": epochs,
        "lr": lr,
        "encoder_lr": encoder_lr,
        "pos_weight": pos_weight,
        "det_threshold": threshold,
        "post_merge_gap": merge_gap,
        "post_min_dur": min_dur,
        "max_bsz": max_batch,
    }
    settings = options.resolve(given, os.environ, preset, mode)
    if show_settings:
        _show(settings, json)
        return
    training = _training()
    run = training.Run(
        settings, encoder, _labels(labels), window, seed, precision, device, workers, save_steps,
        cache or training.CACHE, pull, _stream(synth, bursts, backgrounds, window, seed), synth,
    )  # fmt: skip
    _run(run, json, quiet)


def _show(settings: Settings, json: bool) -> None:
    from vbannotate.cli.common import print_json
    from vbannotate.train.locator.options import SETTINGS

    if json:
        print_json({**settings.to_dict(), "mode": settings.mode})
        return
    for setting in SETTINGS:
        typer.echo(f"{setting.variable:<16}{getattr(settings, setting.name)}")
    typer.echo(f"{'mode':<16}{settings.mode}")


def _training() -> Any:
    """The module that needs torch. Raises MissingDependencyError where the extra is not installed."""
    try:
        from vbannotate.train.locator import training
    except ImportError as error:
        if (error.name or "").startswith("vbannotate"):
            raise
        raise MissingDependencyError(str(error.name), "train", "training") from error
    return training


def _stream(
    count: int, bursts: list[str] | None, backgrounds: list[str] | None, window: float, seed: int
) -> Any:
    """The soundscapes of --synth; None without it."""
    if not count:
        if bursts or backgrounds:
            raise UsageError("--bursts and --backgrounds make soundscapes", "give --synth N, too")
        return None
    try:
        from vbannotate.train.locator import made
    except ImportError as error:
        raise MissingDependencyError("scipy", "train", "making soundscapes") from error
    from vbannotate.cli.common import warn

    return made.open_stream(bursts or [], backgrounds or [], window, seed, warn)


def _labels(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names or len(set(names)) != len(names):
        raise UsageError(f"--labels {text!r} names nothing, or something twice", "write laugh,cough")
    return names


def _run(run: Any, json: bool, quiet: bool) -> None:
    from vbannotate.cli.common import print_json, warn
    from vbannotate.train.locator import output, training

    lines = _Lines(quiet or json)
    outcome = training.train(run, training.Report(lines.say, warn, lines.step))
    folder = Path(run.settings.out_dir)
    written = output.write(outcome, folder, ["vbannotate", *sys.argv[1:]])
    lines.clear()
    if json:
        print_json({"model": str(folder), "best_epoch": outcome.best_epoch, **outcome.figures})
    elif not quiet:
        typer.echo(
            f"epoch {outcome.best_epoch:g} kept; wrote {', '.join(p.name for p in written)} in {folder}"
        )


class _Lines:
    """Lines on stderr, and below them one that is written over, with the time left, on a terminal."""

    def __init__(self, quiet: bool) -> None:
        self._quiet, self._moves = quiet, not quiet and sys.stderr.isatty()
        self._what, self._began, self._first, self._shown, self._width = "", 0.0, 0, 0.0, 0

    def say(self, line: str) -> None:
        """A line that stays."""
        self.clear()
        if not self._quiet:
            print(line, file=sys.stderr, flush=True)

    def step(self, what: str, done: int, total: int) -> None:
        """So many of so many are done."""
        import time

        from vbannotate.cli.common import clock

        now = time.monotonic()
        if what != self._what:  # a run that goes on begins at some step, not at the first
            self._what, self._began, self._first = what, now, done
        if not self._moves or now - self._shown < 0.2 or done == self._first:
            return
        self._shown = now
        left = (now - self._began) / (done - self._first) * (total - done)
        text = f"{what}: {done} of {total} ({done / total:.0%}), {clock(left)} left"
        sys.stderr.write("\r" + text.ljust(self._width))
        sys.stderr.flush()
        self._width = len(text)

    def clear(self) -> None:
        """Leave the moving line empty."""
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
            self._width = 0
