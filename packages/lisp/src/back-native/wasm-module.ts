/**
 * Reads a module of WebAssembly that `back-wasm` wrote, for the back ends that compile it ahead. Only what such modules
 * have is known (WebAssembly Core Specification 3.0 §5.5); anything else is a defect, told by an assertion.
 */
import { assert } from "@stratos/base";
import type { ValueType } from "@stratos/wasm";
import { textOf } from "../datum/datum.ts";

export interface FunctionType {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}
interface ImportedFunction {
  readonly module: string;
  readonly name: string;
  readonly type: FunctionType;
}
export interface FunctionBody {
  readonly name: string;
  readonly type: FunctionType;
  /** Parameters first. */
  readonly locals: readonly ValueType[];
  readonly code: Uint8Array;
}
export interface WasmModuleText {
  readonly types: readonly FunctionType[];
  readonly imports: readonly ImportedFunction[];
  /** Their indexes follow those of the imports. */
  readonly functions: readonly FunctionBody[];
  readonly exports: ReadonlyMap<string, number>;
  /** Names of those that are exported, by their indexes. */
  readonly exportNames: ReadonlyMap<number, string>;
  readonly elements: readonly { readonly slot: number; readonly functions: readonly number[] }[];
}

const Section = { type: 1, import: 2, function: 3, export: 7, element: 9, code: 10 } as const;
const ExternalKind = { function: 0, table: 1, memory: 2, tag: 4 } as const;
const FUNCTION_TYPE = 0x60;
const I32_CONST = 0x41;

/** Bytes with a place, for LEB128 and the like. */
export class ByteReader {
  readonly bytes: Uint8Array;
  at: number;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.at = 0;
  }

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length;
  }
  byte(): number {
    const value = this.bytes[this.at++];
    assert(value !== undefined, "a module must not end within an instruction");
    return value;
  }
  u32(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }
  signed(bits: number): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(bits, BigInt.asIntN(Number(shift) + 7, value));
    }
  }
  double(): number {
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + this.at, 8);
    this.at += 8;
    return view.getFloat64(0, true);
  }
  text(): string {
    return textOf(this.take(this.u32()));
  }
  take(count: number): Uint8Array {
    return this.bytes.subarray(this.at, (this.at += count));
  }
  list<T>(read: () => T): T[] {
    return Array.from({ length: this.u32() }, read);
  }
}

export function readModule(bytes: Uint8Array): WasmModuleText {
  const reader = new ByteReader(bytes);
  reader.take(8);
  let types: FunctionType[] = [];
  const imports: ImportedFunction[] = [];
  let declared: number[] = [];
  let exports = new Map<string, number>();
  let elements: { slot: number; functions: number[] }[] = [];
  let bodies: { locals: ValueType[]; code: Uint8Array }[] = [];
  let names = new Map<number, string>();
  while (!reader.isAtEnd) {
    const section = reader.byte();
    const part = new ByteReader(reader.take(reader.u32()));
    if (section === 0) names = readNames(part);
    if (section === Section.type) types = part.list(() => readType(part));
    if (section === Section.import)
      part.list(() => {
        const [module, name, kind] = [part.text(), part.text(), part.byte()];
        if (kind === ExternalKind.function) imports.push({ module, name, type: types[part.u32()]! });
        else skipImport(part, kind);
      });
    if (section === Section.function) declared = part.list(() => part.u32());
    if (section === Section.export)
      exports = new Map(
        part
          .list(() => ({ name: part.text(), kind: part.byte(), index: part.u32() }))
          .filter(({ kind }) => kind === ExternalKind.function)
          .map(({ name, index }) => [name, index]),
      );
    if (section === Section.element) elements = part.list(() => readElements(part));
    if (section === Section.code) bodies = part.list(() => readBody(part));
  }
  const functions = bodies.map(({ locals, code }, index) => {
    const type = types[declared[index]!]!;
    const name = names.get(imports.length + index) ?? `function ${index}`;
    return { name, type, locals: [...type.parameters, ...locals], code };
  });
  const exportNames = new Map([...exports].map(([name, index]) => [index, name]));
  return { types, imports, functions, exports, exportNames, elements };
}

function readType(part: ByteReader): FunctionType {
  assert(part.byte() === FUNCTION_TYPE, "only types of functions are known");
  const list = (): ValueType[] => part.list(() => part.byte() as ValueType);
  return { parameters: list(), results: list() };
}

function skipImport(part: ByteReader, kind: number): void {
  if (kind === ExternalKind.table) part.byte();
  if (kind === ExternalKind.tag) {
    part.byte();
    part.u32();
    return;
  }
  const hasMost = (part.byte() & 1) === 1;
  part.u32();
  if (hasMost) part.u32();
}

function readElements(part: ByteReader): { slot: number; functions: number[] } {
  assert(part.u32() === 0 && part.byte() === I32_CONST, "only elements of table 0 at a constant place are known");
  const slot = Number(part.signed(32));
  part.byte();
  return { slot, functions: part.list(() => part.u32()) };
}

function readBody(part: ByteReader): { locals: ValueType[]; code: Uint8Array } {
  const body = new ByteReader(part.take(part.u32()));
  const locals: ValueType[] = [];
  body.list(() => {
    const count = body.u32();
    const type = body.byte() as ValueType;
    for (let index = 0; index < count; index++) locals.push(type);
  });
  return { locals, code: body.bytes.subarray(body.at) };
}

function readNames(part: ByteReader): Map<number, string> {
  const names = new Map<number, string>();
  if (part.text() !== "name") return names;
  while (!part.isAtEnd) {
    const kind = part.byte();
    const inner = new ByteReader(part.take(part.u32()));
    if (kind === 1)
      for (const [index, name] of inner.list(() => [inner.u32(), inner.text()] as const)) names.set(index, name);
  }
  return names;
}
