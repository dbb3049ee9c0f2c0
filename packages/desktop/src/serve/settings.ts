/** What a person has set, in a file of the host: it is there again tomorrow, whatever address the page has then. */
import { randomBytes, scryptSync, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { replaceFile } from "@stratos/host-node/files";
import { Refusal } from "@stratos/volumes/rest-input";
import type { KeptSettings } from "./desktop-state.ts";
import { DEFAULT_SETTINGS, type DesktopSettings, settingsFrom } from "../arrange/settings.ts";

interface Kept {
  readonly settings: DesktopSettings;
  /** Of the passphrase that unlocks: salt and scrypt of it, in hexadecimal digits. */
  readonly lock?: { readonly salt: string; readonly digest: string };
}

const PASSPHRASE_MAX = 1024;

export class SettingsFile implements KeptSettings {
  readonly #path: string;
  #kept: Kept;

  /** What cannot be read says nothing. */
  constructor(path: string) {
    this.#path = path;
    this.#kept = { settings: DEFAULT_SETTINGS };
    if (!existsSync(path)) return;
    try {
      const { settings, lock } = JSON.parse(readFileSync(path, "utf8")) as Partial<Kept>;
      const isLock = typeof lock?.salt === "string" && typeof lock.digest === "string";
      this.#kept = { settings: settingsFrom(settings) ?? DEFAULT_SETTINGS, ...(isLock ? { lock } : {}) };
    } catch {
      // As if it were not there: the next change writes it anew.
    }
  }

  get settings(): DesktopSettings {
    return this.#kept.settings;
  }

  get hasPassphrase(): boolean {
    return this.#kept.lock !== undefined;
  }

  /** @throws Refusal */
  change(value: unknown): void {
    const settings = settingsFrom(value);
    if (settings === null) throw new Refusal(400, "these are no settings of a desktop");
    this.#write({ ...this.#kept, settings });
  }

  /** @param text  empty: none. @throws Refusal */
  setPassphrase(text: unknown): void {
    if (typeof text !== "string" || text.length > PASSPHRASE_MAX)
      throw new Refusal(400, `a passphrase is text of at most ${PASSPHRASE_MAX} characters`);
    const salt = randomBytes(16).toString("hex");
    const { lock: _, ...rest } = this.#kept;
    this.#write(text === "" ? rest : { ...rest, lock: { salt, digest: digestOf(text, salt) } });
  }

  unlocks(text: unknown): boolean {
    const { lock } = this.#kept;
    if (lock === undefined) return true;
    if (typeof text !== "string" || text.length > PASSPHRASE_MAX) return false;
    const [given, wanted] = [digestOf(text, lock.salt), lock.digest].map((each) => Buffer.from(each, "hex"));
    return given!.length === wanted!.length && timingSafeEqual(given!, wanted!);
  }

  #write(kept: Kept): void {
    this.#kept = kept;
    replaceFile(this.#path, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 });
  }
}

function digestOf(text: string, salt: string): string {
  return scryptSync(text, Buffer.from(salt, "hex"), 32).toString("hex");
}
