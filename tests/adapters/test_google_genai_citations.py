"""The sources of Google's replies as citations on the text."""

from __future__ import annotations

from typing import Any

import pytest

from tidewire.adapters.google_genai_citations import Citations
from tidewire.events.errors import ResponseDecodeError

Json = dict[str, Any]

CHUNKS: list[Json] = [
    {"web": {"uri": "https://a", "title": "A"}},
    {"retrievedContext": {"uri": "gs://b", "title": "B", "text": "…"}},
    {"maps": {"uri": "https://maps/c", "title": "C", "placeId": "p"}},
    {"image": {"sourceUri": "https://d", "imageUri": "https://d/i.png", "title": "D"}},
    {"web": {}},
    {"news": {}},
]


def support(text: str | None, start: int | None, end: int | None, *chunks: int, **more: Any) -> Json:
    segment = {"startIndex": start, "endIndex": end, "text": text}
    return {
        "segment": {key: value for key, value in segment.items() if value is not None},
        "groundingChunkIndices": list(chunks),
        **more,
    }


def placed(blocks: dict[int, str], *supports: Json) -> list[tuple[int, Json]]:
    citations = Citations()
    citations.add_grounding({"groundingChunks": CHUNKS, "groundingSupports": list(supports)})
    assert bool(citations) is bool(supports)
    return list(citations.place(blocks))


def test_offsets_in_bytes_become_offsets_in_characters() -> None:
    assert placed({0: "Größe: 5 m"}, support("5 m", 9, 12, 0)) == [
        (
            0,
            {
                "type": "citation",
                "url": "https://a",
                "title": "A",
                "cited_text": "5 m",
                "start_index": 7,
                "end_index": 10,
            },
        )
    ]


@pytest.mark.parametrize(
    ("chunk", "source"),
    [
        (0, {"url": "https://a", "title": "A"}),
        (1, {"url": "gs://b", "title": "B"}),
        (2, {"url": "https://maps/c", "title": "C"}),
        (3, {"url": "https://d", "title": "D"}),
        (4, {}),
        (5, {}),
        (6, {}),
        (-1, {}),
    ],
)
def test_a_source_of_any_kind_has_an_address_and_a_title(chunk: int, source: Json) -> None:
    ((_, citation),) = placed({0: "abc"}, support(None, None, 3, chunk))
    assert citation == {"type": "citation", **source, "start_index": 0, "end_index": 3}


def test_a_claim_with_several_sources_is_one_citation() -> None:
    ((_, citation),) = placed({0: "abc"}, support("abc", 0, 3, 0, 1, confidenceScores=[0.5, 0.25]))
    assert citation["url"] == "https://a"
    assert citation["extras"] == {
        "sources": [{"url": "https://a", "title": "A"}, {"url": "gs://b", "title": "B"}],
        "confidence_scores": [0.5, 0.25],
    }


def test_a_segment_is_looked_for_where_its_text_stands() -> None:
    # In a stream, and beside other parts, the offsets are those of a part that is none of our blocks.
    blocks = {1: "First block.", 4: "Second block."}
    assert [
        (index, note.get("start_index"), note.get("end_index"))
        for index, note in placed(
            blocks,
            support("Second", 12, 18, 0),
            support("block", 6, 11, 0),
            support("Second block.", 0, 13, 0),
            support("nowhere", 0, 7, 0),
            support(None, 0, 99, 0),
            {"groundingChunkIndices": None},
        )
    ] == [(4, 0, 6), (1, 6, 11), (4, 0, 13), (4, None, None), (4, None, None), (4, None, None)]


def test_without_a_text_there_is_nothing_to_cite() -> None:
    assert placed({}, support("abc", 0, 3, 0)) == []
    assert placed({0: ""}, support("abc", 0, 3, 0)) == []
    assert placed({0: "abc"}) == []


def test_sources_that_are_told_again_count_once_and_chunks_stay_known() -> None:
    citations = Citations()
    citations.add_grounding({"groundingChunks": CHUNKS, "groundingSupports": [support("a", 0, 1, 0)]})
    assert len(list(citations.place({0: "ab"}))) == 1
    citations.add_grounding({"groundingSupports": [support("a", 0, 1, 0), support("b", 1, 2, 1)]})
    ((_, citation),) = citations.place({0: "ab"})
    assert citation["url"] == "gs://b"
    assert not citations


def test_what_is_told_twice_at_once_counts_twice() -> None:
    assert len(placed({0: "abc"}, support("a", 0, 1, 0), support("a", 0, 1, 0))) == 2


def test_quotations_are_citations_with_their_licence() -> None:
    citations = Citations()
    quoted = {"startIndex": 1, "endIndex": 3, "uri": "https://q", "title": "Q", "license": "MIT"}
    dated = {"endIndex": 2, "publicationDate": {"year": 2020}}
    citations.add_quotations({"citations": [quoted], "citationSources": [dated, {}]})
    assert [note for _, note in citations.place({0: "abcd"})] == [
        {
            "type": "citation",
            "url": "https://q",
            "title": "Q",
            "extras": {"license": "MIT"},
            "start_index": 1,
            "end_index": 3,
        },
        {"type": "citation", "extras": {"publication_date": {"year": 2020}}, "start_index": 0, "end_index": 2},
        {"type": "citation"},
    ]


def test_sources_of_another_shape_are_an_error() -> None:
    for value in ({"groundingChunks": 5}, {"groundingSupports": [{"segment": {"startIndex": "x"}}]}):
        with pytest.raises(ResponseDecodeError):
            Citations().add_grounding(value)
    with pytest.raises(ResponseDecodeError):
        Citations().add_quotations({"citations": [5]})
