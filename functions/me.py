"""Who the session token says you are."""

from msgspec import Struct

from runtime import User


class Me(Struct, rename="camel"):
    """The caller, as the verified token describes them."""

    user_id: str
    session_id: str | None
    organization_id: str | None
    role: str | None
    permissions: list[str]


async def get(user: User) -> Me:
    """Return the caller's ids, role and permissions."""
    organization = user.organization
    return Me(
        user_id=user.user_id,
        session_id=user.session_id,
        organization_id=organization.id if organization else None,
        role=organization.role if organization else None,
        permissions=sorted(organization.permissions) if organization else [],
    )
