/**
 * Leaves out tests of types whose outcome is known: by what the inference tells of variables, and by the tests and
 * operations that come before. A known call whose arguments are proved skips the checks that its procedure begins with
 * (typed-entries.ts). What is left out is counted.
 */
import type { Code } from "./closures.ts";
import { withChecks } from "./check-prefix.ts";
import { Var, constant, mapChildren, noteCaller, type Fun, type Node, type TopLevel } from "./ir.ts";
import { prim } from "./primitives.ts";
import { recordOf, typeOf } from "./type-inference.ts";
import { narrower, TESTED, type ValueType } from "./value-type.ts";

/** Of the program's own units. Tests: of types, those in operations included; calls: of procedures with checks. */
export interface ProofCounts {
  testsKept: number;
  testsDropped: number;
  callsChecked: number;
  callsUnchecked: number;
}

export const NOTHING_PROVED: Readonly<ProofCounts> = {
  testsKept: 0,
  testsDropped: 0,
  callsChecked: 0,
  callsUnchecked: 0,
};

/** What a record type is known by. */
type RecordKey = TopLevel | Var;

/** What an operation has shown of its operands when it comes back. */
const SHOWN: Readonly<Record<string, readonly (ValueType | null)[]>> = {
  "car": ["pair"],
  "cdr": ["pair"],
  "set-car!": ["pair"],
  "set-cdr!": ["pair"],
  "vector-length": ["vector"],
  "vector-ref": ["vector", "fixnum"],
  "vector-set!": ["vector", "fixnum"],
  "string-length": ["string"],
  "string-ref": ["string", "fixnum"],
  "bytevector-length": ["bytevector"],
  "bytevector-u8-ref": ["bytevector", "fixnum"],
  "bytevector-u8-set!": ["bytevector", "fixnum", "fixnum"],
  "char->integer": ["char"],
  "%record-ref": ["record"],
  "%record-set!": ["record"],
};
const NUMBERS: ReadonlySet<ValueType> = new Set(["fixnum", "integer", "flonum"]);

export class ProvedTests {
  readonly #counts: ProofCounts;
  /** Calls that do some of the checks themselves. */
  checkedHere: number;
  #fun: Fun | null;
  #types: Map<Var, ValueType>;
  #records: Map<Var, RecordKey>;

  constructor(counts: ProofCounts) {
    this.#counts = counts;
    this.checkedHere = 0;
    this.#fun = null;
    this.#types = new Map();
    this.#records = new Map();
  }

  /** The code must be normalised and its types inferred. */
  rewrite(code: Code): void {
    this.#fun = code.fun;
    this.#types = new Map();
    this.#records = new Map();
    code.body = this.#visit(code.body);
  }

  #visit(node: Node): Node {
    switch (node.k) {
      case "if":
        return this.#if(node);
      case "let": {
        const [v] = node.vars as [Var];
        const value = this.#visit(node.values[0]!);
        this.#learnValue(v, value);
        return { k: "let", vars: [v], values: [value], body: this.#visit(node.body) };
      }
      case "label": {
        const types = new Map(this.#types);
        const records = new Map(this.#records);
        const body = this.#visit(node.body);
        this.#types = new Map(types);
        this.#records = new Map(records);
        node.label.body = this.#visit(node.label.body);
        this.#types = types;
        this.#records = records;
        return { k: "label", label: node.label, body };
      }
      case "prim":
        return this.#prim({ ...node, args: node.args.map((arg) => this.#visit(arg)) });
      case "direct":
        return this.#direct({ ...node, args: node.args.map((arg) => this.#visit(arg)) });
      default:
        return mapChildren(node, (child) => this.#visit(child));
    }
  }

  #if(node: Node & { k: "if" }): Node {
    const test = this.#visit(node.test);
    if (test.k === "const") return this.#visit(test.datum === false ? node.else : node.then);
    const types = new Map(this.#types);
    const records = new Map(this.#records);
    this.#learnTest(test);
    const then = this.#visit(node.then);
    const typesThen = this.#types;
    const recordsThen = this.#records;
    this.#types = new Map(types);
    this.#records = new Map(records);
    const otherwise = this.#visit(node.else);
    // What one branch has learned holds after it where the other one does not come there.
    if (typeOf(otherwise) === "none") {
      this.#types = typesThen;
      this.#records = recordsThen;
    } else if (typeOf(then) !== "none") {
      this.#types = types;
      this.#records = records;
    }
    return { k: "if", test, then, else: otherwise };
  }

  #prim(node: Node & { k: "prim" }): Node {
    const { name } = node.op;
    const [object, type] = node.args;
    if (isTypeTest(name)) {
      const outcome = object!.k === "ref" || object!.k === "const" ? this.#outcome(node, object!) : null;
      if (outcome === null) this.#counts.testsKept++;
      else this.#counts.testsDropped++;
      return outcome === null ? node : constant(outcome);
    }
    if (name === "not" && object!.k === "ref" && isTrue(this.#type(object!))) return constant(false);
    if (name === "%record-ref" || name === "%record-set!") {
      const isKnown = this.#isRecordOf(object!, keyOf(type!));
      if (isKnown) this.#counts.testsDropped++;
      else this.#counts.testsKept++;
      const at = constant(((node.args[2] as Node & { k: "const" }).datum as number) + 1);
      if (isKnown)
        return name === "%record-ref"
          ? { k: "prim", op: prim("%ref", 2), args: [object!, at] }
          : { k: "prim", op: prim("%set!", 3), args: [object!, at, node.args[3]!] };
      if (object!.k === "ref") this.#learnRecord(object!.v, keyOf(type!));
    }
    SHOWN[name]?.forEach((shown, index) => {
      const arg = node.args[index]!;
      if (shown !== null && arg.k === "ref") this.#learn(arg.v, shown);
    });
    return node;
  }

  #direct(node: Node & { k: "direct" }): Node {
    const { entry } = node.fun;
    if (entry === null || node.clause !== 0) return node;
    const open = entry.checks.filter(({ index, test }) => this.#outcome(test, node.args[index]!) !== true);
    const unchecked: Node = { ...node, clause: node.fun.clauses.length };
    if (open.length === 0) {
      this.#counts.callsUnchecked++;
      return unchecked;
    }
    // What is not proved is checked here, where the rest is known, or the procedure calls itself.
    if (open.length === entry.checks.length && node.fun !== this.#fun) {
      this.#counts.callsChecked++;
      return node;
    }
    this.checkedHere++;
    this.#counts.testsKept += open.length;
    const vars = node.args.map((arg) => (arg.k === "ref" ? arg.v : new Var("argument")));
    const inner = entry.values.map((value) => ({ value }));
    const checked = withChecks({ checks: open, inner }, entry.outer, vars, (values) => ({
      ...unchecked,
      args: values,
    }));
    noteCaller(checked, node.source);
    return node.args.reduceRight<Node>(
      (body, value, index) => (value.k === "ref" ? body : { k: "let", vars: [vars[index]!], values: [value], body }),
      checked,
    );
  }

  /** What a test of types tells of a value; null: it may tell either. */
  #outcome(test: Node & { k: "prim" }, value: Node): boolean | null {
    const { name } = test.op;
    const type = this.#type(value);
    if (type === "any" || type === "none") return null;
    if (name === "%real?" || name === "%number?") return NUMBERS.has(type);
    if (name === "%integer?") return type === "fixnum" || type === "integer";
    if (name === "%fixnum?" && type === "integer") return null;
    if (name === "%record?" && type === "record") return this.#isRecordOf(value, keyOf(test.args[1]!)) ? true : null;
    return TESTED[name] === type;
  }

  #type(node: Node): ValueType {
    return node.k === "ref" ? (this.#types.get(node.v) ?? node.v.type) : typeOf(node);
  }

  #isRecordOf(node: Node, key: RecordKey | null): boolean {
    if (key === null) return false;
    return recordOf(node) === key || (node.k === "ref" && this.#records.get(node.v) === key);
  }

  #learn(v: Var, type: ValueType): void {
    this.#types.set(v, narrower(this.#types.get(v) ?? v.type, type));
  }

  #learnRecord(v: Var, key: RecordKey | null): void {
    this.#learn(v, "record");
    if (key !== null) this.#records.set(v, key);
  }

  #learnValue(v: Var, value: Node): void {
    // Which value it is known to be, under another name.
    const source = value.k === "prim" && value.op.name === "%the" ? value.args[0]! : value;
    if (source.k === "ref") {
      const key = this.#records.get(source.v);
      if (key !== undefined) this.#records.set(v, key);
      const type = this.#types.get(source.v);
      if (type !== undefined) this.#learn(v, type);
    } else if (value.k === "prim" && value.op.name === "%record") this.#learnRecord(v, keyOf(value.args[0]!));
  }

  #learnTest(test: Node): void {
    if (test.k === "if" && test.else.k === "const" && test.else.datum === false) {
      // (and a b)
      this.#learnTest(test.test);
      this.#learnTest(test.then);
    }
    if (test.k !== "prim" || test.args[0]?.k !== "ref") return;
    const { v } = test.args[0];
    if (test.op.name === "%record?") return this.#learnRecord(v, keyOf(test.args[1]!));
    const type = TESTED[test.op.name];
    if (type !== undefined) this.#learn(v, type);
  }
}

function isTypeTest(name: string): boolean {
  return TESTED[name] !== undefined || name === "%real?" || name === "%number?";
}

/** Values of the type count as true. */
function isTrue(type: ValueType): boolean {
  return type !== "any" && type !== "none" && type !== "boolean";
}

function keyOf(type: Node): RecordKey | null {
  if (type.k === "gref" && !type.g.isAssigned) return type.g;
  return type.k === "ref" && !type.v.isAssigned ? type.v : null;
}
