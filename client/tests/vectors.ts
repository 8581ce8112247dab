import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";

interface Vector {
  name: string;
  call: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a vector's input is whatever its call takes
  input: any;
  expected?: unknown;
  refused?: true;
}

/** Subject and call name to what runs it. */
export type Calls = Record<string, Record<string, (input: Vector["input"]) => unknown>>;

/** Run the golden vectors of each subject. */
export function run(calls: Calls): void {
  for (const [subject, named] of Object.entries(calls)) {
    const file = join(process.env["VECTORS"] ?? "", `${subject}.json`);
    const { cases } = JSON.parse(readFileSync(file, "utf8")) as { cases: Vector[] };
    describe(subject, () => {
      for (const vector of cases) {
        test(vector.name, () => {
          const call = named[vector.call];
          assert.ok(call, `no call named ${vector.call}`);
          if (vector.refused) assert.throws(() => call(vector.input), RangeError);
          else assert.deepEqual(call(vector.input), vector.expected);
        });
      }
    });
  }
}
