/**
 * The read-eval-print loop without its terminal: a face gives it texts and shows what comes back. After an error it
 * keeps the continuation, so that frames can be looked into and the program can go on.
 */
import type { Variable } from "../core/core.ts";
import { CompiledError } from "../datum/condition.ts";
import { coreToDatum } from "../core/unparse.ts";
import { EOF, intern, SchemeSymbol, UNSPECIFIED } from "../datum/datum.ts";
import { bind, namesIn } from "../expander/binding.ts";
import { Scope, type Syntax, syntaxToDatum, unwrap } from "../expander/syntax.ts";
import { makeBegin, makeVariable, unspecifiedCore } from "../core/build.ts";
import { compileForm } from "../interpreter/compile.ts";
import {
  Box,
  type Env,
  type Frame,
  MultipleValues,
  type Site,
  UncaughtError,
  type VisibleVariable,
} from "../interpreter/machine.ts";
import { runSteps, type Steps } from "../javascript/run-steps.ts";
import { IncompleteError, Reader } from "../reader/reader.ts";
import { TextCursor } from "../reader/text-cursor.ts";
import { indentationOf } from "./indentation.ts";
import type { Lisp } from "../session.ts";
import { placeText, writeShown } from "../source-texts.ts";

/** What a text came to. */
export interface ReplResult {
  /** To be shown, without a line's end at its end; empty: nothing. */
  readonly text: string;
  readonly isError: boolean;
  readonly wantsToEnd: boolean;
}

interface Level {
  readonly error: UncaughtError;
  readonly form: string;
  readonly frames: readonly ShownFrame[];
  selected: number;
}
interface ShownFrame {
  readonly site: Site;
  readonly env: Env;
}

/** Errors that wait to be dealt with, at most. */
const LEVELS_MAX = 20;
/** Frames that are kept for `,bt`. */
const FRAMES_MAX = 10_000;

export class Repl {
  readonly #lisp: Lisp;
  readonly #levels: Level[];
  #line: number;

  constructor(lisp: Lisp) {
    this.#lisp = lisp;
    this.#levels = [];
    this.#line = 1;
    lisp.linker.isStepped = true;
  }

  /** How deep in errors we are; 0: none. */
  get depth(): number {
    return this.#levels.length;
  }

  /** True while the text ends inside of a datum. */
  isIncomplete(text: string): boolean {
    if (/^\s*,[a-z]/.test(text)) return false;
    try {
      const reader = new Reader(new TextCursor(text, "repl"));
      while (reader.read() !== EOF);
      return false;
    } catch (error) {
      return error instanceof IncompleteError;
    }
  }

  /** Evaluates all forms of a text, or does a command (`,help`). */
  submit(text: string): ReplResult {
    return runSteps(this.#submitted(text));
  }

  /** The same where forms may wait for promises of JavaScript. */
  async submitWaiting(text: string): Promise<ReplResult> {
    return await this.#lisp.waiting(this.#submitted(text));
  }

  *#submitted(text: string): Steps<ReplResult> {
    const command = /^\s*,([a-z-]+|\?)[ \t]*([\s\S]*)$/.exec(text);
    const first = this.#line;
    this.#line += text.split("\n").length;
    if (command !== null) return this.#command(command[1]!, command[2]!.trim());
    try {
      const shown: string[] = [];
      for (const form of this.#read(text, first)) {
        const level = this.#level;
        const value = yield () =>
          level === null ? this.#lisp.evaluateForm(form, this.#lisp.interaction) : this.#inFrame(form, level);
        const line = shownValue(value);
        if (line !== null) shown.push(line);
      }
      return good(shown.join("\n"));
    } catch (error) {
      return this.#failed(text, error);
    } finally {
      this.#lisp.flush();
    }
  }

  get #level(): Level | null {
    return this.#levels.at(-1) ?? null;
  }

  #read(text: string, line: number): Syntax[] {
    return this.#lisp.readForms(text, `repl-${line}`);
  }

  #evaluate(text: string, run: () => string): ReplResult {
    try {
      return good(run());
    } catch (error) {
      return this.#failed(text, error);
    } finally {
      this.#lisp.flush();
    }
  }

  #failed(text: string, error: unknown): ReplResult {
    if (error instanceof UncaughtError) {
      this.#levels.push({ error, form: text, frames: framesOf(error), selected: 0 });
      if (this.#levels.length > LEVELS_MAX) this.#levels.shift();
      return bad(`${this.#lisp.describe(error)!}\n${this.#restarts()}`);
    }
    const words = this.#lisp.describe(error);
    if (words === null) throw error;
    return bad(words);
  }

  #restarts(): string {
    return (
      "Restarts: ,abort  back to the prompt before · ,retry  the form again · ,use-value EXPR  go on with a value\n" +
      ",bt shows the frames, ,frame N looks into one, ,help tells more."
    );
  }

  #command(name: string, argument: string): ReplResult {
    switch (name) {
      case "help":
      case "h":
      case "?":
        return good(HELP);
      case "quit":
      case "q":
      case "exit":
        return { text: "", isError: false, wantsToEnd: true };
      case "abort":
      case "a":
        if (this.#levels.pop() === undefined) return bad("no error is waiting");
        return good("");
      case "top":
        this.#levels.length = 0;
        return good("");
      case "expand":
        return this.#evaluate(argument, () =>
          this.#read(argument, this.#line)
            .map((form) => writeShown(coreToDatum(this.#lisp.expandForm(form, this.#lisp.interaction))))
            .join("\n"),
        );
      case "step":
        return this.#evaluate(argument, () => this.#steps(argument));
      case "time": {
        const from = this.#lisp.system.currentJiffy();
        const result = this.submit(argument);
        return {
          ...result,
          text: [result.text, ((this.#lisp.system.currentJiffy() - from) / 1000).toFixed(1) + " ms"]
            .filter((line) => line !== "")
            .join("\n"),
        };
      }
      default:
        return this.#level === null
          ? bad(`,${name}: ` + (DEBUGGING.has(name) ? "no error is waiting" : "no such command; see ,help"))
          : this.#debug(name, argument, this.#level);
    }
  }

  #debug(name: string, argument: string, level: Level): ReplResult {
    switch (name) {
      case "bt":
        return good(
          level.frames.length === 0
            ? "no frames"
            : level.frames
                .slice(0, 60)
                .map((frame, index) => frameLine(frame, index, index === level.selected))
                .join("\n") + (level.frames.length > 60 ? `\n… ${level.frames.length - 60} more` : ""),
        );
      case "frame":
      case "f": {
        const index = Number(argument === "" ? level.selected : argument);
        const frame = level.frames[index];
        if (frame === undefined) return bad(`there are frames from 0 to ${level.frames.length - 1}`);
        level.selected = index;
        return good(
          [
            frameLine(frame, index, true),
            ...(frame.site.source === null ? [] : [this.#lisp.excerpt(frame.site.source).slice(1)]),
            ...variableLines(frame),
          ].join("\n"),
        );
      }
      case "up":
      case "down":
        return this.#debug("frame", String(level.selected + (name === "up" ? 1 : -1)), level);
      case "locals": {
        const frame = level.frames[level.selected];
        return good(frame === undefined ? "no frames" : variableLines(frame).join("\n"));
      }
      case "retry":
      case "r":
        this.#levels.pop();
        return this.submit(level.form);
      case "use-value":
      case "u": {
        const forms = this.#read(argument, this.#line);
        if (forms.length !== 1) return bad(",use-value takes one expression");
        return this.#evaluate(level.form, () => {
          const value = this.#inFrame(forms[0]!, level);
          this.#levels.splice(this.#levels.indexOf(level), 1);
          return shownValue(this.#lisp.machine.resume(level.error.continuation, value)) ?? "";
        });
      }
      case "error":
        return good(this.#lisp.describe(level.error)!);
      default:
        return bad(`,${name}: no such command; see ,help`);
    }
  }

  /** Each step of the expansion of a form: what a macro was given, and what it made of it. */
  #steps(text: string): string {
    const lines: string[] = [];
    const before = this.#lisp.onExpansion;
    this.#lisp.onExpansion = ({ macro, before: given, after }) => {
      const place = given.source === null ? "" : `  (${placeText(given.source)})`;
      lines.push(`${macro}${place}\n  ${writeShown(syntaxToDatum(given))}\n  → ${writeShown(syntaxToDatum(after))}`);
    };
    try {
      for (const form of this.#read(text, this.#line)) {
        const core = this.#lisp.expandForm(form, this.#lisp.interaction);
        lines.push(`core\n  ${writeShown(coreToDatum(core))}`);
      }
    } finally {
      this.#lisp.onExpansion = before;
    }
    return lines.join("\n");
  }

  /**
   * Evaluates a form where a frame stands: its variables are seen, and may be assigned where the program assigns them.
   */
  #inFrame(form: Syntax, level: Level): unknown {
    const frame = level.frames[level.selected];
    const lisp = this.#lisp;
    // What is defined is defined for all, not for the frame.
    const word = unwrap((unwrap(form) as { car?: unknown }).car);
    if (
      frame === undefined ||
      (word instanceof SchemeSymbol && /^(?:define.*|import|begin-for-syntax)$/.test(word.name))
    )
      return lisp.evaluateForm(form, lisp.interaction);
    const scope = new Scope();
    const scopes = lisp.interaction.scopes.add(scope);
    const visible: (VisibleVariable & { variable: Variable })[] = [];
    for (const one of frame.site.variables()) {
      if (visible.some(({ name }) => name === one.name) || valueAt(frame, one) === undefined) continue;
      const variable = makeVariable(one.name);
      visible.push({ ...one, variable });
      bind(intern(one.name), scopes, 0, { kind: "local", variable });
    }
    const cores = lisp.expander.top([form.with("add", scope)], { namespace: lisp.interaction, phase: 0 });
    const compiled = compileForm(cores.length === 0 ? unspecifiedCore : makeBegin(cores), lisp.linker, visible);
    const env = compiled.makeEnv();
    env[0] = frame.env;
    return lisp.machine.execute(compiled.run, env);
  }

  /** Names that begin with `prefix`, in order. */
  completions(prefix: string): string[] {
    const names = new Set(namesIn(this.#lisp.interaction.scope));
    for (const name of this.#lisp.interaction.awaited.keys()) names.add(name);
    return [...names].filter((name) => name.startsWith(prefix) && name !== prefix).sort();
  }

  /** Blanks that the line after `text` begins with. */
  indentation(text: string): number {
    return indentationOf(text);
  }
}

const HELP = `An expression is evaluated; a line that begins with a comma is a command:
  ,expand FORM      the core form that a form becomes     ,step FORM   each step of its macros
  ,time EXPR        also how long it took                 ,quit        the end (also Ctrl-D)
After an error:
  ,bt  ,frame N  ,up  ,down  ,locals   frames and their variables; expressions are evaluated in the frame that is \
selected
  ,abort  ,top  ,retry  ,use-value EXPR   leave the error, leave all errors, try the form again, go on with a value`;
const DEBUGGING = new Set(["bt", "frame", "f", "up", "down", "locals", "retry", "r", "use-value", "u", "error"]);

function good(text: string): ReplResult {
  return { text, isError: false, wantsToEnd: false };
}

function bad(text: string): ReplResult {
  return { text, isError: true, wantsToEnd: false };
}

/** Null: there is nothing to say. */
function shownValue(value: unknown): string | null {
  if (value === UNSPECIFIED) return null;
  if (value instanceof MultipleValues)
    return value.values.length === 0 ? null : value.values.map(writeShown).join("\n");
  return writeShown(value);
}

/**
 * Where an uncaught error came from: a line for each procedure that waits, the innermost first; the failed call itself
 * is left out.
 */
export function backtrace(error: unknown, most = 12): string[] {
  const calls =
    error instanceof CompiledError
      ? error.calls
      : error instanceof UncaughtError
        ? framesOf(error)
            .slice(1)
            // A procedure that waits in several of its forms waits at the innermost one.
            .filter(({ env }, index, frames) => index === 0 || frames[index - 1]!.env !== env)
            .map(({ site }) => ({ procedure: site.procedure ?? "the top level", source: site.source }))
        : [];
  const placed = calls.filter(({ source }) => source !== null);
  const lines = placed.slice(0, most).map(({ procedure, source }) => `  from ${procedure}, ${placeText(source!)}`);
  return placed.length > most ? [...lines, `  … ${placed.length - most} more`] : lines;
}

/** The failed call first, then what waits for it. */
function framesOf({ site, env, continuation }: UncaughtError): ShownFrame[] {
  const frames: ShownFrame[] = site === null ? [] : [{ site, env }];
  for (let frame: Frame | null = continuation.frame; frame !== null && frames.length < FRAMES_MAX; frame = frame.next)
    if (frame.site !== null) frames.push({ site: frame.site, env: frame.env });
  return frames;
}

function frameLine({ site }: ShownFrame, index: number, isSelected: boolean): string {
  return (
    `${isSelected ? "*" : " "}${String(index).padStart(3)}  ${site.procedure ?? "(top level)"}` +
    (site.source === null ? "" : `  ${placeText(site.source)}`)
  );
}

function valueAt({ env }: ShownFrame, { hops, slot, isBoxed }: VisibleVariable): unknown {
  let own = env;
  for (let left = hops; left > 0; left--) own = own[0] as Env;
  const value = own[slot];
  return isBoxed && value instanceof Box ? value.value : value;
}

function variableLines(frame: ShownFrame): string[] {
  const seen = new Set<string>();
  const lines: string[] = [];
  for (const one of frame.site.variables()) {
    const value = valueAt(frame, one);
    if (seen.has(one.name) || value === undefined) continue;
    seen.add(one.name);
    lines.push(`  ${one.name} = ${writeShown(value)}`);
  }
  return lines;
}
