"""FastAPI as its documentation would have one build the same thing: Clerk's SDK, CORS, OpenTelemetry, asyncpg."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Annotated, Any

import asyncpg
from clerk_backend_api.security import AuthenticateRequestOptions, authenticate_request
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import StreamingResponse
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from pydantic import BaseModel, Field

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
AsyncPGInstrumentor().instrument()

OPTIONS = AuthenticateRequestOptions(jwt_key=os.environ["CLERK_JWT_KEY"])
SAMPLE = """
SELECT a."id", s."symbol", a."state", a."value", a."confidence", a."factors", a."observedAt"
FROM "Sample" a JOIN "Sensor" s ON s."id" = a."sensorId"
"""
pools: dict[str, asyncpg.Pool] = {}


def session(request: Request) -> dict[str, Any]:
    state = authenticate_request(request, OPTIONS)
    if not state.is_signed_in:
        raise HTTPException(401, str(state.reason))
    return state.payload


Session = Annotated[dict[str, Any], Depends(session)]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    if url := os.environ.get("DATABASE_URL"):
        pools["app"] = await asyncpg.create_pool(url, min_size=1, max_size=5)
    yield


class Item(BaseModel):
    id: int
    name: str = Field(min_length=1, max_length=50)


class Sample(BaseModel):
    id: str
    symbol: str
    state: str
    value: Decimal
    confidence: float
    factors: dict[str, float]
    observedAt: str


app = FastAPI(openapi_url=None, lifespan=lifespan)
app.add_middleware(
    CORSMiddleware, allow_origins=["https://app.example.com"], allow_methods=["*"], allow_headers=["*"]
)


def sample(row: asyncpg.Record) -> Sample:
    return Sample(
        id=str(row["id"]),
        symbol=row["symbol"],
        state=row["state"],
        value=row["value"],
        confidence=row["confidence"],
        factors=json.loads(row["factors"]),
        observedAt=row["observedAt"].isoformat(),
    )


@app.get("/items/{item_id}")
async def item(item_id: int, _: Session) -> Item:
    return Item(id=item_id, name="SPY")


@app.post("/items")
async def create(data: Item, _: Session) -> Item:
    return data


@app.get("/latest/{symbol}")
async def latest(symbol: str, _: Session) -> Sample:
    sql = SAMPLE + 'WHERE s."symbol" = $1 ORDER BY a."observedAt" DESC LIMIT 1'
    row = await pools["app"].fetchrow(sql, symbol)
    if row is None:
        raise HTTPException(404)
    return sample(row)


@app.get("/newest")
async def newest(_: Session) -> list[Sample]:
    rows = await pools["app"].fetch(SAMPLE + 'ORDER BY a."observedAt" DESC LIMIT 100')
    return [sample(row) for row in rows]


@app.get("/ticks")
async def ticks(_: Session) -> StreamingResponse:
    async def events() -> AsyncIterator[str]:
        for number in range(100):
            yield f'event: tick\ndata: {{"number":{number}}}\n\n'

    return StreamingResponse(events(), media_type="text/event-stream")


FastAPIInstrumentor.instrument_app(app)
