"""The model clients of the process: one for each model in use, or recorded replies where there is none."""

from shared.agents.autogen.models.completions import Completions
from shared.agents.autogen.models.model_client import ModelClient
from shared.agents.autogen.models.replay import Recording, ReplayedModel, recorded_replies
from shared.agents.autogen.models.shipped import shipped
from shared.agents.settings import KEY_VARIABLES, ModelSettings, NamedModel
from shared.agents.team import BuiltTeam, Team
from shared.errors import AgentsUnavailable


class ModelClients:
    """Gives a run its clients."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._open: dict[NamedModel, ModelClient] = {}

    def client(self, team: Team | BuiltTeam, name: str | None = None) -> ModelClient:
        """Return the client of a model, the same for all runs, or the team's own recorded replies.

        Args:
            team: whose replies are played where no model is configured.
            name: as `ANNEX_MODELS` has it; `ANNEX_MODEL` by default.

        Raises:
            AgentsUnavailable: there is no such model, or no key for it and nothing may be, or is, replayed.
        """
        named = self._named(name)
        key, variable = self._settings.key(named.provider), KEY_VARIABLES[named.provider]
        if key is not None:
            return self._opened(named, key.reveal())
        if not self._settings.may_replay:
            raise AgentsUnavailable(f"No model is configured: set {variable}.", retry_after=None)
        if team.replay is None:
            raise AgentsUnavailable(
                f"No model is configured and `{team.name}` has no recorded replies: set {variable}.",
                retry_after=None,
            )
        return ReplayedModel(Recording(recorded_replies(team.replay), self._settings.replay_pace))

    async def close(self) -> None:
        """Close the connections."""
        for client in self._open.values():
            await client.close()

    def _named(self, name: str | None) -> NamedModel:
        models = self._settings.models
        if name is None:
            default = self._settings.model
            return models.get(default) or NamedModel("openai", default)
        if name not in models:
            detail = f"There is no model {name!r}; ANNEX_MODELS has {', '.join(models) or 'none'}."
            raise AgentsUnavailable(detail, retry_after=None)
        return models[name]

    def _opened(self, named: NamedModel, key: str) -> ModelClient:
        if named not in self._open:
            is_ours = named.provider == "openai"
            made = (
                Completions(self._settings, named.model, key)
                if is_ours
                else shipped(named, self._settings, key)
            )
            self._open[named] = made
        return self._open[named]
