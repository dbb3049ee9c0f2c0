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
import { checkPlugin } from "./plugin.ts";
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

test("plugins are asked in their order, and the first that refuses is heard", async () => {
  const agrees = plugin("agrees", "stage: () => {}"),
    refuses = plugin("refuses", "stage: ({ stage }) => (stage === 'Check' ? { refuse: 'not today' } : undefined)"),
    throws = plugin("throws", "stage: ({ stage }) => { if (stage === 'Build') throw new Error('no such luck'); }");
  const plugins = await load(agrees, refuses, throws);
  try {
    assert.equal(await plugins.ask("stage", { when: "pre", stage: "Fetch" }), undefined);
    assert.equal(await plugins.ask("stage", { when: "post", stage: "Check" }), "plugin refuses: not today");
    assert.equal(await plugins.ask("stage", { when: "pre", stage: "Build" }), "plugin throws: no such luck");
  } finally {
    await plugins.close();
  }
});

test("one that is broken, or has nothing to say of the job, ends it before it begins", async () => {
  for (const [file, words] of [
    [put("garbage", "export default {{"), /SyntaxError|Unexpected/],
    [plugin("of-hubs", "submission: () => {}"), /has no function stage\(\)/],
    [join(folder, "missing.mjs"), /Cannot find module/],
  ] as const)
    await assert.rejects(load(file), (error) => error instanceof OperationError && words.test(error.message), file);
});

test("the template is a plugin of all three", async () => {
  const { state, hooks } = await checkPlugin(put("template", PLUGIN_TEMPLATE), () => {});
  assert.deepEqual([state, [...hooks].sort()], ["READY", ["event", "image", "stage", "submission"]]);
});
