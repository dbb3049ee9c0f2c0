/**
 * Goal: what a forge tells, signed, starts the task that is asked for, once, and nothing else does; the forge hears
 * what becomes of it; a repository that tells nobody is looked at. Method: a hub over HTTP, a forge on the loopback
 * address, a repository of git's own; the chores by hand.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { HubProblem, type HubClient, type TaskView, type TriggerOutcome, type WorkflowView } from "@stratos/hub-api";
import { migrate, SCHEMA_VERSION } from "../store/migrations/migrate.ts";
import { cancelTask } from "../store/change-tasks.ts";
import { openDatabase } from "../database/open-database.ts";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";
import { pollRepositories } from "./poll-repositories.ts";
import { STATUS_ATTEMPTS_MAX, tellStatuses } from "./tell-statuses.ts";
import { matchesPattern } from "./trigger-rules.ts";

const KEY = "the forge's secret";
const TOKEN = "token-of-the-forge";
const COMMIT = "c".repeat(40);

let hub: TestHub;
let admin: HubClient;
before(async () => {
  hub = await startTestHub();
  admin = hub.admin;
  // Chores are called by hand.
  await hub.server.service.housekeeping.close();
  await admin.call("PUT", "/secrets/forge", { value: KEY });
  await admin.call("PUT", "/secrets/status", { value: TOKEN });
});
after(() => hub.close());

const build = {
  kind: "build",
  arch: "amd64",
  payload: { source: "{{clone}}#{{commit}}", profiles: ["{{ name }}"], seed: 7 },
};
const put = (name: string, rule: object): Promise<unknown> =>
  admin.call("PUT", `/triggers/${name}`, { forge: "github", secret: "forge", task: build, ...rule });
const refused = (work: Promise<unknown>, status: number, why: RegExp): Promise<void> =>
  assert.rejects(work, (error) => error instanceof HubProblem && error.status === status && why.test(error.message));

interface Sent {
  readonly event?: string;
  readonly key?: string;
  readonly headers?: Record<string, string>;
}
async function deliver(trigger: string, body: object, sent: Sent = {}): Promise<{ status: number } & TriggerOutcome> {
  const text = JSON.stringify(body);
  const signature = createHmac("sha256", sent.key ?? KEY)
    .update(text)
    .digest("hex");
  const response = await fetch(`${hub.server.url}/hooks/${trigger}`, {
    method: "POST",
    body: text,
    headers: {
      "x-github-event": sent.event ?? "push",
      "x-hub-signature-256": `sha256=${signature}`,
      "x-gitea-event": sent.event ?? "push",
      "x-gitea-signature": signature,
      ...sent.headers,
    },
  });
  return { status: response.status, ...((await response.json()) as TriggerOutcome) };
}

const push = (more: object = {}): object => ({
  ref: "refs/heads/main",
  after: COMMIT,
  repository: { full_name: "me/tool", clone_url: "https://forge.example/me/tool.git" },
  commits: [{ added: ["src/a.c"], modified: [], removed: [] }],
  ...more,
});
const tasks = async (): Promise<number> =>
  (await hub.database.query<{ count: number }>("select count(*) as count from task"))[0]!.count;

test("a signed push starts the task, filled in; the same one again starts nothing", async () => {
  await put("tool", {});
  const made = await deliver("tool", push(), { headers: { "x-github-delivery": "1" } });
  assert.equal(made.status, 201, made.why ?? "");
  const task = await admin.call<TaskView>("GET", `/tasks/${made.task}`);
  assert.deepEqual(
    [task.kind, task.arch, task.owner, task.label, task.payload],
    [
      ...["build", "amd64", "trigger:tool", "me/tool main"],
      { source: `https://forge.example/me/tool.git#${COMMIT}`, profiles: ["main"], seed: 7 },
    ],
  );
  const before = await tasks();
  // Who has read a delivery can send it again, under another identifier.
  const again = await deliver("tool", push(), { headers: { "x-github-delivery": "2" } });
  assert.deepEqual([again.status, again.task, await tasks()], [200, made.task, before]);
  const { items } = await admin.call<{ items: object[] }>("GET", "/triggers/tool/deliveries");
  assert.equal(items.length, 1);
});

test("what is not signed with its secret starts nothing, and does not tell which triggers there are", async () => {
  const before = await tasks();
  const answers = [
    await deliver("tool", push({ n: 1 }), { key: "wrong" }),
    await deliver("nobody", push({ n: 1 })),
    await deliver("tool", push({ n: 1 }), { headers: { "x-hub-signature-256": "" } }),
  ].map(({ status, ...body }) => [status, (body as unknown as { detail: string }).detail]);
  for (const answer of answers) assert.deepEqual(answer, [401, answers[0]![1]]);
  assert.equal(await tasks(), before);
});

test("gitlab and gitea, each by its own signature", async () => {
  await put("lab", { forge: "gitlab", tags: ["v*"], branches: ["main"] });
  const lab = {
    ref: "refs/tags/v1",
    after: "d".repeat(40),
    checkout_sha: COMMIT,
    project: { path_with_namespace: "group/sub/tool", git_http_url: "https://lab.example/group/sub/tool.git" },
    commits: [],
  };
  const headers = { "x-gitlab-event": "Tag Push Hook", "x-gitlab-token": KEY, "x-gitlab-event-uuid": "1" };
  const made = await deliver("lab", lab, { headers });
  assert.equal(made.status, 201, made.why ?? "");
  const { payload } = await admin.call<TaskView>("GET", `/tasks/${made.task}`);
  assert.equal(payload["source"], `https://lab.example/group/sub/tool.git#${COMMIT}`, "the tag's commit");
  assert.equal((await deliver("lab", lab, { headers })).status, 200);
  assert.equal((await deliver("lab", lab, { headers: { ...headers, "x-gitlab-token": "no" } })).status, 401);
  const gone = { ...lab, checkout_sha: null, after: "0".repeat(40) };
  assert.match((await deliver("lab", gone, { headers })).why!, /deleted/);
  await put("tea", { forge: "gitea" });
  assert.equal((await deliver("tea", push())).status, 201);
});

test("filters: branches, tags, paths, repository; names that could be commands; what is no push", async () => {
  await put("narrow", { branches: ["main", "release/*"], tags: ["v**"], paths: ["src/**"], repository: "me/tool" });
  const why = async (more: object, sent?: Sent): Promise<string | null> =>
    (await deliver("narrow", push({ at: Math.random(), ...more }), sent)).why;
  assert.equal(await why({}), null);
  assert.equal(await why({ ref: "refs/heads/release/2" }), null);
  assert.match((await why({ ref: "refs/heads/release/2/x" }))!, /branch release\/2\/x matches main, release\/\* not/);
  assert.equal(await why({ ref: "refs/tags/v1/rc" }), null);
  const docs = [{ added: [], modified: ["docs/a.md"], removed: [] }];
  assert.match((await why({ commits: docs }))!, /no changed file matches src/);
  assert.equal(await why({ commits: docs, total_commits: 9 }), null, "the forge does not name all files");
  assert.match(
    (await why({ repository: { full_name: "you/tool", clone_url: "https://x.example/t" } }))!,
    /not for you/,
  );
  assert.match((await why({ ref: "refs/heads/$(reboot)" }))!, /no branch or tag whose name/);
  assert.match((await why({ ref: "refs/heads/--help" }))!, /no branch or tag whose name/);
  assert.match((await why({ repository: { full_name: "../..", clone_url: "https://x.example/t" } }))!, /name is none/);
  assert.match((await why({}, { event: "ping" }))!, /the event ping starts nothing/);
  assert.equal(matchesPattern("a.c", "abc"), false);
  const outcome = await admin.call<TriggerOutcome>("POST", "/triggers/narrow/test", {
    ...{ ref: "refs/heads/main", commit: COMMIT, repository: "me/tool", clone: "https://x.example/t", paths: null },
  });
  assert.equal(outcome.submission?.label, "me/tool main");
});

test("a delivery that a brake refuses can come again", async () => {
  await put("brake", {});
  await admin.call("PUT", "/brakes/trigger:brake", { maxQueued: 0 });
  assert.equal((await deliver("brake", push())).status, 429);
  await admin.call("PUT", "/brakes/trigger:brake", { maxQueued: 1 });
  assert.equal((await deliver("brake", push())).status, 201);
});

test("triggers that cannot work, or may more than their maker, are refused; secrets are told to nobody", async () => {
  await refused(put("bad", { secret: "none" }), 404, /secret none/);
  await refused(put("bad", { task: { ...build, channel: "none" } }), 404, /channel none/);
  await refused(put("bad", { task: { ...build, label: "{{who}}" } }), 422, /\{\{who\}\}: no placeholder/);
  await refused(put("bad", { forge: "gitlab", status: { secret: "status" } }), 422, /status\.api is missing/);
  const git = { forge: "git", secret: undefined };
  await refused(put("bad", git), 422, /url is missing/);
  await refused(put("bad", { ...git, url: "https://me:word@x.example/a" }), 422, /password goes into a secret/);
  await refused(put("bad", { ...git, url: "file:///etc" }), 422, /expected a URL/);
  await refused(admin.call("DELETE", "/secrets/forge"), 409, /uses the secret forge/);
  await admin.call("PUT", "/roles/ci", { permissions: ["trigger", "task:submit:other"] });
  await admin.call("PUT", "/grants/ci/ci");
  const { token } = await admin.call<{ token: string }>("POST", "/tokens", { principal: "ci", scopes: ["*"] });
  await refused(
    hub.client(token).call("PUT", "/triggers/mine", { forge: "github", secret: "forge", task: build }),
    403,
    /task:submit:default/,
  );
  const theft = {
    ...{ forge: "gitea", secret: "forge", task: { ...build, channel: "other" } },
    status: { secret: "status", api: "https://me.example/" },
  };
  await admin.call("PUT", "/channels/other", {});
  await admin.call("PUT", "/roles/ci", { permissions: ["trigger", "task:submit:other", "secret:use:forge"] });
  await refused(hub.client(token).call("PUT", "/triggers/mine", theft), 403, /secret:use:status/);
  for (const path of ["/secrets", "/triggers", "/events?limit=500"])
    assert.doesNotMatch(JSON.stringify(await admin.call("GET", path)), /the forge's secret|token-of-the-forge/);
});

async function listen(
  handle: (request: IncomingMessage, body: string) => { status: number; type?: string; body?: Buffer },
) {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece) => (body += String(piece)));
    request.on("end", () => {
      const answer = handle(request, body);
      response.writeHead(answer.status, { "content-type": answer.type ?? "text/plain" }).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

test("the forge hears of the commit: waiting, its end, and once each; a forge that is away is told later", async () => {
  const told: { path: string; token: unknown; body: Record<string, string> }[] = [];
  let failures = 1;
  const { server, url } = await listen((request, body) => {
    if (failures-- > 0) return { status: 503 };
    const { authorization, "private-token": token = authorization } = request.headers;
    told.push({ path: request.url!, token, body: JSON.parse(body) as Record<string, string> });
    return { status: 201 };
  });
  try {
    const { database } = hub;
    const tell = async (): Promise<number> => {
      await database.query("update commit_status set due = now()");
      return tellStatuses(database, "https://hub.example/", fetch);
    };
    await put("teller", { forge: "gitea", status: { secret: "status", api: `${url}/api/v1/`, context: "debs" } });
    const { task } = await deliver("teller", push());
    await tell();
    assert.equal(told.length, 0);
    await tell();
    assert.equal(await tell(), 0, "nothing has changed");
    await cancelTask(database, task!, "me");
    await tell();
    assert.deepEqual(
      told.map(({ path, token, body }) => [path, token, body["state"], body["context"], body["target_url"]]),
      ["pending", "error"].map((state) => [
        ...[`/api/v1/repos/me/tool/statuses/${COMMIT}`, `token ${TOKEN}`, state, "debs"],
        `https://hub.example/tasks/${task}`,
      ]),
    );
    await put("lab-teller", { forge: "gitlab", status: { secret: "status", api: url } });
    const project = { path_with_namespace: "a/b", git_http_url: "https://lab.example/a/b" };
    await deliver(
      "lab-teller",
      { ref: "refs/heads/x", checkout_sha: COMMIT, project },
      { headers: { "x-gitlab-event": "Push Hook", "x-gitlab-token": KEY } },
    );
    failures = STATUS_ATTEMPTS_MAX;
    for (let attempt = 0; attempt < STATUS_ATTEMPTS_MAX + 2; attempt++) await tell();
    assert.equal(told.length, 2, "after twelve attempts it is left");
    await database.query("update commit_status set attempt = 0");
    await tell();
    assert.deepEqual([told[2]!.path, told[2]!.token], [`/projects/a%2Fb/statuses/${COMMIT}`, TOKEN]);
  } finally {
    await close(server);
  }
});

const DEB = {
  parameters: {
    source: { type: "string" },
    suite: { type: "string", choices: ["sid", "trixie"] },
    deep: { type: "integer" },
  },
  tasks: [
    { kind: "build", label: "{{source}}", payload: { source: "{{source}}", suite: "{{suite}}", seed: "{{deep}}" } },
    { kind: "command", label: "tell", payload: { argv: ["tell"] }, afterInBatch: [0] },
  ],
};

test("a push starts a template's tasks as one workflow, of which the forge hears as one", async () => {
  const told: (readonly [string, string])[] = [];
  const { server, url } = await listen((_, body) => {
    const { state, description } = JSON.parse(body) as { state: string; description: string };
    told.push([state, description]);
    return { status: 201 };
  });
  try {
    await admin.call("PUT", "/templates/deb", DEB);
    const status = { secret: "status", api: url };
    const values = { source: "{{clone}}#{{commit}}", suite: "{{name}}", deep: 3 };
    const template = { name: "deb", values };
    await put("deb", { forge: "gitea", task: undefined, template, status });
    const made = await deliver("deb", push({ ref: "refs/heads/sid" }));
    assert.equal(made.status, 201, made.why ?? "");
    const { workflow, payload } = await admin.call<TaskView>("GET", `/tasks/${made.task}`);
    assert.deepEqual(payload, { source: `https://forge.example/me/tool.git#${COMMIT}`, suite: "sid", seed: 3 });
    const { name, owner, tasks: all } = await admin.call<WorkflowView>("GET", `/workflows/${workflow}`);
    assert.deepEqual([name, owner, all.map(({ state }) => state)], ["deb v1", "trigger:deb", ["FREE", "BLOCKED"]]);
    const end = (state: string, task: number, message: string | null = null): Promise<unknown> =>
      hub.database.query("update task set state = $2, blockers = 0, finished = now(), message = $3 where id = $1", [
        ...[task, state, message],
      ]);
    const tell = async (): Promise<void> => {
      await hub.database.query("update commit_status set due = now()");
      await tellStatuses(hub.database, "https://hub.example", fetch);
    };
    await tell();
    await end("COMPLETED", all[0]!.id);
    await tell();
    await end("COMPLETED", all[1]!.id);
    await tell();
    await end("FAILED", all[1]!.id, "nobody answers");
    await tell();
    const title = `workflow ${workflow}: `;
    assert.deepEqual(told, [
      ["pending", `${title}waits or runs`],
      ["success", `${title}completed`],
      ["failure", `${title}nobody answers`],
    ]);
  } finally {
    await close(server);
  }
});

test("a template whose values do not fit starts nothing, and says why; nor one for channels of nobody's", async () => {
  const values = { source: "xz", suite: "{{name}}", deep: 3 };
  const set = (template: object, more: object = {}): Promise<unknown> =>
    put("odd", { task: undefined, template, ...more });
  await refused(put("odd", { template: { name: "deb", values } }), 422, /either a task or a template/);
  await refused(set({ name: "none", values }), 404, /none/);
  await refused(set({ name: "deb", values: { ...values, more: 1 } }), 422, /more: deb has no such parameter/);
  await refused(set({ name: "deb", values: { source: "xz", deep: 3 } }), 422, /suite is missing/);
  await refused(set({ name: "deb", values: { ...values, deep: "{{name}}" } }), 422, /deep: what is pushed is text/);
  await refused(set({ name: "deb", values: { ...values, source: "{{branch}}" } }), 422, /{{branch}}: no placeholder/);
  await set({ name: "deb", values });
  const why = async (ref: string): Promise<string | null> =>
    (await deliver("odd", push({ ref: `refs/heads/${ref}` }))).why;
  assert.equal(await why("main"), 'template deb: suite: "main" is not one of sid, trixie');
  assert.equal(await why("sid"), null);
  // Somebody else changes the template: the trigger's maker was not asked for that channel.
  await admin.call("PUT", "/channels/release", {});
  await admin.call("PUT", "/templates/deb", {
    ...DEB,
    tasks: [{ kind: "build", channel: "release", payload: { source: "xz" } }],
  });
  assert.equal(await why("trixie"), "deb v2 has a task for channel release, for which the trigger was not set");
  await set({ name: "deb", values, version: 1 });
  assert.equal((await deliver("odd", push({ ref: "refs/heads/trixie", after: "d".repeat(40) }))).status, 201);
  const permissions = ["trigger", "secret:use", "template", "task:submit:default"];
  await admin.call("PUT", "/roles/trigger-maker", { inherits: [], permissions });
  await admin.call("PUT", "/grants/plain/trigger-maker");
  const { token } = await admin.call<{ token: string }>("POST", "/tokens", { principal: "plain", scopes: ["*"] });
  const rule = { forge: "github", secret: "forge", template: { name: "deb", values } };
  await refused(hub.client(token).call("PUT", "/triggers/theirs", rule), 403, /task:submit:release/);
  await admin.call("DELETE", "/templates/deb");
  assert.match((await deliver("odd", push({ ref: "refs/heads/sid", after: "e".repeat(40) }))).why!, /^template deb: /);
});

test("a repository that tells nobody is looked at: what moved since starts tasks", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hub-poll-"));
  const git = (...args: string[]): string =>
    execFileSync("git", ["-C", folder, "-c", "user.name=me", "-c", "user.email=me@example.org", ...args], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], HOME: folder, GIT_CONFIG_NOSYSTEM: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  const commit = (text: string): string => {
    writeFileSync(join(folder, "file"), text);
    git("add", "file");
    git("commit", "-qm", text);
    return git("rev-parse", "HEAD");
  };
  git("init", "-q", "-b", "main");
  commit("one");
  let authorization: unknown;
  const { server, url } = await listen((request) => {
    ({ authorization } = request.headers);
    if (request.url !== "/me/tool.git/info/refs?service=git-upload-pack") return { status: 404 };
    const refs = execFileSync("git", ["upload-pack", "--stateless-rpc", "--advertise-refs", folder]);
    const head = Buffer.from("001e# service=git-upload-pack\n0000");
    return { status: 200, type: "application/x-git-upload-pack-advertisement", body: Buffer.concat([head, refs]) };
  });
  const { database } = hub;
  const look = async (): Promise<string[]> => {
    const [last] = await database.query<{ id: number | null }>("select max(id) as id from task");
    await database.query("update trigger_poll set due = now() where trigger = 'poll'");
    await pollRepositories(database, async (tasks) => tasks, fetch);
    const rows = await database.query<{ source: string }>(
      "select payload->>'source' as source from task where id > $1 order by id",
      [last!.id ?? 0],
    );
    return rows.map(({ source }) => source.replace(`${url}/me/tool.git#`, ""));
  };
  const fault = async (): Promise<string | null> =>
    (await admin.call<{ items: { name: string; fault: string | null }[] }>("GET", "/triggers")).items.find(
      ({ name }) => name === "poll",
    )!.fault;
  try {
    await put("poll", {
      forge: "git",
      url: `${url}/me/tool.git`,
      everySeconds: 3_600,
      branches: ["main"],
      tags: ["v*"],
    });
    assert.deepEqual(await look(), [], "what was there before starts nothing");
    assert.equal(authorization, `Basic ${Buffer.from(`stratos:${KEY}`).toString("base64")}`);
    const two = commit("two");
    git("branch", "other");
    assert.deepEqual(await look(), [two]);
    git("tag", "-a", "-m", "first", "v1");
    assert.deepEqual(await look(), [two], "an annotated tag is its commit");
    assert.deepEqual(await look(), []);
    const three = commit("three");
    assert.deepEqual(await look(), [three]);
    git("reset", "-q", "--hard", two);
    assert.deepEqual(await look(), [two], "back again is a push, too");
    git("reset", "-q", "--hard", three);
    assert.deepEqual(await look(), [three], "and so is the way there");
    assert.equal(await fault(), null);
    await put("poll", { forge: "git", url: `${url}/nothing`, everySeconds: 3_600 });
    assert.deepEqual(await look(), []);
    assert.match((await fault())!, /answered 404/);
  } finally {
    await close(server);
    rmSync(folder, { recursive: true, force: true });
  }
});

extendedTest("the tables before triggers keep their rows, there and back", async () => {
  const database = await openDatabase("memory");
  try {
    await migrate(database, 11);
    await database.query("insert into policy (name, rule) values ('p', '{}')");
    await database.query("insert into webhook (url, secret, events, owner) values ('https://x', 's', '{LOST}', 'me')");
    await migrate(database);
    await database.query("insert into ci_trigger (name, rule, owner) values ('t', '{}', 'me')");
    await database.query("insert into trigger_poll (trigger) values ('t')");
    await migrate(database, 11);
    assert.ok(SCHEMA_VERSION >= 12);
    assert.deepEqual(await database.query("select p.name, w.url from policy p, webhook w"), [
      { name: "p", url: "https://x" },
    ]);
  } finally {
    await database.close();
  }
});
