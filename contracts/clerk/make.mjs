// Asks Clerk's JavaScript SDK for its verdicts and writes them to verdicts.json, which the Python tests read.
//
//   npm install --no-save @clerk/backend@3.25.0 && node make.mjs
//
// The key pair is made anew each time; only its public half is written.

import { generateKeyPairSync, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { verifyJwt } from "@clerk/backend/jwt";
import { createCheckAuthorization } from "@clerk/shared/authorization";
import { __experimental_JWTPayloadToAuthObjectProperties as read } from "@clerk/shared/jwtPayloadParser";

// A small generator of our own (mulberry32), so that the same claims come out every time.
let state = 7;
const random = () => {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const pick = (...values) => values[Math.floor(random() * values.length)];
const maybe = (value) => (random() < 0.8 ? value : undefined);
const some = (values) => values.filter(() => random() < 0.6);

const QUERIES = [
  {},
  { role: "org:admin" },
  { role: "admin" },
  { role: "org:org:member" },
  { permission: "org:signals:read" },
  { permission: "signals:write" },
  { permission: "org:reports:share" },
  { role: "admin", permission: "org:signals:read" },
  { feature: "signals" },
  { feature: "o:reports" },
  { feature: "org:alerts" },
  { feature: "organization:signals" },
  { feature: "user:alerts" },
  { feature: "u:signals" },
  { feature: "team:signals" },
  { plan: "pro" },
  { plan: "org:pro" },
  { plan: "user:free" },
  { feature: "signals", plan: "pro" },
  { reverification: "strict_mfa" },
  { reverification: "strict" },
  { reverification: "moderate" },
  { reverification: "lax" },
  { reverification: { level: "first_factor", afterMinutes: 10 } },
  { reverification: { level: "second_factor", afterMinutes: 30 } },
  { reverification: { level: "multi_factor", afterMinutes: 60 } },
  { reverification: { level: "fourth_factor", afterMinutes: 60 } },
  { reverification: { level: "first_factor", afterMinutes: 0 } },
  { role: "admin", plan: "pro", reverification: "moderate" },
];

const scoped = (names) =>
  pick(
    some(names).map((name) => `${pick("o", "u", "ou", "uo", "o", "x")}:${name}`).join(","),
    some(names).map((name) => ` o:${name} `).join(","),
    pick("", "signals", "o:signals,reports", "o:signals:live", "o:"),
  );
const mask = () => pick("0", "1", "2", "3", "7", "5", "12", "007", "-1", "x", "", "0x1", "1.5", "36893488147419103235");
const ages = () => pick([0, -1], [5, 5], [9, 10], [10, 9], [59, -1], [-1, 5], [-1, -1], [2000, 1], [1], [0, 0, 0], [-2, 0], ["1", 1]);

const version2 = () => ({
  v: 2,
  sub: "user_ada",
  sid: maybe("sess_1"),
  sts: pick("active", "pending", undefined),
  fva: maybe(ages()),
  fea: maybe(scoped(["signals", "reports", "alerts"])),
  pla: maybe(scoped(["pro", "free"])),
  act: pick(undefined, undefined, { sub: "user_support" }),
  o: maybe({
    id: pick("org_desk", "org_desk", "org_desk", ""),
    slg: maybe("desk"),
    rol: maybe(pick("admin", "member")),
    per: maybe(pick("read,write,share", "read", " read , write ", "read,,share", "")),
    fpm: maybe(some([1, 2, 3, 4]).map(mask).join(",")),
  }),
});
const version1 = () => ({
  sub: "user_ada",
  sid: maybe("sess_1"),
  fva: maybe(ages()),
  org_id: maybe("org_desk"),
  org_role: maybe(pick("org:admin", "org:member", "admin")),
  org_slug: maybe("desk"),
  org_permissions: maybe(some(["org:signals:read", "org:signals:write", "org:reports:share", "signals:read"])),
});

const bare = (value) => JSON.parse(JSON.stringify(value));
const session = (claims) => {
  try {
    const found = read(claims);
    const has = createCheckAuthorization({
      ...found,
      features: claims.fea ?? "",
      plans: claims.pla ?? "",
    });
    return {
      org_id: found.orgId || null,
      org_role: found.orgId ? found.orgRole ?? null : null,
      org_slug: found.orgId ? found.orgSlug ?? null : null,
      org_permissions: found.orgId ? found.orgPermissions ?? [] : [],
      has: QUERIES.map((query) => (has(query) ? "1" : "0")).join(""),
    };
  } catch {
    return null; // the SDK throws: nobody is let in
  }
};

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const jwk = { ...publicKey.export({ format: "jwk" }), kid: "ins_signals", use: "sig", alg: "RS256" };
const base64url = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const forge = (header, claims) => {
  const signed = `${base64url(header)}.${base64url(claims)}`;
  return `${signed}.${sign("sha256", Buffer.from(signed), privateKey).toString("base64url")}`;
};

const HEADER = { alg: "RS256", typ: "JWT", kid: "ins_signals" };
const LATER = 4102444800; // 2100-01-01
const CLAIMS = { sub: "user_ada", sid: "sess_1", iat: 1700000000, nbf: 1700000000, exp: LATER, azp: "https://app.signals.example" };
const PARTIES = { authorizedParties: ["https://app.signals.example"] };
const AUDIENCE = { audience: ["signals"] };
const ISSUER = { issuer: "https://clerk.signals.example" };
const good = forge(HEADER, CLAIMS);
const padded = good.split(".").map((part) => part + "=".repeat(-part.length & 3)).join(".");
const TOKENS = [
  ["good", good],
  ["padded", padded],
  ["partly padded", padded.replace(/=$/, "").replace(/=\./, ".")],
  ["without typ", forge({ alg: "RS256", kid: "ins_signals" }, CLAIMS)],
  ["typ null", forge({ ...HEADER, typ: null }, CLAIMS)],
  ["typ in lower case", forge({ ...HEADER, typ: "jwt" }, CLAIMS)],
  ["typ of an access token", forge({ ...HEADER, typ: "at+jwt" }, CLAIMS)],
  ["algorithm none", forge({ ...HEADER, alg: "none" }, CLAIMS)],
  ["algorithm HS256", forge({ ...HEADER, alg: "HS256" }, CLAIMS)],
  ["algorithm absent", forge({ typ: "JWT" }, CLAIMS)],
  ["a critical extension", forge({ ...HEADER, crit: ["exp"] }, CLAIMS)],
  ["changed signature", good.slice(0, -3) + (good.endsWith("AAA") ? "BBB" : "AAA")],
  ["changed claims", good.replace(/\.[^.]+\./, `.${base64url({ ...CLAIMS, sub: "user_eve" })}.`)],
  ["two parts", good.split(".").slice(0, 2).join(".")],
  ["four parts", `${good}.x`],
  ["no JSON", forge(HEADER, "user_ada")],
  ["sub absent", forge(HEADER, { ...CLAIMS, sub: undefined })],
  ["sub a number", forge(HEADER, { ...CLAIMS, sub: 7 })],
  ["sub empty", forge(HEADER, { ...CLAIMS, sub: "" })],
  ["exp absent", forge(HEADER, { ...CLAIMS, exp: undefined })],
  ["exp past", forge(HEADER, { ...CLAIMS, exp: 1700000060 })],
  ["exp as text", forge(HEADER, { ...CLAIMS, exp: String(LATER) })],
  ["exp true", forge(HEADER, { ...CLAIMS, exp: true })],
  ["exp with a fraction", forge(HEADER, { ...CLAIMS, exp: LATER + 0.5 })],
  ["nbf absent", forge(HEADER, { ...CLAIMS, nbf: undefined })],
  ["nbf future", forge(HEADER, { ...CLAIMS, nbf: LATER - 1 })],
  ["nbf as text", forge(HEADER, { ...CLAIMS, nbf: "0" })],
  ["nbf null", forge(HEADER, { ...CLAIMS, nbf: null })],
  ["iat absent", forge(HEADER, { ...CLAIMS, iat: undefined })],
  ["iat future", forge(HEADER, { ...CLAIMS, iat: LATER - 1 })],
  ["iat as text", forge(HEADER, { ...CLAIMS, iat: "0" })],
  ["azp listed", good, PARTIES],
  ["azp absent", forge(HEADER, { ...CLAIMS, azp: undefined }), PARTIES],
  ["azp another", forge(HEADER, { ...CLAIMS, azp: "https://evil.example" }), PARTIES],
  ["azp empty", forge(HEADER, { ...CLAIMS, azp: "" }), PARTIES],
  ["aud unasked", forge(HEADER, { ...CLAIMS, aud: "anything" })],
  ["aud absent", good, AUDIENCE],
  ["aud listed", forge(HEADER, { ...CLAIMS, aud: "signals" }), AUDIENCE],
  ["aud among several", forge(HEADER, { ...CLAIMS, aud: ["x", "signals"] }), AUDIENCE],
  ["aud another", forge(HEADER, { ...CLAIMS, aud: "billing" }), AUDIENCE],
  ["aud others", forge(HEADER, { ...CLAIMS, aud: ["billing"] }), AUDIENCE],
  ["aud an empty list", forge(HEADER, { ...CLAIMS, aud: [] }), AUDIENCE],
  ["aud a number", forge(HEADER, { ...CLAIMS, aud: 7 }), AUDIENCE],
  ["iss listed", forge(HEADER, { ...CLAIMS, iss: "https://clerk.signals.example" }), ISSUER],
  ["iss another", forge(HEADER, { ...CLAIMS, iss: "https://clerk.else.example" }), ISSUER],
  ["iss absent", good, ISSUER],
];

const verdict = async (token, options) => {
  try {
    await verifyJwt(token, { key: jwk, ...options });
    return "passes";
  } catch (error) {
    return error.reason ?? "throws";
  }
};

const tokens = [];
for (const [condition, token, options = {}] of TOKENS) {
  tokens.push({ condition, token, ...options, verdict: await verdict(token, options) });
}
const sessions = Array.from({ length: 400 }, (_, index) => bare(index % 4 ? version2() : version1())).map((claims) => ({
  claims,
  ...bare({ verdict: session(claims) }),
}));

const lines = (list) => list.map((entry) => `    ${JSON.stringify(entry)}`).join(",\n");
writeFileSync(
  new URL("verdicts.json", import.meta.url),
  `{\n  "sdk": "@clerk/backend 3.25.0",\n  "key": ${JSON.stringify(jwk)},\n  "queries": [\n${lines(QUERIES)}\n  ],\n` +
    `  "tokens": [\n${lines(tokens)}\n  ],\n  "sessions": [\n${lines(sessions)}\n  ]\n}\n`,
);
