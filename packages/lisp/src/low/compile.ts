/**
 * Compiler of the low-level language in which the collector and the runtime's innermost routines are written: typed
 * expressions over the linear memory, as s-expressions, to WebAssembly one to one. No value is traced and nothing is
 * checked.
 *
 *     (const NAME integer)
 *     (macro (name parameter …) body)            replaced before compilation
 *     (define (name:result parameter:type …) body …)    types: i32 i64 f64, none: i64; result `void` allowed
 *
 *     (let ((x:i32 e) …) body …)  (set! x e)  (if c a b)  (when c body …)  (while c body …)  (begin e …)  (return e)
 *     (&& a b) (|| a b) (! a)     (+ - * / % shl shr sar and or xor = != < <= > >= <u …: by the operands' type; a
 *     trailing u: unsigned)
 *     (load64 a [offset]) (load32 …) (load8 …) (load16 …) (loadf …)   (store64! a offset v) (store32! …) (store8! …)
 *     (storef! …)
 *     (wrap x) (ext x) (exts x) (f64 x) (bits x) (float x) (clz x) (ctz x) (sqrt x) … (f e …)  (tail f e …)
 *     (call-indirect type index e …)  (tail-indirect type index e …)  (throw tag)  (copy! to from bytes)
 */
import { assert } from "@stratos/base";
import { CodeWriter, Op, Type } from "@stratos/wasm";
import type { ValueType } from "@stratos/wasm";
import { Flonum } from "../datum/datum.ts";
import type { Form } from "./read.ts";

export interface LowSignature {
  readonly parameters: readonly ValueType[];
  readonly result: ValueType | null;
}

/** Where the functions go: names to indexes that are known when the module is put together. */
export interface LowTarget {
  signature(name: string): LowSignature | undefined;
  /** Writes the index of a function as a number of fixed length. */
  functionIndex(code: CodeWriter, name: string): void;
  /** Index of a function type: `procedureN`, `variadic`, `resume`. */
  typeIndex(name: string): { index: number; signature: LowSignature };
  tag(name: string): number;
}

interface LowFunction {
  readonly name: string;
  readonly signature: LowSignature;
  readonly parameters: readonly string[];
  readonly body: readonly Form[];
}

/** Definitions of a text, collected before any body is compiled. */
export class LowProgram {
  readonly functions: LowFunction[];
  readonly #constants: Map<string, number>;
  readonly #macros: Map<string, { parameters: string[]; body: Form }>;

  constructor(constants: Readonly<Record<string, number>>) {
    this.functions = [];
    this.#constants = new Map(Object.entries(constants));
    this.#macros = new Map();
  }

  add(forms: readonly Form[]): void {
    for (const source of forms) {
      const form = this.expand(source);
      const [head, subject, ...rest] = form as [string, Form, ...Form[]];
      if (head === "const") this.#constants.set(subject as string, this.constantOf(rest[0]!));
      else if (head === "macro") {
        const [name, ...parameters] = subject as string[];
        this.#macros.set(name!, { parameters, body: rest.length === 1 ? rest[0]! : ["begin", ...rest] });
      } else {
        assert(head === "define", `unknown low-level form ${String(head)}`);
        const [[name, result], ...parameters] = (subject as string[]).map(typed) as [
          [string, ValueType | null],
          ...[string, ValueType][],
        ];
        this.functions.push({
          name,
          signature: { parameters: parameters.map(([, type]) => type), result },
          parameters: parameters.map(([own]) => own),
          body: rest,
        });
      }
    }
  }

  constantOf(form: Form): number {
    if (typeof form === "number") return form;
    const value = typeof form === "string" ? this.#constants.get(form) : undefined;
    assert(value !== undefined, `no constant ${String(form)}`);
    return value;
  }

  isConstant(form: Form): boolean {
    return typeof form === "number" || (typeof form === "string" && this.#constants.has(form));
  }

  expand(form: Form): Form {
    while (Array.isArray(form) && typeof form[0] === "string") {
      const macro = this.#macros.get(form[0]);
      if (macro === undefined) break;
      assert(form.length - 1 === macro.parameters.length, `wrong number of operands: ${form[0]}`);
      const bindings = new Map(macro.parameters.map((name, index) => [name, (form as Form[])[index + 1]!]));
      form = substitute(macro.body, bindings);
    }
    return form;
  }

  compile(fn: LowFunction, target: LowTarget): { code: CodeWriter; locals: readonly ValueType[] } {
    return new FunctionCompiler(this, fn, target).compile();
  }
}

function substitute(form: Form, bindings: ReadonlyMap<string, Form>): Form {
  if (typeof form === "string") return bindings.get(form) ?? form;
  return Array.isArray(form) ? form.map((part) => substitute(part, bindings)) : form;
}

function typed(name: string): [string, ValueType | null] {
  const [own, type] = name.split(":") as [string, string?];
  return [own, type === "void" ? null : type === undefined ? Type.i64 : TYPES[type]!];
}

const TYPES: Record<string, ValueType> = { i32: Type.i32, i64: Type.i64, f64: Type.f64 };

/** Suffixes by type: i32, i64, f64. */
const BINARY: Record<string, readonly [number, number, number]> = {
  "+": [Op.i32Add, Op.i64Add, Op.f64Add],
  "-": [Op.i32Sub, Op.i64Sub, Op.f64Sub],
  "*": [Op.i32Mul, Op.i64Mul, Op.f64Mul],
  "/": [Op.i32DivS, Op.i64DivS, Op.f64Div],
  "/u": [Op.i32DivU, Op.i64DivU, 0],
  "%": [Op.i32RemS, Op.i64RemS, 0],
  "%u": [Op.i32RemU, Op.i64RemU, 0],
  and: [Op.i32And, Op.i64And, 0],
  or: [Op.i32Or, Op.i64Or, 0],
  xor: [Op.i32Xor, Op.i64Xor, 0],
  shl: [Op.i32Shl, Op.i64Shl, 0],
  shr: [Op.i32ShrU, Op.i64ShrU, 0],
  sar: [Op.i32ShrS, Op.i64ShrS, 0],
};
const COMPARE: Record<string, readonly [number, number, number]> = {
  "=": [Op.i32Eq, Op.i64Eq, Op.f64Eq],
  "!=": [Op.i32Ne, Op.i64Ne, Op.f64Ne],
  "<": [Op.i32LtS, Op.i64LtS, Op.f64Lt],
  "<=": [Op.i32LeS, Op.i64LeS, Op.f64Le],
  ">": [Op.i32GtS, Op.i64GtS, Op.f64Gt],
  ">=": [Op.i32GeS, Op.i64GeS, Op.f64Ge],
  "<u": [Op.i32LtU, Op.i64LtU, 0],
  "<=u": [Op.i32LeU, Op.i64LeU, 0],
  ">u": [Op.i32GtU, Op.i64GtU, 0],
  ">=u": [Op.i32GeU, Op.i64GeU, 0],
};
const CONVERT: Record<string, readonly [from: ValueType, to: ValueType, opcode: number]> = {
  wrap: [Type.i64, Type.i32, Op.i32WrapI64],
  ext: [Type.i32, Type.i64, Op.i64ExtendI32U],
  exts: [Type.i32, Type.i64, Op.i64ExtendI32S],
  f64: [Type.i64, Type.f64, Op.f64ConvertI64S],
  bits: [Type.f64, Type.i64, Op.i64ReinterpretF64],
  float: [Type.i64, Type.f64, Op.f64ReinterpretI64],
  "clz": [Type.i64, Type.i64, Op.i64Clz],
  "clz32": [Type.i32, Type.i32, Op.i32Clz],
  "ctz": [Type.i64, Type.i64, Op.i64Ctz],
  "popcnt": [Type.i64, Type.i64, Op.i64Popcnt],
  "sqrt": [Type.f64, Type.f64, Op.f64Sqrt],
  "floor": [Type.f64, Type.f64, Op.f64Floor],
  "trunc": [Type.f64, Type.i64, Op.i64TruncF64S],
  "neg": [Type.f64, Type.f64, Op.f64Neg],
  "fabs": [Type.f64, Type.f64, Op.f64Abs],
};
const LOADS: Record<string, readonly [ValueType, number]> = {
  load64: [Type.i64, Op.i64Load],
  load32: [Type.i32, Op.i32Load],
  load8: [Type.i32, Op.i32Load8U],
  load16: [Type.i32, Op.i32Load16U],
  loadf: [Type.f64, Op.f64Load],
};
const STORES: Record<string, readonly [ValueType, number]> = {
  "store64!": [Type.i64, Op.i64Store],
  "store32!": [Type.i32, Op.i32Store],
  "store8!": [Type.i32, Op.i32Store8],
  "storef!": [Type.f64, Op.f64Store],
};

class FunctionCompiler {
  readonly #program: LowProgram;
  readonly #fn: LowFunction;
  readonly #target: LowTarget;
  readonly #code: CodeWriter;
  readonly #locals: ValueType[];
  readonly #scope: Map<string, { index: number; type: ValueType }>;

  constructor(program: LowProgram, fn: LowFunction, target: LowTarget) {
    this.#program = program;
    this.#fn = fn;
    this.#target = target;
    this.#code = new CodeWriter(1024);
    this.#locals = [];
    this.#scope = new Map(fn.parameters.map((name, index) => [name, { index, type: fn.signature.parameters[index]! }]));
  }

  compile(): { code: CodeWriter; locals: readonly ValueType[] } {
    this.#body(this.#fn.body, this.#fn.signature.result);
    return { code: this.#code, locals: this.#locals };
  }

  #body(forms: readonly Form[], wanted: ValueType | null): void {
    forms.forEach((form, index) => this.#expression(form, index === forms.length - 1 ? wanted : null));
  }

  /** Type of an expression's value; undefined: a number of either kind; null: none. */
  #typeOf(source: Form): ValueType | null | undefined {
    const form = this.#program.expand(source);
    if (form instanceof Flonum) return Type.f64;
    if (typeof form === "bigint") return Type.i64;
    if (typeof form === "string") {
      const local = this.#scope.get(form);
      if (local !== undefined) return local.type;
    }
    if (this.#program.isConstant(form)) return undefined;
    const [head, ...operands] = form as [string, ...Form[]];
    if (head in BINARY) return this.#typeOf(operands[0]!) ?? this.#typeOf(operands[1]!);
    if (head in COMPARE || head === "&&" || head === "||" || head === "!") return Type.i32;
    if (head in CONVERT) return CONVERT[head]![1];
    if (head in LOADS) return LOADS[head]![0];
    if (
      head in STORES ||
      ["set!", "when", "while", "copy!", "throw", "tail", "tail-indirect", "return", "unreachable", "fill!"].includes(
        head,
      )
    )
      return null;
    if (head === "if") return this.#typeOf(operands[1]!) ?? this.#typeOf(operands[2]!);
    if (head === "begin") return this.#typeOf(operands.at(-1)!);
    if (head === "let") {
      const saved = new Map(this.#scope);
      for (const [name, value] of operands[0] as [string, Form][]) {
        const [own, type] = typed(name);
        void value;
        this.#scope.set(own, { index: -1, type: type! });
      }
      const result = this.#typeOf(operands.at(-1)!);
      this.#restore(saved);
      return result;
    }
    if (head === "call-indirect") return this.#target.typeIndex(operands[0] as string).signature.result;
    const signature = this.#target.signature(head);
    assert(signature !== undefined, `${this.#fn.name}: no low-level function ${head}`);
    return signature.result;
  }

  #restore(saved: ReadonlyMap<string, { index: number; type: ValueType }>): void {
    this.#scope.clear();
    for (const [name, local] of saved) this.#scope.set(name, local);
  }

  #expression(source: Form, wanted: ValueType | null): void {
    const code = this.#code;
    const form = this.#program.expand(source);
    if (form instanceof Flonum) return code.f64Const(form.value);
    if (typeof form === "bigint") return this.#constant64(form);
    if (typeof form === "string" && this.#scope.has(form)) {
      const local = this.#scope.get(form)!;
      assert(wanted === null || local.type === wanted, `${this.#fn.name}: ${form} has another type`);
      if (wanted !== null) code.localGet(local.index);
      return;
    }
    if (this.#program.isConstant(form)) {
      if (wanted === null) return;
      const value = this.#program.constantOf(form);
      if (wanted === Type.i32) code.i32Const(value);
      else if (wanted === Type.i64) this.#constant64(BigInt(value));
      else code.f64Const(value);
      return;
    }
    assert(Array.isArray(form), `${this.#fn.name}: unknown name ${String(form)}`);
    const type = this.#compound(form, wanted);
    if (wanted === null && type !== null && type !== undefined) code.op(Op.drop);
    assert(
      wanted === null || type === undefined || type === wanted,
      `${this.#fn.name}: ${String(form).slice(0, 80)} has another type than its place`,
    );
  }

  #constant64(value: bigint): void {
    this.#code.i64ConstBits(Number(BigInt.asIntN(32, value >> 32n)), Number(BigInt.asIntN(32, value)));
  }

  /** @returns the type left on the stack; undefined when control does not come here */
  #compound(form: Form[], wanted: ValueType | null): ValueType | null | undefined {
    const code = this.#code;
    const [head, ...operands] = form as [string, ...Form[]];
    if (head in BINARY || head in COMPARE) {
      const type =
        this.#typeOf(operands[0]!) ?? this.#typeOf(operands[1]!) ?? (head in BINARY ? wanted : null) ?? Type.i32;
      operands.forEach((operand, index) => {
        this.#expression(operand, type);
        if (index > 0) code.op((BINARY[head] ?? COMPARE[head]!)[type === Type.i32 ? 0 : type === Type.i64 ? 1 : 2]);
      });
      return head in BINARY ? type : Type.i32;
    }
    if (head in CONVERT) {
      this.#expression(operands[0]!, CONVERT[head]![0]);
      code.op(CONVERT[head]![2]);
      return CONVERT[head]![1];
    }
    if (head in LOADS) {
      this.#expression(operands[0]!, Type.i32);
      code.memory(LOADS[head]![1], operands.length > 1 ? this.#program.constantOf(operands[1]!) : 0);
      return LOADS[head]![0];
    }
    if (head in STORES) {
      this.#expression(operands[0]!, Type.i32);
      this.#expression(operands[2]!, STORES[head]![0]);
      code.memory(STORES[head]![1], this.#program.constantOf(operands[1]!));
      return null;
    }
    switch (head) {
      case "!":
        this.#expression(operands[0]!, Type.i32);
        code.op(Op.i32Eqz);
        return Type.i32;
      case "&&":
      case "||":
        this.#expression(operands[0]!, Type.i32);
        code.if(Type.i32);
        if (head === "||") code.i32Const(1);
        else this.#expression(operands.length > 2 ? ["&&", ...operands.slice(1)] : operands[1]!, Type.i32);
        code.else();
        if (head === "&&") code.i32Const(0);
        else this.#expression(operands.length > 2 ? ["||", ...operands.slice(1)] : operands[1]!, Type.i32);
        code.end();
        return Type.i32;
      case "set!": {
        const local = this.#scope.get(operands[0] as string);
        assert(local !== undefined, `${this.#fn.name}: no variable ${String(operands[0])}`);
        this.#expression(operands[1]!, local.type);
        code.localSet(local.index);
        return null;
      }
      case "let": {
        const saved = new Map(this.#scope);
        for (const [name, value] of operands[0] as [string, Form][]) {
          const [own, type] = typed(name);
          this.#expression(value, type);
          const index = this.#fn.parameters.length + this.#locals.push(type!) - 1;
          code.localSet(index);
          this.#scope.set(own, { index, type: type! });
        }
        this.#body(operands.slice(1), wanted);
        this.#restore(saved);
        return wanted === null ? null : wanted;
      }
      case "begin":
        this.#body(operands, wanted);
        return wanted;
      case "if": {
        this.#expression(operands[0]!, Type.i32);
        code.if(wanted ?? 0x40);
        this.#expression(operands[1]!, wanted);
        if (operands.length > 2) {
          code.else();
          this.#expression(operands[2]!, wanted);
        }
        code.end();
        return wanted;
      }
      case "when":
        this.#expression(operands[0]!, Type.i32);
        code.if();
        this.#body(operands.slice(1), null);
        code.end();
        return null;
      case "while": {
        const out = code.block();
        const again = code.loop();
        this.#expression(operands[0]!, Type.i32);
        code.op(Op.i32Eqz);
        code.brIf(out);
        this.#body(operands.slice(1), null);
        code.br(again);
        code.end();
        code.end();
        return null;
      }
      case "return":
        if (operands.length > 0) this.#expression(operands[0]!, this.#fn.signature.result);
        code.return();
        return undefined;
      case "unreachable":
        code.op(Op.unreachable);
        return undefined;
      case "throw":
        code.throw(this.#target.tag(operands[0] as string));
        return undefined;
      case "copy!":
        for (const operand of operands) this.#expression(operand, Type.i32);
        code.memoryCopy();
        return null;
      case "fill!":
        for (const operand of operands) this.#expression(operand, Type.i32);
        code.memoryFill();
        return null;
      case "call-indirect":
      case "tail-indirect": {
        const { index, signature } = this.#target.typeIndex(operands[0] as string);
        operands.slice(2).forEach((operand, position) => this.#expression(operand, signature.parameters[position]!));
        this.#expression(operands[1]!, Type.i32);
        if (head === "call-indirect") code.callIndirect(index);
        else code.returnCallIndirect(index);
        return head === "call-indirect" ? signature.result : undefined;
      }
      default: {
        const isTail = head === "tail";
        const name = (isTail ? operands.shift() : head) as string;
        const signature = this.#target.signature(name);
        assert(signature !== undefined, `${this.#fn.name}: no low-level function ${name}`);
        assert(
          operands.length === signature.parameters.length,
          `${this.#fn.name}: wrong number of operands for ${name}`,
        );
        operands.forEach((operand, position) => this.#expression(operand, signature.parameters[position]!));
        code.op(isTail ? Op.returnCall : Op.call);
        this.#target.functionIndex(code, name);
        return isTail ? undefined : signature.result;
      }
    }
  }
}
