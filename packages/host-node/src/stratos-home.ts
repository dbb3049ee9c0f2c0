import { readFileSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { closestName, slipsOfWord } from "@stratos/base";
import { OperationError } from "@stratos/operation";
import { textOfFile } from "./text-of-file.ts";
import { makeFolders } from "./make-folders.ts";
import { userHome } from "./own-user.ts";
import { failedAt } from "./whole-file.ts";

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
  return join(userHome(), ".local", "share", "stratos");
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

/**
 * @throws OperationError of kind option when the file is not a JSON object of these strings; Node's error for what
 *   keeps it from being read
 */
export function readConfig(home: string): StratosConfig {
  const path = configPath(home);
  let text: string;
  try {
    text = textOfFile(readFileSync(path), path, "option");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    if (error instanceof OperationError) throw error;
    // What is read of a folder has no name in what the host says.
    throw failedAt(path, error);
  }
  const refuse = (why: string): never => {
    throw new OperationError("option", path, why);
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refuse(`is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return refuse(`is not an object of settings, such as {"memory": "1G"}`);
  for (const [key, entry] of Object.entries(value)) {
    if (!CONFIG_KEYS.includes(key)) {
      const meant = closestName(key, CONFIG_KEYS, slipsOfWord);
      const hint = meant === undefined ? `there are ${CONFIG_KEYS.join(", ")}` : `did you mean "${meant}"?`;
      refuse(`unknown setting "${key}"; ${hint}`);
    }
    if (typeof entry !== "string") refuse(`"${key}": expected a string, in quotes`);
  }
  return value;
}

/** The file that `readConfig` reads. */
export function configPath(home: string): string {
  return join(home, "config.json");
}

const CONFIG_KEYS: readonly string[] = ["mirror", "snapshots", "image", "memory"];
