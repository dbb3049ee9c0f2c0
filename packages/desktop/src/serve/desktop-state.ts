/** What all pages of a desktop have in common: settings, the lock, how windows lie. */
import { Refusal } from "@stratos/volumes/rest-input";
import type { DesktopSettings } from "../arrange/settings.ts";

/** What a person has set, where it is kept. */
export interface KeptSettings {
  readonly settings: DesktopSettings;
  readonly hasPassphrase: boolean;
  /** @throws Refusal */
  change(value: unknown): void;
  /** @param text  empty: none. @throws Refusal */
  setPassphrase(text: unknown): void;
  unlocks(text: unknown): boolean;
}

interface StateWatcher {
  locked?(): void;
  settingsChanged?(): void;
}

/** A wrong passphrase costs so much time: of all that are tried, one after the other. */
const WRONG_MS = 1000;

export class DesktopState {
  readonly file: KeptSettings;
  #layout: object = {};
  /** How often it has changed. */
  layouts = 0;
  isLocked = false;
  readonly #watchers = new Set<StateWatcher>();
  #trying: Promise<void> = Promise.resolve();

  constructor(file: KeptSettings) {
    this.file = file;
  }

  /** As the page says it; a page that is loaded again asks for it. */
  get layout(): object {
    return this.#layout;
  }

  set layout(layout: object) {
    this.#layout = layout;
    this.layouts++;
  }

  watch(watcher: StateWatcher): void {
    this.#watchers.add(watcher);
  }

  settingsChanged(): void {
    for (const watcher of this.#watchers) watcher.settingsChanged?.();
  }

  /** @throws Refusal when nothing would unlock it */
  lock(): void {
    if (!this.file.hasPassphrase) throw new Refusal(409, "there is no passphrase: set one first");
    this.isLocked = true;
    for (const watcher of this.#watchers) watcher.locked?.();
  }

  unlock(): void {
    this.isLocked = false;
  }

  /** @throws Refusal */
  async mustUnlock(passphrase: unknown): Promise<void> {
    const turn = this.#trying.then(async () => {
      if (this.file.unlocks(passphrase)) return;
      await new Promise((resolve) => setTimeout(resolve, WRONG_MS));
      throw new Refusal(403, "this is not the passphrase");
    });
    this.#trying = turn.catch(() => {});
    return turn;
  }
}
