/**
 * Goal: programs find the vDSO and it tells them what the kernel would: clocks, also after a machine was saved and
 * loaded and in time namespaces; unwinders come out of signal handlers; nobody changes what is everybody's. What the
 * processor doesn't have is told by name. Method: a static program asks both by turns, on real and on virtual time,
 * interpreted and translated.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { runStatic } from "./abi/run-static.ts";
import { countsOf, finish, startStatic, twinOf } from "./saved/saved-run.ts";
import { compiled } from "./support/compiled.ts";

const FACTS = `clocks: 550 readings lie between the kernel's; clock 10: -22, 12: -22, -1: -22
16 resolutions; the day 0 1 0
the zone that was set 0: -120 3
cpu 0 0 0; flush 0
probe 0, as the kernel: 1; of a set: -22
a handler's frames: 1
out of a fault at depth 5: 6
the data page is not to be written: 1
the code is the writer's own: 1
before the child: 550 readings lie between the kernel's; clock 10: -22, 12: -22, -1: -22
child of another time: 550 readings lie between the kernel's; clock 10: -22, 12: -22, -1: -22
its monotonic clock is ahead: 1
`;

let program: Uint8Array;

function build(name: string): Uint8Array {
  const flags = ["-O0", "-static", "-w", "-fasynchronous-unwind-tables"];
  return readFileSync(compiled(join(import.meta.dirname, "vdso", `${name}.c`), { flags }));
}

before(() => {
  program = build("vdso");
});

for (const translate of [false, true]) {
  test(`the vDSO tells what the kernel tells (${translate ? "translated" : "interpreted"})`, async () => {
    const { output, status } = await runStatic(program, { translate });
    assert.equal(output, FACTS);
    assert.equal(status, 0);
  });
}

test("in virtual time, too, and twice the same", () => {
  const [first, second] = [startStatic(program), startStatic(program)];
  for (const run of [first, second]) finish(run);
  assert.equal(first.output.text, FACTS);
  assert.deepEqual(countsOf(first.machine), countsOf(second.machine));
});

test("a loaded machine's programs read on from where the saved one was", () => {
  const run = startStatic(program, ["program", "sleep"]);
  run.machine.run(1);
  assert.doesNotMatch(run.output.text, /after a sleep/);
  const twin = twinOf(run);
  for (const each of [run, twin]) finish(each);
  assert.match(twin.output.text, /after a sleep: 550 readings/);
  assert.equal(twin.output.text, run.output.text);
  assert.deepEqual(countsOf(twin.machine), countsOf(run.machine));
});

test("a program that meets an instruction of V is told so by name, once", () => {
  const run = startStatic(build("vector"));
  const { messages } = run.machine.kernel;
  finish(run);
  assert.equal(run.output.text, "illegal: 2\n");
  const texts = Array.from(
    { length: messages.end - messages.first },
    (_, at) => messages.at(messages.first + at)!.text,
  );
  const told = texts.filter((text) => text.includes("no V extension"));
  assert.equal(told.length, 1);
  assert.match(told[0]!, /^program\[\d+\]: vector instruction d007057 at [0-9a-f]+: /);
});
