/** Calls as closures: of primitives, the frequent ones in line, and of any procedure. */
import { add, compare, isReal, subtract } from "../number/arithmetic.ts";
import { NIL, Pair } from "../datum/datum.ts";
import { Closure, CONTINUE, type Env, lastCall, type Machine, Primitive, type Run, type Site } from "./machine.ts";

export type Simple = (env: Env) => unknown;

export function primitiveCall(procedure: Primitive, values: readonly Simple[], site: Site): Simple {
  const { call, name } = procedure;
  const [a, b, c] = values;
  const special =
    values.length === 1
      ? inlineOne(name, a!, procedure, site)
      : values.length === 2
        ? inlineTwo(name, a!, b!, procedure, site)
        : null;
  if (special !== null) return special;
  switch (values.length) {
    case 0:
      return (env) => {
        lastCall.site = site;
        lastCall.env = env;
        return call();
      };
    case 1:
      return (env) => {
        const x = a!(env);
        lastCall.site = site;
        lastCall.env = env;
        return call(x);
      };
    case 2:
      return (env) => {
        const x = a!(env),
          y = b!(env);
        lastCall.site = site;
        lastCall.env = env;
        return call(x, y);
      };
    case 3:
      return (env) => {
        const x = a!(env),
          y = b!(env),
          z = c!(env);
        lastCall.site = site;
        lastCall.env = env;
        return call(x, y, z);
      };
    default:
      return (env) => {
        const operands = values.map((value) => value(env));
        lastCall.site = site;
        lastCall.env = env;
        return call(...operands);
      };
  }
}

/** The common case of what programs do most; all else goes to the primitive. */
function inlineOne(name: string, a: Simple, { call }: Primitive, site: Site): Simple | null {
  const slow = (env: Env, x: unknown): unknown => {
    lastCall.site = site;
    lastCall.env = env;
    return call(x);
  };
  switch (name) {
    case "car":
      return (env) => {
        const x = a(env);
        return x instanceof Pair ? x.car : slow(env, x);
      };
    case "cdr":
      return (env) => {
        const x = a(env);
        return x instanceof Pair ? x.cdr : slow(env, x);
      };
    case "null?":
      return (env) => a(env) === NIL;
    case "pair?":
      return (env) => a(env) instanceof Pair;
    case "not":
      return (env) => a(env) === false;
    case "zero?":
      return (env) => {
        const x = a(env);
        return typeof x === "number" ? x === 0 : slow(env, x);
      };
    default:
      return null;
  }
}

function inlineTwo(name: string, a: Simple, b: Simple, { call }: Primitive, site: Site): Simple | null {
  const slow = (env: Env, x: unknown, y: unknown): unknown => {
    lastCall.site = site;
    lastCall.env = env;
    return call(x, y);
  };
  const ordered =
    (test: (order: number) => boolean): Simple =>
    (env) => {
      const x = a(env),
        y = b(env);
      if (typeof x === "number" && typeof y === "number") return test(x - y);
      return isReal(x) && isReal(y) ? test(compare(x, y)) : slow(env, x, y);
    };
  switch (name) {
    case "+":
      return (env) => {
        const x = a(env),
          y = b(env);
        if (typeof x === "number" && typeof y === "number") {
          const sum = x + y;
          if (Number.isSafeInteger(sum)) return sum;
        }
        lastCall.site = site;
        lastCall.env = env;
        return add(x, y);
      };
    case "-":
      return (env) => {
        const x = a(env),
          y = b(env);
        if (typeof x === "number" && typeof y === "number") {
          const difference = x - y;
          if (Number.isSafeInteger(difference)) return difference;
        }
        lastCall.site = site;
        lastCall.env = env;
        return subtract(x, y);
      };
    case "<":
      return ordered((order) => order < 0);
    case ">":
      return ordered((order) => order > 0);
    case "<=":
      return ordered((order) => order <= 0);
    case ">=":
      return ordered((order) => order >= 0);
    case "=":
      return (env) => {
        const x = a(env),
          y = b(env);
        return typeof x === "number" && typeof y === "number" ? x === y : slow(env, x, y);
      };
    case "eq?":
      return (env) => {
        const x = a(env),
          y = b(env);
        return x === y;
      };
    case "cons":
      return (env) => {
        const x = a(env);
        return new Pair(x, b(env));
      };
    case "vector-ref":
      return (env) => {
        const x = a(env),
          y = b(env);
        if (Array.isArray(x) && typeof y === "number" && y >= 0 && y < x.length) return x[y];
        return slow(env, x, y);
      };
    default:
      return null;
  }
}

export function generalCall(procedure: Simple, values: readonly Simple[], site: Site): Run {
  const slow = (env: Env, machine: Machine, callee: unknown, operands: unknown[]): unknown => {
    lastCall.site = site;
    lastCall.env = env;
    return machine.apply(callee, operands);
  };
  const [a, b, c] = values;
  switch (values.length) {
    case 0:
      return (env, machine) => {
        const callee = procedure(env);
        if (!(callee instanceof Closure) || callee.code.plainCount !== 0) return slow(env, machine, callee, []);
        const clause = callee.code.clauses[0]!;
        const own: Env = [callee.env];
        for (let left = clause.size - 1; left > 0; left--) own.push(undefined);
        machine.env = own;
        machine.run = clause.run;
        return CONTINUE;
      };
    case 1:
      return (env, machine) => {
        const callee = procedure(env),
          x = a!(env);
        if (!(callee instanceof Closure) || callee.code.plainCount !== 1) return slow(env, machine, callee, [x]);
        const clause = callee.code.clauses[0]!;
        machine.env =
          clause.size === 2
            ? [callee.env, x]
            : clause.size === 3
              ? [callee.env, x, undefined]
              : padded([callee.env, x, undefined, undefined], clause.size);
        machine.run = clause.run;
        return CONTINUE;
      };
    case 2:
      return (env, machine) => {
        const callee = procedure(env),
          x = a!(env),
          y = b!(env);
        if (!(callee instanceof Closure) || callee.code.plainCount !== 2) return slow(env, machine, callee, [x, y]);
        const clause = callee.code.clauses[0]!;
        machine.env =
          clause.size === 3
            ? [callee.env, x, y]
            : clause.size === 4
              ? [callee.env, x, y, undefined]
              : padded([callee.env, x, y, undefined, undefined], clause.size);
        machine.run = clause.run;
        return CONTINUE;
      };
    case 3:
      return (env, machine) => {
        const callee = procedure(env),
          x = a!(env),
          y = b!(env),
          z = c!(env);
        if (!(callee instanceof Closure) || callee.code.plainCount !== 3) return slow(env, machine, callee, [x, y, z]);
        const clause = callee.code.clauses[0]!;
        machine.env = clause.size === 4 ? [callee.env, x, y, z] : padded([callee.env, x, y, z, undefined], clause.size);
        machine.run = clause.run;
        return CONTINUE;
      };
    default:
      return (env, machine) =>
        slow(
          env,
          machine,
          procedure(env),
          values.map((value) => value(env)),
        );
  }
}

function padded(env: Env, size: number): Env {
  while (env.length < size) env.push(undefined);
  return env;
}
