-- Eight weeks of readings, the same on every machine: each instrument's level is a random walk whose dice are hashes.
WITH walks ("symbol", "name", "kind", "level", "volatility", "direction") AS (
    VALUES
        ('SPY', 'S&P 500', 'INDEX', 652.4::float8, 0.008::float8, 1),
        ('QQQ', 'Nasdaq 100', 'INDEX', 588.1, 0.011, 1),
        ('IWM', 'Russell 2000', 'INDEX', 241.7, 0.012, 1),
        ('HYG-LQD', 'High yield against investment grade credit', 'RATIO', 0.7281, 0.0025, 1),
        ('XLY-XLP', 'Consumer discretionary against staples', 'RATIO', 2.914, 0.007, 1),
        ('SPHB-SPLV', 'High beta against low volatility', 'RATIO', 1.482, 0.01, 1),
        ('COPPER-GOLD', 'Copper against gold', 'RATIO', 0.001271, 0.012, 1),
        ('EEM-SPY', 'Emerging markets against the US', 'RATIO', 0.0803, 0.006, 1),
        ('VIX', 'Implied volatility of the S&P 500', 'VOLATILITY', 16.4, 0.05, -1),
        ('VIX-VIX3M', 'Volatility term structure', 'VOLATILITY', 0.887, 0.02, -1),
        ('US10Y-US3M', 'Ten years against three months, percent', 'RATE', 0.62, 0.03, 1),
        ('DXY', 'US dollar index', 'CURRENCY', 98.3, 0.004, -1)
), instruments AS (
    INSERT INTO "Instrument" ("id", "symbol", "name", "kind")
    SELECT md5("symbol")::uuid, "symbol", "name", "kind"::"InstrumentKind" FROM walks
), days AS (
    SELECT "day", row_number() OVER (ORDER BY "day") AS "number"
    FROM generate_series('2026-08-31T20:00Z'::timestamptz, '2026-10-23T20:00Z', '24 hours') AS "day"
    WHERE extract(isodow FROM "day" AT TIME ZONE 'UTC') < 6
), steps AS (
    -- The sum of three uniform numbers is close to a normal one.
    SELECT "symbol", "day", "number", "direction", "level", 0.0004 * "direction" + "volatility" * (
        SELECT sum(('x' || substr(md5("symbol" || '/' || "number"), part, 8))::bit(32)::bigint / 2147483648.0 - 1)
        FROM generate_series(1, 17, 8) AS part
    )::float8 AS "step"
    FROM walks, days
), levels AS (
    SELECT "symbol", "day", "number", "direction",
        "level" * exp(sum("step") OVER (PARTITION BY "symbol" ORDER BY "number")) AS "level"
    FROM steps
), measured AS (
    SELECT *, coalesce(nullif(stddev_pop("level") OVER twenty, 0), 1) AS "spread", avg("level") OVER twenty AS "mean",
        coalesce(lag("level", 5) OVER (PARTITION BY "symbol" ORDER BY "number"), first_value("level") OVER twenty) AS "before"
    FROM levels
    WINDOW twenty AS (PARTITION BY "symbol" ORDER BY "number" ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
), scored AS (
    SELECT *, ("level" - "mean") / "spread" * "direction" AS "score" FROM measured
)
INSERT INTO "Signal" ("id", "instrumentId", "regime", "value", "confidence", "factors", "observedAt", "createdAt")
SELECT
    md5("symbol" || "number")::uuid,
    md5("symbol")::uuid,
    (CASE WHEN "score" > 0.5 THEN 'RISK_ON' WHEN "score" < -0.5 THEN 'RISK_OFF' ELSE 'NEUTRAL' END)::"Regime",
    "level"::numeric(18, 6),
    round(least(0.99, 0.5 + abs("score") / 5)::numeric, 4),
    jsonb_build_object(
        'zscore', round("score"::numeric, 4),
        'momentum5d', round((("level" / "before" - 1) * "direction")::numeric, 6),
        'volatility20d', round(("spread" / "level")::numeric, 6)
    ),
    "day",
    "day" AT TIME ZONE 'UTC' + interval '4 minutes'
FROM scored;
