/**
 * `fork-once.ts IMAGE COUNT`: forks a machine in which python3 rests with 100 MB in use, COUNT times. It prints as JSON
 * what forks cost: processor time and time on the wall of each, memory that each takes until it writes, and the time
 * from a fork's beginning to its python's answer.
 */
import { EAGAIN } from "@stratos/abi";
import { LaterVolume } from "@stratos/aegisfs";
import { nodePorts, stratosHome } from "@stratos/host-node";
import { cloneVolume, ImageStore } from "@stratos/images";
import { openHostInput, openHostOutput } from "@stratos/kernel";
import { findGuestUser, GUEST_PATH, MachineSession, readerOf } from "@stratos/session";
import { median } from "./statistics.ts";

const [image, count] = process.argv.slice(2);
const MEMORY_BYTES = 1024 ** 3;
const ANSWERS = 20;
const PYTHON = `
import sys
heap = bytearray(100 << 20)
for at in range(0, len(heap), 4096): heap[at] = 1
print("ready", flush=True)
for line in sys.stdin: print(eval(line), flush=True)
`;

/** What python reads and writes. */
class Talk {
  said = "";
  #typed = "";
  #listener = (): void => {};
  readonly isEnded = false;
  readonly isBroken = false;
  readonly room = 65536;

  get available(): number {
    return this.#typed.length;
  }

  onReadable(listener: () => void): void {
    this.#listener = listener;
  }

  onWritable(): void {}

  type(text: string): void {
    this.#typed += text;
    this.#listener();
  }

  read(into: Uint8Array, at: number, most: number): number {
    if (this.#typed === "") return -EAGAIN;
    const part = this.#typed.slice(0, most);
    this.#typed = this.#typed.slice(part.length);
    new TextEncoder().encodeInto(part, into.subarray(at));
    return part.length;
  }

  write(bytes: Uint8Array, at: number, length: number): number {
    this.said += new TextDecoder().decode(bytes.subarray(at, at + length));
    return length;
  }
}

const ports = nodePorts();
const store = new ImageStore(stratosHome());
const cloned = cloneVolume(store.layerPaths(store.require(image!)), MEMORY_BYTES);
const shared = { ports, memoryBytes: MEMORY_BYTES, imageIdentity: image, log: (): void => {} };
const session = new MachineSession({ ...shared, volume: cloned.volume });
const { kernel } = session.machine;
const talk = new Talk();
const output = openHostOutput(kernel, talk);
session.start(
  {
    program: "python3",
    argv: ["python3", "-c", PYTHON],
    environment: [`PATH=${GUEST_PATH}`, "HOME=/root", "LC_ALL=C.UTF-8"],
    workingDirectory: "/",
    user: findGuestUser(readerOf(cloned.volume.root), "0"),
  },
  [openHostInput(kernel, talk), output, output.retain()],
  () => {},
);
runUntil(session, () => talk.said === "ready\n");
while (session.machine.run(20) === 0);

function runUntil({ machine }: MachineSession, isDone: () => boolean): void {
  while (!isDone()) machine.run(20);
}

function fork(): { readonly fork: MachineSession; readonly talk: Talk } {
  session.commit();
  const volume = cloned.fork();
  const own = new Talk();
  const forked = { original: session, identity: "fresh", streams: new Map([[talk, own]]) } as const;
  return { fork: new MachineSession({ ...shared, volume: new LaterVolume(() => volume.mount()), forked }), talk: own };
}

/** Processor time and time on the wall, in milliseconds. */
function timed<T>(work: () => T): { readonly value: T; readonly cpuMs: number; readonly wallMs: number } {
  const begin = process.cpuUsage();
  const start = performance.now();
  const value = work();
  const wallMs = performance.now() - start;
  const { user, system } = process.cpuUsage(begin);
  return { value, cpuMs: (user + system) / 1000, wallMs };
}

function memoryBytes(): number {
  globalThis.gc!();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers + kernel.frames.usedCount * 4096;
}

const answers = Array.from({ length: ANSWERS }, (_, index) =>
  timed(() => {
    const child = fork();
    child.talk.type(`${index} + len(heap)\n`);
    runUntil(child.fork, () => child.talk.said === `${index + (100 << 20)}\n`);
    return child.fork;
  }),
);
for (const { value } of answers) value.close();
const before = memoryBytes();
const all = timed(() => Array.from({ length: Number(count) }, () => timed(fork)));
const forks = all.value;
const after = memoryBytes();
const closing = timed(() => forks.forEach(({ value }) => value.fork.close()));
const figures = {
  forkCpuMs: median(forks.map(({ cpuMs }) => cpuMs)),
  forkWallMs: median(forks.map(({ wallMs }) => wallMs)),
  allCpuMs: all.cpuMs,
  allWallMs: all.wallMs,
  eachKib: (after - before) / Number(count) / 1024,
  closeCpuMs: closing.cpuMs / Number(count),
  answerCpuMs: median(answers.map(({ cpuMs }) => cpuMs)),
  answerWallMs: median(answers.map(({ wallMs }) => wallMs)),
};
console.log(JSON.stringify(figures));
process.exit();
