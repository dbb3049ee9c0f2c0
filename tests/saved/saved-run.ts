/** A machine with a tmpfs as its root and a static program in it, and its twin that is saved and loaded on the way. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inOnePiece } from "@stratos/base";
import { SimulatedClock, SimulatedRandomSource, type SocketProvider } from "@stratos/host";
import { NodeWasmEngine } from "@stratos/host-node";
import { type Inode, openHostInput, openHostOutput, Tmpfs } from "@stratos/kernel";
import { Machine } from "@stratos/machine";
import { forkMachine } from "@stratos/machine/forked";
import { loadMachine, saveMachineInPieces } from "@stratos/machine/saved";
import { compiled } from "../support/compiled.ts";

/** A stream of the host that keeps what is written. */
class Output {
  text = "";
  readonly room = 1 << 20;
  readonly isBroken = false;

  onWritable(): void {}

  write(bytes: Uint8Array, at: number, count: number): number {
    this.text += Buffer.from(bytes.subarray(at, at + count)).toString("latin1");
    return count;
  }
}

/** Bytes that programs read as they come. */
class Input {
  #bytes = "";
  isEnded = false;
  #listener: () => void = () => {};

  get available(): number {
    return this.#bytes.length;
  }

  onReadable(listener: () => void): void {
    this.#listener = listener;
  }

  type(text: string): void {
    this.#bytes += text;
    this.#listener();
  }

  end(): void {
    this.isEnded = true;
    this.#listener();
  }

  read(into: Uint8Array, at: number, count: number): number {
    if (this.#bytes.length === 0) return this.isEnded ? 0 : -11;
    const taken = this.#bytes.slice(0, count);
    into.set(Buffer.from(taken, "latin1"), at);
    this.#bytes = this.#bytes.slice(taken.length);
    return taken.length;
  }
}

/** The outside of a machine, the same each time. */
export function outside() {
  return {
    engine: new NodeWasmEngine(),
    clock: new SimulatedClock(1_700_000_001_000),
    random: new SimulatedRandomSource(1),
    sockets: null,
    log: () => {},
  };
}

export interface Run {
  machine: Machine;
  readonly input: Input;
  readonly output: Output;
}

/** A program of this folder, linked statically. */
export function buildStatic(name: string): Uint8Array {
  const flags = ["-O1", "-static", "-w"];
  return readFileSync(compiled(join(import.meta.dirname, `${name}.c`), { flags, libraries: ["-lrt", "-lpthread"] }));
}

/**
 * Starts a static program at /program, below which nothing but /tmp and the system's file systems is.
 *
 * @param prepare  the machine, before it starts
 */
export function startStatic(
  program: Uint8Array,
  argv: readonly string[] = ["program"],
  sockets: SocketProvider | null = null,
  prepare: (machine: Machine) => void = () => {},
  virtualTime = true,
): Run {
  const machine = new Machine({ ...outside(), sockets, virtualTime, memoryBytes: 64 << 20, hostname: "stratos" });
  const { kernel } = machine;
  const root = new Tmpfs(kernel, { sizeBytes: 32 << 20, inodes: 4096, mode: 0o755, uid: 0, gid: 0 });
  machine.mountRoot(root);
  machine.mountSystem();
  const owner = { uid: 0, gid: 0, rdev: 0, now: kernel.realtime() };
  root.root.mkdir("tmp", { ...owner, mode: 0o41777 });
  const file = root.root.create("program", { ...owner, mode: 0o100755 }) as Inode;
  for (let index = 0; index * 4096 < program.length; index++) {
    const frame = file.pages!.frameForOverwrite(index);
    kernel.physical.u8.set(program.subarray(index * 4096, index * 4096 + 4096), frame * 4096);
  }
  file.size = program.length;
  prepare(machine);
  const [input, output] = [new Input(), new Output()];
  const standard = openHostOutput(kernel, output);
  const started = machine.start({
    path: "/program",
    argv: [...argv],
    environment: [],
    workingDirectory: "/",
    standardFiles: [openHostInput(kernel, input), standard, standard.retain()],
  });
  if (typeof started !== "number") throw new Error(`exec: ${started.errno}`);
  return { machine, input, output };
}

export function saveMachine(machine: Machine, handles: ReadonlyMap<string, object> = new Map()): Uint8Array {
  return inOnePiece(saveMachineInPieces(machine, handles));
}

/**
 * Saves the machine, and loads another from that which has streams of its own, and a host's sockets if any; the first
 * one stays as it is.
 */
export function twinOf(
  { machine, input, output }: Run,
  sockets: SocketProvider | null = null,
  isLazy = false,
): Run & { readonly bytes: Uint8Array } {
  const bytes = saveMachine(machine, handlesOf({ input, output }));
  const twin = { input: new Input(), output: new Output() };
  twin.output.text = output.text;
  return { machine: loadMachine({ ...outside(), sockets, handles: handlesOf(twin), isLazy }, bytes), ...twin, bytes };
}

/** As `twinOf`, of a fork that is saved in pieces. @param between  is called between them */
export function twinBeside(run: Run, between: () => void): Run {
  const fork = forkOf(run);
  const pieces = saveMachineInPieces(fork.machine, handlesOf({ input: fork.input, output: fork.output }));
  let piece = pieces.next();
  for (; piece.done !== true; piece = pieces.next()) between();
  fork.machine.dispose();
  const twin = { input: new Input(), output: new Output() };
  twin.output.text = fork.output.text;
  return { machine: loadMachine({ ...outside(), handles: handlesOf(twin) }, piece.value), ...twin };
}

/** A fork of the machine on its board, with streams of its own; another seed's unless it is the "same". */
export function forkOf(
  { machine, input, output }: Run,
  identity: "fresh" | "same" = "same",
  own: SocketProvider | null = null,
): Run {
  const fork = { input: new Input(), output: new Output() };
  fork.output.text = output.text;
  const handles = new Map<object, object>([
    [input, fork.input],
    [output, fork.output],
  ]);
  const { sockets } = machine.kernel;
  const random = new SimulatedRandomSource(2);
  const parts = { ...outside(), random, sockets: own ?? sockets, identity, handles };
  return { machine: forkMachine(machine, parts), ...fork };
}

function handlesOf(streams: { input: Input; output: Output }): Map<string, object> {
  return new Map<string, object>(Object.entries(streams));
}

/** Runs until the machine has ended, or its programs wait for the outside. */
export function finish({ machine }: Run): void {
  while (!machine.isStopped && machine.run(8) !== Infinity);
}

/** What a machine has counted: equal where two have done the same. */
export function countsOf({ kernel, processor, exitStatus }: Machine): Record<string, number | null> {
  return {
    exitStatus,
    instructions: processor.statistics.instructions,
    now: kernel.now(),
    calls: kernel.syscallCount,
    contextSwitches: kernel.contextSwitches,
    faults: kernel.faultCount,
    forks: kernel.forkCount,
    freeFrames: kernel.frames.freeCount,
  };
}
