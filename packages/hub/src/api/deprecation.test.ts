/**
 * Goal: who calls a route that is to go hears of it in each answer, errors too, and reads it in OpenAPI; others don't.
 * Method: the API over a hub of the test's own with a route that is marked and one that is not.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Hono } from "hono";
import type { HubService } from "../hub-service.ts";
import { createApi } from "./api-service.ts";
import { deprecationHeaders } from "./deprecation.ts";
import { RateLimit } from "./rate-limit.ts";
import type { ApiRoute } from "./route.ts";

const route = (id: string, more: Partial<ApiRoute> = {}): ApiRoute => ({
  id,
  method: "get",
  path: `/${id}`,
  summary: id,
  tag: "test",
  permission: "status:read",
  handle: async () => ({ body: {} }),
  ...more,
});
const deprecated = { since: "2026-11-01", sunset: "2027-05-01T12:00:00Z", successor: "/new" };
const routes = [route("old", { deprecated }), route("ageing", { deprecated: { since: "2026-11-01" } }), route("new")];

const principal = { name: "somebody", keyId: "", permissions: ["*"], scopes: ["*"] };
const hub = {
  options: { warn: () => {} },
  readiness: { note: () => {} },
  accessLog: { prepare: async () => {}, add: () => {}, demand: async () => {} },
  access: { authenticate: async (token: string) => (token === "good" ? principal : null) },
};
const nothing = (): Hono => new Hono();
const app = createApi(hub as unknown as HubService, {
  version: "1",
  routes,
  repositories: nothing(),
  pages: nothing,
  hooks: nothing,
  authority: nothing,
  originOf: () => "",
  addressOf: () => "127.0.0.1",
  peerOf: () => "127.0.0.1",
  certificateOf: () => null,
  rateLimit: new RateLimit(0),
});
const ask = (path: string, token: string): Promise<Response> =>
  Promise.resolve(app.request(path, { headers: { Authorization: `Bearer ${token}` } }));
const told = ({ headers }: Response): (string | null)[] =>
  ["Deprecation", "Sunset", "Link"].map((name) => headers.get(name));

test("answers of a deprecated route say since when, until when, and what replaces it; refusals too", async () => {
  const all = ["@1793491200", "Sat, 01 May 2027 12:00:00 GMT", '</v1/new>; rel="successor-version"'];
  for (const [token, status] of [
    ["good", 200],
    ["bad", 401],
  ] as const) {
    const old = await ask("/v1/old", token);
    assert.deepEqual([old.status, ...told(old)], [status, ...all]);
    assert.deepEqual(told(await ask("/v1/ageing", token)), ["@1793491200", null, null]);
    assert.deepEqual(told(await ask("/v1/new", token)), [null, null, null]);
  }
});

test("OpenAPI marks it, with the headers of its answers", async () => {
  const document = (await (await ask("/v1/openapi.json", "good")).json()) as {
    paths: Record<string, { get: { deprecated?: boolean; responses: Record<string, { headers?: object }> } }>;
  };
  const { get: old } = document.paths["/v1/old"]!;
  assert.equal(old.deprecated, true);
  for (const answer of ["200", "default"])
    assert.deepEqual(Object.keys(old.responses[answer]!.headers!), ["Deprecation", "Sunset", "Link"]);
  const { get: now } = document.paths["/v1/new"]!;
  assert.deepEqual([now.deprecated, now.responses["200"]!.headers], [undefined, undefined]);
});

test("dates that are none, or in the wrong order, are a defect that is found at once", () => {
  const of = (since: string, sunset?: string) => () =>
    deprecationHeaders({ id: "old", deprecated: { since, ...(sunset === undefined ? {} : { sunset }) } });
  assert.throws(of("soon"), /old: a date of its deprecation is none/);
  assert.throws(of("2026-11-01", "2026-10-31"), /old: it would be gone before it is deprecated/);
});
