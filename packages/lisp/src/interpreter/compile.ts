/**
 * Core forms into closures for the machine. An expression is *simple* when its evaluation calls no procedure of the
 * program: it becomes a JavaScript function of its environment. Others become steps; their operands that are not simple
 * are put into slots first, from left to right, so that a call always has simple operands.
 */
import type { Clause, Core, Global, Variable } from "../core/core.ts";
import type { Source } from "../datum/source.ts";
import { Condition, failure, SchemeError } from "../datum/condition.ts";
import { UNSPECIFIED } from "../datum/datum.ts";
import { generalCall, primitiveCall, type Simple } from "./compile-call.ts";
import {
  Box,
  type ClauseCode,
  Closure,
  type Env,
  Frame,
  type LambdaCode,
  MultipleValues,
  Primitive,
  type Resume,
  type Run,
  type Site,
  type VisibleVariable,
} from "./machine.ts";
import type { PausePoints } from "./pause-points.ts";

interface Code {
  /** Null: it takes steps. */
  readonly simple: Simple | null;
  readonly run: Run;
  /** Its value is the same whether it is evaluated now or after what stands to its right. */
  readonly isPure: boolean;
}

/** A global's value; `undefined`: not defined yet. */
export class Cell {
  value: unknown;
  readonly global: Global;
  constructor(global: Global) {
    this.global = global;
    this.value = undefined;
  }
}

/** Where compiled code finds globals. */
interface Linker {
  cell(global: Global): Cell;
  /** No expression is simple but constants and local variables: each has a continuation of its own. */
  readonly isStepped: boolean;
  /** Where a debugger is asked; null: nowhere. */
  readonly pausePoints: PausePoints | null;
  /** The procedure of a primitive. */
  primitive(name: string): unknown;
}

/** A sequence is stopped at in its forms, a procedure where it is called. */
const WITHOUT_POINT: ReadonlySet<string> = new Set(["begin", "lambda"]);
const LEAVES: ReadonlySet<string> = new Set(["const", "local", "global"]);

interface Place {
  readonly slot: number;
  readonly isBoxed: boolean;
  readonly isChecked: boolean;
}

/** The variables of one procedure. */
class ProcedureScope {
  readonly parent: ProcedureScope | null;
  readonly name: string | null;
  readonly places: Map<Variable, Place>;
  size: number;
  /** Those that are visible where is compiled now. */
  visible: Visible | null;
  /** Those around that were visible where this procedure begins. */
  readonly around: Visible | null;
  constructor(parent: ProcedureScope | null, name: string | null) {
    this.parent = parent;
    this.name = name;
    this.places = new Map();
    this.size = 1;
    this.visible = null;
    this.around = parent?.visible ?? null;
  }
  declare(variable: Variable, isBoxed: boolean, isChecked = false): Place {
    const place = { slot: this.size++, isBoxed, isChecked };
    this.add(variable, place);
    return place;
  }
  add(variable: Variable, place: Place): void {
    this.places.set(variable, place);
    this.visible = { variable, place, next: this.visible };
  }
}

/** The innermost first. */
interface Visible {
  readonly variable: Variable;
  readonly place: Place;
  readonly next: Visible | null;
}

/** Code that can be run by `machine.execute(run, makeEnv())`. */
export interface CompiledForm {
  readonly run: Run;
  makeEnv(): Env;
}

/** Variables that a form evaluated in a frame may name, by their places in the frame's environment. */
export function compileForm(
  core: Core,
  linker: Linker,
  visible: readonly (VisibleVariable & { readonly variable: Variable })[] = [],
): CompiledForm {
  let scope: ProcedureScope | null = null;
  if (visible.length > 0) scope = scopeOfFrame(visible);
  const own = new ProcedureScope(scope, null);
  const code = new Compiler(linker).compile(core, own);
  return { run: code.run, makeEnv: () => new Array<unknown>(own.size).fill(undefined) };
}

function scopeOfFrame(visible: readonly (VisibleVariable & { readonly variable: Variable })[]): ProcedureScope {
  const most = Math.max(...visible.map(({ hops }) => hops));
  let scope: ProcedureScope | null = null;
  for (let hops = most; hops >= 0; hops--) {
    scope = new ProcedureScope(scope, null);
    for (const { variable, hops: own, slot, isBoxed } of visible)
      if (own === hops) scope.add(variable, { slot, isBoxed, isChecked: true });
  }
  return scope!;
}

class Compiler {
  readonly #linker: Linker;
  /** The innermost form around that a program may be left at; null: none of this procedure. */
  #point: Source | null;
  #isEntry: boolean;
  constructor(linker: Linker) {
    this.#linker = linker;
    this.#point = null;
    this.#isEntry = false;
  }

  compile(core: Core, scope: ProcedureScope): Code {
    const points = this.#linker.pausePoints,
      { source } = core,
      around = this.#point;
    if (points === null || source === null || WITHOUT_POINT.has(core.kind) || !points.isShown(source.file))
      return this.#form(core, scope);
    if (around !== null && around.line === source.line && around.file === source.file) return this.#form(core, scope);
    const point = { site: this.#site(source, scope), isEntry: this.#isEntry };
    this.#point = source;
    this.#isEntry = false;
    const { run } = this.#form(core, scope);
    this.#point = around;
    return steps(points.before(run, point));
  }

  /** Something is done for its value: variables and constants are no place to stop at. */
  #operand(core: Core, scope: ProcedureScope): Code {
    return LEAVES.has(core.kind) ? this.#form(core, scope) : this.compile(core, scope);
  }

  #form(core: Core, scope: ProcedureScope): Code {
    switch (core.kind) {
      case "const": {
        const { datum } = core;
        return pure(() => datum);
      }
      case "local":
        return this.#local(core.variable, core.source, scope);
      case "set-local":
        return this.#setLocal(core, scope);
      case "global":
        return this.#global(core.global, core.source);
      case "set-global": {
        const cell = this.#linker.cell(core.global),
          { source } = core;
        return this.#with([core.value], scope, source, ([value]) =>
          simple((env) => {
            if (cell.value === undefined) throw unbound(cell.global, source);
            cell.value = value!(env);
            return UNSPECIFIED;
          }),
        );
      }
      case "define-global": {
        const cell = this.#linker.cell(core.global);
        return this.#with([core.value], scope, core.source, ([value]) =>
          simple((env) => {
            cell.value = value!(env);
            return UNSPECIFIED;
          }),
        );
      }
      case "if":
        return this.#with([core.test], scope, core.source, ([test]) =>
          this.#branch(test!, this.compile(core.then, scope), this.compile(core.else, scope)),
        );
      case "begin":
        return this.#sequence(core, scope);
      case "lambda":
        return this.#lambda(core, scope);
      case "let":
        return this.#let(core, scope);
      case "letrec*":
        return this.#letrec(core, scope);
      case "call":
        return this.#call(core, scope);
    }
  }

  #site(source: Source | null, scope: ProcedureScope): Site {
    const { visible } = scope;
    const isTop = scope.parent === null;
    return { source, procedure: scope.name, isTop, variables: () => visibleIn(scope, visible) };
  }

  /** Where a form waits for the value of an expression: at the call that gives it, as in compiled code. */
  #waiting(core: Core, source: Source | null, scope: ProcedureScope): Site {
    return this.#site(lastCallOf(core) ?? core.source ?? source, scope);
  }

  #local(variable: Variable, source: Source | null, scope: ProcedureScope): Code {
    const { hops, place } = find(variable, scope);
    const { slot, isBoxed, isChecked } = place;
    const raw = slotAt(hops, slot);
    if (isBoxed) {
      return simple((env) => {
        const { value } = raw(env) as Box;
        if (value === undefined) throw early(variable, source);
        return value;
      });
    }
    if (!isChecked) return pure(raw);
    return simple((env) => {
      const value = raw(env);
      if (value === undefined) throw early(variable, source);
      return value;
    });
  }

  #setLocal(core: Core & { kind: "set-local" }, scope: ProcedureScope): Code {
    const { hops, place } = find(core.variable, scope);
    const raw = slotAt(hops, place.slot);
    return this.#with([core.value], scope, core.source, ([value]) =>
      simple((env) => {
        const result = value!(env);
        (raw(env) as Box).value = result;
        return UNSPECIFIED;
      }),
    );
  }

  #global(global: Global, source: Source | null): Code {
    if (global.primitive !== null) {
      const value = this.#linker.primitive(global.primitive);
      return pure(() => value);
    }
    const cell = this.#linker.cell(global);
    const read = (): unknown => {
      if (cell.value === undefined) throw unbound(global, source);
      return cell.value;
    };
    return this.#linker.isStepped ? steps(read) : simple(read);
  }

  #branch(test: Simple, then: Code, otherwise: Code): Code {
    const thenRun = then.run,
      elseRun = otherwise.run;
    if (then.simple !== null && otherwise.simple !== null) {
      const yes = then.simple,
        no = otherwise.simple;
      return simple((env) => (test(env) !== false ? yes(env) : no(env)));
    }
    return steps((env, machine) => (test(env) !== false ? thenRun(env, machine) : elseRun(env, machine)));
  }

  #sequence({ body, source }: Core & { kind: "begin" }, scope: ProcedureScope): Code {
    const codes = body.map((one) => this.compile(one, scope));
    if (codes.length === 1) return codes[0]!;
    if (codes.every((code) => code.simple !== null)) {
      const all = codes.map((code) => code.simple!);
      const last = all.length - 1;
      if (last === 1) {
        const [first, second] = all as [Simple, Simple];
        return simple((env) => {
          first(env);
          return second(env);
        });
      }
      return simple((env) => {
        for (let index = 0; index < last; index++) all[index]!(env);
        return all[last]!(env);
      });
    }
    // From the back: each knows what comes after it.
    let next: Run = codes.at(-1)!.run;
    for (let index = codes.length - 2; index >= 0; index--)
      next = chained(codes[index]!, null, next, this.#waiting(body[index]!, source, scope));
    return steps(next);
  }

  #lambda(core: Core & { kind: "lambda" }, scope: ProcedureScope): Code {
    const clauses = core.clauses.map((clause) => this.#clause(clause, core.name, scope));
    const only = clauses.length === 1 && !clauses[0]!.hasRest ? clauses[0]!.count : -1;
    const code: LambdaCode = { name: core.name, source: core.source, clauses, plainCount: only };
    return pure((env) => new Closure(code, env));
  }

  #clause({ required, rest, body }: Clause, name: string | null, outer: ProcedureScope): ClauseCode {
    const scope = new ProcedureScope(outer, name);
    const boxed: number[] = [];
    for (const variable of rest === null ? required : [...required, rest]) {
      const { slot } = scope.declare(variable, variable.isAssigned);
      if (variable.isAssigned) boxed.push(slot);
    }
    const point = this.#point;
    this.#point = null;
    this.#isEntry = true;
    const { run } = this.compile(body, scope);
    this.#point = point;
    this.#isEntry = false;
    const entry: Run =
      boxed.length === 0
        ? run
        : (env, machine) => {
            for (const slot of boxed) env[slot] = new Box(env[slot]);
            return run(env, machine);
          };
    return { count: required.length, hasRest: rest !== null, size: scope.size, run: entry };
  }

  #let(core: Core & { kind: "let" }, scope: ProcedureScope): Code {
    // All values are evaluated before one is bound: a value may name an outer variable of an earlier turn of the same
    // form.
    const values = core.values.map((value) => this.#operand(value, scope));
    const around = scope.visible;
    const sites = core.values.map((value) => this.#waiting(value, core.source, scope));
    const places = core.variables.map((variable) => scope.declare(variable, variable.isAssigned));
    const body = this.compile(core.body, scope);
    scope.visible = around;
    if (body.simple !== null && values.every((value) => value.simple !== null)) {
      const inner = body.simple,
        stores = values.map((value, index) => store(value.simple!, places[index]!));
      if (stores.length === 1) {
        const first = stores[0]!;
        return simple((env) => {
          first(env);
          return inner(env);
        });
      }
      return simple((env) => {
        for (const one of stores) one(env);
        return inner(env);
      });
    }
    let next = body.run;
    for (let index = values.length - 1; index >= 0; index--)
      next = chained(values[index]!, places[index]!, next, sites[index]!);
    return steps(next);
  }

  #letrec(core: Core & { kind: "letrec*" }, scope: ProcedureScope): Code {
    // From the first value on that takes steps, a continuation may be captured before the rest is bound: see
    // machine.ts.
    const firstSteps = core.values.findIndex((value) => !this.#isSurelySimple(value));
    // From the first value on that runs anything, a variable may be used before it has its value.
    const firstActive = core.values.findIndex((value) => value.kind !== "lambda" && value.kind !== "const");
    const around = scope.visible;
    const places = core.variables.map((variable, index) =>
      scope.declare(
        variable,
        variable.isAssigned || (firstSteps >= 0 && index >= firstSteps),
        firstActive >= 0 && index >= firstActive,
      ),
    );
    const boxed = places.filter(({ isBoxed }) => isBoxed).map(({ slot }) => slot);
    const values = core.values.map((value) => this.#operand(value, scope));
    const body = this.compile(core.body, scope);
    let next = body.run;
    for (let index = values.length - 1; index >= 0; index--) {
      const site = this.#waiting(core.values[index]!, core.source, scope);
      next = chained(values[index]!, places[index]!, next, site, true);
    }
    scope.visible = around;
    // A form that is run again must not see what the last turn bound.
    const cleared = places.filter(({ isBoxed, isChecked }) => isChecked && !isBoxed).map(({ slot }) => slot);
    const begin: Run = (env, machine) => {
      for (const slot of boxed) env[slot] = new Box(undefined);
      for (const slot of cleared) env[slot] = undefined;
      return next(env, machine);
    };
    if (body.simple !== null && values.every((value) => value.simple !== null)) {
      const inner = body.simple,
        stores = values.map((value, index) => store(value.simple!, places[index]!, true));
      return simple((env) => {
        for (const slot of boxed) env[slot] = new Box(undefined);
        for (const slot of cleared) env[slot] = undefined;
        for (const one of stores) one(env);
        return inner(env);
      });
    }
    return steps(begin);
  }

  /** Known before it is compiled; may say no of what is simple. */
  #isSurelySimple(core: Core): boolean {
    switch (core.kind) {
      case "const":
      case "local":
      case "lambda":
        return true;
      case "global":
        return !this.#linker.isStepped || core.global.primitive !== null;
      case "if":
        return this.#isSurelySimple(core.test) && this.#isSurelySimple(core.then) && this.#isSurelySimple(core.else);
      case "call":
        return (
          !this.#linker.isStepped &&
          core.operator.kind === "global" &&
          core.operator.global.primitive !== null &&
          this.#linker.primitive(core.operator.global.primitive) instanceof Primitive &&
          core.operands.every((operand) => this.#isSurelySimple(operand))
        );
      default:
        return false;
    }
  }

  #call(core: Core & { kind: "call" }, scope: ProcedureScope): Code {
    const { operator, operands, source } = core;
    if (
      operator.kind === "lambda" &&
      operator.clauses.length === 1 &&
      operator.clauses[0]!.rest === null &&
      operator.clauses[0]!.required.length === operands.length
    ) {
      const { required, body } = operator.clauses[0]!;
      return required.length === 0
        ? this.compile(body, scope)
        : this.compile({ kind: "let", variables: required, values: operands, body, source }, scope);
    }
    if (operator.kind === "global" && operator.global.primitive !== null) {
      const procedure = this.#linker.primitive(operator.global.primitive);
      if (procedure instanceof Primitive && operands.length >= procedure.least && operands.length <= procedure.most) {
        return this.#with(operands, scope, source, (values) =>
          (this.#linker.isStepped ? steps : simple)(primitiveCall(procedure, values, this.#site(source, scope))),
        );
      }
    }
    return this.#with([operator, ...operands], scope, source, ([procedure, ...values]) =>
      steps(generalCall(procedure!, values, this.#site(source, scope))),
    );
  }

  /** Makes the operands simple, putting into slots those that are not, and those before them whose value may change. */
  #with(cores: readonly Core[], scope: ProcedureScope, source: Source | null, build: (values: Simple[]) => Code): Code {
    const codes = cores.map((core) => this.#operand(core, scope));
    let last = codes.length - 1;
    while (last >= 0 && codes[last]!.simple !== null) last--;
    if (last < 0) return build(codes.map((code) => code.simple!));
    const spilled: { code: Code; place: Place; core: Core }[] = [];
    const values = codes.map((code, index) => {
      if (code.simple !== null && (index > last || code.isPure)) return code.simple;
      const place = { slot: scope.size++, isBoxed: false, isChecked: false };
      spilled.push({ code, place, core: cores[index]! });
      return slotAt(0, place.slot);
    });
    let next = build(values).run;
    for (const { code, place, core } of spilled.reverse())
      next = chained(code, place, next, this.#waiting(core, source, scope));
    return steps(next);
  }
}

/** The place of the call in the tail of an expression; null: there is none, or one in each of two branches. */
function lastCallOf(core: Core): Source | null {
  switch (core.kind) {
    case "call":
      return core.source;
    case "begin":
      return lastCallOf(core.body.at(-1)!);
    case "let":
    case "letrec*":
      return lastCallOf(core.body);
    case "if": {
      const [then, otherwise] = [lastCallOf(core.then), lastCallOf(core.else)];
      return then === null || otherwise === null ? (then ?? otherwise) : null;
    }
    default:
      return null;
  }
}

function pure(run: Simple): Code {
  return { simple: run, run, isPure: true };
}

function simple(run: Simple): Code {
  return { simple: run, run, isPure: false };
}

function steps(run: Run): Code {
  return { simple: null, run, isPure: false };
}

/** `code`, whose value goes to a place or nowhere, and then `next`. `inBox`: the box is there already. */
function chained(code: Code, place: Place | null, next: Run, site: Site, inBox = false): Run {
  if (code.simple !== null) {
    const value = place === null ? code.simple : store(code.simple, place, inBox);
    return (env, machine) => {
      value(env);
      return next(env, machine);
    };
  }
  const { run } = code;
  const resume: Resume = place === null ? (_value, env, machine) => next(env, machine) : bindAndGo(place, next, inBox);
  return (env, machine) => {
    machine.frame = new Frame(resume, env, machine.frame, site);
    return run(env, machine);
  };
}

function bindAndGo({ slot, isBoxed }: Place, next: Run, inBox: boolean): Resume {
  if (!isBoxed) {
    return (value, env, machine) => {
      if (value instanceof MultipleValues) throw severalValues(value);
      env[slot] = value;
      return next(env, machine);
    };
  }
  return (value, env, machine) => {
    if (value instanceof MultipleValues) throw severalValues(value);
    if (inBox) (env[slot] as Box).value = value;
    else env[slot] = new Box(value);
    return next(env, machine);
  };
}

function severalValues({ values }: MultipleValues): SchemeError {
  return failure(`${values.length} values where one is expected`);
}

function store(value: Simple, { slot, isBoxed }: Place, inBox = false): Simple {
  if (!isBoxed) return (env) => (env[slot] = value(env));
  if (inBox) return (env) => ((env[slot] as Box).value = value(env));
  return (env) => (env[slot] = new Box(value(env)));
}

function find(variable: Variable, scope: ProcedureScope): { hops: number; place: Place } {
  let hops = 0;
  for (let own: ProcedureScope | null = scope; own !== null; own = own.parent) {
    const place = own.places.get(variable);
    if (place !== undefined) return { hops, place };
    hops++;
  }
  throw new SchemeError(new Condition("syntax", `the variable ${variable.name} is used outside of its scope`));
}

function slotAt(hops: number, slot: number): Simple {
  switch (hops) {
    case 0:
      return (env) => env[slot];
    case 1:
      return (env) => (env[0] as Env)[slot];
    case 2:
      return (env) => ((env[0] as Env)[0] as Env)[slot];
    default:
      return (env) => {
        let own = env;
        for (let left = hops; left > 0; left--) own = own[0] as Env;
        return own[slot];
      };
  }
}

/** The innermost first. */
function visibleIn(scope: ProcedureScope, visible: Visible | null): VisibleVariable[] {
  const found: VisibleVariable[] = [];
  let hops = 0;
  for (let own: ProcedureScope | null = scope, link = visible; own !== null; link = own.around, own = own.parent) {
    for (; link !== null; link = link.next) {
      const { slot, isBoxed } = link.place;
      found.push({ name: link.variable.name, hops, slot, isBoxed });
    }
    hops++;
  }
  return found;
}

function unbound(global: Global, source: Source | null): SchemeError {
  return new SchemeError(new Condition("unbound", `unbound variable: ${global.name}`, [], source));
}

function early(variable: Variable, source: Source | null): SchemeError {
  return new SchemeError(new Condition("unbound", `${variable.name} is used before it has a value`, [], source));
}
