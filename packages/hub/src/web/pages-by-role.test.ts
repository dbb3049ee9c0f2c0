/**
 * Goal: no page shows a link or a button that refuses its reader, and what a role may read is found. Method: each role,
 * and some that a team makes itself, follows every link and sends every form, from the first page on.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { sampleOf } from "@stratos/base/testing";
import type { TaskView } from "@stratos/hub-api";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";

const plugins = mkdtempSync(join(tmpdir(), "hub-pages-"));
let hub: TestHub;
before(async () => {
  writeFileSync(join(plugins, "one.mjs"), "export default { contract: 1, submission() {} };");
  hub = await startTestHub({ plugins: { folder: plugins } });
  const { admin } = hub;
  await admin.call("PUT", "/channels/safe", {});
  const parameters = { word: { type: "string", default: "x" } };
  for (const [name, channel] of [
    ["open", "default"],
    ["guarded", "safe"],
  ])
    await admin.call("PUT", `/templates/${name}`, {
      parameters,
      tasks: [{ kind: "command", channel, payload: { argv: ["{{word}}"] } }],
    });
  await admin.call("PUT", "/secrets/one", { value: "0123456789abcdef" });
  await admin.call("PUT", "/triggers/one", {
    forge: "gitea",
    secret: "one",
    task: { kind: "command", payload: { argv: ["true"] } },
  });
  await admin.call("POST", "/workflows", { name: "w", tasks: [{ kind: "command", payload: { argv: ["true"] } }] });
  for (const [role, permissions] of Object.entries(OWN_ROLES))
    await admin.call("PUT", `/roles/${role}`, { inherits: [], permissions });
});
after(async () => {
  await hub.close();
  rmSync(plugins, { recursive: true, force: true });
});

const OWN_ROLES = {
  packager: ["package:read"],
  watcher: ["event:read", "trigger:read"],
  "safe-submitter": ["template:read", "task:submit:safe"],
  caller: ["task:submit"],
};

/** Which links the pages have for each role, and which templates it may submit. */
const EXPECTED: Readonly<Record<string, { readonly links: string; readonly submits: string }>> = {
  viewer: { links: "/ /tasks /failures /packages /hosts /templates /audit", submits: "" },
  submitter: { links: "/ /tasks /failures /packages /hosts /templates /audit", submits: "guarded open" },
  operator: {
    links: "/ /tasks /failures /packages /hosts /templates /triggers /plugins /audit /settings",
    submits: "guarded open",
  },
  auditor: { links: "/ /tasks /failures /packages /hosts /templates /triggers /plugins /audit /settings", submits: "" },
  admin: {
    links: "/ /tasks /failures /packages /hosts /templates /triggers /plugins /profiles /audit /settings",
    submits: "guarded open",
  },
  worker: { links: "/packages", submits: "" },
  packager: { links: "/packages", submits: "" },
  watcher: { links: "/triggers /audit", submits: "" },
  "safe-submitter": { links: "/templates", submits: "guarded" },
  caller: { links: "", submits: "" },
};

const PAGES_MAX = 200;

/** What a form sends when nobody has touched it. */
function valuesOf(form: string): Record<string, string> {
  const inputs = [...form.matchAll(/<input [^>]*name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [
    name,
    value,
  ]);
  const selects = [...form.matchAll(/<select name="([^"]+)">.*?<option selected>([^<]*)</gs)];
  return Object.fromEntries([...inputs, ...selects.map(([, name, value]) => [name, value])]) as Record<string, string>;
}

test("each role meets the pages that it may read, and nothing on them refuses it", async () => {
  for (const [role, { links, submits }] of sampleOf(Object.entries(EXPECTED), 2)) {
    const call = await signIn(`one-${role}`, role);
    const queue = ["/"];
    const seen = new Set(queue);
    const submitted: string[] = [];
    let loadsPlugins = false;
    let nav = "";
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
      const response = await call("GET", path);
      const text = await response.text();
      if (response.status === 303) {
        queue.push(response.headers.get("location")!);
        continue;
      }
      nav = [.../<nav[^>]*>(.*?)<\/nav>/s.exec(text)![1]!.matchAll(/href="([^"]+)"/g)].map(([, to]) => to).join(" ");
      assert.equal(nav, links, `${role} at ${path}`);
      assert.match(text, /<button>Sign out/, `${role} at ${path}`);
      if (links === "") assert.equal(response.status, 403, role);
      else assert.equal(response.status, 200, `${role} at ${path}`);
      for (const [, to] of text.matchAll(/<a (?:rel="next" )?href="(\/[^"]*)"/g))
        if (!seen.has(to!) && seen.size < PAGES_MAX) {
          seen.add(to!);
          queue.push(to!.replaceAll("&amp;", "&"));
        }
      for (const [, to, form] of text.matchAll(/<form method="post" action="([^"]+)">(.*?)<\/form>/gs))
        if (to !== "/logout" && form!.includes("<button")) {
          const answer = await call("POST", to!, { "p:word": "y", ...valuesOf(form!) });
          assert.ok(answer.status === 303 || answer.status === 409, `${role} posts ${to}: ${answer.status}`);
          loadsPlugins ||= to === "/plugins/one/restart";
          if (to!.startsWith("/templates/")) submitted.push(to!.slice("/templates/".length));
        }
    }
    assert.equal(loadsPlugins, role === "operator" || role === "admin", role);
    assert.equal([...new Set(submitted)].sort().join(" "), submits, role);
  }
});

test("a policy hides what it refuses: a template of labels that are not for somebody has no button", async () => {
  const call = await signIn("two", "submitter");
  const task = await hub.admin.call<TaskView>("POST", "/tasks", { kind: "command", payload: { argv: ["true"] } });
  assert.doesNotMatch(await (await call("GET", `/tasks/${task.id}`)).text(), /Cancel<\/button>/);
  assert.match(await (await call("GET", "/templates/open")).text(), /<button>Submit 1 task</);
  await hub.admin.call("PUT", "/policies/labels", {
    permissions: ["task:submit"],
    principals: ["two"],
    conditions: { labels: ["nightly*"] },
  });
  const text = await (await call("GET", "/templates/open")).text();
  assert.match(text, /<fieldset disabled>[^]*it takes the permission <code>task:submit:default</);
  assert.doesNotMatch(text, /<button>Submit/);
  assert.equal((await call("POST", "/templates/open")).status, 403);
  await hub.admin.call("DELETE", "/policies/labels");
});

type Call = (method: string, path: string, form?: Record<string, string>) => Promise<Response>;

async function signIn(principal: string, role: string): Promise<Call> {
  await hub.admin.call("PUT", `/grants/${principal}/${role}`);
  const { token } = await hub.admin.call<{ token: string }>("POST", "/tokens", { principal, scopes: ["*"] });
  let cookie = "";
  const call: Call = (method, path, form = {}) =>
    fetch(hub.server.url + path, {
      method,
      redirect: "manual",
      headers: { cookie },
      ...(method === "GET" ? {} : { body: new URLSearchParams(form) }),
    });
  cookie = (await call("POST", "/login", { token })).headers.get("set-cookie")!.split(";")[0]!;
  return call;
}

test("settings are shown to who may read them, and no secret among them", async () => {
  const text = await (await (await signIn("one-reader", "auditor"))("GET", "/settings")).text();
  assert.match(text, /--lease, s<\/td><td>60</);
  assert.ok(!text.includes(hub.adminToken));
  assert.equal((await (await signIn("one-other", "viewer"))("GET", "/settings")).status, 403);
});
