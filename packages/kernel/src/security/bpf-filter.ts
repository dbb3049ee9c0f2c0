/**
 * Classic BPF as seccomp(2) uses it: a program of jumps forward over one accumulator, an index and sixteen words, that
 * looks at one record. It is checked once, here; running it can then neither fail nor go on for ever. Source: Linux
 * net/core/filter.c (bpf_check_classic), kernel/seccomp.c.
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
} from "@stratos/abi";
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
  XOR = BPF_ALU | BPF_XOR;
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

  private constructor(program: readonly Instruction[]) {
    this.#program = program;
  }

  get length(): number {
    return this.#program.length;
  }

  /** −EINVAL: not a program that may run. */
  static check(program: readonly Instruction[]): BpfFilter | number {
    if (program.length === 0 || program.length > BPF_MAXINSNS) return -EINVAL;
    // Which words are stored on every way to an instruction: none may be loaded before.
    const stored = new Array<number>(program.length).fill(0xffff);
    let known = 0;
    for (let at = 0; at < program.length; at++) {
      const { code, jt, jf, k } = program[at]!;
      known &= stored[at]!;
      const operation = code & ~BPF_X;
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

  /** What the program returns for a record. */
  run(record: Uint32Array): number {
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
