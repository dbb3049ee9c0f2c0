/**
 * Goal: a fork of a machine goes on as the machine does, and neither sees what the other writes. Method: programs that
 * sleep in each way there is; the machine is forked while they do, and each machine goes on to its end in virtual time,
 * by turns and in any order: instructions, output with all times, calls and switches are those of a machine that was
 * not forked.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { sampleCount } from "@stratos/base/testing";
import { type HostSocket, SimulatedNetwork } from "@stratos/host";
import { rehearseFork } from "@stratos/machine/forked";
import type { PseudoDirectory, PseudoInode } from "../packages/kernel/src/pseudo/pseudo-inodes.ts";
import {
  buildStatic,
  countsOf,
  finish,
  forkOf,
  outside,
  type Run,
  startStatic,
  twinBeside,
  twinOf,
} from "./saved/saved-run.ts";

/**
 * What is the same of machines that have done the same, of which some share their memory. Not faults: a page whose
 * other process has gone is written in place by a machine alone, and copied where a fork has it, too.
 */
function doingsOf({ machine, output }: Run): object {
  const { freeFrames: _, faults: __, ...counts } = countsOf(machine);
  return { ...counts, instructions: machine.statistics.instructions, output: output.text };
}

test("programs that sleep in each kind of call wake in forks as in their original, whoever goes on first", () => {
  const program = buildStatic("waits");
  const alone = startStatic(program);
  alone.machine.run(1);
  finish(alone);
  const run = startStatic(program);
  run.machine.run(1);
  const [early, late] = [forkOf(run), forkOf(run)];
  for (const each of [early, run, late]) finish(each);
  for (const each of [early, run, late]) assert.deepEqual(doingsOf(each), doingsOf(alone));
});

test("a machine that has forks is saved alone, and so is a fork; each goes on from there", () => {
  const run = startStatic(buildStatic("waits"));
  run.machine.run(1);
  const fork = forkOf(run);
  const child = forkOf(fork);
  const twins = [twinOf(run), twinOf(fork), twinOf(child)];
  const [ofRun, ofFork, ofChild] = twins.map(heldBy);
  assert.deepEqual(ofChild, ofFork);
  assert.deepEqual(heldBy(twinOf(run)), ofRun);
  fork.machine.dispose();
  for (const each of [...twins, run, child]) finish(each);
  for (const each of [...twins, child]) assert.deepEqual(doingsOf(each), doingsOf(run));
  for (const each of twins) {
    const { board } = each.machine.kernel;
    assert.equal(board.frames.total, run.machine.kernel.memory.limit);
    each.machine.dispose();
    assert.deepEqual([board.frames.usedCount, board.frames.unpromised], [0, board.frames.total]);
  }
});

test("a fork that is saved in pieces while its original goes on is what the original was", () => {
  const program = buildStatic("waits");
  const run = startStatic(program);
  run.machine.run(1);
  let turns = 0;
  const twin = twinBeside(run, () => {
    turns++;
    run.machine.run(1);
  });
  assert.ok(turns > 0);
  finish(run);
  finish(twin);
  assert.deepEqual(doingsOf(twin), doingsOf(run));
});

test("files of processes have the same numbers and times in forks and states, looked at or not", () => {
  const run = startStatic(buildStatic("waits"));
  run.machine.run(1);
  const [first] = filesOfProcesses(run);
  assert.ok(first!.length > 50);
  first!.find(({ entryName }) => entryName === "stat")!.atime = { seconds: 77, nanoseconds: 5 };
  const tell = (of: Run): object =>
    filesOfProcesses(of).map((files) =>
      files.map(({ entryName, ino, atime, mtime }) => [entryName, ino, atime, mtime]),
    );
  const fork = forkOf(run);
  const twin = twinOf(fork);
  for (const each of [fork, twin, forkOf(twin)]) assert.deepEqual(tell(each), tell(run));
  const last = (of: Run): number => procOf(of).fileSystem.allocateIno();
  assert.deepEqual([last(fork), last(twin)], Array<number>(2).fill(last(run)));
});

function procOf({ machine }: Run): PseudoDirectory {
  return [...machine.kernel.vfs.roots.keys()].find(({ type }) => type === "proc")!.root as PseudoDirectory;
}

/** All that stands in /proc/PID, of each process. */
function filesOfProcesses(run: Run): PseudoInode[][] {
  return [...run.machine.kernel.tasks.processes.keys()].map((pid) => {
    const folder = procOf(run).lookup(String(pid)) as PseudoDirectory;
    const attributes = folder.entries.get("attr") as PseudoDirectory;
    return [folder, ...folder.entries.values(), ...attributes.entries.values()] as PseudoInode[];
  });
}

/** How much memory a machine has that is alone on its board, and how much of it is whose. */
function heldBy({ machine }: Run): object {
  const { frames, memory } = machine.kernel;
  const { charged, cached, limit, promised, free } = memory;
  return { used: frames.usedCount, charged, cached, limit, promised, free };
}

const STEPS = sampleCount(60, 0.4);

test("neither a machine nor any of its forks sees what another writes, and all frames come back", () => {
  const program = buildStatic("apart");
  const seed = 7;
  const random = new SeededRandom(seed);
  const first = startStatic(program);
  finish(first);
  const boards = new Set([first.machine.kernel.board]);
  /** Each with the numbers that its program was told. */
  const family = [{ run: first, told: [] as number[] }];
  const judged: (typeof family)[number][] = [];
  for (let step = 0; step < STEPS; step++) {
    const at = random.below(family.length);
    const { run, told } = family[at]!;
    const kind = random.below(6);
    if (kind === 5) {
      // One goes on on a board of its own, from what was saved of it.
      const { machine, input, output } = twinOf(run);
      family[at] = { run: { machine, input, output }, told };
      boards.add(machine.kernel.board);
      run.machine.dispose();
    } else if (kind === 0 && family.length < 6) family.push({ run: forkOf(run), told: [...told] });
    else if (kind === 1 && family.length > 1) {
      judged.push(...family.splice(at, 1));
      run.machine.dispose();
    } else {
      const number = random.below(1 << 30);
      told.push(number);
      run.input.type(`${number}\n`);
      finish(run);
    }
  }
  for (const each of [...judged, ...family]) {
    const alone = startStatic(program);
    finish(alone);
    for (const number of each.told) {
      alone.input.type(`${number}\n`);
      finish(alone);
    }
    assert.equal(each.run.output.text, alone.output.text, `seed ${seed}`);
  }
  for (const { run } of family) run.machine.dispose();
  assert.ok(boards.size > 2, "some were saved and loaded");
  for (const { frames } of boards) assert.deepEqual([frames.usedCount, frames.unpromised], [0, frames.total]);
});

test("a connection to the outside goes on in the original, and is reset in a fork", () => {
  const network = new SimulatedNetwork();
  const server = network.host([{ family: 4, address: "10.0.0.2", prefixLength: 24 }]);
  const listener = server.create(4, "stream", { changed: () => {} }) as HostSocket;
  listener.bind({ family: 4, address: "10.0.0.2", port: 80 }, { reuseAddress: true, v6Only: false });
  listener.listen(1);
  const client = network.host([{ family: 4, address: "10.0.0.1", prefixLength: 24 }]);
  const run = startStatic(buildStatic("outside"), ["outside"], client);
  const settle = (each: Run): void => {
    for (let turn = 0; turn < 5; turn++) {
      finish(each);
      network.deliver();
    }
  };
  settle(run);
  assert.equal(run.output.text, "connected\n");
  const fork = forkOf(run);
  settle(fork);
  assert.equal(fork.output.text, "connected\nread -1 Connection reset by peer \nread 0 Success \n");
  const connection = listener.accept({ changed: () => {} }) as HostSocket;
  connection.write(new TextEncoder().encode("word"), 0, 4, null);
  connection.close();
  settle(run);
  assert.equal(run.output.text, "connected\nread 4 Success word\nread 0 Success \n");
});

test("a fresh fork has another boot and finds wiped what was to be; the same one has what its original has", () => {
  const run = startStatic(buildStatic("wiped"));
  const ask = (each: Run): string => {
    const before = each.output.text.length;
    each.input.type("?\n");
    finish(each);
    return each.output.text.slice(before);
  };
  const told = ask(run);
  assert.match(told, /^120 [0-9a-f-]{36}\n$/);
  const [fresh, same] = [forkOf(run, "fresh"), forkOf(run)];
  const renamed = ask(fresh);
  assert.match(renamed, /^0 [0-9a-f-]{36}\n$/);
  assert.notEqual(renamed.slice(2), told.slice(4));
  assert.deepEqual([ask(same), ask(run)], [told, told]);
});

test("forks live from what their original was promised; who finds it used up kills a program of its own", () => {
  const run = startStatic(buildStatic("hungry"));
  finish(run);
  const forks = [forkOf(run), forkOf(run), forkOf(run)];
  const { frames } = run.machine.kernel.board;
  const eat = (each: Run): void => {
    each.input.type("?\n");
    finish(each);
  };
  forks.forEach(eat);
  assert.deepEqual(
    forks.map(({ machine }) => machine.kernel.tasks.processes.size),
    [2, 2, 1],
  );
  forks[0]!.machine.dispose();
  eat(run);
  assert.equal(run.output.text, "has eaten\n");
  for (const each of [run, forks[1]!, forks[2]!]) each.machine.dispose();
  assert.deepEqual([frames.usedCount, frames.unpromised], [0, frames.total]);
});

test("a chain of forks that write all their memory and outlive their originals takes no more than the first", () => {
  let run = startStatic(buildStatic("rewrites"));
  finish(run);
  const { frames } = run.machine.kernel.board;
  const first = run.machine.kernel.memory.charged;
  for (let generation = 2; generation < 6; generation++) {
    const fork = forkOf(run);
    fork.input.type("?\n");
    finish(fork);
    run.machine.dispose();
    run = fork;
    assert.ok(run.output.text.endsWith(`round ${generation}\n`));
    const { charged } = run.machine.kernel.memory;
    assert.ok(charged >= frames.usedCount && charged < first * 1.1, `${charged} of ${first}`);
  }
  run.machine.dispose();
  assert.deepEqual([frames.usedCount, frames.unpromised], [0, frames.total]);
});

test("a rehearsal of a fork, and one that is given up, leave board and machine as they were", () => {
  const program = buildStatic("waits");
  const alone = startStatic(program);
  alone.machine.run(1);
  finish(alone);
  const run = startStatic(program);
  run.machine.run(1);
  const { board, frames } = run.machine.kernel;
  const before = frames.usedCount;
  const { engine, log } = outside();
  const rehearsal = (): Generator<void, void> =>
    rehearseFork(run.machine, { engine, log, random: run.machine.kernel.random });
  let turns = 0;
  for (const _ of rehearsal()) turns++;
  assert.ok(turns > 1);
  for (const _ of rehearsal()) break;
  assert.deepEqual([board.kernels.size, frames.usedCount], [1, before]);
  for (const _ of rehearsal()) run.machine.run(1);
  finish(run);
  assert.deepEqual(doingsOf(run), doingsOf(alone));
});

test("a machine without memory for a fork is told so, and stays as it is", () => {
  const run = startStatic(buildStatic("rewrites"));
  finish(run);
  const { board, frames, memory } = run.machine.kernel;
  forkOf(run).machine.dispose();
  const before = frames.usedCount;
  const taken: number[] = [];
  while (memory.free > 6) taken.push(frames.allocate(memory));
  assert.throws(() => forkOf(run), { kind: "unsavable", message: /no memory for the page tables of a fork/ });
  for (const frame of taken) frames.release(frame);
  assert.deepEqual([board.kernels.size, frames.usedCount], [1, before]);
  const fork = forkOf(run);
  for (const each of [run, fork]) {
    each.input.type("?\n");
    finish(each);
    assert.equal(each.output.text, "round 1\nround 2\n");
    each.machine.dispose();
  }
  assert.deepEqual([frames.usedCount, frames.unpromised], [0, frames.total]);
});
