"""The providers pydantic-ai knows: what each is called, which variable holds its key, and a model to start with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider, as ``--model {id}:{name}`` and the "Connect a model" dialog know it.

    ``key_variables`` are alternatives, the one to recommend first; ``needs`` must all be set besides.
    ``module`` is what its client is imported as, ``extra`` the extra of pydantic-ai-slim that brings it.
    ``default_model`` is the model taken when none is named; without one, a name must be given.
    """

    id: str
    label: str
    key_variables: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    module: str = "openai"
    extra: str = "openai"
    default_model: str = ""
    key_page: str = ""

    def key_in(self, environ: Mapping[str, str]) -> tuple[str, str] | None:
        """The first of its key variables that is set, and the key; None when none is."""
        found = ((variable, environ.get(variable, "").strip()) for variable in self.key_variables)
        return next(((variable, key) for variable, key in found if key), None)


PROVIDERS: tuple[Provider, ...] = (
    Provider(
        "anthropic",
        "Anthropic",
        ("ANTHROPIC_API_KEY",),
        module="anthropic",
        extra="anthropic",
        default_model="claude-sonnet-5-5",
        key_page="https://platform.claude.com/settings/keys",
    ),
    Provider(
        "openai",
        "OpenAI",
        ("OPENAI_API_KEY",),
        default_model="gpt-6.1-sol",
        key_page="https://platform.openai.com/api-keys",
    ),
    Provider(
        "google",
        "Google",
        ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        module="google.genai",
        extra="google",
        default_model="gemini-4-argon",
        key_page="https://aistudio.google.com/apikey",
    ),
    Provider("ollama", "Ollama"),
    Provider("openai-chat", "OpenAI Chat Completions", ("OPENAI_API_KEY",)),
    Provider("openai-responses", "OpenAI Responses", ("OPENAI_API_KEY",)),
    Provider("openai-codex", "OpenAI Codex"),
    Provider("alibaba", "Alibaba", ("ALIBABA_API_KEY", "DASHSCOPE_API_KEY")),
    Provider(
        "azure",
        "Azure",
        ("AZURE_OPENAI_API_KEY",),
        needs=("AZURE_OPENAI_ENDPOINT",),
    ),
    Provider(
        "azure-responses",
        "Azure Responses",
        ("AZURE_OPENAI_API_KEY",),
        needs=("AZURE_OPENAI_ENDPOINT",),
    ),
    Provider("bedrock", "Amazon Bedrock", module="boto3", extra="bedrock"),
    Provider("bedrock-mantle", "Amazon Bedrock Mantle"),
    Provider("cerebras", "Cerebras", ("CEREBRAS_API_KEY",)),
    Provider("cohere", "Cohere", ("CO_API_KEY",), module="cohere", extra="cohere"),
    Provider("crusoe", "Crusoe", ("CRUSOE_API_KEY",)),
    Provider("deepseek", "DeepSeek", ("DEEPSEEK_API_KEY",)),
    Provider("fireworks", "Fireworks", ("FIREWORKS_API_KEY",)),
    Provider(
        "github-copilot",
        "GitHub Copilot",
        ("GITHUB_COPILOT_API_KEY", "GITHUB_COPILOT_API_TOKEN", "COPILOT_GITHUB_TOKEN"),
    ),
    Provider("google-cloud", "Google Cloud", module="google.genai", extra="google"),
    Provider("groq", "Groq", ("GROQ_API_KEY",), module="groq", extra="groq"),
    Provider("heroku", "Heroku", ("HEROKU_INFERENCE_KEY",)),
    Provider(
        "huggingface",
        "Hugging Face",
        ("HF_TOKEN",),
        module="huggingface_hub",
        extra="huggingface",
    ),
    Provider("litellm", "LiteLLM"),
    Provider("meta", "Meta", ("META_API_KEY",)),
    Provider("mistral", "Mistral", ("MISTRAL_API_KEY",), module="mistralai", extra="mistral"),
    Provider("moonshotai", "Moonshot AI", ("MOONSHOTAI_API_KEY",)),
    Provider("nebius", "Nebius", ("NEBIUS_API_KEY",)),
    Provider("openrouter", "OpenRouter", ("OPENROUTER_API_KEY",)),
    Provider("ovhcloud", "OVHcloud", ("OVHCLOUD_API_KEY",)),
    Provider("sambanova", "SambaNova", ("SAMBANOVA_API_KEY",)),
    Provider("snowflake", "Snowflake", ("SNOWFLAKE_TOKEN",), needs=("SNOWFLAKE_ACCOUNT",)),
    Provider("together", "Together", ("TOGETHER_API_KEY",)),
    Provider("vercel", "Vercel", ("VERCEL_AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN")),
    Provider("vllm", "vLLM", needs=("VLLM_BASE_URL",)),
    Provider("xai", "xAI", ("XAI_API_KEY",), module="xai_sdk", extra="xai"),
    Provider("zai", "Z.ai", ("ZAI_API_KEY",)),
)
"""Every provider of pydantic-ai that a name alone opens and whose models chat and call tools."""

SUGGESTED: tuple[Provider, ...] = tuple(
    provider for provider in PROVIDERS if provider.default_model
)
"""The ones looked for when nothing is said, in this order, and offered by the dialog."""

GATEWAY_KEYS = ("PYDANTIC_AI_GATEWAY_API_KEY", "PAIG_API_KEY")
"""``gateway/{provider}`` reaches a provider through the Pydantic AI gateway, with a key of its own."""


def provider_of(provider: str) -> Provider | None:
    """The provider with this id, None when there is none.

    ``gateway/{id}`` is that provider reached through the gateway.
    """
    plain = provider.removeprefix("gateway/")
    found = next((row for row in PROVIDERS if row.id == plain), None)
    if found is None or plain == provider:
        return found
    return Provider(
        provider, f"{found.label} by gateway", GATEWAY_KEYS, (), found.module, found.extra
    )
