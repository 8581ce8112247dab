import { backend } from "@/annex/server";

/** A route handler: when the caller leaves, its signal cancels the call to the backend too. */
export async function GET(request: Request, { params }: { params: Promise<{ symbol: string }> }) {
  const { symbol } = await params;
  const result = await backend.get("/signals/{symbol}", { path: { symbol }, signal: request.signal }).result();
  if (result.ok) return Response.json({ symbol: result.data.symbol, regime: result.data.regime });
  return Response.json({ code: result.error.code }, { status: result.error.status ?? 502 });
}
