/**
 * One plugin: its file, its settings, its thread, and what is known of it.
 *
 *     FOLDER/NAME.mjs      the module
 *     FOLDER/NAME.json     { "settings": {…}, "required": true }, if there is something to say
 *
 * After five failures in a row it is paused for ten minutes; a thread that fell or hung is made anew.
 */
import { existsSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { closestName } from "@stratos/base";
import { Ajv2020 } from "ajv/dist/2020.js";
import { PLUGIN_CONTRACT, type PluginHook, type PluginView } from "@stratos/hub-api";
import { EVENT_NAMES } from "../store/event-names.ts";
import { PluginFault, PluginThread, type PluginManifest, type PluginVerb } from "./plugin-thread.ts";

export interface PluginTimes {
  readonly startMs: number;
  readonly submissionMs: number;
  readonly eventMs: number;
  /** Of a stage of a build, or an image of a compose: what a plugin does there may be much. */
  readonly jobMs: number;
  readonly pauseMs: number;
  /** Before an event is told again; twice as long before the third time. */
  readonly againMs: number;
}
export const PLUGIN_TIMES: PluginTimes = {
  startMs: 10_000,
  // Somebody waits for it, and on PGlite everybody may.
  submissionMs: 2_000,
  eventMs: 30_000,
  jobMs: 600_000,
  pauseMs: 600_000,
  againMs: 5_000,
};
const FAILURES_IN_ROW_MAX = 5;
const SAYINGS_MAX = 20;
const SAYINGS_WINDOW_MS = 10_000;

type Description = Pick<PluginView, "version" | "description" | "hooks" | "events">;
interface Configuration {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly isRequired: boolean;
}

export class Plugin {
  readonly name: string;
  readonly #file: string;
  readonly #times: PluginTimes;
  readonly #warn: (message: string) => void;
  #thread: PluginThread | null = null;
  #starting: Promise<PluginThread> | null = null;
  #description: Description = { version: null, description: "", hooks: [], events: [] };
  #isBroken = false;
  #isRequired = false;
  #failuresInRow = 0;
  #pausedUntilMs = 0;
  #calls = 0;
  #failures = 0;
  #message: string | null = null;
  #sayings = { sinceMs: 0, count: 0 };

  constructor(name: string, file: string, { times, warn }: { times: PluginTimes; warn: (message: string) => void }) {
    this.name = name;
    this.#file = file;
    this.#times = times;
    this.#warn = (message) => warn(`plugin ${name}: ${message}`);
  }

  get isRequired(): boolean {
    return this.#isRequired;
  }

  /** Whether it is to be asked now. */
  has(hook: PluginHook): boolean {
    return !this.#isBroken && this.#description.hooks.includes(hook) && performance.now() >= this.#pausedUntilMs;
  }

  /** Whether it ought to be asked about submissions and cannot be. */
  get isMissed(): boolean {
    const wants = this.#isBroken || this.#description.hooks.includes("submission");
    return this.#isRequired && wants && !this.has("submission");
  }

  wants(what: string): boolean {
    return this.#description.events.includes(what);
  }

  view(): PluginView {
    return {
      name: this.name,
      ...this.#description,
      state: this.#isBroken ? "BROKEN" : performance.now() < this.#pausedUntilMs ? "PAUSED" : "READY",
      isRequired: this.#isRequired,
      calls: this.#calls,
      failures: this.#failures,
      message: this.#message,
    };
  }

  /** From its files as they are now; what was in its thread is gone. Never throws: what is broken is told. */
  async load(): Promise<void> {
    await this.close();
    this.#failuresInRow = this.#pausedUntilMs = 0;
    this.#message = null;
    this.#isBroken = false;
    try {
      this.#isRequired = false;
      await this.#ready();
    } catch (error) {
      this.#isBroken = true;
      this.#note((error as Error).message);
      await this.close();
    }
  }

  /** @throws PluginFault */
  async call(hook: PluginHook, ...given: readonly unknown[]): Promise<unknown> {
    this.#calls++;
    try {
      const thread = await this.#ready();
      const { submissionMs, eventMs, jobMs } = this.#times;
      const verb: PluginVerb = hook === "submission" ? "submissions" : hook;
      const timeoutMs = { submission: submissionMs, event: eventMs, stage: jobMs, image: jobMs }[hook];
      const answer = await thread.call(verb, given, timeoutMs);
      this.#failuresInRow = 0;
      return answer;
    } catch (error) {
      throw this.failed((error as Error).message);
    }
  }

  /** What it answered is of no use, either. */
  failed(message: string): PluginFault {
    this.#failures++;
    this.#note(message);
    if (++this.#failuresInRow >= FAILURES_IN_ROW_MAX) {
      this.#failuresInRow = 0;
      this.#pausedUntilMs = performance.now() + this.#times.pauseMs;
      this.#warn(`it failed ${FAILURES_IN_ROW_MAX} times in a row, and is left alone for a while`);
    }
    return new PluginFault(`plugin ${this.name}: ${message}`);
  }

  async close(): Promise<void> {
    const thread = this.#thread;
    this.#thread = null;
    await thread?.close();
  }

  async #ready(): Promise<PluginThread> {
    if (this.#starting !== null) return this.#starting;
    if (this.#thread !== null && !this.#thread.isOver) return this.#thread;
    // For all who ask meanwhile.
    this.#starting = this.#begin().finally(() => (this.#starting = null));
    return this.#starting;
  }

  async #begin(): Promise<PluginThread> {
    const { settings, isRequired } = this.#configuration();
    this.#isRequired = isRequired;
    if (!existsSync(this.#file)) throw new PluginFault("there is no such file");
    const thread = new PluginThread(pathToFileURL(this.#file).href, (text) => this.#say(text));
    this.#thread = thread;
    const { startMs } = this.#times;
    try {
      const manifest = (await thread.call("describe", [], startMs)) as PluginManifest;
      this.#description = readManifest(manifest, settings);
      await thread.call("start", [{ settings, contract: PLUGIN_CONTRACT }], startMs);
      return thread;
    } catch (error) {
      await thread.close();
      throw error;
    }
  }

  #configuration(): Configuration {
    const path = this.#file.replace(/\.mjs$/, ".json");
    if (!existsSync(path)) return { settings: {}, isRequired: false };
    let given: unknown;
    try {
      given = JSON.parse(readFileSync(path, "utf8"));
    } catch (error) {
      throw new PluginFault(`${this.name}.json: ${(error as Error).message}`);
    }
    const { settings = {}, required = false, ...more } = Object(given) as Record<string, unknown>;
    const [unknown] = Object.keys(more);
    if (unknown !== undefined || typeof settings !== "object" || settings === null || typeof required !== "boolean")
      throw new PluginFault(`${this.name}.json: expected { "settings": {…}, "required": true or false }`);
    return { settings: settings as Configuration["settings"], isRequired: required };
  }

  #note(message: string): void {
    this.#message = message;
    this.#say(message);
  }

  /** What it prints, and what is said of it; not more than one reads. */
  #say(text: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#sayings.sinceMs > SAYINGS_WINDOW_MS) this.#sayings = { sinceMs: nowMs, count: 0 };
    if (++this.#sayings.count <= SAYINGS_MAX) this.#warn(text);
  }
}

const ASKED = ["start", "submission", "event", "stage", "image"] as const;

/** @returns which name was meant, when this is nearly one */
function slipFor(name: string, names: readonly string[]): string | undefined {
  if (names.includes(name)) return undefined;
  return closestName(name, names, (meant) => Math.floor(meant.length / 4));
}

/** @throws PluginFault for what this hub cannot keep its side of */
function readManifest(manifest: PluginManifest, settings: unknown): Description {
  const { contract, version = null, description = "", settings: schema, events = [], hooks, functions } = manifest;
  if (contract !== PLUGIN_CONTRACT)
    throw new PluginFault(
      contract === undefined
        ? `its default export has no \`contract: ${PLUGIN_CONTRACT}\``
        : `it is for contract ${String(contract)}; this is ${PLUGIN_CONTRACT}`,
    );
  if ((version !== null && typeof version !== "string") || typeof description !== "string")
    throw new PluginFault("version and description: expected texts");
  if (!Array.isArray(events) || !events.every((what) => typeof what === "string" && /^[A-Z][A-Z_]*$/.test(what)))
    throw new PluginFault("events: expected words such as COMPLETED");
  if (events.some((what: string) => what.startsWith("PLUGIN_")))
    throw new PluginFault("events: what happens to plugins is told to none");
  // Another hub's events, and functions of its own, are its business; what nobody would ever ask or tell it is not.
  for (const name of functions) {
    const meant = slipFor(name, ASKED);
    if (meant !== undefined) throw new PluginFault(`${name}(): nobody asks for it; did you mean ${meant}()?`);
  }
  for (const what of events as readonly string[]) {
    const meant = slipFor(what, EVENT_NAMES);
    if (meant !== undefined) throw new PluginFault(`events: there is no ${what}; did you mean ${meant}?`);
  }
  if (events.length > 0 !== hooks.includes("event")) throw new PluginFault("events and event() belong together");
  if (schema !== undefined) {
    const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false });
    let isValid;
    try {
      isValid = ajv.validate(schema as object, settings);
    } catch (error) {
      throw new PluginFault(`its schema of settings: ${(error as Error).message}`);
    }
    if (!isValid) throw new PluginFault(ajv.errorsText(ajv.errors, { dataVar: "settings" }));
  }
  return { version, description, hooks: hooks as Description["hooks"], events: events as string[] };
}
