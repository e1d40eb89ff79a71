"""Which settings apply, and what a wrong settings file is told."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from vbannotate.errors import UsageError
from vbannotate.settings import SettingsFile, read_file, resolve

CARD = SimpleNamespace(
    name="base",
    settings={"threshold": 0.4, "merge_gap": 0.2, "release": 0.35},
    presets={"recall": {"threshold": 0.3, "release": 0.2}, "short": {"min_dur": 0.04}},
)


def test_option_beats_file_beats_preset_beats_card_beats_default():
    file = SettingsFile(preset="recall", values={"merge_gap": 0.5})
    resolved = resolve(CARD, None, file, {"min_dur": 0.2, "threshold": None})
    assert resolved.default.threshold == 0.3
    assert resolved.default.merge_gap == 0.5
    assert resolved.default.min_dur == 0.2
    assert resolved.default.smooth == 1
    assert resolved.origin["threshold"] == "preset recall"
    assert resolved.origin["merge_gap"] == "settings file"
    assert resolved.origin["min_dur"] == "option"
    assert resolved.origin["smooth"] == "default"


def test_the_command_line_preset_beats_the_one_in_the_file():
    resolved = resolve(CARD, "short", SettingsFile(preset="recall"))
    assert (resolved.preset, resolved.default.threshold, resolved.default.min_dur) == ("short", 0.4, 0.04)


def test_a_label_has_its_own_settings_below_the_options():
    file = SettingsFile(values={"min_dur": 0.3}, labels={"cough": {"min_dur": 0.06, "threshold": 0.7}})
    resolved = resolve(CARD, None, file, {"threshold": 0.6})
    assert resolved.of("laugh").min_dur == 0.3
    assert resolved.of("cough").min_dur == 0.06
    assert resolved.of("cough").threshold == 0.6


def test_a_threshold_below_the_cards_release_takes_the_release_along():
    assert resolve(CARD, None, None, {"threshold": 0.1}).default.release == 0.1
    with pytest.raises(UsageError, match=r"release 0\.9 lies above"):
        resolve(CARD, None, None, {"release": 0.9})


def test_an_unknown_preset_names_the_known():
    with pytest.raises(UsageError, match="model base has no preset 'best'; its presets: recall, short"):
        resolve(CARD, "best")


def test_a_file_is_read(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'model = "base"\npreset = "recall"\nthreshold = 0.4\n[labels.cough]\nmin_dur = 0.06\n', "utf-8"
    )
    file = read_file(path)
    assert (file.model, file.preset, file.values) == ("base", "recall", {"threshold": 0.4})
    assert file.labels == {"cough": {"min_dur": 0.06}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("treshold = 0.4", r"mine.toml: unknown setting 'treshold'; known are"),
        ("threshold = ", r"mine.toml: .*; settings are TOML"),
        ('threshold = "0.4"', r"threshold = '0.4' is no number"),
        ("labels = 3", r"labels must be tables"),
        ('[labels.cough]\nthreshold = "x"', r"cough.threshold = 'x' is no number"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=message) as caught:
        read_file(path)
    assert "\n" not in str(caught.value)
