import { registerOTel } from "@vercel/otel";

export function register(): void {
  registerOTel({
    serviceName: "app",
    // Without this, traceparent is sent to Vercel's own hosts only, and the backend starts a new trace.
    instrumentationConfig: { fetch: { propagateContextUrls: [process.env.BACKEND_API_URL ?? ""] } },
  });
}
