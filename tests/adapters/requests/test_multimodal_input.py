"""Images, sounds, films and documents, in all forms that users write, for every provider.

Each is spelled as the provider's own client has it, or refused by an error that names provider and block. The tables
hold what becomes of the standard form; every other form of the same thing becomes the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.adapters.requests.encoding import SPEAKERS, Speaker
from tests.adapters.requests.multimodal import THINGS, outcome, table
from tidewire.adapters.spec import ToolSpec
from tidewire.events.blocks import JSONObject
from tidewire.messages import AIMessage, HumanMessage, ToolMessage

FROM_USERS = """
image by address
  openai chat, azure chat, huggingface
    {"type":"image_url","image_url":{"url":"https://e.org/i.png"}}
  openai responses
    {"type":"input_image","detail":"auto","image_url":"https://e.org/i.png"}
  anthropic
    {"type":"image","source":{"type":"url","url":"https://e.org/i.png"}}
  google
    {"fileData":{"mimeType":"image/png","fileUri":"https://e.org/i.png"}}
  bedrock
    refused: {provider} takes a block of type 'image' as base64 or by an s3:// url: it loads nothing from the web
  ollama
    refused: {provider} has no image block in a user message by its URL; give base64
image
  openai chat, azure chat, huggingface
    {"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAAN"}}
  openai responses
    {"type":"input_image","detail":"auto","image_url":"data:image/png;base64,iVBORw0KGgoAAAAN"}
  anthropic
    {"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgoAAAAN"}}
  google
    {"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgoAAAAN"}}
  bedrock
    {"image":{"format":"png","source":{"bytes":"iVBORw0KGgoAAAAN"}}}
  ollama
    {"images":["iVBORw0KGgoAAAAN"]}
uploaded image
  openai chat, azure chat, huggingface
    refused: {provider} has no image block in a user message by a file_id; give a URL or base64
  openai responses
    {"type":"input_image","detail":"auto","file_id":"file-1"}
  anthropic
    {"type":"image","source":{"type":"file","file_id":"file-1"}}
  google
    {"fileData":{"fileUri":"http://x/v1beta/files/file-1"}}
  bedrock
    refused: {provider} takes a block of type 'image' as base64 or by an s3:// url: it has no uploaded files
  ollama
    refused: {provider} has no image block in a user message by a file_id; give base64
image in S3
  openai chat, azure chat, anthropic, google, huggingface
    refused: {provider} takes no image block from s3://…; give an address on the web, or base64
  openai responses
    refused: {provider}'s Responses API takes no image block from s3://…; give an address on the web, or base64
  bedrock
    {"image":{"format":"png","source":{"s3Location":{"uri":"s3://b/i.png"}}}}
  ollama
    refused: {provider} has no image block in a user message by its URL; give base64
sound
  openai chat, azure chat
    {"type":"input_audio","input_audio":{"data":"UklGRiQAAABXQVZF","format":"wav"}}
  openai responses
    refused: {provider}'s Responses API has no audio block in a user message
  anthropic
    refused: {provider} cannot take a block of type 'audio' in a user message
  google
    {"inlineData":{"mimeType":"audio/wav","data":"UklGRiQAAABXQVZF"}}
  bedrock
    {"audio":{"format":"wav","source":{"bytes":"UklGRiQAAABXQVZF"}}}
  ollama, huggingface
    refused: {provider} has no audio block in a user message
sound by address
  openai chat, azure chat
    refused: {provider} has no audio block in a user message except as base64
  openai responses
    refused: {provider}'s Responses API has no audio block in a user message
  anthropic
    refused: {provider} cannot take a block of type 'audio' in a user message
  google
    {"fileData":{"mimeType":"audio/wav","fileUri":"https://e.org/a.wav"}}
  bedrock
    refused: {provider} takes a block of type 'audio' as base64 or by an s3:// url: it loads nothing from the web
  ollama, huggingface
    refused: {provider} has no audio block in a user message
uploaded sound
  openai chat, azure chat
    refused: {provider} has no audio block in a user message except as base64
  openai responses
    refused: {provider}'s Responses API has no audio block in a user message
  anthropic
    refused: {provider} cannot take a block of type 'audio' in a user message
  google
    {"fileData":{"fileUri":"http://x/v1beta/files/file-1"}}
  bedrock
    refused: {provider} takes a block of type 'audio' as base64 or by an s3:// url: it has no uploaded files
  ollama, huggingface
    refused: {provider} has no audio block in a user message
film
  openai chat, azure chat, ollama, huggingface
    refused: {provider} has no video block in a user message
  openai responses
    refused: {provider}'s Responses API has no video block in a user message
  anthropic
    refused: {provider} cannot take a block of type 'video' in a user message
  google
    {"inlineData":{"mimeType":"video/mp4","data":"AAAAGGZ0eXBtcDQy"}}
  bedrock
    {"video":{"format":"mp4","source":{"bytes":"AAAAGGZ0eXBtcDQy"}}}
film by address
  openai chat, azure chat, ollama, huggingface
    refused: {provider} has no video block in a user message
  openai responses
    refused: {provider}'s Responses API has no video block in a user message
  anthropic
    refused: {provider} cannot take a block of type 'video' in a user message
  google
    {"fileData":{"mimeType":"video/mp4","fileUri":"https://e.org/v.mp4"}}
  bedrock
    refused: {provider} takes a block of type 'video' as base64 or by an s3:// url: it loads nothing from the web
film in S3
  openai chat, azure chat, ollama, huggingface
    refused: {provider} has no video block in a user message
  openai responses
    refused: {provider}'s Responses API has no video block in a user message
  anthropic
    refused: {provider} cannot take a block of type 'video' in a user message
  google
    refused: {provider} takes no video block from s3://…; give an address on the web, or base64
  bedrock
    {"video":{"format":"mp4","source":{"s3Location":{"uri":"s3://b/v.mp4"}}}}
PDF
  openai chat, azure chat
    {"type":"file","file":{"filename":"document.pdf","file_data":"data:application/pdf;base64,JVBERi0xLjcK"}}
  openai responses
    {"type":"input_file","filename":"document.pdf","file_data":"data:application/pdf;base64,JVBERi0xLjcK"}
  anthropic
    {"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjcK"}}
  google
    {"inlineData":{"mimeType":"application/pdf","data":"JVBERi0xLjcK"}}
  bedrock
    {"document":{"format":"pdf","name":"document","source":{"bytes":"JVBERi0xLjcK"}}}
  ollama, huggingface
    refused: {provider} has no file block in a user message
PDF with a name
  openai chat, azure chat
    {"type":"file","file":{"filename":"d.pdf","file_data":"data:application/pdf;base64,JVBERi0xLjcK"}}
  openai responses
    {"type":"input_file","filename":"d.pdf","file_data":"data:application/pdf;base64,JVBERi0xLjcK"}
  anthropic
    {"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjcK"},"title":"d.pdf"}
  google
    {"inlineData":{"mimeType":"application/pdf","data":"JVBERi0xLjcK"}}
  bedrock
    {"document":{"format":"pdf","name":"d","source":{"bytes":"JVBERi0xLjcK"}}}
  ollama, huggingface
    refused: {provider} has no file block in a user message
PDF by address
  openai chat, azure chat
    refused: {provider} has no file block in a user message by its URL; give base64 or a file_id
  openai responses
    {"type":"input_file","file_url":"https://e.org/d.pdf"}
  anthropic
    {"type":"document","source":{"type":"url","url":"https://e.org/d.pdf"}}
  google
    {"fileData":{"mimeType":"application/pdf","fileUri":"https://e.org/d.pdf"}}
  bedrock
    refused: {provider} takes a block of type 'file' as base64 or by an s3:// url: it loads nothing from the web
  ollama, huggingface
    refused: {provider} has no file block in a user message
uploaded PDF
  openai chat, azure chat
    {"type":"file","file":{"file_id":"file-1"}}
  openai responses
    {"type":"input_file","file_id":"file-1"}
  anthropic
    {"type":"document","source":{"type":"file","file_id":"file-1"}}
  google
    {"fileData":{"fileUri":"http://x/v1beta/files/file-1"}}
  bedrock
    refused: {provider} takes a block of type 'file' as base64 or by an s3:// url: it has no uploaded files
  ollama, huggingface
    refused: {provider} has no file block in a user message
PDF in S3
  openai chat, azure chat
    refused: {provider} has no file block in a user message by its URL; give base64 or a file_id
  openai responses
    refused: {provider}'s Responses API takes no file block from s3://…; give an address on the web, or base64
  anthropic, google
    refused: {provider} takes no file block from s3://…; give an address on the web, or base64
  bedrock
    {"document":{"format":"pdf","name":"d","source":{"s3Location":{"uri":"s3://b/d.pdf","bucketOwner":"123"}}}}
  ollama, huggingface
    refused: {provider} has no file block in a user message
text
  openai chat, azure chat, huggingface
    {"type":"text","text":"Tides."}
  openai responses
    {"type":"input_text","text":"Tides."}
  anthropic
    {"type":"document","source":{"type":"text","media_type":"text/plain","data":"Tides."}}
  google
    {"text":"Tides."}
  bedrock
    {"document":{"format":"txt","name":"document","source":{"bytes":"VGlkZXMu"}}}
  ollama
    {"content":"Look.\\nTides."}
text with a name
  openai chat, azure chat, huggingface
    {"type":"text","text":"Tides."}
  openai responses
    {"type":"input_text","text":"Tides."}
  anthropic
    {"type":"document","source":{"type":"text","media_type":"text/plain","data":"Tides."},"title":"d.txt"}
  google
    {"text":"Tides."}
  bedrock
    {"document":{"format":"txt","name":"d","source":{"bytes":"VGlkZXMu"}}}
  ollama
    {"content":"Look.\\nTides."}
text by address
  openai chat, azure chat, ollama, huggingface
    refused: {provider} takes a text-plain block as text or base64, not by its URL
  openai responses
    {"type":"input_file","file_url":"https://e.org/t.txt"}
  anthropic
    {"type":"document","source":{"type":"url","url":"https://e.org/t.txt"}}
  google
    {"fileData":{"mimeType":"text/plain","fileUri":"https://e.org/t.txt"}}
  bedrock
    refused: {provider} takes a block of type 'text-plain' as base64 or by an s3:// url: it loads nothing from the web
text file
  openai chat, azure chat
    {"type":"file","file":{"filename":"document.txt","file_data":"data:text/plain;base64,VGlkZXMu"}}
  openai responses
    {"type":"input_file","filename":"document.txt","file_data":"data:text/plain;base64,VGlkZXMu"}
  anthropic
    {"type":"document","source":{"type":"text","media_type":"text/plain","data":"Tides."}}
  google
    {"inlineData":{"mimeType":"text/plain","data":"VGlkZXMu"}}
  bedrock
    {"document":{"format":"txt","name":"document","source":{"bytes":"VGlkZXMu"}}}
  ollama, huggingface
    refused: {provider} has no file block in a user message
"""

FROM_TOOLS = """
image
  openai chat, azure chat, huggingface
    refused: {provider} has no image block in a tool message
  openai responses
    {"type":"function_call_output","call_id":"call_1","output":[{"type":"input_image","detail":"auto","image_url":"data:image/png;base64,iVBORw0KGgoAAAAN"}]}
  anthropic
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgoAAAAN"}}]}]}
  google
    {"role":"user","parts":[{"functionResponse":{"id":"call_1","name":"look","response":{"output":""},"parts":[{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgoAAAAN"}}]}}]}
  bedrock
    {"role":"user","content":[{"toolResult":{"toolUseId":"call_1","content":[{"image":{"format":"png","source":{"bytes":"iVBORw0KGgoAAAAN"}}}]}}]}
  ollama
    {"role":"tool","content":"","images":["iVBORw0KGgoAAAAN"],"tool_name":"look","tool_call_id":"call_1"}
image by address
  openai chat, azure chat, huggingface
    refused: {provider} has no image block in a tool message
  openai responses
    {"type":"function_call_output","call_id":"call_1","output":[{"type":"input_image","detail":"auto","image_url":"https://e.org/i.png"}]}
  anthropic
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":[{"type":"image","source":{"type":"url","url":"https://e.org/i.png"}}]}]}
  google
    {"role":"user","parts":[{"functionResponse":{"id":"call_1","name":"look","response":{"output":""},"parts":[{"fileData":{"mimeType":"image/png","fileUri":"https://e.org/i.png"}}]}}]}
  bedrock
    refused: {provider} takes a block of type 'image' as base64 or by an s3:// url: it loads nothing from the web
  ollama
    refused: {provider} has no image block in a tool message by its URL; give base64
sound
  openai chat, azure chat, ollama, huggingface
    refused: {provider} has no audio block in a tool message
  openai responses
    refused: {provider}'s Responses API has no audio block in a tool message
  anthropic, bedrock
    refused: {provider} cannot take a block of type 'audio' in a tool message
  google
    {"role":"user","parts":[{"functionResponse":{"id":"call_1","name":"look","response":{"output":""}}},{"inlineData":{"mimeType":"audio/wav","data":"UklGRiQAAABXQVZF"}}]}
film
  openai chat, azure chat, ollama, huggingface
    refused: {provider} has no video block in a tool message
  openai responses
    refused: {provider}'s Responses API has no video block in a tool message
  anthropic
    refused: {provider} cannot take a block of type 'video' in a tool message
  google
    {"role":"user","parts":[{"functionResponse":{"id":"call_1","name":"look","response":{"output":""}}},{"inlineData":{"mimeType":"video/mp4","data":"AAAAGGZ0eXBtcDQy"}}]}
  bedrock
    {"role":"user","content":[{"toolResult":{"toolUseId":"call_1","content":[{"video":{"format":"mp4","source":{"bytes":"AAAAGGZ0eXBtcDQy"}}}]}}]}
PDF
  openai chat, azure chat, ollama, huggingface
    refused: {provider} has no file block in a tool message
  openai responses
    {"type":"function_call_output","call_id":"call_1","output":[{"type":"input_file","filename":"document.pdf","file_data":"data:application/pdf;base64,JVBERi0xLjcK"}]}
  anthropic
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":[{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjcK"}}]}]}
  google
    {"role":"user","parts":[{"functionResponse":{"id":"call_1","name":"look","response":{"output":""},"parts":[{"inlineData":{"mimeType":"application/pdf","data":"JVBERi0xLjcK"}}]}}]}
  bedrock
    {"role":"user","content":[{"toolResult":{"toolUseId":"call_1","content":[{"document":{"format":"pdf","name":"document","source":{"bytes":"JVBERi0xLjcK"}}}]}}]}
text
  openai chat, azure chat, huggingface
    {"role":"tool","tool_call_id":"call_1","content":"Tides."}
  openai responses
    {"type":"function_call_output","call_id":"call_1","output":"Tides."}
  anthropic
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"Tides."}}]}]}
  google
    {"role":"user","parts":[{"functionResponse":{"id":"call_1","name":"look","response":{"output":"Tides."}}}]}
  bedrock
    {"role":"user","content":[{"toolResult":{"toolUseId":"call_1","content":[{"document":{"format":"txt","name":"document","source":{"bytes":"VGlkZXMu"}}}]}}]}
  ollama
    {"role":"tool","content":"Tides.","tool_name":"look","tool_call_id":"call_1"}
"""

#: What tools may give back; where and how it is stored makes no difference to where it may stand.
RESULTS = ("image", "image by address", "sound", "film", "PDF", "text")


def from_a_user(block: JSONObject) -> Callable[[Speaker], tuple[JSONObject, Any]]:
    """Spells a block in a user's message, behind a text."""

    def spell(speaker: Speaker) -> tuple[JSONObject, Any]:
        body, warnings = speaker.encode([HumanMessage(["Look.", block])])
        assert warnings == ()
        return body, speaker.user_parts(body)[-1]

    return spell


def from_a_tool(block: JSONObject) -> Callable[[Speaker], tuple[JSONObject, Any]]:
    """Spells a block as the result of a tool."""

    def spell(speaker: Speaker) -> tuple[JSONObject, Any]:
        call: JSONObject = {"name": "look", "args": {}, "id": "call_1"}
        result = ToolMessage([block], tool_call_id="call_1")
        messages = [HumanMessage("Look."), AIMessage("", tool_calls=[call]), result]
        body, warnings = speaker.encode(messages, tools=(ToolSpec("look"),))
        assert warnings == ()
        turns: list[Any] = body.get("messages") or body.get("input") or body["contents"]
        return body, turns[2]

    return spell


def spelled_in(block: JSONObject, place: Callable[[JSONObject], Any], kind: str) -> dict[str, str]:
    """What becomes of a block at each provider."""
    return {name: outcome(speaker, place(block), kind) for name, speaker in SPEAKERS.items()}


def test_what_users_show_is_spelled_as_documented_or_refused_by_name() -> None:
    rows = [
        (thing, spelled_in(forms["standard"], from_a_user, forms["standard"]["type"]))
        for thing, forms in THINGS.items()
    ]
    assert table(rows) == FROM_USERS.strip()


def test_what_tools_show_is_spelled_as_documented_or_refused_by_name() -> None:
    rows = [
        (thing, spelled_in(THINGS[thing]["standard"], from_a_tool, THINGS[thing]["standard"]["type"]))
        for thing in RESULTS
    ]
    assert table(rows) == FROM_TOOLS.strip()


@pytest.mark.parametrize(("thing", "form"), [(thing, form) for thing, forms in THINGS.items() for form in forms])
def test_every_form_of_a_thing_becomes_the_same(thing: str, form: str) -> None:
    standard = THINGS[thing]["standard"]
    for place in (from_a_user, from_a_tool):
        assert spelled_in(THINGS[thing][form], place, standard["type"]) == spelled_in(standard, place, standard["type"])
