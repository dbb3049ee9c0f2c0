/** Profiles of a hub's own process. */

export interface ProfileView {
  /** Names it at the hub that keeps it; those that come later sort later. */
  readonly id: string;
  readonly at: string;
  /** `HOST:PID` of the process that it is of, and which it is: `stratos hub 1.0.0`. */
  readonly process: string;
  readonly software: string;
  /** Who asked for it; null: it was taken by the clock. */
  readonly by: string | null;
  /** How long it looked. */
  readonly seconds: number;
  /** Processor time that the whole process used meanwhile, other threads too. */
  readonly cpuSeconds: number;
  /** Share of the time in which its thread of JavaScript did something. */
  readonly loopBusy: number;
  /** Of the file `ID.cpuprofile`. */
  readonly bytes: number;
  readonly heap: HeapSummary;
}

/** Bytes, unless said otherwise. */
export interface HeapSummary {
  readonly rss: number;
  readonly used: number;
  readonly total: number;
  readonly limit: number;
  readonly external: number;
  readonly arrayBuffers: number;
  /** Contexts that V8 holds, and those that only a leak holds. */
  readonly contexts: number;
  readonly detachedContexts: number;
  readonly spaces: readonly { readonly name: string; readonly used: number; readonly size: number }[];
  /** By function: what was made while it looked, and was not given up by its end. Sampled; the largest first. */
  readonly allocated: readonly { readonly function: string; readonly where: string; readonly bytes: number }[];
}
