"""Training of detectors: labelled soundscapes, cached features, a head, its settings and its figures.

`python -m vbannotate.train --help` lists the commands; docs/training.md tells how the bundled model was made.
"""
