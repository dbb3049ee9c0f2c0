/**
 * An operator's own rules, in YAML, which go before the hub's:
 *
 *     - cause: mirror-away
 *       match: '^E: Failed to fetch https?://mirror\.example\.'
 *       stage: Install-Deps            # elsewhere it is not tried; absent: everywhere
 *       says: our mirror was away      # instead of the line, so that all runs are one cause
 *
 * `match` is a regular expression of JavaScript (with the flag `u`), and may take for ever on some line (a)*b. It is
 * tried in a thread of its own, on lines of bounded length: one that takes longer than some seconds for a log is not
 * used any more, and the thread is made anew.
 */
import { Worker } from "node:worker_threads";
import { parse } from "yaml";
import type { FailureRuleView } from "@stratos/hub-api";
import type { OwnCause } from "./find-cause.ts";
import type { LogPart } from "./log-lines.ts";

const RULES_MAX = 200;
const MATCH_MAX = 1_000;
const SAYS_MAX = 200;
const CAUSE = /^[a-z][a-z0-9-]{0,30}$/;
/** For all rules and one log, by the clock: a busy host needs some of it for others. */
const PATIENCE_MS = 5_000;
const HEAP_MB = 128;

interface OwnRule {
  readonly cause: string;
  readonly match: string;
  readonly stage: string | null;
  readonly says: string | null;
}

/** @throws Error in words: which rule, and what is wrong with it */
export function parseOwnRules(text: string): OwnRule[] {
  let given: unknown;
  try {
    given = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw new Error(`no YAML: ${(error as Error).message.split("\n")[0]!}`, { cause: error });
  }
  if (!Array.isArray(given)) throw new Error("expected a list of rules");
  if (given.length > RULES_MAX) throw new Error(`${given.length} rules: ${RULES_MAX} at most`);
  return given.map((value: unknown, index) => {
    const fault = (why: string): Error => new Error(`rule ${index + 1}: ${why}`);
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw fault("expected cause and match");
    const { cause, match, stage = null, says = null, ...others } = value as Record<string, unknown>;
    const unknown = Object.keys(others)[0];
    if (unknown !== undefined) throw fault(`${unknown}: there is cause, match, stage and says`);
    if (typeof cause !== "string" || !CAUSE.test(cause)) throw fault("cause: expected a word of a-z, 0-9 and dash");
    if (typeof match !== "string" || match === "" || match.length > MATCH_MAX)
      throw fault(`match: expected a regular expression of ${MATCH_MAX} characters at most`);
    try {
      new RegExp(match, "u");
    } catch (error) {
      throw fault(`match: ${(error as Error).message}`);
    }
    if (stage !== null && (typeof stage !== "string" || !/^[A-Za-z][A-Za-z-]{0,30}$/.test(stage)))
      throw fault("stage: expected a name, such as Build");
    if (
      says !== null &&
      (typeof says !== "string" || says.trim() === "" || says.length > SAYS_MAX || /\p{Cc}/u.test(says))
    )
      throw fault(`says: expected one line of ${SAYS_MAX} characters at most`);
    return { cause, match, stage, says };
  });
}

/** As text: a file beside this one would be another in each bundle. `at`: which rule is being tried. */
const THREAD = `
const { parentPort, workerData: { rules, at } } = require("node:worker_threads");
const tests = rules.map(({ match }) => new RegExp(match, "u"));
parentPort.on("message", ({ id, stage, lines, off }) => {
  let found = null;
  for (let rule = 0; rule < tests.length && found === null; rule++) {
    if (off[rule] || (rules[rule].stage !== null && rules[rule].stage !== stage)) continue;
    Atomics.store(at, 0, rule);
    const line = lines.findIndex((text) => tests[rule].test(text));
    if (line >= 0) found = { rule, line };
  }
  parentPort.postMessage({ id, found });
});`;

interface Found {
  readonly rule: number;
  readonly line: number;
}

export class OwnRules {
  readonly #rules: readonly OwnRule[];
  readonly #warn: (message: string) => void;
  readonly #patienceMs: number;
  readonly #runs: number[];
  readonly #off: (string | null)[];
  readonly #at = new Int32Array(new SharedArrayBuffer(4));
  #thread: Worker | null = null;
  #last = 0;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(rules: readonly OwnRule[], warn: (message: string) => void, patienceMs = PATIENCE_MS) {
    this.#rules = rules;
    this.#warn = warn;
    this.#patienceMs = patienceMs;
    this.#runs = rules.map(() => 0);
    this.#off = rules.map(() => null);
  }

  /** The first rule that fits a line, or what the worker said, one log after the other. Never throws. */
  match({ stage, lines }: LogPart, message: string): Promise<OwnCause | null> {
    if (this.#rules.length === 0) return Promise.resolve(null);
    const all = message === "" ? lines : [...lines, ...message.split("\n").slice(0, 20)];
    const found = this.#queue.then(() => this.#match(stage, all));
    this.#queue = found;
    return found;
  }

  list(): FailureRuleView[] {
    return this.#rules.map((rule, index) => ({
      number: index + 1,
      ...rule,
      runs: this.#runs[index]!,
      off: this.#off[index]!,
    }));
  }

  async close(): Promise<void> {
    await this.#thread?.terminate();
    this.#thread = null;
  }

  async #match(stage: string, lines: readonly string[]): Promise<OwnCause | null> {
    // Each time that it fails a rule is off, so there is an end.
    for (;;) {
      const found = await this.#ask(stage, lines);
      if (found === "fell") continue;
      if (found === null) return null;
      const { cause, says } = this.#rules[found.rule]!;
      this.#runs[found.rule]!++;
      return { cause, line: lines[found.line]!, ...(says === null ? {} : { says }) };
    }
  }

  #ask(stage: string, lines: readonly string[]): Promise<Found | null | "fell"> {
    const off = this.#off.map((why) => why !== null);
    if (off.every((isOff) => isOff)) return Promise.resolve(null);
    Atomics.store(this.#at, 0, off.indexOf(false));
    this.#thread ??= this.#begin();
    const thread = this.#thread;
    const id = ++this.#last;
    return new Promise((resolve) => {
      const fall = (why: string): void => {
        done();
        const rule = Atomics.load(this.#at, 0);
        this.#off[rule] = why;
        this.#warn(`rule ${rule + 1} of failures (${this.#rules[rule]!.match}): ${why}; it is not used any more`);
        this.#thread = null;
        void thread.terminate();
        resolve("fell");
      };
      const timer = setTimeout(() => fall(`it took longer than ${this.#patienceMs / 1_000} s`), this.#patienceMs);
      const onMessage = (answer: { id: number; found: Found | null }): void => {
        if (answer.id !== id) return;
        done();
        resolve(answer.found);
      };
      const onError = (error: Error): void => fall(`it fell: ${error.message}`);
      const onExit = (): void => fall("its thread ended");
      const done = (): void => {
        clearTimeout(timer);
        thread.off("message", onMessage).off("error", onError).off("exit", onExit);
      };
      thread.on("message", onMessage).on("error", onError).on("exit", onExit);
      thread.postMessage({ id, stage, lines, off });
    });
  }

  #begin(): Worker {
    const thread = new Worker(THREAD, {
      eval: true,
      workerData: { rules: this.#rules, at: this.#at },
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    thread.on("error", () => {});
    // It keeps no hub alive that would end.
    thread.unref();
    return thread;
  }
}
