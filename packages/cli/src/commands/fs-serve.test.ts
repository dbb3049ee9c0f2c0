/**
 * Goal: the REST service does what the commands do, describes itself truly, and refuses whom it must. Method: the
 * command in a process of its own, requests over HTTP.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { request as secureRequest } from "node:https";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openApiDocument, REST_ROUTES, VOLUMES_API } from "@stratos/volumes/serve";
import { VERSION } from "@stratos/sdk/version";
import { commandArguments } from "../testing/command-line.ts";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

let folder: string, volume: string, root: string;
let server: ChildProcess;
/** Of the state folder; the first start made it. */
let token = "";
const authorized = (init: RequestInit = {}): RequestInit => ({
  ...init,
  headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${token}` },
});
const fetchWithToken = (url: string, init?: RequestInit): Promise<Response> => fetch(url, authorized(init));

async function start(...args: string[]): Promise<{ child: ChildProcess; address: string }> {
  const child = spawn(
    process.execPath,
    [...commandArguments, "fs", "serve", ...(args.includes("--socket") ? [] : ["--port", "0"]), ...args],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, STRATOS_HOME: join(folder, "home") } },
  );
  const [line] = (await Promise.race([
    once(child.stdout!, "data"),
    once(child, "exit").then(() => assert.fail("it does not start")),
  ])) as [Buffer];
  token = existsSync(tokenPath()) ? readFileSync(tokenPath(), "utf8").trim() : "";
  return { child, address: line.toString().trim() };
}

const tokenPath = (): string => join(folder, "home/fs-serve.token");

async function stop(child: ChildProcess): Promise<void> {
  child.kill("SIGTERM");
  const [status] = (await once(child, "exit")) as [number];
  assert.equal(status, 0);
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly value: Record<string, unknown> & Record<number, unknown>;
}

async function call(method: string, path: string, body?: unknown): Promise<Answer> {
  const bytes = body instanceof Uint8Array || typeof body === "string";
  const response = await fetchWithToken(`${root}v1${path}`, {
    method,
    ...(body === undefined
      ? {}
      : {
          body: bytes ? (body as NonNullable<RequestInit["body"]>) : JSON.stringify(body),
          headers: { "content-type": bytes ? "application/octet-stream" : "application/json" },
        }),
  });
  return {
    status: response.status,
    type: response.headers.get("content-type") ?? "",
    value: (await response.json()) as Answer["value"],
  };
}

async function content(path: string): Promise<Buffer> {
  const response = await fetchWithToken(`${root}v1${path}`);
  assert.equal(response.status, 200);
  return Buffer.from(await response.arrayBuffer());
}

before(async () => {
  folder = testFolder("stratos-serve");
  volume = join(folder, "data");
  await runCommand("fs", "format", volume, "-s", "64M", "-L", "served");
  ({ child: server, address: root } = await start(volume));
});
after(async () => {
  if (server.exitCode === null) await stop(server);
  rmSync(folder, { recursive: true, force: true });
});

test("files are written, listed, read, moved and removed, and are there for the commands afterwards", async () => {
  const bytes = Buffer.alloc(3_000_000, "content ");
  assert.deepEqual((await call("PUT", "/volumes/data/content?path=/big", bytes)).value, { sizeBytes: bytes.length });
  assert.ok((await content("/volumes/data/content?path=/big")).equals(bytes));
  assert.equal((await call("POST", "/volumes/data/directories", { path: "/d" })).status, 201);
  assert.equal((await call("POST", "/volumes/data/moves", { from: "/big", to: "/d/big" })).status, 200);
  const listed = await call("GET", "/volumes/data/files?path=/d");
  assert.deepEqual(
    (listed.value as unknown as { name: string; sizeBytes: number }[]).map(({ name, sizeBytes }) => [name, sizeBytes]),
    [["big", bytes.length]],
  );
  assert.equal((await call("DELETE", "/volumes/data/files?path=/d&recursive=true")).value["removed"], 2);
  await call("PUT", "/volumes/data/content?path=/kept", "kept");
});

test("refusals are problem details with the right status", async () => {
  const cases: readonly (readonly [string, string, unknown, number, RegExp])[] = [
    ["GET", "/volumes/none", undefined, 404, /none: no such volume/],
    ["GET", "/volumes/data/files?path=/none", undefined, 404, /data:\/none: no such file or directory/],
    ["GET", "/volumes/data/files", undefined, 400, /path: missing/],
    ["GET", "/volumes/data/files?path=/&bogus=1", undefined, 400, /bogus: no such parameter/],
    ["POST", "/volumes/data/directories", { path: 5 }, 400, /body\/path must be string/],
    ["POST", "/volumes/data/directories", { path: "/x", extra: 1 }, 400, /additional properties/],
    ["POST", "/volumes/data/directories", "text", 415, /application\/json/],
    ["POST", "/volumes/data/directories", { path: "/kept" }, 409, /already exists/],
    ["DELETE", "/volumes/data/files?path=/", undefined, 409, /is a directory/],
    ["POST", "/volumes/data/snapshots/none/rollback", {}, 404, /no such snapshot/],
    ["GET", "/volumes/data/content?path=/nope", undefined, 404, /data:\/nope: no such file or directory/],
    ["GET", "/volumes/data/content?path=/", undefined, 409, /is a directory/],
    ["GET", "/volumes/data/snapshots/none/stream", undefined, 404, /no such snapshot/],
    ["GET", "/nothing", undefined, 404, /openapi/],
    ["GET", "/volumes/data/audit", undefined, 409, /no audit log/],
  ];
  for (const [method, path, body, status, detail] of cases) {
    const answer = await call(method, path, body);
    assert.deepEqual(
      [answer.status, answer.type, answer.value["status"]],
      [status, "application/problem+json", status],
      `${method} ${path}: ${JSON.stringify(answer.value)}`,
    );
    assert.match(String(answer.value["detail"]), detail);
  }
});

test("snapshots: take, compare, send, receive, roll back, delete; the schedule is run", async () => {
  assert.equal((await call("POST", "/volumes/data/snapshots", { name: "s1", label: "first" })).value["label"], "first");
  await call("PUT", "/volumes/data/content?path=/new", "new");
  assert.deepEqual((await call("GET", "/volumes/data/snapshots/s1/changes")).value, [
    { change: "added", path: "/new", type: "file", aspects: [] },
  ]);
  const stream = await content("/volumes/data/snapshots/s1/stream");
  assert.equal(
    (await call("POST", "/volumes/data/received?name=copy", stream)).status,
    409,
    "the volume has that snapshot itself",
  );
  assert.equal((await call("POST", "/volumes/data/received", "nonsense that is long enough")).status, 409);
  await call("POST", "/volumes/data/snapshots/s1/rollback", { save: "s2" });
  assert.equal((await call("GET", "/volumes/data/files?path=/new")).status, 404);
  assert.deepEqual(
    ((await call("GET", "/volumes/data/snapshots")).value as unknown as { name: string }[]).map(({ name }) => name),
    ["root", "s1", "s2"],
  );
  assert.ok(((await call("DELETE", "/volumes/data/snapshots/s2")).value["freedBytes"] as number) >= 0);
  const schedule = { hourly: 2, daily: 0, weekly: 0, monthly: 0 };
  assert.deepEqual((await call("PUT", "/volumes/data/schedule", schedule)).value, schedule);
  assert.match(String((await call("POST", "/volumes/data/schedule/run")).value["created"]), /^auto-/);
});

test("a scrub runs between requests; metrics tell of all", async () => {
  assert.equal((await call("POST", "/volumes/data/scrub")).status, 202);
  for (let tries = 0; tries < 2000 && (await call("GET", "/volumes/data/scrub")).value["running"] === true; tries++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  const scrub = (await call("GET", "/volumes/data/scrub")).value;
  assert.deepEqual([scrub["running"], scrub["lostBlocks"]], [false, 0]);
  const text = await (await fetchWithToken(`${root}metrics`)).text();
  assert.match(text, /^# TYPE stratos_fs_size_bytes gauge\nstratos_fs_size_bytes\{volume="data"\} 67108864$/m);
  assert.match(text, /^stratos_fs_requests_total\{operation="startScrub",status="202"\} 1$/m);
  for (const line of text.trimEnd().split("\n"))
    assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+\{\w+="[^"]*"(,\w+="[^"]*")*\} [\d.e+-]+)$/);
});

test("the description names every operation, and is what the command prints", async () => {
  const described = (await (await fetch(`${root}openapi.json`)).json()) as {
    openapi: string;
    paths: Record<string, Record<string, { operationId: string }>>;
  };
  assert.equal(described.openapi, "3.1.0");
  assert.deepEqual(described, JSON.parse(JSON.stringify(openApiDocument(REST_ROUTES, VOLUMES_API, VERSION))));
  const operations = Object.values(described.paths).flatMap((path) =>
    Object.values(path).map(({ operationId }) => operationId),
  );
  assert.deepEqual(operations.sort(), REST_ROUTES.map(({ id }) => id).sort());
  assert.equal(new Set(operations).size, operations.length);
});

test(
  "pages of other origins and names of other hosts are not served; a token " + "is asked for where one was set",
  async () => {
    assert.equal(
      (await fetchWithToken(`${root}v1/volumes`, { headers: { origin: "https://evil.example" } })).status,
      403,
    );
    await stop(server);
    const open = await start("--no-token", volume);
    const said = once(open.child.stderr!, "data");
    const rebound = await new Promise<number>((resolve, reject) => {
      request(`${open.address}v1/volumes`, { headers: { host: "evil.example" } }, (response) =>
        resolve(response.resume().statusCode!),
      )
        .on("error", reject)
        .end();
    });
    assert.equal(rebound, 403);
    assert.equal((await fetch(`${open.address}v1/volumes`)).status, 200);
    assert.match(String(await said), /warning: --no-token: every user and program of this computer/);
    await stop(open.child);
    const refused = await runCommand("fs", "serve", volume, "--host", "0.0.0.0");
    assert.deepEqual(
      [refused.status, refused.stderr],
      [2, "stratos: --host: 0.0.0.0 can be reached by others: --token-file is needed\n"],
    );
    assert.equal((await runCommand("fs", "cat", `${volume}:/kept`)).stdout, "kept");
    assert.equal((await runCommand("fs", "check", volume)).stdout, `${volume}: clean\n`);

    writeFileSync(join(folder, "token"), "s3cret\n");
    const guarded = await start("--read-only", "--token-file", join(folder, "token"), `other=${volume}`);
    try {
      const get = (token?: string, init: RequestInit = {}): Promise<Response> =>
        fetch(`${guarded.address}v1/volumes`, {
          ...init,
          headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        });
      assert.deepEqual(
        [(await get()).status, (await get("wrong")).status, (await get("s3cret")).status],
        [401, 401, 200],
      );
      assert.equal(((await (await get("s3cret")).json()) as { volume: string }[])[0]!.volume, "other");
      const change = await fetch(`${guarded.address}v1/volumes/other/snapshots`, {
        method: "POST",
        body: "{}",
        headers: { authorization: "Bearer s3cret", "content-type": "application/json" },
      });
      assert.equal(change.status, 403);
    } finally {
      await stop(guarded.child);
    }
  },
);

test("a token is made at the first start, and nobody else may read it; a socket is its owner's alone", async () => {
  assert.equal(statSync(tokenPath()).mode & 0o777, 0o600);
  assert.ok(token.length >= 43, token);
  const socket = join(folder, "socket");
  for (let again = 0; again < 2; again++) {
    const { child, address } = await start("--socket", socket, volume);
    assert.equal(address, `unix:${socket}`);
    assert.equal(statSync(socket).mode & 0o777, 0o600);
    const status = await new Promise<number>((resolve, reject) => {
      request({ socketPath: socket, path: "/v1/volumes", headers: { host: "localhost" } }, (response) =>
        resolve(response.resume().statusCode!),
      )
        .on("error", reject)
        .end();
    });
    assert.equal(status, 200);
    assert.match(
      (await runCommand("fs", "serve", volume, "--socket", socket)).stderr,
      /in use by process|another process listens there/,
    );
    // What a killed one leaves is taken away by the next.
    if (again === 0) {
      child.kill("SIGKILL");
      await once(child, "exit");
    } else await stop(child);
  }
  for (const wrong of [
    ["--socket", socket, "--port", "1"],
    ["--no-token", "--token-file", socket],
    ["--no-token", "--host", "0.0.0.0"],
  ])
    assert.equal((await runCommand("fs", "serve", volume, ...wrong)).status, 2);
});

test("a configuration says what is served and kept: snapshots, a scrub and a backup are made", async () => {
  const file = join(folder, "volumes.yaml");
  const own = join(folder, "own");
  await runCommand("fs", "format", own, "-s", "64M");
  writeFileSync(
    file,
    "serve: { port: 0 }\nvolumes:\n  - name: kept\n    path: own\n    snapshots: { daily: 3 }\n" +
      "    scrub: { every: weekly }\n    backups:\n      - to: " +
      join(folder, "store") +
      "\n        keep: 2\n",
  );
  const checked = JSON.parse((await runCommand("fs", "config", "check", file)).stdout) as {
    serve: { host: string };
    volumes: { path: string; backups: { every: string }[] }[];
  };
  assert.deepEqual(
    [checked.serve.host, checked.volumes[0]!.path, checked.volumes[0]!.backups[0]!.every],
    ["127.0.0.1", own, "daily"],
  );
  const kept = await start("--config", file);
  try {
    const get = async (path: string): Promise<{ running?: boolean } | null> =>
      (await (await fetchWithToken(`${kept.address}v1/volumes/kept/${path}`)).json()) as {
        running?: boolean;
      } | null;
    assert.deepEqual(await get("schedule"), { hourly: 0, daily: 3, weekly: 0, monthly: 0 });
    const isDone = async (): Promise<boolean> =>
      /stratos_fs_backup_runs_total\{volume="kept"\} 1/.test(
        await (await fetchWithToken(`${kept.address}metrics`)).text(),
      ) && (await get("scrub"))?.running === false;
    for (let tries = 0; tries < 2000 && !(await isDone()); tries++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(await isDone(), "the backup and the scrub came to their end");
  } finally {
    await stop(kept.child);
  }
  assert.match((await runCommand("fs", "snapshot", "list", own, "--names")).stdout, /^auto-/m);
  assert.equal(
    (await runCommand("fs", "backup", "verify", join(folder, "store"))).stdout,
    `${join(folder, "store")}: intact\n`,
  );
});

test("a configuration that is wrong is told with its place", async () => {
  const file = join(folder, "wrong.yaml");
  for (const [text, message] of [
    ["volumes: []", /volumes must NOT have fewer than 1 items/],
    ["volumes:\n  - { name: a, path: b, colour: red }", /volumes\.0 must NOT have additional properties \('colour'\)/],
    [
      "volumes:\n  - { name: a, path: b, scrub: { every: always } }",
      /volumes\.0\.scrub\.every must be equal to one of the allowed values \(hourly, daily, weekly, monthly\)/,
    ],
    ["volumes:\n  - { name: a, path: b }\n  - { name: a, path: c }", /two volumes are called a/],
    ["volumes: [", /wrong\.yaml: /],
  ] as const) {
    writeFileSync(file, text);
    const result = await runCommand("fs", "config", "check", file);
    assert.equal(result.status, 1);
    assert.match(result.stderr, message);
  }
  assert.equal(
    (JSON.parse((await runCommand("fs", "config", "schema")).stdout) as { title: string }).title,
    "Stratos volumes",
  );
});

test("by TLS: the certificate's owner is reached, and half of a pair of files is refused", async () => {
  const [certificate, key] = ["tls.crt", "tls.key"].map((name) => join(folder, name)) as [string, string];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-subj", "/CN=box", "-addext", "subjectAltName=DNS:localhost"];
  const files = ["-out", certificate, "-keyout", key];
  execFileSync("openssl", ["req", "-x509", ...curve, ...subject, ...files], { stdio: "ignore", timeout: 60_000 });
  const half = await runCommand("fs", "serve", volume, "--tls-cert", certificate);
  assert.equal(half.status, 2);
  assert.match(half.stderr, /--tls-key: is missing: both files are needed/);
  const other = join(folder, "tls-data");
  await runCommand("fs", "format", other, "-s", "32M");
  const { child, address } = await start(other, "--tls-cert", certificate, "--tls-key", key);
  assert.match(address, /^https:\/\/127\.0\.0\.1:\d+\/$/);
  const to = { host: "127.0.0.1", port: new URL(address).port, servername: "localhost", ca: readFileSync(certificate) };
  const headers = { authorization: `Bearer ${token}` };
  const status = await new Promise((resolve, reject) =>
    secureRequest({ ...to, path: "/v1/volumes", headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on("error", reject)
      .end(),
  );
  assert.equal(status, 200);
  await stop(child);
});
