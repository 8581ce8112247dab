import { z } from "zod";

import { refusal } from "../../../session";

const Id = z.coerce.number().int();

export async function GET(_: Request, { params }: { params: Promise<{ id: string }> }) {
  const refused = await refusal();
  if (refused) return refused;
  const id = Id.safeParse((await params).id);
  if (!id.success) return Response.json({ code: "invalid" }, { status: 400 });
  return Response.json({ id: id.data, name: "SPY" });
}
