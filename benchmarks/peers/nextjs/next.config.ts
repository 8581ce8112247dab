import type { NextConfig } from "next";

const config: NextConfig = {
  serverExternalPackages: ["pg"],
  headers: async () => [
    {
      source: "/:path*",
      headers: [
        { key: "Access-Control-Allow-Origin", value: "https://app.example.com" },
        { key: "Access-Control-Allow-Methods", value: "GET,POST" },
        { key: "Access-Control-Allow-Headers", value: "authorization,content-type" },
      ],
    },
  ],
};

export default config;
