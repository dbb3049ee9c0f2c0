/**
 * Classic BPF as seccomp(2) uses it: a program of jumps forward over one accumulator, an index and sixteen words, that
 * looks at one record. It is checked once, here; running it can then neither fail nor go on for ever. Source: Linux
 * net/core/filter.c (bpf_check_classic), kernel/seccomp.c.
 */
import { EINVAL } from "@stratos/abi";
import { stateClass } from "@stratos/base";

/** `struct sock_filter`. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** Words of `struct seccomp_data`. */
export const RECORD_WORDS = 16;
const LENGTH_MAX = 4096;
const MEMORY_WORDS = 16;

const LD_ABS = 0x20,
  LD_LEN = 0x80,
  LDX_LEN = 0x81,
  LD_IMM = 0x00,
  LDX_IMM = 0x01,
  LD_MEM = 0x60,
  LDX_MEM = 0x61,
  ST = 0x02,
  STX = 0x03,
  TAX = 0x07,
  TXA = 0x87;
const RET_K = 0x06,
  RET_A = 0x16,
  NEG = 0x84,
  JA = 0x05;
const ADD = 0x04,
  SUB = 0x14,
  MUL = 0x24,
  DIV = 0x34,
  OR = 0x44,
  AND = 0x54,
  LSH = 0x64,
  RSH = 0x74,
  XOR = 0xa4;
const JEQ = 0x15,
  JGT = 0x25,
  JGE = 0x35,
  JSET = 0x45;
/** The second operand is the index register, not the constant. */
const USE_X = 0x08;
const ARITHMETIC = new Set([ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, XOR]);
const JUMPS = new Set([JEQ, JGT, JGE, JSET]);

export class BpfFilter {
  #program: readonly Instruction[];
  #memory = new Uint32Array(MEMORY_WORDS);
  /** Did the last run look at more than the first two words (the call's number and the architecture)? */
  sawArguments = false;

  private constructor(program: readonly Instruction[]) {
    this.#program = program;
  }

  get length(): number {
    return this.#program.length;
  }

  /** −EINVAL: not a program that may run. */
  static check(program: readonly Instruction[]): BpfFilter | number {
    if (program.length === 0 || program.length > LENGTH_MAX) return -EINVAL;
    // Which words are stored on every way to an instruction: none may be loaded before.
    const stored = new Array<number>(program.length).fill(0xffff);
    let known = 0;
    for (let at = 0; at < program.length; at++) {
      const { code, jt, jf, k } = program[at]!;
      known &= stored[at]!;
      const operation = code & ~USE_X;
      const left = program.length - at - 1;
      if (ARITHMETIC.has(operation)) {
        if (code === DIV && k === 0) return -EINVAL;
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
      switch (code) {
        case LD_ABS:
          if (k % 4 !== 0 || k >= RECORD_WORDS * 4) return -EINVAL;
          break;
        case ST:
        case STX:
          if (k >= MEMORY_WORDS) return -EINVAL;
          known |= 1 << k;
          break;
        case LD_MEM:
        case LDX_MEM:
          if (k >= MEMORY_WORDS || (known & (1 << k)) === 0) return -EINVAL;
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

  /** What the program returns for a record. */
  run(record: Uint32Array): number {
    const program = this.#program;
    const memory = this.#memory;
    let a = 0;
    let x = 0;
    this.sawArguments = false;
    for (let at = 0; ; at++) {
      const { code, jt, jf, k } = program[at]!;
      const operand = (code & USE_X) !== 0 ? x : k;
      switch (code) {
        case LD_ABS:
          if (k >= 8) this.sawArguments = true;
          a = record[k >>> 2]!;
          break;
        case LD_LEN:
          a = RECORD_WORDS * 4;
          break;
        case LDX_LEN:
          x = RECORD_WORDS * 4;
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
        case ST:
          memory[k] = a;
          break;
        case STX:
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
        case JEQ | USE_X:
          at += a === operand ? jt : jf;
          break;
        case JGT:
        case JGT | USE_X:
          at += a > operand ? jt : jf;
          break;
        case JGE:
        case JGE | USE_X:
          at += a >= operand ? jt : jf;
          break;
        case JSET:
        case JSET | USE_X:
          at += (a & operand) !== 0 ? jt : jf;
          break;
        case ADD:
        case ADD | USE_X:
          a = (a + operand) >>> 0;
          break;
        case SUB:
        case SUB | USE_X:
          a = (a - operand) >>> 0;
          break;
        case MUL:
        case MUL | USE_X:
          a = Math.imul(a, operand) >>> 0;
          break;
        case DIV:
        case DIV | USE_X:
          // By the index register, which may be 0: the program returns 0.
          if (operand === 0) return 0;
          a = Math.floor(a / operand);
          break;
        case OR:
        case OR | USE_X:
          a = (a | operand) >>> 0;
          break;
        case AND:
        case AND | USE_X:
          a = (a & operand) >>> 0;
          break;
        case XOR:
        case XOR | USE_X:
          a = (a ^ operand) >>> 0;
          break;
        case LSH:
        case LSH | USE_X:
          a = (a << operand) >>> 0;
          break;
        case RSH:
        case RSH | USE_X:
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
