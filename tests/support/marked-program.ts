/**
 * Native programs whose old generation is marked all the time, in small slices. The registers that say so lie in the
 * program's first segment (packages/lisp/src/heap/layout.ts).
 */
import { assert } from "@stratos/base";
import type { NATIVE_TARGETS } from "@stratos/lisp";
import { Register, SLICE_WORDS } from "../../packages/lisp/src/heap/layout.ts";
import { nativeLisp } from "./native-lisp.ts";

type NativeTarget = (typeof NATIVE_TARGETS)[number];

/** @param slice  words that are looked through behind a collection */
export function markedPrograms<Target extends NativeTarget>(
  text: string,
  options: { slice: number; targets: readonly Target[] },
): Record<Target, Uint8Array> {
  const session = nativeLisp();
  const programs = session.buildNative(text, "test.scm", options.targets);
  for (const target of options.targets) setRegisters(programs[target], options.slice);
  return programs;
}

function setRegisters(program: Uint8Array, slice: number): void {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const headers = Number(view.getBigUint64(32, true));
  for (let index = 0; index < view.getUint16(56, true); index++) {
    const header = headers + 56 * index;
    const [offset, address, bytes] = [8, 16, 32].map((at) => Number(view.getBigUint64(header + at, true)));
    const place = (register: number): number => register - address! + offset!;
    if (Register.slice < address! || Register.slice + 4 > address! + bytes!) continue;
    assert(view.getUint32(place(Register.slice), true) === SLICE_WORDS, "a native program begins with its registers");
    view.setUint32(place(Register.slice), slice, true);
    view.setUint32(place(Register.leastThreshold), 0, true);
    view.setUint32(place(Register.oldThreshold), 0, true);
    return;
  }
  assert(false, "a native program has registers");
}
