"""Models by name: the registry, the hub's cache without a network, and the command line."""

import json

import pytest

from vbannotate import models
from vbannotate.cli.app import run
from vbannotate.decode import Settings
from vbannotate.errors import ModelError
from vbannotate.models import hub, registry


@pytest.fixture
def no_cache(monkeypatch, offline, tmp_path):
    """An empty hub cache and no network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "cached", lambda entry: None)


def test_entries_are_whole_and_their_names_unique():
    names = [name for entry in registry.ENTRIES for name in (entry.name, *entry.aliases)]
    assert len(names) == len(set(names)) and models.DEFAULT in names
    for entry in registry.ENTRIES:
        if entry.bundled:
            continue
        assert entry.repository and entry.file and entry.size > 1e8 and entry.card.licence
        assert entry.card.name == entry.name and entry.card.family in models.FAMILIES
        for values in (entry.card.settings, *entry.card.presets.values()):
            Settings().updated(values)


def test_published_recipes():
    v1 = models.card("laion/vocalburst-locator")
    assert v1.name == "vocalburst-locator"
    recipes = {
        name: tuple(p[k] for k in ("threshold", "min_dur", "merge_gap")) for name, p in v1.presets.items()
    }
    assert recipes == {
        "balanced": (0.65, 0.5, 0.3),
        "precision": (0.80, 0.7, 0.3),
        "recall": (0.45, 0.2, 0.5),
        "noisy": (0.75, 0.6, 0.3),
        "short": (0.60, 0.2, 0.2),
        "long": (0.65, 1.0, 0.5),
    }
    assert models.card("vocalburst-locator-v2").settings == {
        "threshold": 0.5,
        "merge_gap": 0.1,
        "min_dur": 0.1,
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vocalburst-locater", "no model or file 'vocalburst-locater'; did you mean vocalburst-locator or"),
        ("bass", "did you mean base"),
        ("zzz", "did you mean base or tiny or vocalburst-locator"),
    ],
)
def test_an_unknown_name_gets_the_nearest(name, message):
    with pytest.raises(ModelError, match=message):
        models.load(name)


def test_a_model_that_is_not_here_is_not_downloaded(no_cache):
    with pytest.raises(
        ModelError, match=r"not on this computer \(972 MB\); fetch it once with: vbannotate models pull"
    ):
        models.load("vocalburst-locator")


def test_a_cached_file_is_found_without_a_network(monkeypatch, offline, tmp_path):
    folder = tmp_path / "models--laion--vocalburst-locator"
    snapshot = folder / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    (snapshot / "model.pt").write_bytes(b"")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path))
    assert models.locate("vocalburst-locator").files == (snapshot / "model.pt",)


def test_pull_says_what_to_do_without_a_network(monkeypatch, offline, tmp_path, capsys):
    def refuse(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(hub, "cached", lambda entry: None)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", refuse)
    assert run(["models", "pull", "vocalburst-locator"]) == 3
    err = capsys.readouterr().err
    assert "vocalburst-locator: 972 MB from https://huggingface.co/laion/vocalburst-locator ..." in err
    assert "could not be fetched (no route to host); check the connection, or fetch https://" in err
    assert len(err.strip().splitlines()) == 2


def test_pull_checks_the_hash(monkeypatch, tmp_path, capsys):
    file = tmp_path / "model.pt"
    file.write_bytes(b"something else")
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *args: str(file))
    monkeypatch.setattr(hub, "cached", lambda entry: file)
    assert run(["models", "pull", "vocalburst-locator"]) == 3
    assert "is not the published model.pt (sha256" in capsys.readouterr().err
    assert run(["models", "pull", "vocalburst-locator-v2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "name": "vocalburst-locator-v2", "path": str(file), "checked": False,
    }  # fmt: skip


def test_pull_of_what_is_bundled_or_unknown(capsys):
    assert run(["models", "pull", "base"]) == 2
    assert run(["models", "pull", "bose"]) == 3
    assert "comes with the package" in capsys.readouterr().err


def test_list_and_info(no_cache, capsys):
    assert run(["models", "list"]) == 0
    out = capsys.readouterr().out
    assert all(entry.name in out for entry in registry.ENTRIES) and "(default)" in out
    assert run(["models", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [entry.name for entry in registry.ENTRIES]
    assert run(["models", "info", "vocalburst-locator"]) == 0
    out = capsys.readouterr().out
    assert "Apache-2.0" in out and "threshold 0.8, merge_gap 0.3, min_dur 0.7" in out and "not fetched" in out
    assert run(["models", "info", "vocalburst-locator", "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["settings"]["threshold"] == 0.65 and info["expected_sha256"].startswith("28feecb8")
    assert run(["models", "info", "nothing"]) == 3


@pytest.mark.parametrize(("name", "largest"), [("base", 45e6), ("tiny", 5e6)])
def test_the_bundled_models_are_whole(name, largest):
    """They are in the package, run from their cards, and their weights are those that the cards name."""
    source = models.locate(name)
    assert source.onnx is not None and source.onnx.stat().st_size < largest
    assert source.card.licence and source.card.settings and "balanced" in source.card.presets
