"""A reply to a request for a stream that is called JSON, or a page: its first byte says whether it is one.

Proxies call streams JSON, and answer with a page of their own where a stream was asked for. No stream begins as JSON or
a page does, but for one of lines of JSON, which the decoder of its plain replies reads too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tidewire.adapters.spec import Codec, Decoder, is_streamed
from tidewire.events.types import DecodedEvent

# What may stand before the first byte that tells: blanks, and a mark of byte order.
_BEFORE = b" \t\r\n\xef\xbb\xbf"
# How a page begins, and each kind of JSON value.
_PLAIN = b'<{["-0123456789tfn'


def decoder_for(codec: Codec, content_type: str, *, asked: bool) -> Decoder:
    """The decoder for a reply with this content type.

    Args:
        codec: The wire format.
        content_type: The header, or an empty text.
        asked: Whether a stream was asked for.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if asked and kind in ("application/json", "text/html"):
        return Miscalled(codec)
    return codec.decoder(streamed=is_streamed(content_type, asked=asked))


class Miscalled:
    """Reads a stream or a plain reply, whichever it is."""

    __slots__ = ("_before", "_codec", "_decoder")

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._before = b""
        self._decoder: Decoder | None = None

    @property
    def done(self) -> bool:
        """True once the provider's own end was read."""
        return self._decoder is not None and self._decoder.done

    def feed(self, data: bytes) -> Iterable[DecodedEvent]:
        """Decode the bytes of one read."""
        if self._decoder is None:
            data = self._before + data
            first = data.lstrip(_BEFORE)[:1]
            if not first:
                self._before = data
                return ()
            self._decoder = self._codec.decoder(streamed=first not in _PLAIN)
        return self._decoder.feed(data)

    def close(self) -> Iterator[DecodedEvent]:
        """The body ended properly: see whether the answer is whole."""
        decoder = self._decoder or self._codec.decoder(streamed=True)
        yield from decoder.close()


__all__ = ["Miscalled", "decoder_for"]
