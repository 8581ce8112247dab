"""Fixtures live in `tests/fixtures/`, a file a room; here they are only listed."""

pytest_plugins: list[str] = [
    "tests.fixtures.agents",
    "tests.fixtures.clerk",
    "tests.fixtures.gate",
    "tests.fixtures.postgres",
]
