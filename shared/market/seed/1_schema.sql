-- The tables of the app that the example lives beside, as `prisma migrate` writes them.
CREATE TYPE "InstrumentKind" AS ENUM ('INDEX', 'RATIO', 'VOLATILITY', 'RATE', 'CURRENCY');
CREATE TYPE "Regime" AS ENUM ('RISK_ON', 'RISK_OFF', 'NEUTRAL');

CREATE TABLE "Instrument" (
    "id" UUID NOT NULL,
    "symbol" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "kind" "InstrumentKind" NOT NULL,
    CONSTRAINT "Instrument_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "Instrument_symbol_key" ON "Instrument"("symbol");

CREATE TABLE "Signal" (
    "id" UUID NOT NULL,
    "instrumentId" UUID NOT NULL,
    "regime" "Regime" NOT NULL,
    "value" DECIMAL(18,6) NOT NULL,
    "confidence" DOUBLE PRECISION NOT NULL,
    "factors" JSONB NOT NULL,
    "observedAt" TIMESTAMPTZ(3) NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "createdBy" TEXT,
    CONSTRAINT "Signal_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "Signal_instrumentId_observedAt_key" ON "Signal"("instrumentId", "observedAt");
CREATE INDEX "Signal_observedAt_id_idx" ON "Signal"("observedAt" DESC, "id" DESC);
ALTER TABLE "Signal" ADD CONSTRAINT "Signal_instrumentId_fkey"
    FOREIGN KEY ("instrumentId") REFERENCES "Instrument"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
