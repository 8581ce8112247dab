"""The account that an embedded server runs under, and what that account may reach."""

import os
import pwd
from pathlib import Path


class EmbeddedPostgresError(Exception):
    """The embedded server cannot run; the message names the cure."""


def unprivileged() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root, so root starts it as the least privileged user."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def can_enter(folder: Path, user: pwd.struct_passwd) -> bool:
    """Whether the permissions for others let `user` reach `folder`."""
    return all(
        path.stat().st_mode & 0o001 or path.stat().st_uid == user.pw_uid for path in (folder, *folder.parents)
    )


def must_be_ours(path: Path, user: pwd.struct_passwd) -> None:
    """In a world-writable folder another user could have created this name first."""
    if path.is_symlink() or (path.exists() and path.stat().st_uid not in {os.geteuid(), user.pw_uid}):
        raise EmbeddedPostgresError(f"{path} belongs to another user; remove it")
