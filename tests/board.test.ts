/**
 * Goal: several kernels run on one board, by turns on one processor. Each sees what it would see alone: its output, its
 * memory, with a seed also its every instruction. None gets at another's frames or memory limit, and what ends gives
 * everything back.
 *
 * Method: whole sessions of Debian's programs in this process, alone and beside one another.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { byteString } from "@stratos/base";
import { nodePorts } from "@stratos/host-node";
import { cloneVolume, EMPTY_INPUT, ImageStore } from "@stratos/images";
import { type Board, openHostInput, openHostOutput } from "@stratos/kernel";
import { createBoard } from "@stratos/machine";
import { exitStatusOf, findGuestUser, GUEST_PATH, MachineSession, readerOf } from "@stratos/session";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

const MIB = 1 << 20;

before(ensureTestImage);

function newBoard(memoryBytes = 1024 * MIB): Board {
  return createBoard({ engine: nodePorts().engine, memoryBytes, nowMs: () => performance.now() });
}

interface BoxOptions {
  readonly board?: Board;
  readonly memoryBytes?: number;
  readonly seed?: number;
}

/** A machine over a clone of the test image that runs one line of bash. */
class Box {
  readonly session: MachineSession;
  readonly #close: () => void;
  output = "";

  constructor(line: string, { board, memoryBytes = 256 * MIB, seed }: BoxOptions = {}) {
    const store = new ImageStore(TEST_HOME);
    const opened = cloneVolume(store.layerPaths(store.require(TEST_IMAGE)), 64 * MIB);
    this.session = new MachineSession({
      ports: nodePorts(),
      volume: opened.volume,
      memoryBytes,
      board,
      log: () => {},
      ...(seed === undefined ? {} : { seed }),
    });
    this.#close = () => opened.close();
    const { kernel } = this.session.machine;
    const stream = {
      room: 1 << 16,
      isBroken: false,
      onWritable: () => {},
      write: (bytes: Uint8Array, at: number, count: number) => {
        this.output += byteString(bytes, at, at + count);
        return count;
      },
    };
    this.session.start(
      {
        program: "bash",
        argv: ["bash", "-c", line],
        environment: [`PATH=${GUEST_PATH}`, "HOME=/root", "LC_ALL=C.UTF-8", "PYTHONHASHSEED=0"],
        workingDirectory: "/root",
        user: findGuestUser(readerOf(opened.volume.root), "0"),
      },
      [openHostInput(kernel, EMPTY_INPUT), openHostOutput(kernel, stream), openHostOutput(kernel, stream)],
    );
  }

  /** @returns its exit status as a shell would say it */
  async run(timeoutMs?: number): Promise<number> {
    return exitStatusOf(await this.session.run(timeoutMs));
  }

  get instructions(): number {
    return this.session.machine.statistics.instructions;
  }

  close(): void {
    this.session.close();
    this.#close();
  }
}

async function runAlone(line: string, options: BoxOptions = {}): Promise<Box> {
  const box = new Box(line, options);
  await box.run();
  box.close();
  return box;
}

const PIPELINES = `
  for round in 1 2 3 4; do seq 1 3000 | sort -r | awk '{ s += $1 * NR } END { print s }'; done
  ls /usr/bin | grep -c . ; find /etc -type f | sort | md5sum`;
const PYTHON = `python3 -c '
import hashlib, json, threading
total = []
def work(n): total.append(sum(int(hashlib.md5(str(i).encode()).hexdigest()[:4], 16) for i in range(n)))
threads = [threading.Thread(target=work, args=(3000,)) for _ in range(3)]
[t.start() for t in threads]; [t.join() for t in threads]
print(json.dumps(total))'`;

test("two kernels on one board give the output that each gives alone", async () => {
  const expected = [(await runAlone(PIPELINES)).output, (await runAlone(PYTHON)).output];
  const board = newBoard();
  const boxes = [PIPELINES, PYTHON].map((line) => new Box(line, { board }));
  assert.deepEqual(await Promise.all(boxes.map((box) => box.run())), [0, 0]);
  assert.deepEqual(
    boxes.map(({ output }) => output),
    expected,
  );
  for (const box of boxes) box.close();
});

test("a run from a seed is the same alone and beside others, to the last instruction", async () => {
  const line = `${PYTHON}; ${PIPELINES}; echo $RANDOM; cat /proc/self/maps /proc/meminfo /proc/self/stat; date +%N`;
  const alone = await runAlone(line, { seed: 5 });
  const board = newBoard();
  const others = [new Box("yes | head -c 300M | wc -c", { board }), new Box(PIPELINES, { board })];
  const beside = new Box(line, { board, seed: 5 });
  const running = others.map((box) => box.run());
  await beside.run();
  await Promise.all(running);
  assert.equal(beside.output, alone.output);
  assert.equal(beside.instructions, alone.instructions);
  for (const box of [beside, ...others]) box.close();
});

test("turns are fair: one that never sleeps does not keep the others from theirs", async () => {
  const board = newBoard();
  const [busy, idle] = [new Box("while :; do :; done", { board }), new Box("echo $(seq 40000 | wc -l)", { board })];
  const running = busy.run();
  await idle.run();
  assert.equal(idle.output, "40000\n");
  const share = busy.instructions / idle.instructions;
  assert.ok(share > 0.05 && share < 20, `the other one ran ${share} times as many instructions`);
  busy.session.stop();
  await running;
  for (const box of [busy, idle]) box.close();
});

test("a kernel that uses up its memory leaves the others theirs", async () => {
  const board = newBoard(400 * MIB);
  const hog = `python3 -c "
x = []
while True: x.append(bytearray(b'x') * (1 << 20))"; echo $?`;
  const hungry = new Box(hog, { board, memoryBytes: 128 * MIB });
  const frugal = new Box(
    `for i in 1 2 3; do python3 -c "print(len(bytearray(b'y') * (150 << 20)))"; done; grep MemTotal /proc/meminfo`,
    { board, memoryBytes: 256 * MIB },
  );
  const running = hungry.run();
  await frugal.run();
  await running;
  assert.match(hungry.output, /137\n$/, "the kernel's own OOM killer has ended it");
  assert.equal(frugal.output, `157286400\n157286400\n157286400\nMemTotal:         262144 kB\n`);
  assert.throws(() => new Box("true", { board, memoryBytes: 64 * MIB }), /promised/);
  hungry.close();
  const next = new Box("echo room again", { board, memoryBytes: 64 * MIB });
  await next.run();
  assert.equal(next.output, "room again\n");
  for (const box of [frugal, next]) box.close();
});

test("what ends in the midst of its work gives back all that it had, and the others go on", async () => {
  const board = newBoard();
  const box = new Box(`${PYTHON}; ${PIPELINES}`, { board });
  const expected = (await runAlone(`${PYTHON}; ${PIPELINES}`)).output;
  const used = (): number[] => [board.frames.usedCount, board.freeBytes];
  const running = box.run();
  for (let round = 0; round < 3; round++) {
    const before = used()[1];
    const other = new Box(`while :; do ${PIPELINES}; done & while :; do ${PYTHON}; done | cat`, { board });
    assert.equal(await other.run(1500), 124);
    other.close();
    assert.equal(used()[1], before);
  }
  assert.equal(await running, 0);
  assert.equal(box.output, expected);
  box.close();
  assert.deepEqual(used(), [0, board.frames.total * 4096]);
  assert.equal(board.kernels.size, 0);
  const slots = [];
  for (let slot = board.processor.tables.acquire(); slot >= 0; slot = board.processor.tables.acquire())
    slots.push(slot);
  assert.equal(slots.length, board.physical.slotCount, "all slots are free");
});

test("no frame shows what another kernel had in it", async () => {
  const board = newBoard(160 * MIB);
  const secret = "SECRET-OF-THE-FIRST-KERNEL ";
  const first = new Box(
    `python3 -c "
import os
x = b'${secret.trim()}'.ljust(64, b'.') * (40 << 14)
open('/dev/shm/x', 'wb').write(x)
print(len(x))"`,
    { board, memoryBytes: 144 * MIB },
  );
  await first.run();
  assert.equal(first.output, `${40 * MIB}\n`);
  first.close();
  const needle = Buffer.from(secret.trim());
  assert.ok(Buffer.from(board.physical.u8.buffer).includes(needle), "the bytes are still in the free frames");
  // Anonymous memory, a file's hole, a page half written, the stack and a pipe: all that a program can look at.
  const second = new Box(
    `python3 -c "
import mmap, os
found = 0
m = mmap.mmap(-1, 90 << 20)
for i in range(0, len(m), 4096): m[i + 4095] = m[i + 4095]
for i in range(0, len(m), 1 << 20): found += m[i:i + (1 << 20)].count(b'SECRET')
f = os.memfd_create('x'); os.ftruncate(f, 20 << 20)
for i in range(0, 20 << 20, 4096): os.pwrite(f, b'a', i + 7)
found += os.pread(f, 20 << 20, 0).count(b'SECRET')
print(found)"`,
    { board, memoryBytes: 144 * MIB },
  );
  await second.run();
  assert.equal(second.output, "0\n");
  second.close();
});
