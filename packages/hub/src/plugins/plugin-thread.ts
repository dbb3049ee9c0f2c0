/**
 * A plugin's thread: whatever it does (throw, loop, fill its memory, exit), the hub's own thread goes on. It keeps out
 * faults, not malice: a plugin may read what the hub's user may.
 */
import { Worker } from "node:worker_threads";

/** What a plugin did, or left undone, in words. */
export class PluginFault extends Error {}

export interface PluginManifest {
  readonly contract: unknown;
  readonly version: unknown;
  readonly description: unknown;
  readonly settings: unknown;
  readonly events: unknown;
  readonly hooks: readonly string[];
  /** Those and others: what is nearly the name of one is a slip. */
  readonly functions: readonly string[];
}

const HEAP_MB = 128;
const MESSAGE_MAX = 500;

/** As text: a file beside this one would be another in each bundle. What cannot be JSON is a fault of its own. */
const THREAD = `
const { parentPort, workerData } = require("node:worker_threads");
const plugin = import(workerData).then((module) => module.default);
plugin.catch(() => {});
const hooks = {
  describe: async () => {
    const { contract, version, description, settings, events, submission, event, stage, image } = Object(await plugin);
    const given = (functions) =>
      Object.entries(functions).filter(([, work]) => typeof work === "function").map(([name]) => name);
    const hooks = given({ submission, event, stage, image });
    return { contract, version, description, settings, events, hooks, functions: given(Object(await plugin)) };
  },
  start: async (about) => void (await (await plugin).start?.(about)),
  event: async (event, about) => (await plugin).event(event, about),
  stage: async (at) => (await plugin).stage(at),
  image: async (at) => (await plugin).image(at),
  submissions: async (tasks, about) => {
    const owner = await plugin;
    const answers = [];
    for (const task of tasks) answers.push((await owner.submission(task, about)) ?? task);
    return answers;
  },
};
parentPort.on("message", async ({ id, hook, given }) => {
  try {
    const json = JSON.stringify((await hooks[hook](...given)) ?? null);
    parentPort.postMessage({ id, json });
  } catch (error) {
    parentPort.postMessage({ id, fault: String(error?.message ?? error) });
  }
});`;

export type PluginVerb = "describe" | "start" | "event" | "submissions" | "stage" | "image";

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (fault: PluginFault) => void;
  readonly timer: NodeJS.Timeout;
}

export class PluginThread {
  readonly #thread: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #fault: PluginFault | null = null;

  /** @param url  of its module @param say  for what it prints */
  constructor(url: string, say: (text: string) => void) {
    this.#thread = new Worker(THREAD, {
      eval: true,
      workerData: url,
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    for (const stream of [this.#thread.stdout, this.#thread.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => say(text.trimEnd().slice(0, MESSAGE_MAX)));
    this.#thread.on("message", ({ id, json, fault }: { id: number; json?: string; fault?: string }) => {
      const waiting = this.#waiting.get(id);
      if (waiting === undefined) return;
      this.#waiting.delete(id);
      clearTimeout(waiting.timer);
      if (json === undefined) waiting.reject(new PluginFault(String(fault).slice(0, MESSAGE_MAX)));
      else waiting.resolve(JSON.parse(json));
    });
    this.#thread.on("error", (error) => this.#end(`it fell: ${String(error.message).slice(0, MESSAGE_MAX)}`));
    this.#thread.on("exit", () => this.#end("its thread ended"));
    // It keeps no hub alive that would end.
    this.#thread.unref();
  }

  get isOver(): boolean {
    return this.#fault !== null;
  }

  /** @throws PluginFault; one that takes longer than `timeoutMs` has its thread ended */
  call(hook: PluginVerb, given: readonly unknown[], timeoutMs: number) {
    return new Promise<unknown>((resolve, reject) => {
      if (this.#fault !== null) return reject(this.#fault);
      const id = ++this.#last;
      const timer = setTimeout(() => {
        this.#end(`${hook} took longer than ${timeoutMs / 1_000} s`);
        void this.#thread.terminate();
      }, timeoutMs);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#thread.postMessage({ id, hook, given });
    });
  }

  async close(): Promise<void> {
    this.#end("it was ended");
    await this.#thread.terminate();
  }

  #end(why: string): void {
    this.#fault ??= new PluginFault(why);
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(this.#fault);
    }
    this.#waiting.clear();
  }
}
