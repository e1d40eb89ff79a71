"""The text of a TextGrid, spaced as Praat spaces it."""

from __future__ import annotations

import re

from vbannotate.formats.textgrid_parse import SHORT, Grid, RawTier

_UNWRITABLE = re.compile(r"[\0\ud800-\udfff]")  # Praat drops NUL; a lone surrogate has no encoding


def grid_text(grid: Grid) -> str:
    """All of a TextGrid in its long or short form, with LF."""
    head = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
    if grid.form == SHORT:
        head += f"{grid.xmin}\n{grid.xmax}\n<exists>\n{len(grid.tiers)}\n"
    else:
        head += f"xmin = {grid.xmin} \nxmax = {grid.xmax} \ntiers? <exists> \n"
        head += f"size = {len(grid.tiers)} \nitem []: \n"
    return head + "".join(tier_text(tier, number, grid.form) for number, tier in enumerate(grid.tiers, 1))


def tier_text(tier: RawTier, number: int, form: str) -> str:
    """One tier, the `number`-th of its grid, ending in a line end."""
    return _short(tier) if form == SHORT else _long(tier, number)


def cleaned(text: str) -> str:
    """`text` as Praat would read it back: line ends as LF, no NUL, no lone surrogates."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNWRITABLE.sub("\ufffd", text)


def quoted(text: str) -> str:
    """A clean text as a string of the file: quotes doubled."""
    return '"' + text.replace('"', '""') + '"'


def _short(tier: RawTier) -> str:
    lines = [f'"{"TextTier" if tier.points else "IntervalTier"}"', quoted(tier.name), tier.xmin, tier.xmax]
    lines.append(str(len(tier.items)))
    for *times, label in tier.items:
        lines += [*times, quoted(label)]
    return "\n".join(lines) + "\n"


def _long(tier: RawTier, number: int) -> str:
    kind, noun = ("TextTier", "points") if tier.points else ("IntervalTier", "intervals")
    fields = ("number", "mark") if tier.points else ("xmin", "xmax", "text")
    lines = [
        f"    item [{number}]:",
        f'        class = "{kind}" ',
        f"        name = {quoted(tier.name)} ",
        f"        xmin = {tier.xmin} ",
        f"        xmax = {tier.xmax} ",
        f"        {noun}: size = {len(tier.items)} ",
    ]
    for index, item in enumerate(tier.items, 1):
        lines.append(f"        {noun} [{index}]:")
        texts = (*item[:-1], quoted(item[-1]))
        lines += [f"            {field} = {text} " for field, text in zip(fields, texts, strict=True)]
    return "\n".join(lines) + "\n"
