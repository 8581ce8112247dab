import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import * as calendar from "../market/calendar";
import { decodeCursor, encodeCursor } from "../cursor";
import { roundDecimal, roundRatio } from "../rounding";
import { regime } from "../market/thresholds";

interface Vector {
  name: string;
  call: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a vector's input is whatever its call takes
  input: any;
  expected?: unknown;
  refused?: true;
}

function holidays(year: number): Record<string, string> {
  const found: Record<string, string> = {};
  for (let at = Date.UTC(year, 0, 1); at < Date.UTC(year + 1, 0, 1); at += 86_400_000) {
    const day = new Date(at).toISOString().slice(0, 10);
    const name = calendar.holiday(day);
    if (name !== null) found[day] = name;
  }
  return found;
}

const CALLS: Record<string, Record<string, (input: Vector["input"]) => unknown>> = {
  calendar: {
    holidays: ({ year }) => holidays(year),
    holiday: ({ day }) => calendar.holiday(day),
    isTradingDay: ({ day }) => calendar.isTradingDay(day),
    session: ({ day }) => calendar.session(day),
    nextTradingDay: ({ day }) => calendar.nextTradingDay(day),
    previousTradingDay: ({ day }) => calendar.previousTradingDay(day),
    window: ({ end, days }) => calendar.tradingWindow(end, days),
  },
  rounding: {
    roundRatio: ({ numerator, denominator, places }) => roundRatio(numerator, denominator, places),
    roundDecimal: ({ value, places }) => roundDecimal(value, places),
  },
  cursor: {
    encode: ({ position }) => encodeCursor(position),
    decode: ({ cursor, parts }) => decodeCursor(cursor, parts),
  },
  thresholds: { regime: ({ reading, thresholds, previous }) => regime(reading, thresholds, previous) },
};

const folder = process.env["VECTORS"] ?? "";
const files = readdirSync(folder).filter((name) => name !== "schema.json");
assert.deepEqual(files.map((name) => name.replace(".json", "")).sort(), Object.keys(CALLS).sort());

for (const file of files) {
  const subject = file.replace(".json", "");
  const { cases } = JSON.parse(readFileSync(join(folder, file), "utf8")) as { cases: Vector[] };
  describe(subject, () => {
    for (const vector of cases) {
      test(vector.name, () => {
        const call = CALLS[subject]?.[vector.call];
        assert.ok(call, `no call named ${vector.call}`);
        if (vector.refused) assert.throws(() => call(vector.input), RangeError);
        else assert.deepEqual(call(vector.input), vector.expected);
      });
    }
  });
}

test("half a surrogate pair cannot be put into a cursor", () => {
  assert.throws(() => encodeCursor(["\ud800"]), RangeError);
});
