/**
 * The volumes that a service holds open, each under a name, and what it does with them between requests: commits,
 * scheduled snapshots, freeing what was deleted, scrubs. All runs on one thread, one piece after the other, so that
 * requests never see each other half done.
 */
import { basename } from "node:path";
import { Scrub } from "@stratos/aegisfs";
import { OperationError } from "@stratos/operation";
import type { ScrubState } from "../listed.ts";
import { openVolume, type OpenedVolume, type VolumeAccess } from "../open-volume.ts";
import { makeBackup, readManifest } from "../backup/backup.ts";
import { openBackupStore } from "../backup/backup-store.ts";
import { ownVolume } from "../backup/backup-volume.ts";
import { readSchedule, runSchedule, writeSchedule } from "../snapshot-schedule.ts";
import { expectResult } from "../volume-error.ts";
import { PERIOD_SECONDS, type ConfiguredVolume } from "./volume-config.ts";

/** How soon what a request did not make durable becomes so; and how often housekeeping looks for work. */
const COMMIT_MS = 5000;
const SCHEDULE_MS = 60_000;
const SCRUB_BLOCKS = 512;

export class ServedVolume {
  readonly name: string;
  readonly opened: OpenedVolume;
  readonly readOnly: boolean;
  #scrub: Scrub | null = null;
  #isScrubbing = false;
  scheduleRuns = 0;
  scheduleFailures = 0;
  backupRuns = 0;
  backupFailures = 0;
  readonly #config: ConfiguredVolume | null;
  /** When each store was backed up to last, in seconds; null: not asked yet. */
  readonly #backedUp = new Map<string, number>();
  #isBackingUp = false;
  readonly #onFailure: (words: string) => void;

  constructor(
    name: string,
    opened: OpenedVolume,
    readOnly: boolean,
    config: ConfiguredVolume | null,
    onFailure: (words: string) => void,
  ) {
    this.#onFailure = onFailure;
    this.#config = config;
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
    return {
      running: this.#isScrubbing,
      finished: scrub.done,
      verifiedBytes: verified * 4096,
      totalBytes: scrub.total * 4096,
      repairedBlocks: repaired,
      lostBlocks: lost,
    };
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

  /** Puts into the volume what its configuration says of it. */
  configure(): void {
    if (this.readOnly || this.#config?.snapshots === undefined) return;
    const { hourly, daily, weekly, monthly } = this.#config.snapshots;
    const isNone = hourly + daily + weekly + monthly === 0;
    writeSchedule(this.touch(), isNone ? null : { hourly, daily, weekly, monthly });
    this.commit();
  }

  /** Starts a scrub when the configuration asks for one and the last is long enough ago. @returns true when it did */
  scrubWhenDue(): boolean {
    if (this.readOnly || this.#isScrubbing || this.#config?.scrub === undefined) return false;
    const { volume } = this.touch();
    const last = Scrub.last(volume);
    if (last !== null && volume.seconds - last.started < PERIOD_SECONDS[this.#config.scrub.every]) return false;
    this.startScrub();
    return true;
  }

  /** Makes the backups that are due, one after the other. Failures are told, and tried again the next time. */
  async backUpWhenDue(): Promise<void> {
    if (this.readOnly || this.#isBackingUp) return;
    this.#isBackingUp = true;
    try {
      for (const { to, every, keep } of this.#config?.backups ?? []) {
        try {
          const store = openBackupStore(to);
          const last =
            this.#backedUp.get(to) ??
            Date.parse((await readManifest(store))?.entries.at(-1)?.createdAt ?? "1970-01-01") / 1000;
          this.#backedUp.set(to, last);
          if (Date.now() / 1000 - last < PERIOD_SECONDS[every]) continue;
          await makeBackup(ownVolume(this.touch()), store, { keep, isFull: false }, () => {});
          this.commit();
          this.#backedUp.set(to, Date.now() / 1000);
          this.backupRuns++;
        } catch (error) {
          if (!(error instanceof OperationError)) throw error;
          this.backupFailures++;
          this.#onFailure(error.message);
        }
      }
    } finally {
      this.#isBackingUp = false;
    }
  }

  runSchedule(): void {
    if (this.readOnly) return;
    this.touch();
    try {
      if (readSchedule(this.opened) === null) return;
      runSchedule(this.opened, Math.floor(Date.now() / 1000));
      this.scheduleRuns++;
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      this.scheduleFailures++;
      this.#onFailure(error.message);
    }
  }
}

export class ServedVolumes {
  readonly #volumes = new Map<string, ServedVolume>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #onFailure: (words: string) => void;
  #work: NodeJS.Immediate | null = null;

  /**
   * @param texts      paths, or NAME=PATH
   * @param onFailure  told of what failed between requests
   * @throws OperationError
   */
  constructor(
    texts: readonly string[],
    access: VolumeAccess,
    configured: readonly ConfiguredVolume[],
    onFailure: (words: string) => void,
  ) {
    this.#onFailure = onFailure;
    try {
      for (const config of configured)
        this.#volumes.set(
          config.name,
          new ServedVolume(config.name, openVolume(config.path, access), access === "read", config, onFailure),
        );
      for (const text of texts) {
        const match = /^([A-Za-z0-9][\w.-]*)=(.+)$/.exec(text);
        const path = match === null ? text : match[2]!;
        const name = match === null ? basename(path).replace(/[^\w.-]/g, "-") : match[1]!;
        if (this.#volumes.has(name))
          throw new OperationError(
            "option",
            text,
            `another volume is called ${name} already; NAME=PATH gives it another name`,
          );
        this.#volumes.set(name, new ServedVolume(name, openVolume(path, access), access === "read", null, onFailure));
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
    this.#timers.push(setInterval(() => this.#keep(), SCHEDULE_MS));
    for (const volume of this.all) volume.configure();
    this.#keep();
  }

  #keep(): void {
    for (const volume of this.all) {
      volume.runSchedule();
      volume.scrubWhenDue();
      volume.backUpWhenDue().catch((error: unknown) => this.#onFailure(`internal error: ${String(error)}`));
    }
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
