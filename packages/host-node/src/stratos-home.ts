import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { makeFolders } from "./make-folders.ts";

/**
 * Where Stratos keeps what outlives a run: `images/`, `downloads/`, `translations/`, `config.json`.
 *
 * `STRATOS_HOME`, else `$XDG_DATA_HOME/stratos`, else `~/.local/share/stratos` (XDG Base Directory Specification §3: a
 * relative XDG_DATA_HOME is to be ignored).
 */
export function stratosHome(environment: NodeJS.ProcessEnv = process.env): string {
  const own = environment["STRATOS_HOME"];
  if (own !== undefined && own !== "") return resolve(own);
  const data = environment["XDG_DATA_HOME"];
  if (data !== undefined && isAbsolute(data)) return join(data, "stratos");
  return join(homedir(), ".local", "share", "stratos");
}

/** A folder of STRATOS_HOME, made when absent. @throws Node's error for what keeps it from being made */
export function homeFolder(home: string, name: string): string {
  const path = join(home, name);
  makeFolders(path);
  return path;
}

/** What `config.json` may say; the command line comes first, then the environment, then this file. */
export interface StratosConfig {
  /** Debian mirror, as in an apt source (`STRATOS_MIRROR`). */
  readonly mirror?: string;
  /** Where the past of archives is found (`STRATOS_SNAPSHOTS`). */
  readonly snapshots?: string;
  /** Image that `run` and the shell take when none is named. */
  readonly image?: string;
  /** Memory of a machine, as `--memory` takes it. */
  readonly memory?: string;
}

/** @throws Error in words when the file is there and is not a JSON object of these strings */
export function readConfig(home: string): StratosConfig {
  const path = join(home, "config.json");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new Error(`${path}: ${(error as Error).message}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`${path}: not a JSON object`);
  for (const [key, entry] of Object.entries(value)) {
    if (!CONFIG_KEYS.includes(key))
      throw new Error(`${path}: unknown setting "${key}" (known: ${CONFIG_KEYS.join(", ")})`);
    if (typeof entry !== "string") throw new Error(`${path}: "${key}" is not a string`);
  }
  return value;
}

const CONFIG_KEYS: readonly string[] = ["mirror", "snapshots", "image", "memory"];
