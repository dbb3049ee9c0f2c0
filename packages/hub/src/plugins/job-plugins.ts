/**
 * Plugins of one job on this host: of a build, which asks them before and after each stage, or of a compose, which asks
 * about each image. Each was named by the user, so that one which is broken or fails ends the job: none succeeds that a
 * plugin should have looked at.
 */
import { basename, resolve } from "node:path";
import type { PluginHook, PluginRefusal } from "@stratos/hub-api";
import { OperationError } from "@stratos/operation";
import { Plugin, PLUGIN_TIMES } from "./plugin.ts";
import { PluginFault } from "./plugin-thread.ts";

type JobHook = Extract<PluginHook, "stage" | "image">;

export class JobPlugins {
  readonly #plugins: readonly Plugin[];

  private constructor(plugins: readonly Plugin[]) {
    this.#plugins = plugins;
  }

  /**
   * @param files  modules, each with its settings beside it
   * @param hook  what the job asks; a plugin that has no such function is of no use to it
   * @throws OperationError
   */
  static async load(files: readonly string[], hook: JobHook, warn: (message: string) => void): Promise<JobPlugins> {
    // Why one is broken is the failure, and not told before it as well.
    const early: string[] = [];
    let say = (message: string): void => void early.push(message);
    const times = { times: PLUGIN_TIMES, warn: (message: string) => say(message) };
    const plugins = files.map((file) => new Plugin(basename(file, ".mjs"), resolve(file), times));
    const loaded = new JobPlugins(plugins);
    await Promise.all(plugins.map((plugin) => plugin.load()));
    for (const [index, plugin] of plugins.entries()) {
      const { state, message } = plugin.view();
      if (state !== "BROKEN" && plugin.has(hook)) continue;
      await loaded.close();
      throw new OperationError("build", files[index]!, state === "BROKEN" ? message! : `has no function ${hook}()`);
    }
    say = warn;
    for (const message of early) warn(message);
    return loaded;
  }

  /**
   * One after the other, in their order.
   *
   * @param signal  ends them all, and so the one that is asked
   * @returns why the job shall fail; undefined: no plugin says so
   */
  async ask(hook: JobHook, at: unknown, signal: AbortSignal): Promise<string | undefined> {
    signal.throwIfAborted();
    const end = (): void => void this.close();
    signal.addEventListener("abort", end, { once: true });
    try {
      for (const plugin of this.#plugins) {
        const { refuse } = Object(await plugin.call(hook, at)) as Partial<PluginRefusal>;
        if (refuse !== undefined) return `plugin ${plugin.name}: ${String(refuse).slice(0, 1_000)}`;
      }
      return undefined;
    } catch (error) {
      if (error instanceof PluginFault) return error.message;
      throw error;
    } finally {
      signal.removeEventListener("abort", end);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#plugins.map((plugin) => plugin.close()));
  }
}
