"""The parameters of one database URL, collected while it is read, and the target that they add up to."""

from typing import Any

from shared.database.connection.hosts import Host, is_pooled, is_private
from shared.database.connection.target import InvalidDatabaseUrl, Target, Tls
from shared.secret import Secret


class Parameters:
    """What was read of one URL; a later value replaces an earlier one, as in every dialect.

    Attributes:
        hosts: in the order in which they are tried.
        values: fields of `Target`.
        tls: TLS options by their names in libpq, ``accept`` for Prisma's ``sslaccept``.
        settings: server settings.
    """

    def __init__(self, *, hosts: tuple[Host, ...], user: str, password: Secret | None, database: str) -> None:
        self.hosts = hosts
        self.values: dict[str, Any] = {"user": user, "password": password, "database": database}
        self.tls: dict[str, str] = {}
        self.settings: dict[str, str] = {}
        self._notices: list[str] = []

    def note(self, notice: str) -> None:
        """Record that a parameter was ignored or weakened."""
        self._notices.append(notice)

    def target(self) -> Target:
        """Return the target.

        Raises:
            InvalidDatabaseUrl: the URL has no user.
        """
        hosts = self.hosts or (("localhost", 5432),)
        if not self.values["user"]:
            raise InvalidDatabaseUrl("it has no user; expected postgresql://user:password@host:port/database")
        self.values["database"] = self.values["database"] or self.values["user"]
        if "pooler" not in self.values and any(is_pooled(*host) for host in hosts):
            self.values["pooler"] = "transaction"
            self.note("the host is a transaction pooler: DATABASE_POOLER=transaction is assumed")
        if "mode" not in self.tls and not all(is_private(host) for host, _ in hosts):
            self.note("the host is public and sslmode is not set: add sslmode=require, or better verify-full")
        tls = self._tls()
        return Target(
            hosts=hosts, tls=tls, settings=self.settings, notices=tuple(self._notices), **self.values
        )

    def _tls(self) -> Tls:
        tls = self.tls
        mode = tls.get("mode", "prefer")
        root, certificate = tls.get("root"), tls.get("certificate")
        if certificate and not tls.get("key"):
            # Prisma's `sslcert` is the authority that verifies the server's certificate.
            root, certificate = root or certificate, None
        if tls.get("accept") == "strict" and mode != "disable":
            mode = "verify-full"
        elif mode == "require" and root and tls.get("accept") is None:
            mode = "verify-ca"  # as in libpq: with a root file, `require` verifies it
        if mode in {"require", "prefer"} and root:
            self.note("the certificate file is ignored, because the server's certificate is not verified")
        return Tls(
            mode=mode,  # type: ignore[arg-type]  # the readers accept only these values
            root=None if root == "system" or mode in {"require", "prefer", "disable"} else root,
            certificate=certificate,
            key=tls.get("key"),
            key_password=Secret(tls["key_password"]) if "key_password" in tls else None,
            minimum=tls.get("minimum"),
            direct=tls.get("negotiation") == "direct",
        )
