"""People's files are sacred."""

from __future__ import annotations

import pytest

from vbannotate import files
from vbannotate.errors import FormatError, VbannotateError, WouldOverwriteError


def test_a_file_is_never_replaced_unasked(tmp_path):
    path = tmp_path / "Ünï cödé 笑.txt"
    path.write_bytes(b"by hand")
    with pytest.raises(WouldOverwriteError, match="--overwrite"):
        files.write(path, b"ours")
    assert path.read_bytes() == b"by hand"
    assert list(tmp_path.iterdir()) == [path]


def test_overwriting_keeps_the_mode_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    path.chmod(0o640)
    files.write(path, b"new", overwrite=True)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_one_line(tmp_path):
    with pytest.raises(VbannotateError, match=r"No such file or directory; check the folder"):
        files.write(tmp_path / "no" / "a.txt", b"x")


def test_backups_are_numbered_and_never_replaced(tmp_path):
    path = tmp_path / "talk.eaf"
    for version in (b"1", b"2", b"3"):
        path.write_bytes(version)
        files.backup(path)
    assert [
        (tmp_path / name).read_bytes() for name in ("talk.eaf.bak", "talk.eaf.bak2", "talk.eaf.bak3")
    ] == [
        b"1",
        b"2",
        b"3",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings_come_and_go_back_as_they_came(encoding):
    data = "0.5\t1.0\tlächeln\n".encode(encoding)
    text = files.decode(data, "a.txt")
    assert text.text == "0.5\t1.0\tlächeln\n"
    assert text.warning is None
    assert text.encode(text.text) == data


def test_eight_bits_are_read_with_a_warning_and_go_back():
    data = "0.5\t1.0\tlächeln\n".encode("cp1252")
    text = files.decode(data, "a.txt")
    assert text.text.endswith("lächeln\n")
    assert text.warning == "a.txt: not UTF-8, read as cp1252"
    assert text.encode(text.text) == data
    with pytest.raises(FormatError, match="cp1252 has no character '笑'"):
        text.encode("笑")


def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new_one(tmp_path):
    import subprocess
    import sys
    import time

    path = tmp_path / "talk.eaf"
    old, new = b"o" * 4_000_000, b"n" * 4_000_000
    code = (
        "import sys; from pathlib import Path; from vbannotate import files\n"
        "print('ready', flush=True)\n"
        "while True: files.write(Path(sys.argv[1]), b'n' * 4_000_000, overwrite=True)"
    )
    for wait in (0.0, 0.002, 0.005, 0.01, 0.02, 0.05):
        path.write_bytes(old)
        process = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(wait)
        process.kill()
        process.wait()
        assert path.read_bytes() in (old, new)
