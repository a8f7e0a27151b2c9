"""The model that answers: choosing one, connecting one, and what to say when it fails.

Importing this imports neither pydantic-ai nor a provider's client; opening a model does.
"""

from chatkernel.models.choice import ModelChoice
from chatkernel.models.connect import Models
from chatkernel.models.defaults import PROVIDERS, SUGGESTED, Provider
from chatkernel.models.discovery import Discovery, find_model
from chatkernel.models.errors import ModelRefused, UnknownModel, describe
from chatkernel.models.finding import Finding
from chatkernel.models.patience import request_settings

__all__ = [
    "PROVIDERS",
    "SUGGESTED",
    "Discovery",
    "Finding",
    "ModelChoice",
    "ModelRefused",
    "Models",
    "Provider",
    "UnknownModel",
    "describe",
    "find_model",
    "request_settings",
]
