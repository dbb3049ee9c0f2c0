/** What green threads stand on: see scheme/stratos/threads.sld. */
import { Flonum, UNSPECIFIED } from "../../datum/datum.ts";
import { Condition, SchemeError } from "../../datum/condition.ts";
import { isReal, toDouble } from "../../number/arithmetic.ts";
import { Continuation, ControlPrimitive, type Machine, throwTo } from "../machine.ts";
import { BinaryInputPort, TextInputPort } from "../ports.ts";
import type { System } from "../system.ts";
import { define, type Table } from "./operands.ts";

/** Seconds that a program's thread may wait at once; longer waits are waited for in parts. */
const SLEEP_SECONDS_MAX = 86_400;

/** The clock, chance and input, as threads need them. */
export function defineWaiting(table: Table, system: System): void {
  define(table, "%sleep", 1, 1, (seconds: unknown) => {
    system.sleep(Math.min(secondsOf(seconds), SLEEP_SECONDS_MAX));
    return UNSPECIFIED;
  });
  define(table, "%pass-time", 1, 1, (seconds: unknown) => {
    if (system.isTimeVirtual) system.sleep(secondsOf(seconds));
    return UNSPECIFIED;
  });
  define(table, "%seed", 0, 0, () => system.seed ?? false);
  // What is no input port is told by what reads from it.
  define(table, "%input-ready?", 2, 2, (port: unknown, needsLine: unknown) =>
    port instanceof TextInputPort
      ? port.isReady(needsLine !== false)
      : port instanceof BinaryInputPort
        ? port.isReady()
        : true,
  );
}

function secondsOf(value: unknown): number {
  if (!isReal(value)) throw new SchemeError(new Condition("type", "expected seconds, got", [value]));
  const seconds = value instanceof Flonum ? value.value : toDouble(value);
  return Number.isFinite(seconds) ? Math.max(0, seconds) : SLEEP_SECONDS_MAX;
}

/** Threads of the machine itself. */
export function defineThreads(table: Table, machine: Machine): void {
  const control = (name: string, count: number, call: (machine: Machine, operands: unknown[]) => unknown): void =>
    void table.set(name, new ControlPrimitive(name, count, count, call));
  const { threads } = machine;
  define(table, "%fuel-out?", 0, 0, () => --threads.fuel < 0);
  define(table, "%set-fuel!", 1, 1, (fuel: unknown) => {
    threads.fuel = fuel as number;
    return UNSPECIFIED;
  });
  define(table, "%thread", 0, 0, () => threads.current);
  define(table, "%set-thread!", 1, 1, (thread: unknown) => {
    threads.current = thread;
    return UNSPECIFIED;
  });
  define(table, "%thread-hooks", 0, 0, () => threads.hooks);
  define(table, "%set-thread-hooks!", 1, 1, (hooks: unknown) => {
    threads.hooks = hooks;
    return UNSPECIFIED;
  });
  define(table, "%parameters", 0, 0, () => machine.parameters ?? false);
  define(table, "%set-parameters!", 1, 1, (parameters: unknown) => {
    machine.parameters = parameters === false ? null : (parameters as Machine["parameters"]);
    return UNSPECIFIED;
  });
  define(table, "%handler", 0, 0, () => machine.handlers?.procedure ?? false);
  // Goes to a continuation without leaving or entering dynamic-winds: they are another thread's.
  control("%throw-to", 2, (own, [target, value]) => {
    own.winders = (target as Continuation).winders;
    return throwTo(own, target as Continuation, value);
  });
  control("%call-at-base", 1, (own, [procedure]) => {
    own.leave();
    return own.apply(procedure, [new Continuation(own)]);
  });
}
