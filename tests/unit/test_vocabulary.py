"""Label maps: renaming, undoing, unknown labels, cue texts."""

from __future__ import annotations

import pytest

from vbannotate import vocabulary
from vbannotate.errors import FormatError, VbannotateError
from vbannotate.events import Annotation, Event

MAP = b"""
[labels]
giggle = "laugh"
chuckle = "laugh"
cough = "Husten"
"C1-sniff" = "sniff"
[texts]
laugh = "[HE LAUGHS]"
"""


def labels(annotation: Annotation) -> list[str]:
    return [event.label for event in annotation.events]


def of(*names: str) -> Annotation:
    return Annotation.of([Event(k, k + 1, name) for k, name in enumerate(names)])


def test_labels_are_renamed_and_others_stay():
    names = vocabulary.parse(MAP, "MAP.toml")
    assert labels(names.apply(of("giggle", "cough", "other"))) == ["laugh", "Husten", "other"]
    assert names.texts == {"laugh": "[HE LAUGHS]"}


def test_only_what_is_one_to_one_is_undone():
    names = vocabulary.parse(MAP, "MAP.toml")
    assert labels(names.undo(of("laugh", "Husten", "sniff"))) == ["laugh", "cough", "C1-sniff"]


def test_a_chain_of_names_is_not_undone_wrongly():
    names = vocabulary.Vocabulary({"a": "b", "b": "c"})
    assert labels(names.undo(names.apply(of("a", "b")))) == ["b", "b"]


def test_unknown_labels_come_with_the_nearest_known():
    names = vocabulary.parse(MAP, "MAP.toml")
    found = names.unknown(of("giggle", "laugh", "Giggel", "c1-snif", "zzz", "speech"), known=["speech"])
    assert found == {"Giggel": "giggle", "c1-snif": "C1-sniff", "zzz": None}
    assert vocabulary.Vocabulary().unknown(of("anything")) == {}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[labels]\na b = 'c'", r"MAP\.toml: .*line 2"),
        ("[label]\na = 'b'", r"unknown table \[label\]; known are"),
        ("labels = 3", "labels is not a table"),
        ("[labels]\na = 3", r"\[labels\] a is not a text"),
    ],
)
def test_mistakes_are_told_in_one_line(text, what):
    with pytest.raises(FormatError, match=what) as caught:
        vocabulary.parse(text.encode(), "MAP.toml")
    assert "\n" not in str(caught.value)


def test_maps_are_read_from_files(tmp_path):
    path = tmp_path / "MAP.toml"
    path.write_bytes("\ufeff[texts]\nlaugh = '😀'\n".encode())
    assert vocabulary.load(path).texts == {"laugh": "😀"}
    with pytest.raises(VbannotateError, match="file not found"):
        vocabulary.load(tmp_path / "none.toml")
