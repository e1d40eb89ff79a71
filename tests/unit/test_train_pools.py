"""Further pools: from a package and a repository to an index that training reads; the listing's own rules."""

from __future__ import annotations

import csv
import shutil
import struct
import subprocess
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

from vbannotate.errors import FormatError, MediaError, StartError, UsageError
from vbannotate.sources import clips
from vbannotate.train import containers, origins, pools
from vbannotate.train.origins import Source
from vbannotate.train.pools import Wanted

NO_DEBIAN = shutil.which("dpkg-deb") is None
GAME = Source("a-game", "", "1:2.0-3", "zip usr/share/a-game/*.zip", "CC0")


def tone(seconds: float, rate: int = 44_100, level: float = 0.5) -> np.ndarray:
    """440 Hz on two channels, shape (samples, 2)."""
    wave = level * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)
    return np.stack([wave, wave], axis=1)


def wanted(source: Source, path: str, group: str = "g", split: str = "train", pieces=None) -> Wanted:
    return Wanted(source, path, "env", "effect", group, split, "", "weak", pieces, 1.0)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package and an ``apt-get`` that offers it."""
    if NO_DEBIAN:
        pytest.skip("dpkg-deb is not installed")
    root, share = tmp_path / "root", tmp_path / "root/usr/share/a-game"
    (root / "DEBIAN").mkdir(parents=True)
    share.mkdir(parents=True)
    (root / "DEBIAN/control").write_text(
        "Package: a-game\nVersion: 1:2.0-3\nArchitecture: all\n"
        "Maintainer: A <a@b.example>\nDescription: test\n"
    )
    silence = np.zeros((22_050, 2))
    soundfile.write(share / "Ping é.wav", np.concatenate([silence, tone(1.0), silence]), 44_100)
    soundfile.write(tmp_path / "in.ogg", tone(0.5), 44_100)
    with zipfile.ZipFile(share / "data.zip", "w") as packed:
        packed.write(tmp_path / "in.ogg", "sound/in.ogg")
    deb = tmp_path / "a-game.deb"
    subprocess.run(["dpkg-deb", "-b", str(root), str(deb)], check=True, capture_output=True)
    programs = tmp_path / "bin"
    programs.mkdir()
    apt = programs / "apt-get"
    apt.write_text(
        f'#!/bin/sh\n[ "$3" = "$OFFERED" ] && exec cp "{deb}" a-game_2.0-3_all.deb\n'
        'echo "E: no $3" >&2\nexit 100\n'
    )
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    monkeypatch.setenv("OFFERED", "a-game=1:2.0-3")
    return [
        wanted(GAME, "usr/share/a-game/Ping é.wav", "ping"),
        wanted(GAME, "carved/sound/in.ogg", "in", "val"),
    ]


def test_a_package_becomes_pools_that_training_reads(package, tmp_path):
    said: list[str] = []
    pools.build(tmp_path / "more", (), 1, said.append, package)
    ping, inside = clips.pools(tmp_path / "more")
    assert (ping.source, ping.group, ping.split, ping.licence) == ("a-game", "ping", "train", "CC0")
    assert (inside.split, inside.seconds) == ("val", pytest.approx(0.5, abs=0.01))
    samples, rate = soundfile.read(ping.path)
    assert rate == 16_000 and samples.ndim == 1
    assert len(samples) == pytest.approx(1.2 * 16_000, abs=200)  # the tone and 0.1 s before and after
    middle = samples[3200:16_000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * 16_000 / len(middle) == pytest.approx(440, abs=2)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.01)
    assert ping.path.name.startswith("Ping__")
    assert "a-game: 2 files" in said[0] and not list((tmp_path / "more").glob(".fetch*"))


def test_only_what_is_missing_is_made_again(package, tmp_path):
    more = tmp_path / "more"
    pools.build(more, (), 1, lambda _: None, package)
    first, second = sorted((more / "a-game").iterdir())
    before, kept = (more / "index.csv").read_bytes(), second.stat().st_mtime_ns
    first.unlink()
    pools.build(more, ("a-game",), 1, lambda _: None, package)
    assert first.is_file() and second.stat().st_mtime_ns == kept
    assert (more / "index.csv").read_bytes() == before


def test_another_version_is_said_and_a_missing_file_does_not_stop_the_rest(package, tmp_path, monkeypatch):
    monkeypatch.setenv("OFFERED", "a-game")
    said: list[str] = []
    gone = wanted(GAME, "usr/share/a-game/gone.wav")
    with pytest.raises(StartError, match="1 files are missing; run the command again"):
        pools.build(tmp_path / "more", (), 1, said.append, [*package, gone])
    assert said[0] == "a-game: version 1:2.0-3 is not offered, took a-game_2.0-3_all.deb"
    assert said[1].startswith("a-game, usr/share/a-game/gone.wav: is not in the package")
    assert len(list(clips.pools(tmp_path / "more"))) == 2


def test_no_package_is_one_line(package, tmp_path, monkeypatch):
    monkeypatch.setenv("OFFERED", "nothing")
    said: list[str] = []
    with pytest.raises(StartError, match="2 files are missing"):
        pools.build(tmp_path / "more", (), 1, said.append, package)
    assert said[0].startswith("a-game: apt-get download failed (E: no a-game); run apt-get update")


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_repository_at_its_commit_in_pieces(tmp_path):
    origin = tmp_path / "origin"
    origin.mkdir()

    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example", *arguments]
        return subprocess.run(command, cwd=origin, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, 125 * 8000)
    soundfile.write(origin / "long.flac", noise, 8000)
    git("add", ".")
    git("commit", "--quiet", "-m", "sound")
    commit = git("rev-parse", "HEAD")
    (origin / "long.flac").unlink()
    git("commit", "--quiet", "-a", "-m", "none")

    source = Source("gh-noise", origin.as_uri(), commit, "", "MIT")
    pools.build(tmp_path / "more", (), 2, lambda _: None, [wanted(source, "long.flac", pieces=(0, 1))])
    with (tmp_path / "more/index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"][-8:] for row in rows] == ["_00.flac", "_01.flac"]  # of three; the third is not listed
    assert [float(row["duration"]) for row in rows] == pytest.approx([125 / 3] * 2, abs=0.02)
    assert {row["version"] for row in rows} == {commit[:7]}


def test_pieces_are_equal_and_at_most_a_minute():
    sound = np.full(121 * 16_000, 1000, np.int16)
    pieces = pools.cut(np.concatenate([np.zeros(48_000, np.int16), sound, np.ones(48_000, np.int16)]))
    assert {len(piece) for piece in pieces[:2]} == {len(pieces[0])} and len(pieces) == 3
    assert sum(map(len, pieces)) == len(sound) + 2 * 1600 - 1
    with pytest.raises(MediaError, match="silence"):
        pools.cut(np.zeros(16_000, np.int16))


def test_sounds_are_found_in_archives(tmp_path):
    def names(kind: str, data: bytes) -> list[str]:
        (tmp_path / "archive.bin").write_bytes(data)
        containers.unpack(kind, tmp_path / "archive.bin", tmp_path / kind)
        return sorted(
            str(p.relative_to(tmp_path / kind)) for p in (tmp_path / kind).rglob("*") if p.is_file()
        )

    for name, seconds in (("a.ogg", 0.3), ("b.ogg", 0.6), ("a.wav", 0.3), ("b.wav", 0.6)):
        soundfile.write(tmp_path / name, tone(seconds, 16_000), 16_000)
    ogg, wav = ([(tmp_path / f"{stem}.{end}").read_bytes() for stem in "ab"] for end in ("ogg", "wav"))

    found = names("rcc", b"qres OggS\1" + ogg[0] + b"between" + ogg[1] + b"end")
    assert found == ["archive/archive_0000.ogg", "archive/archive_0001.ogg"]
    assert len(pools.decode(tmp_path / "rcc" / found[1])) == pytest.approx(9600, abs=200)

    found = names("cat", b"index RIFF\0\0\0\0????" + wav[0] + wav[1])
    assert (tmp_path / "cat" / found[1]).read_bytes() == wav[1] and len(found) == 2

    samples = bytes(range(100, 200))
    lump = struct.pack("<HHI", 3, 11_025, len(samples) + 32) + b"\x80" * 16 + samples + b"\x80" * 16
    directory = struct.pack("<ii8s", 12, len(lump), b"DSPING\0\0") + struct.pack(
        "<ii8s", 12, 90, b"DPPING\0\0"
    )
    found = names("wad", struct.pack("<4sii", b"IWAD", 2, 12 + len(lump)) + lump + directory)
    data, rate = soundfile.read(tmp_path / "wad/DSPING.wav", dtype="int16")
    assert (found, rate, data[0] // 256 + 128) == (["DSPING.wav"], 11_025, 100) and len(data) == 100

    table = struct.pack(">12sBII", b"A1.SB", 0, 57, 5) + struct.pack(">12sBII", b"A1.PCX", 0, 0, 9)
    found = names("queen", b"x" * 13 + struct.pack(">H", 2) + table + b"voice")
    assert found == ["A1.mp3"] and (tmp_path / "queen/A1.mp3").read_bytes() == b"voice"
    with pytest.raises(FormatError, match="no whole queen archive"):
        names("queen", b"short")


def test_the_listing_keeps_the_rules_of_training():
    every = pools.listing()
    splits, names = defaultdict(set), defaultdict(list)
    for one in every:
        splits[one.group].add(one.split)
        for name in one.targets():
            names[name].append(one.path)
        assert one.source.licence and "-nc" not in one.source.licence.lower()
        assert one.split in ("train", "val", "test") and one.kind in ("speech", "music", "env", "burst")
        assert 0.1 < one.seconds <= 3600 and one.group and one.label
        assert one.source.archive or not one.path.startswith(origins.UNPACKED)
    assert [group for group, sides in splits.items() if len(sides) > 1] == []
    assert [paths for paths in names.values() if len(paths) > 1] == []
    for source in {one.source for one in every}:
        assert source.version and (not source.address or len(source.version) == 40)


def test_the_page_of_sources_says_what_is_listed():
    page = (Path(__file__).parents[2] / "docs/training-sources.md").read_text("utf-8")
    minutes, count = defaultdict(float), defaultdict(int)
    for one in pools.listing():
        minutes[one.kind, one.split] += one.seconds / 60
        count[one.source] += 1
    for source, files in count.items():
        name = f"[{source.name}]({source.address})" if source.address else source.name
        assert f"| {name} | {source.short()} | {source.licence} | {files} |" in page
    for kind in ("speech", "music", "env", "burst"):
        sides = " | ".join(f"{minutes[kind, split]:.1f}" for split in ("train", "val", "test"))
        assert f"| {kind} | {sides} |" in page


def test_an_unknown_source_is_named(tmp_path):
    with pytest.raises(UsageError, match="no source is called no-game"):
        pools.build(tmp_path, ["no-game"], 1, lambda _: None)
