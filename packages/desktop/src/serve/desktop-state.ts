/** What all pages of a desktop have in common: settings, the lock, how windows lie. */
import { Refusal } from "@stratos/volumes/serve";
import type { SettingsFile } from "./settings.ts";

/** A wrong passphrase costs so much time: of all that are tried, one after the other. */
const WRONG_MS = 1000;

export class DesktopState {
  readonly file: SettingsFile;
  /** As the page says it; a page that is loaded again asks for it. */
  layout: object = {};
  isLocked = false;
  readonly #watchers = new Set<{ locked(): void; settingsChanged(): void }>();
  #trying: Promise<void> = Promise.resolve();

  constructor(file: SettingsFile) {
    this.file = file;
  }

  watch(watcher: { locked(): void; settingsChanged(): void }): void {
    this.#watchers.add(watcher);
  }

  settingsChanged(): void {
    for (const watcher of this.#watchers) watcher.settingsChanged();
  }

  /** @throws Refusal when nothing would unlock it */
  lock(): void {
    if (!this.file.hasPassphrase) throw new Refusal(409, "there is no passphrase: set one first");
    this.isLocked = true;
    for (const watcher of this.#watchers) watcher.locked();
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
