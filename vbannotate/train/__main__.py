"""Commands of the bundled models' workshop: ``detector`` makes them from their sources, ``pools`` builds
some of these, ``sets`` writes the soundscapes that detectors are judged on, ``talk`` does so
with real and emotional talk and everyday sounds, ``card`` fills in a card's figures.

    python -m vbannotate.train detector --data DATA --pools POOLS --encoder FILE ... -o DIR
    python -m vbannotate.train pools -o MORE
    python -m vbannotate.train sets --data DATA --pools POOLS -o DIR
    python -m vbannotate.train talk TALK -o DIR
    python -m vbannotate.train card base EVENTS.json PULSES.json
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vbannotate.errors import VbannotateError

if TYPE_CHECKING:
    from vbannotate.sources.clips import Sources

CACHE = Path.home() / ".cache" / "vbannotate" / "train"


def main(arguments: list[str] | None = None) -> int:
    """Run a command; a mistake of the user's is one line and an exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except VbannotateError as error:
        print(f"vbannotate.train: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vbannotate.train", description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    data = argparse.ArgumentParser(add_help=False)
    data.add_argument("--data", type=Path, required=True, help="folder with manifest.csv and audio/")
    data.add_argument("--pools", type=Path, required=True, help="folder that fetch_sources.py filled")
    data.add_argument("--emogator", type=Path, help="copy of fredbuhl/EmoGator")
    data.add_argument("--speechocean", type=Path, help="copy of jimbozhang/speechocean762")
    data.add_argument("--digits", type=Path, help="copy of Jakobovski/free-spoken-digit-dataset")
    data.add_argument("--more", type=Path, help="further pools, as docs/training.md builds them")

    detector = commands.add_parser(
        "detector", parents=[data], help="make the bundled detector, stage by stage"
    )
    detector.add_argument("--encoder", type=Path, required=True, help="Whisper base's encoder, safetensors")
    detector.add_argument("--tiny-encoder", type=Path, required=True, help="Whisper tiny.en's encoder")
    detector.add_argument("--cache", type=Path, default=CACHE, help=f"features and soundscapes ({CACHE})")
    detector.add_argument("--share", type=float, default=1.0, help="of the training windows, for a try (1)")
    detector.add_argument("--jobs", type=int, default=2, help="processes (2)")
    detector.add_argument("-o", "--output", type=Path, required=True, help="folder for base and tiny")
    detector.set_defaults(run=_detector)

    pools = commands.add_parser("pools", help="build further pools from public packages and repositories")
    pools.add_argument("--only", nargs="+", metavar="NAME", default=[], help="these sources (all)")
    pools.add_argument("--jobs", type=int, default=2, help="sources at a time (2)")
    pools.add_argument("-o", "--output", type=Path, required=True, help="folder to fill, for --more")
    pools.set_defaults(run=_pools)

    sets = commands.add_parser("sets", parents=[data], help="write the soundscapes of val and test")
    sets.add_argument("-o", "--output", type=Path, required=True)
    sets.add_argument("--half", choices=("val", "test"), default="test")
    sets.set_defaults(run=_sets)

    talk = commands.add_parser("talk", help="write recordings of talk and of everyday sounds to judge by")
    talk.add_argument("folder", type=Path, metavar="TALK", help="copies of the corpora (docs/training.md)")
    talk.add_argument("-o", "--output", type=Path, required=True)
    talk.set_defaults(run=_talk)

    card = commands.add_parser("card", help="fill the figures of `evaluate` into a bundled model's card")
    card.add_argument("model", help="base or tiny")
    card.add_argument("events", type=Path, help="figures at granularity event, as evaluate -o writes them")
    card.add_argument("pulses", type=Path, help="the same at granularity pulse")
    card.add_argument("--talk", type=Path, help="those on the sets of the command talk")
    card.set_defaults(run=_card)
    return parser


def _say(line: str) -> None:
    print(time.strftime("%H:%M:%S"), line, flush=True)


def _sources(options: argparse.Namespace) -> Sources:
    from vbannotate.sources.clips import Sources

    return Sources(
        options.data, options.pools, options.emogator, options.speechocean, options.digits, options.more
    )


def _detector(options: argparse.Namespace) -> None:
    from vbannotate.train import pipeline

    pipeline.run(
        _sources(options),
        options.encoder,
        options.tiny_encoder,
        options.cache,
        options.output,
        options.share,
        options.jobs,
        _say,
    )


def _pools(options: argparse.Namespace) -> None:
    from vbannotate.train import pools

    pools.build(options.output, options.only, options.jobs, _say)


def _sets(options: argparse.Namespace) -> None:
    from vbannotate.sources import clips
    from vbannotate.train import sets

    sources = _sources(options)
    more = clips.pools(sources.more) if sources.more else ()
    own = clips.load(replace(sources, more=None))
    sets.write_half(own, options.half, options.output, _say, [*more])


def _talk(options: argparse.Namespace) -> None:
    from vbannotate.train import talk

    talk.write(options.folder, options.output, _say)


def _card(options: argparse.Namespace) -> None:
    from vbannotate.models import registry
    from vbannotate.train import card

    paths = filter(None, (options.events, options.pulses, options.talk))
    figures = [json.loads(path.read_text("utf-8")) for path in paths]
    card.fill(registry.BUNDLED / options.model, *figures)


if __name__ == "__main__":
    sys.exit(main())
