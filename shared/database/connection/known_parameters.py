"""Every parameter that may follow the `?` of a database URL; unknown ones are ignored with a notice."""

from shared.database.connection import readers
from shared.database.connection.parameters import Parameters


def read_all(parameters: Parameters, pairs: list[tuple[str, str]]) -> None:
    """Read the name-value pairs of a query string into `parameters`.

    Raises:
        InvalidDatabaseUrl: a value is not allowed, or the parameter is not supported.
    """
    # Where the query contains a password, a fragment of it could be taken for a name.
    is_secret = any("password" in name for name, _ in pairs)
    for name, value in pairs:
        if name in _READERS:
            _READERS[name](parameters, name, value)
        elif name in _SETTINGS or "." in name:
            parameters.settings[name] = value
        elif name in _IGNORED:
            parameters.note(f"{name} is ignored: {_IGNORED[name]}")
        else:
            shown = "a parameter" if is_secret else name
            parameters.note(f"{shown} is ignored: it is not a parameter of Annex or PostgreSQL")


_READERS: dict[str, readers.ParameterReader] = {
    "host": readers.hosts_reader,
    "port": readers.hosts_reader,
    "dbname": readers.text("database"),
    "database": readers.text("database"),
    "user": readers.text("user"),
    "password": readers.password,
    "schema": readers.text("schema"),
    "connection_limit": readers.count,
    "pool_timeout": readers.seconds("acquire_timeout"),
    "connect_timeout": readers.seconds("connect_timeout"),
    "socket_timeout": readers.seconds("query_timeout"),
    "pgbouncer": readers.pooler,
    "statement_cache_size": readers.statement_cache,
    "sslmode": readers.sslmode,
    "ssl": readers.ssl,
    "sslaccept": readers.sslaccept,
    "sslcert": readers.tls_option("certificate"),
    "sslkey": readers.tls_option("key"),
    "sslrootcert": readers.tls_option("root"),
    "sslpassword": readers.tls_option("key_password"),
    "ssl_min_protocol_version": readers.tls_option("minimum", "TLSv1.2", "TLSv1.3"),
    "sslnegotiation": readers.tls_option("negotiation", "postgres", "direct"),
    "sslidentity": readers.refuse("convert the PKCS#12 file to PEM files and set sslcert and sslkey"),
    "passfile": readers.refuse("put the password into the URL"),
    "service": readers.refuse("write its values into the URL"),
    "channel_binding": readers.channel_binding,
    "options": readers.options,
    "target_session_attrs": readers.session_attributes,
    "uselibpqcompat": readers.nothing,
    "client_encoding": readers.nothing,
    "sslsni": readers.nothing,
}
_SETTINGS = frozenset(
    {
        "application_name",
        "client_min_messages",
        "default_transaction_deferrable",
        "default_transaction_isolation",
        "default_transaction_read_only",
        "idle_in_transaction_session_timeout",
        "idle_session_timeout",
        "jit",
        "lock_timeout",
        "plan_cache_mode",
        "role",
        "row_security",
        "search_path",
        "statement_timeout",
        "tcp_keepalives_count",
        "tcp_keepalives_idle",
        "tcp_keepalives_interval",
        "tcp_user_timeout",
        "timezone",
        "TimeZone",
        "transaction_timeout",
        "work_mem",
    }
)
_IGNORED = {
    "fallback_application_name": "the application name is annex unless application_name is set",
    "gssencmode": "GSSAPI is not supported",
    "keepalives": "keepalives are set on the server's side",
    "keepalives_idle": "use tcp_keepalives_idle instead",
    "load_balance_hosts": "hosts are tried in order",
    "max_connection_lifetime": "connections are replaced when they break or become idle",
    "max_idle_connection_lifetime": "idle connections are closed after 60 s",
    "single_use_connections": "connections are always pooled",
    "sslcrl": "revocation lists are not supported",
    "ssl_max_protocol_version": "the newest version that both sides support is used",
    "supa": "it has a meaning only for Supabase",
    "workaround": "it has a meaning only for Supabase",
}
