"""A histogram of durations that takes any number of them in little memory."""

import math
from collections.abc import Iterator

_STEPS = 32  # to each doubling: values are right within 1/32
_UNIT = 1e-6
_SIZE = 32 * _STEPS  # up to more than an hour


class Histogram:
    """Counts durations in buckets whose width grows with the duration, so that all are right within 3 %."""

    def __init__(self) -> None:
        self._counts = [0] * _SIZE
        self.count = 0
        self.total = 0.0
        self.smallest = math.inf
        self.largest = 0.0

    def record(self, seconds: float) -> None:
        """Count a duration."""
        self._counts[_bucket(seconds)] += 1
        self.count += 1
        self.total += seconds
        self.smallest = min(self.smallest, seconds)
        self.largest = max(self.largest, seconds)

    @property
    def mean(self) -> float:
        """The mean in seconds; 0 if there are none."""
        return self.total / self.count if self.count else 0.0

    def percentile(self, percent: float) -> float:
        """The duration, in seconds, that so many percent do not exceed; 0 if there are none."""
        if not self.count:
            return 0.0
        rank = max(1, math.ceil(self.count * percent / 100))
        seen = 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if seen >= rank:
                return min(_limit(bucket), self.largest)
        return self.largest

    def rows(self, number: int) -> Iterator[tuple[float, float, int]]:
        """The range of what was recorded, split into at most `number` rows: from, to, count.

        All rows have the same number of buckets, so each spans the same ratio.
        """
        if not self.count:
            return
        first, last = _bucket(self.smallest), _bucket(self.largest)
        step = math.ceil((last - first + 1) / number)
        for begin in range(first, last + 1, step):
            end = begin + step
            yield _limit(begin - 1), _limit(end - 1), sum(self._counts[begin:end])


def _bucket(seconds: float) -> int:
    units = max(int(seconds / _UNIT), 0)
    if units < _STEPS:
        return units
    doublings = units.bit_length() - _STEPS.bit_length()
    return min((doublings + 1) * _STEPS + (units >> doublings) - _STEPS, _SIZE - 1)


def _limit(bucket: int) -> float:
    """Where the bucket ends, in seconds."""
    if bucket < _STEPS:
        return (bucket + 1) * _UNIT
    doublings, step = divmod(bucket, _STEPS)
    return ((step + _STEPS + 1) << (doublings - 1)) * _UNIT
