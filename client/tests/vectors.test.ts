import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeCursor, encodeCursor } from "../cursor";
import { roundDecimal, roundRatio } from "../rounding";
import { run } from "./vectors";

run({
  rounding: {
    roundRatio: ({ numerator, denominator, places }) => roundRatio(numerator, denominator, places),
    roundDecimal: ({ value, places }) => roundDecimal(value, places),
  },
  cursor: {
    encode: ({ position }) => encodeCursor(position),
    decode: ({ cursor, parts }) => decodeCursor(cursor, parts),
  },
});

test("half a surrogate pair cannot be put into a cursor", () => {
  assert.throws(() => encodeCursor(["\ud800"]), RangeError);
});
