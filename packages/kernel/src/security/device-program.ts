/**
 * Programs of control groups (bpf(2)), as container runtimes and systemd load them: those that say which devices a
 * group's processes may use (BPF_PROG_TYPE_CGROUP_DEVICE), and those that would look at their packets
 * (BPF_PROG_TYPE_CGROUP_SKB), by which one finds out whether there are programs of groups; no group takes these.
 *
 * They are checked before they are taken: they only jump forward, so that each ends; what they read is what they were
 * told or have written, and they reach no memory besides. So the verifier is far simpler than Linux's, and refuses
 * what needs the stack, maps or helpers.
 */
import {
  BPF_ADD,
  BPF_ALU,
  BPF_ALU64,
  BPF_AND,
  BPF_ARSH,
  BPF_DIV,
  BPF_DW,
  BPF_EXIT,
  BPF_IMM,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JMP,
  BPF_JMP32,
  BPF_JNE,
  BPF_JSET,
  BPF_JSGE,
  BPF_JSGT,
  BPF_JSLE,
  BPF_JSLT,
  BPF_LD,
  BPF_LDX,
  BPF_LSH,
  BPF_MEM,
  BPF_MOD,
  BPF_MOV,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_PROG_TYPE_CGROUP_DEVICE,
  BPF_PROG_TYPE_CGROUP_SKB,
  BPF_RSH,
  BPF_SUB,
  BPF_X,
  BPF_XOR,
  BpfDeviceContext,
  BpfInsn,
  EACCES,
  EINVAL,
} from "@stratos/abi";
import { sha256, stateClass } from "@stratos/base";

/** Bits of an instruction's code. */
const CLASS = 0x07,
  OPERATION = 0xf0,
  SIZE = 0x18,
  MODE = 0xe0;
const REGISTERS = 11;
const TAG_BYTES = 8;
/** `struct __sk_buff`, of which words are read (include/uapi/linux/bpf.h). */
const SK_BUFF_BYTES = 192;
/** Bytes of a load, by its size bits / 8. */
const LOAD_BYTES = [4, 2, 1] as const;

const OPERATIONS: ReadonlyMap<number, (a: bigint, b: bigint, bits: number) => bigint> = new Map([
  [BPF_ADD, (a, b) => a + b],
  [BPF_SUB, (a, b) => a - b],
  [BPF_MUL, (a, b) => a * b],
  [BPF_DIV, (a, b) => (b === 0n ? 0n : a / b)],
  [BPF_MOD, (a, b) => (b === 0n ? a : a % b)],
  [BPF_OR, (a, b) => a | b],
  [BPF_AND, (a, b) => a & b],
  [BPF_XOR, (a, b) => a ^ b],
  [BPF_MOV, (_a, b) => b],
  [BPF_NEG, (a) => -a],
  [BPF_LSH, (a, b, bits) => a << (b & BigInt(bits - 1))],
  [BPF_RSH, (a, b, bits) => a >> (b & BigInt(bits - 1))],
  [BPF_ARSH, (a, b, bits) => BigInt.asIntN(bits, a) >> (b & BigInt(bits - 1))],
]);

const CONDITIONS: ReadonlyMap<number, (a: bigint, b: bigint, bits: number) => boolean> = new Map([
  [BPF_JEQ, (a, b) => a === b],
  [BPF_JNE, (a, b) => a !== b],
  [BPF_JGT, (a, b) => a > b],
  [BPF_JGE, (a, b) => a >= b],
  [BPF_JLT, (a, b) => a < b],
  [BPF_JLE, (a, b) => a <= b],
  [BPF_JSET, (a, b) => (a & b) !== 0n],
  [BPF_JSGT, (a, b, bits) => BigInt.asIntN(bits, a) > BigInt.asIntN(bits, b)],
  [BPF_JSGE, (a, b, bits) => BigInt.asIntN(bits, a) >= BigInt.asIntN(bits, b)],
  [BPF_JSLT, (a, b, bits) => BigInt.asIntN(bits, a) < BigInt.asIntN(bits, b)],
  [BPF_JSLE, (a, b, bits) => BigInt.asIntN(bits, a) <= BigInt.asIntN(bits, b)],
]);

/** What a register holds at a place of the program: nothing yet (or different things by way), a number, the context. */
type Held = "nothing" | "number" | "context";

export interface Instruction {
  readonly code: number;
  readonly to: number;
  readonly from: number;
  readonly off: number;
  readonly imm: number;
}

/** What a program of a type may read of what it is told. */
interface ProgramContext {
  readonly bytes: number;
  /** It is read by words alone. */
  readonly isOfWords: boolean;
  /** Where something stands that is no number, by the word's place. */
  readonly closed: ReadonlySet<number>;
}

/** By type, for those that there are. */
export const PROGRAM_CONTEXTS: ReadonlyMap<number, ProgramContext> = new Map([
  [BPF_PROG_TYPE_CGROUP_DEVICE, { bytes: BpfDeviceContext.size, isOfWords: false, closed: new Set<number>() }],
  // tc_classid; where data are, and where they end; data_meta; flow_keys; wire_len; sk (net/core/filter.c).
  [
    BPF_PROG_TYPE_CGROUP_SKB,
    { bytes: SK_BUFF_BYTES, isOfWords: true, closed: new Set([72, 76, 80, 140, 144, 148, 164, 168, 172]) },
  ],
]);

/** What is told of a program, and changes nothing in what it does. */
export interface ProgramOrigin {
  /** `struct bpf_insn` after one another, as it was loaded. */
  readonly bytes: Uint8Array;
  /** Of who loaded it, in the initial user namespace. */
  readonly uid: number;
  /** Nanoseconds since the start. */
  readonly loadedNs: number;
}

/** A program that was taken. */
export class GroupProgram {
  /** As bpf(2) names it. */
  readonly id: number;
  /** BPF_PROG_TYPE_… */
  readonly type: number;
  readonly origin: ProgramOrigin;
  readonly instructions: readonly Instruction[];
  /** Descriptors and groups that have it. */
  holders = 0;

  /** @param instructions  those of the origin's bytes, as they were checked */
  constructor(id: number, type: number, origin: ProgramOrigin, instructions: readonly Instruction[]) {
    this.id = id;
    this.type = type;
    this.origin = origin;
    this.instructions = instructions;
  }

  /** What tells it apart by what it does: Linux 6.18 takes the beginning of its SHA-256. */
  get tag(): Uint8Array {
    return sha256(this.origin.bytes).slice(0, TAG_BYTES);
  }

  static {
    stateClass("GroupProgram", this);
  }
}

export class DeviceProgram extends GroupProgram {
  constructor(id: number, origin: ProgramOrigin, instructions: readonly Instruction[]) {
    super(id, BPF_PROG_TYPE_CGROUP_DEVICE, origin, instructions);
  }

  /** @param accessType  BPF_DEVCG_DEV_… and, 16 bits higher, BPF_DEVCG_ACC_… */
  allows(accessType: number, major: number, minor: number): boolean {
    const context = new DataView(new ArrayBuffer(BpfDeviceContext.size));
    context.setUint32(BpfDeviceContext.offset.access_type, accessType, true);
    context.setUint32(BpfDeviceContext.offset.major, major, true);
    context.setUint32(BpfDeviceContext.offset.minor, minor, true);
    const registers = new BigUint64Array(REGISTERS);
    for (let at = 0; ; at++) {
      const { code, to, from, off, imm } = this.instructions[at]!;
      const kind = code & CLASS;
      if (kind === BPF_LDX) registers[to] = loaded(context, code, off);
      else if (kind === BPF_LD) registers[to] = wideImmediate(imm, this.instructions[++at]!.imm);
      else {
        const bits = kind === BPF_ALU || kind === BPF_JMP32 ? 32 : 64;
        const operand = (code & BPF_X) !== 0 ? registers[from]! : BigInt(imm);
        const a = BigInt.asUintN(bits, registers[to]!),
          b = BigInt.asUintN(bits, operand);
        const operation = code & OPERATION;
        if (kind === BPF_ALU || kind === BPF_ALU64)
          registers[to] = BigInt.asUintN(bits, OPERATIONS.get(operation)!(a, b, bits));
        else if (operation === BPF_EXIT) return (registers[0]! & 0xffffffffn) !== 0n;
        else if (operation === BPF_JA) at += off;
        else if (CONDITIONS.get(operation)!(a, b, bits)) at += off;
      }
    }
  }

  static {
    stateClass("DeviceProgram", this);
  }
}

function loaded(context: DataView, code: number, off: number): bigint {
  const bytes = LOAD_BYTES[(code & SIZE) >> 3]!;
  if (bytes === 4) return BigInt(context.getUint32(off, true));
  return BigInt(bytes === 2 ? context.getUint16(off, true) : context.getUint8(off));
}

function wideImmediate(low: number, high: number): bigint {
  return BigInt.asUintN(32, BigInt(low)) | BigInt.asUintN(64, BigInt(high) << 32n);
}

/** @param bytes  `struct bpf_insn` after one another */
export function readInstructions(bytes: Uint8Array): Instruction[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const instructions: Instruction[] = [];
  for (let at = 0; at < bytes.length; at += BpfInsn.size) {
    const registers = view.getUint8(at + BpfInsn.offset.regs);
    instructions.push({
      code: view.getUint8(at + BpfInsn.offset.code),
      to: registers & 15,
      from: registers >> 4,
      off: view.getInt16(at + BpfInsn.offset.off, true),
      imm: view.getInt32(at + BpfInsn.offset.imm, true),
    });
  }
  return instructions;
}

/** Why a program is not taken: EINVAL for its shape, EACCES for what it would reach (Linux kernel/bpf/verifier.c). */
interface Refusal {
  readonly error: number;
  readonly why: string;
}

/** May a program that is told such a context be run? Null, or why not, in words with the number of the instruction. */
export function refusalOf(instructions: readonly Instruction[], context: ProgramContext): Refusal | null {
  /** By instruction, what registers hold on all ways there; absent: no way leads there. */
  const states = new Map<number, Held[]>();
  const start = new Array<Held>(REGISTERS).fill("nothing");
  start[1] = "context";
  states.set(0, start);
  for (let at = 0; at < instructions.length; at++) {
    const state = states.get(at);
    // Linux refuses what is never reached; here it is never looked at.
    if (state === undefined) continue;
    const step = stepFrom(instructions, at, { state, context });
    if (typeof step === "string") return { error: EACCES, why: `${at}: ${step}` };
    if ("malformed" in step) return { error: EINVAL, why: `${at}: ${step.malformed}` };
    for (const next of step.next) {
      if (next >= instructions.length) return { error: EINVAL, why: `${at}: leaves the program` };
      const known = states.get(next);
      states.set(next, known === undefined ? step.state : merged(known, step.state));
    }
  }
  return null;
}

function merged(one: readonly Held[], other: readonly Held[]): Held[] {
  return one.map((held, register) => (held === other[register] ? held : "nothing"));
}

function endOf(state: readonly Held[]): { state: Held[]; next: number[] } | { malformed: string } | string {
  if (state[0] === "context") return { malformed: "the context is no answer" };
  return state[0] === "number" ? { state: [], next: [] } : "R0 is not set";
}

/** What registers hold behind an instruction, and where it leads; or why it is refused. */
function stepFrom(
  instructions: readonly Instruction[],
  at: number,
  { state, context }: { state: readonly Held[]; context: ProgramContext },
): { state: Held[]; next: number[] } | { malformed: string } | string {
  const { code, to, from, off } = instructions[at]!;
  if (to >= REGISTERS || from >= REGISTERS) return { malformed: "no such register" };
  const after = [...state];
  const kind = code & CLASS;
  const operation = code & OPERATION;
  const readsRegister = (code & BPF_X) !== 0;
  const isNumber = (register: number): boolean => state[register] === "number";
  switch (kind) {
    case BPF_LDX: {
      const bytes = LOAD_BYTES[(code & SIZE) >> 3];
      if ((code & MODE) !== BPF_MEM || bytes === undefined) return { malformed: "only 8, 16 and 32 bits are loaded" };
      if (state[from] !== "context") return `R${from} is no context: there is no other memory`;
      if (off < 0 || off + bytes > context.bytes || off % bytes !== 0) return "outside of the context";
      if ((context.isOfWords && bytes !== 4) || context.closed.has(off)) return "no number of the context";
      after[to] = "number";
      break;
    }
    case BPF_LD:
      if (code !== (BPF_LD | BPF_IMM | BPF_DW) || from !== 0) return { malformed: "unknown load" };
      if (at + 1 >= instructions.length || instructions[at + 1]!.code !== 0)
        return { malformed: "half an instruction" };
      after[to] = "number";
      break;
    case BPF_ALU:
    case BPF_ALU64: {
      if (!OPERATIONS.has(operation)) return { malformed: "unknown operation" };
      const isMove = operation === BPF_MOV;
      if (isMove && readsRegister && kind === BPF_ALU64 && state[from] === "context") {
        after[to] = "context";
        break;
      }
      if (readsRegister && !isNumber(from)) return `R${from} is no number`;
      if (!isMove && !isNumber(to)) return `R${to} is no number`;
      after[to] = "number";
      break;
    }
    case BPF_JMP:
    case BPF_JMP32:
      if (operation === BPF_EXIT && kind === BPF_JMP) return endOf(state);
      if (off < 0) return { malformed: "jumps back" };
      if (operation === BPF_JA && kind === BPF_JMP) return { state: after, next: [at + 1 + off] };
      if (!CONDITIONS.has(operation)) return { malformed: "unknown jump, or a call: there are no functions" };
      if (!isNumber(to) || (readsRegister && !isNumber(from))) return "compares what is no number";
      return { state: after, next: [at + 1, at + 1 + off] };
    default:
      return "nothing can be stored";
  }
  if (to === REGISTERS - 1) return "R10 is read only";
  return { state: after, next: [kind === BPF_LD ? at + 2 : at + 1] };
}
