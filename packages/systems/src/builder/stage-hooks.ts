/** What is asked before and after each stage: the settings' programs, then plugins, loaded when a build begins. */
import type { HookJob, HookRunner } from "@stratos/builder";
import type { JobPlugins } from "@stratos/hub/plugins";

export class StageHooks implements HookRunner {
  readonly #programs: HookRunner;
  readonly #files: readonly string[];
  readonly #warn: (message: string) => void;
  #plugins: Promise<JobPlugins> | null = null;

  constructor(programs: HookRunner, files: readonly string[], warn: (message: string) => void = () => {}) {
    this.#programs = programs;
    this.#files = files;
    this.#warn = warn;
  }

  /** @throws OperationError for a plugin that is broken */
  async run(job: HookJob): Promise<string | undefined> {
    const failure = await this.#programs.run(job);
    if (failure !== undefined || this.#files.length === 0) return failure;
    this.#plugins ??= import("@stratos/hub/plugins").then(({ JobPlugins }) =>
      JobPlugins.load(this.#files, "stage", this.#warn),
    );
    return (await this.#plugins).ask("stage", { when: job.when, stage: job.stage, ...job.context }, job.signal);
  }

  async close(): Promise<void> {
    await (await this.#plugins?.catch(() => null))?.close();
  }
}
