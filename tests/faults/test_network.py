"""What comes out of a call when connections and HTTP fail, on every wire format; the clients take turns."""

from __future__ import annotations

import anyio
import pytest

from tests.faults.fault import Case, Fault
from tests.faults.network_faults import NETWORK_FAULTS
from tests.faults.trial import CARRIERS, try_on_network

_CASES = [(fault, case) for fault in NETWORK_FAULTS for case in fault.cases()]
# Each fault meets each client, on one wire or another; the sweep tries all with all.
_TURNS = [(fault, case, list(CARRIERS)[number % len(CARRIERS)]) for number, (fault, case) in enumerate(_CASES)]


@pytest.mark.parametrize(
    ("fault", "case", "carrier"), _TURNS, ids=[f"{fault.name}: {case}, {carrier}" for fault, case, carrier in _TURNS]
)
def test_a_fault_of_the_network_has_its_outcome(fault: Fault, case: Case, carrier: str) -> None:
    anyio.run(try_on_network, fault, case, carrier, backend=CARRIERS[carrier][0])
