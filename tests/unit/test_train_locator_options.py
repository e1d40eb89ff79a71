"""The published settings: names, defaults, preset, and which of them wins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbannotate.errors import UsageError
from vbannotate.train.locator.options import MODES, PRESETS, SETTINGS, resolve

# As the issue and the published card give them.
DEFAULTS = {
    "FREEZE_ENCODER": False, "LORA_RANK": 0, "LORA_ALPHA": 0, "POS_WEIGHT": 4.0, "DET_THRESHOLD": 0.5,
    "POST_MERGE_GAP": 0.5, "POST_MIN_DUR": 0.3, "LR": 2e-4, "ENCODER_LR": 2e-4, "EPOCHS": 6, "MAX_BSZ": 0,
    "INIT_WEIGHTS": "", "RESUME_MODE": "none", "DATA_DIR": "vb_dataset", "OUT_DIR": "vb_output",
}  # fmt: skip
VALUES = {
    "FREEZE_ENCODER": st.booleans(), "LORA_RANK": st.integers(1, 64), "LORA_ALPHA": st.integers(1, 64),
    "POS_WEIGHT": st.integers(1, 20), "DET_THRESHOLD": st.floats(0.1, 0.9), "POST_MERGE_GAP": st.floats(0, 5),
    "POST_MIN_DUR": st.floats(0, 5), "LR": st.floats(1e-6, 0.1), "ENCODER_LR": st.floats(1e-6, 0.1),
    "EPOCHS": st.integers(1, 100), "MAX_BSZ": st.integers(1, 256),
    "INIT_WEIGHTS": st.sampled_from(["a.pt", "b"]),
    "RESUME_MODE": st.sampled_from(["none", "latest", "best"]), "DATA_DIR": st.sampled_from(["d", "e"]),
    "OUT_DIR": st.sampled_from(["o", "p"]),
}  # fmt: skip
CHOICES = {name: st.one_of(st.none(), values) for name, values in VALUES.items()}


def test_published_names_and_defaults():
    found = resolve({}, {})
    assert {s.variable for s in SETTINGS} == set(DEFAULTS)
    assert {name: getattr(found, name.lower()) for name in DEFAULTS} == DEFAULTS
    assert found.mode == "full"


def test_the_best_published_run():
    found = resolve({}, {}, "published")
    assert (found.mode, found.lora_rank, found.lora_alpha, found.pos_weight) == ("lora", 8, 16, 2)
    assert found.decoding() == {"threshold": 0.65, "merge_gap": 0.3, "min_dur": 0.5}
    assert (found.lr, found.encoder_lr, found.epochs, found.freeze_encoder) == (5e-4, 2e-4, 15, True)
    assert resolve({"lora_rank": 2}, {}, "published").lora_alpha == 4


@given(
    given_=st.fixed_dictionaries(CHOICES),
    environment=st.fixed_dictionaries(CHOICES),
    preset=st.sampled_from([None, "published"]),
)
def test_option_beats_variable_beats_preset_beats_default(given_, environment, preset):
    options = {name.lower(): value for name, value in given_.items()}
    variables = {
        name: str(int(value) if isinstance(value, bool) else value)
        for name, value in environment.items()
        if value is not None
    }
    found = resolve(options, variables, preset)
    stated = PRESETS[preset] if preset else {}
    for name, default in DEFAULTS.items():
        wanted = next(
            (
                value
                for value in (given_[name], environment[name], stated.get(name.lower()))
                if value is not None
            ),
            default,
        )
        if name == "LORA_ALPHA":
            wanted = wanted or 2 * found.lora_rank
        if name == "ENCODER_LR" and all(
            v is None for v in (given_[name], environment[name], stated.get("encoder_lr"))
        ):
            wanted = found.lr
        assert getattr(found, name.lower()) == wanted, name


@given(mode=st.sampled_from(MODES), rank=st.one_of(st.none(), st.integers(0, 64)), frozen=st.booleans())
def test_mode_decides_over_variables(mode, rank, frozen):
    variables = {"FREEZE_ENCODER": str(int(frozen))} | ({} if rank is None else {"LORA_RANK": str(rank)})
    found = resolve({}, variables, mode=mode)
    assert found.mode == mode
    if mode == "lora":
        assert found.lora_rank == (rank or 8) and found.lora_alpha == 2 * found.lora_rank


@pytest.mark.parametrize(
    ("options", "variables", "preset", "mode", "message"),
    [
        ({"lr": -1}, {}, None, None, "--lr -1 cannot be meant; give a number above 0 to 1"),
        ({}, {"EPOCHS": "many"}, None, None, "EPOCHS many cannot be meant; give a whole number from 1"),
        (
            {},
            {"FREEZE_ENCODER": "perhaps"},
            None,
            None,
            "FREEZE_ENCODER perhaps cannot be meant; give 0 or 1",
        ),
        ({}, {"RESUME_MODE": "last"}, None, None, "give none, latest or best"),
        ({}, {}, "best", None, "no preset 'best'; known are published"),
        ({}, {}, None, "half", "no mode 'half'; known are frozen, lora, full"),
        ({"lora_rank": 4}, {}, None, "frozen", "--mode frozen has no adapters"),
        ({"lora_rank": 0}, {}, None, "lora", "--mode lora has adapters"),
        ({"freeze_encoder": True}, {}, None, "full", "--mode full contradicts"),
    ],
)
def test_what_cannot_be_meant_is_one_line(options, variables, preset, mode, message):
    with pytest.raises(UsageError, match=message):
        resolve(options, variables, preset, mode)


def test_the_command_shows_settings_without_torch(monkeypatch, capsys):
    from vbannotate.cli.app import run

    monkeypatch.setenv("POS_WEIGHT", "3")
    monkeypatch.setenv("EPOCHS", "9")
    assert run(["train", "detector", "--preset", "published", "--epochs", "2", "--show-settings"]) == 0
    shown = dict(
        line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if " " in line.strip()
    )
    assert (shown["POS_WEIGHT"], shown["EPOCHS"], shown["LORA_RANK"], shown["mode"]) == (
        "3.0",
        "2",
        "8",
        "lora",
    )
