"""What must hold for every route of any service holds for the example's."""

from pathlib import Path

from tests.fixtures.clerk import Issuer
from tests.integration.test_every_route import check, running


async def test_every_route_of_the_example_is_closed_answers_preflight_and_is_named_by_its_template(
    served_functions: Path, issuer: Issuer, foreign_issuer: Issuer
) -> None:
    async with running(served_functions, issuer) as service:
        assert len(service.private()) > 8
        await check(service, issuer, foreign_issuer)
