import type { NextConfig } from "next";

const config: NextConfig = {
  // This folder is its own project; without saying so, Next would take a lock file further up for its root.
  turbopack: { root: import.meta.dirname },
};

export default config;
