"""The arithmetic of a bucket of tokens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.runtime.clock import Clock
from tidewire.bucket import Bucket


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 5)), max_size=30), st.floats(0.1, 50), st.integers(1, 10))
def test_a_bucket_never_gives_more_than_its_rate_and_size_allow(
    steps: list[tuple[float, int]], rate: float, size: int
) -> None:
    clock = Clock()
    bucket = Bucket(rate=rate, size=size, clock=clock)
    begun, taken = clock.now, 0
    for passed, wanted in steps:
        clock.now += passed
        for _ in range(wanted):
            wait = bucket.take(1)
            taken += wait <= 0
            assert 0 <= wait <= 1 / rate + 1e-6
        assert taken <= size + (clock.now - begun) * rate + 1e-6


def test_what_was_not_used_is_put_back_and_a_level_can_be_limited() -> None:
    bucket = Bucket(rate=1, size=10, clock=Clock())
    assert bucket.take(8) == 0
    bucket.put_back(3)
    assert bucket.take(5) == 0
    assert bucket.take(1) == 1
    bucket.put_back(100)
    assert bucket.take(10) == 0
    bucket.put_back(10)
    bucket.limit_to(2)
    assert bucket.take(3) == 1
    assert bucket.level == 2


def test_more_than_fits_is_let_out_of_a_full_bucket_and_paid_for_afterwards() -> None:
    bucket = Bucket(rate=1, size=10, clock=Clock())
    assert bucket.take(15) == 0
    assert bucket.take(1) == 6
