"""An embedded PostgreSQL, created from the service's own SQL files."""

from runtime.dev.postgres.account import EmbeddedPostgresError
from runtime.dev.postgres.binaries import binaries
from runtime.dev.postgres.data import FolderInUseError
from runtime.dev.postgres.server import EmbeddedPostgres, embedded

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "FolderInUseError", "binaries", "embedded"]
