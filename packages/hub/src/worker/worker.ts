/**
 * `stratos worker`: takes tasks of a hub for one host.
 *
 * A run is the worker's for as long as its lease lasts, counted from when the request was *sent* that renewed it, or
 * that got it, less what the hub let it wait. When it cannot be renewed, the run is stopped, and its processes are
 * gone, before the lease ends: so no two hosts work on one task, whatever the network does. A result is told until the
 * hub has answered; an answer that does not name the run means that it was refused. A worker that is to end stops its
 * runs at once, and has some seconds to tell of them: a hub that is away finds out by the leases.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  HubProblem,
  type ArtefactCacheView,
  type ClaimAnswer,
  type ClaimedRun,
  type EndedRun,
  type HostRegistration,
  type HubClient,
  type RenewAnswer,
  type RunEnd,
} from "@stratos/hub-api";
import { mapTexts } from "../payloads/fill-texts.ts";
import { kindCapability } from "../payloads/task-kinds.ts";
import type { Executor, StopReason } from "./executor.ts";
import { LogSender } from "./log-sender.ts";
import { after } from "./pause.ts";
import { endLeftRuns, forgetRunFolder } from "./process-groups.ts";
import { uploadArtefacts } from "./upload.ts";

export { ArtefactCache } from "./artefact-cache.ts";
export { buildExecutor } from "./build-executor.ts";
export { commandExecutor } from "./command-executor.ts";
export { HostIdentity } from "./host-identity.ts";
export { downloadArtefact } from "./download-artefact.ts";
export { uploadArtefacts, type UploadFile } from "./upload.ts";
export type { Execution, ExecutionResult, Executor, StopReason } from "./executor.ts";

interface WorkerOptions {
  readonly client: HubClient;
  readonly host: string;
  readonly registration: HostRegistration;
  readonly executors: readonly Executor[];
  /** Of this worker alone. */
  readonly folder: string;
  readonly tell: (message: string) => void;
  /** Of the cache of artefacts; absent: there is none. */
  readonly artefacts?: () => ArtefactCacheView;
}

const CLAIM_WAIT_SECONDS = 30;
const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 5_000;
/**
 * Of a lease: when it is renewed, when a run that could not be renewed is stopped, and how long its processes have to
 * end.
 */
const RENEW_AT = 0.25;
const STOP_AT = 0.7;
const GRACE = 0.15;
/** At most: a lease may be of an hour. */
const GRACE_MS_MAX = 10_000;
/** A worker that ends has so long for the log and the end of each run; for a result longer, which would be lost. */
const LAST_WORDS_MS = 3_000;
const LAST_RESULT_MS = 10_000;
const WATCH_MS = 100;

interface ActiveRun {
  readonly claim: ClaimedRun;
  readonly stopper: AbortController;
  readonly log: LogSender;
  leaseEndMs: number;
  /** It is not told of any more after this, whatever its lease. */
  lastWordMs: number;
  readonly done: Promise<void>;
}

export class Worker {
  readonly #options: WorkerOptions;
  readonly #runs = new Map<number, ActiveRun>();
  readonly #ending = new AbortController();
  /** All runs have ended: no request is worth waiting for. */
  readonly #left = new AbortController();
  #session = "";
  #leaseMs = 60_000;
  #timer: NodeJS.Timeout | null = null;
  #renewing: Promise<void> | null = null;
  #renewedMs = 0;
  #poll = new AbortController();
  /** What the hub knows of the cache of artefacts, in this session. */
  #toldCache = "";
  #hearsOfCaches = false;
  /** What the claim under way asks for. */
  #asked = 0;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** Works until `stop`. @throws HubProblem when the hub does not let it */
  async run(): Promise<void> {
    const { folder, tell } = this.#options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const left = endLeftRuns(folder);
    if (left > 0) tell(`ended ${left} programs that a worker before this one left running`);
    await this.#register();
    tell(`host ${this.#options.host} serves ${this.#options.client.url}`);
    try {
      while (!this.#ending.signal.aborted) await this.#claim();
    } finally {
      await this.#leave();
    }
  }

  /** Stops runs, gives them back, and leaves the hub. */
  stop(): void {
    this.#ending.abort();
    this.#poll.abort();
  }

  get #path(): string {
    return `/hosts/${encodeURIComponent(this.#options.host)}`;
  }

  async #register(): Promise<void> {
    const { registration, executors } = this.#options;
    const kinds = executors.map(({ kind }) => kindCapability(kind)).filter((capability) => capability !== null);
    const answer = await this.#patiently(() =>
      this.#options.client.call<{ session: string; leaseSeconds: number; hearsOfCaches?: boolean }>(
        "PUT",
        this.#path,
        { ...registration, capabilities: [...(registration.capabilities ?? []), ...kinds] },
        { signal: this.#ending.signal },
      ),
    );
    if (answer === null) return;
    this.#session = answer.session;
    this.#toldCache = "";
    this.#hearsOfCaches = answer.hearsOfCaches === true;
    this.#setLease(answer.leaseSeconds);
  }

  #setLease(seconds: number): void {
    if (this.#timer !== null && this.#leaseMs === seconds * 1_000) return;
    this.#leaseMs = seconds * 1_000;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#watchLeases(), Math.max(this.#leaseMs / 20, 20));
  }

  /** Repeats what the network, or a hub that restarts, made fail. @returns null: the worker ends */
  async #patiently<Answer>(work: () => Promise<Answer>, until = (): number => Infinity): Promise<Answer | null> {
    for (let pauseMs = RETRY_MS_MIN; ; pauseMs = Math.min(pauseMs * 2, RETRY_MS_MAX)) {
      try {
        return await work();
      } catch (error) {
        if (error instanceof HubProblem && error.status < 500 && error.status !== 429) throw error;
        const untilMs = until();
        if (performance.now() + pauseMs > untilMs || (this.#ending.signal.aborted && untilMs === Infinity)) return null;
        if (pauseMs === RETRY_MS_MIN)
          this.#options.tell(`the hub cannot be reached (${(error as Error).message}); trying on`);
        if (untilMs === Infinity) await this.#pause(pauseMs);
        else await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }

  async #claim(): Promise<void> {
    const { client, registration } = this.#options;
    this.#poll = new AbortController();
    const holding = [...this.#runs.keys()];
    const slots = Math.max(registration.capacity - holding.length, 0);
    this.#asked = slots;
    const sentMs = performance.now();
    const artefactCache = this.#hearsOfCaches ? this.#options.artefacts?.() : undefined;
    const told = JSON.stringify(artefactCache) ?? "";
    try {
      const news = told === this.#toldCache ? {} : { artefactCache };
      const answer = await client.call<ClaimAnswer>(
        "POST",
        `${this.#path}/claim`,
        { session: this.#session, slots, waitSeconds: CLAIM_WAIT_SECONDS, start: true, holding, ...news },
        { signal: this.#poll.signal },
      );
      this.#setLease(answer.leaseSeconds);
      this.#toldCache = told;
      for (const run of answer.runs) this.#begin(run, sentMs + answer.heldMs);
      const canceled = answer.cancel.filter((run) => this.#stop(run, "CANCELED"));
      // Those are told again until they have ended.
      if (answer.runs.length === 0 && canceled.length === 0 && answer.cancel.length > 0)
        await this.#pause(RETRY_MS_MIN);
    } catch (error) {
      if (this.#poll.signal.aborted) return;
      if (error instanceof HubProblem && error.status === 404) await this.#register();
      else if (error instanceof HubProblem && error.status < 500 && error.status !== 429) {
        for (const run of this.#runs.keys()) this.#stop(run, "LOST");
        throw error;
      } else await this.#pause(RETRY_MS_MIN + Math.random() * RETRY_MS_MIN * 4);
    }
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#ending.signal.addEventListener(
        "abort",
        () => {
          clearTimeout(timer);
          resolve();
        },
        { once: true },
      );
    });
  }

  #begin(claim: ClaimedRun, fromMs: number): void {
    const stopper = new AbortController();
    const log = new LogSender(this.#options.client, this.#options.host, claim);
    let release = (): void => {};
    const done = new Promise<void>((resolve) => (release = resolve));
    const active: ActiveRun = { claim, stopper, log, leaseEndMs: fromMs + this.#leaseMs, lastWordMs: Infinity, done };
    this.#runs.set(claim.run, active);
    this.#options.tell(`task ${claim.task}, attempt ${claim.attempt}: ${claim.label || claim.kind}`);
    void this.#execute(active).finally(() => {
      this.#runs.delete(claim.run);
      release();
      // There is room again.
      if (this.#asked === 0) this.#poll.abort();
    });
  }

  async #execute(active: ActiveRun): Promise<void> {
    const { claim, stopper, log } = active;
    const folder = join(this.#options.folder, `run-${claim.run}`);
    const endTimeout = after(claim.timeoutSeconds * 1_000, () => stopper.abort("TIMEOUT" satisfies StopReason));
    let end: Omit<RunEnd, "run" | "token">;
    try {
      const executor = this.#options.executors.find(({ kind }) => kind === claim.kind);
      if (executor === undefined)
        end = {
          outcome: "FAILED",
          failureClass: "infrastructure",
          message:
            `host ${this.#options.host} has no executor for tasks of kind ${claim.kind}, but for ` +
            this.#options.executors.map(({ kind }) => kind).join(", "),
        };
      else {
        mkdirSync(folder, { mode: 0o700 });
        const {
          failure,
          result,
          artefacts = [],
        } = await executor.execute({
          run: claim,
          folder,
          signal: stopper.signal,
          graceMs: Math.min(this.#leaseMs * GRACE, GRACE_MS_MAX),
          log: (bytes) => log.write(bytes),
        });
        if (failure !== undefined)
          end = {
            outcome: "FAILED",
            failureClass: failure.class,
            message: failure.message,
            ...(result === undefined ? {} : { result }),
          };
        else {
          const uploaded = await uploadArtefacts(this.#options.client, artefacts, stopper.signal);
          end = {
            outcome: "COMPLETED",
            ...(result === undefined ? {} : { result }),
            ...(uploaded.length === 0 ? {} : { artefacts: uploaded }),
          };
        }
      }
    } catch (error) {
      // A request that was broken off fails with the signal's reason, a word.
      const message = error instanceof Error ? error.message : String(error);
      end = { outcome: "FAILED", failureClass: "infrastructure", message: message.slice(0, 2_000) };
    } finally {
      endTimeout();
      forgetRunFolder(folder);
    }
    const reason = stopper.signal.aborted ? (stopper.signal.reason as StopReason) : null;
    if (reason === "LOST") {
      log.stop();
      this.#options.tell(`task ${claim.task}: stopped, since its lease could not be kept`);
      return;
    }
    if (reason === "CANCELED") end = { outcome: "CANCELED", message: "stopped on request" };
    if (reason === "TIMEOUT")
      end = {
        outcome: "FAILED",
        failureClass: "timeout",
        message: `it took longer than ${claim.timeoutSeconds} s`,
      };
    if (reason === "WORKER_ENDS" && end.outcome !== "COMPLETED")
      end = { outcome: "RELEASED", message: "the worker ended" };
    this.#limitWords(active, end.outcome);
    await this.#flushLog(active, end.outcome);
    await this.#tellEnd(active, end);
  }

  #limitWords(active: ActiveRun, outcome: RunEnd["outcome"]): void {
    if (!this.#ending.signal.aborted || active.lastWordMs !== Infinity) return;
    active.lastWordMs = performance.now() + (outcome === "COMPLETED" ? LAST_RESULT_MS : LAST_WORDS_MS);
  }

  /** Until the run is nobody's any more at the latest: the hub may be away for longer. */
  async #flushLog(active: ActiveRun, outcome: RunEnd["outcome"]): Promise<void> {
    let watch: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      watch = setInterval(() => {
        this.#limitWords(active, outcome);
        const isLost = active.stopper.signal.reason === ("LOST" satisfies StopReason);
        if (isLost || performance.now() > this.#lastMs(active)) resolve();
      }, WATCH_MS);
    });
    await Promise.race([active.log.flush(), over]);
    clearInterval(watch);
    active.log.stop();
  }

  #lastMs({ leaseEndMs, lastWordMs }: ActiveRun): number {
    return Math.min(leaseEndMs, lastWordMs);
  }

  async #tellEnd(active: ActiveRun, end: Omit<RunEnd, "run" | "token">): Promise<void> {
    const { run, token, task } = active.claim;
    // A hub that hangs answers never.
    const over = new AbortController();
    const watch = setInterval(() => {
      this.#limitWords(active, end.outcome);
      if (performance.now() > this.#lastMs(active)) over.abort();
    }, WATCH_MS);
    const told = keptOf(end);
    try {
      const tell = (): Promise<{ ended: EndedRun[] }> =>
        this.#options.client.call(
          "POST",
          `${this.#path}/runs/end`,
          { runs: [{ run, token, ...told }] },
          { signal: over.signal },
        );
      let answer: { ended: EndedRun[] } | null = null;
      // Renewed meanwhile, so the end of the lease moves.
      while (answer === null && performance.now() < this.#lastMs(active))
        answer = await this.#patiently(tell, () => this.#lastMs(active));
      if (answer === null)
        return this.#options.tell(`task ${task}: ${end.outcome}, which the hub could not be told: it is away`);
      const [ended] = answer.ended;
      this.#options.tell(
        `task ${task}: ` +
          (ended === undefined
            ? "its result was refused: the run was not this host's any more"
            : `${end.outcome}${end.message === undefined ? "" : `: ${end.message}`}`),
      );
    } catch (error) {
      this.#options.tell(`task ${task}: ${(error as Error).message}`);
    } finally {
      clearInterval(watch);
    }
  }

  /** @returns whether it ran on until now */
  #stop(run: number, reason: StopReason): boolean {
    const active = this.#runs.get(run);
    if (active === undefined || active.stopper.signal.aborted) return false;
    active.stopper.abort(reason);
    return true;
  }

  #watchLeases(): void {
    const nowMs = performance.now();
    for (const [run, { leaseEndMs }] of this.#runs)
      if (nowMs > leaseEndMs - this.#leaseMs * (1 - STOP_AT)) this.#stop(run, "LOST");
    if (this.#runs.size > 0 && this.#renewing === null && nowMs - this.#renewedMs >= this.#leaseMs * RENEW_AT) {
      this.#renewing = this.#renew().finally(() => (this.#renewing = null));
    }
  }

  async #renew(): Promise<void> {
    const sentMs = performance.now();
    const runs = [...this.#runs.values()].map(({ claim: { run, token } }) => ({ run, token }));
    const patience = AbortSignal.timeout(Math.floor(this.#leaseMs * (STOP_AT - RENEW_AT)));
    try {
      const answer = await this.#options.client.call<RenewAnswer>(
        "POST",
        `${this.#path}/runs/renew`,
        { runs },
        { signal: AbortSignal.any([patience, this.#left.signal]) },
      );
      this.#renewedMs = sentMs;
      for (const run of answer.kept) {
        const active = this.#runs.get(run);
        if (active !== undefined) active.leaseEndMs = sentMs + this.#leaseMs;
      }
      for (const run of answer.lost) this.#stop(run, "LOST");
      for (const run of answer.cancel) this.#stop(run, "CANCELED");
    } catch {
      // Tried again at the next tick, until the lease is too old.
    }
  }

  async #leave(): Promise<void> {
    for (const run of this.#runs.keys()) this.#stop(run, "WORKER_ENDS");
    await Promise.all([...this.#runs.values()].map(({ done }) => done));
    this.#left.abort();
    if (this.#timer !== null) clearInterval(this.#timer);
    try {
      if (this.#session !== "")
        await this.#options.client.call(
          "POST",
          `${this.#path}/leave`,
          { session: this.#session },
          { signal: AbortSignal.timeout(LAST_WORDS_MS) },
        );
    } catch {
      // The hub finds out by silence.
    }
  }
}

const MESSAGE_MAX = 10_000;

/** What the hub would refuse, and with it the run's end: text that no database keeps, as programs write it. */
function keptOf(end: Omit<RunEnd, "run" | "token">): Omit<RunEnd, "run" | "token"> {
  const kept = (text: string): string => text.toWellFormed().replaceAll("\0", "\ufffd");
  return {
    ...end,
    ...(end.message === undefined ? {} : { message: kept(end.message.slice(0, MESSAGE_MAX)) }),
    ...(end.result === undefined ? {} : { result: mapTexts(end.result, kept) }),
  };
}
