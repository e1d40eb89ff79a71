"""One run of the ELAN recognizer, from ELAN's request to the tiers it loads.

ELAN reads lines: PROGRESS moves the bar, RESULT ends the run; the exit status means nothing to it. At
RESULT the file must be whole, so it is written under another name and renamed. After a failure or Cancel
the file that ELAN had made is removed, or ELAN would try to load it.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vbannotate.errors import VbannotateError
from vbannotate.hosts import elan_params
from vbannotate.hosts.elan_params import Job
from vbannotate.hosts.lines import Lines, on_terminate

if TYPE_CHECKING:
    from vbannotate.events import Annotation

Detect = Callable[[Job, Callable[[float, float | None], None]], "Annotation"]


def main(detect: Detect | None = None) -> int:
    """Serve one request on standard input and output; 0 where the tiers were written."""
    return _Run().serve(detect or _detect)


class _Run:
    """The request in hand, and what must be tidied up however it ends."""

    def __init__(self) -> None:
        self.output: Path | None = None
        on_terminate(self.abandon)
        self.lines = Lines(self.abandon)

    def serve(self, detect: Detect) -> int:
        try:
            values = elan_params.parse(sys.stdin.buffer.read())
            if values.get(elan_params.OUTPUT):
                self.output = elan_params.media_path(values[elan_params.OUTPUT])
            self._work(elan_params.job(values), detect)
        except VbannotateError as error:
            self._fail(str(error))
            return error.exit_code
        except Exception as error:  # a bug: ELAN must hear of it, the trace goes to the log
            traceback.print_exc()
            sys.stderr.flush()
            log = self.lines.log
            self._fail(
                f"unexpected {type(error).__name__}: {error}; please report it with {log}", keep_log=True
            )
            return 1
        self.lines.finish(True)
        self._drop_log()
        return 0

    def _work(self, job: Job, detect: Detect) -> None:
        from vbannotate import files
        from vbannotate.hosts import elan_tiers

        self.lines.progress(0.01, "loading the model")
        annotation = detect(job, self._progress)
        for warning in annotation.warnings:
            self.lines.say(warning)
        data = elan_tiers.document(annotation.events, job.per_label, job.confidence)
        files.write(job.output, data, overwrite=True)
        count = len(annotation.events)
        self.lines.say(f"{count or 'no'} vocal burst{'s' * (count != 1)} in {job.source.name}")

    def _progress(self, seconds: float, total: float | None) -> None:
        share = seconds / total if total else 1 - math.exp(-seconds / 600)
        text = f"{_clock(seconds)} of {_clock(total)}" if total else f"{_clock(seconds)} done"
        self.lines.progress(0.03 + 0.93 * min(1.0, share), text)

    def _fail(self, reason: str, keep_log: bool = False) -> None:
        self._remove_output()
        self.lines.say(reason)
        self.lines.finish(False)
        if not keep_log:
            self._drop_log()

    def abandon(self) -> None:
        """Cancel: nobody listens any more."""
        self._remove_output()
        if hasattr(self, "lines"):
            self._drop_log()
        os._exit(1)

    def _remove_output(self) -> None:
        """Remove the file that ELAN made for us; one with content that a user chose stays."""
        if self.output is not None:
            with contextlib.suppress(OSError):
                if self.output.stat().st_size == 0:
                    self.output.unlink()

    def _drop_log(self) -> None:
        with contextlib.suppress(OSError):  # Windows: still open; the system's cleaning takes it
            self.lines.log.unlink()


def _detect(job: Job, progress: Callable[[float, float | None], None]) -> Annotation:
    from vbannotate.detection import Detector

    detector = Detector.load(job.model, job.preset, None, job.options())
    return detector.run(job.source, progress=progress).annotation


def _clock(seconds: float) -> str:
    from vbannotate.times import format_clock

    return format_clock(int(seconds) * 1_000_000).partition(".")[0]
