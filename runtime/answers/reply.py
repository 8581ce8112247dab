"""A value with a status, headers or cookies of its own."""

from collections.abc import Mapping, Sequence

from runtime.answers.answer import Answer, fields_of
from runtime.answers.cookies import SetCookie


class Reply[T](Answer):
    """Returned by a function annotated `-> Reply[T]`, in place of a `T`.

    Attributes:
        value: what is sent, as for `-> T`.
        status: None for the config's.
        fields: header fields; those that belong to the service stay the service's.
    """

    __slots__ = ("fields", "status", "value")

    def __init__(
        self,
        value: T = None,  # type: ignore[assignment]  # `Reply(status=202)` is a Reply[None]
        *,
        status: int | None = None,
        headers: Mapping[str, str] = {},
        cookies: Sequence[SetCookie] = (),
    ) -> None:
        """Put a head around `value`.

        Args:
            value: of the type that the annotation names.
            status: from 200 to 299; a refusal is raised, `Redirect` is returned.
            headers: hold in place of the defaults of the same name.
            cookies: set by the browser; the answer is then in no shared cache.

        Raises:
            ValueError: one of them cannot be sent.
        """
        if status is not None and (not 200 <= status <= 299 or status == 206):
            msg = f"A Reply has no status {status}: raise an error such as NotFound, or return a Redirect."
            raise ValueError(msg)
        self.value = value
        self.status = status
        self.fields = fields_of(headers, cookies)
