import { assert } from "@stratos/base";
import { CodeWriter } from "./code-writer.ts";
import { Type } from "./opcodes.ts";
import type { ValueType } from "./opcodes.ts";

/**
 * Puts a binary module together. Source: WebAssembly Core Specification 2.0 §5.5 (Modules). Order of use: types and
 * imports, then functions with their bodies through `code`, then exports and elements, then `finish`.
 */
export class ModuleBuilder {
  /** The code section's bodies, in order of `addFunction`. */
  readonly code: CodeWriter;
  #types: { parameters: readonly ValueType[]; results: readonly ValueType[] }[];
  #imports: CodeWriter;
  #importCount: number;
  #functionImportCount: number;
  #functions: number[];
  #exports: CodeWriter;
  #exportCount: number;
  #elements: CodeWriter;
  #elementCount: number;

  constructor(code: CodeWriter = new CodeWriter()) {
    this.code = code;
    this.#types = [];
    this.#imports = new CodeWriter(1024);
    this.#importCount = 0;
    this.#functionImportCount = 0;
    this.#functions = [];
    this.#exports = new CodeWriter(256);
    this.#exportCount = 0;
    this.#elements = new CodeWriter(256);
    this.#elementCount = 0;
    code.reset();
  }

  get functionCount(): number {
    return this.#functionImportCount + this.#functions.length;
  }

  type(parameters: readonly ValueType[], results: readonly ValueType[]): number {
    const found = this.#types.findIndex(
      (type) => sameTypes(type.parameters, parameters) && sameTypes(type.results, results),
    );
    if (found >= 0) return found;
    return this.#types.push({ parameters, results }) - 1;
  }

  importMemory(module: string, name: string): void {
    this.#import(module, name, 2);
    this.#imports.byte(0); // no maximum
    this.#imports.u32(1);
  }

  importTable(module: string, name: string): void {
    this.#import(module, name, 1);
    this.#imports.byte(Type.funcref);
    this.#imports.byte(0);
    this.#imports.u32(1);
  }

  /** @returns the function's index */
  importFunction(module: string, name: string, type: number): number {
    assert(this.#functions.length === 0, "imported functions come before the module's own");
    this.#import(module, name, 0);
    this.#imports.u32(type);
    return this.#functionImportCount++;
  }

  /** Declares the next body of `code`. @returns the function's index */
  addFunction(type: number): number {
    return this.#functionImportCount + this.#functions.push(type) - 1;
  }

  exportFunction(name: string, index: number): void {
    this.#exports.name(name);
    this.#exports.byte(0);
    this.#exports.u32(index);
    this.#exportCount++;
  }

  /** An active segment of table 0: `table[slot] = function`, written when the module is instantiated. */
  addElement(slot: number, functionIndex: number): void {
    this.#elements.byte(0);
    this.#elements.i32Const(slot);
    this.#elements.byte(0x0b);
    this.#elements.u32(1);
    this.#elements.u32(functionIndex);
    this.#elementCount++;
  }

  /** Forgets functions, exports and elements, and keeps types and imports, for another module of the same kind. */
  clearFunctions(): void {
    this.#functions.length = 0;
    this.#exports.reset();
    this.#exportCount = 0;
    this.#elements.reset();
    this.#elementCount = 0;
    this.code.reset();
  }

  finish(): Uint8Array {
    const out = new CodeWriter(this.code.length + 1024);
    out.raw(HEADER);

    let at = beginSection(out, 1);
    out.u32(this.#types.length);
    for (const type of this.#types) {
      out.byte(0x60);
      out.u32(type.parameters.length);
      for (const value of type.parameters) out.byte(value);
      out.u32(type.results.length);
      for (const value of type.results) out.byte(value);
    }
    endSection(out, at);

    writeSection(out, 2, this.#importCount, this.#imports);

    at = beginSection(out, 3);
    out.u32(this.#functions.length);
    for (const type of this.#functions) out.u32(type);
    endSection(out, at);

    writeSection(out, 7, this.#exportCount, this.#exports);
    writeSection(out, 9, this.#elementCount, this.#elements);
    writeSection(out, 10, this.#functions.length, this.code);
    return out.bytes.slice(0, out.length);
  }

  #import(module: string, name: string, kind: number): void {
    this.#imports.name(module);
    this.#imports.name(name);
    this.#imports.byte(kind);
    this.#importCount++;
  }
}

const HEADER = new Uint8Array([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);

function beginSection(out: CodeWriter, id: number): number {
  out.byte(id);
  return out.reserveU32();
}

function endSection(out: CodeWriter, at: number): void {
  out.patchU32(at, out.length - at - 5);
}

function writeSection(out: CodeWriter, id: number, count: number, body: CodeWriter): void {
  if (count === 0) return;
  const at = beginSection(out, id);
  out.u32(count);
  out.raw(body.bytes, 0, body.length);
  endSection(out, at);
}

function sameTypes(a: readonly ValueType[], b: readonly ValueType[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
