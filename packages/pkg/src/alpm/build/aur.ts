/**
 * The AUR's metadata over its RPC interface, version 5. Source: aurweb doc/rpc (info, search). Texts are Unicode, as in
 * JSON.
 */
import { byteString, byteStringToUtf8, utf8ToByteString } from "@stratos/base";
import { FetchError } from "../../ports.ts";
import { isAlpmName, type AlpmPackage } from "../alpm-package.ts";
import type { AlpmPorts } from "../system.ts";
import { fetchSmall } from "../transaction.ts";
import { isAlpmVersion } from "../version.ts";

export const AUR_URL = "https://aur.archlinux.org";

/** A package as the AUR describes it. */
export interface AurPackage extends AlpmPackage {
  readonly maintainer: string;
  readonly votes: number;
  readonly popularity: number;
  /** seconds since 1970 when it was flagged; 0 when it was not */
  readonly outOfDate: number;
  readonly lastModified: number;
  readonly keywords: readonly string[];
}

export type AurSearchBy = "name" | "name-desc" | "provides" | "depends" | "makedepends" | "maintainer" | "keywords";

/** The AUR answered something that is no answer, or an error. */
export class AurError extends Error {
  override name = "AurError";
}

/** Names in one request: addresses longer than some 4 kB are refused. */
const NAMES_PER_REQUEST = 100;
const ANSWER_SIZE_MAX = 64 << 20;

export class AurClient {
  readonly #ports: Pick<AlpmPorts, "fetcher">;
  readonly url: string;

  constructor(ports: Pick<AlpmPorts, "fetcher">, url = AUR_URL) {
    this.#ports = ports;
    this.url = url.replace(/\/+$/, "");
  }

  /** What is known of the names; those that the AUR does not have are missing. @throws AurError, FetchError */
  async info(names: readonly string[]): Promise<AurPackage[]> {
    const found: AurPackage[] = [];
    const asked = [...new Set(names)];
    for (let at = 0; at < asked.length; at += NAMES_PER_REQUEST) {
      const query = asked
        .slice(at, at + NAMES_PER_REQUEST)
        .map((name) => `arg%5B%5D=${encodeURIComponent(name)}`)
        .join("&");
      found.push(...(await this.#ask(`/rpc/v5/info?${query}`)));
    }
    return found;
  }

  /** Packages that match, the most popular first; they lack what only `info` tells (dependencies). */
  async search(word: string, by: AurSearchBy = "name-desc"): Promise<AurPackage[]> {
    const found = await this.#ask(`/rpc/v5/search/${encodeURIComponent(word)}?by=${by}`);
    return found.sort(
      (one, other) => other.popularity - one.popularity || other.votes - one.votes || (one.name < other.name ? -1 : 1),
    );
  }

  /** Where git finds the recipe of a base. */
  gitUrl(base: string): string {
    if (!isAlpmName(base)) throw new AurError(`not a package name: ${base.slice(0, 60)}`);
    return `${this.url}/${base}.git`;
  }

  async #ask(path: string): Promise<AurPackage[]> {
    let bytes: Uint8Array;
    try {
      bytes = await fetchSmall(this.#ports, `${this.url}${path}`, ANSWER_SIZE_MAX);
    } catch (error) {
      if (!(error instanceof FetchError)) throw error;
      throw new AurError(`the AUR cannot be asked: ${error.message}`, { cause: error });
    }
    let answer: { type?: unknown; error?: unknown; results?: unknown };
    try {
      answer = JSON.parse(byteStringToUtf8(byteString(bytes))) as typeof answer;
    } catch (cause) {
      throw new AurError("the AUR answered something that is no JSON", { cause });
    }
    if (answer.type === "error") throw new AurError(`the AUR refused: ${String(answer.error).slice(0, 200)}`);
    if (!Array.isArray(answer.results)) throw new AurError("the AUR answered without results");
    return answer.results.map(packageOf);
  }
}

function packageOf(value: unknown): AurPackage {
  const one = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const text = (key: string): string => (typeof one[key] === "string" ? utf8ToByteString(one[key]) : "");
  const list = (key: string): string[] =>
    Array.isArray(one[key]) ? one[key].filter((item) => typeof item === "string").map(utf8ToByteString) : [];
  const number = (key: string): number => (typeof one[key] === "number" && Number.isFinite(one[key]) ? one[key] : 0);
  const name = text("Name"),
    version = text("Version"),
    base = text("PackageBase");
  if (!isAlpmName(name) || !isAlpmName(base))
    throw new AurError(`the AUR names a package "${name.slice(0, 60)}" of "${base.slice(0, 60)}"`);
  if (!isAlpmVersion(version)) throw new AurError(`the AUR gives ${name} the version "${version.slice(0, 60)}"`);
  return {
    name,
    version,
    base,
    description: text("Description"),
    url: text("URL"),
    architecture: "any",
    packager: "",
    buildDate: 0,
    installedSize: 0,
    licenses: list("License"),
    groups: list("Groups"),
    depends: list("Depends"),
    optionalDepends: list("OptDepends"),
    makeDepends: list("MakeDepends"),
    checkDepends: list("CheckDepends"),
    conflicts: list("Conflicts"),
    provides: list("Provides"),
    replaces: list("Replaces"),
    extraData: [],
    maintainer: text("Maintainer"),
    votes: number("NumVotes"),
    popularity: number("Popularity"),
    outOfDate: number("OutOfDate"),
    lastModified: number("LastModified"),
    keywords: list("Keywords"),
  };
}
