/** Goal: the history of a source says what was built when, and whether twice the same came of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HubProblem, type SourceHistory } from "@stratos/hub-api";
import { startTestHub } from "../testing/test-hub.ts";

test("builds of a source: alone, twice the same, and other bytes; on its page as well", async (t) => {
  const hub = await startTestHub();
  t.after(() => hub.close());
  const history = (name: string): Promise<SourceHistory> => hub.admin.call("GET", `/sources/${name}/builds`);
  const build = async (source: string, files: Record<string, string>): Promise<number> => {
    const { id } = await hub.admin.call<{ id: number }>("POST", "/tasks", { kind: "build", payload: { source } });
    if (Object.keys(files).length > 0)
      await hub.database.query("update task set state = 'COMPLETED', finished = now() where id = $1", [id]);
    for (const [name, content] of Object.entries(files)) {
      const digest = `sha256:${content.repeat(64)}`;
      await hub.database.query("insert into artefact (digest, size) values ($1, 1) on conflict do nothing", [digest]);
      await hub.database.query(
        "insert into task_artefact (task_id, run_id, name, role, digest, media) " +
          "values ($1, 1, $2, 'package', $3, 'x/y')",
        [id, name, digest],
      );
    }
    return id;
  };
  const first = await build("hello=2.10-3", { "hello_2.10-3_amd64.deb": "a" });
  await build("hello-traditional", { "hello-traditional_2.10-6_amd64.deb": "b" });
  assert.equal((await history("hello")).reproducible, "unknown");
  const second = await build("hello", { "hello_2.10-3_amd64.deb": "a" });
  const newer = await build("hello=2.10-4", { "hello_2.10-4_amd64.deb": "c" });
  const waits = await build("hello=2.10-4", {});
  const { reproducible, items } = await history("hello");
  assert.equal(reproducible, "yes");
  assert.deepEqual(
    items.map(({ task, beside, packages }) => [task, beside, packages]),
    [
      [waits, null, 0],
      [newer, null, 1],
      [second, { task: first, differ: [] }, 1],
      [first, null, 1],
    ],
  );
  await build("hello=2.10-4", { "hello_2.10-4_amd64.deb": "d" });
  const changed = await history("hello");
  assert.equal(changed.reproducible, "no");
  assert.deepEqual(changed.items[0]!.beside, { task: newer, differ: ["hello_2.10-4_amd64.deb"] });
  assert.deepEqual((await history("nobody-built-it")).items, []);
  await assert.rejects(history("Bad_Name"), (error) => error instanceof HubProblem && error.status === 404);
  const signedIn = await fetch(`${hub.server.url}/login`, {
    method: "POST",
    redirect: "manual",
    headers: { "content-type": "application/x-www-form-urlencoded", "origin": hub.server.url },
    body: `token=${hub.adminToken}`,
  });
  const cookie = signedIn.headers.get("set-cookie")!.split(";")[0]!;
  const shown = await (await fetch(`${hub.server.url}/sources/hello`, { headers: { cookie } })).text();
  assert.match(shown, /Not reproducible/);
  assert.match(shown, /hello_2\.10-4_amd64\.deb not as in/);
});
