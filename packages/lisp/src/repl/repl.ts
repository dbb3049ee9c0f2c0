/**
 * The read-eval-print loop without its terminal: a face gives it texts and shows what comes back. After an error it
 * keeps the continuation, so that frames can be looked into and the program can go on.
 */
import { type DocumentationFile, type NameDocumentation, operatorsAt, PromptDocumentation } from "./documentation.ts";
import type { Global } from "../core/core.ts";
import { CompiledError } from "../datum/condition.ts";
import { coreToDatum } from "../core/unparse.ts";
import { EOF, UNSPECIFIED } from "../datum/datum.ts";
import { Debugger, type StepKind } from "../debugger/debugger.ts";
import {
  activationsOf,
  evaluateForm,
  frameName,
  framesOf,
  type ShownFrame,
  valueAt,
  variablesOf,
} from "../debugger/frames.ts";
import { Trace } from "../debugger/trace.ts";
import { namesIn } from "../expander/binding.ts";
import { type Syntax, syntaxToDatum } from "../expander/syntax.ts";
import { MultipleValues, type PausePlace, UncaughtError } from "../interpreter/machine.ts";
import { Paused } from "../interpreter/pause.ts";
import { TextOutputPort } from "../interpreter/ports.ts";
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

/** An error that waits to be dealt with, or a program that was stopped. */
interface Level {
  readonly stop: UncaughtError | Paused<PausePlace>;
  readonly form: string;
  readonly frames: readonly ShownFrame[];
  selected: number;
}

/** Errors that wait to be dealt with, at most. */
const LEVELS_MAX = 20;

interface ReplOptions {
  readonly isShown?: (file: string) => boolean;
  readonly documentation?: () => readonly DocumentationFile[];
}

export class Repl {
  readonly #lisp: Lisp;
  readonly #levels: Level[];
  readonly #debugger: Debugger;
  readonly #trace: Trace;
  readonly #documentation: PromptDocumentation;
  #line: number;

  /**
   * @param options.isShown  false: a file that is not stopped in
   * @param options.documentation  what describes the system's names; asked for when somebody asks
   */
  constructor(lisp: Lisp, { isShown, documentation = () => [] }: ReplOptions = {}) {
    this.#lisp = lisp;
    this.#documentation = new PromptDocumentation(lisp, documentation);
    this.#levels = [];
    this.#line = 1;
    const print = (line: string): void => this.#print(line);
    this.#debugger = new Debugger(lisp, { print, ...(isShown === undefined ? {} : { isShown }) });
    this.#trace = new Trace(lisp, print);
    lisp.linker.isStepped = true;
  }

  /** On a line of its own among what the program prints. */
  #print(line: string): void {
    const output = this.#lisp.ports.output.value;
    if (output instanceof TextOutputPort && output.isOpen) output.write(`${output.column > 0 ? "\n" : ""}${line}\n`);
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
    this.#documentation.keep(text);
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
    if (error instanceof UncaughtError || error instanceof Paused) {
      const level = { stop: error, form: text, frames: framesOf(error), selected: 0 };
      this.#levels.push(level);
      if (this.#levels.length > LEVELS_MAX) this.#levels.shift();
      if (error instanceof Paused) return good(this.#where(level));
      this.#trace.reset();
      return bad(`${this.#lisp.describe(error)!}\n${this.#restarts()}`);
    }
    const words = this.#lisp.describe(error);
    if (words === null) throw error;
    return bad(words);
  }

  /** Where a program was stopped. */
  #where({ frames }: Level): string {
    const [frame] = frames;
    if (frame === undefined) return "stopped";
    const { source } = frame.site;
    const place = source === null ? "" : `  ${placeText(source)}${this.#lisp.excerpt(source)}`;
    return `stopped in ${frameName(frame)}${place}`;
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
      case "break":
      case "b":
        return this.#break(argument);
      case "delete":
        return this.#delete(argument);
      case "trace":
        return this.#traced(argument);
      case "untrace":
        for (const each of argument === "" ? this.#trace.names : argument.split(/\s+/))
          if (!this.#trace.remove(each)) return bad(`${each} is not traced`);
        return good("");
      case "in":
      case "i":
      case "next":
      case "n":
      case "out":
      case "o":
      case "continue":
      case "c":
        return this.#go(STEPS.get(name) ?? null, argument);
      case "doc":
      case "d":
        return this.#document(argument);
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

  #document(name: string): ReplResult {
    const found = this.#documentation.of(name);
    if (found === null) return bad(`nothing is said of ${name === "" ? "it" : name}`);
    return good([...found.forms, ...(found.text === "" ? [] : [found.text])].join("\n"));
  }

  /** What is said of the innermost operator around a place of which something is; null: of none. */
  documentationAt(text: string, at: number): NameDocumentation | null {
    for (const operator of operatorsAt(text, at)) {
      const found = this.#documentation.of(operator);
      if (found !== null) return found;
    }
    return null;
  }

  /** `NAME` or `FILE:LINE`, and `if EXPR`; nothing: tells those that are there. */
  #break(argument: string): ReplResult {
    const control = this.#debugger;
    const [, place = "", condition] = /^(\S*)(?:\s+if\s+([\s\S]+))?$/.exec(argument) ?? [, argument];
    if (/\s/.test(place)) return bad(",break NAME, ,break FILE:LINE, and an expression after the word if");
    if (place === "") return good(this.#breakpointLines().join("\n"));
    const line = /^(.+):([1-9]\d{0,8})$/.exec(place);
    if (line === null) {
      const before = [...control.functions].map(([name, { wish }]) => [name, wish] as const);
      control.setFunctionBreakpoints(new Map([...before, [place, { line: 0, condition }]]));
      return good("");
    }
    const [, file, number] = line as unknown as [string, string, string];
    const before = (control.breakpoints.get(file) ?? []).map(({ wish }) => wish);
    const made = control.setBreakpoints(file, [...before, { line: Number(number), condition }]).at(-1)!;
    if (made.line === null) return good(`${place} is not there yet; the program will stop when it is`);
    return good(made.line === Number(number) ? "" : `at ${file}:${made.line}, the next line that has a form`);
  }

  #breakpointLines(): string[] {
    const condition = (text: string | undefined): string => (text === undefined ? "" : ` if ${text}`);
    return [
      ...[...this.#debugger.functions].map(([name, { wish }]) => `  ${name}${condition(wish.condition)}`),
      ...[...this.#debugger.breakpoints.values()].flatMap((all) =>
        all.map(({ file, line, wish }) => `  ${file}:${line ?? wish.line}${condition(wish.condition)}`),
      ),
    ];
  }

  /** Takes a break point away by its name or place; nothing: all. */
  #delete(argument: string): ReplResult {
    const control = this.#debugger;
    const functions = new Map([...control.functions].map(([name, { wish }]) => [name, wish] as const));
    let isFound = argument === "" || functions.delete(argument);
    if (argument === "") functions.clear();
    control.setFunctionBreakpoints(functions);
    for (const [file, all] of control.breakpoints) {
      const kept = all.filter(({ line, wish }) => argument !== "" && argument !== `${file}:${line ?? wish.line}`);
      isFound ||= kept.length < all.length;
      control.setBreakpoints(
        file,
        kept.map(({ wish }) => wish),
      );
    }
    return isFound ? good("") : bad(`there is no break point ${argument}`);
  }

  #traced(argument: string): ReplResult {
    if (argument === "") return good(this.#trace.names.join("\n"));
    for (const name of argument.split(/\s+/)) {
      const global = this.#global(name);
      if (global === null || global.primitive !== null)
        return bad(`${name} is no procedure that was defined here or in a library in Lisp`);
      if (!this.#trace.add(global)) return bad(`${name} is no procedure`);
    }
    return good("");
  }

  #global(name: string): Global | null {
    const core = this.#lisp.expandForm(this.#read(name, this.#line)[0]!, this.#lisp.interaction);
    const inner = core.kind === "begin" && core.body.length === 1 ? core.body[0]! : core;
    return inner.kind === "global" ? inner.global : null;
  }

  /** Goes on from where a program was stopped, or begins with a form. @param kind  null: to the next break point */
  #go(kind: StepKind | null, form: string): ReplResult {
    const level = this.#level;
    if (form !== "") {
      if (kind !== null) this.#debugger.step("in", null);
      return this.submit(form);
    }
    if (level === null || !(level.stop instanceof Paused)) return bad("no program is stopped here");
    const { stop } = level;
    this.#levels.pop();
    if (kind === null) this.#debugger.run();
    else this.#debugger.step(kind, stop);
    return this.#evaluate(level.form, () => shownValue(this.#lisp.machine.goOn(stop)) ?? "");
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
        const { stop } = level;
        if (stop instanceof Paused) return bad("nothing has failed here; ,continue goes on");
        const forms = this.#read(argument, this.#line);
        if (forms.length !== 1) return bad(",use-value takes one expression");
        return this.#evaluate(level.form, () => {
          const value = this.#inFrame(forms[0]!, level);
          this.#levels.splice(this.#levels.indexOf(level), 1);
          return shownValue(this.#lisp.machine.resume(stop.continuation, value)) ?? "";
        });
      }
      case "error":
        return good(level.stop instanceof Paused ? this.#where(level) : this.#lisp.describe(level.stop)!);
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

  #inFrame(form: Syntax, level: Level): unknown {
    return evaluateForm(this.#lisp, form, level.frames[level.selected]);
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

const STEPS: ReadonlyMap<string, StepKind> = new Map([
  ["in", "in"],
  ["i", "in"],
  ["next", "over"],
  ["n", "over"],
  ["out", "out"],
  ["o", "out"],
]);

const HELP = `An expression is evaluated; a line that begins with a comma is a command:
  ,expand FORM      the core form that a form becomes     ,step FORM   each step of its macros
  ,time EXPR        also how long it took                 ,quit        the end (also Ctrl-D)
  ,doc NAME         how it is used, and what it does      Alt-H        the same of the operator around the cursor
  ,break NAME  ,break FILE:LINE if EXPR   stop in a procedure, or at a line    ,delete   without; one, or all
  ,in FORM      stop at its first step                    ,trace NAME  ,untrace   tell calls and what they give
Where it was stopped:
  ,next  ,in  ,out  ,continue   over the form, into it, to who has called, on
After an error, and there:
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
        ? activationsOf(framesOf(error).slice(1)).map(({ site }) => ({
            procedure: site.procedure ?? "the top level",
            source: site.source,
          }))
        : [];
  const placed = calls.filter(({ source }) => source !== null);
  const lines = placed.slice(0, most).map(({ procedure, source }) => `  from ${procedure}, ${placeText(source!)}`);
  return placed.length > most ? [...lines, `  … ${placed.length - most} more`] : lines;
}

function frameLine(frame: ShownFrame, index: number, isSelected: boolean): string {
  return (
    `${isSelected ? "*" : " "}${String(index).padStart(3)}  ${frameName(frame)}` +
    (frame.site.source === null ? "" : `  ${placeText(frame.site.source)}`)
  );
}

function variableLines(frame: ShownFrame): string[] {
  return variablesOf(frame).map((one) => `  ${one.name} = ${writeShown(valueAt(frame, one))}`);
}
