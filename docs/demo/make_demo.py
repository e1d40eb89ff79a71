"""Mix the demo recording ``demo.ogg`` and write its events, from the clips named in LICENCE.md.

    python docs/demo/make_demo.py ../shared/data docs/demo

The events stand in `BURSTS` below: where each clip was put, and its active part as its maker's files give it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soundfile
import soxr

RATE = 24_000  # Hz
SPEECH = [  # file, onset in seconds
    ("audio/speech/librosa-data/198-209-0000.opus", 0.5),
    ("audio/speech/librosa-data/5703-47212-0000.opus", 16.6),
]
MUSIC = "audio/music/librosa-data/Kevin_MacLeod_-_P_I_Tchaikovsky_Dance_of_the_Sugar_Plum_Fairy.opus"
MUSIC_FROM, MUSIC_TO = 32.0, 48.0
BURSTS = [  # clip, label, onset of the clip, its active part, peak level
    ("Cough-female", "cough", 2.95, (0.01, 0.57), 0.35),
    ("Laugh-male1", "laugh", 8.90, (0.00, 1.29), 0.40),
    ("Sneeze-male", "sneeze", 14.85, (0.00, 0.58), 0.40),
    ("Laugh-female", "laugh", 22.30, (0.09, 1.16), 0.45),
    ("Cough-male", "cough", 26.25, (0.00, 0.62), 0.40),
    ("Laugh-male2", "laugh", 34.10, (0.08, 2.59), 0.40),
    ("Scream-female", "scream", 39.00, (0.02, 0.50), 0.45),
    ("Sneeze-female", "sneeze", 41.30, (0.01, 0.99), 0.40),
    ("BabyCry", "cry", 44.00, (0.05, 2.51), 0.40),
]
LENGTH = 48.0


def clip(path: Path) -> np.ndarray:
    """Mono float32 at RATE, peak 1."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = soxr.resample(audio.mean(axis=1), rate, RATE)
    return mono / np.abs(mono).max()


def mix(data: Path) -> np.ndarray:
    """The recording, float32 [samples]."""
    out = np.zeros(int(LENGTH * RATE), np.float32)

    def put(audio: np.ndarray, onset: float, gain: float) -> None:
        start = int(onset * RATE)
        audio = audio[: len(out) - start]
        out[start : start + len(audio)] += gain * audio

    for name, onset in SPEECH:
        put(clip(data / name), onset, 0.35)
    music = clip(data / MUSIC)[20 * RATE : 20 * RATE + int((MUSIC_TO - MUSIC_FROM) * RATE)]
    fade = np.minimum(1, np.minimum(np.arange(len(music)), np.arange(len(music))[::-1]) / RATE)
    put(music * fade.astype(np.float32), MUSIC_FROM, 0.30)
    for name, _, onset, _, gain in BURSTS:
        put(clip(data / "demo-material" / f"{name}.opus"), onset, gain)
    rng = np.random.default_rng(1)
    return out + 0.0008 * rng.standard_normal(len(out)).astype(np.float32)


def main(data: Path, folder: Path) -> None:
    """Write the recording and its reference labels."""
    soundfile.write(folder / "demo.ogg", mix(data), RATE, format="OGG", subtype="VORBIS")
    lines = [f"{on + a:.6f}\t{on + b:.6f}\t{label}\n" for _, label, on, (a, b), _ in BURSTS]
    (folder / "demo.reference.txt").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
