/**
 * Machine code of the runtime for one processor, made once, so that a build compiles no more than its program. It is
 * that of programs with near calls and without foreign functions of C, which most are; others are compiled whole.
 */
import { readImageFile, writeImageFile } from "../image/image-file.ts";
import type { NativeCode } from "./emit.ts";

/** Functions of modules, by their names. */
export type RuntimeCode = ReadonlyMap<string, readonly NativeCode[]>;

/** What code was made for, and fits. */
interface Purpose {
  readonly machine: number;
  readonly isScheduled: boolean;
  /** Of the image (engine-image.ts). */
  readonly runtimeSum: number;
}
interface Header extends Purpose {
  readonly modules: readonly (readonly [name: string, functions: number])[];
  /** Of functions, and of those that they call. */
  readonly names: readonly string[];
}

export function writeRuntimeCode(code: RuntimeCode, purpose: Purpose): Uint8Array {
  const places = new Map<string, number>();
  const placeOf = (name: string): number => {
    let place = places.get(name);
    if (place === undefined) places.set(name, (place = places.size));
    return place;
  };
  const all = [...code.values()].flat();
  const words = all.flatMap(({ name, bytes, calls, sites, frameBytes }) => [
    ...[placeOf(name), bytes.length, frameBytes, calls.length, sites.length],
    ...calls.flatMap(({ at, target }) => [at, placeOf(target)]),
    ...sites.flatMap(({ at, unwind, abort }) => [at, unwind, abort]),
  ]);
  const text = new Uint8Array(all.reduce((sum, { bytes }) => sum + bytes.length, 0));
  let at = 0;
  for (const { bytes } of all) {
    text.set(bytes, at);
    at += bytes.length;
  }
  const modules = [...code].map(([name, codes]) => [name, codes.length] as const);
  const header = { ...purpose, modules, names: [...places.keys()] };
  return writeImageFile(header satisfies Header, [new Uint8Array(Int32Array.from(words).buffer), text]);
}

/** @returns null where the bytes are no such code, or made for something else */
export function readRuntimeCode(bytes: Uint8Array, purpose: Purpose): RuntimeCode | null {
  const file = readImageFile(bytes);
  if (file === null) return null;
  const { machine, isScheduled, runtimeSum, modules, names } = file.header as Header;
  if (machine !== purpose.machine || isScheduled !== purpose.isScheduled || runtimeSum !== purpose.runtimeSum)
    return null;
  const [wordBytes, text] = file.blobs as [Uint8Array, Uint8Array];
  const words = new Int32Array(Uint8Array.from(wordBytes).buffer);
  let word = 0;
  let at = 0;
  const readCode = (): NativeCode => {
    const [name, length, frameBytes, callCount, siteCount] = words.subarray(word, (word += 5)) as unknown as number[];
    const code = text.subarray(at, (at += length!));
    const calls = Array.from({ length: callCount! }, () => ({ at: words[word++]!, target: names[words[word++]!]! }));
    const sites = Array.from({ length: siteCount! }, () => ({
      at: words[word++]!,
      unwind: words[word++]!,
      abort: words[word++]!,
    }));
    return { name: names[name!]!, bytes: code, calls, sites, frameBytes: frameBytes! };
  };
  return new Map(modules.map(([name, functions]) => [name, Array.from({ length: functions }, readCode)]));
}
