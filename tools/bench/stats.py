"""Medians and their confidence intervals."""
import math


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def quantile(values, share):
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]


def median_interval(values, confidence=0.95):
    """(low, high): the order statistics between which the median lies with at least that confidence.

    Exact for any distribution (binomial); with fewer than six values the whole range, which is then less sure.
    """
    ordered, n = sorted(values), len(values)
    below = 0.0
    rank = 0
    while rank < n // 2:
        below += math.comb(n, rank) / 2.0 ** n
        if 2 * below > 1 - confidence:
            break
        rank += 1
    rank = max(rank, 1)
    return ordered[rank - 1], ordered[n - rank]


class Ratio:
    """Of measurements taken in pairs, one of each a round."""

    def __init__(self, measured, base):
        self.values = [m / b for m, b in zip(measured, base) if b]
        self.median = median(self.values)
        self.low, self.high = median_interval(self.values)

    def __str__(self):
        return "%.3f [%.3f, %.3f] of %d" % (self.median, self.low, self.high, len(self.values))

    def reaches(self, bound):
        """Whether the bound is reached, or the measurement cannot be distinguished from 1."""
        return self.median >= bound or self.low <= 1.0 <= self.high
