"""Hosts that speak OpenAI's chat completions format: a row each, with what is its own as fields of a ``Dialect``.

Sources, read 2026-11-25: each host's documentation of its chat completions, the types of the Python clients of Groq,
Mistral, Together, Fireworks, OpenRouter, Perplexity, Cerebras and Z.ai, and the requests of recorded traffic. What is
read of replies is the same for all (``openai_chat_reply``).

A new host is a row here, and a recording of it. ``base_url`` with the provider ``openai`` reaches those without one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec

from tidewire.adapters.addresses import host_label
from tidewire.adapters.compatible_host import host, takes
from tidewire.adapters.openai_chat_dialect import Dialect
from tidewire.adapters.reasoning import Thinking, thinking
from tidewire.adapters.spec import Adapter
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError

# What nearly every host takes, and what many do.
_BASIC = "max_tokens response_format seed stop temperature top_p"
_COMMON = f"{_BASIC} frequency_penalty logit_bias logprobs n parallel_tool_calls presence_penalty top_logprobs user"
# What the servers for models of one's own add.
_SAMPLERS = "ignore_eos min_p repetition_penalty stop_token_ids top_k"

#: How most hosts are told to reason that take three efforts.
_WORDS = "low low medium high high high"


def _of_account(adapter: Adapter, keywords: JSONObject) -> tuple[Adapter, JSONObject]:
    """Snowflake lives at an address of each account's own: ``account`` or ``SNOWFLAKE_ACCOUNT`` says at which."""
    given = dict(keywords)
    account = given.pop("account", None) or os.environ.get("SNOWFLAKE_ACCOUNT", "").strip()
    if account:
        # Its host names have hyphens where the identifiers of accounts have underscores.
        name = str(account).replace("_", "-")
        for label in name.split("."):
            host_label(label, "account")
        url = adapter.base_url.format(account=name)
        adapter = msgspec.structs.replace(adapter, base_url=url)
    elif "base_url" not in given and not any(os.environ.get(name, "").strip() for name in adapter.base_url_env):
        raise ConfigurationError(
            "no Snowflake account to send requests to: pass account=… or base_url=…, or set the environment variable "
            "SNOWFLAKE_ACCOUNT"
        )
    return adapter, given


# A template that knows neither name passes over it.
_THINKS: JSONObject = {"chat_template_kwargs": {"enable_thinking": True, "thinking": True}}
_THINKS_NOT: JSONObject = {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}}
_TYPE_ON: JSONObject = {"thinking": {"type": "enabled"}}
_TYPE_OFF: JSONObject = {"thinking": {"type": "disabled"}}

_ROWS = (
    host(
        "groq",
        "ChatGroq",
        "https://api.groq.com/openai/v1",
        "GROQ_API_KEY",
        takes(
            f"{_COMMON} citation_options compound_custom disable_tool_validation documents include_reasoning metadata "
            "reasoning_format search_settings service_tier",
            max_tokens="max_completion_tokens",
        ),
        Dialect(
            # Models that reason do so unless told otherwise, and each has words of its own for how much.
            thinking=thinking(
                "reasoning_effort", _WORDS, off={"reasoning_effort": "none"}, on={"include_reasoning": True}
            ),
            stream_options=False,  # a stream tells its usage anyway
            reasoning_field="reasoning",
            tool_images=True,
            audio_formats=(),
            files=None,
        ),
        responses="asked",
    ),
    host(
        "mistralai",
        "ChatMistralAI",
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        takes(
            f"{_BASIC} frequency_penalty guardrails metadata min_tokens n parallel_tool_calls prediction "
            "presence_penalty prompt_cache_key prompt_mode safe_prompt service_tier top_k",
            seed="random_seed",
            random_seed="random_seed",
            safe_mode="safe_prompt",
        ),
        Dialect(
            thinking=thinking(
                "reasoning_effort",
                "minimal low medium high xhigh max",
                off={"reasoning_effort": "none"},
                on={"reasoning_effort": "high"},
            ),
            names=False,
            any_tool="any",
            stream_options=False,
            call_ids="[a-zA-Z0-9]{9}",
            reasoning_field="content",
            prefill="prefix",
            files="document_url",
            tool_images=True,
            audio_formats=None,
            audio_form="bare",
        ),
        base_url_env="MISTRAL_BASE_URL",
    ),
    host(
        "deepseek",
        "ChatDeepSeek",
        "https://api.deepseek.com",
        "DEEPSEEK_API_KEY",
        takes(
            "frequency_penalty logprobs max_tokens presence_penalty response_format stop temperature thinking "
            "top_logprobs top_p user"
        ),
        Dialect(
            thinking=thinking(
                "reasoning_effort",
                "high high high high max max",
                with_effort=_TYPE_ON,
                on=_TYPE_ON,
                off=_TYPE_OFF,
            ),
            json_schemas=False,
            reasoning_field="reasoning_content",
            empty_reasoning="",  # after reasoning, calls without it are refused
            images=False,
            audio_formats=(),
            files=None,
        ),
        base_url_env="DEEPSEEK_BASE_URL",
        responses="asked",
    ),
    host(
        "xai",
        "ChatXAI",
        "https://api.x.ai/v1",
        "XAI_API_KEY",
        takes(f"{_COMMON} deferred search_parameters web_search_options", max_tokens="max_completion_tokens"),
        Dialect(
            thinking=thinking("reasoning_effort", _WORDS, off={"reasoning_effort": "none"}, on={}),
            audio_formats=(),
        ),
        base_url_env="XAI_BASE_URL",
        responses="needed",
    ),
    host(
        "together",
        "ChatTogether",
        "https://api.together.xyz/v1",
        "TOGETHER_API_KEY",
        takes(
            f"{_COMMON} chat_template_kwargs context_length_exceeded_behavior echo min_p repetition_penalty "
            "safety_model top_k"
        ),
        Dialect(
            thinking=thinking(
                "reasoning_effort",
                _WORDS,
                off={"reasoning": {"enabled": False}},
                on={"reasoning": {"enabled": True}},
                dict_field="reasoning",
            ),
            stream_options=False,
            reasoning_field="reasoning",
            video_urls=True,
            audio_formats=None,
            files=None,
        ),
    ),
    host(
        "fireworks",
        "ChatFireworks",
        "https://api.fireworks.ai/inference/v1",
        "FIREWORKS_API_KEY",
        takes(
            f"{_COMMON} context_length_exceeded_behavior echo ignore_eos metadata min_p mirostat_lr mirostat_target "
            "perf_metrics_in_response prediction prompt_cache_isolation_key prompt_cache_key prompt_truncate_len "
            "raw_output reasoning_history repetition_penalty service_tier thinking top_k typical_p"
        ),
        Dialect(
            thinking=thinking(
                "reasoning_effort",
                _WORDS,
                off={"reasoning_effort": "none"},
                budget="reasoning_effort",
            ),
            stream_options=False,
            reasoning_field="reasoning_content",
            names=False,
            strict_tools=False,
            video_urls=True,
            audio_formats=(),
            files=None,
        ),
    ),
    host(
        "openrouter",
        "ChatOpenRouter",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        takes(
            f"{_COMMON} cache_control image_config metadata min_p modalities models plugins prediction preset "
            "prompt_cache_key provider repetition_penalty route service_tier session_id top_a top_k transforms "
            "usage verbosity web_search_options",
            max_tokens="max_completion_tokens",
        ),
        Dialect(
            thinking=thinking(
                "reasoning.effort",
                "minimal low medium high xhigh max",
                off={"reasoning": {"effort": "none"}},
                on={"reasoning": {"enabled": True}},
                budget="reasoning.max_tokens",
                dict_field="reasoning",
            ),
            reasoning_field="reasoning_details",
            cache_control=True,
            tool_images=True,
            video_urls=True,
            file_urls=True,
            audio_formats=None,
        ),
        base_url_env="OPENROUTER_BASE_URL",
        responses="asked",
    ),
    host(
        "perplexity",
        "ChatPerplexity",
        "https://api.perplexity.ai",
        "PERPLEXITY_API_KEY PPLX_API_KEY",
        takes(
            "country disable_search enable_search_classifier frequency_penalty image_domain_filter "
            "image_format_filter language_preference last_updated_after_filter last_updated_before_filter logprobs "
            "max_tokens n num_search_results parallel_tool_calls presence_penalty response_format return_images "
            "return_related_questions safe_search search_after_date_filter search_before_date_filter "
            "search_domain_filter search_language_filter search_mode search_recency_filter stop stream_mode "
            "temperature top_k top_logprobs top_p web_search_options"
        ),
        Dialect(
            thinking=thinking("reasoning_effort", "minimal low medium high high high"),
            tool_choices=("auto", "none", "any"),
            stream_options=False,  # every chunk tells its usage
            json_objects=False,
            audio_formats=(),
            files="file_url_or_base64",
        ),
        base_url_env="PERPLEXITY_BASE_URL",
    ),
    host(
        "cerebras",
        "ChatCerebras",
        "https://api.cerebras.ai/v1",
        "CEREBRAS_API_KEY",
        takes(
            f"{_COMMON} clear_thinking disable_reasoning min_completion_tokens model_parameters prediction "
            "prompt_cache_key reasoning_format service_tier",
            max_tokens="max_completion_tokens",
        ),
        Dialect(
            thinking=thinking("reasoning_effort", _WORDS, off={"reasoning_effort": "none"}),
            reasoning_field="reasoning",
            audio_formats=(),
            files=None,
        ),
    ),
    host(
        "nvidia",
        "ChatNVIDIA",
        "https://integrate.api.nvidia.com/v1",
        "NVIDIA_API_KEY",
        takes(f"{_COMMON} {_SAMPLERS} chat_template_kwargs nvext"),
        Dialect(
            thinking=thinking("reasoning_effort", _WORDS, off=_THINKS_NOT, on=_THINKS),
            reasoning_field="reasoning_content",
            video_urls=True,
            audio_formats=None,
            files=None,
        ),
        base_url_env="NVIDIA_BASE_URL",
    ),
    host(
        "moonshot",
        "ChatMoonshot",
        "https://api.moonshot.ai/v1",
        "MOONSHOT_API_KEY MOONSHOTAI_API_KEY",
        takes(
            f"{_BASIC} frequency_penalty n presence_penalty prompt_cache_key safety_identifier thinking",
            max_tokens="max_completion_tokens",
        ),
        Dialect(
            thinking=thinking("reasoning_effort", "low low high high max max", off=_TYPE_OFF, on=_TYPE_ON),
            tool_choices=("auto", "none"),
            strict_tools=False,
            json_schemas=False,
            reasoning_field="reasoning_content",
            empty_reasoning=" ",  # after reasoning, calls without it are refused; nothing at all counts as without
            prefill="partial",
            video_urls=True,
            audio_formats=(),
            files=None,
        ),
        base_url_env="MOONSHOT_BASE_URL MOONSHOTAI_BASE_URL",
    ),
    host(
        "alibaba",
        "ChatAlibaba",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        "DASHSCOPE_API_KEY ALIBABA_API_KEY",
        takes(
            f"{_BASIC} audio enable_code_interpreter enable_search enable_thinking logprobs modalities n "
            "parallel_tool_calls presence_penalty repetition_penalty search_options thinking_budget top_k top_logprobs "
            "translation_options vl_high_resolution_images"
        ),
        Dialect(
            thinking=Thinking(
                efforts={"none": {"enable_thinking": False}}, on={"enable_thinking": True}, budget="thinking_budget"
            ),
            tool_choices=("auto", "none", "tool"),
            strict_tools=False,
            reasoning_field="reasoning_content",
            cache_control=True,
            prefill="partial",
            video_urls=True,
            audio_formats=None,
            audio_form="address",
            files=None,
        ),
        base_url_env="DASHSCOPE_BASE_URL",
    ),
    host(
        "zai",
        "ChatZAI",
        "https://api.z.ai/api/paas/v4",
        "ZAI_API_KEY",
        takes(f"{_BASIC} do_sample request_id thinking tool_stream", user="user_id"),
        Dialect(
            thinking=thinking(
                "reasoning_effort", "low low high high max max", with_effort=_TYPE_ON, off=_TYPE_OFF, on=_TYPE_ON
            ),
            names=False,
            tool_choices=("auto",),
            stream_options=False,
            strict_tools=False,
            json_schemas=False,
            reasoning_field="reasoning_content",
            video_urls=True,
            audio_formats=(),
            files="file_url",
        ),
        base_url_env="ZAI_BASE_URL",
    ),
    host(
        "cohere",
        "ChatCohere",
        "https://api.cohere.ai/compatibility/v1",
        "CO_API_KEY COHERE_API_KEY",
        takes(f"{_BASIC} frequency_penalty logprobs presence_penalty"),
        Dialect(
            thinking=thinking(
                "reasoning_effort", "- - - high - -", off={"reasoning_effort": "none"}, on={"reasoning_effort": "high"}
            ),
            names=False,
            tool_choices=("none", "any"),
            stream_options=False,
            audio_formats=(),
            files=None,
        ),
    ),
    host(
        "snowflake",
        "ChatSnowflake",
        "https://{account}.snowflakecomputing.com/api/v2/cortex/v1",
        "SNOWFLAKE_TOKEN SNOWFLAKE_PAT",
        takes(
            f"{_BASIC} frequency_penalty logprobs parallel_tool_calls presence_penalty reasoning_effort top_logprobs",
            max_tokens="max_completion_tokens",
        ),
        Dialect(
            # Claude is told by an object, the models of OpenAI by `reasoning_effort`.
            thinking=thinking(
                "reasoning.effort", _WORDS, budget="reasoning.max_tokens", dict_field="reasoning", names=("reasoning",)
            ),
            strict_tools=False,
            reasoning_field="reasoning_details",
            cache_control=True,
            audio_formats=(),
        ),
        base_url_env="SNOWFLAKE_BASE_URL",
        configure=_of_account,
    ),
    host(
        "vllm",
        "ChatVLLM",
        "http://localhost:8000/v1",
        "VLLM_API_KEY",
        takes(
            f"{_COMMON} {_SAMPLERS} bad_words chat_template_kwargs include_reasoning length_penalty min_tokens "
            "priority prompt_logprobs skip_special_tokens structured_outputs thinking_token_budget "
            "truncate_prompt_tokens"
        ),
        Dialect(
            thinking=thinking("reasoning_effort", _WORDS, off=_THINKS_NOT, on=_THINKS),
            reasoning_field="reasoning",
            tool_images=True,
            video_urls=True,
            audio_formats=None,
            files=None,
        ),
        base_url_env="VLLM_BASE_URL",
        key_required=False,
        responses="asked",
    ),
    host(
        "sglang",
        "ChatSGLang",
        "http://localhost:30000/v1",
        "SGLANG_API_KEY",
        takes(
            f"{_COMMON} {_SAMPLERS} chat_template_kwargs ebnf lora_path min_tokens regex separate_reasoning "
            "skip_special_tokens stream_reasoning"
        ),
        Dialect(
            thinking=thinking("reasoning_effort", _WORDS, off=_THINKS_NOT, on=_THINKS),
            reasoning_field="reasoning_content",
            tool_images=True,
            video_urls=True,
            audio_formats=(),
            files=None,
        ),
        base_url_env="SGLANG_BASE_URL",
        key_required=False,
    ),
    host(
        "llamacpp",
        "ChatLlamaCpp",
        "http://localhost:8080/v1",
        "LLAMA_API_KEY",
        takes(
            f"{_COMMON} cache_prompt chat_template_kwargs grammar id_slot ignore_eos min_p mirostat mirostat_eta "
            "mirostat_tau reasoning_format repeat_last_n repeat_penalty samplers top_k typical_p"
        ),
        Dialect(
            thinking=thinking("chat_template_kwargs.reasoning_effort", _WORDS, off=_THINKS_NOT, on=_THINKS),
            tool_choices=("auto", "none", "any"),  # it reads the choice of a certain tool as "auto"
            reasoning_field="reasoning_content",
            files=None,
        ),
        base_url_env="LLAMA_BASE_URL",
        key_required=False,
    ),
    host(
        "lmstudio",
        "ChatLMStudio",
        "http://localhost:1234/v1",
        "LM_API_TOKEN LM_STUDIO_API_KEY",
        takes(f"{_BASIC} frequency_penalty logit_bias min_p presence_penalty repeat_penalty top_k ttl"),
        Dialect(
            thinking=thinking("reasoning_effort", _WORDS, off={"reasoning_effort": "none"}),
            tool_choices=("auto", "none", "any"),
            strict_tools=False,
            audio_formats=(),
            files=None,
        ),
        base_url_env="LMSTUDIO_BASE_URL LM_STUDIO_API_BASE",
        key_required=False,
        responses="asked",
    ),
    host(
        "litellm",
        "ChatLiteLLM",
        "http://localhost:4000/v1",
        "LITELLM_API_KEY LITELLM_PROXY_API_KEY LITELLM_MASTER_KEY",
        takes(
            f"{_COMMON} allowed_openai_params audio drop_params fallbacks guardrails metadata modalities num_retries "
            "prediction prompt_cache_key safety_identifier service_tier store thinking top_k verbosity "
            "web_search_options"
        ),
        Dialect(
            thinking=thinking(
                "reasoning_effort",
                "minimal low medium high xhigh max",
                off={"reasoning_effort": "none"},
            ),
            reasoning_field="reasoning_content",
            cache_control=True,
            tool_images=True,
            video_urls=True,
            file_urls=True,
            stores=("gs://", "s3://"),
            audio_formats=None,
        ),
        base_url_env="LITELLM_BASE_URL LITELLM_PROXY_API_BASE",
        key_required=False,
        responses="asked",
    ),
)

#: The adapters by the names of their providers.
HOSTS: Mapping[str, Adapter] = {row.provider: row for row in _ROWS}

__all__ = ["HOSTS"]
