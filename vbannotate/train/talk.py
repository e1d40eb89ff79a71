"""Recordings of real and of emotional talk, and of everyday sounds, to judge a detector by, from public
corpora.

Their licences let nobody train a model that is passed on, or say nothing: they judge, and no sound of them
travels. FOLDER holds a copy of each repository of `CORPORA` under its own name.

talk-show    spontaneous talk from television (URDU-Dataset), bursts and doubtful sounds labelled by eye
phone-talk   conversations by telephone between strangers who play roles (SpokenWOZ), fillers labelled
emotional    sentences acted in seven emotions (nEMO, EmoTale)
cried-words  single words called and cried out (Indian EmoSpeech Command Dataset)
everyday     single bursts of seven kinds, and twelve kinds of sound that are none (noise-of-life)

Those between the first and the last are taken to hold no bursts; nobody looked for some.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from vbannotate.errors import UsageError
from vbannotate.synth import activity, layout
from vbannotate.synth.audio import RATE, decode

# Repository by the name of its copy, with the commit that was judged on.
CORPORA = {
    "URDU-Dataset": ("siddiquelatif/URDU-Dataset", "4b546d4e"),
    "jmoshi-ft": ("shogo0731/jmoshi-ft", "a65c11c8"),
    "nEMO": ("amu-cai/nEMO", "66de9999"),
    "EmoTale": ("snehadas/EmoTale", "41e7d00f"),
    "emospeech-dataset-v1": ("RakshakTeam/emospeech-dataset-v1", "85b1ef55"),
    "noise-of-life": ("amsehili/noise-of-life", "a8fb56f4"),
}

# What spectrograms of all 400 clips of URDU-Dataset show; nobody listened. Laughs are the bursts. The others
# are what may be taken for one; where a bundled detector errs, each such place is named.
LABELS: dict[str, tuple[float, float, str]] = {
    "SF6_F14_H038": (0.66, 2.98, "laugh"),
    "SF6_F4_H028": (1.92, 2.93, "laugh"),
    "SM5_F7_H061": (0.77, 1.87, "laugh"),
    "SM7_F18_H090": (0.08, 0.76, "laugh"),
    "SM7_F26_H098": (2.72, 3.0, "laugh"),
    "SF1_F7_H07": (0.0, 1.6, "laughing speech"),
    "SF7_F3_H041": (0.67, 1.6, "laughing speech"),
    "SM3_F1_H053": (0.85, 1.4, "emphatic vowel"),
    "SM6_F10_H072": (2.0, 2.6, "emphatic vowel"),
    "SF1_F3_H03": (0.6, 1.5, "creak"),
    "SM21_F2_N016": (1.0, 1.6, "creak"),
    "SM27_F4_S096": (1.17, 2.1, "creak"),
    "SM7_F11_H083": (1.5, 2.0, "creak"),
    "SM24_F28_S040": (2.15, 2.8, "breath"),
    "SM25_F36_S086": (1.55, 2.1, "breath"),
    "SM5_F8_H062": (0.0, 0.62, "breath"),
    "SM6_F2_S098": (2.3, 2.85, "breath"),
    "SM7_F1_H073": (0.9, 1.3, "breath"),
    "SM7_F25_H097": (0.67, 1.05, "second voice"),
    "SM7_F28_H0100": (1.0, 2.55, "second voice"),
    "SM7_F2_H074": (1.03, 1.45, "second voice"),
    "SM7_F3_H075": (0.0, 1.3, "second voice"),
}
LAUGH = "laugh"

FILLERS = frozenset({"ah", "eh", "er", "erm", "hm", "hmm", "mm", "mhm", "oh", "uh", "um"})

_EMOTIONS = {"A": "anger", "B": "boredom", "H": "happiness", "N": "neutral", "S": "sadness"}  # EmoTale
_CALLS = ("MUL1423", "SNG0072", "SNG0480", "SNG0696", "SNG1263", "SNG1640")  # the shorter ones of ten
_WORDS = ("bacho", "go", "help", "no", "stop", "yes")
# Folders of noise-of-life: those with bursts, and one in which it is not plain what is a burst.
_BURSTS = {
    "BabyCry": "baby_cry", "Cough": "cough", "FemaleCry": "cry", "FemaleScream": "scream", "Laugh": "laugh",
    "MaleScream": "scream", "Sneeze": "sneeze", "Yawn": "yawn",
}  # fmt: skip
_UNCLEAR = "Breathing"
# What trains under another name (ESC-10, gh-ss14-emotes, gh-wilhelmsfx): the same by log-mel, or nearly.
_KNOWN = frozenset(
    {
        "babyCry-001", "babyCry-008", "babyCry-024", "babyCry-026", "babyCry-033", "yawn-024", "yawn-033",
    }
)  # fmt: skip
_PAUSE_S = 0.6  # between clips that are joined
_APART_S = 2.0  # between those that are no talk: what follows at once would be a series
_HUSH = 1e-4  # RMS of the noise in it
_MINUTE_S = 60.0

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sound:
    """One labelled stretch of a clip in seconds, a burst or what is no burst."""

    onset: float
    offset: float
    label: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """A clip with its labels. Clips of one `group` may be joined; `about` is what the figures go by."""

    path: Path
    group: str
    about: str
    bursts: tuple[Sound, ...] = ()
    others: tuple[Sound, ...] = ()
    whole: str = ""  # where the whole clip is a sound that is no burst: its label
    pause: float = _PAUSE_S  # seconds behind it where it is joined to another


def write(folder: Path, output: Path, report: Report = print) -> None:
    """Write the five sets below ``output/talk``. Raises UsageError where a copy is missing or empty."""
    for name, utterances in {
        "talk-show": _talk_show(folder),
        "phone-talk": _phone_talk(folder),
        "emotional": _emotional(folder),
        "cried-words": _cried_words(folder),
        "everyday": _everyday(folder),
    }.items():
        target = output / "talk" / name
        target.mkdir(parents=True, exist_ok=True)
        number = 0
        for number, part in enumerate(_minutes(utterances), 1):
            stem = target / f"{number:04d}"
            if not stem.with_suffix(".json").exists():
                layout.write(stem, *_joined(part))
        report(f"talk: {name}, {number} recordings")


def _minutes(utterances: Iterable[Utterance]) -> Iterator[list[Utterance]]:
    """Clips of one group together until they last a minute."""
    groups: dict[tuple[str, str], list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        groups[utterance.group, utterance.about].append(utterance)
    for group in groups.values():
        part: list[Utterance] = []
        length = 0.0
        for utterance in group:
            part.append(utterance)
            length += soundfile.info(utterance.path).duration
            if length >= _MINUTE_S:
                yield part
                part, length = [], 0.0
        if part:
            yield part


def _joined(part: Sequence[Utterance]) -> tuple[np.ndarray, dict[str, Any]]:
    """The clips one after another with pauses, and the JSON of the whole."""
    rng = np.random.default_rng(0)
    pieces: list[np.ndarray] = []
    bursts, others = [], []
    at = 0.0
    for utterance in part:
        sound = decode(utterance.path)
        here = len(sound) / RATE
        whole = (Sound(0.0, here, utterance.whole),) if utterance.whole else ()
        bursts += [_event(s, at, utterance.path.name) for s in utterance.bursts]
        others += [_event(s, at, utterance.path.name) for s in (*utterance.others, *whole)]
        hush = _HUSH * rng.standard_normal(round(utterance.pause * RATE)).astype(np.float32)
        pieces += [sound, hush]
        at += here + utterance.pause
    audio = np.concatenate(pieces)
    about = layout.about_sound(audio, part[0].about, bursts)
    return audio, about | {"negatives": others, "bg_files": [u.path.name for u in part]}


def _event(sound: Sound, at: float, source: str) -> dict[str, Any]:
    return {
        "start_time": round(at + sound.onset, 3),
        "end_time": round(at + sound.offset, 3),
        "class": sound.label,
        "snr": None,
        "source": source,
    }


def _files(folder: Path, corpus: str, pattern: str) -> list[Path]:
    found = sorted((folder / corpus).glob(pattern))
    if not found:
        repository, commit = CORPORA[corpus]
        raise UsageError(
            f"{folder / corpus} holds no {pattern}",
            f"git clone https://github.com/{repository} {folder / corpus} (judged on: {commit})",
        )
    return found


def _talk_show(folder: Path) -> Iterator[Utterance]:
    for path in _files(folder, "URDU-Dataset", "*/*.wav"):
        labelled = [Sound(*LABELS[path.stem])] if path.stem in LABELS else []
        bursts = tuple(s for s in labelled if s.label == LAUGH)
        others = tuple(s for s in labelled if s.label != LAUGH)
        yield Utterance(path, path.stem.split("_")[0], path.parent.name.lower(), bursts, others)


def _phone_talk(folder: Path) -> Iterator[Utterance]:
    """Whole conversations; words come with stamps, so fillers do."""
    for path in _files(folder, "jmoshi-ft", "data/spokenwoz_sample/audio/*.wav"):
        if path.stem not in _CALLS:
            continue
        text = path.parent.with_name("text") / f"{path.stem}.json"
        words = json.loads(text.read_text("utf-8"))
        fillers = tuple(
            Sound(w["start"], w["end"], "filler")
            for w in words
            if w["word"].strip(".,?!").lower() in FILLERS and w["end"] > w["start"]
        )
        yield Utterance(path, path.stem, "telephone", others=fillers)


def _emotional(folder: Path) -> Iterator[Utterance]:
    for path in _files(folder, "nEMO", "samples/*.wav"):
        speaker, emotion, _ = path.stem.split("_")
        yield Utterance(path, f"nemo-{speaker}", emotion)
    for path in _files(folder, "EmoTale", "wav/*.wav"):
        language, speaker, emotion, _ = path.stem.split("_")
        yield Utterance(path, f"emotale-{language}-{speaker}", _EMOTIONS[emotion])


def _cried_words(folder: Path) -> Iterator[Utterance]:
    """Words said where nothing else was to be heard; the recordings from web pages are left out."""
    for path in _files(folder, "emospeech-dataset-v1", "*/*.wav"):
        word, where, emotion, *_ = path.stem.split("-")
        if path.parent.name != "webservice" and word in _WORDS and where == "safe" and emotion != "None":
            yield Utterance(path, path.parent.name, emotion.lower(), whole=f"word, {emotion.lower()}")


def _everyday(folder: Path) -> Iterator[Utterance]:
    """Each clip is one sound; a burst's bouts are found by energy, as those of the soundscapes are."""
    for path in _files(folder, "noise-of-life", "*/*.wav"):
        name = path.parent.name
        if name == _UNCLEAR or path.stem in _KNOWN:
            continue
        if name not in _BURSTS:
            yield Utterance(path, name, name, whole=name, pause=_APART_S)
            continue
        bouts = activity.join(activity.pulses(decode(path), RATE), activity.BOUT_GAP)
        bursts = tuple(Sound(onset, offset, _BURSTS[name]) for onset, offset in bouts)
        yield Utterance(path, name, name, bursts, pause=_APART_S)
