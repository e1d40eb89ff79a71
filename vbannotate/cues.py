"""Events as subtitle cues that can be read: texts, display times, gaps, repeats joined.

A cough lasts 0.3 s; nobody reads a cue of 0.3 s. A cue begins with its sound and stays for the least display
time; bursts of one text that follow each other closely become one cue; texts whose cues would collide share
one (``[coughs, sniffs]``); what lasts longer than the longest display time goes on as ``[... continues]``.
The figures are presets (`STYLES`) from the published guidelines that docs/formats/srt.md names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import ceil
from types import MappingProxyType

from vbannotate.errors import UsageError
from vbannotate.events import BURST, Event

MS_US = 1000
_GOES_ON = " continues]"

# Sustained sounds as nouns or in -ing, single sounds in the simple present, after the DCMP Captioning Key.
TEXTS: Mapping[str, str] = MappingProxyType(
    {
        BURST: "[vocal sound]",
        "laugh": "[laughter]",
        "cry": "[crying]",
        "baby_cry": "[baby cries]",
        "breath": "[breathes]",
        "sigh": "[sighs]",
        "gasp": "[gasps]",
        "groan": "[groans]",
        "moan": "[moans]",
        "grunt": "[grunts]",
        "throat": "[throat sound]",
        "throat_clear": "[clears throat]",
        "hum": "[humming]",
        "cough": "[coughs]",
        "sneeze": "[sneezes]",
        "sniff": "[sniffs]",
        "hiccup": "[hiccups]",
        "yawn": "[yawns]",
        "whistle": "[whistles]",
        "mouth": "[mouth sound]",
        "lip_smack": "[smacks lips]",
        "lip_pop": "[pops lips]",
        "click": "[clicks tongue]",
        "tongue_click": "[tongue clicks]",
        "ingestion": "[swallows]",
        "scream": "[screams]",
        "cheer": "[cheers]",
        "pant": "[pants]",
        "nose_blow": "[blows nose]",
    }
)


@dataclass(frozen=True, slots=True)
class Style:
    """Display times in microseconds."""

    least_us: int
    longest_us: int
    gap_us: int  # between one cue and the next
    join_us: int  # repeats of one text that are closer than this are one cue


STYLES: Mapping[str, Style] = MappingProxyType(
    {
        "default": Style(1_000_000, 7_000_000, 84_000, 500_000),
        "netflix": Style(834_000, 7_000_000, 84_000, 500_000),  # 20 frames and 2 frames at 24 a second
        "dcmp": Style(2_000_000, 6_000_000, 84_000, 1_000_000),
        "bbc": Style(1_000_000, 7_000_000, 160_000, 1_000_000),  # capitals: give texts of your own
    }
)


@dataclass(frozen=True, slots=True)
class Cue:
    """A text on the screen in whole milliseconds (held in microseconds), and the events that it shows."""

    start_us: int
    end_us: int
    text: str
    events: tuple[Event, ...] = ()


def style(name: str) -> Style:
    """The display times called `name`."""
    try:
        return STYLES[name]
    except KeyError:
        raise UsageError(f"unknown cue style {name!r}", f"known are {', '.join(STYLES)}") from None


def text_of(label: str, texts: Mapping[str, str]) -> str:
    """The cue text of a label: the user's, else ours, else the label in square brackets."""
    if found := texts.get(label) or TEXTS.get(label):
        return found
    plain = " ".join(label.replace("-->", "->").split())
    if not plain:
        return texts.get(BURST) or TEXTS[BURST]
    return plain if plain.startswith("[") and plain.endswith("]") else f"[{plain}]"


def label_of(text: str, texts: Mapping[str, str] = MappingProxyType({})) -> str:
    """The label of a cue text: undoes `text_of`; a text that is no sound cue is its own label."""
    text = f"{text[: -len(_GOES_ON)]}]" if text.startswith("[") and text.endswith(_GOES_ON) else text
    for table in (texts, TEXTS):
        for label, cue in table.items():
            if cue == text:
                return label
    if text.startswith("[") and text.endswith("]") and not set("[]") & set(text[1:-1]):
        inner = text[1:-1].strip()
        # a label that has a text of its own in the table would come back as that text
        return inner if inner and text_of(inner, texts) == text else text
    return text


def exact(events: Iterable[Event], texts: Mapping[str, str]) -> list[Cue]:
    """One cue for each event at its own times: start rounded down, end up, at least 1 ms long."""
    ordered = sorted(events, key=Event.key)
    return [_cue(event, text_of(event.label, texts)) for event in ordered]


def readable(
    events: Iterable[Event], texts: Mapping[str, str], times: Style, media_end_us: int | None = None
) -> list[Cue]:
    """Cues of `events` that do not overlap and stay long enough to be read.

    Starts never move; a cue ends after `media_end_us` only if its sound does.
    """
    joined = _joined(exact(events, texts), times)
    shown: list[Cue] = []
    for number, cue in enumerate(joined):
        after = joined[number + 1].start_us if number + 1 < len(joined) else None
        end = max(cue.end_us, _shortened(cue.start_us + times.least_us, cue.end_us, media_end_us))
        if after is not None:
            end = min(end, after - times.gap_us)
        shown += _parts(replace(cue, end_us=end), times)
    return shown


def _cue(event: Event, text: str) -> Cue:
    start = event.onset_us // MS_US * MS_US
    end = -(-event.offset_us // MS_US) * MS_US
    return Cue(start, max(end, start + MS_US), text, (event,))


def _shortened(end: int, sound_end: int, media_end: int | None) -> int:
    """An extended end, not after the recording."""
    return end if media_end is None else max(sound_end, min(end, media_end // MS_US * MS_US))


def _joined(cues: Iterable[Cue], times: Style) -> list[Cue]:
    """Cues with repeats joined, and cues that could not both be read put into one."""
    joined: list[Cue] = []
    for cue in cues:
        last = joined[-1] if joined else None
        if last is None:
            joined.append(cue)
            continue
        same = cue.text == last.text and cue.start_us - last.end_us < times.join_us
        if same or cue.start_us - times.gap_us < last.start_us + times.least_us:
            joined[-1] = both(last, cue)
        else:
            joined.append(cue)
    return joined


def both(one: Cue, two: Cue) -> Cue:
    """One cue in place of two, with both texts."""
    return Cue(
        one.start_us, max(one.end_us, two.end_us), _together(one.text, two.text), one.events + two.events
    )


def _together(one: str, two: str) -> str:
    """``[coughs]`` and ``[sniffs]`` as ``[coughs, sniffs]``; each text once; other forms on two lines."""
    if all(text.startswith("[") and text.endswith("]") for text in (one, two)):
        names = dict.fromkeys(name for text in (one, two) for name in text[1:-1].split(", "))
        return f"[{', '.join(names)}]"
    return one if two in one.split("\n") else f"{one}\n{two}"


def _parts(cue: Cue, times: Style) -> list[Cue]:
    """The cue, or equal parts of it where it is longer than the longest display time."""
    length = cue.end_us - cue.start_us
    count = ceil(length / times.longest_us)
    if count < 2:
        return [cue]
    step = length // count // MS_US * MS_US
    goes_on = f"{cue.text[:-1]}{_GOES_ON}" if cue.text.endswith("]") else cue.text
    parts = []
    for number in range(count):
        start = cue.start_us + number * step
        end = cue.end_us if number == count - 1 else start + step - times.gap_us
        parts.append(Cue(start, end, goes_on if number else cue.text, cue.events))
    return parts


def shifts(cues: Iterable[Cue]) -> list[dict[str, object]]:
    """What a reader of the events should know: each cue that does not lie exactly on its one event.

    Rows of ``{"start", "end", "text", "events": [[onset, offset, label], ...]}`` in seconds.
    """
    rows: list[dict[str, object]] = []
    for cue in cues:
        same = len(cue.events) == 1 and (cue.start_us, cue.end_us) == (
            cue.events[0].onset_us,
            cue.events[0].offset_us,
        )
        if not same:
            events = [[event.onset, event.offset, event.label] for event in cue.events]
            rows.append(
                {"start": cue.start_us / 1e6, "end": cue.end_us / 1e6, "text": cue.text, "events": events}
            )
    return rows
