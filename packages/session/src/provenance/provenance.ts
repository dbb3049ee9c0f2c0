/**
 * Where a byte of a recorded run came from. A walk backwards, one hop at a time:
 *
 *     output, file, stream ── the call that wrote it ──► memory ── the last store, or the call that read it ──► …
 *     store ── its register, along the instructions before (register-slice.ts) ──► memory, constant, computation
 *
 * What calls moved is known from one pass over the run (transfer-log.ts), stores are looked for when they are needed
 * (Timeline.lastStore), so that a run costs twice its time, and a hop some hundredths of a second.
 */
import { AT_FDCWD, isErrno } from "@stratos/abi";
import { byteStringToUtf8, utf8ToByteString } from "@stratos/base";
import { lookupPath, peekFile, peekMemory, type Task } from "@stratos/kernel";
import type { Timeline } from "../recording/timeline.ts";
import { type CodePlace, ProgramCode } from "../symbols/program-code.ts";
import { initialStackText } from "./initial-stack.ts";
import type { PrintedText } from "./printed-text.ts";
import { type Step, stepOf } from "./register-slice.ts";
import { alongSteps } from "./store-way.ts";
import { fileId, type Spot, type Transfer, TransferLog } from "./transfer-log.ts";

const HOPS_MAX = 200;
/** Instructions of a thread that are looked at before a store; more where they don't tell. */
const TRACE_FIRST = 512,
  TRACE_MAX = 65_536;

/** One step of the answer, the last thing that happened first. */
export interface Hop {
  readonly kind: "call" | "store" | "computed" | "origin";
  /** So many instructions were done then. */
  readonly position: number;
  readonly pid: number;
  readonly program: string;
  readonly text: string;
  /** Functions, the innermost first. */
  readonly stack: readonly CodePlace[];
}

export interface Answer {
  readonly what: string;
  /** The byte; null: nobody has it in memory. */
  readonly value: number | null;
  readonly hops: readonly Hop[];
}

type Item =
  | { readonly kind: "memory"; readonly pid: number; readonly address: number; readonly at: number }
  | { readonly kind: "spot"; readonly spot: Spot; readonly at: number };

export type PrintedStream = "stdout" | "stderr";

/** The byte that is asked about. */
export type WantedByte =
  | { readonly kind: "file"; readonly path: string; readonly offset: number }
  | { readonly kind: "output"; readonly offset: number }
  | { readonly kind: "line"; readonly line: number; readonly column: number }
  /** `pid` null: of the recorded program. */
  | { readonly kind: "memory"; readonly address: number; readonly pid: number | null };

/** What was asked for is not there. */
export class NoSuchByte extends Error {}

export class Provenance {
  readonly #timeline: Timeline;
  #log = new TransferLog();
  readonly #code = new ProgramCode();
  #hops: Hop[] = [];

  private constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  static async open(timeline: Timeline): Promise<Provenance> {
    const provenance = new Provenance(timeline);
    await timeline.observe((replay) => {
      provenance.#log = new TransferLog();
      provenance.#log.attach(replay);
    });
    return provenance;
  }

  /** @param stream  null: both together */
  #printed(stream: PrintedStream | null): PrintedText {
    return stream === null ? this.#log.output : this.#log.streams[stream];
  }

  /**
   * @param at      of files and memory: as of this instruction; null: the end
   * @param stream  of output and lines; null: both together
   * @throws NoSuchByte
   */
  of(byte: WantedByte, at: number | null, stream: PrintedStream | null): Promise<Answer> {
    switch (byte.kind) {
      case "memory":
        return this.ofMemory(byte.address, byte.pid, at);
      case "file":
        return this.ofFile(byte.path, byte.offset, at);
      case "line":
        return this.ofLine(byte.line, byte.column, stream);
      case "output":
        return this.ofOutput(byte.offset, stream);
    }
  }

  /** @param column  the first is 1. @throws NoSuchByte */
  ofLine(line: number, column: number, stream: PrintedStream | null): Promise<Answer> {
    const { name, lineStarts, bytes } = this.#printed(stream);
    const start = lineStarts[line - 1];
    const end = lineStarts[line] ?? bytes;
    if (start === undefined || start >= bytes) throw new NoSuchByte(`${name} has ${lineStarts.length - 1} lines`);
    if (start + column > end) throw new NoSuchByte(`line ${line} of ${name} has ${end - start} bytes`);
    return this.ofOutput(start + column - 1, stream);
  }

  /** @throws NoSuchByte */
  async ofOutput(place: number, stream: PrintedStream | null): Promise<Answer> {
    const { transfers } = this.#log;
    const printed = this.#printed(stream);
    if (place >= printed.bytes) throw new NoSuchByte(`${printed.name} has ${printed.bytes} bytes`);
    const what = `byte ${place} of ${printed.name}`;
    const offset = printed.placeOf(place);
    const found = transfers.find(({ output, shown }) => output >= 0 && output <= offset && offset < output + shown);
    if (found === undefined)
      return { what, value: null, hops: [this.#origin(0, null, "a terminal showed what was typed at it")] };
    let index = offset - found.output;
    if (found.shown !== found.count) index = await this.#beforeTerminal(found, index);
    return this.#answer(what, await this.#through(found, index));
  }

  /** @param at  as of this instruction; null: the end. @throws NoSuchByte */
  async ofFile(path: string, offset: number, at: number | null): Promise<Answer> {
    await this.#seek(at);
    const { kernel } = this.#timeline.replay.session.machine;
    const task = kernel.tasks.processes.get(this.#timeline.firstPid)?.leader ?? kernel.tasks.tasks.get(1);
    const place = task === undefined ? null : lookupPath(task, AT_FDCWD, utf8ToByteString(path), 0);
    const inode = place === null || isErrno(place) ? null : place.dentry.inode;
    if (inode === null || !inode.isRegular || inode.pages === null)
      throw new NoSuchByte(`${path} is no file of the system there`);
    if (offset >= inode.size) throw new NoSuchByte(`${path} has ${inode.size} bytes there`);
    const bytes = new Uint8Array(1);
    const value = peekFile(inode, offset, bytes) === 1 ? bytes[0]! : null;
    const spot: Spot = { kind: "file", id: fileId(inode), at: offset, name: path };
    const answer = await this.#answer(`byte ${offset} of ${path}`, { kind: "spot", spot, at: this.#instructions });
    return { ...answer, value };
  }

  /** @param pid  null: the recorded program. @throws NoSuchByte */
  async ofMemory(address: number, pid: number | null, at: number | null): Promise<Answer> {
    await this.#seek(at);
    const process = pid ?? this.#timeline.firstPid;
    if (this.#peek(process, address) === null)
      throw new NoSuchByte(`process ${process} has nothing at 0x${address.toString(16)} there`);
    const what = `the byte at 0x${address.toString(16)} of process ${process}`;
    return this.#answer(what, { kind: "memory", pid: process, address, at: this.#instructions });
  }

  get #instructions(): number {
    return this.#timeline.replay.session.machine.statistics.instructions;
  }

  async #seek(at: number | null): Promise<void> {
    if (at === null) await this.#timeline.seekEnd();
    else if (!(await this.#timeline.seekInstruction(at)))
      throw new NoSuchByte(`the recording ends before instruction ${at}`);
  }

  async #answer(what: string, first: Item | null): Promise<Answer> {
    let value: number | null = null;
    if (first?.kind === "memory") {
      await this.#timeline.seekInstruction(first.at);
      value = this.#peek(first.pid, first.address);
    }
    for (let item = first; item !== null;) {
      if (this.#hops.length >= HOPS_MAX) {
        this.#hops.push(this.#origin(item.at, null, "… and further back than is told"));
        break;
      }
      item = item.kind === "memory" ? await this.#beforeMemory(item) : await this.#beforeSpot(item);
    }
    const hops = this.#hops;
    this.#hops = [];
    return { what, value, hops };
  }

  // ---- Files and streams

  async #beforeSpot({ spot, at }: Extract<Item, { kind: "spot" }>): Promise<Item | null> {
    const found = this.#log.transfers.findLast(
      ({ to, count, instructions }) =>
        isSame(to, spot) &&
        to.at <= spot.at &&
        spot.at < to.at + count &&
        (spot.kind === "stream" || instructions <= at),
    );
    if (spot.kind === "file" && this.#log.sharedFiles.has(spot.id)) {
      const after = found?.instructions ?? 0;
      const store = await this.#timeline.lastStore((task) => addressOfFile(task, spot), { after, until: at });
      if (store !== null && store.instructions > after)
        return this.#beforeStore(store, (task) => addressOfFile(task, spot));
    }
    if (found !== undefined) return this.#through(found, spot.at - found.to.at);
    const origin = {
      file: `${spot.name}, byte ${spot.at}: as it was before the run`,
      "host-file": `${spot.name}, byte ${spot.at}: a file of the host`,
      host: `byte ${spot.at} of ${spot.name} of the run`,
      terminal: "typed at the terminal",
      stream:
        this.#timeline.replay.header.network === undefined || typeof spot.sender !== "string"
          ? `${spot.name}: nobody in the system wrote it there`
          : `received from ${spot.sender} outside: byte ${spot.at} of the connection`,
      other: `made by the kernel for ${spot.name}`,
      memory: "",
    }[spot.kind];
    this.#hops.push(this.#origin(at, null, origin + (this.#log.isFull ? " (or by a call too late to be kept)" : "")));
    return null;
  }

  /** A call has moved the byte. */
  async #through(transfer: Transfer, index: number): Promise<Item> {
    const { instructions, tid, pid, program, call, from, to } = transfer;
    const isWrite = from.kind === "memory";
    const far = isWrite ? to : from;
    const place = far.kind === "terminal" || far.kind === "other" ? "" : `, byte ${far.at + index}`;
    const text =
      from.kind !== "memory" && to.kind !== "memory"
        ? `${call}(2) moved it from ${from.name}, byte ${from.at + index}, to ${to.name}, byte ${to.at + index}`
        : `${call}(2) ${isWrite ? "wrote it to" : "read it from"} ${far.name}${place}`;
    await this.#timeline.seekInstruction(Math.max(0, instructions - 1));
    const task = this.#taskOf(tid);
    const stack = task === undefined ? [] : this.#code.stackOf(task);
    this.#hops.push({ kind: "call", position: instructions, pid, program, text, stack });
    if (isWrite) return { kind: "memory", pid, address: from.at + index, at: instructions };
    return { kind: "spot", spot: { ...from, at: from.at + index }, at: instructions };
  }

  /** Of what a terminal shows of a write: a newline becomes two bytes (ONLCR). */
  async #beforeTerminal({ instructions, pid, from, count }: Transfer, shown: number): Promise<number> {
    await this.#timeline.seekInstruction(instructions);
    for (let index = 0, at = 0; index < count; index++) {
      at += this.#peek(pid, from.at + index) === 10 ? 2 : 1;
      if (at > shown) return index;
    }
    return count - 1;
  }

  // ---- Memory

  async #beforeMemory({ pid, address, at }: Extract<Item, { kind: "memory" }>): Promise<Item | null> {
    await this.#timeline.seekInstruction(at);
    const owner = this.#ownerOf(pid, at);
    const area = this.#processTask(owner, pid)?.space.areaAt(address);
    const shared = area?.isShared === true;
    const inode = area?.file?.contentInode ?? null;
    const name = area?.file === undefined || area.file === null ? "" : this.#nameOfArea(owner, pid, address);
    if (shared && inode !== null) {
      const spot: Spot = { kind: "file", id: fileId(inode), at: area!.offset + address - area!.start, name };
      return { kind: "spot", spot, at };
    }
    const began = this.#log.executions.findLast((each) => each.pid === owner && each.instructions <= at);
    const birth = this.#log.births.get(owner);
    const begin = shared ? 0 : (began?.instructions ?? birth?.instructions ?? 0);
    const read = this.#log.transfers.findLast(
      ({ to, count, instructions, pid: reader }) =>
        to.kind === "memory" &&
        instructions <= at &&
        instructions >= begin &&
        to.at <= address &&
        address < to.at + count &&
        (shared || this.#ownerOf(reader, instructions) === owner),
    );
    const after = Math.max(begin, read?.instructions ?? 0);
    const placeIn = shared
      ? (task: Task) => (isSharedNameless(task, address) ? address : -1)
      : (task: Task) => (this.#ownerOf(task.group.pid, this.#instructions) === owner ? address : -1);
    const store = await this.#timeline.lastStore(placeIn, { after, until: at });
    if (store !== null && store.instructions > after) return this.#beforeStore(store, placeIn);
    if (read !== undefined) return this.#through(read, address - read.to.at);
    if (began === undefined && birth !== undefined && !shared)
      return { kind: "memory", pid: birth.parent, address, at: birth.instructions };
    await this.#timeline.seekInstruction(at);
    const task = this.#processTask(owner, pid);
    if (inode !== null && area !== undefined) {
      this.#hops.push(this.#origin(at, task, `mapped from ${name}, byte ${area.offset + address - area.start}`));
      const spot: Spot = { kind: "file", id: fileId(inode), at: area.offset + address - area.start, name };
      return this.#log.transfers.some(({ to }) => isSame(to, spot)) ? { kind: "spot", spot, at } : null;
    }
    let text = "memory that nobody wrote: zero";
    if (area?.label === "[stack]" && began !== undefined) {
      await this.#timeline.seekInstruction(began.instructions);
      const starting = this.#processTask(owner);
      if (starting !== undefined) text = initialStackText(starting, began.argv, address);
    }
    this.#hops.push(this.#origin(at, task, text));
    return null;
  }

  /** A thread has stored it, or made a call that did. */
  async #beforeStore(
    { instructions, tid }: { readonly instructions: number; readonly tid: number },
    placeIn: (task: Task) => number,
  ): Promise<Item | null> {
    for (let length = TRACE_FIRST; ; length *= 16) {
      const steps: Step[] = [];
      const told = this.#hops.length;
      const from = Math.max(0, instructions - length);
      await this.#timeline.trace(tid, { from, to: instructions }, (task) => steps.push(stepOf(task)));
      await this.#timeline.seekInstruction(instructions);
      const task = this.#taskOf(tid);
      // The thread stands behind the store, too.
      while (steps.length > 0 && steps.at(-1)!.instructions >= instructions) steps.pop();
      const address = task === undefined ? -1 : placeIn(task);
      const found = alongSteps(steps, { address, instructions }, (kind, position, text, step) =>
        this.#hops.push(this.#hop(kind, position, task, text, step)),
      );
      if (found !== "further" || length >= TRACE_MAX || from === 0) {
        if (found === "further")
          this.#hops.push(this.#origin(instructions, task, "from a register that had it for long"));
        if (found === "further" || found === null) return null;
        return { kind: "memory", pid: task?.group.pid ?? tid, ...found };
      }
      this.#hops.length = told;
    }
  }

  /** Whose memory a process has: that of its parent until it executes a program (vfork(2)). */
  #ownerOf(pid: number, at: number): number {
    const birth = this.#log.births.get(pid);
    if (birth?.sharesMemory !== true) return pid;
    const isOwn = this.#log.executions.some((each) => each.pid === pid && each.instructions <= at);
    return isOwn ? pid : this.#ownerOf(birth.parent, at);
  }

  #taskOf(tid: number): Task | undefined {
    return this.#timeline.replay.session.machine.kernel.tasks.tasks.get(tid);
  }

  #processTask(...pids: readonly number[]): Task | undefined {
    const { processes } = this.#timeline.replay.session.machine.kernel.tasks;
    for (const pid of pids) {
      const task = processes.get(pid)?.leader;
      if (task !== undefined) return task;
    }
    return undefined;
  }

  #nameOfArea(owner: number, pid: number, address: number): string {
    const task = this.#processTask(owner, pid);
    return task === undefined ? "" : this.#code.placeAt(task, address).object;
  }

  #peek(pid: number, address: number): number | null {
    const task = this.#processTask(pid);
    const bytes = new Uint8Array(1);
    return task !== undefined && peekMemory(task.space, address, bytes) === 1 ? bytes[0]! : null;
  }

  #hop(kind: Hop["kind"], position: number, task: Task | undefined, text: string, step: Step | null): Hop {
    const pid = task?.group.pid ?? 0;
    const program = task === undefined ? "" : byteStringToUtf8(task.name);
    if (task === undefined) return { kind, position, pid, program, text, stack: [] };
    // The callers of a moment ago are those of now.
    const callers = this.#code.stackOf(task);
    const place = step === null ? callers[0]! : this.#code.placeAt(task, step.pc);
    const isSameFunction = place.functionName === callers[0]!.functionName && place.object === callers[0]!.object;
    return { kind, position, pid, program, text, stack: [place, ...callers.slice(isSameFunction ? 1 : 0)] };
  }

  #origin(position: number, task: Task | null | undefined, text: string): Hop {
    const [pid, program] =
      task === null || task === undefined ? [0, ""] : [task.group.pid, byteStringToUtf8(task.name)];
    return { kind: "origin", position, pid, program, text, stack: [] };
  }
}

function isSame(a: Spot, b: Spot): boolean {
  return a.kind === b.kind && a.id === b.id;
}

function addressOfFile({ space }: Task, { id, at }: Spot): number {
  for (const area of space.areas) {
    const inode = area.isShared ? (area.file?.contentInode ?? null) : null;
    if (inode === null || at < area.offset || at >= area.offset + (area.end - area.start)) continue;
    if (fileId(inode) === id) return area.start + at - area.offset;
  }
  return -1;
}

/** Memory that a parent and its children share, where each of them has it. */
function isSharedNameless({ space }: Task, address: number): boolean {
  const area = space.areaAt(address);
  return area?.isShared === true && area.file === null;
}
