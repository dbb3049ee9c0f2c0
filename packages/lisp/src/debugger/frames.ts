/** What waits in a program that was left: frames, the variables that each sees, and expressions evaluated there. */
import { makeBegin, makeVariable, unspecifiedCore } from "../core/build.ts";
import type { Global, Variable } from "../core/core.ts";
import { intern, SchemeSymbol, UNSPECIFIED } from "../datum/datum.ts";
import { bind } from "../expander/binding.ts";
import type { Namespace } from "../expander/namespace.ts";
import { Scope, type Syntax, unwrap } from "../expander/syntax.ts";
import { compileForm } from "../interpreter/compile.ts";
import {
  Box,
  type Env,
  type Frame,
  type PausePlace,
  type Site,
  UncaughtError,
  type VisibleVariable,
} from "../interpreter/machine.ts";
import { Paused } from "../interpreter/pause.ts";
import type { Lisp } from "../session.ts";

export interface ShownFrame {
  readonly site: Site;
  readonly env: Env;
}

/** Frames that are kept. */
const FRAMES_MAX = 10_000;

/** What is next, or has failed, first; then what waits for it. */
export function framesOf(stop: UncaughtError | Paused<PausePlace>): ShownFrame[] {
  const { site, env } = stop instanceof Paused ? stop.place : stop;
  const frames: ShownFrame[] = site === null ? [] : [{ site, env }];
  let frame: Frame | null = stop instanceof Paused ? stop.place.frame : stop.continuation.frame;
  for (; frame !== null && frames.length < FRAMES_MAX; frame = frame.next)
    if (frame.site !== null) frames.push({ site: frame.site, env: frame.env });
  return frames;
}

/** A procedure that waits in several of its forms waits at the innermost one. */
export function activationsOf(frames: readonly ShownFrame[]): ShownFrame[] {
  return frames.filter(({ env }, index) => index === 0 || frames[index - 1]!.env !== env);
}

/** What a frame is called by. */
export function frameName({ site }: ShownFrame): string {
  return site.procedure ?? (site.isTop ? "(top level)" : "(lambda)");
}

export function valueAt({ env }: ShownFrame, { hops, slot, isBoxed }: VisibleVariable): unknown {
  const value = environmentAt(env, hops)[slot];
  return isBoxed && value instanceof Box ? value.value : value;
}

export function assign({ env }: ShownFrame, { hops, slot, isBoxed }: VisibleVariable, value: unknown): void {
  const own = environmentAt(env, hops);
  const old = own[slot];
  if (isBoxed && old instanceof Box) old.value = value;
  else own[slot] = value;
}

function environmentAt(env: Env, hops: number): Env {
  let own = env;
  for (let left = hops; left > 0; left--) own = own[0] as Env;
  return own;
}

/** Each name once, the innermost; those that have a value. Those of a procedure come before those around it. */
export function variablesOf(frame: ShownFrame): VisibleVariable[] {
  const seen = new Set<string>();
  const found = frame.site.variables().filter((one) => {
    if (seen.has(one.name) || valueAt(frame, one) === undefined) return false;
    seen.add(one.name);
    return true;
  });
  return found.reverse().sort((a, b) => a.hops - b.hops);
}

/** What names mean that no frame binds. */
export interface Surroundings {
  readonly namespace: Namespace;
  /** Of a library, which the namespace need not know. */
  readonly globals: readonly Global[];
}

/**
 * Evaluates forms where a frame stands: its variables are seen, and may be assigned where the program assigns them.
 *
 * @param frame  undefined: at the top level
 */
export function evaluateInFrame(
  lisp: Lisp,
  text: string,
  frame: ShownFrame | undefined,
  around: Surroundings = { namespace: lisp.interaction, globals: [] },
): unknown {
  let value: unknown = UNSPECIFIED;
  for (const form of lisp.readForms(text, "debugger", around.namespace))
    value = evaluateForm(lisp, form, frame, around);
  return value;
}

export function evaluateForm(
  lisp: Lisp,
  form: Syntax,
  frame: ShownFrame | undefined,
  around: Surroundings = { namespace: lisp.interaction, globals: [] },
): unknown {
  // What is defined is defined for all, not for the frame.
  const word = unwrap((unwrap(form) as { car?: unknown } | null)?.car);
  const isDefinition = word instanceof SchemeSymbol && /^(?:define.*|import|begin-for-syntax)$/.test(word.name);
  return frame === undefined || isDefinition
    ? lisp.evaluateForm(form, around.namespace)
    : compiled(lisp, [form], frame, around)(frame.env);
}

/** @returns what evaluates an expression in an environment of the frame's kind */
export function compileInFrame(
  lisp: Lisp,
  text: string,
  frame: ShownFrame,
  around: Surroundings = { namespace: lisp.interaction, globals: [] },
): (env: Env) => unknown {
  return compiled(lisp, lisp.readForms(text, "debugger", around.namespace), frame, around);
}

function compiled(
  lisp: Lisp,
  forms: readonly Syntax[],
  frame: ShownFrame,
  { namespace, globals }: Surroundings,
): (env: Env) => unknown {
  const outer = new Scope(),
    scope = new Scope();
  const globalScopes = namespace.scopes.add(outer);
  for (const global of globals) bind(intern(global.name), globalScopes, 0, { kind: "global", global });
  const scopes = globalScopes.add(scope);
  const visible: (VisibleVariable & { variable: Variable })[] = [];
  for (const one of variablesOf(frame)) {
    const variable = makeVariable(one.name);
    visible.push({ ...one, variable });
    bind(intern(one.name), scopes, 0, { kind: "local", variable });
  }
  const inside = forms.map((form) => form.with("add", outer).with("add", scope));
  const cores = lisp.expander.top(inside, { namespace, phase: 0 });
  const code = compileForm(cores.length === 0 ? unspecifiedCore : makeBegin(cores), lisp.linker, visible);
  lisp.linker.link(namespace);
  return (frameEnv) => {
    const env = code.makeEnv();
    env[0] = frameEnv;
    return lisp.machine.execute(code.run, env);
  };
}
