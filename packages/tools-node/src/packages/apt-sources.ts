/** What the host's own apt is set up with: sources, proxies, and the keyrings of Debian's archive. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  AptConfigurationError,
  ControlError,
  MirrorError,
  NO_MIRROR,
  aptProxies,
  chooseMirror,
  isAptConfPart,
  parseSourcesList,
  parseSourcesStanzas,
  signedByOf,
  withOnly,
  type Keyring,
  type ProxyOf,
  type SourceEntry,
} from "@stratos/pkg";

/** Where the package debian-archive-keyring puts the keys of Debian's archive. */
const KEYRING_PATHS = [
  "/usr/share/keyrings/debian-archive-keyring.gpg",
  "/usr/share/keyrings/debian-archive-keyring.pgp",
];

export interface Mirror {
  uri: string;
  /** OpenPGP certificates that the host trusts for it, besides those that Stratos brings */
  keyrings: Keyring[];
}

/**
 * The mirror to use: `given` (`--mirror`), else STRATOS_MIRROR, else `configured` (config.json), else that of the
 * host's apt.
 *
 * @throws MirrorError  none is known
 */
export function findMirror(
  options: {
    given?: string | undefined;
    configured?: string | undefined;
    environment?: NodeJS.ProcessEnv;
    aptFolder?: string;
  } = {},
): Mirror {
  const environment = options.environment ?? process.env;
  const keyrings: Keyring[] = KEYRING_PATHS.map(readIfThere)
    .filter((bytes) => bytes !== undefined)
    .slice(0, 1);
  const named = options.given ?? (environment["STRATOS_MIRROR"] || undefined) ?? options.configured;
  if (named !== undefined) {
    if (!/^(https?|file):\/\//.test(named))
      throw new MirrorError(`not a mirror's URL: ${named} (it begins with http://, https:// or file://)`);
    return { uri: named.replace(/\/+$/, ""), keyrings };
  }
  const aptFolder = options.aptFolder ?? "/etc/apt";
  const chosen = chooseMirror(readAptSources(aptFolder));
  if (chosen === undefined) throw new MirrorError(NO_MIRROR);
  keyrings.push(...keyringsOf(chosen, aptFolder));
  return { uri: chosen.uri.replace(/\/+$/, ""), keyrings };
}

/**
 * All sources of an apt folder; files that cannot be read or parsed are passed over, since they are not ours to mend.
 */
export function readAptSources(folder: string): SourceEntry[] {
  const entries: SourceEntry[] = [];
  const list = readIfThere(join(folder, "sources.list"));
  if (list !== undefined) entries.push(...parseSourcesList(textOf(list)));
  for (const name of namesIn(join(folder, "sources.list.d"))) {
    const path = join(folder, "sources.list.d", name);
    const bytes = name.endsWith(".list") || name.endsWith(".sources") ? readIfThere(path) : undefined;
    if (bytes === undefined) continue;
    try {
      entries.push(
        ...(name.endsWith(".list") ? parseSourcesList(textOf(bytes)) : parseSourcesStanzas(textOf(bytes), path)),
      );
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
    }
  }
  return entries;
}

/** Proxies of an apt folder. What cannot be parsed says nothing, since it is not ours to mend. */
export function readAptProxies(folder = "/etc/apt"): ProxyOf {
  const texts: [string, string][] = [];
  const parts = namesIn(join(folder, "apt.conf.d")).filter(isAptConfPart);
  for (const name of [...parts.map((part) => join("apt.conf.d", part)), "apt.conf"]) {
    const bytes = readIfThere(join(folder, name));
    if (bytes !== undefined) texts.push([name, textOf(bytes)]);
  }
  try {
    return aptProxies(texts);
  } catch (error) {
    if (!(error instanceof AptConfigurationError)) throw error;
    return () => undefined;
  }
}

/** What a source wants to be signed by, besides what the default keyring holds, which need not be read twice. */
function keyringsOf(entry: SourceEntry, aptFolder: string): Keyring[] {
  if (entry.signedBy === undefined) return [];
  const { key, files, fingerprints } = signedByOf(entry);
  if (key !== undefined) return [key];
  const isOpen = files.length === 0;
  const paths = isOpen ? trustedFiles(aptFolder) : files.filter((path) => !KEYRING_PATHS.includes(path));
  return withOnly(
    paths.map(readIfThere).filter((bytes) => bytes !== undefined),
    fingerprints,
  );
}

/** apt-key(8), FILES: what apt trusts for every source. */
function trustedFiles(aptFolder: string): string[] {
  const parts = namesIn(join(aptFolder, "trusted.gpg.d")).filter((name) => /\.(gpg|asc)$/.test(name));
  return [join(aptFolder, "trusted.gpg"), ...parts.map((name) => join(aptFolder, "trusted.gpg.d", name))];
}

/** Sorted; none where there is no such folder. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
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
