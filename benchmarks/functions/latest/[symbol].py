"""The newest sample of one sensor."""

from benchmarks.samples import LATEST, Sample
from runtime import Database, NotFound


async def get(symbol: str, db: Database) -> Sample:
    """Return it."""
    sample = await db.fetch_one(Sample, LATEST, symbol)
    if sample is None:
        raise NotFound("sample", symbol)
    return sample
