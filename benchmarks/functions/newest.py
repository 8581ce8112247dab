"""A hundred samples."""

from benchmarks.samples import NEWEST, NEWEST_100, Sample
from runtime import Database


async def get(db: Database) -> list[Sample]:
    """Return the newest."""
    return await db.fetch(Sample, NEWEST, *NEWEST_100)
