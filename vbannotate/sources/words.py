"""What the names of folders and files say about the sounds in them: kind and class.

The classes of bursts are the families of the published 82-class taxonomy
(LAION-AI/procedural-voice-captions, ``vocalburst_taxonomy.json``), with those families divided that our own
data divides (groan and moan, cough and sneeze ...).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

KINDS = ("burst", "speech", "music", "env", "continuous")

# A class of burst and the words that name it, in their simplest form.
_BURSTS = {
    "laugh": "laugh laughter giggle cackle chuckle guffaw snicker",
    "baby_cry": "baby_cry infant_cry",
    "cry": "cry sob wail whimper weep",
    "breath": "breath breathe breathing",
    "pant": "pant",
    "sigh": "sigh",
    "gasp": "gasp inhale",
    "groan": "groan",
    "moan": "moan",
    "grunt": "grunt",
    "throat_clear": "throat_clear clears_throat clear_throat throat ahem",
    "throat": "growl gurgle gurgling hiss mumble",
    "hum": "hum purr",
    "cough": "cough coughing_and_sneezing",
    "sneeze": "sneeze",
    "hiccup": "hiccup",
    "sniff": "sniff",
    "snort": "snort",
    "yawn": "yawn",
    "whistle": "whistle",
    "mouth": "kiss lip_smack smack lick spit suck",
    "click": "tongue_click tongue tsk",
    "ingestion": "chew gulp slurp swallow drinking eating",
    "scream": "scream shriek yell shout",
    "cheer": "cheer",
    "burst": "burst vocal_burst vocalisation vocalization nonverbal",
}
_SPEECH = "speech talk dialogue dialog conversation interview meeting podcast"
_MUSIC = "music instrumental soundtrack melody song"
_ENV = """env environment environmental noise noisy background ambience ambient effect sfx fx nature rain wind
sea_wave wave street traffic crackle helicopter chainsaw clock engine silence"""
# What resembles a burst and is none.
_HARD_MUSIC = "singing singer choir vocal_music"
_HARD_ENV = """applause clap animal dog bark cat meow rooster cock crow cow pig sheep hen bird door knock
creak squeak"""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a word says. `label` is empty where it names the kind alone."""

    kind: str
    label: str = ""
    hard: bool = False


def _meanings() -> dict[str, Meaning]:
    found = {}
    for label, words in _BURSTS.items():
        for word in words.split():
            found[word] = Meaning("burst", "" if label == "burst" else label)
    for kind, words, hard in (
        ("music", _HARD_MUSIC, True), ("env", _HARD_ENV, True),
        ("speech", _SPEECH, False), ("music", _MUSIC, False), ("env", _ENV, False),
    ):  # fmt: skip
        for word in words.split():
            found[word] = Meaning(kind, word if hard or kind == "env" else "", hard)
    for word in ("env", "environment", "environmental", "noise", "background", "effect", "sfx", "fx"):
        found[word] = Meaning("env")
    found["continuous"] = Meaning("continuous")
    return found


_MEANINGS = _meanings()
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def meaning(name: str) -> Meaning | None:
    """What the name of a folder or the stem of a file says, by its longest known phrase; None: nothing.

    ``Cough-female``, ``breathy giggles``, ``BabyCry2`` and ``004 - Baby cry`` are understood.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    for length in (3, 2, 1):
        for at in range(len(words) - length + 1):
            phrase = "_".join(words[at : at + length])
            for simple in _simpler(phrase):
                if simple in _MEANINGS:
                    return _MEANINGS[simple]
    return None


def _simpler(word: str) -> Iterator[str]:
    """A word and what it may be a plural or an -ing of: laughs, sneezing, sobbing."""
    yield word
    yield word.removesuffix("s")
    yield word.removesuffix("es")
    if word.endswith("ies"):
        yield word[:-3] + "y"
    if word.endswith("ing"):
        stem = word[:-3]
        yield from (stem, stem + "e")
        if stem[-1:] == stem[-2:-1]:
            yield stem[:-1]
