"""A class for each provider, as the field knows them: :class:`~tidewire.ChatModel` with its provider named."""

from __future__ import annotations

from typing import Any

from tidewire.adapters.secrets import seal_keywords
from tidewire.chat_models import ChatModel
from tidewire.construct import model_and_rest
from tidewire.events.errors import ConfigurationError


class AzureChatOpenAI(ChatModel):
    """OpenAI's models on Azure. ``azure_endpoint`` or ``AZURE_OPENAI_ENDPOINT``; key: ``AZURE_OPENAI_API_KEY``.

    Args:
        model: The model's name; without it, that of ``azure_deployment``.
        parameters: What can be set; see :func:`~tidewire.init_chat_model`.
    """

    provider = "azure_openai"
    __slots__ = ()

    def __init__(self, model: str | None = None, **parameters: Any) -> None:
        seal_keywords(parameters)
        name, parameters = model_and_rest(model, parameters)
        name = name or parameters.get("azure_deployment") or parameters.get("deployment_name")
        if not name:
            raise ConfigurationError("AzureChatOpenAI needs model=… or azure_deployment=…")
        super().__init__(name, **parameters)


class ChatAlibaba(ChatModel):
    """Alibaba Cloud's Model Studio, with Qwen's models. Key: ``api_key`` or ``DASHSCOPE_API_KEY``."""

    provider = "alibaba"
    __slots__ = ()


class ChatAnthropic(ChatModel):
    """Anthropic's Claude models. Key: ``api_key`` or ``ANTHROPIC_API_KEY``."""

    provider = "anthropic"
    __slots__ = ()


class ChatBedrock(ChatModel):
    """Models on AWS Bedrock, under the name of the older class. See :class:`ChatBedrockConverse`."""

    provider = "bedrock"
    __slots__ = ()


class ChatBedrockConverse(ChatModel):
    """Models on AWS Bedrock. ``region_name``, and AWS's credentials or ``AWS_BEARER_TOKEN_BEDROCK``."""

    provider = "bedrock_converse"
    __slots__ = ()


class ChatCerebras(ChatModel):
    """Models on Cerebras. Key: ``api_key`` or ``CEREBRAS_API_KEY``."""

    provider = "cerebras"
    __slots__ = ()


class ChatCohere(ChatModel):
    """Cohere's models, by its Compatibility API. Key: ``api_key`` or ``CO_API_KEY``."""

    provider = "cohere"
    __slots__ = ()


class ChatDeepSeek(ChatModel):
    """DeepSeek's models. Key: ``api_key`` or ``DEEPSEEK_API_KEY``."""

    provider = "deepseek"
    __slots__ = ()


class ChatFireworks(ChatModel):
    """Models on Fireworks. Key: ``api_key`` or ``FIREWORKS_API_KEY``."""

    provider = "fireworks"
    __slots__ = ()


class ChatGoogleGenerativeAI(ChatModel):
    """Google's Gemini models, by the Gemini API. Key: ``api_key`` or ``GOOGLE_API_KEY``."""

    provider = "google_genai"
    __slots__ = ()


class ChatGroq(ChatModel):
    """Models on Groq. Key: ``api_key`` or ``GROQ_API_KEY``."""

    provider = "groq"
    __slots__ = ()


class ChatHuggingFace(ChatModel):
    """Models on HuggingFace, through its router or an endpoint of one's own. Key: ``api_key`` or ``HF_TOKEN``.

    Args:
        model: The model's name, such as ``org/name`` or ``org/name:provider``.
        llm: In place of the name, where the model is and with what parameters.
        parameters: What can be set; see :func:`~tidewire.init_chat_model`. They count more than those of ``llm``.
    """

    provider = "huggingface"
    __slots__ = ()

    def __init__(self, model: str | None = None, *, llm: HuggingFaceEndpoint | None = None, **parameters: Any) -> None:
        seal_keywords(parameters)
        name, parameters = model_and_rest(model, parameters)
        if llm is not None:
            name = name or llm.model
            parameters = {**llm.parameters, **parameters}
        if not name:
            raise ConfigurationError("ChatHuggingFace needs model=… or llm=HuggingFaceEndpoint(…)")
        super().__init__(name, **parameters)


class ChatLMStudio(ChatModel):
    """Models that LM Studio serves. Address: ``base_url``, or ``http://localhost:1234/v1``."""

    provider = "lmstudio"
    __slots__ = ()


class ChatLiteLLM(ChatModel):
    """Models behind a LiteLLM proxy. Address: ``base_url`` or ``LITELLM_BASE_URL``; key: ``LITELLM_API_KEY``."""

    provider = "litellm"
    __slots__ = ()


class ChatLlamaCpp(ChatModel):
    """A model that llama.cpp's server serves. Address: ``base_url``, or ``http://localhost:8080/v1``."""

    provider = "llamacpp"
    __slots__ = ()


class ChatMistralAI(ChatModel):
    """Mistral's models. Key: ``api_key`` or ``MISTRAL_API_KEY``."""

    provider = "mistralai"
    __slots__ = ()


class ChatMoonshot(ChatModel):
    """Moonshot's Kimi models. Key: ``api_key`` or ``MOONSHOT_API_KEY``."""

    provider = "moonshot"
    __slots__ = ()


class ChatNVIDIA(ChatModel):
    """Models on NVIDIA's API, or in a NIM (``base_url``). Key: ``api_key`` or ``NVIDIA_API_KEY``."""

    provider = "nvidia"
    __slots__ = ()


class ChatOllama(ChatModel):
    """Models that Ollama serves, by its own API. Address: ``base_url`` or ``OLLAMA_HOST``."""

    provider = "ollama"
    __slots__ = ()


class ChatOpenAI(ChatModel):
    """OpenAI's chat models, or any that speak its format (``base_url``). Key: ``api_key`` or ``OPENAI_API_KEY``."""

    provider = "openai"
    __slots__ = ()


class ChatOpenRouter(ChatModel):
    """Models of many providers, through OpenRouter. Key: ``api_key`` or ``OPENROUTER_API_KEY``."""

    provider = "openrouter"
    __slots__ = ()


class ChatPerplexity(ChatModel):
    """Perplexity's Sonar models, which search the web. Key: ``api_key`` or ``PERPLEXITY_API_KEY``."""

    provider = "perplexity"
    __slots__ = ()


class ChatSGLang(ChatModel):
    """A model that SGLang serves. Address: ``base_url``, or ``http://localhost:30000/v1``."""

    provider = "sglang"
    __slots__ = ()


class ChatSnowflake(ChatModel):
    """Models on Snowflake Cortex. ``account`` or ``SNOWFLAKE_ACCOUNT``; key: ``SNOWFLAKE_TOKEN``."""

    provider = "snowflake"
    __slots__ = ()


class ChatTogether(ChatModel):
    """Models on Together. Key: ``api_key`` or ``TOGETHER_API_KEY``."""

    provider = "together"
    __slots__ = ()


class ChatVLLM(ChatModel):
    """A model that vLLM serves. Address: ``base_url``, or ``http://localhost:8000/v1``."""

    provider = "vllm"
    __slots__ = ()


class ChatVertexAI(ChatModel):
    """Google's Gemini models, by Vertex AI. ``project``, ``location`` and Google's credentials."""

    provider = "google_vertexai"
    __slots__ = ()


class ChatXAI(ChatModel):
    """xAI's Grok models. Key: ``api_key`` or ``XAI_API_KEY``."""

    provider = "xai"
    __slots__ = ()


class ChatZAI(ChatModel):
    """Z.ai's GLM models. Key: ``api_key`` or ``ZAI_API_KEY``."""

    provider = "zai"
    __slots__ = ()


class HuggingFaceEndpoint:
    """Where a model of HuggingFace is, and its parameters: what :class:`ChatHuggingFace` is made from.

    Args:
        repo_id: The model's name.
        endpoint_url: A server that is asked in place of HuggingFace's router.
        parameters: ``temperature``, ``max_new_tokens``, ``provider``, ``task`` and others of the chat model's.
    """

    __slots__ = ("model", "parameters")

    def __init__(self, repo_id: str | None = None, *, endpoint_url: str | None = None, **parameters: Any) -> None:
        seal_keywords(parameters)
        #: The model's name. A server for one model does not ask for it.
        self.model: str | None = repo_id or parameters.pop("model", None) or (endpoint_url and "tgi")
        #: The keywords of the chat model.
        self.parameters: dict[str, Any] = parameters
        if endpoint_url is not None:
            self.parameters["endpoint_url"] = endpoint_url

    def __repr__(self) -> str:
        return f"HuggingFaceEndpoint({self.model})"


__all__ = [
    "AzureChatOpenAI",
    "ChatAlibaba",
    "ChatAnthropic",
    "ChatBedrock",
    "ChatBedrockConverse",
    "ChatCerebras",
    "ChatCohere",
    "ChatDeepSeek",
    "ChatFireworks",
    "ChatGoogleGenerativeAI",
    "ChatGroq",
    "ChatHuggingFace",
    "ChatLMStudio",
    "ChatLiteLLM",
    "ChatLlamaCpp",
    "ChatMistralAI",
    "ChatMoonshot",
    "ChatNVIDIA",
    "ChatOllama",
    "ChatOpenAI",
    "ChatOpenRouter",
    "ChatPerplexity",
    "ChatSGLang",
    "ChatSnowflake",
    "ChatTogether",
    "ChatVLLM",
    "ChatVertexAI",
    "ChatXAI",
    "ChatZAI",
    "HuggingFaceEndpoint",
]
