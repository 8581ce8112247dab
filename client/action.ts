/**
 * What became of a form, as a plain object that a server action may return: for `useActionState`. Imports nothing of
 * React.
 *
 *     export async function record(_: FormState<Signal>, form: FormData) {
 *       return await formState(backend.post("/signals", { form }));
 *     }
 */
import type { Call } from "./backend";
import type { Failure, FailureCode } from "./errors";

export interface FormState<T> {
  /** What the function answered; undefined before the first call and after an error. */
  data?: T;
  code?: FailureCode;
  /** What is wrong as a whole, one sentence; undefined where fields say it. */
  message?: string;
  /** Finds the request in the backend's log. */
  requestId?: string;
  /** What is wrong with each field, by its name; `venue.code` for a field within a field. */
  fields: { [name: string]: string[] | undefined };
}

/** The state before the first call. */
export const untouched: FormState<never> = { fields: {} };

/** Wait for a call and tell what became of it; throws only what Next.js itself throws, such as a redirect. */
export async function formState<T, E extends Failure>(call: Call<T, E>): Promise<FormState<T>> {
  const result = await call.result();
  if (result.ok) return { data: result.data, fields: {} };
  const { error } = result;
  const fields: { [name: string]: string[] } = Object.create(null) as object as { [name: string]: string[] };
  for (const { field, message } of error.errors) {
    if (field !== "") (fields[field] ??= []).push(message);
  }
  const whole = error.errors.filter((one) => one.field === "").map((one) => one.message);
  const told = Object.keys(fields).length > 0 ? whole.join(" ") : whole.join(" ") || error.message;
  return {
    code: error.code,
    ...(told === "" ? {} : { message: told }),
    ...(error.requestId === undefined ? {} : { requestId: error.requestId }),
    fields: { ...fields },
  };
}
