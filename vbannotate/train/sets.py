"""Folders of recordings with references, for choosing settings and for judging: ours and anybody else's
detector.

A set is a folder of FLAC files, each with a JSON file beside it in the layout published with
laion/vocalburst-locator (`vbannotate.synth.layout`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from vbannotate.events import Event
from vbannotate.sources.clips import Clip
from vbannotate.synth import activity, layout, scenes
from vbannotate.synth.audio import Reader
from vbannotate.synth.layout import Item, read

__all__ = ["HALVES", "Item", "joined", "read", "write_half"]

PLAIN = {
    kind: replace(scenes.PUBLISHED, empty=1.0, backgrounds={kind: 1.0}) for kind in ("speech", "music", "env")
}
DENSE = replace(scenes.PUBLISHED, empty=0.25)

# Words cried out, alone and beside plain speech; no bursts.
CALLS = replace(
    scenes.PUBLISHED, empty=1.0, backgrounds={"silence": 2.0, "speech": 1.0}, cried=1.0, snr=(0.0, 30.0)
)
BUSY = replace(scenes.PUBLISHED, empty=0.0, backgrounds={"speech": 1.0}, in_gaps=0.0)

# Name of a set: recipe, number of soundscapes, split of its bursts. Backgrounds come from the half's own
# split; those of sets named "more-..." from the further pools, set aside before training; so are the bursts
# of "unseen-bursts" and half of the words of "cried". In "even" each recording is as likely to lie below as
# any other.
HALVES: dict[str, dict[str, tuple[scenes.Recipe, int, str]]] = {
    "val": {
        "scenes": (scenes.PUBLISHED, 300, "val"),
        "short": (replace(scenes.SHORT, empty=0.25), 100, "val"),
        "speech": (PLAIN["speech"], 120, "val"),
        "music": (PLAIN["music"], 80, "val"),
        "env": (PLAIN["env"], 60, "val"),
        "unseen-bursts": (DENSE, 80, "val"),
        "cried": (CALLS, 160, "val"),
    },
    "test": {
        "scenes": (scenes.PUBLISHED, 300, "test"),
        "short": (replace(scenes.SHORT, empty=0.25), 100, "test"),
        "unseen-corpus": (DENSE, 120, "test-nc"),
        "speech": (PLAIN["speech"], 120, "test"),
        "music": (PLAIN["music"], 120, "test"),
        "env": (PLAIN["env"], 40, "test"),
        "more-speech": (PLAIN["speech"], 120, "test"),
        "more-music": (PLAIN["music"], 120, "test"),
        "more-env": (PLAIN["env"], 130, "test"),
        "upon-speech": (BUSY, 60, "test"),
        "telephone": (replace(DENSE, telephone=1.0), 80, "test"),
        "far": (replace(DENSE, room=1.0), 80, "test"),
        "even": (scenes.PUBLISHED, 300, "test"),
    },
}
_SEEDS = {"val": 4711, "test": 300}


def write_half(
    clips: list[Clip],
    half: str,
    folder: Path,
    report: Callable[[str], None] = print,
    more: Sequence[Clip] = (),
) -> None:
    """Write all sets of ``val`` or ``test`` below `folder`; a set that is complete is left alone.

    Without `more`, the clips of the further pools, their sets are left out.
    """
    for number, (name, (recipe, count, bursts)) in enumerate(HALVES[half].items()):
        target = folder / half / name
        drawn = _drawn(name, clips, more)
        if not drawn:
            continue
        if len(list(target.glob("*.json"))) < count:
            kept = [
                c for c in drawn
                if c.quality != "unscreened" and c.split == (bursts if c.kind == "burst" else half)
            ]  # fmt: skip
            library = scenes.Library(kept, _evened(kept) if name == "even" else None)
            _write_scenes(library, recipe, count, (_SEEDS[half], number), target)
        report(f"sets: {half}/{name}, {count} soundscapes")
    _write_real([c for c in clips if c.kind == "continuous" and c.split == half], folder / half)


def _drawn(name: str, clips: Sequence[Clip], more: Sequence[Clip]) -> Sequence[Clip]:
    """What a set is drawn from; nothing where it needs further pools and they do not have it."""
    if name.startswith("more-"):
        return more
    if name == "unseen-bursts":
        bursts = [c for c in more if c.kind == "burst" and c.split == "val"]
        return [*(c for c in clips if c.kind != "burst"), *bursts] if bursts else ()
    if name == "cried":
        return [*clips, *more] if more else ()
    return clips


def _evened(clips: Sequence[Clip]) -> dict[str, float]:
    """Weights with which a library draws each background with the same chance."""
    strata: dict[str, list[float]] = {}
    for clip in clips:
        if clip.kind != "burst":
            strata.setdefault(clip.stratum, []).append(clip.seconds)
    return {name: len(seconds) / sum(seconds) ** 0.5 for name, seconds in strata.items()}


def _write_scenes(
    library: scenes.Library, recipe: scenes.Recipe, count: int, seed: tuple[int, int], target: Path
) -> None:
    target.mkdir(parents=True, exist_ok=True)
    reader = Reader()
    for k in range(count):
        scene = scenes.make(library, recipe, (*seed, k), reader)
        layout.write(target / f"{k:04d}", scene.audio, layout.described(scene))


def _write_real(clips: list[Clip], folder: Path) -> None:
    """Real recordings: meetings and series of coughs. Their reference events are the pulses that people
    stamped.
    """
    reader = Reader()
    for clip in clips:
        name = "meetings" if clip.source == "AMI corpus" else "coughs"
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        events = [
            {"start_time": a, "end_time": b, "class": clip.label, "snr": None, "source": clip.source}
            for a, b in clip.pulses or ()
        ]
        audio = reader.whole(clip)
        layout.write(target / clip.path.stem, audio, layout.about_sound(audio, name, events))


def joined(events: tuple[Event, ...], gap: float = activity.BOUT_GAP) -> tuple[Event, ...]:
    """Events with pauses under `gap` seconds joined: the bouts of a recording whose reference is single
    pulses.
    """
    spans = activity.join([(e.onset, e.offset) for e in events], gap)
    return tuple(Event(a, b) for a, b in spans)
