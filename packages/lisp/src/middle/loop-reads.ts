/**
 * What a loop reads (elements, fields) and computes with, in its form for doubles (loop-versions.ts): each such value
 * is tested where it is read. One that is no double leaves the form in the middle of a turn, for a copy of what is
 * left of the turn that asks for no types; the turns after it are the loop's as it was.
 *
 *     form:   … let t = (vector-ref v i) in (if (%flonum? t) let d = t in rest, on doubles
 *                                                            else (jump resume t …))
 *     resume: rest, up to the next read, whose resume goes on
 *
 * For that the reads stand on the loop's way, each with a name, in the order in which they were evaluated.
 */
import { Flonum } from "../datum/datum.ts";
import { Label, Var, children, constant, mapChildren, ref, type Node } from "./ir.ts";
import { prim } from "./primitives.ts";
import { copyNode } from "./copy.ts";
import { asDouble, typeOf } from "./type-inference.ts";

export const ARITHMETIC: ReadonlySet<string> = new Set(["+", "-", "*", "/", "sqrt", "<", "<=", ">", ">=", "="]);
/** A root counts as one: it is a double for a double that is not negative. */
const READS: ReadonlySet<string> = new Set(["vector-ref", "car", "cdr", "%unbox", "%record-ref", "sqrt"]);

interface Binding {
  readonly v: Var;
  readonly value: Node;
}

/** A loop's turn, its reads on its way. It is a copy that is never run: forms are made from it. */
export interface Turn {
  readonly label: Label;
  readonly reads: ReadonlySet<Var>;
}

/** Of a loop without calls or other loops in it, types inferred; `infer` sets those of a copy. */
export function turnOf(loop: Label, infer: (body: Node) => void): Turn {
  const variables = new Map<Var, Var>();
  const parameters = loop.parameters.map((v) => {
    const copy = new Var(v.name);
    copy.type = v.type;
    variables.set(v, copy);
    return copy;
  });
  const label = new Label(loop.name, parameters, constant(false));
  label.isLoop = true;
  label.body = copyNode(loop.body, variables, new Map([[loop, label]]));
  infer(label.body);
  const spreader = new Spreader(label.body);
  label.body = spreader.spread(label.body, true);
  return { label, reads: spreader.reads };
}

class Spreader {
  readonly reads: Set<Var>;
  /** What is an operand of arithmetic that may be on doubles. */
  readonly #operands: Set<Node | Var>;
  #isLeaving: boolean;

  constructor(body: Node) {
    this.reads = new Set();
    this.#operands = new Set();
    this.#isLeaving = true;
    this.#find(body);
  }

  #find(node: Node): void {
    for (const child of children(node)) this.#find(child);
    if (node.k !== "prim" || !ARITHMETIC.has(node.op.name)) return;
    const isWhole = (arg: Node): boolean => ["fixnum", "integer"].includes(typeOf(arg));
    if (node.args.some(isWhole)) return;
    for (const arg of node.args) {
      const value = resultOf(arg);
      this.#operands.add(value.k === "ref" ? value.v : value);
    }
  }

  /** `canLeave`: the rest of the turn can be put elsewhere, as it goes to no place of its own beyond it. */
  spread(node: Node, canLeave: boolean): Node {
    const bindings: Binding[] = [];
    this.#isLeaving = canLeave;
    const spread = (rest: Node): Node => this.spread(rest, canLeave);
    switch (node.k) {
      case "let":
        this.#bind(node, bindings);
        return bound(bindings, spread(node.body));
      case "seq": {
        const [first, ...others] = node.items as [Node, ...Node[]];
        if (others.length === 0) return spread(first);
        const pulled = this.#pull(first, bindings);
        const rest = spread({ k: "seq", items: others });
        return bound(bindings, { k: "seq", items: [pulled, ...(rest.k === "seq" ? rest.items : [rest])] });
      }
      case "if": {
        const test = this.#pull(node.test, bindings);
        return bound(bindings, { k: "if", test, then: spread(node.then), else: spread(node.else) });
      }
      case "label": {
        node.label.body = spread(node.label.body);
        return { ...node, body: this.spread(node.body, false) };
      }
      case "jump": {
        const args = this.#pullAll(node.args, bindings);
        return bound(bindings, { ...node, args });
      }
      case "prim": {
        const value = this.#pull(node, bindings);
        return bound(bindings, value);
      }
      default:
        return node;
    }
  }

  #isRead(node: Node): boolean {
    return this.#isLeaving && this.#operands.has(node) && isReadOf(node);
  }

  #hasReads(node: Node): boolean {
    if (this.#isRead(node)) return true;
    if (node.k === "let")
      return this.#isBoundRead(node) || [...node.values, node.body].some((one) => this.#hasReads(one));
    return node.k === "prim" && node.args.some((arg) => this.#hasReads(arg));
  }

  #isBoundRead({ vars, values }: Node & { k: "let" }): boolean {
    return this.#isLeaving && this.#operands.has(vars[0]!) && isReadOf(resultOf(values[0]!));
  }

  #bind(node: Node & { k: "let" }, bindings: Binding[]): void {
    const [v] = node.vars as [Var];
    let [value] = node.values as [Node];
    const isRead = this.#isBoundRead(node);
    if (isRead) this.reads.add(v);
    for (; value.k === "let" && (isRead || this.#hasReads(value)); value = value.body) this.#bind(value, bindings);
    bindings.push({ v, value: isRead ? this.#withOperandsPulled(value, bindings) : this.#pull(value, bindings) });
  }

  /** What is evaluated for a value before and with its last read goes to the bindings. @returns the value after it */
  #pull(node: Node, bindings: Binding[]): Node {
    if (!this.#hasReads(node)) return node;
    if (node.k === "let") {
      this.#bind(node, bindings);
      return this.#pull(node.body, bindings);
    }
    const value = this.#withOperandsPulled(node, bindings);
    if (!this.#isRead(node)) return value;
    const v = new Var("read");
    bindings.push({ v, value });
    this.reads.add(v);
    return ref(v);
  }

  #withOperandsPulled(node: Node, bindings: Binding[]): Node {
    return node.k === "prim" ? { ...node, args: this.#pullAll(node.args, bindings) } : node;
  }

  #pullAll(args: readonly Node[], bindings: Binding[]): Node[] {
    const last = args.findLastIndex((arg) => this.#hasReads(arg));
    return args.map((arg, index) => {
      if (index > last) return arg;
      const value = this.#pull(arg, bindings);
      if (index === last || value.k === "const" || value.k === "ref" || value.k === "captured") return value;
      const v = new Var("value");
      bindings.push({ v, value });
      return ref(v);
    });
  }
}

/** The node that gives a node's value after what is bound for it. */
function resultOf(node: Node): Node {
  return node.k === "let" ? resultOf(node.body) : node;
}

function isReadOf(node: Node): boolean {
  return node.k === "prim" && READS.has(node.op.name) && typeOf(node) === "any";
}

function bound(bindings: readonly Binding[], body: Node): Node {
  return bindings.reduceRight<Node>(
    (rest, { v, value }) => ({ k: "let", vars: [v], values: [value], body: rest }),
    body,
  );
}

function isRootOfDouble(node: Node): node is Node & { k: "prim" } {
  return node.k === "prim" && node.op.name === "sqrt" && typeOf(node.args[0]!) === "flonum";
}

/** Where a turn goes on without doubles, by the read whose value was none; in the order of the turn. */
interface Resumes {
  readonly labels: Map<Var, { label: Label; live: readonly Var[] }>;
}

/** `loop`: the loop as it was, which goes on with the next turn. */
export function resumesOf(turn: Turn, loop: Label): Resumes {
  const own = new Set(turn.label.parameters);
  const bindingsOf: (Node & { k: "let" })[] = [];
  const find = (node: Node): void => {
    if (node.k === "let") {
      own.add(node.vars[0]!);
      if (turn.reads.has(node.vars[0]!)) bindingsOf.push(node);
    }
    if (node.k === "label") for (const v of node.label.parameters) own.add(v);
    for (const child of children(node)) find(child);
  };
  find(turn.label.body);
  const labels: Resumes["labels"] = new Map();
  for (const { vars, body } of bindingsOf) {
    const live = [...new Set([vars[0]!, ...freeIn(body)])].filter((v) => own.has(v));
    labels.set(vars[0]!, {
      label: new Label(
        "resume",
        live.map((v) => new Var(v.name)),
        constant(false),
      ),
      live,
    });
  }
  for (const { vars, body } of bindingsOf) {
    const { label, live } = labels.get(vars[0]!)!;
    const variables = new Map(live.map((v, index) => [v, label.parameters[index]!]));
    label.body = new TurnCopy(turn, { labels }, variables, new Map([[turn.label, loop]]), null).copy(body);
  }
  return { labels };
}

function freeIn(node: Node): Set<Var> {
  const used = new Set<Var>();
  const within = new Set<Var>();
  const visit = (one: Node): void => {
    if (one.k === "ref") used.add(one.v);
    if (one.k === "let") within.add(one.vars[0]!);
    if (one.k === "label") for (const v of one.label.parameters) within.add(v);
    for (const child of children(one)) visit(child);
  };
  visit(node);
  for (const v of within) used.delete(v);
  return used;
}

/**
 * A copy of a turn for its form on doubles, whose jumps give the places of `isDouble` doubles; or, where that is null,
 * of what is left of one, up to its next read.
 */
export class TurnCopy {
  readonly #turn: Turn;
  readonly #resumes: Resumes;
  readonly #variables: Map<Var, Var>;
  readonly #labels: Map<Label, Label>;
  readonly #isDouble: ((index: number) => boolean) | null;
  readonly #doubles: Map<Var, Var>;

  constructor(
    turn: Turn,
    resumes: Resumes,
    variables: Map<Var, Var>,
    labels: Map<Label, Label>,
    isDouble: ((index: number) => boolean) | null,
  ) {
    this.#turn = turn;
    this.#resumes = resumes;
    this.#variables = variables;
    this.#labels = labels;
    this.#isDouble = isDouble;
    this.#doubles = new Map();
  }

  copy(node: Node): Node {
    switch (node.k) {
      case "let": {
        const [v] = node.vars as [Var];
        const value = this.#piece(node.values[0]!);
        const copied = new Var(v.name);
        copied.type = typeOf(value);
        this.#variables.set(v, copied);
        if (this.#isDouble !== null && this.#turn.reads.has(v) && isRootOfDouble(value))
          return this.#afterRoot(v, copied, value.args[0]!, node.body);
        const body = this.#turn.reads.has(v) ? this.#afterRead(v, copied, node.body) : this.copy(node.body);
        return { k: "let", vars: [copied], values: [value], body };
      }
      case "seq":
        return {
          k: "seq",
          items: node.items.map((item, index) =>
            index === node.items.length - 1 ? this.copy(item) : this.#piece(item),
          ),
        };
      case "if":
        return { k: "if", test: this.#piece(node.test), then: this.copy(node.then), else: this.copy(node.else) };
      case "label": {
        const parameters = node.label.parameters.map((v) => {
          const copied = new Var(v.name);
          this.#variables.set(v, copied);
          return copied;
        });
        const label = new Label(node.label.name, parameters, constant(false));
        this.#labels.set(node.label, label);
        label.body = this.copy(node.label.body);
        return { k: "label", label, body: this.copy(node.body) };
      }
      default:
        return this.#piece(node);
    }
  }

  #afterRead(v: Var, read: Var, rest: Node): Node {
    const { label, live } = this.#resumes.labels.get(v)!;
    const leave: Node = { k: "jump", label, args: live.map((one) => ref(this.#variables.get(one)!)) };
    if (this.#isDouble === null) return leave;
    const double = new Var(v.name);
    double.type = "flonum";
    this.#doubles.set(read, double);
    return {
      k: "if",
      test: { k: "prim", op: prim("%flonum?", 1), args: [ref(read)] },
      then: { k: "let", vars: [double], values: [asDouble(ref(read))], body: this.copy(rest) },
      else: leave,
    };
  }

  /** The root in a register, of a double that is not negative; the word of any other, which leaves. */
  #afterRoot(v: Var, root: Var, square: Node, rest: Node): Node {
    const { label, live } = this.#resumes.labels.get(v)!;
    const operand = new Var("square");
    const other = new Var(v.name);
    root.type = operand.type = "flonum";
    const args = live.map((one) => ref(one === v ? other : this.#variables.get(one)!));
    const test: Node = { k: "prim", op: prim("%fl>=", 2), args: [ref(operand), constant(new Flonum(0))] };
    const bind = (to: Var, op: string, body: Node): Node => {
      return { k: "let", vars: [to], values: [{ k: "prim", op: prim(op, 1), args: [ref(operand)] }], body };
    };
    const then = bind(root, "%flsqrt", this.copy(rest));
    const chosen: Node = { k: "if", test, then, else: bind(other, "sqrt", { k: "jump", label, args }) };
    return { k: "let", vars: [operand], values: [square], body: chosen };
  }

  #piece(node: Node): Node {
    return this.#onDoubles(copyNode(node, this.#variables, this.#labels));
  }

  /** Arithmetic takes what was read as the double; all else the word that there is. */
  #onDoubles(node: Node): Node {
    const result = mapChildren(node, (child) => this.#onDoubles(child));
    const double = (arg: Node): Node =>
      arg.k === "ref" && this.#doubles.has(arg.v) ? ref(this.#doubles.get(arg.v)!) : arg;
    if (result.k === "prim" && ARITHMETIC.has(result.op.name)) return { ...result, args: result.args.map(double) };
    if (result.k === "jump" && result.label === this.#labels.get(this.#turn.label))
      return { ...result, args: result.args.map((arg, index) => (this.#isDouble?.(index) ? double(arg) : arg)) };
    return result;
  }
}
