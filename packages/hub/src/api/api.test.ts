/**
 * Goal: the API does what its description says, to whom it may, and says nothing that it should not. Method: a hub in
 * this process, over HTTP; roles and requests are made from the routes themselves, so a route that is added is tried
 * without a word.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { request as httpRequest } from "node:http";
import { after, before, test } from "node:test";
import { sampleCount, sampleOf } from "@stratos/base/testing";
import { Ajv2020 } from "ajv/dist/2020.js";
import { SeededRandom } from "@stratos/base";
import {
  HubProblem,
  type ClaimAnswer,
  type EventView,
  type HubClient,
  type TaskDetails,
  type TaskView,
} from "@stratos/hub-api";
import { EVENT_NAMES } from "../store/event-names.ts";
import { BUILT_IN_ROLES, grants, permissionsOf } from "../access/permissions.ts";
import { FolderBlobs } from "../blobs/folder-blobs.ts";
import { collectBlobs } from "../blobs/collect-blobs.ts";
import { apiRoutes } from "../hub-server.ts";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";
import { takesKey } from "./idempotency.ts";
import { addDateTime } from "./date-time-format.ts";
import { Repositories } from "../repositories/repositories.ts";
import type { ApiRoute, JsonSchema } from "./route.ts";
import { PROBLEM, TASK_VIEW } from "./schemas.ts";

let hub: TestHub;
let routes: readonly ApiRoute[];
const ajv = addDateTime(new Ajv2020({ strict: true, allowUnionTypes: true }));
const isProblem = ajv.compile(PROBLEM);

before(async () => {
  hub = await startTestHub();
  const blobs = new FolderBlobs(`${hub.folder}/unused`);
  routes = apiRoutes(
    hub.database,
    blobs,
    new Repositories(hub.database, blobs, () => Promise.reject(new Error("none"))),
  );
});
after(() => hub.close());

async function clientWith(principal: string, role: string, scopes: readonly string[] = ["*"]): Promise<HubClient> {
  await hub.admin.call("PUT", `/grants/${principal}/${role}`);
  const { token } = await hub.admin.call<{ token: string }>("POST", "/tokens", { principal, scopes });
  return hub.client(token);
}

async function problemOf(work: Promise<unknown>): Promise<HubProblem["problem"]> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof HubProblem, String(error));
    assert.ok(isProblem(error.problem), JSON.stringify(isProblem.errors));
    return error.problem;
  }
  return assert.fail("it was not refused");
}

const submit = (client: HubClient, more: object = {}, headers: Record<string, string> = {}): Promise<TaskView> =>
  client.call("POST", "/tasks", { kind: "command", payload: { argv: ["true"] }, ...more }, { headers });

test("each role may call the routes that its permissions name, and no other", async () => {
  const roles = new Map(BUILT_IN_ROLES.map((role) => [role.name, role]));
  for (const role of roles.keys()) {
    const client = await clientWith(`one-${role}`, role);
    const patterns = permissionsOf([role], roles);
    for (const route of sampleOf(routes, 3)) {
      if (route.permission === "status:whoami" || route.answers === "events") continue;
      const path = route.path
        .replace("{digest}", `sha256:${"0".repeat(64)}`)
        .replace(/\{(task|run|workflow|webhook|delivery)\}/g, "999999")
        .replace(/\{\w+\}/g, "nobody");
      // A body that the route takes, so that only the permission can refuse.
      const body =
        route.takes === "bytes" ? new Uint8Array(1) : route.body === undefined ? undefined : (BODIES[route.id] ?? {});
      const scope = route.isScoped !== true ? "" : route.permission === "host:serve" ? ":nobody" : ":default";
      const isAllowed = patterns.some((pattern) => grants(pattern, route.permission + scope));
      let status = 200;
      try {
        const response = await client.raw(route.method.toUpperCase(), path, {
          ...(body === undefined
            ? {}
            : {
                body: body instanceof Uint8Array ? body : JSON.stringify(body),
                headers: {
                  "content-type": body instanceof Uint8Array ? "application/octet-stream" : "application/json",
                },
              }),
        });
        await response.body?.cancel();
      } catch (error) {
        status = (error as HubProblem).status;
      }
      // For a task that is not there nobody can be its owner: 404 comes first.
      if (route.permission === "task:change")
        assert.ok(status === 404 || status === (isAllowed ? 200 : 403), `${role} ${route.id}: ${status}`);
      else if (isAllowed) assert.notEqual(status, 403, `${role} may ${route.id}`);
      else assert.equal(status, 403, `${role} may not ${route.id}`);
      assert.notEqual(status, 500, `${role} ${route.id}`);
    }
  }
});

test("each path, by each method that is not its own: 405 with those that are; no stream is begun by HEAD", async () => {
  const known = new Map<string, string[]>();
  const add = (path: string, method: string): unknown =>
    known.has(path) ? known.get(path)!.push(method) : known.set(path, [method]);
  for (const { path, method } of routes) add(`/v1${path}`, method.toUpperCase());
  for (const path of ["/healthz", "/readyz", "/metrics", "/v1/openapi.json"]) add(path, "GET");
  for (const path of ["/", "/tasks", "/tasks/1", "/workflows/1", "/packages", "/hosts", "/audit"]) add(path, "GET");
  for (const path of ["/templates", "/triggers", "/triggers/one", "/repos/main/dists/main/Release"]) add(path, "GET");
  for (const path of ["/tasks/1/cancel", "/logout", "/hooks/one", "/ca/enrol"]) add(path, "POST");
  for (const method of ["GET", "POST"]) for (const path of ["/login", "/templates/one"]) add(path, method);
  // Two routes fit: the path of one is a name to the other.
  known.get("/v1/certificates/invitations")!.push("DELETE");
  for (const [template, methods] of known) {
    const path = template.replace(/\{\w+\}/g, "nobody");
    const allow = new Set(methods.includes("GET") ? [...methods, "HEAD"] : methods);
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"].filter((one) => !allow.has(one))) {
      const response = await fetch(hub.server.url + path, { method });
      assert.equal(response.status, 405, `${method} ${path}`);
      assert.deepEqual(new Set(response.headers.get("allow")!.split(", ")), allow, `${method} ${path}`);
      assert.ok(isProblem(await response.json()), `${method} ${path}`);
    }
  }
  for (const path of ["/v1/none", "/none", "/repos", "/tasks/1/none"])
    assert.equal((await fetch(hub.server.url + path, { method: "PATCH" })).status, 404, path);
  // The database has one connection, which a backup that nobody reads would keep.
  const headers = { authorization: `Bearer ${hub.adminToken}` };
  for (const path of ["/v1/backup", "/v1/events/stream"])
    assert.equal((await fetch(hub.server.url + path, { method: "HEAD", headers })).status, 200, path);
  assert.equal((await fetch(`${hub.server.url}/readyz`, { signal: AbortSignal.timeout(10_000) })).status, 200);
});

const UUID = "00000000-0000-0000-0000-000000000000";
const BODIES: Readonly<Record<string, unknown>> = {
  submitTask: { kind: "command", payload: { argv: ["true"] } },
  submitBatch: { tasks: [] },
  submitWorkflow: { name: "w", tasks: [] },
  changeTask: { priority: 1 },
  promotePackages: { from: "default", sources: ["x"] },
  rebuildSources: { reason: "x", sources: ["x"] },
  planRebuild: { reason: "x", sources: ["x"] },
  withdrawPackages: { sources: ["x"] },
  changeHost: { enabled: true },
  registerHost: { arches: ["amd64"], channels: ["default"], capacity: 1 },
  leaveHub: { session: UUID },
  claimRuns: { session: UUID, slots: 0, holding: [] },
  startRuns: { runs: [] },
  renewRuns: { runs: [] },
  endRuns: { runs: [] },
  renewCertificate: { request: "x" },
  inviteHost: { host: "nobody" },
  createToken: { principal: "x", scopes: ["task:read"] },
  putTrigger: { forge: "git", url: "http://127.0.0.1:9/", task: { kind: "command", payload: { argv: ["true"] } } },
  testTrigger: { ref: "refs/heads/x", commit: "x", repository: "x", clone: "x", paths: null },
  putTemplate: { tasks: [{ kind: "command", payload: { argv: ["true"] } }] },
  submitTemplate: {},
  findCausesAgain: { since: "2026-01-01T00:00:00Z" },
  putSecret: { value: "12345678" },
  createWebhook: { url: "http://127.0.0.1:9/", events: ["COMPLETED"] },
};

/** Requests of each route. */
const ROUNDS = sampleCount(12, 0.34);

test(
  "requests that are made from the schemas, and broken ones, are answered as " + "the description says, never with 500",
  async (t) => {
    // Of its own: by chance they limit the tasks of a channel to one, or make roles that the other tests do not expect.
    const hub = await startTestHub();
    t.after(() => hub.close());
    const seed = Number(process.env["STRATOS_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`seed ${seed} (STRATOS_SEED repeats it)`);
    const random = new SeededRandom(seed);
    const description = (await (await fetch(`${hub.server.url}/v1/openapi.json`)).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { operationId: string }>>;
    };
    assert.equal(description.openapi, "3.1.1");
    assert.equal(Object.values(description.paths).flatMap((path) => Object.keys(path)).length, routes.length);
    const skipped = new Set(["backUp", "revokeToken", "revokeOwnToken", "claimRuns"]);
    for (const route of routes) {
      if (skipped.has(route.id) || route.answers === "events") continue;
      for (let round = 0; round < ROUNDS; round++) {
        const path = route.path.replace(/\{(\w+)\}/g, () =>
          encodeURIComponent(
            oneOf(random, [
              "1",
              "2",
              "default",
              "x",
              "../x",
              "-1",
              "%",
              "ÿ",
              `sha256:${"a".repeat(64)}`,
              "9".repeat(30),
            ]),
          ),
        );
        const query =
          random.below(3) === 0
            ? `?${oneOf(random, ["limit", "cursor", "nonsense", ...Object.keys(route.query ?? {})])}=` +
              encodeURIComponent(
                oneOf(random, [
                  ...["1", "0", "-5", "x", "open", "FREE,NOPE", "9999999999999999999", "999999999999999"],
                  "0000-01-01T00:00:00Z",
                ]),
              )
            : "";
        const body =
          route.takes === "bytes"
            ? "bytes"
            : route.body === undefined
              ? undefined
              : JSON.stringify(
                  random.below(4) === 0 ? oneOf(random, [null, [], "x", { unknown: 1 }]) : generate(random, route.body),
                );
        const headers: Record<string, string> = {
          authorization: `Bearer ${hub.adminToken}`,
          "content-type": oneOf(random, ["application/json", "application/json", "application/json", "text/plain"]),
        };
        if (random.below(4) === 0) headers["if-match"] = oneOf(random, ['"1"', "x", "*"]);
        const isTwice = random.below(4) === 0;
        if (isTwice) headers["idempotency-key"] = `once ${route.id} ${round}`.replaceAll(" ", "-");
        else if (random.below(4) === 0) headers["idempotency-key"] = oneOf(random, ["k1", "k2", ""]);
        const ask = (): Promise<Response> =>
          fetch(`${hub.server.url}/v1${path}${query}`, {
            method: route.method.toUpperCase(),
            headers,
            ...(body === undefined ? {} : { body }),
          });
        const response = await ask();
        const text = await response.text();
        const what = `${route.id} ${path}${query} ${body ?? ""} → ${response.status} ${text.slice(0, 300)}`;
        assert.ok(response.status < 500, what);
        if (isTwice && response.ok && takesKey(route)) {
          const again = await ask();
          assert.equal(again.status, route.tellsOnce === undefined ? response.status : 409, `${what}, and again`);
          if (again.ok) {
            const parsed = (json: string): unknown => (json === "" ? null : JSON.parse(json));
            assert.deepEqual(parsed(await again.text()), parsed(text), `${what}, and again`);
            assert.equal(again.headers.get("idempotent-replayed"), "true", what);
          } else await again.body?.cancel();
        }
        if (response.status >= 400) {
          assert.match(response.headers.get("content-type") ?? "", /^application\/problem\+json/, what);
          assert.ok(isProblem(JSON.parse(text)), what);
        } else if (route.answer !== undefined && response.status !== 304) {
          const check = ajv.compile(route.answer);
          assert.ok(check(JSON.parse(text)), `${what}: ${ajv.errorsText(check.errors)}`);
        }
      }
    }
    assert.deepEqual((await hub.admin.call<{ findings: unknown[] }>("POST", "/fsck")).findings, []);
  },
);

function oneOf<Value>(random: SeededRandom, values: readonly Value[]): Value {
  return values[random.below(values.length)]!;
}

/** A value that a schema allows, now and then one that it does not. */
function generate(random: SeededRandom, schema: JsonSchema): unknown {
  if (random.below(25) === 0) return oneOf<unknown>(random, [null, -1, "\u0000", {}, [], 2 ** 53]);
  if (schema["enum"] !== undefined) return oneOf(random, schema["enum"] as unknown[]);
  if (schema["anyOf"] !== undefined) return generate(random, oneOf(random, schema["anyOf"] as JsonSchema[]));
  switch (schema["type"]) {
    case "object": {
      const required = (schema["required"] ?? []) as string[];
      const entries = Object.entries((schema["properties"] ?? {}) as Record<string, JsonSchema>).filter(
        ([name]) => required.includes(name) || random.below(2) === 0,
      );
      return Object.fromEntries(entries.map(([name, property]) => [name, generate(random, property)]));
    }
    case "array":
      return Array.from({ length: random.below(3) + Number(schema["minItems"] ?? 0) }, () =>
        generate(random, schema["items"] as JsonSchema),
      );
    case "integer":
      // Large ones now and then: each has to fit into its column.
      return oneOf(random, [
        ...[Number(schema["minimum"] ?? 0), 1, 2, Math.min(Number(schema["maximum"] ?? 9), 2_000)],
        ...(random.below(4) === 0 ? [Number(schema["maximum"] ?? 9)] : []),
      ]);
    case "number":
      return 0;
    case "boolean":
      return random.below(2) === 0;
    case "string":
      return oneOf(random, ["default", "amd64", "x", UUID, `sha256:${"b".repeat(64)}`, "task:read", "a\u0000b", "ÿ"]);
    default:
      return oneOf<unknown>(random, [1, "x", null, { a: [1] }]);
  }
}

test("a task over HTTP: submitted, changed by its version, listed by cursors, canceled", async () => {
  const task = await submit(hub.admin, { label: "first", priority: 3 });
  assert.ok(ajv.validate(TASK_VIEW, task), ajv.errorsText());
  const response = await hub.admin.raw("GET", `/tasks/${task.id}`, {});
  const etag = response.headers.get("etag")!;
  assert.match(etag, /^"1-[0-9a-f]{16}"$/);
  const again = await fetch(`${hub.server.url}/v1/tasks/${task.id}`, {
    headers: { authorization: `Bearer ${hub.adminToken}`, "if-none-match": etag },
  });
  assert.equal(again.status, 304);
  await hub.admin.call("PATCH", `/tasks/${task.id}`, { priority: 4 }, { headers: { "if-match": etag } });
  assert.equal(
    (await problemOf(hub.admin.call("PATCH", `/tasks/${task.id}`, { priority: 5 }, { headers: { "if-match": etag } })))
      .status,
    412,
  );
  const { tasks } = await hub.admin.call<{ tasks: { id: number }[] }>("POST", "/task-batches", {
    tasks: Array.from({ length: 7 }, () => ({ kind: "page", payload: {} })),
  });
  const seen: number[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const page: { items: TaskView[]; next: string | null } = await hub.admin.call(
      "GET",
      `/tasks?kind=page&limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`,
    );
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.next;
  }
  assert.deepEqual(seen, tasks.map(({ id }) => id).reverse());
  assert.equal(
    (await hub.admin.call<TaskView>("POST", `/tasks/${task.id}/cancel`, { reason: "why not" })).message,
    "why not",
  );
  assert.equal((await problemOf(hub.admin.call("GET", "/tasks/99999999"))).type, "urn:stratos:hub:not-found");
  assert.equal((await problemOf(hub.admin.call("DELETE", "/tasks"))).status, 405);
  assert.equal((await problemOf(hub.admin.call("POST", "/tasks", { kind: "command" }))).detail, "payload: is missing");
});

test("a webhook of an event that there is not is refused, with its place and what was meant", async () => {
  const add = (events: string[]): Promise<unknown> =>
    hub.admin.call("POST", "/webhooks", { url: "http://127.0.0.1:9/", events });
  for (const [events, why] of [
    [["FAILED", "COMPLETD"], "events[1]: COMPLETD: there is no such event; did you mean COMPLETED?"],
    [["published"], "events[0]: published: there is no such event; did you mean PUBLISHED?"],
  ] as const) {
    const { status, type, detail } = await problemOf(add([...events]));
    assert.deepEqual([status, type, detail], [422, "urn:stratos:hub:bad-event", why]);
  }
  assert.match((await problemOf(add(["what"]))).detail ?? "", /^events\[0\]: what: there is no such event; there are /);
  const names = new Set<string>(EVENT_NAMES);
  const { items } = await hub.admin.call<{ items: { what: string }[] }>("GET", "/events?limit=500");
  assert.deepEqual(
    items.map(({ what }) => what).filter((what) => !names.has(what)),
    [],
  );
});

test("a request with an idempotency key is carried out once, also when it comes five times together", async () => {
  const key = { "idempotency-key": "order-66" };
  const answers = await Promise.all(Array.from({ length: 5 }, () => submit(hub.admin, { label: "once" }, key)));
  assert.equal(new Set(answers.map(({ id }) => id)).size, 1);
  assert.equal((await problemOf(submit(hub.admin, { label: "other" }, key))).type, "urn:stratos:hub:key-reused");
  const refused = { "idempotency-key": "order-67" };
  await problemOf(submit(hub.admin, { channel: "nowhere" }, refused));
  await submit(hub.admin, {}, refused);
  // The answer that comes again is the first one, with where the task is.
  const request = {
    body: JSON.stringify({ kind: "command", payload: { argv: ["true"] } }),
    headers: { "content-type": "application/json", "idempotency-key": "order-68" },
  };
  const told = await Promise.all(
    [0, 1].map(async () => {
      const { status, headers } = await hub.admin.raw("POST", "/tasks", request);
      return { status, etag: headers.get("etag"), location: headers.get("location") };
    }),
  );
  assert.match(told[0]!.location ?? "", /^\/v1\/tasks\/\d+$/);
  assert.equal(told[0]!.etag, '"1"');
  assert.deepEqual(told[1], told[0]);
});

test("a task is canceled and tried again without a body, or with {}", async () => {
  const { id } = await submit(hub.admin);
  const post = async (what: string, more: Parameters<HubClient["raw"]>[2] = {}): Promise<number> => {
    const response = await hub.admin.raw("POST", `/tasks/${id}/${what}`, more);
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await post("cancel"), 200);
  assert.equal(await post("retry"), 200);
  assert.equal(await post("cancel", { body: "{}", headers: { "content-type": "application/json" } }), 200);
  const form = { body: "reason=x", headers: { "content-type": "application/x-www-form-urlencoded" } };
  assert.equal((await problemOf(post("retry", form))).status, 415);
});

test("who may make keys, give roles or change them gives nobody more than they may themselves", async () => {
  const permissions = ["token:create", "role", "task:read", "host:read"];
  await hub.admin.call("PUT", "/roles/personnel", { permissions });
  const anna = await clientWith("anna", "personnel");
  const refused = async (method: "POST" | "PUT", path: string, body?: object): Promise<void> => {
    const { status, detail } = await problemOf(anna.call(method, path, body));
    assert.equal(status, 403, `${method} ${path}`);
    assert.match(String(detail), /more than this key may itself/);
  };
  await refused("POST", "/tokens", { principal: "admin", scopes: ["*"] });
  await refused("POST", "/tokens", { principal: "nobody-yet", scopes: ["*"] });
  await refused("POST", "/tokens", { principal: "admin", scopes: ["task"] });
  await refused("POST", "/tokens", { principal: "berta", scopes: ["task:read"], grants: ["operator"] });
  await refused("PUT", "/grants/anna/admin");
  await refused("PUT", "/grants/anna/operator");
  await refused("PUT", "/roles/personnel", { permissions: ["*"] });
  await refused("PUT", "/roles/mine", { inherits: ["operator"], permissions: [] });
  await refused("PUT", "/roles/mine", { permissions: ["token"] });

  await anna.call("POST", "/tokens", { principal: "berta", scopes: ["task:read"] });
  await anna.call("PUT", "/roles/mine", { inherits: [], permissions: ["task:read:main", "host:read"] });
  await anna.call("PUT", "/grants/berta/mine");
  // Of one's own the scopes may be any: a key gives no more than its owner has.
  const { token } = await anna.call<{ token: string }>("POST", "/tokens", { principal: "anna", scopes: ["*"] });
  const again = hub.client(token);
  await again.call("GET", "/hosts");
  assert.equal((await problemOf(again.call("GET", "/events"))).status, 403);
});

test(
  "keys: scoped, expiring, revoked; nobody makes one that may more; none is in the database, the events or the " +
    "warnings",
  async () => {
    await hub.admin.call("PUT", "/channels/main", {});
    const scoped = await clientWith("scoped", "operator", ["task:submit:main", "task:read"]);
    await submit(scoped, { channel: "main" });
    assert.equal((await problemOf(submit(scoped))).status, 403);
    assert.equal((await problemOf(scoped.call("GET", "/hosts"))).status, 403, "its owner may, the key may not");
    await hub.admin.call("PUT", "/roles/keymaker", { permissions: ["token:create", "task:read"] });
    const maker = await clientWith("maker", "keymaker", ["token:create", "task:read"]);
    await maker.call("POST", "/tokens", { principal: "maker", scopes: ["task:read"] });
    assert.equal((await problemOf(maker.call("POST", "/tokens", { principal: "maker", scopes: ["*"] }))).status, 403);
    const { token, id } = await hub.admin.call<{ token: string; id: string }>("POST", "/tokens", {
      principal: "admin",
      scopes: ["*"],
      expiresSeconds: 3_600,
    });
    await hub.client(token).call("GET", "/status");
    await hub.admin.call("DELETE", `/tokens/${id}`);
    assert.equal((await problemOf(hub.client(token).call("GET", "/status"))).status, 401);
    const short = await hub.admin.call<{ token: string; id: string }>("POST", "/tokens", {
      principal: "admin",
      scopes: ["*"],
      expiresSeconds: 1,
    });
    await hub.database.query("update api_key set expires = now() where id = $1", [short.id]);
    assert.equal((await problemOf(hub.client(short.token).call("GET", "/status"))).status, 401);
    await hub.server.service.accessLog.flush();
    const backup = await (await hub.admin.raw("GET", "/backup", {})).text();
    for (const secret of [token, short.token, hub.adminToken]) {
      const hidden = secret.split("_").slice(2).join("_");
      assert.ok(!backup.includes(hidden), "in the database");
      assert.ok(!hub.warnings.join("\n").includes(hidden), "in the log");
    }
    const { items } = await hub.admin.call<{ items: EventView[] }>("GET", "/events?limit=500");
    assert.ok(items.length > 0);
  },
);

test(
  "roles: circles are refused, wildcards work, the decision is in the " + "audit with who, what and from where",
  async () => {
    await hub.admin.call("PUT", "/roles/upper", { permissions: ["host:*"] });
    await hub.admin.call("PUT", "/roles/lower", { inherits: ["upper"] });
    const refused = await problemOf(hub.admin.call("PUT", "/roles/upper", { inherits: ["lower"] }));
    assert.match(refused.detail, /circle: upper → lower → upper|circle: lower → upper → lower/);
    const client = await clientWith("wild", "lower");
    await client.call("GET", "/hosts");
    await problemOf(client.call("GET", "/tokens"));
    await hub.server.service.accessLog.flush();
    const rows = await hub.database.query<{ what: string; detail: { permission: string; from: string } }>(
      "select what, detail from event where actor = 'wild' and what in ('ALLOWED', 'REFUSED') order by tx, id",
    );
    assert.deepEqual(
      rows.map(({ what, detail }) => [what, detail.permission, detail.from]),
      [
        ["ALLOWED", "host:read", "127.0.0.1"],
        ["REFUSED", "token:read", "127.0.0.1"],
      ],
    );
  },
);

test(
  "a page of another origin, a wrong key and a missing one are turned away; after " +
    "many wrong ones the address waits",
  async () => {
    const get = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${hub.server.url}/v1/status`, { headers });
    assert.equal((await get({ origin: "http://evil.example", authorization: `Bearer ${hub.adminToken}` })).status, 403);
    const without = await get({});
    assert.deepEqual([without.status, without.headers.get("www-authenticate")], [401, 'Bearer realm="stratos hub"']);
    const other = await startTestHub();
    try {
      const statuses: number[] = [];
      for (let attempt = 0; attempt < 32; attempt++)
        statuses.push(
          (await fetch(`${other.server.url}/v1/status`, { headers: { authorization: "Bearer stratos_wrong" } })).status,
        );
      assert.deepEqual([statuses[0], statuses.at(-1)], [401, 429]);
    } finally {
      await other.close();
    }
  },
);

test(
  "a host over HTTP: a waiting claim is answered when a task comes; the log is followed live, and again from where " +
    "it was",
  async () => {
    await hub.admin.call("PUT", "/channels/live", {});
    const { session } = await hub.admin.call<{ session: string }>("PUT", "/hosts/live", {
      arches: ["amd64"],
      channels: ["live"],
      capacity: 2,
    });
    const started = performance.now();
    const waiting = hub.admin.call<ClaimAnswer>("POST", "/hosts/live/claim", {
      session,
      slots: 1,
      waitSeconds: 20,
      start: true,
      holding: [],
    });
    const task = await submit(hub.admin, { channel: "live" });
    const { runs } = await waiting;
    assert.equal(runs[0]!.task, task.id);
    assert.ok(performance.now() - started < 15_000);
    const append = (offset: number, text: string): Promise<{ end: number }> =>
      hub.admin.call("PUT", `/hosts/live/runs/${runs[0]!.run}/log?offset=${offset}`, new TextEncoder().encode(text), {
        headers: { "run-token": runs[0]!.token },
      });
    assert.deepEqual(await append(0, "one "), { end: 4 });
    assert.deepEqual(await append(0, "one "), { end: 4 }, "the same again");
    assert.equal((await problemOf(append(9, "gap"))).status, 416);
    assert.equal(
      (
        await problemOf(
          hub.admin.call("PUT", `/hosts/live/runs/${runs[0]!.run}/log?offset=4`, new Uint8Array(1), {
            headers: { "run-token": UUID },
          }),
        )
      ).status,
      409,
    );
    const seen: string[] = [];
    let lastId = "";
    for await (const event of hub.admin.stream(`/tasks/${task.id}/log/stream`)) {
      if (event.event === "log") seen.push((event.data as { text: string }).text);
      lastId = event.id;
      break;
    }
    const rest = (async () => {
      for await (const event of hub.admin.stream(`/tasks/${task.id}/log/stream`, { lastId }))
        seen.push(event.event === "log" ? (event.data as { text: string }).text : event.event);
    })();
    await append(4, "two");
    const digest = `sha256:${createHash("sha256").update("artefact").digest("hex")}`;
    const end = {
      run: runs[0]!.run,
      token: runs[0]!.token,
      outcome: "COMPLETED",
      artefacts: [{ name: "out", role: "output", digest, media: "text/plain" }],
    };
    assert.equal(
      (await problemOf(hub.admin.call("POST", "/hosts/live/runs/end", { runs: [end] }))).type,
      "urn:stratos:hub:no-such-artefact",
    );
    assert.equal(
      (await hub.admin.call<TaskView>("GET", `/tasks/${task.id}`)).state,
      "RUNNING",
      "nothing of it was done",
    );
    await hub.admin.call("PUT", `/blobs/${digest}?size=8`, new TextEncoder().encode("arte"));
    assert.deepEqual(await hub.admin.call("GET", `/blobs/${digest}/state`), { offset: 4, isComplete: false });
    assert.equal(
      (await problemOf(hub.admin.call("PUT", `/blobs/${digest}?offset=2&size=8`, new Uint8Array(1)))).status,
      409,
    );
    await hub.admin.call("PUT", `/blobs/${digest}?offset=4&size=8`, new TextEncoder().encode("fact"));
    await hub.admin.call("POST", "/hosts/live/runs/end", { runs: [end] });
    await rest;
    assert.equal(seen.join("|"), "one |two|end");
    const details = await hub.admin.call<TaskDetails>("GET", `/tasks/${task.id}`);
    assert.deepEqual(details.artefacts, [{ name: "out", role: "output", digest, media: "text/plain", size: 8 }]);
    assert.equal(await (await hub.admin.raw("GET", `/blobs/${digest}`, {})).text(), "artefact");
    const range = await hub.admin.raw("GET", `/blobs/${digest}`, { headers: { range: "bytes=2-4" } });
    assert.deepEqual([range.status, await range.text()], [206, "tef"]);
  },
);

test("an artefact that lies about its digest is refused; one that no task has is collected, others stay", async () => {
  const digest = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
  assert.equal(
    (await problemOf(hub.admin.call("PUT", `/blobs/${digest("a")}?size=1`, new TextEncoder().encode("b")))).type,
    "urn:stratos:hub:wrong-digest",
  );
  await hub.admin.call("PUT", `/blobs/${digest("lonely")}?size=6`, new TextEncoder().encode("lonely"));
  const blobs = new FolderBlobs(`${hub.folder}/blobs`);
  assert.equal(await collectBlobs(hub.database, blobs, { limit: 10, hours: 24 }), 0, "it may be about to be used");
  assert.equal(await collectBlobs(hub.database, blobs, { limit: 10, hours: 0 }), 1);
  assert.equal(await blobs.size(digest("lonely")), null);
  assert.equal(await blobs.size(digest("artefact")), 8);
});

test("text that no database keeps is refused, wherever it stands", async () => {
  for (const text of ["a\0b", "\ud800"]) {
    for (const more of [{ label: text }, { payload: { deep: [{ [text]: 1 }] } }, { payload: { argv: [text] } }])
      assert.equal((await problemOf(submit(hub.admin, more))).status, 422);
  }
});

test("a channel tells its strategy of balancing; one that nobody knows is refused", async () => {
  const put = (balance?: string): Promise<{ balance: string }> => hub.admin.call("PUT", "/channels/even", { balance });
  assert.equal((await put("least-load")).balance, "least-load");
  const { status, detail } = await problemOf(put("even"));
  assert.equal(status, 422);
  assert.match(detail, /balance: "[a-z]+": expected first, round-robin, /);
  assert.equal((await hub.admin.call<{ balance: string }>("GET", "/channels/even")).balance, "least-load");
  assert.equal((await put()).balance, "first");
});

test("a completed task answers for another one of its cache key", async () => {
  // A channel of its own: other tests leave tasks of any priority in the others.
  await hub.admin.call("PUT", "/channels/cached", {});
  const { session } = await hub.admin.call<{ session: string }>("PUT", "/hosts/cache", {
    arches: ["amd64"],
    channels: ["cached"],
    capacity: 1_000,
  });
  const asked = { cacheKey: "k:1", channel: "cached" };
  const first = await submit(hub.admin, asked);
  const { runs } = await hub.admin.call<ClaimAnswer>("POST", "/hosts/cache/claim", {
    session,
    slots: 1,
    start: true,
    holding: [],
  });
  assert.equal(runs[0]!.task, first.id);
  assert.notEqual((await submit(hub.admin, asked)).id, first.id, "not yet");
  await hub.admin.call("POST", "/hosts/cache/runs/end", {
    runs: [{ run: runs[0]!.run, token: runs[0]!.token, outcome: "COMPLETED" }],
  });
  assert.equal((await submit(hub.admin, asked)).id, first.id);
});

test("metrics, health and the description need what they need", async () => {
  for (const path of ["/healthz", "/readyz", "/v1/openapi.json"])
    assert.equal((await fetch(hub.server.url + path)).status, 200, path);
  assert.equal((await fetch(`${hub.server.url}/metrics`)).status, 401);
  const text = await (
    await fetch(`${hub.server.url}/metrics`, { headers: { authorization: `Bearer ${hub.adminToken}` } })
  ).text();
  assert.match(text, /^stratos_hub_tasks\{channel="default",state="FREE"\} \d+$/m);
  assert.match(text, /^stratos_hub_leader 1$/m);
  // Each request's key is looked for; the administrator's is there from the second on.
  assert.match(
    text,
    /^# TYPE stratos_hub_cache_hits_total counter\nstratos_hub_cache_hits_total\{cache="keys"\} [1-9]/m,
  );
  assert.match(text, /^stratos_hub_cache_misses_total\{cache="lists"\} 0$/m);
});

test("a body that is too long, no JSON, or never ends is cut off in words", async () => {
  const post = (body: string): Promise<Response> =>
    fetch(`${hub.server.url}/v1/tasks`, {
      method: "POST",
      body,
      headers: { authorization: `Bearer ${hub.adminToken}`, "content-type": "application/json" },
    });
  assert.equal((await post("{")).status, 400);
  assert.equal((await post(JSON.stringify({ kind: "command", payload: { x: "y".repeat(2 << 20) } }))).status, 413);
  const status = await new Promise<number>((resolve) => {
    const endless = httpRequest(
      `${hub.server.url}/v1/tasks`,
      {
        method: "POST",
        headers: { authorization: `Bearer ${hub.adminToken}`, "content-type": "application/json" },
      },
      (response) => {
        resolve(response.statusCode!);
        endless.destroy();
      },
    );
    endless.on("error", () => {});
    const more = (): void => void (endless.destroyed || endless.write("x".repeat(65_536), () => setImmediate(more)));
    more();
  });
  assert.equal(status, 413);
});
