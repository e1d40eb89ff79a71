"""The figures in a bundled model's card, filled in from the JSON of `evaluate`.

The card (``README.md`` in the model's folder) is written by people but for two parts, between the lines
``<!-- settings -->`` and ``<!-- figures -->`` and their ends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vbannotate.errors import UsageError

# Sets with bursts and those without, in the order of the card.
_SOUNDSCAPES = {
    "scenes": "**300 soundscapes** of test rows, published recipe",
    "even": "300 others of the same rows, each background recording as likely as another",
    "unseen-corpus": "120 soundscapes of a corpus never trained on (Deeply)",
    "upon-speech": "60 soundscapes, every burst anywhere upon speech",
    "telephone": "80 soundscapes through a telephone band",
    "far": "80 soundscapes from a far microphone in a room",
    "short": "100 soundscapes of single pulses up to 0.4 s",
}
_GROUNDS = {"speech": "speech", "music": "music", "env": "effects, animals", "silence": "silence"}
_BURST_FREE = {
    "speech": "speech: Russian and Colombian Spanish prompts, spelled letters, words",
    "more-speech": "speech set aside: read German",
    "music": "music",
    "more-music": "music set aside",
    "env": "effects, animals",
    "more-env": "effects, nature, machines set aside",
}
_REAL = {
    "meetings": "3 AMI meeting starts, vocal sounds stamped by people",
    "coughs": "10 series of coughs, single coughs as events",
}
_TALK = {
    "talk-show": "talk from television in Urdu, laughs labelled by eye",
    "phone-talk": "conversations by telephone in English, between strangers in roles",
    "emotional": "sentences acted in seven emotions in Polish, Danish, English",
    "cried-words": "single words called or cried out, recorded in the wild in India",
    "everyday": "single sounds of everyday life, bursts and others, gathered from the web (noise-of-life)",
}

Rows = list[tuple[str, ...]]


def fill(
    folder: Path,
    figures: Mapping[str, Any],
    pulses: Mapping[str, Any],
    talk: Mapping[str, Any] | None = None,
) -> None:
    """Fill in the card of the model in `folder`; `pulses` are the figures at granularity pulse, `talk` those
    on the sets that `talk.write` makes.

    Raises UsageError where the card lacks the two marks.
    """
    path = folder / "README.md"
    text = path.read_text("utf-8")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    for mark, part in (("settings", settings(config)), ("figures", tables(figures, pulses, talk))):
        begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
        if begin not in text or end not in text:
            raise UsageError(
                f"{path} has no part {begin} ... {end}", "put the two lines where it shall stand"
            )
        text = text[: text.index(begin) + len(begin)] + f"\n{part}\n" + text[text.index(end) :]
    path.write_text(text, "utf-8")


def settings(config: Mapping[str, Any]) -> str:
    """The presets as a table."""
    rows: Rows = [("preset", "threshold", "peak", "merge_gap", "min_dur", "smooth")]
    named = {f"{k} (default)" if k == "balanced" else k: v for k, v in config["presets"].items()}
    for name, values in {**named, "granularity `pulse`": config["pulse"]}.items():
        shown = (values[key] for key in rows[0][1:])
        rows.append((name, *("none" if value is None else str(value) for value in shown)))
    return _table(rows)


def tables(
    figures: Mapping[str, Any], pulses: Mapping[str, Any], talk: Mapping[str, Any] | None = None
) -> str:
    """All figures of the card."""
    sets = figures["sets"]
    spoken = talk["sets"] if talk else {}
    heard = (
        ["Real and emotional talk, and everyday sounds, judged apart as well:", _talk(spoken)] if talk else []
    )
    return "\n\n".join(
        [
            _soundscapes(sets),
            "Burst-free sound of sources that never trained:",
            _burst_free(sets),
            "Real recordings, judged apart:",
            _real(sets, pulses["sets"]),
            *heard,
            *_recalls({**sets, **spoken}),
            _certainty(sets["scenes"]),
        ]
    )


def _soundscapes(sets: Mapping[str, Any]) -> str:
    rows: Rows = [
        ("recordings", "events", "F1", "precision", "recall", "mean of clips' F1", "onset F1", "false/h")
    ]
    for name, title in _SOUNDSCAPES.items():
        if name not in sets:
            continue
        found = sets[name]
        mean, onset = f"{found['mean_of_clips']['f1']:.3f}", f"{found['onset']['f1']:.3f}"
        rows.append(_row(title, found, mean, onset))
        if name == "scenes":
            grounds = found["by_background"]
            rows += [_row(f"... over {_GROUNDS[g]}", grounds[g], "", "") for g in _GROUNDS if g in grounds]
    return _table(rows)


def _row(title: str, found: Mapping[str, Any], mean: str, onset: str) -> tuple[str, ...]:
    scores = (f"{found[key]:.3f}" for key in ("f1", "precision", "recall"))
    return (title, str(found["references"]), *scores, mean, onset, f"{found['false_per_hour']:.0f}")


def _burst_free(sets: Mapping[str, Any]) -> str:
    rows: Rows = [("sound", "minutes", "false events per hour")]
    for name, title in _BURST_FREE.items():
        if name in sets:
            rows.append((title, f"{sets[name]['minutes']:.0f}", f"{sets[name]['false_per_hour']:.1f}"))
    return _table(rows)


def _real(events: Mapping[str, Any], pulses: Mapping[str, Any]) -> str:
    rows: Rows = [("recordings", "granularity", "events", "F1 at IoU 0.5", "0.3", "0.2", "unmatched/h")]
    for name, title in _REAL.items():
        for granularity, sets in (("event", events), ("pulse", pulses)):
            if name in sets:
                found = sets[name]
                f1 = (f"{found['by_iou'][iou]['f1']:.3f}" for iou in ("0.5", "0.3", "0.2"))
                unmatched = f"{found['false_per_hour']:.0f}"
                rows.append((title, granularity, str(found["references"]), *f1, unmatched))
    if "as_bouts" in events.get("coughs", {}):
        found = events["coughs"]["as_bouts"]
        title = "the same series, coughs less than 0.5 s apart as one event"
        unmatched = f"{found['false_per_hour']:.0f}"
        rows.append((title, "event", str(found["references"]), f"{found['f1']:.3f}", "", "", unmatched))
    return _table(rows)


def _talk(sets: Mapping[str, Any]) -> str:
    rows: Rows = [("recordings", "minutes", "events", "F1 at IoU 0.3", "unmatched/h", "unmatched / labelled")]
    for name, title in _TALK.items():
        if name in sets:
            found = sets[name]
            f1 = f"{found['by_iou']['0.3']['f1']:.3f}" if found["references"] else ""
            on = [
                f"{label} {part['false']}/{part['sounds']}"
                if part["sounds"]
                else f"elsewhere {part['false']}"
                for label, part in found.get("false_on", {}).items()
                if part["sounds"] or part["false"]
            ]
            unmatched = f"{found['false_per_hour']:.1f}"
            minutes = f"{found['minutes']:.0f}"
            rows.append((title, minutes, str(found["references"]), f1, unmatched, ", ".join(on)))
    return _table(rows)


def _recalls(sets: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, group, title in (
        ("scenes", "class", "Soundscapes, found of all by class"),
        ("scenes", "length", "Soundscapes, found of all by length"),
        ("scenes", "snr", "Soundscapes, found of all by level of the burst over the background"),
        ("unseen-corpus", "class", "Unseen corpus, found of all by class"),
        ("short", "length", "Single pulses, found of all by length"),
        ("everyday", "class", "Everyday sounds, found of all by class"),
    ):
        if name in sets:
            cells = sets[name]["recall_by"][group]
            lines.append(f"{title}: " + ", ".join(f"{k} {v}" for k, v in cells.items()) + ".")
    return lines


def _certainty(scenes: Mapping[str, Any]) -> str:
    by_iou = ", ".join(f"{iou}: {part['f1']:.3f}" for iou, part in scenes["by_iou"].items())
    low, high = scenes["intervals"]["f1"]
    return (
        f"Soundscapes, F1 by IoU: {by_iou}; 95 % interval of the pooled F1 (recordings resampled): "
        f"{low:.3f} to {high:.3f}. Recordings rightly judged to hold a burst or none: "
        f"{scenes['detection_accuracy']:.3f}."
    )


def _table(rows: Rows) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
