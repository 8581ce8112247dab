"""What went wrong at the model provider, as an error for the caller that quotes nothing of it."""

from autogen_core.models import CreateResult
from pydantic import ValidationError

from shared.agents.autogen.models.model_client import JsonOutput
from shared.errors import ModelUnavailable

FILTERED = {"content_filter", "content_policy_violation"}
"""Codes by which a provider says that its filter took the question."""

_FINAL_CODES = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "account_deactivated",
}
"""Codes that only the owner of the account can change, whatever status they come with."""


def refuse_misfit(result: CreateResult, json_output: JsonOutput) -> None:
    """Raise `ModelUnavailable` where an answer is not of the type that was asked for."""
    if isinstance(json_output, type) and isinstance(result.content, str):
        try:
            json_output.model_validate_json(result.content)
        except ValidationError:  # here, before AutoGen quotes the answer in its own error
            raise _malformed() from None


def _malformed() -> ModelUnavailable:
    return ModelUnavailable("The model's answer does not match the requested type.")


def translated(error: Exception, status: int | None) -> ModelUnavailable:
    """Return what the caller learns of an error that the provider's client raised with this status."""
    if isinstance(error, ModelUnavailable):
        return error
    if {getattr(error, "code", None), getattr(error, "type", None)} & _FINAL_CODES:
        return ModelUnavailable("The account at the model provider has no credit left.", retry_after=None)
    if status is None or status in {408, 409, 429} or status >= 500:
        return ModelUnavailable("The model provider does not respond; try again.", retry_after=5)
    return ModelUnavailable("The model provider refused the request.", retry_after=None)
