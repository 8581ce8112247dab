"""The model clients of the process: one for the provider, or recorded replies where there is none."""

from shared.agents.autogen.models.completions import Completions
from shared.agents.autogen.models.model_client import ModelClient
from shared.agents.autogen.models.replay import Recording, ReplayedModel, recorded_replies
from shared.agents.settings import ModelSettings
from shared.agents.team import BuiltTeam, Team
from shared.errors import AgentsUnavailable


class ModelClients:
    """Gives a run its client."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._provider: ModelClient | None = None

    def client(self, team: Team | BuiltTeam) -> ModelClient:
        """Return the provider's client, the same for all, or the team's own recorded replies.

        Raises:
            AgentsUnavailable: no provider is configured and nothing may be, or is, replayed.
        """
        if self._settings.api_key is not None:
            return self._open(self._settings.api_key.reveal())
        if not self._settings.may_replay:
            raise AgentsUnavailable("No model is configured: set OPENAI_API_KEY.", retry_after=None)
        if team.replay is None:
            raise AgentsUnavailable(
                f"No model is configured and `{team.name}` has no recorded replies: set OPENAI_API_KEY.",
                retry_after=None,
            )
        return ReplayedModel(Recording(recorded_replies(team.replay), self._settings.replay_pace))

    async def close(self) -> None:
        """Close the provider's connections."""
        if self._provider is not None:
            await self._provider.close()

    def _open(self, key: str) -> ModelClient:
        if self._provider is None:
            self._provider = Completions(self._settings, key)
        return self._provider
