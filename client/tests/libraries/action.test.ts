import assert from "node:assert/strict";
import { test } from "node:test";
import { formState, untouched, type FormState } from "../../action";
import { client, type Signal } from "../contract";
import { json, listen, problem } from "../listener";

const spy: Signal = { symbol: "SPY", value: "1" };

test("a form that was accepted has the answer, as a plain object", async (t) => {
  const { url } = await listen(t, (response) => json(response, spy));
  const state: FormState<Signal> = await formState(client(url).post("/signals", { body: spy }));
  assert.deepEqual(state, { data: spy, fields: {} });
  assert.equal(Object.getPrototypeOf(state.fields), Object.prototype);
});

test("a refused form says what is wrong with each field, and with the whole", async (t) => {
  const errors = [
    { location: "body", field: "value", message: "one" },
    { location: "body", field: "value", message: "two" },
    { location: "body", field: "__proto__", message: "three" },
    { location: "body", field: "", message: "four" },
  ];
  const { url } = await listen(t, (response, _, nth) =>
    nth === 1 ? json(response, { code: "invalid_input", detail: "No.", status: 400, errors, request_id: "r" }, 400) : problem(response, 409, "conflict"));
  const refused = await formState(client(url).post("/signals", { body: spy }));
  assert.deepEqual([refused.code, refused.message, refused.requestId, refused.fields["value"]], ["invalid_input", "four", "r", ["one", "two"]]);
  const conflict = await formState(client(url).post("/signals", { body: spy }));
  assert.deepEqual(conflict, { code: "conflict", message: "said conflict", requestId: "req-1", fields: {} });
  assert.equal(untouched.data, undefined);
});
