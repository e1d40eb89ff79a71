"""The text of a TextGrid, parsed as Praat parses it: by order, not by names.

Praat reads a sequence of free-standing tokens and skips all else: a number stands between white space, a
string between double quotes (a quote inside is doubled), a flag between angle brackets; ``!`` starts a
comment that ends with the line; any other word (``xmin``, ``=``, ``[1]:``) is decoration. So one parser
reads the long and the short form; the chronological form has the same tokens in another order. Source:
Praat manual, "TextGrid file formats" (https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html),
and the behaviour of Praat 6.3.

Stricter than Praat: ``1,25`` is an error here; Praat silently reads 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from vbannotate.errors import FormatError

LONG, SHORT, CHRONOLOGICAL, BINARY = "long", "short", "chronological", "binary"

_TOKEN = re.compile(
    r"""(?:[^\s"<!\d+-]\S*|\s+)*(?:
        (?P<string>"[^"]*(?:""[^"]*)*"(?!"))(?P<junk>\S?)
      | (?P<open>")
      | <(?P<flag>[^>]*)>
      | (?P<tag><)
      | (?P<comment>![^\n\r]*)
      | (?P<number>[-+\d]\S*)
      | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?", re.ASCII)
_LINE_END = re.compile(r"\r\n|\r|\n")
_MEND = "open it in Praat and save it again as a text file"
_CUT_OFF = "the file is cut off or a quote is missing: take it from a backup"
_KINDS = {"IntervalTier": False, "TextTier": True}
# No recording lasts a million years; beyond it a number is damage, and Decimal arithmetic would not end.
_LIMIT_S = 3e13

Item = tuple[
    str, ...
]  # an interval: (xmin, xmax, text); a point: (time, mark). Numbers as they stand in the file


@dataclass(slots=True)
class RawTier:
    """One tier with its numbers as text. `start` and `end` are the places of its tokens in the text."""

    points: bool
    name: str
    xmin: str
    xmax: str
    items: list[Item] = field(default_factory=list)
    start: int = 0
    end: int = 0


@dataclass(slots=True)
class Grid:
    """A whole TextGrid. `size_at` and `xmax_at` are the places of the tier count and of the end time."""

    form: str
    xmin: str
    xmax: str
    tiers: list[RawTier]
    size_at: tuple[int, int] = (0, 0)
    xmax_at: tuple[int, int] = (0, 0)


def is_number(text: str) -> bool:
    """Whether `text` is a number as a TextGrid may hold it, and no absurd one."""
    return _NUMBER.fullmatch(text) is not None and abs(float(text)) <= _LIMIT_S


def parse(text: str, name: str) -> Grid:
    """Parse the text of a TextGrid. Raises FormatError with the line number for whatever Praat refuses."""
    tokens = _Tokens(text, name)
    first = tokens.first_line()
    if "chronological TextGrid text file" in first:
        return _chronological(tokens)
    if "ooTextFile" not in first:
        raise FormatError(
            f"{name}, line 1: not a TextGrid", 'its first line should be: File type = "ooTextFile"'
        )
    kind = tokens.string("the object class")
    if kind == "Collection":
        what = f"{name}: a Praat Collection, which holds several objects"
        raise FormatError(what, "open it in Praat and save the TextGrid alone as a text file")
    if kind != "TextGrid":
        raise FormatError(
            f"{name}, line {tokens.line}: a Praat {kind[:40]!r}, not a TextGrid", "give a TextGrid"
        )
    return _ordered(tokens)


class _Tokens:
    """The tokens of a text, asked for one by one by what is expected."""

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name = text, name
        self.start = self.end = 0  # of the token given last
        self._next = 0

    @property
    def line(self) -> int:
        """Number of the line where the last token starts."""
        return 1 + sum(1 for _ in _LINE_END.finditer(self.text, 0, self.start))

    def first_line(self) -> str:
        match = _LINE_END.search(self.text)
        self._next = match.end() if match else len(self.text)
        return self.text[: self._next]

    def string(self, what: str) -> str:
        """The text of the next string, quotes undoubled, line ends as LF."""
        text = self._expect("string", what)[1:-1].replace('""', '"').replace("\0", "")
        return _LINE_END.sub("\n", text) if "\r" in text else text

    def number(self, what: str) -> str:
        """The text of the next number."""
        text = self._expect("number", what)
        if not is_number(text):
            raise self.error(
                f"{text[:30]!r} is no number that can be meant ({what})", "write numbers as 1.25"
            )
        return text

    def count(self, what: str) -> int:
        """The next number, which counts something."""
        text = self.number(what)
        if not text.isascii() or not text.isdigit():
            raise self.error(f"{text[:30]} is not a whole number ({what})")
        return int(text)

    def exists(self, what: str) -> bool:
        """Whether the flag says ``exists``; the other value is ``absent``."""
        value = self._expect("flag", what)
        if value not in ("exists", "absent"):
            raise self.error(f"the flag {value[:30]!r} is neither exists nor absent")
        return value == "exists"

    def more(self) -> bool:
        """Whether any token is left."""
        mark = (self.start, self.end, self._next)
        kind, _ = self._take()
        self.start, self.end, self._next = mark
        return kind != "end"

    def error(self, what: str, mend: str = _MEND) -> FormatError:
        return FormatError(f"{self.name}, line {self.line}: {what}", mend)

    def _expect(self, kind: str, what: str) -> str:
        found, text = self._take()
        if found == kind:
            return text
        asked = f"a {kind} was expected ({what})"
        if found == "end":
            raise self.error(f"the text ends where {asked}", _CUT_OFF)
        raise self.error(f"a {found} stands where {asked}")

    def _take(self) -> tuple[str, str]:
        """Kind and text of the next token that is no comment and no decoration."""
        match = _TOKEN.match
        while True:
            found = match(self.text, self._next)
            if found is None:
                raise self.error("text that cannot be read")
            kind = found.lastgroup or "flag"
            self._next = found.end()
            if kind == "comment":
                continue
            if kind == "junk":
                kind = "string"
                if found["junk"]:
                    self.start = found.end("string")
                    what = f"character {found['junk']!r} after a closing quote"
                    raise self.error(what, 'a quote inside a label is written ""')
            self.start, self.end = found.span(kind)
            if kind == "open":
                raise self.error("the text ends inside a string", _CUT_OFF)
            if kind == "tag":
                raise self.error("the text ends inside a flag", _CUT_OFF)
            return kind, found[kind]


def _ordered(tokens: _Tokens) -> Grid:
    """The rest of a long or short file."""
    decorated = re.search(r"[\r\n]\s*xmin\s*=", tokens.text) is not None
    xmin = tokens.number("start of the grid")
    xmax = tokens.number("end of the grid")
    xmax_at = (tokens.start, tokens.end)
    if not tokens.exists("tiers"):
        raise tokens.error("a TextGrid with its tiers <absent>, on which Praat crashes")
    size = tokens.count("number of tiers")
    grid = Grid(LONG if decorated else SHORT, xmin, xmax, [], (tokens.start, tokens.end), xmax_at)
    for _ in range(size):
        tier = _header(tokens)
        for _ in range(tokens.count(f"size of tier {tier.name[:30]!r}")):
            tier.items.append(_item(tokens, tier.points))
        tier.end = tokens.end
        grid.tiers.append(tier)
    return grid


def _header(tokens: _Tokens) -> RawTier:
    kind = tokens.string("class of a tier")
    start = tokens.start
    if kind not in _KINDS:
        raise tokens.error(f"a tier of the unknown class {kind[:30]!r}")
    name = tokens.string("name of a tier")
    return RawTier(
        _KINDS[kind], name, tokens.number("start of a tier"), tokens.number("end of a tier"), start=start
    )


def _item(tokens: _Tokens, points: bool) -> Item:
    if points:
        return tokens.number("time of a point"), tokens.string("mark of a point")
    return tokens.number("start of an interval"), tokens.number("end of an interval"), tokens.string("text")


def _chronological(tokens: _Tokens) -> Grid:
    """The rest of a chronological file: tier headers, then items of any tier after the tier's number."""
    xmin, xmax = tokens.number("start of the grid"), tokens.number("end of the grid")
    tiers = [_header(tokens) for _ in range(tokens.count("number of tiers"))]
    while tokens.more():
        number = tokens.count("number of a tier")
        if not 1 <= number <= len(tiers):
            raise tokens.error(f"tier {number} of {len(tiers)}")
        tier = tiers[number - 1]
        tier.items.append(_item(tokens, tier.points))
    return Grid(CHRONOLOGICAL, xmin, xmax, tiers)
