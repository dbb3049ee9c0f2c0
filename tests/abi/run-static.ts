/**
 * Runs a riscv64 program, static or with the libraries that it is given, in a fresh machine whose root is an empty
 * tmpfs with /tmp and the system's own file systems.
 */
import { randomFillSync } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { SimulatedClock, SimulatedRandomSource } from "@stratos/host";
import { NodeClock, NodeWasmEngine } from "@stratos/host-node";
import { OpenFile, Tmpfs, type Inode, type IoCursor, type Task } from "@stratos/kernel";
import { Machine } from "@stratos/machine";

export interface StaticRun {
  /** What it wrote to stdout and stderr, as a byte string. */
  output: string;
  /** Exit code, or 128 + the signal. */
  status: number;
  machine: Machine;
  /** The longest that the machine held the main thread at a time, in milliseconds of processor time. */
  turnMsMax: number;
}

/** Collects what is written; reading finds the end of the file. */
class Collector extends OpenFile {
  output = "";
  readonly #onOutput: (text: string) => void;

  constructor(onOutput: (text: string) => void) {
    super(2, null, null);
    this.#onOutput = onOutput;
  }

  override read(): number {
    return 0;
  }

  override write(_task: Task, from: IoCursor): number {
    const bytes = new Uint8Array(Math.min(from.remaining, 65536));
    const count = from.take(bytes, 0, bytes.length);
    if (count <= 0) return count;
    const text = Buffer.from(bytes.buffer, 0, count).toString("latin1");
    this.output += text;
    this.#onOutput(text);
    return count;
  }
}

/** Far beyond what a program takes on a quiet host. */
const PATIENCE_MS = 600_000;

export async function runStatic(
  program: Uint8Array,
  options: {
    translate?: boolean;
    argv?: string[];
    memoryBytes?: number;
    timeoutMs?: number;
    seed?: number;
    onOutput?: (text: string, machine: Machine) => void;
    /** By their paths below the root. */
    files?: Readonly<Record<string, Uint8Array>>;
    prepare?: (machine: Machine) => void;
  } = {},
): Promise<StaticRun> {
  const machine = new Machine({
    engine: new NodeWasmEngine(),
    clock: options.seed === undefined ? new NodeClock() : new SimulatedClock(1_700_000_001_000),
    virtualTime: options.seed !== undefined,
    random:
      options.seed === undefined
        ? { fill: (bytes) => void randomFillSync(bytes) }
        : new SimulatedRandomSource(options.seed),
    sockets: null,
    memoryBytes: options.memoryBytes ?? 256 << 20,
    hostname: "stratos",
    log: () => {},
    ...(options.translate === undefined ? {} : { translate: options.translate }),
  });
  const { kernel } = machine;
  const root = new Tmpfs(kernel, { sizeBytes: 128 << 20, inodes: 65536, mode: 0o755, uid: 0, gid: 0 });
  machine.mountRoot(root);
  machine.mountSystem();
  const attributes = { uid: 0, gid: 0, rdev: 0, now: kernel.realtime() };
  root.root.mkdir("tmp", { ...attributes, mode: 0o41777 });
  for (const [path, content] of Object.entries({ program, ...options.files })) {
    const [name, ...above] = path.split("/").reverse() as [string, ...string[]];
    const folder = above.reverse().reduce<Inode>((at, part) => {
      const found = at.lookup(part);
      const made = typeof found === "number" ? at.mkdir(part, { ...attributes, mode: 0o40755 }) : found;
      if (typeof made === "number") throw new Error(`cannot create ${path}`);
      return made;
    }, root.root);
    const file = folder.create(name, { ...attributes, mode: 0o100755 });
    if (typeof file === "number" || file.pages === null) throw new Error(`cannot create ${path}`);
    for (let index = 0; index * 4096 < content.length; index++) {
      const frame = file.pages.frameForOverwrite(index);
      kernel.physical.u8.set(content.subarray(index * 4096, index * 4096 + 4096), frame * 4096);
    }
    file.size = content.length;
  }
  options.prepare?.(machine);
  const collector = new Collector((text) => options.onOutput?.(text, machine));
  const started = machine.start({
    path: "/program",
    argv: options.argv ?? ["program"],
    environment: [],
    workingDirectory: "/",
    standardFiles: [collector, collector.retain(), collector.retain()],
  });
  if (typeof started !== "number") throw new Error(`exec: ${-started.errno}`);
  const end = performance.now() + (options.timeoutMs ?? PATIENCE_MS);
  let turnMsMax = 0;
  while (!machine.isStopped) {
    if (performance.now() > end) throw new Error(`time-out; so far: ${collector.output}`);
    const start = process.threadCpuUsage();
    const wait = machine.run(8);
    const used = process.threadCpuUsage(start);
    turnMsMax = Math.max(turnMsMax, (used.user + used.system) / 1000);
    if (!machine.isStopped) await sleep(Math.min(wait, 100));
  }
  const status = machine.exitStatus!;
  return {
    output: collector.output,
    status: (status & 0x7f) === 0 ? status >> 8 : 128 + (status & 0x7f),
    machine,
    turnMsMax,
  };
}
