/**
 * Collects the functions of one module: bodies are written before it is known what the module imports, so calls hold
 * places to be filled in.
 */
import { assert } from "@stratos/base";
import { CodeWriter, ModuleBuilder, Type } from "@stratos/wasm";
import type { ValueType } from "@stratos/wasm";
import type { LowSignature } from "../low/compile.ts";
import type { TypedEntry } from "../middle/ir.ts";

/** A function of this module or an imported one. */
export class FunctionRef {
  readonly name: string;
  readonly signature: LowSignature;
  /** Where it comes from; null: this module. */
  readonly from: { module: string; name: string } | null;
  index: number;
  constructor(name: string, signature: LowSignature, from: { module: string; name: string } | null = null) {
    this.name = name;
    this.signature = signature;
    this.from = from;
    this.index = -1;
  }
}

/** sp, self, arguments. */
export function procedureSignature(count: number): LowSignature {
  return { parameters: [Type.i32, Type.i64, ...new Array<ValueType>(count).fill(Type.i64)], result: Type.i64 };
}
/**
 * The same of an entry behind checks: doubles may come, and go, in registers. One that gives a double has a second
 * form, which gives a word.
 */
export function entrySignatures({ parameters: own, givesFloat }: TypedEntry): LowSignature[] {
  const parameters = [Type.i32, Type.i64, ...own.map((v): ValueType => (v.isFloat ? Type.f64 : Type.i64))];
  const plain = { parameters, result: Type.i64 };
  return givesFloat ? [{ parameters, result: Type.f64 }, plain] : [plain];
}
/** sp, self, count of arguments in the argument area. */
export const VARIADIC_SIGNATURE: LowSignature = { parameters: [Type.i32, Type.i64, Type.i32], result: Type.i64 };
/** sp, value. */
export const RESUME_SIGNATURE: LowSignature = { parameters: [Type.i32, Type.i64], result: Type.i64 };

interface Body {
  readonly ref: FunctionRef;
  readonly locals: readonly ValueType[];
  readonly bytes: Uint8Array;
  readonly calls: readonly Fixup[];
}
interface Fixup {
  readonly at: number;
  readonly ref: FunctionRef;
}

export class UnitModule {
  readonly builder: ModuleBuilder;
  /** Thrown to capture the stack, and to leave it for another. */
  readonly unwindTag: number;
  readonly abortTag: number;
  readonly #bodies: Body[];
  readonly #imports: Map<string, FunctionRef>;
  readonly #elements: { slot: number; ref: FunctionRef }[];
  readonly #exports: { name: string; ref: FunctionRef }[];

  constructor({ ownsTags = false }: { ownsTags?: boolean } = {}) {
    this.builder = new ModuleBuilder();
    this.builder.importMemory("vm", "memory");
    this.builder.importTable("vm", "table");
    const type = this.builder.type([], []);
    this.unwindTag = ownsTags ? this.builder.addTag(type) : this.builder.importTag("vm", "unwind", type);
    this.abortTag = ownsTags ? this.builder.addTag(type) : -1;
    if (ownsTags) this.builder.exportTag("unwind", this.unwindTag);
    this.#bodies = [];
    this.#imports = new Map();
    this.#elements = [];
    this.#exports = [];
  }

  typeIndex(signature: LowSignature): number {
    return this.builder.type(signature.parameters, signature.result === null ? [] : [signature.result]);
  }

  importFunction(module: string, name: string, signature: LowSignature): FunctionRef {
    const key = `${module}/${name}`;
    let found = this.#imports.get(key);
    if (found === undefined) this.#imports.set(key, (found = new FunctionRef(name, signature, { module, name })));
    return found;
  }

  addBody(ref: FunctionRef, locals: readonly ValueType[], code: CodeWriter, calls: readonly Fixup[]): void {
    this.#bodies.push({ ref, locals, bytes: code.bytes.slice(0, code.length), calls });
  }

  addElement(slot: number, ref: FunctionRef): void {
    this.#elements.push({ slot, ref });
  }

  exportFunction(name: string, ref: FunctionRef): void {
    this.#exports.push({ name, ref });
  }

  get imports(): Iterable<FunctionRef> {
    return this.#imports.values();
  }

  finish(): Uint8Array {
    const { builder } = this;
    for (const ref of this.#imports.values())
      ref.index = builder.importFunction(ref.from!.module, ref.from!.name, this.typeIndex(ref.signature));
    for (const { ref } of this.#bodies) ref.index = builder.addFunction(this.typeIndex(ref.signature));
    for (const { ref, locals, bytes, calls } of this.#bodies) {
      builder.nameFunction(ref.index, ref.name);
      const { code } = builder;
      const at = code.beginFunction(groups(locals));
      const start = code.length;
      code.raw(bytes);
      for (const call of calls) {
        assert(call.ref.index >= 0, `${call.ref.name} must be in the module that calls it`);
        code.patchU32(start + call.at, call.ref.index);
      }
      code.endFunction(at);
    }
    this.#elements.sort((a, b) => a.slot - b.slot);
    for (let index = 0; index < this.#elements.length;) {
      let end = index + 1;
      while (end < this.#elements.length && this.#elements[end]!.slot === this.#elements[end - 1]!.slot + 1) end++;
      builder.addElements(
        this.#elements[index]!.slot,
        this.#elements.slice(index, end).map(({ ref }) => ref.index),
      );
      index = end;
    }
    for (const { name, ref } of this.#exports) builder.exportFunction(name, ref.index);
    return builder.finish();
  }
}

function groups(locals: readonly ValueType[]): { count: number; type: ValueType }[] {
  const result: { count: number; type: ValueType }[] = [];
  for (const type of locals) {
    const last = result.at(-1);
    if (last !== undefined && last.type === type) last.count++;
    else result.push({ count: 1, type });
  }
  return result;
}
