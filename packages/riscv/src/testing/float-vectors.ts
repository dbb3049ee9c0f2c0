import { Assembler, type StaticProgram } from "./assembler.ts";
import { appendWriteAndExit } from "./frame-program.ts";
import { INSTRUCTION_FORMS, type InstructionForm } from "./instruction-forms.ts";
import { SPECIAL_DOUBLES, SPECIAL_INTEGERS, SPECIAL_SINGLES } from "./operand-values.ts";

/**
 * Every operation of F and D on every pair of special values (triples for the fused ones: the third operand walks
 * through the values as well), in one rounding mode, once with no flag raised and once with NX raised, which is when
 * native arithmetic is used.
 *
 * The program walks over rows of operands; for each row it executes each operation and stores its result and fflags.
 */
const CODE_ORIGIN = 0x10000,
  ROWS_ORIGIN = 0x2000000;
const ROW = 32; // a, b, c as registers hold them, and an integer
const FRM = 2,
  FFLAGS = 1;
const T0 = 5,
  T1 = 6,
  ROWS = 8,
  RESULTS = 9,
  ROWS_END = 18,
  INTEGER = 10,
  RESULT = 11;

export interface VectorProgram {
  readonly program: StaticProgram;
  /** What the word at `index` × 8 of the output is. */
  readonly describe: (index: number) => string;
}

/** @param chunk  which part of the pairs, of `chunks` */
export function floatVectorProgram(options: {
  format: "s" | "d";
  rounding: number;
  dynamic: boolean;
  chunk: number;
  chunks: number;
}): VectorProgram {
  const { format, rounding, dynamic, chunk, chunks } = options;
  const forms = INSTRUCTION_FORMS.filter((form) => isOperation(form) && ofFormat(form.name, format));
  const rows = operandRows(format, chunk, chunks);
  const resultsOrigin = Math.ceil((ROWS_ORIGIN + rows.byteLength) / 4096) * 4096;
  const rowCount = rows.byteLength / ROW;
  const wordsPerRow = forms.length * 2 * 2;
  const resultsSize = rowCount * wordsPerRow * 8;

  const assembler = new Assembler(CODE_ORIGIN);
  assembler.loadConstant(ROWS, ROWS_ORIGIN);
  assembler.loadConstant(RESULTS, resultsOrigin);
  assembler.loadConstant(ROWS_END, ROWS_ORIGIN + rows.byteLength);
  assembler.i("csrrwi", 0, dynamic ? rounding : (rounding + 1) % 5, FRM);
  assembler.label("row");
  for (let f = 0; f < 3; f++) assembler.i("fld", f, ROWS, f * 8);
  assembler.i("ld", INTEGER, ROWS, 24);
  let offset = 0;
  for (const form of forms) {
    for (const flags of [0, 1]) {
      assembler.i("csrrwi", 0, flags, FFLAGS);
      assembler.word(operation(form, dynamic ? 7 : rounding));
      if (form.kind.startsWith("x-")) assembler.store("sd", RESULT, RESULTS, offset);
      else assembler.store("fsd", 3, RESULTS, offset);
      assembler.csr("csrrs", T0, FFLAGS, 0);
      assembler.store("sd", T0, RESULTS, offset + 8);
      offset += 16;
      if (offset >= 2032) {
        assembler.i("addi", RESULTS, RESULTS, offset);
        offset = 0;
      }
    }
  }
  assembler.i("addi", RESULTS, RESULTS, offset);
  assembler.i("addi", ROWS, ROWS, ROW);
  // The body is longer than a conditional branch reaches.
  assembler.branch(7, ROWS, ROWS_END, "done"); // bgeu
  assembler.jump(0, "row");
  assembler.label("done");
  assembler.i("addi", T1, 0, 0);
  appendWriteAndExit(assembler, resultsOrigin, resultsSize);

  return {
    program: {
      entry: CODE_ORIGIN,
      segments: [
        { address: CODE_ORIGIN, bytes: assembler.finish(), writable: false },
        { address: ROWS_ORIGIN, bytes: new Uint8Array(rows.buffer), writable: true },
        { address: resultsOrigin, bytes: new Uint8Array(resultsSize), writable: true },
      ],
    },
    describe: (index) => {
      const row = Math.floor(index / wordsPerRow),
        word = index % wordsPerRow;
      const operands = [0, 8, 16, 24].map((at) => rows.getBigUint64(row * ROW + at, true).toString(16)).join(", ");
      return (
        `${word % 2 === 0 ? "result" : "fflags"} of ${forms[word >> 2]!.name} (${operands}) in mode ${rounding}` +
        `${dynamic ? " (dynamic)" : ""} with fflags ${(word >> 1) & 1}`
      );
    },
  };
}

function isOperation(form: InstructionForm): boolean {
  return /^(f-|x-f)/.test(form.kind);
}

/** Conversions between the formats go with their source; moves of integers with their width. */
function ofFormat(name: string, format: "s" | "d"): boolean {
  if (name === "fcvt.s.d") return format === "d";
  if (name === "fcvt.d.s") return format === "s";
  if (name.startsWith("fmv")) return name.includes("w") === (format === "s");
  return name.split(".").includes(format);
}

/** The instruction with f3 or a1 as destination, f0 (a0), f1, f2 as sources. */
function operation(form: InstructionForm, rm: number): number {
  let word = form.match | ((form.kind.startsWith("x-") ? RESULT : 3) << 7);
  word |= (form.kind.startsWith("f-x") ? INTEGER : 0) << 15;
  if (form.kind.includes("ff")) word |= 1 << 20;
  if (form.kind.includes("fff")) word |= 2 << 27;
  if (form.kind.endsWith("-rm")) word |= rm << 12;
  return word >>> 0;
}

function operandRows(format: "s" | "d", chunk: number, chunks: number): DataView {
  const box = 0xffffffff00000000n;
  const values =
    format === "d" ? [...SPECIAL_DOUBLES] : [...SPECIAL_SINGLES.map((value) => box | value), 0x3ff000003f800000n, 0n];
  const pairs: [number, number][] = [];
  for (let a = 0; a < values.length; a++)
    for (let b = 0; b < values.length; b++) if ((a * values.length + b) % chunks === chunk) pairs.push([a, b]);
  const view = new DataView(new ArrayBuffer(pairs.length * ROW));
  pairs.forEach(([a, b], index) => {
    view.setBigUint64(index * ROW, values[a]!, true);
    view.setBigUint64(index * ROW + 8, values[b]!, true);
    view.setBigUint64(index * ROW + 16, values[(a * 7 + b * 3 + index) % values.length]!, true);
    view.setBigUint64(index * ROW + 24, SPECIAL_INTEGERS[index % SPECIAL_INTEGERS.length]!, true);
  });
  return view;
}
