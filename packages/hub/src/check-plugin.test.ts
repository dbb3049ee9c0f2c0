/** Goal: the author of a plugin sees what a hub would make of it, slips included. Method: modules in a folder. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { checkPlugin, type PluginTrial } from "./check-plugin.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-check-plugin-"));
after(() => rmSync(folder, { recursive: true, force: true }));

let made = 0;
function moduleOf(members: string): string {
  const path = join(folder, `plugin${++made}.mjs`);
  writeFileSync(path, `export default { contract: 1, ${members} };`);
  return path;
}

const check = (members: string, trial: PluginTrial = {}): ReturnType<typeof checkPlugin> =>
  checkPlugin(moduleOf(members), () => {}, trial);

test("what is nearly the name of a hook or an event is a slip; what is not is the plugin's own", async () => {
  const faultOf = async (members: string): Promise<string | null> => (await check(members)).plugin.message;
  assert.equal(await faultOf("submision() {}"), "submision(): nobody asks for it; did you mean submission()?");
  assert.equal(
    await faultOf('events: ["COMPLETE"], event() {}'),
    "events: there is no COMPLETE; did you mean COMPLETED?",
  );
  assert.equal(await faultOf('helper() {}, events: ["OF_A_LATER_HUB"], event() {}'), null);
});

const RULES = `submission(task, { owner }) {
    if (!task.label) return { refuse: owner + ": what is it for?" };
    return { ...task, priority: task.label === "odd" ? "high" : 5 };
  },
  events: ["FAILED"],
  event({ what }, { task }) { return task === null ? { submit: 7 } : { submit: [{ ...task, label: what }] }; }`;

test("a submission is changed or refused, and an answer that no hub takes is a fault", async () => {
  const command = { kind: "command", payload: { argv: ["true"] } };
  const about = (task: object): PluginTrial => ({ submission: { task, owner: "anna" } });
  assert.deepEqual((await check(RULES, about(command))).answers, { submission: { refuse: "anna: what is it for?" } });
  assert.deepEqual((await check(RULES, about({ ...command, label: "fine" }))).answers, {
    submission: { ...command, label: "fine", priority: 5 },
  });
  await assert.rejects(check(RULES, about({ ...command, label: "odd" })), /no task: task\.priority: expected a whole/);
  await assert.rejects(check("image() {}", about(command)), /it has no submission\(\)/);
});

test("an event that it wants is told; what it is not told of is said", async () => {
  const task = { kind: "command", payload: { argv: ["true"] } };
  const { answers, plugin } = await check(RULES, { event: { event: { what: "FAILED" }, task } });
  assert.deepEqual(answers, { event: { submit: [{ ...task, label: "FAILED" }] } });
  assert.equal(plugin.calls, 1);
  await assert.rejects(check(RULES, { event: { event: { what: "FAILED" }, task: null } }), /answered no list of tasks/);
  await assert.rejects(check(RULES, { event: { event: { what: "FREE" }, task } }), /not told of FREE.* FAILED$/);
});
