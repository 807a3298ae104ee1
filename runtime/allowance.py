"""What may be sent now under several limits at once: those that one sets oneself, and those that a provider reports.

Pure arithmetic over a clock. Nothing here waits or locks; the gate of the limiter guards it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from tidewire.adapters.rate_limit_headers import LimitKind, LimitReport
from tidewire.bucket import Bucket
from tidewire.token_estimate import Demand

#: Limits of unknown length are taken for those of a minute.
MINUTE_S = 60.0


class Allowance:
    """The buckets that a request is taken from, all or none of them.

    Args:
        per_minute: One's own limits.
        burst_s: How many seconds' worth of each of them may be used at once.
        clock: Monotonic seconds.
    """

    def __init__(self, per_minute: Mapping[LimitKind, float], *, burst_s: float, clock: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._own: list[tuple[LimitKind, Bucket]] = [
            (kind, Bucket(rate=amount / MINUTE_S, size=amount * burst_s / MINUTE_S, clock=clock))
            for kind, amount in per_minute.items()
        ]
        self._reported: dict[str, tuple[LimitKind, Bucket]] = {}
        self._paused_until = clock()

    def take(self, demand: Demand) -> float:
        """Take what a request needs and give 0, or give the seconds until it is worth asking again.

        A request that needs more than a bucket holds waits until the bucket is full, and is then let through; those
        after it wait until that is made up for.
        """
        wait = self._wait(demand, capped=True)
        if wait <= 0:
            self.give_back(Demand(0) - demand)
            return 0.0
        return wait

    def wait_for(self, demand: Demand) -> float:
        """Seconds until so much has come in, by what is known now."""
        return self._wait(demand, capped=False)

    def give_back(self, demand: Demand) -> None:
        """What was taken and not used; where it is below 0, it was used and not taken."""
        for kind, bucket in self._buckets():
            bucket.put_back(demand.of(kind))

    def pause(self, seconds: float) -> None:
        """Let nothing through for so long."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def report(self, reports: Iterable[LimitReport], unseen: Demand) -> None:
        """Learn what the provider says about its limits.

        Its limits are buckets too, which fill up within the time that it names. What it calls remaining is without the
        requests that have not reached it yet. Which of those under way have, nobody knows, so the truth lies between
        what it says and what it says less all of them: our own count is moved into that interval.

        Args:
            reports: The limits in one reply.
            unseen: What the requests took to which there is no reply yet.
        """
        for report in reports:
            known = self._reported.get(report.name)
            bucket = self._bucket_of(report, None if known is None else known[1])
            if bucket is None:
                continue
            least = report.remaining - unseen.of(report.kind)
            level = least if known is None else max(known[1].level, least)
            bucket.limit_to(min(level, report.remaining))
            self._reported[report.name] = (report.kind, bucket)

    def _bucket_of(self, report: LimitReport, known: Bucket | None) -> Bucket | None:
        size = report.limit or (known.size if known is not None else self._per_minute.get(report.kind))
        if size is None:
            if report.reset_s is None:
                return None  # so much is left, but nobody says of what, and when there is more
            size = max(report.remaining, 1.0)
        size = max(size, report.remaining, 1.0)
        missing = size - report.remaining
        if report.reset_s and missing > 0:
            rate = missing / report.reset_s
        else:
            rate = known.rate if known is not None else size / MINUTE_S
        return Bucket(rate=rate, size=size, clock=self._clock)

    def _wait(self, demand: Demand, *, capped: bool) -> float:
        waits = [self._paused_until - self._clock()]
        for kind, bucket in self._buckets():
            needed = demand.of(kind)
            waits.append(bucket.wait_for(min(needed, bucket.size) if capped else needed))
        return max(0.0, *waits)

    def _buckets(self) -> Iterable[tuple[LimitKind, Bucket]]:
        return [*self._own, *self._reported.values()]


__all__ = ["MINUTE_S", "Allowance"]
