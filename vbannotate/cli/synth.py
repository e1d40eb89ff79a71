"""``vbannotate synth``: labelled soundscapes from bursts and backgrounds."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbannotate.errors import MissingDependencyError, UsageError

if TYPE_CHECKING:
    from vbannotate.sources.clips import Clip
    from vbannotate.synth.dataset import Made
    from vbannotate.synth.scenes import Recipe

_BURSTS = ("burst",)
_BACKGROUNDS = ("speech", "music", "env", "continuous")
_RANGE = re.compile(r"(-?[0-9]*\.?[0-9]+)(?:(?::|\.\.|-)(-?[0-9]*\.?[0-9]+))?")


def share(help: str) -> Any:
    """An option from 0 to 1."""
    return typer.Option(min=0, max=1, help=help)


def synth(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to make or to go on with.")],
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="Number of soundscapes.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same soundscapes.")] = 0,
    bursts: Annotated[
        list[str] | None,
        typer.Option(help="Folder, table or source of bursts; repeat. Default: all sources that are here."),
    ] = None,
    backgrounds: Annotated[
        list[str] | None,
        typer.Option(help="Folder, table or source of backgrounds; repeat. Default: all that are here."),
    ] = None,
    split: Annotated[
        str, typer.Option(help="Side that all clips are of: train, val, test, test-nc, or all.")
    ] = "all",
    recipe: Annotated[
        str, typer.Option(help="published, or training: 10 s with more of everything; options change it.")
    ] = "published",
    audio: Annotated[str, typer.Option(help="mp3 (as published), flac or wav.")] = "mp3",
    format: Annotated[
        list[str] | None,
        typer.Option("--format", "-f", help="Annotations beside the JSON: audacity, textgrid, eaf ..."),
    ] = None,
    seconds: Annotated[str | None, typer.Option(help="Length, or shortest and longest as 5-30.")] = None,
    empty: Annotated[float | None, share("Share without bursts.")] = None,
    count: Annotated[str | None, typer.Option(help="Bursts in the others, as 1-5.")] = None,
    kinds: Annotated[
        str | None,
        typer.Option(help="Backgrounds with weights: speech=2,music,env,silence,real."),
    ] = None,
    snr: Annotated[str | None, typer.Option(help="Level of bursts over background in dB, as -3:15.")] = None,
    in_gaps: Annotated[float | None, share("Share of bursts over speech put into its pauses.")] = None,
    second: Annotated[float | None, share("Share with a second background underneath.")] = None,
    overlap: Annotated[float | None, share("Share of bursts that may lie upon another.")] = None,
    hard: Annotated[float | None, share("Share with sounds that resemble bursts: see docs.")] = None,
    cried: Annotated[float | None, share("Share with words cried out, which are no bursts.")] = None,
    room: Annotated[float | None, share("Share with a far microphone in a room.")] = None,
    telephone: Annotated[float | None, share("Share with a telephone's band.")] = None,
    codec: Annotated[float | None, share("Share that went through Opus, MP3 or Vorbis.")] = None,
    clipping: Annotated[float | None, share("Share that was recorded too loud.")] = None,
    gain: Annotated[str | None, typer.Option(help="Highest peak in dBFS, as -30:-1.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes; the result does not depend on it.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Make labelled soundscapes by the published recipe: up to 30 s, 0-5 bursts, half of them without.

    Example: vbannotate synth -o scenes --n 1000 --bursts my-laughs --backgrounds my-talk
    """
    try:
        from vbannotate.synth import dataset, layout
    except ImportError as error:
        raise MissingDependencyError("scipy", "train", "making soundscapes") from error
    from vbannotate.cli.common import progress_line

    if audio not in layout.AUDIO:
        raise UsageError(f"unknown --audio {audio!r}", f"give one of {', '.join(layout.AUDIO)}")
    shares = {
        "empty": empty,
        "in_gaps": in_gaps,
        "second": second,
        "overlap": overlap,
        "hard": hard,
        "cried": cried,
        "room": room,
        "telephone": telephone,
        "codec": codec,
        "clipping": clipping,
    }
    made_by = _recipe(recipe, shares, seconds, count, snr, gain)
    clips = dataset.chosen(_clips(bursts, backgrounds, _split(split) != "all", quiet or json), split)
    made_by = replace(made_by, backgrounds=_weights(kinds, made_by, clips, quiet or json))
    wanted = [name.strip() for one in format or [] for name in one.split(",") if name.strip()]
    order = dataset.Order(made_by, seed, audio, tuple(wanted), split)
    with progress_line(output.name, not (quiet or json)) as progress:
        made = dataset.generate(clips, order, output, n, jobs, progress)
    _tell(made, output, json, quiet)


def _recipe(
    name: str,
    shares: dict[str, float | None],
    seconds: str | None,
    count: str | None,
    snr: str | None,
    gain: str | None,
) -> Recipe:
    """The named recipe with what the options change."""
    from vbannotate.synth import scenes

    known = {"published": scenes.PUBLISHED, "training": scenes.TRAINING}
    if name not in known:
        raise UsageError(f"unknown --recipe {name!r}", f"give one of {', '.join(known)}")
    changes: dict[str, Any] = {key: value for key, value in shares.items() if value is not None}
    if seconds is not None:
        low, high = _range(seconds, "--seconds", 1, 600)
        changes |= {"seconds": high, "shortest": low if low < high else 0.0}
    if count is not None:
        low, high = _range(count, "--count", 0, 100)
        changes["bursts"] = int(low), int(high)
    if snr is not None:
        changes["snr"] = _range(snr, "--snr", -60, 60)
    if gain is not None:
        changes["gain"] = _range(gain, "--gain", -90, 0)
    return replace(known[name], alone=True, **changes)


def _range(text: str, option: str, least: float, most: float) -> tuple[float, float]:
    """``5-30``, ``-3:15`` or one number, which then is both ends."""
    match = _RANGE.fullmatch(text.strip())
    low, high = (float(match[1]), float(match[2] or match[1])) if match else (0.0, -1.0)
    if not least <= low <= high <= most:
        raise UsageError(f"{option} {text!r} is no range from {least:g} to {most:g}", "write 5-30 or -3:15")
    return low, high


def _split(name: str) -> str:
    from vbannotate.sources.clips import SPLITS

    if name not in (*SPLITS, "all"):
        raise UsageError(f"unknown --split {name!r}", f"give one of {', '.join(SPLITS)}, all")
    return name


def _clips(bursts: list[str] | None, backgrounds: list[str] | None, sides: bool, silent: bool) -> list[Clip]:
    """What the options name; without one, what sources hold that were got or added.

    With `sides` it matters whose the sounds are.
    """
    from vbannotate.cli.common import warn
    from vbannotate.sources import index, tables

    kept = (
        []
        if bursts and backgrounds
        else [clip for path in index.kept().values() for clip in index.read(path)]
    )
    found: dict[tuple[str, Any, str], Clip] = {}
    for named, kinds, other in ((bursts, _BURSTS, "burst"), (backgrounds, _BACKGROUNDS, "env")):
        new = [] if named else [clip for clip in kept if clip.kind in kinds]
        for what in named or ():
            looked = tables.resolve(what, kinds, other)
            new += looked.clips
            notes = looked.notes + (looked.whose if sides else [])
            for note in () if silent else notes:
                warn(note)
        found |= {(str(clip.path), clip.kind, clip.label): clip for clip in new}
    if not found:
        raise UsageError(
            "no source is here", "give folders with --bursts and --backgrounds, or see: vbannotate sources"
        )
    return list(found.values())


def _weights(text: str | None, recipe: Recipe, clips: list[Clip], silent: bool) -> dict[str, float]:
    """Backgrounds with their weights: those of --kinds, else those of the recipe that there are clips for."""
    from vbannotate.cli.common import warn
    from vbannotate.synth.on_the_fly import present

    if text is None:
        weights = present(recipe, {clip.kind for clip in clips})
        absent = [kind for kind in recipe.backgrounds if kind not in weights]
        if absent and not silent:
            warn(f"no clips for backgrounds of {', '.join(absent)}: they are left out")
        return weights
    weights = {}
    for part in text.split(","):
        kind, _, weight = part.strip().partition("=")
        if kind not in ("speech", "music", "env", "silence", "real"):
            raise UsageError(
                f"unknown background {kind!r} in --kinds", "give speech, music, env, silence, real"
            )
        try:
            weights[kind] = float(weight or 1)
        except ValueError as error:
            raise UsageError(f"--kinds: {weight!r} is no number", "write speech=2,music") from error
    if min(weights.values()) < 0 or not sum(weights.values()) > 0:
        raise UsageError("--kinds: weights below zero, or none above", "write speech=2,music")
    return weights


def _tell(made: Made, folder: Path, json: bool, quiet: bool) -> None:
    from collections import Counter

    from vbannotate.cli.common import clock, print_json

    seconds = sum(row["seconds"] for row in made.rows)
    empty = sum(not row["n_vocal_bursts"] for row in made.rows)
    backgrounds = Counter(row["background"] for row in made.rows)
    classes = Counter(name for row in made.rows for name in row["classes"].split(";") if name)
    if json:
        print_json(
            {
                "folder": str(folder),
                "soundscapes": made.count,
                "new": made.new,
                "seconds": round(seconds, 3),
                "empty": empty,
                "bursts": sum(classes.values()),
                "backgrounds": dict(sorted(backgrounds.items())),
                "classes": dict(sorted(classes.items())),
            }
        )
    elif not quiet:
        kept = f" ({made.count - made.new} were there)" if made.new < made.count else ""
        typer.echo(f"{made.count} soundscapes{kept}, {clock(seconds)}, {empty} without bursts")
        for name, counts in (("background", backgrounds), ("bursts", classes)):
            listed = ", ".join(f"{key} {value}" for key, value in sorted(counts.items()))
            typer.echo(f"  {name:<11} {listed or 'none'}")
        typer.echo(f"  wrote {folder}")
