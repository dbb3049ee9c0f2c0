/** What a person has set on a desktop in a tab: in a file of the origin, beside the machine's. */
import type { SyncAccessHandle } from "@stratos/host-browser";
import { Refusal } from "@stratos/volumes/rest-input";
import { DEFAULT_SETTINGS, type DesktopSettings, settingsFrom } from "../arrange/settings.ts";
import type { KeptSettings } from "../serve/desktop-state.ts";

export class TabSettings implements KeptSettings {
  /** Whoever has the browser has its files: a passphrase would keep nobody out. */
  readonly hasPassphrase = false;
  settings: DesktopSettings = DEFAULT_SETTINGS;
  readonly #file: SyncAccessHandle | null;

  /** @param file  null: they go with the tab. What cannot be read says nothing */
  constructor(file: SyncAccessHandle | null) {
    this.#file = file;
    if (file === null) return;
    const bytes = new Uint8Array(Math.min(file.getSize(), 1 << 16));
    file.read(bytes, { at: 0 });
    try {
      this.settings = settingsFrom(JSON.parse(new TextDecoder().decode(bytes))) ?? DEFAULT_SETTINGS;
    } catch {
      // As if it were not there: the next change writes it anew.
    }
  }

  /** @throws Refusal */
  change(value: unknown): void {
    const settings = settingsFrom(value);
    if (settings === null) throw new Refusal(400, "these are no settings of a desktop");
    this.settings = settings;
    if (this.#file === null) return;
    this.#file.truncate(0);
    this.#file.write(new TextEncoder().encode(JSON.stringify(settings)), { at: 0 });
    this.#file.flush();
  }

  setPassphrase(): void {
    throw new Refusal(409, "a desktop in a tab has no passphrase: who has this browser has its files");
  }

  unlocks(): boolean {
    return true;
  }
}
