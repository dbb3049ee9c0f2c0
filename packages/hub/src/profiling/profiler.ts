/** Profiles of this process, by the clock and when somebody asks: one at a time, for V8 has one profiler. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { ProfileView } from "@stratos/hub-api";
import { ProfileFolder, type KeptBounds } from "./profile-folder.ts";

export const PROFILE_SECONDS_MAX = 60;
/** Of a hub's or worker's own folder. */
export const PROFILE_FOLDER = "profiles";
export const PROFILE_DEFAULTS = { seconds: 10, keep: 48, bytesMax: 64 << 20 } as const;

export interface ProfilerSettings extends KeptBounds, ProfileTimes {
  readonly folder: string;
}

interface ProfileTimes {
  /** From the end of one to the beginning of the next; null: only when somebody asks. */
  readonly everySeconds: number | null;
  /** How long each looks. */
  readonly seconds: number;
}

interface ProfilerOptions extends ProfilerSettings {
  readonly software: string;
  readonly warn: (message: string) => void;
}

export class Profiler {
  readonly kept: ProfileFolder;
  readonly #options: ProfilerOptions;
  #times: ProfileTimes;
  #isStarted = false;
  readonly #ending = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #taking: Promise<ProfileView | null> | null = null;
  /** For the metrics: how long the last took, with its writing, and how many did since the start. */
  lastSeconds = 0;
  taken = 0;
  failures = 0;

  constructor(options: ProfilerOptions) {
    this.#options = options;
    this.#times = options;
    this.kept = new ProfileFolder(options.folder, options);
  }

  /** From now on. */
  change({ keep, bytesMax, ...times }: Partial<ProfileTimes & KeptBounds>): void {
    this.kept.change({ ...(keep === undefined ? {} : { keep }), ...(bytesMax === undefined ? {} : { bytesMax }) });
    this.#times = { ...this.#times, ...times };
    if (this.#isStarted) this.start();
  }

  start(): void {
    this.#isStarted = true;
    const { warn } = this.#options;
    const { everySeconds, seconds } = this.#times;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (everySeconds === null || this.#ending.signal.aborted) return;
    this.#timer = setTimeout(() => {
      // Another one looks already: that has to do.
      void (this.#taking ?? this.take(seconds, null))
        .catch((error: unknown) => warn(`profile: ${(error as Error).message}`))
        .finally(() => this.start());
    }, everySeconds * 1_000);
    this.#timer.unref();
  }

  get isTaking(): boolean {
    return this.#taking !== null;
  }

  get defaultSeconds(): number {
    return this.#times.seconds;
  }

  /** @returns null: the process ends. While {@link isTaking}, nobody may ask for another. */
  take(seconds: number, by: string | null): Promise<ProfileView | null> {
    if (this.#taking !== null) throw new Error("a profile is being taken");
    this.#taking = this.#take(seconds, by)
      .catch((error: unknown) => {
        this.failures++;
        throw error;
      })
      .finally(() => (this.#taking = null));
    return this.#taking;
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#ending.abort();
    await this.#taking?.catch(() => {});
  }

  async #take(seconds: number, by: string | null): Promise<ProfileView | null> {
    const at = new Date();
    const startedMs = performance.now();
    // Node's inspector, and what it brings, is loaded where it is used.
    const { takeProfile } = await import("./take-profile.ts");
    const taken = await takeProfile(seconds, this.#ending.signal);
    if (taken === null) return null;
    const { profile, ...facts } = taken;
    const stamp = at.toISOString().replace(/[-:.]/g, "");
    const view = this.kept.add(
      {
        id: `${stamp}-${randomBytes(3).toString("hex")}`,
        at: at.toISOString(),
        process: `${hostname()}:${process.pid}`,
        software: this.#options.software,
        by,
        ...facts,
      },
      profile,
    );
    this.lastSeconds = (performance.now() - startedMs) / 1_000;
    this.taken++;
    return view;
  }
}
