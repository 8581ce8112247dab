import { z } from "zod";

import { refusal } from "../../session";

const Item = z.object({ id: z.number().int(), name: z.string().min(1).max(50) });

export async function POST(request: Request) {
  const refused = await refusal();
  if (refused) return refused;
  const item = Item.safeParse(await request.json());
  if (!item.success) return Response.json({ code: "invalid" }, { status: 400 });
  return Response.json(item.data);
}
