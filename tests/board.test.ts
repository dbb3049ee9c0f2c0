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
import { extendedTest } from "@stratos/base/testing";
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
      imageIdentity: TEST_IMAGE,
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
  for round in 1 2; do seq 1 2000 | sort -r | awk '{ s += $1 * NR } END { print s }'; done
  ls /usr/bin | grep -c . ; find /etc -type f | sort | md5sum`;
const PYTHON = `python3 -c '
import hashlib, json, threading
total = []
def work(n): total.append(sum(int(hashlib.md5(str(i).encode()).hexdigest()[:4], 16) for i in range(n)))
threads = [threading.Thread(target=work, args=(1500,)) for _ in range(3)]
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

extendedTest("a run from a seed is the same alone and beside others, to the last instruction", async () => {
  const line = `${PYTHON}; ${PIPELINES}; echo $RANDOM; cat /proc/self/maps /proc/meminfo /proc/self/stat; date +%N`;
  const alone = await runAlone(line, { seed: 5 });
  const board = newBoard();
  const others = [new Box("yes | head -c 80M | wc -c", { board }), new Box(PIPELINES, { board })];
  const beside = new Box(line, { board, seed: 5 });
  const running = others.map((box) => box.run());
  await beside.run();
  await Promise.all(running);
  assert.equal(beside.output, alone.output);
  assert.equal(beside.instructions, alone.instructions);
  for (const box of [beside, ...others]) box.close();
});

extendedTest("a second kernel runs on what the first has read and translated", async () => {
  const line = `${PYTHON}; ${PIPELINES}`;
  const board = newBoard();
  const twice = new Box(`${line}; ${line}`);
  await twice.run();
  const boxes: Box[] = [];
  const used: number[] = [];
  for (let round = 0; round < 2; round++) {
    const box = new Box(line, { board });
    boxes.push(box);
    await box.run();
    used.push(board.frames.usedCount);
  }
  assert.equal(boxes[0]!.output + boxes[1]!.output, twice.output);
  const [both, first, second] = [twice, ...boxes].map((box) => box.session.machine.statistics);
  // What is left is what became hot only then, and code that is not the image's.
  const units = [first!.translatedFunctions, second!.translatedFunctions, both!.translatedFunctions];
  assert.ok(units[0]! + units[1]! < units[2]! * 1.1, `${units} units`);
  const records = [first!.decodedRecords, second!.decodedRecords, both!.decodedRecords];
  assert.ok(records[1]! < records[0]! * 0.1, `${records} records`);
  assert.ok(used[1]! - used[0]! < used[0]! / 2, `${used} frames`);
  // Each is charged for what it uses, borrowed or not.
  const charged = boxes.map((box) => box.session.machine.kernel.memory.charged);
  assert.ok(Math.min(...charged) > 0.95 * Math.max(...charged), `${charged} frames charged`);
  for (const box of [twice, ...boxes]) box.close();
  const kept = board.frames.usedCount;
  assert.equal(board.images.reclaim(Infinity), kept, "what is left is the image's, and free when it is wanted");
  assert.equal(board.frames.usedCount, 0);
});

extendedTest("a file of the image that one kernel changes stays as it was for the others", async () => {
  const board = newBoard();
  const look = "cat /etc/debian_version; md5sum < /usr/bin/seq; md5sum < /usr/bin/wc; md5sum < /usr/bin/sort; seq 3";
  const expected = (await runAlone(look)).output;
  const changes = `{ ${look}; } > /tmp/before
    sort --version > /dev/null
    echo changed | dd of=/etc/debian_version conv=notrunc status=none
    python3 -c "
import mmap, os
f = os.open('/usr/bin/wc', os.O_RDWR)
held = mmap.mmap(f, 0, prot=mmap.PROT_READ)
private = mmap.mmap(f, 0, flags=mmap.MAP_PRIVATE)
private[4096:4100] = b'mine'
held[4096]
m = mmap.mmap(f, 0)
m[4096:8192] = b'y' * 4096
print(held[4096:4100], private[4096:4100], os.pread(f, 4, 4096))
g = os.open('/usr/bin/sort', os.O_RDWR)
code = mmap.mmap(g, 0, prot=mmap.PROT_READ | mmap.PROT_EXEC)
before = code[20000:20004]
os.pwrite(g, b'z' * 100, 9000); os.ftruncate(g, 20000)
print(code[9000:9004], len(os.pread(g, 30000, 0)), before != bytes(4))
os.posix_fallocate(g, 0, 30000)
print(code[20000:20004], os.pread(g, 2, 20001))"
    cat /etc/debian_version; cp /usr/bin/printf /usr/bin/seq; seq 'other'; echo
    sort < /dev/null 2> /dev/null || echo broken`;
  const changing = new Box(changes, { board });
  await changing.run();
  const mapped = "b'yyyy' b'mine' b'yyyy'\nb'zzzz' 20000 True";
  const cut = "b'\\x00\\x00\\x00\\x00' b'\\x00\\x00'";
  assert.equal(changing.output, `${mapped}\n${cut}\nchanged\nother\nbroken\n`);
  const beside = new Box(look, { board });
  await beside.run();
  changing.close();
  const after = new Box(look, { board });
  await after.run();
  assert.deepEqual([beside.output, after.output], [expected, expected]);
  for (const box of [beside, after]) box.close();
});

extendedTest("turns are fair: one that never sleeps does not keep the others from theirs", async () => {
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

extendedTest("a kernel that uses up its memory leaves the others theirs", async () => {
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

extendedTest("what ends in the midst of its work gives back all that it had, and the others go on", async () => {
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
  board.images.reclaim(Infinity);
  assert.deepEqual(used(), [0, board.frames.total * 4096]);
  assert.equal(board.kernels.size, 0);
  const slots = [];
  for (let slot = board.processor.tables.acquire(); slot >= 0; slot = board.processor.tables.acquire())
    slots.push(slot);
  assert.equal(slots.length, board.physical.slotCount, "all slots are free");
});

extendedTest("no frame shows what another kernel had in it", async () => {
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
