/**
 * The volumes that a service holds open, each under a name, and what it does with them between requests: commits, scheduled snapshots, freeing what was
 * deleted, scrubs. All runs on one thread, one piece after the other, so that requests never see each other half done.
 */
import { basename } from "node:path";
import { Scrub } from "@stratos/aegisfs";
import { CommandError, UsageError } from "../command-error.ts";
import { openVolume, type OpenedVolume, type VolumeAccess } from "../fs/open-volume.ts";
import { readSchedule, runSchedule } from "../fs/snapshot-schedule.ts";
import { expectResult } from "../fs/volume-error.ts";

/** How soon what a request did not make durable becomes so; and how often housekeeping looks for work. */
const COMMIT_MS = 5000;
const SCHEDULE_MS = 60_000;
const SCRUB_BLOCKS = 512;

export interface ScrubState { readonly running: boolean; readonly verifiedBytes: number; readonly totalBytes: number; readonly repairedBlocks: number; readonly lostBlocks: number }

export class ServedVolume {
  readonly name: string;
  readonly opened: OpenedVolume;
  readonly readOnly: boolean;
  #scrub: Scrub | null = null;
  #isScrubbing = false;
  scheduleRuns = 0;
  scheduleFailures = 0;

  constructor(name: string, opened: OpenedVolume, readOnly: boolean) {
    this.name = name;
    this.opened = opened;
    this.readOnly = readOnly;
  }

  /** Moves the volume's time; every request and every piece of work begins with it. */
  touch(): OpenedVolume {
    const now = Date.now();
    this.opened.volume.setTime(Math.floor(now / 1000), (now % 1000) * 1e6);
    return this.opened;
  }

  commit(): void {
    if (!this.readOnly) this.opened.commit();
  }

  startScrub(): void {
    this.#scrub ??= Scrub.resume(this.opened.volume);
    if (this.#scrub.done) this.#scrub = new Scrub(this.opened.volume);
    this.#isScrubbing = true;
  }

  pauseScrub(): void {
    if (!this.#isScrubbing) return;
    this.#isScrubbing = false;
    expectResult(this.name, this.#scrub!.pause());
  }

  get scrubState(): ScrubState | null {
    const scrub = this.#scrub;
    if (scrub === null) return null;
    const { verified, repaired, lost } = scrub.cursor;
    return { running: this.#isScrubbing, verifiedBytes: verified * 4096, totalBytes: scrub.total * 4096, repairedBlocks: repaired, lostBlocks: lost };
  }

  /** A small piece of what waits to be done. @returns true when there is more */
  workABit(): boolean {
    if (this.readOnly) return false;
    const { volume } = this.touch();
    const more = volume.reclaim(1) > 0;
    if (!this.#isScrubbing) return more;
    this.#isScrubbing = this.#scrub!.step(SCRUB_BLOCKS) === 1;
    return more || this.#isScrubbing;
  }

  runSchedule(): void {
    if (this.readOnly) return;
    this.touch();
    try {
      if (readSchedule(this.opened) === null) return;
      runSchedule(this.opened, Math.floor(Date.now() / 1000), false);
      this.scheduleRuns++;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.scheduleFailures++;
      process.stderr.write(`stratos: ${error.message}\n`);
    }
  }
}

export class ServedVolumes {
  readonly #volumes = new Map<string, ServedVolume>();
  readonly #timers: NodeJS.Timeout[] = [];
  #work: NodeJS.Immediate | null = null;

  /** @param texts  paths, or NAME=PATH. @throws CommandError */
  constructor(texts: readonly string[], access: VolumeAccess) {
    try {
      for (const text of texts) {
        const match = /^([A-Za-z0-9][\w.-]*)=(.+)$/.exec(text);
        const path = match === null ? text : match[2]!;
        const name = match === null ? basename(path).replace(/[^\w.-]/g, "-") : match[1]!;
        if (this.#volumes.has(name)) throw new UsageError(text, `another volume is called ${name} already; NAME=PATH gives it another name`);
        this.#volumes.set(name, new ServedVolume(name, openVolume(path, access), access === "read"));
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get all(): ServedVolume[] {
    return [...this.#volumes.values()];
  }

  find(name: string): ServedVolume | null {
    return this.#volumes.get(name) ?? null;
  }

  startHousekeeping(): void {
    this.#timers.push(setInterval(() => this.all.forEach((volume) => volume.commit()), COMMIT_MS));
    this.#timers.push(setInterval(() => this.all.forEach((volume) => volume.runSchedule()), SCHEDULE_MS));
    this.all.forEach((volume) => volume.runSchedule());
    this.wake();
  }

  /** There may be work: it is done in small pieces between requests. */
  wake(): void {
    this.#work ??= setImmediate(() => {
      this.#work = null;
      let more = false;
      for (const volume of this.all) more = volume.workABit() || more;
      if (more) this.wake();
    });
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    if (this.#work !== null) clearImmediate(this.#work);
    for (const volume of this.all) {
      try {
        volume.pauseScrub();
        volume.commit();
      } finally {
        volume.opened.close();
      }
    }
    this.#volumes.clear();
  }
}
