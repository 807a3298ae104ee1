"""Docstrings of three styles: the text before the arguments, and what is said of each."""

from __future__ import annotations

import pytest

from tidewire.docstrings import Docs, read_docs

GOOGLE = """
    Find a city.

    It looks in all countries.

    Args:
        name (str, optional): The city's name,
            in English.
        *countries: Where to look: a list.
        limit (Optional[tuple(int)]): How many.

    Returns:
        limit: not an argument.
"""
NUMPY = """
    Find a city.

    It looks in all countries.

    Parameters
    ----------
    name : str, optional
        The city's name,
        in English.
    *countries
        Where to look: a list.

    Other Parameters
    ----------------
    limit : int
        How many.

    Returns
    -------
    limit : int
        Not an argument.
"""
SPHINX = """
    Find a city.

    It looks in all countries.

    :param str name: The city's name,
        in English.
    :param countries: Where to look: a list.
    :type countries: list
    :keyword limit: How many.
    :returns: limit: not an argument.
"""


@pytest.mark.parametrize("docstring", [GOOGLE, NUMPY, SPHINX], ids=["google", "numpy", "sphinx"])
def test_every_style_says_the_same(docstring: str) -> None:
    assert read_docs(docstring) == Docs(
        "Find a city.\n\nIt looks in all countries.",
        {"name": "The city's name, in English.", "countries": "Where to look: a list.", "limit": "How many."},
    )


def test_the_names_of_one_line_share_its_description() -> None:
    assert read_docs("Add.\n\nParameters\n----------\na, b : int\n    A number.").arguments == {
        "a": "A number.",
        "b": "A number.",
    }


@pytest.mark.parametrize(
    "docstring",
    [
        "Find a city.",
        "Find a city.\n\nReturns:\n    The city.",
        "Args:\nnothing is indented here",
        "Parameters\n\nof a city",
        "Args: none",
        "A list::\n\n    name: value\n\nThat is all.",
    ],
)
def test_what_documents_no_arguments_is_all_text(docstring: str) -> None:
    assert read_docs(docstring) == Docs(docstring, {})


@pytest.mark.parametrize("docstring", [None, "", "   \n  "])
def test_nothing_says_nothing(docstring: str | None) -> None:
    assert read_docs(docstring) == Docs("", {})


def test_an_argument_without_a_word_is_known_all_the_same() -> None:
    assert read_docs("Do.\n\nArgs:\n    a:\n    b: B.").arguments == {"a": "", "b": "B."}
