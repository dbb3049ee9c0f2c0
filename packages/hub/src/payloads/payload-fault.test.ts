/**
 * Goal: a task that no worker could do is refused when it is submitted, by whatever way, with the place of what is
 * wrong. Method: the API of a hub.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HubProblem } from "@stratos/hub-api";
import { startTestHub } from "../testing/test-hub.ts";

test("a payload that no worker takes is refused with its place, alone, in batches and in templates", async (t) => {
  const hub = await startTestHub();
  t.after(() => hub.close());
  const refused = async (path: string, body: object): Promise<string> => {
    try {
      await hub.admin.call("POST", path, body);
    } catch (error) {
      assert.ok(error instanceof HubProblem, String(error));
      assert.deepEqual([error.status, error.problem.type], [422, "urn:stratos:hub:bad-payload"]);
      return error.message;
    }
    return assert.fail(`${path}: it was taken`);
  };
  const command = (payload: object): object => ({ kind: "command", payload });
  const argv = ["true"];
  assert.equal(await refused("/tasks", command({})), "payload.argv: expected a program and its arguments");
  assert.equal(await refused("/tasks", command({ argv: [] })), "payload.argv: expected a program and its arguments");
  assert.equal(
    await refused("/tasks", command({ argv, artifacts: ["x"] })),
    "payload.artifacts: there is no such key; did you mean artefacts?",
  );
  assert.equal(
    await refused("/tasks", command({ argv, artefacts: ["../x"] })),
    'payload.artefacts: "../x" leaves the task\'s folder',
  );
  assert.equal(
    await refused("/tasks", { kind: "build", payload: { source: "/etc/passwd" } }),
    "payload.source: expected NAME, NAME=VERSION or a git URL",
  );
  const tasks = [command({ argv }), command({ argv, environment: 7 })];
  for (const [path, body] of [
    ["/task-batches", { tasks }],
    ["/workflows", { name: "w", tasks }],
  ] as const)
    assert.equal(await refused(path, body), "tasks[1].payload.environment: expected texts by name");
  const wanted = [{ kind: "build", payload: { source: "{{source}}" } }];
  const parameters = { source: { type: "string" } };
  await hub.admin.call("PUT", "/templates/deb", { parameters, tasks: wanted });
  assert.match(await refused("/templates/deb/submit", { values: { source: "../hello" } }), /^payload\.source: /);
  assert.deepEqual((await hub.admin.call<{ items: unknown[] }>("GET", "/tasks")).items, [], "nothing is left of them");
  // Of kinds that a worker has by a plugin nobody else knows.
  await hub.admin.call("POST", "/tasks", { kind: "bake", payload: {} });
});
