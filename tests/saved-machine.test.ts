/**
 * Goal: a machine that is saved and loaded goes on as one that was not. Method: programs that sleep in each way there
 * is; the machine is saved while they do, and then both go on to their ends in virtual time: output, instructions,
 * calls, faults and frames are to be the same.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isExtended } from "@stratos/base/testing";
import { type HostSocket, type HostSocketEvents, SimulatedNetwork, type SocketProvider } from "@stratos/host";
import { type HostFile, openHostListener } from "@stratos/kernel";
import { createBoard, Machine } from "@stratos/machine";
import { loadMachine } from "@stratos/machine/saved";
import { build, differences, expectedPath, transcript } from "./abi/on-linux.ts";
import {
  buildStatic,
  countsOf,
  finish,
  forkOf,
  outside,
  type Run,
  saveMachine,
  startStatic,
  twinOf,
} from "./saved/saved-run.ts";

test("programs that sleep in each kind of call wake in a loaded machine as in the first one", () => {
  const run = startStatic(buildStatic("waits"));
  run.machine.run(1);
  assert.match(run.output.text, /pipe, what was in it: hello 5/);
  assert.doesNotMatch(run.output.text, /parent: wakes/);
  const twin = twinOf(run);
  for (const each of [run, twin]) finish(each);
  assert.equal(twin.output.text, run.output.text);
  assert.match(run.output.text, /fanotify: opened 1 /);
  assert.match(run.output.text, /is told 8 /);
  assert.match(run.output.text, /seccomp: answer 4711 /);
  assert.match(run.output.text, /sum of its children's statuses 351\b/);
  assert.deepEqual(countsOf(twin.machine), countsOf(run.machine));
});

test("links, tun interfaces, rings, pages that programs give and mounts with other owners go on as they are", () => {
  let saved = 0;
  /** A machine is loaded at each of so many turns. */
  const step = isExtended ? 1 : 3;
  const ways = [
    ["ip-over-veth", twinOf],
    ["tun-interfaces", twinOf],
    ["io-uring", twinOf],
    ["io-uring", forkOf],
    ["asynchronous-ring", twinOf],
    ["asynchronous-ring", forkOf],
    ["pages-by-programs", twinOf],
    ["pages-by-programs", forkOf],
    ["idmapped-layers", twinOf],
    ["idmapped-layers", forkOf],
    ["idmapped-mounts", twinOf],
  ] as const;
  for (const [name, again] of ways) {
    const linux = readFileSync(expectedPath(name), "latin1");
    let run: Run = startStatic(readFileSync(build(name)));
    for (let turn = 0; !run.machine.isStopped && run.machine.run(1) !== Infinity; turn++) {
      if (run.machine.isStopped) break;
      if (turn % step > 0) continue;
      run = again(run);
      saved++;
    }
    assert.equal(differences(linux, transcript(run.output.text, 0), "loaded"), "", name);
  }
  assert.ok(saved > 2, `saved ${saved} times`);
});

test("what a kernel's sockets ask of its tasks they ask in machines that were loaded and forked, too", () => {
  const run = startStatic(buildStatic("waits"));
  run.machine.run(1);
  const { taskStatistics } = run.machine.kernel.socketState;
  for (const { machine } of [twinOf(run), forkOf(run)])
    assert.equal(machine.kernel.socketState.taskStatistics, taskStatistics);
});

test("a machine may be saved again and again on its way", () => {
  const program = buildStatic("waits");
  const run = startStatic(program);
  let twin = twinOf(startStatic(program));
  finish(run);
  for (let step = 0; step < 8 && !twin.machine.isStopped; step++) {
    twin.machine.run(1);
    twin = twinOf(twin);
  }
  finish(twin);
  assert.equal(twin.output.text, run.output.text);
  assert.deepEqual(countsOf(twin.machine), countsOf(run.machine));
});

test("disks that lie in files go on, with what is in their pages alone, in loaded and forked machines", () => {
  for (const again of [twinOf, forkOf]) {
    const run = startStatic(buildStatic("disks"));
    run.machine.run(1);
    assert.match(run.output.text, /^attached 0 *\nwritten 15 *\n$/);
    const other = again(run);
    finish(other);
    assert.match(other.output.text, /read 15 bytes of a disk *\nin the file 15 bytes of a disk *\n$/);
  }
});

test("a process in namespaces of its own keeps them, with what it has open of them", () => {
  const run = startStatic(buildStatic("spaces"));
  run.machine.run(1);
  assert.match(run.output.text, /frame: sent 60/);
  assert.doesNotMatch(run.output.text, /vfork/);
  const twin = twinOf(run);
  for (const each of [run, twin]) finish(each);
  assert.equal(twin.output.text, run.output.text);
  assert.match(run.output.text, /frame: before 60/);
  assert.match(run.output.text, /bridge: before 60 \nbridge: after 60/);
  assert.match(run.output.text, /happenings: populated 1\nfrozen 1\n/);
  assert.match(run.output.text, /host: inner\n/);
  assert.match(
    run.output.text,
    /overlay: below 5 \noverlay: gone -1 .*\n.*above 5 \n.*above 5 \n.*below 5 \noverlay: away 0 /,
  );
  assert.match(run.output.text, /frozen: went on 0 \nfrozen: ended 6/);
  assert.deepEqual(countsOf(twin.machine), countsOf(run.machine));
});

test("a machine that shares its board is saved alone, as if it had it for itself", () => {
  const board = createBoard({ ...outside(), memoryBytes: 64 << 20 });
  const [one, other] = [40 << 20, 20 << 20].map(
    (memoryBytes) => new Machine({ ...outside(), board, virtualTime: true, memoryBytes, hostname: "stratos" }),
  ) as [Machine, Machine];
  for (const [machine, memoryBytes] of [
    [one, 40 << 20],
    [other, 20 << 20],
  ] as const) {
    const { memory, board: own } = loadMachine({ ...outside(), handles: new Map() }, saveMachine(machine)).kernel;
    assert.deepEqual([memory.limit, memory.charged], [memoryBytes / 4096, machine.kernel.memory.charged]);
    assert.deepEqual([own.frames.usedCount, own.frames.total], [memory.charged, memory.limit]);
    assert.ok(own.frames.freeCount >= memory.free);
  }
});

test("what is counted of a machine's memory while it is saved is what was counted while it ran", () => {
  for (const name of ["waits", "rewrites", "spaces"]) {
    const run = startStatic(buildStatic(name));
    run.machine.run(1);
    const { frames, memory } = run.machine.kernel;
    const { kernel } = twinOf(run).machine;
    const used = [...frames.used()];
    assert.deepEqual([...kernel.frames.used()], used);
    for (const frame of used)
      assert.equal(kernel.frames.references(frame), frames.references(frame), `${name} ${frame}`);
    assert.deepEqual([kernel.memory.charged, kernel.memory.cached], [memory.charged, memory.cached]);
  }
});

test("pages that come when they are touched are what they were, in forks and states as well", () => {
  const program = buildStatic("touches");
  // In an address space below 4 GiB, and in a wide one.
  for (const argv of [["program"], ["program", "high"]]) touchLazily(startStatic(program, argv, null, () => {}, false));
});

function touchLazily(run: Run): void {
  finish(run);
  const load = (isLazy: boolean): ReturnType<typeof twinOf> => twinOf(run, null, isLazy);
  const waiting = ({ machine }: Run): number => machine.kernel.frames.pending?.count ?? 0;
  const ended = (each: Run): string => {
    each.input.type("go\n");
    finish(each);
    assert.equal(each.machine.exitStatus, 0);
    return each.output.text;
  };
  const eager = load(false);
  const lazy = load(true);
  assert.equal(waiting(eager), 0);
  assert.ok(waiting(lazy) > 1700, String(waiting(lazy)));
  const fork = forkOf(lazy);
  const settling = load(true);
  assert.equal(settling.machine.kernel.frames.settleNext(100), true);
  const again = twinOf(load(true), null, true);
  assert.equal(Buffer.compare(again.bytes, eager.bytes), 0);
  const expected = ended(eager);
  assert.match(expected, /^fresh [0-9a-f]{8}\nhigh .*\nrest [0-9a-f]{8}\n$/ms);
  // The fork ends when the machine that it shares pages with has gone on.
  for (const each of [lazy, fork, settling, again]) assert.equal(ended(each), expected);
  assert.equal(waiting(lazy), 0);
  lazy.machine.kernel.board.end(lazy.machine.kernel);
}

test("saving a loaded machine at once gives the same bytes", () => {
  const run = startStatic(buildStatic("waits"));
  run.machine.run(1);
  const twin = twinOf(run);
  assert.equal(Buffer.compare(twinOf(twin).bytes, twin.bytes), 0);
});

test("connections to the outside are reset in a loaded machine, and go on in the first one", () => {
  const first = world();
  const run = startStatic(buildStatic("severed"), ["severed"], first.client);
  first.settle(run);
  assert.equal(run.output.text, "ready\n");
  run.input.type("\n");
  finish(run);
  const second = world();
  const elsewhere = twinOf(run, second.client);
  const beside = twinOf(run, first.client);
  const again = twinOf(elsewhere, world().client);
  // A fork that is there to be saved has what it is a fork of.
  const third = world();
  const localAddresses = (): ReturnType<SocketProvider["localAddresses"]> => first.client.localAddresses();
  const resting = { isResting: true, create: () => -1, nameServers: () => [], localAddresses };
  const byFork = twinOf(forkOf(run, "same", resting), third.client);

  second.settle(elsewhere);
  const reset = [
    "ready",
    "connection POLLERR -1 Connection reset by peer",
    "connection POLLERR 0 Success",
    "attempt POLLERR -1 Connection reset by peer",
    "asker POLLERR -1 Connection reset by peer",
  ];
  assert.deepEqual(linesOf(elsewhere), reset);
  third.settle(byFork);
  assert.deepEqual(linesOf(byFork), reset);
  for (const [{ friend, settle }, each] of [
    [second, elsewhere],
    [third, byFork],
  ] as const) {
    friend.write(new TextEncoder().encode("hello"), 0, 5, { family: 4, address: "10.0.0.1", port: 5300 });
    settle(each);
    assert.deepEqual(linesOf(each), [...reset, "asker sent 3", "server 5 Success hello", "server sent 5 Success"]);
    assert.deepEqual(wordsAt(friend), ["two", "heard"]);
  }
  finish(again);
  assert.deepEqual(linesOf(again), reset);

  // The first one has the port still.
  first.settle(beside);
  const refused = ["server POLLERR -1 Address already in use", "server sent -1 Address already in use"];
  assert.deepEqual(linesOf(beside), [...reset, "asker sent 3", ...refused]);

  const connection = first.web.accept({ changed: () => {} }) as HostSocket;
  connection.write(new TextEncoder().encode("word"), 0, 4, null);
  connection.close();
  first.settle(run);
  assert.deepEqual(wordsAt(first.friend), ["one", "two"]);
  assert.deepEqual(linesOf(run), [
    "ready",
    "connection 4 Success word",
    "connection 0 Success",
    "attempt POLLERR -1 Connection refused",
  ]);
});

/** Two hosts; on the other one somebody listens at port 80, and takes datagrams at port 53. */
function world() {
  const network = new SimulatedNetwork();
  const address = (last: number) => ({ family: 4 as const, address: `10.0.0.${last}`, prefixLength: 24 });
  const server = network.host([address(2)]);
  const nobody: HostSocketEvents = { changed: () => {} };
  const [web, friend] = [server.create(4, "stream", nobody), server.create(4, "datagram", nobody)];
  const how = { reuseAddress: true, v6Only: false };
  web.bind({ ...address(2), port: 80 }, how);
  web.listen(1);
  friend.bind({ ...address(2), port: 53 }, how);
  network.deliver();
  const settle = (run: Run): void => {
    for (let turn = 0; turn < 5; turn++) {
      finish(run);
      network.deliver();
    }
  };
  return { client: network.host([address(1)]), web, friend, settle };
}

function linesOf({ output }: Run): string[] {
  return output.text.split(/ *\n/).slice(0, -1);
}

/** The datagrams that wait at a host's socket. */
function wordsAt(socket: HostSocket): string[] {
  const words: string[] = [];
  const bytes = new Uint8Array(32);
  while (socket.readable()) words.push(new TextDecoder().decode(bytes.subarray(0, socket.read(bytes, 0, 32, false))));
  return words;
}

test("a service of the host stays with its machine: elsewhere programs are reset, and nobody listens", () => {
  const run = startStatic(buildStatic("service"));
  const { kernel } = run.machine;
  const init = kernel.tasks.tasks.get(1)!;
  const listener = openHostListener(init, "/tmp/service", { uid: 0, gid: 0, mode: 0o700 }, () => {});
  assert.ok(typeof listener !== "number");
  finish(run);
  const connection = listener.accept()!;
  const files: HostFile[] = [];
  assert.equal(connection.receive(new Uint8Array(10), files), 5);
  assert.equal(files[0]!.sizeBytes, 4096);
  connection.send(Buffer.from("heard"));
  finish(run);
  assert.equal(run.output.text, "5 Success heard\n");
  const others = [twinOf(run), forkOf(run)];
  for (const other of others) {
    finish(other);
    assert.equal(other.output.text, "5 Success heard\n-1 Connection reset by peer \nagain: -1 Connection refused\n");
    assert.notEqual(other.machine.exitStatus, null);
  }
  connection.send(Buffer.from("more"));
  finish(run);
  assert.equal(run.output.text, "5 Success heard\n4 Success more\nagain: 0 Success\n");
});

test("a service of the host that has left a record goes on with its connections, or says that it does not", () => {
  const run = startStatic(buildStatic("service"));
  const { kernel } = run.machine;
  const init = kernel.tasks.tasks.get(1)!;
  const owner = { uid: 0, gid: 0, mode: 0o700 };
  const listener = openHostListener(init, "/tmp/service", owner, () => {}, "service");
  assert.ok(typeof listener !== "number");
  finish(run);
  const connection = listener.accept()!;
  const files: HostFile[] = [];
  connection.receive(new Uint8Array(10), files);
  const bytes = new Uint8Array(4096);
  files[0]!.read(bytes, 0);
  // On its way while the machine is saved.
  connection.send(Buffer.from("heard"));
  kernel.hostServices.records.set("service", Uint8Array.of(7));
  const [goesOn, forked, ends] = [twinOf(run), forkOf(run), twinOf(run)];
  kernel.hostServices.records.clear();
  for (const other of [goesOn, forked]) {
    const left = other.machine.kernel.hostServices.take("service")!;
    assert.deepEqual(left.record, Uint8Array.of(7));
    other.machine.kernel.hostServices.end();
    const [again, none] = left.listener.goOn(() => {});
    assert.equal(none, undefined);
    const its = again!.files.get(files[0]!.number)!;
    const read = new Uint8Array(4096);
    assert.equal(its.read(read, 0), 4096);
    assert.deepEqual(read, bytes);
    finish(other);
    assert.equal(other.output.text, "5 Success heard\n");
    again!.post(Buffer.from("more"), []);
    finish(other);
    assert.equal(other.output.text, "5 Success heard\n4 Success more\nagain: 0 Success\n");
    assert.ok(left.listener.accept() !== null, "it listens, too");
    assert.equal(other.machine.kernel.hostServices.take("service"), null);
  }
  ends.machine.kernel.hostServices.end();
  finish(ends);
  assert.equal(
    ends.output.text,
    "5 Success heard\n-1 Connection reset by peer \nagain: -1 Connection refused\n",
    "what was on its way comes before the end",
  );
});
