"""``vbannotate sources``: the catalogue, getting by git and from a hub, folders of one's own."""

import dataclasses
import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from vbannotate.cli.app import run
from vbannotate.sources import catalogue, fetch, index


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """A data folder of the test's own."""
    monkeypatch.setenv("VBANNOTATE_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "sources"


def sound(path, seconds=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    n = np.arange(round(seconds * 8000))
    soundfile.write(path, (0.2 * np.sin(0.4 * n)).astype(np.float32), 8000)


def known(monkeypatch, name, **changes):
    """The entry of a name with another address."""
    entry = dataclasses.replace(catalogue.find(name), **changes)
    monkeypatch.setattr(catalogue, "ENTRIES", (entry,))
    return entry


@pytest.fixture
def repository(tmp_path):
    """A git repository that looks like EmoGator, with a history of two commits."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    folder = tmp_path / "origin"
    sound(folder / "data" / "mp3" / "000001-02-1.mp3")
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    subprocess.run([*git, "init", "--quiet"], cwd=folder, check=True)
    for name in ("000001-15-1", "000357-09-2"):
        sound(folder / "data" / "mp3" / f"{name}.mp3")
        subprocess.run([*git, "add", "."], cwd=folder, check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", name], cwd=folder, check=True)
    return folder


def test_entries_are_whole():
    names = [entry.name for entry in catalogue.ENTRIES]
    assert len(names) == len(set(names))
    for entry in catalogue.ENTRIES:
        assert entry.licence and entry.title and entry.kinds and entry.address
        assert entry.how in (catalogue.GIT, catalogue.HUB, catalogue.HAND)
        assert entry.how != catalogue.GIT or entry.address.startswith("https://")
        assert entry.how != catalogue.HAND or entry.note
    assert catalogue.find("deeply").use == "judge"
    assert catalogue.find("emogator").use == "train"
    assert catalogue.find("laion-bursts").use == "?", "no licence could be found"
    assert sum(entry.published for entry in catalogue.ENTRIES) == 5


def test_every_entry_stands_in_the_docs():
    page = (Path(__file__).parents[2] / "docs" / "sources.md").read_text("utf-8")
    assert [entry.name for entry in catalogue.ENTRIES if f"`{entry.name}`" not in page] == []


def test_list_names_all_with_licence_and_use(capsys):
    assert run(["sources", "list"]) == 0
    out = capsys.readouterr().out
    for entry in catalogue.ENTRIES:
        assert entry.name in out and entry.licence in out
    assert run(["sources", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [entry.name for entry in catalogue.ENTRIES]
    assert not any(row["clips"] for row in rows)


def test_get_clones_a_repository_and_lists_it(repository, monkeypatch, data, capsys):
    known(monkeypatch, "emogator", address=repository.as_uri())
    assert run(["sources", "get", "emogator"]) == 0
    out, err = capsys.readouterr()
    assert "licence Apache-2.0 (may train), 523 MB" in err.splitlines()[1]
    assert "cry" not in out and "laugh 1" in out and "scream 1" in out and "sigh 1" in out
    found = index.read(data / "emogator" / "index.csv")
    assert [(c.group, c.label, c.quality) for c in found] == [
        ("000001", "laugh", "performed"), ("000001", "scream", "performed"), ("000357", "sigh", "performed"),
    ]  # fmt: skip
    assert all(c.path.is_file() and data in c.path.parents and c.licence == "Apache-2.0" for c in found)
    log = subprocess.run(["git", "log", "--oneline"], cwd=data / "emogator" / "files", capture_output=True)
    assert len(log.stdout.splitlines()) == 1, "no history is fetched"
    monkeypatch.setattr(fetch, "_git", None)  # what is there is not fetched again
    assert run(["sources", "get", "emogator", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["groups"] == 2
    assert run(["sources", "list"]) == 0
    assert "3 clips" in capsys.readouterr().out


def test_a_commit_can_be_named_and_a_broken_clone_is_begun_anew(repository, monkeypatch, tmp_path, capsys):
    first = subprocess.run(["git", "rev-list", "HEAD"], cwd=repository, capture_output=True, text=True)
    entry = known(monkeypatch, "emogator", address=repository.as_uri(), revision=first.stdout.split()[-1])
    subprocess.run(["git", "config", "uploadpack.allowAnySHA1InWant", "true"], cwd=repository, check=True)
    broken = tmp_path / "here" / "emogator" / "files"
    (broken / ".git").mkdir(parents=True)
    table, found = fetch.get(entry, tmp_path / "here")
    assert table == tmp_path / "here" / "emogator" / "index.csv" and len(found.clips) == 2


def test_other_peoples_files_are_not_cloned_over(repository, monkeypatch, tmp_path, capsys):
    known(monkeypatch, "emogator", address=repository.as_uri())
    sound(tmp_path / "here" / "emogator" / "files" / "mine.wav")
    assert run(["sources", "get", "emogator", "-o", str(tmp_path / "here")]) == 2
    assert "holds other files; give another --output" in capsys.readouterr().err


def test_what_cannot_be_fetched_is_one_line(tmp_path, monkeypatch, capsys):
    known(monkeypatch, "emogator", address=(tmp_path / "nowhere").as_uri())
    assert run(["sources", "get", "emogator"]) == 3
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 3 and "emogator could not be fetched (" in err[2] and "sources add FOLDER" in err[2]


def test_get_from_the_hub_unpacks_archives(tmp_path, monkeypatch, data, capsys):
    asked = {}

    def snapshot(repository, **options):
        asked.update(options, repository=repository)
        sound(tmp_path / "x.wav")
        options["local_dir"].mkdir(parents=True, exist_ok=True)
        with tarfile.open(options["local_dir"] / "part.tar", "w") as archive:
            for name in ("a/1.wav", "../outside.wav", "2.wav"):
                archive.add(tmp_path / "x.wav", name)
            for name in ("1.json", "run.sh"):
                member = tarfile.TarInfo(name)
                member.size = 2
                archive.addfile(member, io.BytesIO(b"{}"))

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    assert run(["sources", "get", "laion-bursts"]) == 0
    assert asked["repository"] == "laion/improved_synthetic_vocal_burts" and asked["repo_type"] == "dataset"
    err = capsys.readouterr().err
    assert "not stated where we could look" in err and "size not known" in err
    unpacked = data / "laion-bursts" / "files" / "part"
    assert sorted(p.relative_to(unpacked).as_posix() for p in unpacked.rglob("*.wav")) == ["2.wav", "a/1.wav"]
    assert not list((data / "laion-bursts").rglob("outside.wav")) and not list(data.rglob("run.sh"))
    assert {c.kind for c in index.read(data / "laion-bursts" / "index.csv")} == {"burst"}


def test_a_hub_out_of_reach_says_what_to_do(monkeypatch, capsys, offline):
    def refuse(*args, **options):
        raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    assert run(["sources", "get", "laion-bursts"]) == 3
    err = capsys.readouterr().err.splitlines()
    assert err[-1].startswith("vbannotate: laion-bursts could not be fetched (no route to host); check the")


def test_nothing_is_fetched_unasked_and_hand_made_sources_say_how(offline, capsys):
    assert run(["sources", "list"]) == 0
    assert run(["sources", "get", "laion-music"]) == 2
    assert "is got by hand" in capsys.readouterr().err
    assert run(["sources", "get", "emogater"]) == 2
    assert "did you mean emogator?" in capsys.readouterr().err


def test_add_reads_the_folder_only_and_keeps_its_table_elsewhere(tmp_path, data, capsys):
    sound(tmp_path / "My laughs" / "anna" / "1.wav")
    sound(tmp_path / "My laughs" / "ben" / "2.wav")
    before = sorted(p for p in (tmp_path / "My laughs").rglob("*"))
    assert run(["sources", "add", str(tmp_path / "My laughs"), "--licence", "CC-BY-4.0", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["name"] == "my-laughs" and told["kinds"]["burst"]["classes"] == {"laugh": 2}
    assert told["groups"] == 2 and told["notes"] == []
    assert sorted((tmp_path / "My laughs").rglob("*")) == before
    assert run(["sources", "add", str(tmp_path / "My laughs")]) == 1
    assert "exists; give --overwrite" in capsys.readouterr().err
    assert run(["sources", "list", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)[-1]
    assert (row["name"], row["clips"], row["licence"], row["use"]) == ("my-laughs", 2, "CC-BY-4.0", "train")
    assert run(["sources", "add", str(tmp_path / "My laughs"), "-o", str(tmp_path / "t.csv")]) == 0
    assert len(index.read(tmp_path / "t.csv")) == 2


def test_a_folder_with_a_table_of_its_own_is_taken_by_that(tmp_path, data, capsys):
    sound(tmp_path / "pools" / "flac" / "x.flac", 2.0)
    (tmp_path / "pools" / "index.csv").write_text(
        "package,path,licence,kind,class,group,split,lang,label_quality,file,duration\n"
        "dogs,x,GPL-2,env,animal,dogs-1,val,,weak,flac/x.flac,2.0\n"
    )
    assert run(["sources", "add", str(tmp_path / "pools"), "--name", "dogs"]) == 0
    (clip,) = index.read(data / "dogs" / "index.csv")
    assert (clip.split, clip.source, clip.licence, clip.hard) == ("val", "dogs", "GPL-2", True)
    assert clip.path == tmp_path / "pools" / "flac" / "x.flac"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "nowhere"], "nowhere is no folder"),
        (["add", ".", "--kind", "bang"], "unknown --kind 'bang'; give one of burst"),
        (["add", ".", "--group", "("], "--group '(': "),
    ],
)
def test_mistakes_are_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["sources", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1
