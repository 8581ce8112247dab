import { Pool } from "pg";

export const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 5 });

export const SAMPLE = `
SELECT a."id", s."symbol", a."state", a."value", a."confidence", a."factors", a."observedAt"
FROM "Sample" a JOIN "Sensor" s ON s."id" = a."sensorId"`;
