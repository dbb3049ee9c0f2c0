/** The module of what native programs do in the host's place (native-low.ts), and of the program's start. */
import { Type } from "@stratos/wasm";
import { FunctionRef, UnitModule } from "../back-wasm/unit-module.ts";
import { lowConstants, lowSignatures } from "../back-wasm/runtime-module.ts";
import { LowProgram } from "../low/compile.ts";
import type { LowSignature } from "../low/compile.ts";
import { readForms } from "../low/read.ts";
import { FOREIGN_LOW, NO_FOREIGN_LOW } from "./foreign/foreign-low.ts";
import { NATIVE } from "./native-low.ts";

/** Numbers of Linux's system calls, which differ between processors. */
export interface SystemCalls {
  readonly read: number;
  readonly write: number;
  readonly openat: number;
  readonly close: number;
  readonly exit_group: number;
  readonly unlinkat: number;
  readonly faccessat: number;
  readonly clock_gettime: number;
  readonly nanosleep: number;
  readonly rt_sigaction: number;
  readonly rt_sigtimedwait: number;
  readonly setitimer: number;
  readonly mmap: number;
  readonly ppoll: number;
  readonly madvise: number;
}

const word = Type.i64;
/** What each target writes itself. */
const INTRINSICS: Record<string, LowSignature> = {
  syscall: { parameters: [word, word, word, word, word, word, word], result: word },
};
/** The same for programs with foreign functions of C. */
const FOREIGN_INTRINSICS: Record<string, LowSignature> = {
  "foreign-call": { parameters: [word, word], result: null },
  "callback-address": { parameters: [word], result: word },
  "copy-far": { parameters: [word, word, word], result: null },
  "to-single": { parameters: [Type.f64], result: word },
  "from-single": { parameters: [word], result: Type.f64 },
};

/** @param constants  places of the program, by the names that native-low.ts has for them */
export function nativeModule(
  calls: SystemCalls,
  {
    constants,
    units,
    isForeign,
  }: { constants: Readonly<Record<string, number>>; units: readonly number[]; isForeign: boolean },
): Uint8Array {
  const low = new LowProgram({
    ...lowConstants(),
    ...constants,
    "SYS-READ": calls.read,
    "SYS-WRITE": calls.write,
    "SYS-OPENAT": calls.openat,
    "SYS-CLOSE": calls.close,
    "SYS-EXIT": calls.exit_group,
    "SYS-UNLINKAT": calls.unlinkat,
    "SYS-FACCESSAT": calls.faccessat,
    "SYS-CLOCK-GETTIME": calls.clock_gettime,
    "SYS-NANOSLEEP": calls.nanosleep,
    "SYS-RT-SIGTIMEDWAIT": calls.rt_sigtimedwait,
    "SYS-RT-SIGACTION": calls.rt_sigaction,
    "SYS-SETITIMER": calls.setitimer,
    "SYS-MMAP": calls.mmap,
    "SYS-PPOLL": calls.ppoll,
    "SYS-MADVISE": calls.madvise,
  });
  low.add(readForms(NATIVE));
  low.add(readForms(isForeign ? FOREIGN_LOW : NO_FOREIGN_LOW));
  const runs = units.map((unit) => `(run-unit ${unit})`).join(" ");
  low.add(readForms(`(define (main:void) ${runs} (leave 0) (unreachable))`));
  const module = new UnitModule();
  const refs = new Map(low.functions.map((fn) => [fn.name, new FunctionRef(fn.name, fn.signature)]));
  for (const [name, signature] of Object.entries({ ...INTRINSICS, ...(isForeign ? FOREIGN_INTRINSICS : {}) }))
    refs.set(name, module.importFunction("native", name, signature));
  const run: LowSignature = { parameters: [], result: null };
  for (const [name, signature] of lowSignatures())
    if (!refs.has(name)) refs.set(name, new FunctionRef(name, signature, { module: "low", name }));
  refs.set("run", new FunctionRef("run", run, { module: "low", name: "run" }));
  let fixups: { at: number; ref: FunctionRef }[] = [];
  const target = {
    signature: (name: string) => refs.get(name)?.signature,
    functionIndex: (code: { reserveU32(): number }, name: string) => {
      const ref = refs.get(name)!;
      const own = ref.from?.module === "low" ? module.importFunction("low", name, ref.signature) : ref;
      fixups.push({ at: code.reserveU32(), ref: own });
    },
    typeIndex: (name: string): never => {
      throw new Error(`the native module calls no ${name} through the table`);
    },
    tag: (): number => module.unwindTag,
  };
  for (const fn of low.functions) {
    fixups = [];
    const { code, locals } = low.compile(fn, target);
    module.addBody(refs.get(fn.name)!, locals, code, fixups);
    module.exportFunction(fn.name, refs.get(fn.name)!);
  }
  return module.finish();
}
