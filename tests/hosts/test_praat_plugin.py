"""The plug-in in the real Praat, headless: commands, results, errors; with the bundled detector."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from vbannotate import formats
from vbannotate.detection import detect
from vbannotate.hosts import check, install
from vbannotate.hosts.places import LINUX, Machine

pytestmark = pytest.mark.skipif(shutil.which("praat") is None, reason="praat is not installed")

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "docs" / "demo" / "demo.ogg"
FORM = '"default", "preset", "preset", "one", "no", ""'


@pytest.fixture(scope="module")
def driver(shared: Path):
    sys.path.insert(0, str(shared / "hosts"))
    try:
        import praat_host
    finally:
        sys.path.remove(str(shared / "hosts"))
    return praat_host


@pytest.fixture(scope="module")
def praat(driver, tmp_path_factory):
    """Praat with the plug-in as installed, and an interpreter whose path has blanks and umlauts."""
    python = tmp_path_factory.mktemp("en v ü") / "py thon"
    python.symlink_to(sys.executable)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *sys.path])
    with driver.PraatHost(limit=90) as host:
        install.install("praat", Machine(LINUX, host.folder), python=str(python))
        yield host
    os.environ.pop("PYTHONPATH") if before is None else os.environ.__setitem__("PYTHONPATH", before)


@pytest.fixture(scope="module")
def sound(praat, tmp_path_factory) -> Path:
    """The demo as Praat saves it. (Praat 6.3 takes this OGG for a table.)"""
    import soundfile

    path = tmp_path_factory.mktemp("sound") / "demo ü.wav"
    samples, rate = soundfile.read(DEMO)
    soundfile.write(path, samples, rate, "PCM_16")
    praat.run(f'Read from file: "{path}"\nSave as WAV file: "{path}"')
    return path


@pytest.fixture(scope="module")
def expected(sound) -> list[tuple[float, float]]:
    events = detect(sound).events
    assert len(events) >= 5
    return [(e.onset, e.offset) for e in events]


def leftovers(praat) -> list[str]:
    """What of ours lies in Praat's folder for temporary files, which is the home."""
    return [path.name for path in praat.folder.iterdir() if "vbannotate" in path.name]


def found(praat, path: Path, tier: str = "bursts") -> list[tuple[float, float]]:
    return [(r.start, r.end) for r in praat.read_textgrid(path) if r.tier == tier and r.text]


def call(script: str, form: str = FORM) -> str:
    return f'runScript: preferencesDirectory$ + "/plugin_vbannotate/{script}.praat", {form}\n'


def test_the_commands_stand_in_praats_menus(praat):
    """Praat lists the commands of plug-ins among its own, with the script they run."""
    setup = (praat.preferences / "plugin_vbannotate" / "setup.praat").read_text("utf-8")
    lines = [line for line in setup.splitlines() if line and not line.startswith("#")]
    assert len(lines) == 4 and all(line.startswith("Add action command: ") for line in lines)
    for line in lines:
        assert (praat.preferences / "plugin_vbannotate" / line.split('"')[-2]).is_file()
    # Praat refuses to call a plug-in's command from a script, by a message that only registered commands get.
    select = {
        "Annotate vocal bursts...": 'Create Sound from formula: "s", 1, 0, 1, 8000, "0"\n',
        "Compare with prediction...": 'Create TextGrid: 0, 1, "a", ""\n',
        "Add vocal bursts to TextGrid...": 's = Create Sound from formula: "s", 1, 0, 1, 8000, "0"\n'
        'g = Create TextGrid: 0, 1, "a", ""\nselectObject: s, g\n',
    }
    for command, made in select.items():
        with pytest.raises(Exception, match="cannot directly call a menu command that calls another script"):
            praat.run(f"{made}{command}")
        with pytest.raises(Exception, match="not available"):
            praat.run(f"{made}No such {command}")


def test_a_sound_gives_a_textgrid(praat, tmp_path, sound, expected):
    out, kept = tmp_path / "out.TextGrid", tmp_path / "kept.vb.json"
    script = f'sound = Read from file: "{sound}"\n' + call("annotate_sound", FORM.replace('""', f'"{kept}"'))
    said = praat.run(
        f'{script}sounds = numberOfSelected ("Sound")\nminusObject: sound\nname$ = selected$ ("TextGrid")\n'
        f'end = Get end time\nwriteInfoLine: sounds, " ", name$, " ", end\nSave as text file: "{out}"'
    )
    count, name, end = said.split()
    assert (count, name) == ("1", "demo_ü")
    assert found(praat, out) == expected
    assert praat.tiers(out) == [("bursts", "interval")]
    assert float(end) == float(praat.run(f'Read from file: "{sound}"\nx = Get end time\nwriteInfoLine: x'))
    assert [(e.onset, e.offset) for e in formats.read(kept).events] == expected
    assert leftovers(praat) == []


def test_a_part_that_keeps_its_times(praat, tmp_path, sound):
    out = tmp_path / "out.TextGrid"
    part = (
        f'Extract part: 7.1234567, 17.3, "rectangular", 1, "yes"\nSave as WAV file: "{tmp_path}/part.wav"\n'
    )
    form = '"default", "0,4", "0.1", "per-label", "yes", ""'
    keep = f'selectObject: selected ("TextGrid")\nSave as text file: "{out}"'
    praat.run(f'Read from file: "{sound}"\n{part}{call("annotate_sound", form)}{keep}')
    rows = praat.read_textgrid(out)
    assert {row.tier for row in rows} == {"burst", "burst-confidence"}
    assert rows[0].start == 7.1234567 and rows[-1].end == 17.3
    events = detect(tmp_path / "part.wav", threshold=0.4, min_dur=0.1).events
    wanted = [(round(e.onset + 7.123457, 6), min(round(e.offset + 7.123457, 6), 17.3)) for e in events]
    assert found(praat, out, "burst") == wanted and wanted


def test_a_long_sound(praat, tmp_path, sound, expected):
    out = tmp_path / "out.TextGrid"
    keep = f'selectObject: selected ("TextGrid")\nSave as text file: "{out}"'
    praat.run(f'Open long sound file: "{sound}"\n{call("annotate_longsound")}{keep}')
    assert found(praat, out) == expected
    assert leftovers(praat) == []


def test_added_to_a_grid_whose_other_tiers_stay(praat, tmp_path, sound, expected):
    before, after = tmp_path / "before.TextGrid", tmp_path / "after.TextGrid"
    praat.run(
        f'sound = Read from file: "{sound}"\n'
        'end = Get end time\ngrid = Create TextGrid: 0, end, "Wörter bursts", "bursts"\n'
        'Insert boundary: 1, 1/3\nSet interval text: 1, 1, "sagt ""ü"" 笑"\n'
        f'Insert point: 2, 10/7, "p"\nSave as text file: "{before}"\nselectObject: sound, grid\n'
        + call("add_to_textgrid", '"default", "preset", "preset", "one", "yes", ""')
        + f'new = selected ("TextGrid")\nselectObject: new\nSave as text file: "{after}"\n'
        "selectObject: grid\nn = Get number of tiers\nassert n = 2"
    )
    kept = [row for row in praat.read_textgrid(after) if row.tier in ("Wörter", "bursts")]
    assert kept == praat.read_textgrid(before)
    names = [name for name, _ in praat.tiers(after)]
    assert names == ["Wörter", "bursts", "bursts-2", "bursts-2-confidence"]
    assert found(praat, after, "bursts-2") == expected
    assert leftovers(praat) == []


def test_the_report_on_a_corrected_grid(praat, tmp_path, sound, expected):
    kept = tmp_path / "prediction ü.vb.json"
    keep_form = FORM.replace('""', f'"{kept}"')
    change = (
        'grid = selected ("TextGrid")\nselectObject: grid\n'
        'Set interval text: 1, 2, ""\nSet interval text: 1, 4, "laugh"\n'
    )
    said = praat.run(
        f'Read from file: "{sound}"\n{call("annotate_sound", keep_form)}{change}'
        + call("compare", f'"{kept}"')
    )
    assert "deleted 1" in said and "relabelled 1" in said and f"kept {len(expected) - 2}" in said
    assert f"{expected[0][0]:.3f}-{expected[0][1]:.3f} burst: deleted" in said
    assert leftovers(praat) == []


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ('"default", "x", "preset", "one", "no", ""', "the threshold is 'x'; give a number such as 0.5"),
        ('"default", "3", "preset", "one", "no", ""', "threshold 3 is no probability"),
        ('"default", "preset", "preset", "one", "no", "/nowhere/x.vb.json"', "/nowhere/x.vb.json"),
    ],
)
def test_an_error_is_readable_in_praat(praat, driver, sound, form, said):
    with pytest.raises(driver.PraatError) as error:
        praat.run(f'Read from file: "{sound}"\n{call("annotate_sound", form)}')
    assert f"Error: Vocal bursts: {said}" in str(error.value) or said in str(error.value)
    assert "Traceback" not in str(error.value)
    assert leftovers(praat) == []


def test_an_interpreter_that_is_gone_is_said(driver, tmp_path):
    with driver.PraatHost(limit=90) as host:
        install.install("praat", Machine(LINUX, host.folder), python="/gone/python")
        with pytest.raises(
            driver.PraatError, match="could not be run; in a terminal try: vbannotate plugins check"
        ):
            host.run('Create Sound from formula: "s", 1, 0, 1, 8000, "0"\n' + call("annotate_sound"))
        assert leftovers(host) == []


def test_check_runs_it_in_praat(praat, monkeypatch):
    monkeypatch.setenv("HOME", str(praat.folder))
    findings = check.check("praat", Machine.here())
    assert [one.ok for one in findings] == [True, True], findings
