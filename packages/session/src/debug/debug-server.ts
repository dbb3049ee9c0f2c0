/**
 * gdb's remote protocol ("Debugging with GDB", appendix E): a process of a recorded run is looked at and gone along in
 * both directions, where nothing can be written, or one of a live machine. One client; its packets are answered one
 * after the other.
 *
 * Threads and processes go by their numbers in the machine. Breakpoints and watchpoints are the target's, so that guest
 * memory stays as it is; a watchpoint tells each change of the value, whoever makes it.
 */
import { SiginfoSender, SIGTRAP, TRAP_BRKPT, TRAP_HWBKPT, TRAP_TRACE } from "@stratos/abi";
import { byteString, byteStringOf, byteStringToUtf8, hexOf, utf8ToByteString } from "@stratos/base";
import {
  registersOf,
  type SignalInfo,
  signalInfo,
  type Task,
  WATCH_LENGTH_MAX,
  type Watchpoint,
  WATCHES_MAX,
  writeSignalInfo,
} from "@stratos/kernel";
import { endOfWaitStatus } from "../exit-status.ts";
import { describeTask } from "../recording/describe-place.ts";
import { currentThread, type DebugArrival, type DebugStops, type DebugTarget, threadsOf } from "./debug-target.ts";
import { gdbSignalOf, signalOfGdb } from "./gdb-signals.ts";
import { GuestFiles } from "./guest-files.ts";
import { PACKET_MAX, PacketStream, textOfHex } from "./packet-stream.ts";
import { PC, REGISTER_COUNT, registerText, SP, TARGET_DESCRIPTION } from "./target-description.ts";
import { parseThreadId, threadId } from "./thread-id.ts";
import { BAD_REQUEST, memoryText, OK, parseRange, registersText, writeMemory, writeRegisters } from "./thread-state.ts";
import { MODULE_NUMBER_SYMBOL, threadVariable } from "./thread-variables.ts";

/** Breakpoints at once. */
const BREAKPOINTS_MAX = 4096;
/** Threads that are listed. */
const THREADS_MAX = 512;
/** Packets that wait to be answered: gdb sends one at a time. */
const WAITING_MAX = 64;

/** ENOSPC, in hexadecimal as the protocol has it. */
const NO_ROOM = "E1c";
const READ_ONLY = "E.what is recorded cannot be changed";
const UNKNOWN = "";

interface DebugServerOptions {
  readonly write: (bytes: Uint8Array) => void;
  /** What `monitor` does: lines to show. */
  readonly monitor: (words: readonly string[]) => Promise<readonly string[]>;
}

export class DebugServer {
  readonly #target: DebugTarget;
  readonly #monitor: DebugServerOptions["monitor"];
  readonly #packets: PacketStream;
  readonly #waiting: string[] = [];
  #isBusy = false;
  readonly #breakpoints = new Set<number>();
  #watches: Watchpoint[] = [];
  /** Of `g` and `m`, and of `s`; 0: that of the last stop. */
  #thread = 0;
  #stepThread = 0;
  #arrival: DebugArrival | null = null;
  /**
   * Number of the process for a client that wants it: that of the first one, also of those that are looked at later, so
   * that it goes on with the one process that it knows. 0: it has no use for it.
   */
  #shownPid = 0;
  /** Address of MODULE_NUMBER_SYMBOL in the process; null: the client knows none. */
  #moduleNumber: number | null = null;
  readonly #files: GuestFiles;
  #end!: () => void;
  #fail!: (error: unknown) => void;
  /** Resolves when the client has gone; rejects when a replay went another way. */
  readonly ended: Promise<void>;

  constructor(target: DebugTarget, { write, monitor }: DebugServerOptions) {
    this.#target = target;
    this.#monitor = monitor;
    this.#files = new GuestFiles(target);
    this.#packets = new PacketStream(write, {
      onPacket: (data) => this.#receive(data),
      onInterrupt: () => target.interrupt(),
    });
    this.ended = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
  }

  /** Bytes of the client. */
  feed(bytes: Uint8Array): void {
    this.#packets.feed(bytes);
  }

  /** The client is gone. */
  hangUp(): void {
    this.#target.interrupt();
    this.#end();
  }

  #receive(data: string): void {
    if (this.#waiting.length >= WAITING_MAX) return this.hangUp();
    this.#waiting.push(data);
    if (!this.#isBusy) void this.#answerAll();
  }

  async #answerAll(): Promise<void> {
    this.#isBusy = true;
    try {
      for (let data = this.#waiting.shift(); data !== undefined; data = this.#waiting.shift()) {
        const answer = await this.#answer(data);
        if (answer !== null) this.#packets.send(answer);
        if (data === "QStartNoAckMode") this.#packets.hasAcknowledgements = false;
        const isKilled = data === "k" || data.startsWith("vKill");
        if (!isKilled && data[0] !== "D") continue;
        if (isKilled) this.#target.live?.kill();
        else this.#target.live?.detach();
        this.#end();
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isBusy = false;
    }
  }

  /** @returns null: there is no answer */
  async #answer(data: string): Promise<string | null> {
    switch (data[0]) {
      case "?":
        return this.#stopReply();
      case "g":
        return this.#read((task) => registersText(task, 0, REGISTER_COUNT));
      case "p": {
        const number = parseInt(data.slice(1), 16);
        return this.#read((task) => registersText(task, number, number + 1));
      }
      case "m":
        return this.#read((task) => memoryText(task, data.slice(1)));
      case "G":
        return this.#write((task) => writeRegisters(task, 0, data.slice(1)));
      case "P": {
        const [number, value] = data.slice(1).split("=");
        return this.#write((task) => writeRegisters(task, parseInt(number!, 16), value ?? ""));
      }
      case "M":
        return this.#write((task) => writeMemory(task, data.slice(1)));
      case "X":
        return this.#target.live === null ? READ_ONLY : UNKNOWN;
      case "Z":
      case "z":
        return this.#changePoint(data);
      case "H":
        return this.#chooseThread(data);
      case "T":
        return this.#threadOf(data.slice(1)) === undefined ? BAD_REQUEST : OK;
      case "c":
      case "s":
        return this.#go(data[0] === "s" ? this.#stepper : -1);
      case "C":
      case "S": {
        this.#signal(this.#stopped, data.slice(1, 3));
        return this.#go(data[0] === "S" ? this.#stepper : -1);
      }
      case "b": {
        const { past } = this.#target;
        if (past === null) return UNKNOWN;
        if (data === "bc") return this.#arrive(past.backward(this.#wanted));
        return data === "bs" ? this.#arrive(past.stepBack(this.#stepper)) : UNKNOWN;
      }
      case "D":
        return OK;
      case "k":
        return null;
      case "v":
        return this.#verbose(data);
      case "q":
      case "Q":
        return this.#query(data);
      default:
        return UNKNOWN;
    }
  }

  // ---- Going

  get #wanted(): DebugStops {
    return { breakpoints: this.#breakpoints, watches: this.#watches };
  }

  get #stepper(): number {
    return this.#stepThread > 0 ? this.#stepThread : (this.#stopped?.tid ?? this.#target.pid);
  }

  #go(stepTid: number): Promise<string> {
    return this.#arrive(this.#target.forward(this.#wanted, stepTid));
  }

  async #arrive(journey: Promise<DebugArrival>): Promise<string> {
    this.#arrival = await journey;
    this.#thread = this.#stepThread = 0;
    // Its library lies elsewhere; the client reads it, and says so.
    if (this.#arrival.kind === "exec") this.#moduleNumber = null;
    return this.#stopReply();
  }

  /** @param number  gdb's, in hexadecimal */
  #signal(task: Task | null, number: string): void {
    const signal = signalOfGdb(parseInt(number, 16));
    if (task !== null && signal > 0) this.#target.live?.signal(task, signal);
  }

  #stopReply(): string {
    const arrival = this.#arrival;
    if (arrival?.kind === "exited") {
      const end = endOfWaitStatus(arrival.waitStatus);
      const whose = this.#shownPid === 0 ? "" : `;process:${this.#shownPid.toString(16)}`;
      if (end.kind === "killed") return `X${hexByte(gdbSignalOf(end.signal))}${whose}`;
      return `W${hexByte(end.kind === "exited" ? end.status : 0)}${whose}`;
    }
    const task = this.#stopped;
    const registers = task === null ? null : registersOf(task);
    const expedited = (number: number): string =>
      registers === null ? "" : `${number.toString(16).padStart(2, "0")}:${registerText(registers, number)};`;
    const signal = arrival?.kind === "signal" ? hexByte(gdbSignalOf(arrival.info.signal)) : signalText(arrival);
    const thread = this.#idOf(task?.tid ?? this.#target.pid);
    return `T${signal}${expedited(SP)}${expedited(PC)}thread:${thread};${reasonText(arrival)}`;
  }

  async #verbose(data: string): Promise<string> {
    if (data === "vCont?") return "vCont;c;C;s;S";
    if (data.startsWith("vCont;")) {
      const step = /;[sS][0-9a-f]*(?::([-p.0-9a-f]+))?/.exec(data);
      const signal = /;[CS]([0-9a-f]{2})(?::([-p.0-9a-f]+))?/.exec(data);
      if (signal !== null) this.#signal(this.#threadOf(signal[2] ?? "0") ?? this.#stopped, signal[1]!);
      if (step === null) return this.#go(-1);
      const thread = parseThreadId(step[1] ?? "0", this.#shownPid);
      return this.#go(thread > 0 ? thread : this.#stepper);
    }
    if (data.startsWith("vFile:")) return this.#files.answer(data.slice(6));
    return data.startsWith("vKill") ? OK : UNKNOWN;
  }

  // ---- Threads and their state

  #threads(): readonly Task[] {
    return threadsOf(this.#target);
  }

  get #listed(): readonly Task[] {
    return this.#threads().slice(0, THREADS_MAX);
  }

  get #current(): Task | null {
    return currentThread(this.#target);
  }

  /** The thread that the last stop was about. */
  get #stopped(): Task | null {
    const arrival = this.#arrival;
    const tid = arrival !== null && "tid" in arrival ? arrival.tid : 0;
    return this.#threads().find((task) => task.tid === tid) ?? this.#current;
  }

  get #chosen(): Task | null {
    return this.#threads().find(({ tid }) => tid === this.#thread) ?? this.#stopped;
  }

  #idOf(tid: number): string {
    return threadId(this.#shownPid, tid);
  }

  #threadOf(id: string): Task | undefined {
    const wanted = parseThreadId(id, this.#shownPid);
    return this.#threads().find(({ tid }) => tid === wanted);
  }

  #chooseThread(data: string): string {
    const tid = parseThreadId(data.slice(2), this.#shownPid);
    if (Number.isNaN(tid)) return BAD_REQUEST;
    if (tid > 0 && !this.#threads().some((task) => task.tid === tid)) return BAD_REQUEST;
    if (data[1] === "g") this.#thread = Math.max(0, tid);
    else if (data[1] === "c") this.#stepThread = Math.max(0, tid);
    else return BAD_REQUEST;
    return OK;
  }

  #read(reader: (task: Task) => string): string {
    const task = this.#chosen;
    return task === null ? BAD_REQUEST : reader(task);
  }

  /** What cannot be changed says so before it is asked how. */
  #write(writer: (task: Task) => string): string {
    const task = this.#chosen;
    if (this.#target.live === null) return READ_ONLY;
    return task === null ? BAD_REQUEST : writer(task);
  }

  // ---- Breakpoints and watchpoints

  /** Z0, Z1: breakpoints; Z2: changes of memory. Reads cannot be watched (Z3, Z4). */
  #changePoint(data: string): string {
    const isSet = data[0] === "Z";
    const range = parseRange(data.slice(3).split(";")[0]!);
    if (data[2] !== "," || range === null) return BAD_REQUEST;
    const { address, length } = range;
    if (data[1] === "0" || data[1] === "1") {
      if (!isSet) this.#breakpoints.delete(address);
      else if (this.#breakpoints.size >= BREAKPOINTS_MAX) return NO_ROOM;
      else this.#breakpoints.add(address);
      return OK;
    }
    if (data[1] !== "2") return UNKNOWN;
    const others = this.#watches.filter((watch) => watch.address !== address || watch.length !== length);
    if (isSet && (others.length >= WATCHES_MAX || length < 1 || length > WATCH_LENGTH_MAX)) return NO_ROOM;
    this.#watches = isSet ? [...others, { address, length }] : others;
    return OK;
  }

  // ---- Queries

  async #query(data: string): Promise<string> {
    const [name] = data.split(/[:,]/, 1);
    const { live } = this.#target;
    switch (name) {
      case "qSupported":
        if (live !== null) live.stopsAtExec = data.includes("exec-events+");
        this.#shownPid = this.#files.shownPid = data.includes("multiprocess+") ? this.#target.pid : 0;
        return (
          `PacketSize=${PACKET_MAX.toString(16)};QStartNoAckMode+;vContSupported+;swbreak+;` +
          (this.#shownPid === 0 ? "" : "multiprocess+;") +
          (live === null ? "ReverseStep+;ReverseContinue+;" : "QPassSignals+;exec-events+;") +
          "qXfer:features:read+;qXfer:auxv:read+;qXfer:exec-file:read+;qXfer:threads:read+;qXfer:siginfo:read+"
        );
      case "QStartNoAckMode":
        return OK;
      case "QPassSignals":
        if (live === null) return UNKNOWN;
        live.passed = new Set(
          data
            .slice("QPassSignals:".length)
            .split(";")
            .map((hex) => signalOfGdb(parseInt(hex, 16))),
        );
        return OK;
      // What has begun with the debugger is killed when it quits.
      case "qAttached":
        return live === null ? "1" : "0";
      case "qC":
        return `QC${this.#idOf(this.#chosen?.tid ?? this.#target.pid)}`;
      case "qfThreadInfo": {
        const threads = this.#listed;
        return threads.length === 0 ? "l" : `m${threads.map(({ tid }) => this.#idOf(tid)).join(",")}`;
      }
      case "qsThreadInfo":
        return "l";
      case "qThreadExtraInfo": {
        const task = this.#threadOf(data.slice("qThreadExtraInfo,".length));
        return task === undefined ? BAD_REQUEST : hexOfText(describeTask(task));
      }
      case "qSymbol":
        return this.#symbol(data);
      case "qGetTLSAddr":
        return this.#threadVariable(data);
      case "qRcmd": {
        const words = textOfHex(data.slice("qRcmd,".length))
          .split(/\s+/)
          .filter((word) => word !== "");
        const lines = await this.#monitor(words);
        return lines.length === 0 ? OK : hexOfText(`${lines.join("\n")}\n`);
      }
      case "qXfer":
        return this.#transfer(data);
      default:
        return UNKNOWN;
    }
  }

  /** The client has read a file of symbols, or says the address of the one that it was asked for. */
  #symbol(data: string): string {
    const [, address = "", name = ""] = data.split(":");
    if (name === "") return this.#moduleNumber === null ? `qSymbol:${hexOfText(MODULE_NUMBER_SYMBOL)}` : OK;
    if (textOfHex(name) === MODULE_NUMBER_SYMBOL && /^[0-9a-f]{1,13}$/.test(address))
      this.#moduleNumber = parseInt(address, 16);
    return OK;
  }

  #threadVariable(data: string): string {
    const [id = "", offset = "", linkMap = ""] = data.slice("qGetTLSAddr:".length).split(",");
    const task = this.#threadOf(id);
    if (task === undefined || ![offset, linkMap].every((hex) => /^[0-9a-f]{1,13}$/.test(hex))) return BAD_REQUEST;
    const place = { offset: parseInt(offset, 16), linkMap: parseInt(linkMap, 16), moduleNumber: this.#moduleNumber };
    const address = threadVariable(task, place);
    return address === null ? "E.the thread has no room for its variables there yet" : address.toString(16);
  }

  #transfer(data: string): string {
    const found = /^qXfer:([a-z-]+):read:([^:]*):([0-9a-f]{1,8}),([0-9a-f]{1,8})$/.exec(data);
    if (found === null) return UNKNOWN;
    const [, object, annex] = found;
    const offset = parseInt(found[3]!, 16);
    const length = Math.min(parseInt(found[4]!, 16), PACKET_MAX / 2);
    const content = this.#object(object!, annex!);
    if (content === null) return BAD_REQUEST;
    const part = content.slice(offset, offset + length);
    return `${offset + part.length < content.length ? "m" : "l"}${part}`;
  }

  /** A byte string. */
  #object(name: string, annex: string): string | null {
    const task = this.#chosen;
    switch (name) {
      case "features":
        return annex === "target.xml" ? TARGET_DESCRIPTION : null;
      case "auxv":
        return task === null ? null : byteString(task.space.auxiliaryVector);
      case "siginfo":
        return task === null ? null : siginfoText(task, this.#arrival);
      case "exec-file":
        return this.#files.executable();
      case "threads": {
        const threads = this.#listed.map((each) => threadXml(this.#idOf(each.tid), each));
        return `<?xml version="1.0"?><threads>${threads.join("")}</threads>`;
      }
      default:
        return null;
    }
  }
}

/** SIGINT or SIGTRAP, as there are no others in a recorded run. */
function signalText(arrival: DebugArrival | null): string {
  return arrival?.kind === "interrupted" ? "02" : "05";
}

/** Why it has stopped (E.3, "Stop Reply Packets"). */
function reasonText(arrival: DebugArrival | null): string {
  if (arrival?.kind === "begin" || arrival?.kind === "end") return `replaylog:${arrival.kind};`;
  if (arrival?.kind === "exec") return `exec:${hexOf(byteStringOf(arrival.path))};`;
  if (arrival?.kind !== "stop") return "";
  const { reason } = arrival.stop;
  if (reason.kind === "watch") return `watch:${reason.address.toString(16)};`;
  return reason.kind === "breakpoint" ? "swbreak:;" : "";
}

/** What a thread stopped for (`$_siginfo`), as ptrace(2) tells it; null: for no signal. */
function siginfoText(task: Task, arrival: DebugArrival | null): string | null {
  const info = signalOf(task, arrival);
  if (info === null) return null;
  const bytes = new Uint8Array(SiginfoSender.size);
  writeSignalInfo(new DataView(bytes.buffer), 0, info);
  return byteString(bytes);
}

function signalOf({ tid }: Task, arrival: DebugArrival | null): SignalInfo | null {
  if (arrival?.kind === "signal") return arrival.tid === tid ? arrival.info : null;
  if (arrival?.kind !== "stop" || arrival.stop.tid !== tid) return null;
  const { pc, reason } = arrival.stop;
  const code = reason.kind === "breakpoint" ? TRAP_BRKPT : reason.kind === "watch" ? TRAP_HWBKPT : TRAP_TRACE;
  return signalInfo(SIGTRAP, code, { valueLow: pc % 2 ** 32, valueHigh: Math.floor(pc / 2 ** 32) });
}

function threadXml(id: string, task: Task): string {
  const plain = (text: string): string => text.replace(/[^\w .,:;()[\]/+-]/g, "?");
  const name = plain(byteStringToUtf8(task.name));
  return `<thread id="${id}" name="${name}">${plain(describeTask(task))}</thread>`;
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, "0");
}

function hexOfText(text: string): string {
  return hexOf(byteStringOf(utf8ToByteString(text)));
}
