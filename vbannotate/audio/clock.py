"""Where decoded samples lie on the media's clock.

The rule: time is ``pts - start of the container``. The first frame is placed exactly; the following ones lie
end to end, and one is placed anew only where its time stamp is more than 20 ms away: containers round their
stamps to milliseconds, and a frame moved for that would tear the sound. A gap is filled with silence, a frame
that overlaps what is already there loses its head, and so does sound before time zero (encoder priming).
"""

from __future__ import annotations

TOLERANCE_S = 0.020  # a frame of the networks; time stamps in whole milliseconds jitter far less
JUMP_S = 10  # a larger step forward may be a clock that was set anew (the limit that ffmpeg uses)
BACK_S = 1  # a larger step back is a clock that began anew where recordings were joined: nothing is cut
LONGEST_GAP_S = 24 * 3600


class Timeline:
    """Places frames of one stream, one after the other. All positions count samples at the stream's own rate.

    `length` is the length that the container states, or None: a step forward beyond it is no gap.
    """

    def __init__(self, rate: int, length: int | None) -> None:
        self.end = 0  # samples placed so far, silence included
        self.silence = 0  # samples of silence put into gaps inside the recording
        self.jumps = 0  # steps of the clock that were not believed
        self._tolerance = -1
        self._rate, self._shift = rate, 0
        self._last = (length if length is not None else 0) + JUMP_S * rate
        self._known = length is not None

    def place(self, start: int | None, samples: int) -> tuple[int, int]:
        """Silence to put before the next frame and samples to cut from its head.

        `start` is the frame's position by its time stamp, None where it has none.
        """
        first, self._tolerance = self._tolerance < 0, round(TOLERANCE_S * self._rate)
        gap = 0 if start is None else start + self._shift - self.end
        if abs(gap) <= (0 if first else self._tolerance):
            gap = 0
        elif self._is_jump(gap, first):
            self._shift -= gap
            self.jumps += 1
            gap = 0
        cut = min(samples, max(0, -gap))
        silence = max(0, gap)
        self.end += silence + samples - cut
        self.silence += 0 if first else silence
        return silence, cut

    def _is_jump(self, gap: int, first: bool) -> bool:
        if gap < 0:
            return not first and gap < -BACK_S * self._rate
        if gap <= JUMP_S * self._rate:
            return False
        return gap > LONGEST_GAP_S * self._rate or (self._known and self.end + gap > self._last)
