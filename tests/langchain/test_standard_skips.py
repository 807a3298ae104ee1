"""What the standard tests skip, a wire format cannot say: the same test without the skip is refused by name."""

from __future__ import annotations

import re

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests

from tests.langchain.standard import STANDARD_WIRES, Ability, OnSimulator, answer
from tidewire.errors import ConfigurationError
from tidewire.langchain import ChatTidewire
from tidewire.testing import Simulator

# The standard test that each ability is for.
TESTS: dict[Ability, str] = {
    "images_by_url": "test_image_inputs",
    "pdfs": "test_pdf_inputs",
    "sounds": "test_audio_inputs",
    "images_of_tools": "test_image_tool_message",
    "pdfs_of_tools": "test_pdf_tool_message",
    "json_mode": "test_json_mode",
    "tool_choice": "test_tool_choice",
}


class Tried(OnSimulator, ChatModelIntegrationTests):
    """The standard tests of a wire that is said to be able to do everything."""

    __test__ = False


def attempt(name: str, ability: Ability) -> None:
    """Run the standard test for an ability on a wire, whether or not it has it."""
    tried = Tried()
    tried.wire, limits = STANDARD_WIRES[name]
    tried.limits = limits._replace(cannot={})
    with Simulator(script=answer) as tried.simulator:
        getattr(tried, TESTS[ability])(ChatTidewire(**tried.chat_model_params))


@pytest.mark.parametrize(
    ("name", "ability"), [(name, ability) for name, (_, limits) in STANDARD_WIRES.items() for ability in limits.cannot]
)
def test_what_is_skipped_is_refused(name: str, ability: Ability) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(STANDARD_WIRES[name][1].cannot[ability])):
        attempt(name, ability)


@pytest.mark.parametrize("ability", [*TESTS])
def test_the_same_is_not_refused_where_it_can_be_said(ability: Ability) -> None:
    attempt(next(name for name, (_, limits) in STANDARD_WIRES.items() if ability not in limits.cannot), ability)
