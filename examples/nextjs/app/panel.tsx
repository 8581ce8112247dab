import type { ReactNode } from "react";

export function Panel({ title, id, children }: { title: string; id: string; children: ReactNode }) {
  return (
    <section id={id}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}
