import { Suspense } from "react";
import { Imports } from "./imports";

export const metadata = { title: "Import readings" };

export default function Page() {
  return (
    <>
      <nav>
        <a href="/">Market regime</a>
      </nav>
      <h1>Import readings</h1>
      <Suspense fallback={<p>…</p>}>
        <Imports />
      </Suspense>
    </>
  );
}
