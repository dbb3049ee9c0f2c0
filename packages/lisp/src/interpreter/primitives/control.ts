/** Control, exceptions, parameters, promises and records: R7RS §4.2.5, §6.10, §6.11, §5.5. */
import { MString, NIL, type SchemeSymbol, UNSPECIFIED, itemsOf, list, type Pair } from "../../datum/datum.ts";
import { Condition, failure, SchemeError, wrongType } from "../../datum/condition.ts";
import {
  checkProcedure,
  Continuation,
  ControlPrimitive,
  type Env,
  type Machine,
  makeValues,
  MultipleValues,
  Parameter,
  type ParameterBinding,
  Primitive,
  restoreParameters,
  throwTo,
  type Winder,
} from "../machine.ts";
import { alias, define, type Table } from "./operands.ts";
import { listItems } from "./lists.ts";

export class PromiseBox {
  isDone: boolean;
  value: unknown;
  constructor(isDone: boolean, value: unknown) {
    this.isDone = isDone;
    this.value = value;
  }
}

/** `box` is shared by promises that a chain of `delay-force` made one. */
export class SchemePromise {
  box: PromiseBox;
  constructor(box: PromiseBox) {
    this.box = box;
  }
}

export class RecordType {
  readonly name: string;
  readonly fields: readonly string[];
  /** Names of fields whose types are checked by the procedures that `define-record-type/typed` made. */
  readonly typed: readonly SchemeSymbol[];
  constructor(name: string, fields: readonly string[], typed: readonly SchemeSymbol[] = []) {
    this.name = name;
    this.fields = fields;
    this.typed = typed;
  }
}

export class SchemeRecord {
  readonly type: RecordType;
  readonly fields: unknown[];
  constructor(type: RecordType, fields: unknown[]) {
    this.type = type;
    this.fields = fields;
  }
}

function control(
  table: Table,
  name: string,
  least: number,
  most: number,
  call: (machine: Machine, operands: unknown[]) => unknown,
): void {
  table.set(name, new ControlPrimitive(name, least, most, call));
}

export function defineControl(table: Table): void {
  control(table, "apply", 2, Infinity, (machine, [procedure, ...operands]) => {
    const last = operands.pop();
    const items = itemsOf(last);
    if (items === null) throw wrongType("apply", "a list as the last argument", last);
    return machine.apply(procedure, operands.concat(items));
  });
  control(table, "call/cc", 1, 1, (machine, [procedure]) => machine.apply(procedure, [new Continuation(machine)]));
  alias(table, "call-with-current-continuation", "call/cc");
  define(table, "values", 0, Infinity, (...values: unknown[]) => makeValues(values));
  control(table, "call-with-values", 2, 2, (machine, [producer, consumer]) => {
    machine.push(
      (value, env, own) => own.apply(env[0], value instanceof MultipleValues ? [...value.values] : [value]),
      [consumer],
    );
    return machine.apply(producer, []);
  });
  control(table, "dynamic-wind", 3, 3, (machine, [before, thunk, after]) => {
    for (const procedure of [before, thunk, after]) checkProcedure("dynamic-wind", procedure);
    machine.push(windBody, [before, thunk, after]);
    return machine.apply(before, []);
  });
  control(table, "%unwind", 0, 0, (machine) => throwTo(machine, new Continuation(machine, null), UNSPECIFIED));
  control(table, "with-exception-handler", 2, 2, (machine, [handler, thunk]) => {
    checkProcedure("with-exception-handler", handler);
    machine.push(
      (value, env, own) => {
        own.handlers = env[0] as Machine["handlers"];
        return value;
      },
      [machine.handlers],
    );
    machine.handlers = { procedure: handler, next: machine.handlers };
    return machine.apply(thunk, []);
  });
  control(table, "raise", 1, 1, (machine, [payload]) => machine.raise(payload, false));
  control(table, "raise-continuable", 1, 1, (machine, [payload]) => machine.raise(payload, true));
  define(table, "error", 0, Infinity, (message: unknown = MString.of(""), ...irritants: unknown[]) => {
    throw new SchemeError(new Condition("error", message, irritants));
  });
  define(table, "assertion-failed", 1, 1, (test: unknown) => {
    throw failure("assertion failed:", test);
  });
  define(table, "error-object?", 1, 1, (x: unknown) => x instanceof Condition);
  define(table, "error-object-message", 1, 1, (x: unknown) => {
    const { message } = condition("error-object-message", x);
    return typeof message === "string" ? MString.of(message) : message;
  });
  define(table, "error-object-irritants", 1, 1, (x: unknown) => list(condition("error-object-irritants", x).irritants));
  define(table, "read-error?", 1, 1, (x: unknown) => x instanceof Condition && x.kind === "read");
  define(table, "file-error?", 1, 1, (x: unknown) => x instanceof Condition && x.kind === "file");
  define(table, "out-of-memory?", 1, 1, (x: unknown) => x instanceof Condition && x.kind === "memory");
  define(table, "error-object-kind", 1, 1, (x: unknown) => MString.of(condition("error-object-kind", x).kind));

  define(table, "%make-parameter", 2, 2, (value: unknown, converter: unknown) => new Parameter(value, converter));
  define(table, "%parameter-converter", 1, 1, (x: unknown) => {
    if (!(x instanceof Parameter)) throw wrongType("parameterize", "a parameter", x);
    return x.converter;
  });
  control(table, "%with-parameters", 2, 2, (machine, [bindings, thunk]) => {
    let { parameters } = machine;
    for (const binding of listItems("parameterize", bindings) as Pair[])
      parameters = { parameter: binding.car as Parameter, value: binding.cdr, next: parameters };
    machine.push(restoreParameters, [machine.parameters]);
    machine.parameters = parameters as ParameterBinding;
    return machine.apply(thunk, []);
  });

  define(table, "make-delayed", 1, 1, (thunk: unknown) => new SchemePromise(new PromiseBox(false, thunk)));
  define(table, "make-eager-promise", 1, 1, (value: unknown) => new SchemePromise(new PromiseBox(true, value)));
  define(table, "make-promise", 1, 1, (value: unknown) =>
    value instanceof SchemePromise ? value : new SchemePromise(new PromiseBox(true, value)),
  );
  define(table, "promise?", 1, 1, (x: unknown) => x instanceof SchemePromise);
  control(table, "force", 1, 1, (machine, [promise]) =>
    promise instanceof SchemePromise ? force(machine, promise) : promise,
  );

  defineRecords(table);
}

function windBody(_value: unknown, [before, thunk, after]: Env, machine: Machine): unknown {
  const { frame, handlers, parameters, winders: next } = machine;
  const winder: Winder = {
    before,
    after,
    next,
    depth: next === null ? 1 : next.depth + 1,
    frame,
    handlers,
    parameters,
  };
  machine.winders = winder;
  machine.push(
    (value, env, own) => {
      own.winders = (env[0] as Winder).next;
      own.push((_done, [kept]) => kept, [value]);
      return own.apply((env[0] as Winder).after, []);
    },
    [winder],
  );
  return machine.apply(thunk, []);
}

/** A loop, not a recursion: a chain of `delay-force` takes constant space. R7RS §7.3. */
function force(machine: Machine, promise: SchemePromise): unknown {
  if (promise.box.isDone) return promise.box.value;
  machine.push(
    (value, env, own) => {
      const target = env[0] as SchemePromise;
      if (target.box.isDone) return target.box.value;
      if (!(value instanceof SchemePromise)) throw wrongType("delay-force", "a promise", value);
      target.box.isDone = value.box.isDone;
      target.box.value = value.box.value;
      value.box = target.box;
      return force(own, target);
    },
    [promise],
  );
  return machine.apply(promise.box.value, []);
}

function condition(who: string, value: unknown): Condition {
  if (!(value instanceof Condition)) throw wrongType(who, "an error object", value);
  return value;
}

function defineRecords(table: Table): void {
  const typeOf = (who: string, value: unknown): RecordType => {
    if (!(value instanceof RecordType)) throw wrongType(who, "a record type", value);
    return value;
  };
  const nameOf = (name: unknown): string => (name as SchemeSymbol).name;
  define(
    table,
    "make-record-type",
    2,
    3,
    (name: unknown, fields: unknown, typed: unknown = NIL) =>
      new RecordType(
        nameOf(name).replace(/^<(.+)>$/, "$1"),
        (fields as unknown[]).map(nameOf),
        itemsOf(typed) as SchemeSymbol[],
      ),
  );
  define(table, "record-constructor", 3, 3, (type: unknown, indexes: unknown, name: unknown) => {
    const own = typeOf("record-constructor", type),
      places = indexes as number[],
      size = own.fields.length;
    const isPlain = places.length === size && places.every((place, index) => place === index);
    return new Primitive(nameOf(name), places.length, places.length, (...values: unknown[]) => {
      if (isPlain) return new SchemeRecord(own, values);
      const fields = new Array<unknown>(size).fill(UNSPECIFIED);
      for (const [index, place] of places.entries()) fields[place] = values[index];
      return new SchemeRecord(own, fields);
    });
  });
  define(table, "record-predicate", 2, 2, (type: unknown, name: unknown) => {
    const own = typeOf("record-predicate", type);
    return new Primitive(nameOf(name), 1, 1, (x: unknown) => x instanceof SchemeRecord && x.type === own);
  });
  define(table, "record-accessor", 3, 4, (type: unknown, index: unknown, name: unknown) => {
    const own = typeOf("record-accessor", type),
      who = nameOf(name);
    return new Primitive(who, 1, 1, (x: unknown) => {
      if (!(x instanceof SchemeRecord) || x.type !== own) throw wrongType(who, `a record of type ${own.name}`, x);
      return x.fields[index as number];
    });
  });
  define(table, "record-modifier", 3, 3, (type: unknown, index: unknown, name: unknown) => {
    const own = typeOf("record-modifier", type),
      who = nameOf(name);
    return new Primitive(who, 2, 2, (x: unknown, value: unknown) => {
      if (!(x instanceof SchemeRecord) || x.type !== own) throw wrongType(who, `a record of type ${own.name}`, x);
      x.fields[index as number] = value;
      return UNSPECIFIED;
    });
  });
  define(table, "record?", 1, 1, (x: unknown) => x instanceof SchemeRecord);
}
