/** Goal: keys do what their role may, a page's secret is as good as what it signed in with, and restoring is whole. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { format } from "@stratos/aegisfs";
import { S_IFREG } from "@stratos/abi";
import { FileBlockDevice } from "@stratos/host-node";
import { AccessKeys, addAccessKey, removeAccessKeys } from "./access/access-keys.ts";
import { ROLES, type Role } from "./access/role.ts";
import { ServiceAccess } from "./access/service-access.ts";
import { REST_ROUTES } from "./rest-routes.ts";
import { createRestService } from "./rest-service.ts";
import { ServedVolumes } from "./served-volumes.ts";

interface Served {
  readonly access: ServiceAccess;
  readonly volumes: ServedVolumes;
  readonly keys: string;
  key(role: Role): string;
  ask(secret: string, method: string, path: string, body?: object): Promise<Response>;
}

function served(t: TestContext): Served {
  const folder = mkdtempSync(join(tmpdir(), "stratos-rest-"));
  const path = join(folder, "data");
  const device = new FileBlockDevice(path, { create: 32 << 20 });
  assert.equal(format(device, { uuid: new Uint8Array(16).fill(1), hashSeed: 1 }), 0);
  device.close();
  const volumes = new ServedVolumes([path], "write", [], assert.fail);
  t.after(() => {
    volumes.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const keys = join(folder, "fs-serve.keys");
  const access = new ServiceAccess("token", new AccessKeys(keys, assert.fail));
  const page = new Map([["index.html", new Uint8Array()]]);
  const service = createRestService(volumes, { access, page, readOnly: false, version: "0", onDefect: assert.fail });
  return {
    access,
    volumes,
    keys,
    key: (role) => addAccessKey(keys, role, role, null),
    ask: async (secret, method, at, body) =>
      service.request(`http://localhost${at}`, {
        method,
        headers: {
          host: "localhost",
          authorization: `Bearer ${secret}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  };
}

test("each operation is refused to roles below its own", async (t) => {
  const { ask, key } = served(t);
  const keys = ROLES.map((role) => ({ role, secret: key(role) }));
  for (const route of REST_ROUTES) {
    // Of no volume: who may is told that there is none.
    const path = `/v1${route.path.replace("{volume}", "none").replace(/\{\w+\}/g, "1")}`;
    for (const { role, secret } of keys) {
      const { status } = await ask(secret, route.method.toUpperCase(), path);
      const isAllowed = ROLES.indexOf(role) >= ROLES.indexOf(route.role);
      assert.equal(status === 403, !isAllowed, `${role}: ${route.id}: ${status}`);
    }
  }
  assert.ok(REST_ROUTES.every(({ changes, role }) => changes !== true || role !== "viewer"));
});

test("strangers get the page and nothing else; a page's secret ends with its key", async (t) => {
  const { access, ask, key, keys } = served(t);
  assert.equal((await ask("", "GET", "/")).status, 200);
  for (const path of ["/metrics", "/v1/volumes", "/v1/session", "/none"])
    assert.equal((await ask("", "GET", path)).status, 401, path);
  const enter = (secret: string): Promise<Response> => ask("", "POST", "/v1/session", { secret });
  assert.equal((await enter("guess")).status, 401);
  const { code } = access;
  const owner = (await (await enter(code!)).json()) as { secret: string };
  assert.equal((await enter(code!)).status, 401, "it works once");
  const whoIs = async (secret: string): Promise<unknown> => (await ask(secret, "GET", "/v1/session")).json();
  assert.deepEqual(await whoIs(owner.secret), { name: "owner", role: "administrator", readOnly: false });
  const viewer = (await (await enter(key("viewer"))).json()) as { secret: string };
  assert.deepEqual(await whoIs(viewer.secret), { name: "viewer", role: "viewer", readOnly: false });
  removeAccessKeys(keys, ["viewer"]);
  assert.equal((await ask(viewer.secret, "GET", "/v1/volumes")).status, 401);
  assert.equal((await ask(owner.secret, "DELETE", "/v1/session")).status, 200);
  assert.equal((await ask(owner.secret, "GET", "/v1/volumes")).status, 401);
});

test("the older place goes on, and says that it is old; methods that are not for a path are named", async (t) => {
  const { ask } = served(t);
  const [now, old] = [await ask("token", "GET", "/v1/volumes"), await ask("token", "GET", "/api/v1/volumes")];
  assert.deepEqual(await old.json(), await now.json());
  assert.deepEqual(
    [now.headers.get("deprecation"), old.headers.get("deprecation"), old.headers.get("link")],
    [null, "@1795651200", '</v1/volumes>; rel="successor-version"'],
  );
  const entered = await ask("", "POST", "/api/v1/session", { secret: "token" });
  assert.equal(entered.status, 201);
  for (const [path, allow] of [
    ["/v1/volumes", "GET, HEAD"],
    ["/api/v1/volumes/data/files", "GET, HEAD, DELETE"],
    ["/v1/session", "GET, HEAD, POST, DELETE"],
    ["/", "GET, HEAD"],
  ] as const) {
    const refused = await ask("token", "PATCH", path);
    assert.deepEqual([refused.status, refused.headers.get("allow")], [405, allow], path);
  }
  assert.equal((await ask("token", "PATCH", "/v1/none")).status, 404);
  for (const path of ["/healthz", "/readyz", "/v1/openapi.json", "/openapi.json"])
    assert.equal((await ask("", "GET", path)).status, 200, path);
});

test("a folder of a snapshot takes the place of what is there, with owners and times", async (t) => {
  const { ask, volumes } = served(t);
  const at = "/v1/volumes/data";
  const must = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await ask("token", method, at + path, body);
    assert.ok(response.ok, `${path}: ${await response.clone().text()}`);
    return response.json();
  };
  await must("POST", "/directories", { path: "/folder" });
  const { root } = volumes.find("data")!.opened.volume;
  const folder = root.lookup(1, "folder");
  const ino = root.create(folder, "file", S_IFREG | 0o640, 7, 8);
  assert.equal(root.write(ino, 0, new Uint8Array(5).fill(65), 0, 5), 5);
  const files = async (path: string): Promise<Record<string, unknown>[]> =>
    (await must("GET", `/files?path=${path}`)) as Record<string, unknown>[];
  const before = await files("/folder");
  await must("POST", "/snapshots", { name: "kept" });
  await must("DELETE", "/files?path=/folder/file");
  await must("POST", "/directories", { path: "/folder/new" });
  assert.deepEqual(await must("POST", "/snapshots/kept/restore", { path: "/folder" }), {
    files: 1,
    directories: 1,
    others: 0,
    bytes: 5,
  });
  assert.deepEqual(await files("/folder"), before);
  assert.deepEqual(
    (await files("/")).map(({ name }) => name),
    ["folder"],
  );
  const gone = await ask("token", "POST", `${at}/snapshots/kept/restore`, { path: "/none" });
  assert.equal(gone.status, 409);
  assert.equal((await files("/")).length, 1);
  await must("POST", "/snapshots/kept/restore", { path: "/folder/file", to: "/copy" });
  assert.deepEqual(await (await ask("token", "GET", `${at}/content?path=/copy`)).text(), "AAAAA");
});

test("quotas and properties by the service are those of the commands", async (t) => {
  const { ask } = served(t);
  const at = "/v1/volumes/data";
  const put = (path: string, body: object): Promise<Response> => ask("token", "PUT", at + path, body);
  assert.equal(await (await ask("token", "GET", `${at}/quotas`)).json(), null);
  assert.equal((await put("/quotas/user/5", { hardBytes: 8192 })).status, 409, "they are off");
  assert.equal((await put("/quotas", { on: true })).status, 200);
  const [quota] = (await (await put("/quotas/user/5", { hardBytes: 8192 })).json()) as Record<string, unknown>[];
  assert.ok(quota);
  const all = (await (await ask("token", "GET", `${at}/quotas`)).json()) as Record<string, unknown>[];
  assert.equal(all.find(({ kind, id }) => kind === "user" && id === 5)!["hardBytes"], 8192);
  for (const bad of ["/quotas/nobody/5", "/quotas/user/-1", "/quotas/user/4294967296"])
    assert.equal((await put(bad, {})).status, 400, bad);
  const path = "/properties?path=/";
  const set = await put(path, { compression: { name: "zstd", level: 5 }, dedupe: "on" });
  assert.deepEqual(await set.json(), {
    compression: "zstd:5",
    dedupe: "on",
    tier: "any",
    own: { compression: "zstd:5", dedupe: "on", tier: "inherit" },
  });
  assert.equal((await put(path, { compression: { name: "gzip", level: 5 } })).status, 400);
});
