"""The sources that Google's replies name, as citations on the text.

    groundingMetadata   ─▶  a citation for each claim that is supported (``groundingSupports``), with all of its sources
    citationMetadata    ─▶  a citation for each passage that the answer quotes

Google counts bytes, and within a part, which a stream cuts anew; citations of ours count characters of a text block. So
they are collected while the reply grows and placed when its text is whole, where what they cite really stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar

import msgspec

from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ResponseDecodeError

_T = TypeVar("_T")

# ---------------------------------------------------------------- what we read


class _Source(msgspec.Struct, rename="camel"):
    uri: str | None = None
    source_uri: str | None = None
    title: str | None = None


class _GroundingChunk(msgspec.Struct, rename="camel"):
    web: _Source | None = None
    retrieved_context: _Source | None = None
    maps: _Source | None = None
    image: _Source | None = None


class _Segment(msgspec.Struct, rename="camel"):
    start_index: int = 0
    end_index: int | None = None
    text: str | None = None


class _Support(msgspec.Struct, rename="camel"):
    segment: _Segment | None = None
    grounding_chunk_indices: list[int] | None = None
    confidence_scores: list[float] | None = None


class _Grounding(msgspec.Struct, rename="camel"):
    grounding_chunks: list[_GroundingChunk] | None = None
    grounding_supports: list[_Support] | None = None


class _Quotation(msgspec.Struct, rename="camel"):
    start_index: int = 0
    end_index: int | None = None
    uri: str | None = None
    title: str | None = None
    license: str | None = None
    publication_date: JSON = None


class _Quotations(msgspec.Struct, rename="camel"):
    citations: list[_Quotation] | None = None
    citation_sources: list[_Quotation] | None = None


# ---------------------------------------------------------------- to citations


_Cited: TypeAlias = tuple[_Segment, JSONObject]


class Citations:
    """The citations of one reply."""

    def __init__(self) -> None:
        self._chunks: Sequence[_GroundingChunk] = ()
        self._waiting: list[_Cited] = []
        self._known: set[bytes] = set()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add_grounding(self, value: JSONObject) -> None:
        """What ``groundingMetadata`` says; a stream may tell it in parts, or again.

        Raises:
            ResponseDecodeError: It is not what Google documents.
        """
        grounding = _convert(value, _Grounding)
        if grounding.grounding_chunks:
            self._chunks = grounding.grounding_chunks
        found: list[_Cited] = []
        for support in grounding.grounding_supports or ():
            citation = self._citation(support)
            segment = support.segment or _Segment()
            if segment.text is not None:
                citation["cited_text"] = segment.text
            found.append((segment, citation))
        self._add(found)

    def add_quotations(self, value: JSONObject) -> None:
        """What ``citationMetadata`` says: from where the answer quotes at length.

        Raises:
            ResponseDecodeError: It is not what Google documents.
        """
        quotations = _convert(value, _Quotations)
        found: list[_Cited] = []
        for quotation in [*(quotations.citations or ()), *(quotations.citation_sources or ())]:
            citation = _named(quotation.uri, quotation.title)
            extras = {"license": quotation.license, "publication_date": quotation.publication_date}
            known = {key: item for key, item in extras.items() if item}
            if known:
                citation["extras"] = known
            found.append((_Segment(quotation.start_index, quotation.end_index), citation))
        self._add(found)

    def place(self, blocks: Mapping[int, str]) -> Iterator[tuple[int, JSONObject]]:
        """The citations so far, each with the index of its text block; asked again, those that came since.

        Args:
            blocks: The text blocks of the reply, by index.
        """
        encoded = {index: text.encode() for index, text in blocks.items() if text}
        waiting, self._waiting = self._waiting, []
        for segment, citation in waiting:
            found = _find(segment, encoded)
            if found is not None:
                index, start, end = found
                if end is not None:
                    citation = {**citation, "start_index": start, "end_index": end}
                yield index, citation

    def _add(self, found: Sequence[_Cited]) -> None:
        """Those that were not told before; of what is told at once, each counts."""
        keys = [msgspec.json.encode(cited) for cited in found]
        self._waiting += [cited for key, cited in zip(keys, found, strict=True) if key not in self._known]
        self._known.update(keys)

    def _citation(self, support: _Support) -> JSONObject:
        sources = [
            _source(self._chunks[place])
            for place in support.grounding_chunk_indices or ()
            if 0 <= place < len(self._chunks)
        ]
        citation: JSONObject = {"type": "citation", **(sources[0] if sources else {})}
        extras: JSONObject = {}
        if len(sources) > 1:
            extras["sources"] = sources
        if support.confidence_scores:
            extras["confidence_scores"] = support.confidence_scores
        if extras:
            citation["extras"] = extras
        return citation


def _source(chunk: _GroundingChunk) -> JSONObject:
    found = chunk.web or chunk.retrieved_context or chunk.maps or chunk.image or _Source()
    return {key: value for key, value in (("url", found.uri or found.source_uri), ("title", found.title)) if value}


def _named(url: str | None, title: str | None) -> JSONObject:
    return {"type": "citation", **_source(_GroundingChunk(web=_Source(uri=url, title=title)))}


def _find(segment: _Segment, blocks: dict[int, bytes]) -> tuple[int, int, int | None] | None:
    """The block and characters of a segment; without characters where it is found nowhere, None without any text."""
    start, end = segment.start_index, segment.end_index
    wanted = None if segment.text is None else segment.text.encode()
    for index, text in blocks.items():
        if end is not None and end <= len(text) and wanted in (None, text[start:end]):
            return index, _characters(text[:start]), _characters(text[:end])
    if wanted:
        for index, text in blocks.items():
            start = text.find(wanted)
            if start >= 0:
                return index, _characters(text[:start]), _characters(text[: start + len(wanted)])
    return (next(reversed(blocks)), 0, None) if blocks else None


def _characters(data: bytes) -> int:
    return len(data.decode("utf-8", "replace"))


def _convert(value: JSONObject, kind: type[_T]) -> _T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ResponseDecodeError(f"the sources of the reply are not what Google documents: {error}") from error


__all__ = ["Citations"]
