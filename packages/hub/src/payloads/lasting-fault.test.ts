/** Goal: what no worker ever takes is refused before anything is filled in, and nothing that one may take. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HubProblem } from "@stratos/hub-api";
import { startTestHub } from "../testing/test-hub.ts";
import { lastingFault } from "./lasting-fault.ts";

test("a fault stays that nothing is filled into, or that no text mends", () => {
  const digest = `sha256:${"1".repeat(64)}`;
  const x = "{{x}}";
  for (const [kind, payload, fault] of [
    ["command", { argv: ["make", x], artefacts: ["../x"] }, /^payload\.artefacts: "\.\.\/x" leaves/],
    ["command", { argv: x }, /^payload\.argv: /],
    ["command", { argv: [x], environment: 7 }, /^payload\.environment: /],
    ["command", { argv: [x], environment: { A: x }, files: { [x]: x }, artefacts: [x] }, null],
    ["build", { source: x, suite: 7 }, /^payload\.suite: /],
    ["build", { source: x, sweet: x }, /^payload\.sweet: there is no such key/],
    ["build", { source: x, seed: x }, /^payload\.seed: expected a whole number/],
    ["build", { source: `/home/${x}` }, null],
    ["build", { source: x, suite: x, host: x, profiles: [x], binNmu: { number: 1, reason: x, of: x } }, null],
    ["build", { source: `figlet=${x}` }, null],
    ["build", { source: x, files: [{ name: "figlet_2.2.dsc", digest }] }, null],
    ["build", { source: `figlet_${x}.dsc`, files: [{ name: `figlet_${x}.dsc`, digest: x }] }, null],
    ["build", { source: "figlet_2.2.dsc", files: [{ name: x, digest }] }, null],
    ["bake", { anything: x }, null],
  ] as const) {
    const found = lastingFault({ kind, payload });
    const words = JSON.stringify(payload);
    if (fault === null) assert.equal(found, null, words);
    else assert.match(found ?? "nothing", fault, words);
  }
  const forms = (name: string): readonly (number | boolean)[] => (name === "n" ? [0, 5] : [true, false]);
  const build = (rest: object): Record<string, unknown> => ({ source: "hello", ...rest });
  assert.equal(lastingFault({ kind: "build", payload: build({ seed: "{{n}}" }) }, forms), null);
  const nmu = build({ binNmu: { number: "{{ n }}", reason: "r" } });
  assert.equal(lastingFault({ kind: "build", payload: nmu }, forms), null);
  assert.match(lastingFault({ kind: "build", payload: build({ suite: "{{n}}" }) }, forms)!, /^payload\.suite/);
});

test("templates and triggers that could never start a task are refused, with the place", async (t) => {
  const hub = await startTestHub();
  t.after(() => hub.close());
  const refused = (path: string, body: object, why: RegExp): Promise<void> =>
    assert.rejects(hub.admin.call("PUT", path, body), (error) => {
      assert.ok(error instanceof HubProblem, String(error));
      assert.match(error.message, why);
      return error.status === 422;
    });
  const build = (payload: object): object => ({ kind: "build", payload });
  const parameters = { source: { type: "string" }, suite: { type: "string", default: "trixie" } };
  const good = build({ source: "{{source}}", suite: "{{suite}}" });
  await refused(
    "/templates/deb",
    { parameters, tasks: [good, build({ source: "{{source}}", seed: "{{suite}}" })] },
    /^tasks\[1\]\.payload\.seed: expected a whole number/,
  );
  await hub.admin.call("PUT", "/templates/deb", { parameters, tasks: [good] });
  const git = { forge: "git", url: "https://git.example/x.git" };
  await refused("/triggers/t", { ...git, task: build({ source: "{{clone}}", suite: 7 }) }, /^task\.payload\.suite: /);
  const template = (values: object): object => ({ ...git, template: { name: "deb", values } });
  await refused("/triggers/t", template({ source: "{{clone}}", suite: "a b" }), /^deb: tasks\[0\]\.payload\.suite: /);
  await hub.admin.call("PUT", "/triggers/t", template({ source: "{{clone}}" }));
});
