import { assert } from "@stratos/base";
import { CodeWriter } from "./code-writer.ts";
import { Type } from "./opcodes.ts";
import type { ValueType } from "./opcodes.ts";

/** A table of functions of the type, of so many elements. */
interface FunctionTable {
  readonly type: number;
  readonly size: number;
}

/**
 * Puts a binary module together. Source: WebAssembly Core Specification 3.0 §5.5 (Modules). Order of use: types and
 * imports, then functions with their bodies through `code`, then exports and elements, then `finish`. Each kind of
 * thing (functions, globals, tags) counts its imports first: import before adding one's own.
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
  /** Of the imported table of functions of one type. */
  #elementType: number | null = null;
  #tables: CodeWriter;
  #tableCount: number;
  #memories: CodeWriter;
  #memoryCount: number;
  #tags: number[];
  #tagImportCount: number;
  #globals: CodeWriter;
  #globalCount: number;
  #globalImportCount: number;
  #data: CodeWriter;
  #dataCount: number;
  #names: { index: number; name: string }[];

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
    this.#tables = new CodeWriter(16);
    this.#tableCount = 0;
    this.#memories = new CodeWriter(16);
    this.#memoryCount = 0;
    this.#tags = [];
    this.#tagImportCount = 0;
    this.#globals = new CodeWriter(64);
    this.#globalCount = 0;
    this.#globalImportCount = 0;
    this.#data = new CodeWriter(64);
    this.#dataCount = 0;
    this.#names = [];
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

  /**
   * The same for a table of a fixed size whose elements are all functions of one type (`addFunctionTable`): calls
   * through it needn't ask for the size or the type.
   */
  importFunctionTable(module: string, name: string, { type, size }: FunctionTable): void {
    this.#import(module, name, 1);
    writeFunctionTable(this.#imports, type, size);
    this.#elementType = type;
  }

  /** @returns the global's index */
  importGlobal(
    module: string,
    name: string,
    type: ValueType,
    { isMutable = false }: { isMutable?: boolean } = {},
  ): number {
    assert(this.#globalCount === 0, "imported globals come before the module's own");
    this.#import(module, name, 3);
    this.#imports.byte(type);
    this.#imports.byte(isMutable ? 1 : 0);
    return this.#globalImportCount++;
  }

  /** @returns the tag's index */
  importTag(module: string, name: string, type: number): number {
    assert(this.#tags.length === 0, "imported tags come before the module's own");
    this.#import(module, name, 4);
    this.#imports.byte(0);
    this.#imports.u32(type);
    return this.#tagImportCount++;
  }

  /** A memory of the module's own, in pages of 64 KiB. */
  addMemory(limits: { minimum: number; maximum: number }): void {
    this.#memories.byte(1);
    this.#memories.u32(limits.minimum);
    this.#memories.u32(limits.maximum);
    this.#memoryCount++;
  }

  /** A table of function references of the module's own. @returns its index among the module's own tables */
  addTable(minimum: number): number {
    this.#tables.byte(Type.funcref);
    this.#tables.byte(0);
    this.#tables.u32(minimum);
    return this.#tableCount++;
  }

  /** A table of fixed size, full of one function, whose elements are functions of the type. */
  addFunctionTable({ type, size }: FunctionTable, filler: number): number {
    this.#tables.byte(0x40); // with an initial value
    this.#tables.byte(0);
    writeFunctionTable(this.#tables, type, size);
    this.#tables.refFunc(filler);
    this.#tables.byte(0x0b);
    return this.#tableCount++;
  }

  /** An exception's tag; `type` is a function type without results. @returns the tag's index */
  addTag(type: number): number {
    return this.#tagImportCount + this.#tags.push(type) - 1;
  }

  /** A global of i32, i64 or f64 with a constant as its first value. @returns the global's index */
  addGlobal(type: 0x7f | 0x7e | 0x7c, initial: number, { isMutable = true }: { isMutable?: boolean } = {}): number {
    this.#globals.byte(type);
    this.#globals.byte(isMutable ? 1 : 0);
    if (type === Type.i32) this.#globals.i32Const(initial);
    else if (type === Type.i64) this.#globals.i64Const(initial);
    else this.#globals.f64Const(initial);
    this.#globals.byte(0x0b);
    return this.#globalImportCount + this.#globalCount++;
  }

  /** Bytes that memory 0 holds at `address` when the module has been instantiated. */
  addData(address: number, bytes: Uint8Array): void {
    this.#data.byte(0);
    this.#data.i32Const(address);
    this.#data.byte(0x0b);
    this.#data.u32(bytes.length);
    this.#data.raw(bytes);
    this.#dataCount++;
  }

  /** The function's name in profiles and traces: printable ASCII (others become `?`). Indexes in rising order. */
  nameFunction(index: number, name: string): void {
    this.#names.push({ index, name: name.replace(/[^\x20-\x7e]/gu, "?") });
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
    this.#export(name, 0, index);
  }

  exportTable(name: string, index = 0): void {
    this.#export(name, 1, index);
  }

  exportMemory(name: string, index = 0): void {
    this.#export(name, 2, index);
  }

  exportGlobal(name: string, index: number): void {
    this.#export(name, 3, index);
  }

  exportTag(name: string, index: number): void {
    this.#export(name, 4, index);
  }

  /** An active segment of table 0: `table[slot] = function`, written when the module is instantiated. */
  addElement(slot: number, functionIndex: number): void {
    this.addElements(slot, [functionIndex]);
  }

  /** The same for consecutive slots. */
  addElements(slot: number, functionIndexes: readonly number[]): void {
    this.#beginElements();
    this.#elements.i32Const(slot);
    this.#endElements(functionIndexes);
  }

  /** An active segment that begins where an imported, immutable global of i32 says. */
  addElementsAtGlobal(global: number, functionIndexes: readonly number[]): void {
    this.#beginElements();
    this.#elements.globalGet(global);
    this.#endElements(functionIndexes);
  }

  #beginElements(): void {
    // Of table 0; expressions with their type, or indexes of functions.
    this.#elements.byte(this.#elementType === null ? 0 : 6);
    if (this.#elementType !== null) this.#elements.byte(0);
  }

  #endElements(functionIndexes: readonly number[]): void {
    this.#elements.byte(0x0b);
    if (this.#elementType !== null) writeFunctionType(this.#elements, this.#elementType);
    this.#elements.u32(functionIndexes.length);
    for (const index of functionIndexes) {
      if (this.#elementType === null) {
        this.#elements.u32(index);
        continue;
      }
      this.#elements.refFunc(index);
      this.#elements.byte(0x0b);
    }
    this.#elementCount++;
  }

  /** Forgets functions, exports and elements, and keeps types and imports, for another module of the same kind. */
  clearFunctions(): void {
    this.#functions.length = 0;
    this.#exports.reset();
    this.#exportCount = 0;
    this.#elements.reset();
    this.#elementCount = 0;
    this.#names.length = 0;
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

    writeSection(out, 4, this.#tableCount, this.#tables);
    writeSection(out, 5, this.#memoryCount, this.#memories);
    if (this.#tags.length > 0) {
      at = beginSection(out, 13); // stands between memories and globals
      out.u32(this.#tags.length);
      for (const type of this.#tags) {
        out.byte(0);
        out.u32(type);
      }
      endSection(out, at);
    }
    writeSection(out, 6, this.#globalCount, this.#globals);
    writeSection(out, 7, this.#exportCount, this.#exports);
    writeSection(out, 9, this.#elementCount, this.#elements);
    if (this.code.unlikelyBranches.length > 0) this.#writeBranchHints(out);
    writeSection(out, 10, this.#functions.length, this.code);
    writeSection(out, 11, this.#dataCount, this.#data);
    if (this.#names.length > 0) this.#writeNames(out);
    return out.bytes.slice(0, out.length);
  }

  /** The custom section `name`, subsection 1. Source: Core Specification 3.0, Appendix: Custom Sections. */
  #writeNames(out: CodeWriter): void {
    const at = beginSection(out, 0);
    out.name("name");
    const functions = beginSection(out, 1);
    out.u32(this.#names.length);
    for (const { index, name } of this.#names) {
      out.u32(index);
      out.name(name);
    }
    endSection(out, functions);
    endSection(out, at);
  }

  /** Which branches are unlikely. Source: WebAssembly branch hinting proposal, Binary Format. */
  #writeBranchHints(out: CodeWriter): void {
    const { unlikelyBranches } = this.code;
    const at = beginSection(out, 0);
    out.name("metadata.code.branch_hint");
    let functions = 0;
    for (let i = 0; i < unlikelyBranches.length; i += 2)
      if (unlikelyBranches[i] !== unlikelyBranches[i - 2]) functions++;
    out.u32(functions);
    for (let i = 0; i < unlikelyBranches.length;) {
      const index = unlikelyBranches[i]!;
      let end = i;
      while (unlikelyBranches[end] === index) end += 2;
      out.u32(this.#functionImportCount + index);
      out.u32((end - i) / 2);
      for (; i < end; i += 2) {
        out.u32(unlikelyBranches[i + 1]!);
        out.byte(1); // the hint's length
        out.byte(0); // unlikely
      }
    }
    endSection(out, at);
  }

  #export(name: string, kind: number, index: number): void {
    this.#exports.name(name);
    this.#exports.byte(kind);
    this.#exports.u32(index);
    this.#exportCount++;
  }

  #import(module: string, name: string, kind: number): void {
    this.#imports.name(module);
    this.#imports.name(name);
    this.#imports.byte(kind);
    this.#importCount++;
  }
}

/** (ref type), never null. */
function writeFunctionType(out: CodeWriter, type: number): void {
  out.byte(0x64);
  out.u32(type); // as a signed number, which is the same below 64
}

function writeFunctionTable(out: CodeWriter, type: number, size: number): void {
  assert(type < 64, "the type's index is written as one byte");
  writeFunctionType(out, type);
  out.byte(1); // with a maximum
  out.u32(size);
  out.u32(size);
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
