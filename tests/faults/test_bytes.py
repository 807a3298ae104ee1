"""What comes out of a call when the bytes are wrong, on every wire format: on replayed bytes, cut in three ways."""

from __future__ import annotations

import anyio
import pytest

from tests.faults.content_faults import CONTENT_FAULTS
from tests.faults.fault import Case, Fault
from tests.faults.status_faults import STATUS_FAULTS
from tests.faults.trial import try_on_replay
from tidewire.adapters.replay_transport import Cuts

_REFUSED = [(fault, case) for fault in STATUS_FAULTS for case in fault.cases()]
_ANSWERED = [(fault, case) for fault in CONTENT_FAULTS for case in fault.cases()]


def _ids(cases: list[tuple[Fault, Case]]) -> list[str]:
    return [f"{fault.name}: {case}" for fault, case in cases]


@pytest.mark.parametrize(("fault", "case"), _REFUSED, ids=_ids(_REFUSED))
def test_a_refusal_has_its_outcome(fault: Fault, case: Case) -> None:
    # The body of a refusal is read whole before anybody looks at it.
    anyio.run(try_on_replay, fault, case, 11)


@pytest.mark.parametrize(("fault", "case"), _ANSWERED, ids=_ids(_ANSWERED))
def test_a_fault_of_the_bytes_has_its_outcome(fault: Fault, case: Case) -> None:
    async def in_every_cut() -> None:
        ways: tuple[Cuts, ...] = ("whole", "event", 7)
        for cuts in ways:
            await try_on_replay(fault, case, cuts)

    anyio.run(in_every_cut)
