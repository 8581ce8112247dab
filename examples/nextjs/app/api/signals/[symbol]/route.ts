import { backend } from "@/annex/server";

/** A route handler: when the caller leaves, its signal cancels the call to the backend too. */
export async function GET(request: Request, { params }: { params: Promise<{ symbol: string }> }) {
  const { symbol } = await params;
  const told = await backend.get("/signals/{symbol}", { path: { symbol }, signal: request.signal }).result();
  if (told.ok) return Response.json({ symbol: told.data.symbol, regime: told.data.regime });
  return Response.json({ code: told.error.code }, { status: told.error.status ?? 502 });
}
