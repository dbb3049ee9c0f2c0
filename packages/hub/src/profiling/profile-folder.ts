/**
 * Profiles that are kept: `ID.cpuprofile`, and `ID.json` with what is known of it. The second comes last, so a profile
 * without it is none. Names of functions are in them, and no contents of memory; they are nobody else's business all
 * the same (0600).
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "@stratos/host-node/files";
import type { ProfileView } from "@stratos/hub-api";

export const PROFILE_ID = /^\d{8}T\d{9}Z-[0-9a-f]{6}$/;
const SUMMARY_BYTES_MAX = 1 << 20;
/** What a process that was killed left half written, or is just writing. */
const LEFT_MS = 3_600_000;

export interface KeptBounds {
  readonly keep: number;
  readonly bytesMax: number;
}

export class ProfileFolder {
  readonly #folder: string;
  #bounds: KeptBounds;

  constructor(folder: string, bounds: KeptBounds) {
    this.#folder = folder;
    this.#bounds = bounds;
  }

  /** Counts when the next one comes. */
  change(bounds: Partial<KeptBounds>): void {
    this.#bounds = { ...this.#bounds, ...bounds };
  }

  /** The newest first. */
  list(): ProfileView[] {
    const views: ProfileView[] = [];
    for (const id of this.#ids().reverse()) {
      const view = this.find(id);
      if (view !== null) views.push(view);
    }
    return views;
  }

  find(id: string): ProfileView | null {
    if (!PROFILE_ID.test(id)) return null;
    const path = this.#path(id, "json");
    try {
      if (statSync(path).size > SUMMARY_BYTES_MAX) return null;
      return JSON.parse(readFileSync(path, "utf8")) as ProfileView;
    } catch {
      // Another hub of this folder has just removed it.
      return null;
    }
  }

  /** @returns the bytes of its file; null: there is none */
  read(id: string): Buffer | null {
    if (this.find(id) === null) return null;
    try {
      return readFileSync(this.#path(id, "cpuprofile"));
    } catch {
      return null;
    }
  }

  /** @returns whether it was there */
  remove(id: string): boolean {
    const wasThere = this.find(id) !== null;
    if (PROFILE_ID.test(id)) for (const kind of ["json", "cpuprofile"]) rmSync(this.#path(id, kind), { force: true });
    return wasThere;
  }

  /** Keeps one, and gives up the oldest beyond the bounds. */
  add(view: Omit<ProfileView, "bytes">, profile: object): ProfileView {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    chmodSync(this.#folder, 0o700);
    const content = Buffer.from(JSON.stringify(profile));
    const kept = { ...view, bytes: content.length };
    const own = { mode: 0o600, flush: false };
    replaceFile(this.#path(view.id, "cpuprofile"), content, own);
    replaceFile(this.#path(view.id, "json"), `${JSON.stringify(kept)}\n`, own);
    this.#bound(view.id);
    return kept;
  }

  #bound(newest: string): void {
    let bytes = 0;
    let count = 0;
    // The one that has just been asked for stays, however large.
    for (const { id, bytes: each } of this.list()) {
      bytes += each;
      count++;
      if ((count > this.#bounds.keep || bytes > this.#bounds.bytesMax) && id !== newest) this.remove(id);
    }
    const now = Date.now();
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name);
      const id = name.split(".")[0]!;
      const isDraft = !/^[^.]*\.(?:json|cpuprofile)$/.test(name);
      const isLost = PROFILE_ID.test(id) && (isDraft || this.find(id) === null);
      if (isLost && now - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now) > LEFT_MS)
        rmSync(path, { force: true });
    }
  }

  #ids(): string[] {
    let names: string[] = [];
    try {
      names = readdirSync(this.#folder);
    } catch {
      // None was taken yet.
    }
    return names.flatMap((name) => (/\.json$/.test(name) ? [name.slice(0, -5)] : [])).sort();
  }

  #path(id: string, kind: string): string {
    return join(this.#folder, `${id}.${kind}`);
  }
}
