import { pool, SAMPLE } from "../../../database";
import { refusal } from "../../../session";

export async function GET(_: Request, { params }: { params: Promise<{ symbol: string }> }) {
  const refused = await refusal();
  if (refused) return refused;
  const found = await pool.query({
    name: "latest",
    text: `${SAMPLE} WHERE s."symbol" = $1 ORDER BY a."observedAt" DESC LIMIT 1`,
    values: [(await params).symbol],
  });
  if (!found.rows.length) return Response.json({ code: "not_found" }, { status: 404 });
  return Response.json(found.rows[0]);
}
