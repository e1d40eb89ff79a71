"""Draw docs/pictures/demo.png: the demo recording, its reference and what the bundled detector finds.

pip install ".[plot]" && python docs/demo/make_picture.py
"""

from __future__ import annotations

from pathlib import Path

from vbannotate import detect, read
from vbannotate.plot import plot

HERE = Path(__file__).resolve().parent

if __name__ == "__main__":
    found = detect(HERE / "demo.ogg")
    lanes = [("reference", read(HERE / "demo.reference.txt")), ("found", found)]
    plot(HERE / "demo.ogg", lanes, HERE.parent / "pictures" / "demo.png", rows=3, overwrite=True)
