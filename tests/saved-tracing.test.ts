/**
 * Goal: a machine in which programs trace each other is saved, loaded and forked at any place. Method: the ABI suite's
 * program of ptrace(2) is saved again and again on its way; what goes on prints what Linux did.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { build, differences, expectedPath, transcript } from "./abi/on-linux.ts";
import { finish, forkOf, startStatic, twinOf, type Run } from "./saved/saved-run.ts";

let program: Uint8Array;

before(() => {
  program = readFileSync(build("tracing"));
});

const PLACES = [10, 30, 45, 60, 75, 95];

for (const [name, copy] of Object.entries({ loaded: twinOf, forked: (run: Run) => forkOf(run) })) {
  test(`a tracer and its tracees go on in a ${name} machine`, () => {
    let run: Run = startStatic(program);
    for (const lines of PLACES) {
      while (run.output.text.split("\n").length < lines && !run.machine.isStopped) run.machine.run(0.05);
      assert.ok(!run.machine.isStopped, `it runs at line ${lines}`);
      run = copy(run);
    }
    finish(run);
    const linux = readFileSync(expectedPath("tracing"), "latin1");
    assert.equal(differences(linux, transcript(run.output.text, run.machine.exitStatus! >> 8), name), "");
  });
}
