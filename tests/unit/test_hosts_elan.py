"""ELAN's request and the tiers it gets."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vbannotate.errors import UsageError
from vbannotate.events import Event
from vbannotate.hosts import elan_params, elan_tiers
from vbannotate.hosts.elan_params import job, media_path, parse

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<PARAM xmlns:x="y">\n'


def values(**more: str) -> dict[str, str]:
    return {"source": "/a.wav", "bursts": "/out.xml", **more}


def test_a_request_is_read_with_its_escapes():
    text = f'{HEAD}<param name="source">/a &amp; &lt;b&gt; ü.wav</param>\r\n<param name="mt"></param></PARAM>'
    assert parse(text.encode()) == {"source": "/a & <b> ü.wav", "mt": ""}


def test_a_request_of_elan_5_is_in_the_charset_of_windows(monkeypatch):
    monkeypatch.setattr("locale.getpreferredencoding", lambda *_: "ascii")
    assert parse(f'{HEAD}<param name="a">über</param></PARAM>'.encode("cp1252")) == {"a": "über"}


def test_a_broken_request_is_refused_in_a_line():
    with pytest.raises(UsageError, match="ELAN's request cannot be read"):
        parse(b"<PARAM><param></PARAM>")


def test_numbers_come_as_floats_of_java_and_zero_leaves_it_to_the_preset():
    asked = job(values(threshold="0.65", min_dur_ms="30.0", merge_gap_ms="0.0"))
    assert asked.options() == {"threshold": 0.65, "min_dur": 0.03, "merge_gap": None}
    untouched = job(values(threshold="1.4E-45", min_dur_ms="1.4E-45", merge_gap_ms=""))
    assert set(untouched.options().values()) == {None}


def test_what_is_left_alone_is_the_models_own():
    asked = job(values(preset="default", model="", tiers="", confidence=""))
    assert (asked.preset, asked.model, asked.per_label, asked.confidence) == (None, None, True, False)
    asked = job(values(preset="recall", model="/m", tiers="one", confidence="yes"))
    assert (asked.preset, asked.model, asked.per_label, asked.confidence) == ("recall", "/m", False, True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"source": ""}, "no recording is chosen"),
        ({"bursts": ""}, "no file for the tiers"),
        ({"threshold": "x"}, "threshold is 'x', not a number"),
        ({"threshold": "NaN"}, "not a number"),
        ({"min_dur_ms": "-1.0"}, "not a number from 0 on"),
        ({"tiers": "two"}, "tiers is 'two'; known are per-label, one"),
        ({"source": "https://x.org/a.wav"}, "not on this computer; download it"),
    ],
)
def test_what_is_missing_or_wrong_is_named(wrong, said):
    with pytest.raises(UsageError, match=said):
        job(values(**wrong))


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("/home/u/a b.wav", "/home/u/a b.wav"),
        ("///home/u/ü.wav", "/home/u/ü.wav"),
        ("file:///home/u/a.wav", "/home/u/a.wav"),
        (r"C:\Users\ü\a b.wav", r"C:\Users\ü\a b.wav"),
        ("///C:/x.wav", "C:/x.wav"),
        ("FILE:///C:/x.wav", "C:/x.wav"),
    ],
)
def test_the_forms_of_a_path(told, meant):
    assert str(media_path(told)) == str(Path(meant))


def test_percent_signs_are_decoded_only_where_no_such_file_exists(tmp_path):
    blank, plain = tmp_path / "a b.wav", tmp_path / "100%20.wav"
    blank.touch(), plain.touch()
    assert media_path(f"///{str(tmp_path).lstrip('/')}/a%20b.wav") == blank
    assert media_path(str(plain)) == plain
    assert media_path("/nowhere/a%20b.wav") == Path("/nowhere/a%20b.wav")


def tiers(*args, **kwargs) -> dict[str, list[tuple[int, int, str]]]:
    root = ElementTree.fromstring(elan_tiers.document(*args, **kwargs))
    assert root.tag == "TIERS"
    return {
        tier.get("columns", ""): [(int(s.get("start")), int(s.get("end")), s[0].text or "") for s in tier]
        for tier in root
    }


def test_a_tier_for_each_label_and_its_confidence():
    events = [Event(1.001, 2.14, "laugh", 0.916), Event(3, 3.5, "throat clear", None)]
    assert tiers(events, confidence=True) == {
        "laugh": [(1001, 2140, "laugh")],
        "laugh-confidence": [(1001, 2140, "0.92")],
        "throat_clear": [(3000, 3500, "throat clear")],
        "throat_clear-confidence": [(3000, 3500, "")],
    }


def test_one_tier_splits_where_events_overlap():
    events = [Event(1, 5, "laugh"), Event(2, 3, "cough"), Event(2.5, 6, "sigh"), Event(3, 4, "sniff")]
    assert tiers(events, per_label=False) == {
        "bursts": [(1000, 5000, "laugh")],
        "bursts-2": [(2000, 3000, "cough"), (3000, 4000, "sniff")],
        "bursts-3": [(2500, 6000, "sigh")],
    }


def test_no_events_give_an_empty_tier():
    assert tiers([]) == {"bursts": []}


def test_times_are_rounded_half_up_and_never_without_length():
    events = [Event.from_us(500, 1_500), Event.from_us(10_000, 10_000), Event.from_us(20_499, 20_501)]
    assert tiers(events)["burst"] == [(1, 2, "burst"), (10, 11, "burst"), (20, 21, "burst")]


def test_names_that_would_clash_or_break_are_made_safe():
    events = [
        Event(0, 1, "a b"),
        Event(2, 3, "a_b"),
        Event(4, 5, "#x"),
        Event(6, 7, " "),
        Event(8, 9, "<&>\"'"),
    ]
    assert list(tiers(events)) == ["a_b", "a_b_2", "x", "bursts", "<&>\"'"]


moments = st.integers(0, 20_000)
some_events = st.lists(
    st.builds(
        lambda a, b, label, c: Event.from_us(min(a, b), max(a, b), label, c),
        moments,
        moments,
        st.text(max_size=6),
        st.none() | st.floats(0, 1),
    ),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(some_events, st.booleans(), st.booleans())
def test_any_events_give_tiers_that_elan_keeps_whole(events, per_label, confidence):
    found = tiers(events, per_label, confidence)
    assert found and all(len(name.split()) == 1 and not name.startswith("#") for name in found)
    for spans in found.values():
        assert all(start < end for start, end, _ in spans)
        assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert sum(map(len, found.values())) == len(events) * (2 if confidence else 1)


def test_the_presets_offered_are_those_of_the_bundled_detector():
    from vbannotate import models
    from vbannotate.hosts import install

    root = ElementTree.fromstring((install.sources() / "elan" / "vbannotate.cmdi").read_bytes())
    offered = next(e.get("convoc") for e in root.iter() if e.text == "preset").split()
    assert offered == ["default", *models.card(models.DEFAULT).presets]
    for script in ("annotate_sound", "annotate_longsound", "add_to_textgrid"):
        text = (install.sources() / "praat" / f"{script}.praat").read_text("utf-8")
        options = [line.split()[1] for line in text.splitlines() if line.startswith("        option ")]
        assert options[: len(offered)] == offered


def test_a_request_names_every_parameter_of_the_cmdi():
    from vbannotate.hosts import install

    root = ElementTree.fromstring((install.sources() / "elan" / "vbannotate.cmdi").read_bytes())
    kinds = ("input", "output", "numparam", "textparam")
    ids = {e.text for e in root.iter() if str(e.tag).rpartition("}")[2] in kinds}
    text = Path(elan_params.__file__).read_text("utf-8")
    assert all(f'"{one}"' in text for one in ids), ids
