/**
 * Classic BPF as seccomp(2) and sockets (socket(7), SO_ATTACH_FILTER) use it: a program of jumps forward over one
 * accumulator, an index and sixteen words, that looks at one record, or at one packet. It is checked once, here;
 * running it can then neither fail nor go on for ever. Source: Linux net/core/filter.c (bpf_check_classic),
 * kernel/seccomp.c.
 */
import {
  BPF_A,
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_AND,
  BPF_DIV,
  BPF_IMM,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JMP,
  BPF_JSET,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_LEN,
  BPF_LSH,
  BPF_MAXINSNS,
  BPF_MEM,
  BPF_MEMWORDS,
  BPF_MISC,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_RET,
  BPF_RSH,
  BPF_ST,
  BPF_STX,
  BPF_SUB,
  BPF_TAX,
  BPF_TXA,
  BPF_W,
  BPF_X,
  BPF_XOR,
  EINVAL,
  BPF_B,
  BPF_H,
  BPF_IND,
  BPF_MOD,
  BPF_MSH,
  SKF_AD_ALU_XOR_X,
  SKF_AD_CPU,
  SKF_AD_HATYPE,
  SKF_AD_IFINDEX,
  SKF_AD_MARK,
  SKF_AD_OFF,
  SKF_AD_PKTTYPE,
  SKF_AD_PROTOCOL,
  SKF_AD_QUEUE,
  SKF_AD_RXHASH,
  SKF_AD_VLAN_TAG,
  SKF_AD_VLAN_TAG_PRESENT,
  SKF_LL_OFF,
  SKF_NET_OFF,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";

/** `struct sock_filter`. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** What a socket's filter looks at. */
export interface FilteredPacket {
  readonly bytes: Uint8Array;
  /** Where the filter's offset 0 is; the headers of the link and of the network, −1: there is none. */
  readonly start: number;
  readonly link: number;
  readonly network: number;
  /** Ethernet type, PACKET_… of packet(7), interface and its kind (ARPHRD_…). */
  readonly protocol: number;
  readonly packetType: number;
  readonly interfaceIndex: number;
  readonly hardwareType: number;
}

/** Words of `struct seccomp_data`. */
export const RECORD_WORDS = 16;

const LD_ABS = BPF_LD | BPF_W | BPF_ABS,
  LD_LEN = BPF_LD | BPF_W | BPF_LEN,
  LDX_LEN = BPF_LDX | BPF_W | BPF_LEN,
  LD_IMM = BPF_LD | BPF_IMM,
  LDX_IMM = BPF_LDX | BPF_IMM,
  LD_MEM = BPF_LD | BPF_MEM,
  LDX_MEM = BPF_LDX | BPF_MEM,
  TAX = BPF_MISC | BPF_TAX,
  TXA = BPF_MISC | BPF_TXA;
const RET_K = BPF_RET | BPF_K,
  RET_A = BPF_RET | BPF_A,
  NEG = BPF_ALU | BPF_NEG,
  JA = BPF_JMP | BPF_JA;
const ADD = BPF_ALU | BPF_ADD,
  SUB = BPF_ALU | BPF_SUB,
  MUL = BPF_ALU | BPF_MUL,
  DIV = BPF_ALU | BPF_DIV,
  OR = BPF_ALU | BPF_OR,
  AND = BPF_ALU | BPF_AND,
  LSH = BPF_ALU | BPF_LSH,
  RSH = BPF_ALU | BPF_RSH,
  XOR = BPF_ALU | BPF_XOR,
  MOD = BPF_ALU | BPF_MOD;
/** Of packets: words, halves and bytes, at a place and behind the index; the length of an IPv4 header. */
const LDH_ABS = BPF_LD | BPF_H | BPF_ABS,
  LDB_ABS = BPF_LD | BPF_B | BPF_ABS,
  LD_IND = BPF_LD | BPF_W | BPF_IND,
  LDH_IND = BPF_LD | BPF_H | BPF_IND,
  LDB_IND = BPF_LD | BPF_B | BPF_IND,
  LDX_MSH = BPF_LDX | BPF_B | BPF_MSH;
const PACKET_LOADS = new Set([LD_ABS, LDH_ABS, LDB_ABS, LD_IND, LDH_IND, LDB_IND, LDX_MSH]);
/** What can be asked of a packet beside its bytes; that which isn't known here is 0. */
const ABOUT_PACKETS = new Set([
  SKF_AD_PROTOCOL,
  SKF_AD_PKTTYPE,
  SKF_AD_IFINDEX,
  SKF_AD_MARK,
  SKF_AD_QUEUE,
  SKF_AD_HATYPE,
  SKF_AD_RXHASH,
  SKF_AD_CPU,
  SKF_AD_ALU_XOR_X,
  SKF_AD_VLAN_TAG,
  SKF_AD_VLAN_TAG_PRESENT,
]);
const JEQ = BPF_JMP | BPF_JEQ,
  JGT = BPF_JMP | BPF_JGT,
  JGE = BPF_JMP | BPF_JGE,
  JSET = BPF_JMP | BPF_JSET;
const ARITHMETIC = new Set([ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, XOR]);
const JUMPS = new Set([JEQ, JGT, JGE, JSET]);

export class BpfFilter {
  #program: readonly Instruction[];
  #memory = new Uint32Array(BPF_MEMWORDS);
  /** Did the last run look at more than the first two words (the call's number and the architecture)? */
  sawArguments = false;
  /** Added to a task with SECCOMP_FILTER_FLAG_LOG. */
  isLogged = false;
  /** Who answers for the calls that it doesn't decide about (task/seccomp-listener.ts); null: nobody does. */
  listener: object | null = null;

  private constructor(program: readonly Instruction[]) {
    this.#program = program;
  }

  get length(): number {
    return this.#program.length;
  }

  get program(): readonly Instruction[] {
    return this.#program;
  }

  /** −EINVAL: not a program that may run. @param ofPackets  it looks at packets, not at the record of seccomp(2) */
  static check(program: readonly Instruction[], ofPackets = false): BpfFilter | number {
    if (program.length === 0 || program.length > BPF_MAXINSNS) return -EINVAL;
    // Which words are stored on every way to an instruction: none may be loaded before.
    const stored = new Array<number>(program.length).fill(0xffff);
    let known = 0;
    for (let at = 0; at < program.length; at++) {
      const { code, jt, jf, k } = program[at]!;
      known &= stored[at]!;
      const operation = code & ~BPF_X;
      const left = program.length - at - 1;
      if (ARITHMETIC.has(operation) || (ofPackets && operation === MOD)) {
        if ((code === DIV || code === MOD) && k === 0) return -EINVAL;
        if ((code === LSH || code === RSH) && k >= 32) return -EINVAL;
        continue;
      }
      if (JUMPS.has(operation)) {
        if (jt >= left || jf >= left) return -EINVAL;
        stored[at + 1 + jt]! &= known;
        stored[at + 1 + jf]! &= known;
        known = 0xffff;
        continue;
      }
      if (ofPackets && PACKET_LOADS.has(code)) {
        if ((code & 0xe0) === BPF_ABS && k >= SKF_AD_OFF && !ABOUT_PACKETS.has(k - SKF_AD_OFF)) return -EINVAL;
        continue;
      }
      switch (code) {
        case LD_ABS:
          if (k % 4 !== 0 || k >= RECORD_WORDS * 4) return -EINVAL;
          break;
        case BPF_ST:
        case BPF_STX:
          if (k >= BPF_MEMWORDS) return -EINVAL;
          known |= 1 << k;
          break;
        case LD_MEM:
        case LDX_MEM:
          if (k >= BPF_MEMWORDS || (known & (1 << k)) === 0) return -EINVAL;
          break;
        case JA:
          if (k >= left) return -EINVAL;
          stored[at + 1 + k]! &= known;
          known = 0xffff;
          break;
        case RET_K:
        case RET_A:
          known = 0xffff;
          break;
        case LD_LEN:
        case LDX_LEN:
        case LD_IMM:
        case LDX_IMM:
        case TAX:
        case TXA:
        case NEG:
          break;
        default:
          return -EINVAL;
      }
    }
    const last = program[program.length - 1]!.code;
    return last === RET_K || last === RET_A ? new BpfFilter(program) : -EINVAL;
  }

  /** What the program returns for a record, or for a packet: how many of its bytes are let through. */
  run(record: Uint32Array, packet: FilteredPacket | null = null): number {
    const program = this.#program;
    const memory = this.#memory;
    let a = 0;
    let x = 0;
    this.sawArguments = false;
    for (let at = 0; ; at++) {
      const { code, jt, jf, k } = program[at]!;
      const operand = (code & BPF_X) !== 0 ? x : k;
      switch (code) {
        case LD_ABS:
        case LDH_ABS:
        case LDB_ABS:
        case LD_IND:
        case LDH_IND:
        case LDB_IND:
        case LDX_MSH:
          if (packet !== null) {
            if (k === SKF_AD_OFF + SKF_AD_ALU_XOR_X && (code & 0xe0) === BPF_ABS) {
              a = (a ^ x) >>> 0;
              break;
            }
            const loaded = loadFrom(packet, code, (code & 0xe0) === BPF_IND ? (k + x) % 2 ** 32 : k);
            // What lies outside ends the program: nothing is let through.
            if (loaded < 0) return 0;
            if (code === LDX_MSH) x = (loaded & 15) * 4;
            else a = loaded;
            break;
          }
          if (k >= 8) this.sawArguments = true;
          a = record[k >>> 2]!;
          break;
        case LD_LEN:
          a = packet === null ? RECORD_WORDS * 4 : packet.bytes.length - packet.start;
          break;
        case LDX_LEN:
          x = packet === null ? RECORD_WORDS * 4 : packet.bytes.length - packet.start;
          break;
        case LD_IMM:
          a = k;
          break;
        case LDX_IMM:
          x = k;
          break;
        case LD_MEM:
          a = memory[k]!;
          break;
        case LDX_MEM:
          x = memory[k]!;
          break;
        case BPF_ST:
          memory[k] = a;
          break;
        case BPF_STX:
          memory[k] = x;
          break;
        case TAX:
          x = a;
          break;
        case TXA:
          a = x;
          break;
        case NEG:
          a = -a >>> 0;
          break;
        case RET_K:
          return k;
        case RET_A:
          return a;
        case JA:
          at += k;
          break;
        case JEQ:
        case JEQ | BPF_X:
          at += a === operand ? jt : jf;
          break;
        case JGT:
        case JGT | BPF_X:
          at += a > operand ? jt : jf;
          break;
        case JGE:
        case JGE | BPF_X:
          at += a >= operand ? jt : jf;
          break;
        case JSET:
        case JSET | BPF_X:
          at += (a & operand) !== 0 ? jt : jf;
          break;
        case ADD:
        case ADD | BPF_X:
          a = (a + operand) >>> 0;
          break;
        case SUB:
        case SUB | BPF_X:
          a = (a - operand) >>> 0;
          break;
        case MUL:
        case MUL | BPF_X:
          a = Math.imul(a, operand) >>> 0;
          break;
        case DIV:
        case DIV | BPF_X:
          // By the index register, which may be 0: the program returns 0.
          if (operand === 0) return 0;
          a = Math.floor(a / operand);
          break;
        case MOD:
        case MOD | BPF_X:
          if (operand === 0) return 0;
          a %= operand;
          break;
        case OR:
        case OR | BPF_X:
          a = (a | operand) >>> 0;
          break;
        case AND:
        case AND | BPF_X:
          a = (a & operand) >>> 0;
          break;
        case XOR:
        case XOR | BPF_X:
          a = (a ^ operand) >>> 0;
          break;
        case LSH:
        case LSH | BPF_X:
          a = (a << operand) >>> 0;
          break;
        case RSH:
        case RSH | BPF_X:
          a = a >>> operand;
          break;
      }
    }
  }

  static {
    stateClass("BpfFilter", this, {
      save: (it) => ({ program: it.#program, memory: it.#memory }),
      load: (it, from) => ({ program: it.#program, memory: it.#memory } = from),
    });
  }
}

/** The word, half or byte at an offset, in the network's order, or what is told of the packet; −1: outside. */
function loadFrom(packet: FilteredPacket, code: number, offset: number): number {
  if (offset >= SKF_AD_OFF) return aboutPacket(packet, offset - SKF_AD_OFF);
  const { bytes } = packet;
  let at = packet.start + offset;
  if (offset >= SKF_NET_OFF) at = packet.network < 0 ? -1 : packet.network + offset - SKF_NET_OFF;
  else if (offset >= SKF_LL_OFF) at = packet.link < 0 ? -1 : packet.link + offset - SKF_LL_OFF;
  const width = code & (BPF_H | BPF_B);
  const size = width === BPF_B ? 1 : width === BPF_H ? 2 : 4;
  if (at < 0 || at + size > bytes.length) return -1;
  let value = 0;
  for (let index = 0; index < size; index++) value = value * 256 + bytes[at + index]!;
  return value;
}

function aboutPacket(packet: FilteredPacket, what: number): number {
  switch (what) {
    case SKF_AD_PROTOCOL:
      return packet.protocol;
    case SKF_AD_PKTTYPE:
      return packet.packetType;
    case SKF_AD_IFINDEX:
      return packet.interfaceIndex;
    case SKF_AD_HATYPE:
      return packet.hardwareType;
    default:
      return ABOUT_PACKETS.has(what) ? 0 : -1;
  }
}
