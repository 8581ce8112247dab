"""Makes an SSL context from TLS options; separate from the URL's translation because it reads files."""

import ssl
from typing import Literal

from shared.database.connection.target import Tls


def context(tls: Tls) -> ssl.SSLContext | Literal["prefer"] | bool:
    """Return the value for asyncpg's ``ssl``.

    Raises:
        OSError: a certificate file cannot be read.
    """
    if tls.mode == "disable":
        return False
    if tls.mode == "prefer":
        return "prefer"
    made = ssl.create_default_context(cafile=tls.root)
    made.check_hostname = tls.mode == "verify-full"
    if tls.mode == "require":
        made.verify_mode = ssl.CERT_NONE
    if tls.minimum:
        made.minimum_version = ssl.TLSVersion[tls.minimum.replace(".", "_")]
    if tls.certificate:
        made.load_cert_chain(tls.certificate, tls.key, tls.key_password.reveal() if tls.key_password else "")
    if tls.direct:
        made.set_alpn_protocols(["postgresql"])
    return made
