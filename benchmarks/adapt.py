"""Adapt a model to real recordings as if a user had corrected them, and judge it on others: docs/adapt.md.

    python benchmarks/adapt.py ../shared/data --base SOUNDSCAPES [--splits train|val,test|barks] [-o MODEL]

The corrected recordings are the ``continuous`` rows of the manifest of some splits, by speaker or meeting:
those that train (14 series of coughs, 5 meetings), or with ``--splits val,test`` those that the bundled model
has never seen (14 and 5). With ``train`` the rows that test are judged, too; they take part in nothing.
Events at granularity ``event``: pulses with pauses under half a second joined.

With ``--splits barks`` somebody means another thing by an event: 16 recordings of barks, marked, and 48 of
roosters, rain and clocks with nothing marked, all training rows; 8 and 24 validation rows judge.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from vbannotate import Annotation, Event, formats
from vbannotate.errors import VbannotateError
from vbannotate.sources.clips import Clip, manifest
from vbannotate.synth import activity
from vbannotate.synth.audio import RATE, decode
from vbannotate.train import evaluate
from vbannotate.train.adapt import Options, adapt

OTHERS = ("rooster", "rain", "clock_tick")


def continuous(data: Path, splits: list[str], folder: Path, granularity: str, by_speaker: bool) -> None:
    """The continuous rows of some splits as recordings with TextGrids, in folders by speaker or by kind."""
    for clip in manifest(data):
        if clip.kind == "continuous" and clip.split in splits:
            kind = "meetings" if clip.source == "AMI corpus" else "coughs"
            place = folder / (clip.group if by_speaker else kind)
            write(place, clip, list(clip.pulses or ()), granularity)


def barks(data: Path, split: str, folder: Path, granularity: str) -> None:
    """Recordings of barks, marked where something is heard, and of other sounds, in a folder."""
    for clip in manifest(data):
        if clip.source == "ESC-10" and clip.split == split and clip.label in ("dog_bark", *OTHERS):
            barking = clip.label == "dog_bark"
            pulses = activity.pulses(decode(clip.path), RATE) if barking else []
            write(folder / clip.group if split == "train" else folder / "barks", clip, pulses, granularity)


def write(place: Path, clip: Clip, pulses: list[tuple[float, float]], granularity: str) -> None:
    """A recording with its TextGrid."""
    place.mkdir(parents=True, exist_ok=True)
    (place / clip.path.name).symlink_to(clip.path.resolve())
    spans = activity.join(pulses, activity.BOUT_GAP) if granularity == "event" else pulses
    annotation = Annotation.of([Event(*span) for span in spans], duration_us=round(clip.seconds * 1e6))
    formats.write(annotation, place / f"{clip.path.stem}.TextGrid")


def main() -> int:
    """Adapt and judge."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", type=Path, help="folder with manifest.csv")
    parser.add_argument("--base", type=Path, help="soundscapes, so that nothing is forgotten")
    parser.add_argument("--splits", default="train", help="train, val,test or barks")
    parser.add_argument("--model", default="base")
    parser.add_argument("--granularity", default="event")
    parser.add_argument("-o", "--output", type=Path, help="where the model goes; default: thrown away")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        mine, judged = Path(temporary) / "corrected", Path(temporary) / "test"
        splits = options.splits.split(",")
        if splits == ["barks"]:
            barks(options.data, "train", mine, options.granularity)
            barks(options.data, "val", judged, options.granularity)
        else:
            continuous(options.data, splits, mine, options.granularity, by_speaker=True)
            continuous(options.data, ["test"], judged, options.granularity, by_speaker=False)
        output = options.output or Path(temporary) / "adapted"
        asked = Options(options.model, options.base, options.granularity)
        outcome = adapt(mine, output, asked, lambda line: print(line, file=sys.stderr))
        print(outcome.answer())
        print(json.dumps(outcome.to_dict(), indent=1))
        for model in (options.model, *([output] if outcome.better else [])) if "test" not in splits else ():
            found = evaluate.evaluate(
                model, judged, how=evaluate.How(granularity=options.granularity), report=lambda line: None
            )
            print(f"\n{model}, on recordings that took part in nothing:\n{evaluate.listing(found)}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except VbannotateError as error:
        sys.exit(f"adapt: {error}")
