import { cacheLife } from "next/cache";
import { publicBackend } from "@/annex/public";

/** The answer of a public function, kept for everybody; a failure is kept for seconds alone. */
export async function Card() {
  "use cache";
  const card = await publicBackend.get("/").result();
  if (card.ok) cacheLife("minutes");
  else cacheLife("seconds");
  return <p id="card">{card.ok ? card.data.name : card.error.code}</p>;
}
