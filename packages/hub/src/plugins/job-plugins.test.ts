/**
 * Goal: who builds or composes with plugins has their word, and never a result that one of them ought to have looked
 * at and did not. Method: plugins that answer, refuse, throw, and are of no use; the template as it is written.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { OperationError } from "@stratos/operation";
import { JobPlugins } from "./job-plugins.ts";
import { checkPlugin } from "../check-plugin.ts";
import { PLUGIN_TEMPLATE } from "./plugin-template.ts";

const folder = mkdtempSync(join(tmpdir(), "job-plugins-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const put = (name: string, body: string): string => {
  const path = join(folder, `${name}.mjs`);
  writeFileSync(path, body);
  return path;
};
const plugin = (name: string, body: string): string => put(name, `export default { contract: 1, ${body} };\n`);
const load = (...files: string[]): Promise<JobPlugins> => JobPlugins.load(files, "stage", () => {});

const { signal: never } = new AbortController();

test("plugins are asked in their order, and the first that refuses is heard", async () => {
  const agrees = plugin("agrees", "stage: () => {}"),
    refuses = plugin("refuses", "stage: ({ stage }) => (stage === 'Check' ? { refuse: 'not today' } : undefined)"),
    throws = plugin("throws", "stage: ({ stage }) => { if (stage === 'Build') throw new Error('no such luck'); }");
  const plugins = await load(agrees, refuses, throws);
  try {
    assert.equal(await plugins.ask("stage", { when: "pre", stage: "Fetch" }, never), undefined);
    assert.equal(await plugins.ask("stage", { when: "post", stage: "Check" }, never), "plugin refuses: not today");
    assert.equal(await plugins.ask("stage", { when: "pre", stage: "Build" }, never), "plugin throws: no such luck");
  } finally {
    await plugins.close();
  }
});

test("one that is broken, or has nothing to say of the job, ends it before it begins", async () => {
  for (const [file, words] of [
    [put("garbage", "export default {{"), /SyntaxError|Unexpected/],
    [plugin("of-hubs", "submission: () => {}"), /has no function stage\(\)/],
    [join(folder, "missing.mjs"), /missing\.mjs: there is no such file$/],
  ] as const)
    await assert.rejects(load(file), (error) => error instanceof OperationError && words.test(error.message), file);
});

test("who stops the job waits for no plugin", async () => {
  const plugins = await load(plugin("hangs", "stage: () => { for (;;); }"));
  const stop = new AbortController();
  const asked = plugins.ask("stage", {}, stop.signal);
  setTimeout(() => stop.abort(), 50);
  assert.equal(await asked, "plugin hangs: it was ended");
});

test("why one is broken is told once", async () => {
  const said: string[] = [];
  await assert.rejects(
    JobPlugins.load([plugin("future", "contract: 2")], "stage", (message) => void said.push(message)),
    /it is for contract 2/,
  );
  assert.deepEqual(said, []);
});

test("the template is a plugin of all three", async () => {
  const { state, hooks } = (await checkPlugin(put("template", PLUGIN_TEMPLATE), () => {})).plugin;
  assert.deepEqual([state, [...hooks].sort()], ["READY", ["event", "image", "stage", "submission"]]);
});
