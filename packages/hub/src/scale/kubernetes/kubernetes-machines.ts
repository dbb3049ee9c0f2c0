/**
 * Workers as Jobs of a Kubernetes cluster. What is known of them is one list, kept true by a watch; both are looked
 * after at the scaler's ticks, which are the only clock here. While the API server is away what was seen last holds:
 * no worker counts as ended because nobody could ask.
 *
 * A Job that failed stays for a while, so that its pod's log can be read, and its name is not used meanwhile.
 */
import type { Machines } from "../scaler.ts";
import { KubernetesProblem, type JobClient, type JobObject } from "./job-client.ts";
import { jobName, readWorkerJob, selectorOf, type WorkerJob } from "./worker-job.ts";

/** Failed Jobs that stay. */
const FAILED_MAX = 3;

export class KubernetesMachines implements Machines {
  readonly stopsLater = true;
  readonly #pool: string;
  readonly #client: JobClient;
  readonly #job: (name: string) => unknown;
  readonly #tell: (message: string) => void;
  /** By worker. */
  #jobs = new Map<string, WorkerJob>();
  /** Those that were deleted here: a watch may still tell of their lives before. */
  #deleted = new Set<string>();
  /** Of the list that the watch goes on from; null: there is none to go on from. */
  #version: string | null = null;
  #watch: AbortController | null = null;
  #nowMs = 0;
  #waitUntilMs = -Infinity;
  #wait: KubernetesProblem | null = null;
  #told = new Set<string>();

  constructor(
    pool: string,
    client: JobClient,
    { job, tell }: { readonly job: (name: string) => unknown; readonly tell: (message: string) => void },
  ) {
    this.#pool = pool;
    this.#client = client;
    this.#job = job;
    this.#tell = tell;
  }

  /** @throws KubernetesProblem when it cannot be known which Jobs there are */
  async refresh(nowMs: number): Promise<void> {
    this.#nowMs = nowMs;
    if (this.#watch === null) {
      if (this.#version === null) await this.#list();
      this.#follow(this.#version!);
    }
    await this.#sweep();
  }

  has(name: string): boolean {
    const job = this.#jobs.get(name);
    return job !== undefined && job.end === null && !job.isDeleting;
  }

  names(): readonly string[] {
    return [...this.#jobs.keys()].filter((name) => this.has(name));
  }

  isKept(name: string): boolean {
    return this.#jobs.has(name) && !this.has(name);
  }

  words(name: string): string | null {
    const job = this.#jobs.get(name);
    if (job === undefined) return "its Job is gone";
    const kubectl = `kubectl -n ${this.#client.namespace}`;
    if (job.end !== null)
      return job.end.isFailed
        ? `its Job ${job.job} failed (${job.end.why}); \`${kubectl} logs job/${job.job}\` has its last words`
        : `its Job ${job.job} is complete`;
    if (job.isDeleting) return `its Job ${job.job} is being deleted`;
    if (job.active === 0) return `its Job ${job.job} has no pod: \`${kubectl} describe job ${job.job}\` says why`;
    if (job.ready !== 0) return null;
    return (
      `the pod of its Job ${job.job} is not ready, for want of room or of its image: ` +
      `\`${kubectl} describe pods -l job-name=${job.job}\` says why`
    );
  }

  async start(name: string): Promise<void> {
    let made: JobObject;
    try {
      made = await this.#ask(() => this.#client.create(this.#job(name)));
    } catch (error) {
      if (!(error instanceof KubernetesProblem) || error.reason !== "AlreadyExists") throw error;
      // Of a request whose answer was lost, of another scaler, or of somebody else.
      made = await this.#ask(() => this.#client.get(jobName(name)));
    }
    const job = readWorkerJob(made, this.#pool);
    if (job === null)
      throw new Error(`there is a Job ${jobName(name)} in ${this.#client.namespace} which is none of this pool's`);
    // The watch may have told more of it already.
    if (this.#jobs.get(name)?.uid !== job.uid) this.#jobs.set(name, this.#seen(job));
    if (!this.has(name)) throw new Error(this.words(name) ?? "its Job has ended");
  }

  async stop(name: string): Promise<void> {
    const job = this.#jobs.get(name);
    if (job !== undefined) await this.#delete(job);
  }

  /** Ends the watch; the Jobs stay. */
  close(): void {
    this.#watch?.abort();
  }

  async #delete({ worker, job, uid }: WorkerJob): Promise<void> {
    try {
      await this.#ask(() => this.#client.delete(job, uid));
    } catch (error) {
      // Gone already; or it is another of that name, which the next list shows.
      if (!(error instanceof KubernetesProblem) || (error.status !== 404 && error.status !== 409)) throw error;
      if (error.status === 409) this.#restart();
    }
    this.#deleted.add(uid);
    if (this.#jobs.get(worker)?.uid === uid) this.#jobs.delete(worker);
  }

  /** Heeds what the server asked for by Retry-After. */
  async #ask<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    if (this.#wait !== null && this.#nowMs < this.#waitUntilMs) throw this.#wait;
    this.#wait = null;
    try {
      return await work();
    } catch (error) {
      this.#heed(error);
      throw error;
    }
  }

  #heed(error: unknown): void {
    if (!(error instanceof KubernetesProblem) || error.retryAfterSeconds === null) return;
    this.#wait = error;
    this.#waitUntilMs = this.#nowMs + error.retryAfterSeconds * 1_000;
  }

  async #list(): Promise<void> {
    const { items, resourceVersion } = await this.#ask(() => this.#client.list(selectorOf(this.#pool)));
    this.#jobs = new Map();
    for (const item of items) {
      const job = readWorkerJob(item, this.#pool);
      if (job !== null) this.#jobs.set(job.worker, this.#seen(job));
    }
    const there = new Set(items.map(({ metadata }) => metadata?.uid));
    this.#deleted = new Set([...this.#deleted].filter((uid) => there.has(uid)));
    this.#version = resourceVersion;
  }

  #seen(job: WorkerJob): WorkerJob {
    return this.#deleted.has(job.uid) ? { ...job, isDeleting: true } : job;
  }

  #restart(): void {
    this.#watch?.abort();
    this.#watch = null;
    this.#version = null;
  }

  #follow(version: string): void {
    const watch = (this.#watch = new AbortController());
    void this.#watchFrom(version, watch.signal)
      .catch((error: unknown) => {
        if (this.#watch !== watch) return;
        // What comes after 410 (Gone), or a failure, is known by a list alone. Without a right to watch it goes on so.
        this.#version = null;
        this.#heed(error);
        const { status = 0, message } = error as Partial<KubernetesProblem>;
        if (status !== 410 && status !== 0) this.#once(`${message}; the list is asked for at each look instead`);
      })
      .finally(() => {
        if (this.#watch === watch) this.#watch = null;
      });
  }

  async #watchFrom(version: string, signal: AbortSignal): Promise<void> {
    for await (const { type, object } of this.#client.watch(selectorOf(this.#pool), version, signal)) {
      if (signal.aborted) return;
      // A watch that ends goes on from here.
      this.#version = object.metadata?.resourceVersion ?? this.#version;
      const job = type === "BOOKMARK" ? null : readWorkerJob(object, this.#pool);
      if (job === null) continue;
      const known = this.#jobs.get(job.worker);
      // What was deleted here speaks no more for its name.
      if (this.#deleted.has(job.uid) && known !== undefined && known.uid !== job.uid && type !== "DELETED") continue;
      if (type !== "DELETED") this.#jobs.set(job.worker, this.#seen(job));
      else {
        this.#deleted.delete(job.uid);
        if (known?.uid === job.uid) this.#jobs.delete(job.worker);
      }
    }
  }

  /** Deletes Jobs that are complete, and the eldest that failed. */
  async #sweep(): Promise<void> {
    const ended = [...this.#jobs.values()].filter(({ end, isDeleting }) => end !== null && !isDeleting);
    const failed = ended.filter(({ end }) => end!.isFailed);
    const kept = new Set(failed.slice(-FAILED_MAX));
    for (const job of ended) {
      if (kept.has(job)) continue;
      try {
        await this.#delete(job);
      } catch (error) {
        return this.#once(`${job.job} has ended and was not deleted: ${(error as Error).message}`);
      }
    }
  }

  /** What stays so is told once, as it would be told at each tick. */
  #once(message: string): void {
    if (this.#told.has(message)) return;
    if (this.#told.size >= 100) this.#told.clear();
    this.#told.add(message);
    this.#tell(message);
  }
}
