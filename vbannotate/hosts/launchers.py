"""The interpreter's path, quoted for each host: the plug-ins call ``INTERPRETER -X utf8 -m vbannotate ...``.

A launcher holds the absolute path of the interpreter that ran the installation, because hosts start
programs with a bare PATH and often in locale C. ``@PYTHON@`` and ``@VERSION@`` in a template are filled in
here.
"""

from __future__ import annotations

import shlex

from vbannotate import __version__
from vbannotate.errors import VbannotateError


def for_sh(path: str) -> str:
    """A word of a POSIX shell."""
    return shlex.quote(path)


def for_cmd(path: str) -> str:
    """A word of a batch file of Windows: in double quotes, with percent signs doubled.

    Inside quotes ``& ( ) ^ |`` and blanks are plain characters; a quote itself cannot be in a Windows path.
    """
    if '"' in path or "\n" in path:
        raise VbannotateError(f"{path!r} cannot be called from a batch file", "install Python elsewhere")
    return '"' + path.replace("%", "%%") + '"'


def for_praat(path: str) -> str:
    """A string of a Praat script; a quote is doubled, a backslash is plain."""
    return '"' + path.replace('"', '""') + '"'


def for_xml(text: str) -> str:
    """Text in an XML file or attribute."""
    from xml.sax.saxutils import escape

    return escape(text, {'"': "&quot;"})


_QUOTE = {".sh": for_sh, ".bat": for_cmd, ".praat": for_praat, ".cmdi": for_xml}


def render(name: str, template: str, python: str) -> bytes:
    """A file of a plug-in, ready for its host."""
    quote = _QUOTE.get("." + name.rpartition(".")[2], str)
    text = template.replace("@PYTHON@", quote(python)).replace("@VERSION@", __version__)
    if name.endswith(".bat"):  # cmd.exe loses its place in files with plain line feeds
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    return text.encode()
