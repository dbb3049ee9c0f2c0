/** What the host's own apt is set up with: sources, and the keyrings of Debian's archive. */
import { readFileSync, readdirSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { ControlError, MirrorError, NO_MIRROR, chooseMirror, parseSourcesList, parseSourcesStanzas, type SourceEntry } from "@stratos/pkg";

/** Where the package debian-archive-keyring puts the keys of Debian's archive. */
const KEYRING_PATHS = ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"];

export interface Mirror {
  uri: string;
  /** OpenPGP certificates that the host trusts for it, besides those that Stratos brings */
  keyrings: Uint8Array[];
}

/**
 * The mirror to use: `given` (`--mirror`), else STRATOS_MIRROR, else `configured` (config.json), else that of the host's apt.
 *
 * @throws MirrorError  none is known
 */
export function findMirror(options: { given?: string | undefined; configured?: string | undefined; environment?: NodeJS.ProcessEnv; aptFolder?: string } = {}): Mirror {
  const environment = options.environment ?? process.env;
  const keyrings = KEYRING_PATHS.map(readIfThere).filter((bytes) => bytes !== undefined).slice(0, 1);
  const named = options.given ?? (environment["STRATOS_MIRROR"] || undefined) ?? options.configured;
  if (named !== undefined) {
    if (!/^(https?|file):\/\//.test(named)) throw new MirrorError(`not a mirror's URL: ${named} (it begins with http://, https:// or file://)`);
    return { uri: named.replace(/\/+$/, ""), keyrings };
  }
  const chosen = chooseMirror(readAptSources(options.aptFolder ?? "/etc/apt"));
  if (chosen === undefined) throw new MirrorError(NO_MIRROR);
  const own = keyringOf(chosen);
  if (own !== undefined) keyrings.push(own);
  return { uri: chosen.uri.replace(/\/+$/, ""), keyrings };
}

/** All sources of an apt folder; files that cannot be read or parsed are passed over, since they are not ours to mend. */
export function readAptSources(folder: string): SourceEntry[] {
  const entries: SourceEntry[] = [];
  const list = readIfThere(join(folder, "sources.list"));
  if (list !== undefined) entries.push(...parseSourcesList(textOf(list)));
  let names: string[] = [];
  try {
    names = readdirSync(join(folder, "sources.list.d")).sort();
  } catch {
    // No such folder: apt is not there, or keeps its sources in one file.
  }
  for (const name of names) {
    const path = join(folder, "sources.list.d", name);
    const bytes = name.endsWith(".list") || name.endsWith(".sources") ? readIfThere(path) : undefined;
    if (bytes === undefined) continue;
    try {
      entries.push(...(name.endsWith(".list") ? parseSourcesList(textOf(bytes)) : parseSourcesStanzas(textOf(bytes), path)));
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
    }
  }
  return entries;
}

function keyringOf(entry: SourceEntry): Uint8Array | undefined {
  const { signedBy } = entry;
  if (signedBy === undefined) return undefined;
  if (signedBy.includes("BEGIN PGP")) return Buffer.from(signedBy.split("\n").map((line) => line.trim()).map((line) => (line === "." ? "" : line)).join("\n").trim());
  const path = signedBy.split(",")[0]!.trim();
  // What the default keyring holds need not be read twice.
  return isAbsolute(path) && !KEYRING_PATHS.includes(path) ? readIfThere(path) : undefined;
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}
