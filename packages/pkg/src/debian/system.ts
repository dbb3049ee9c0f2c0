/**
 * A system as its own files describe it: what is installed, where packages come from, which versions are preferred. The
 * files come from wherever the system stands, an image or a folder.
 */
import { aptSettings, type AptSettings, isAptConfPart } from "./apt-configuration.ts";
import type { OnProgress, PackagePorts } from "../ports.ts";
import { InstalledState, parseInstalledState } from "./installed-state.ts";
import { PackageIndex } from "./package-index.ts";
import { signedByOf, withOnly, type Keyring } from "./keyring.ts";
import { parsePreferences, priorities, requireRelease, targetRelease, type Pin } from "./policy.ts";
import { isFlat, loadRepository, releaseOf, type RepositorySource } from "./repository.ts";
import {
  isForArchitecture,
  MirrorError,
  NO_SNAPSHOTS,
  parseSourcesList,
  parseSourcesStanzas,
  requireSnapshotTime,
  snapshotUri,
  type SourceEntry,
} from "./sources.ts";
import { trixieKeyrings } from "./trixie-keys.ts";

/** Reads files of a system; paths are relative to its root. */
export interface SystemFiles {
  /** undefined when there is no such file */
  read(path: string): Uint8Array | undefined;
  /** names in a folder, sorted; none when there is no such folder */
  list(path: string): string[];
}

export interface DebianSystem {
  architecture: string;
  foreignArchitectures: string[];
  state: InstalledState;
  sources: SourceEntry[];
  pins: Pin[];
  /** what apt is set to do */
  settings: AptSettings;
}

const STATUS = "var/lib/dpkg/status";
const TRUSTED_PARTS = "etc/apt/trusted.gpg.d";
export const EXTENDED_STATES = "var/lib/apt/extended_states";

/**
 * @param latin1  bytes as a byte string
 * @throws ControlError, PolicyError, AptConfigurationError  one of its files is malformed
 */
export function readSystem(
  files: SystemFiles,
  architecture: string,
  latin1: (bytes: Uint8Array) => string,
): DebianSystem {
  const text = (path: string): string => latin1(files.read(path) ?? new Uint8Array(0));
  const sources = parseSourcesList(text("etc/apt/sources.list"));
  for (const name of files.list("etc/apt/sources.list.d")) {
    const path = `etc/apt/sources.list.d/${name}`;
    if (name.endsWith(".list")) sources.push(...parseSourcesList(text(path)));
    else if (name.endsWith(".sources")) sources.push(...parseSourcesStanzas(text(path), path));
  }
  const pins = parsePreferences(text("etc/apt/preferences"), "etc/apt/preferences");
  // apt_preferences(5): no extension, or .pref.
  for (const name of files.list("etc/apt/preferences.d"))
    if (/^[A-Za-z0-9_-]+(\.pref)?$/.test(name))
      pins.push(...parsePreferences(text(`etc/apt/preferences.d/${name}`), `etc/apt/preferences.d/${name}`));
  const foreignArchitectures = text("var/lib/dpkg/arch")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && line !== architecture);
  const named = (path: string): [string, string] => [path, text(path)];
  return {
    architecture,
    foreignArchitectures,
    sources,
    pins,
    settings: aptSettings({
      // apt.conf(5): the parts first.
      apt: [
        ...files
          .list("etc/apt/apt.conf.d")
          .filter(isAptConfPart)
          .map((name) => named(`etc/apt/apt.conf.d/${name}`)),
        named("etc/apt/apt.conf"),
      ],
      dpkg: [
        ...files
          .list("etc/dpkg/dpkg.cfg.d")
          .filter((name) => /^[A-Za-z0-9_-]+$/.test(name))
          .map((name) => text(`etc/dpkg/dpkg.cfg.d/${name}`)),
        text("etc/dpkg/dpkg.cfg"),
      ],
    }),
    state: parseInstalledState(text(STATUS), text(EXTENDED_STATES), architecture),
  };
}

export interface SystemIndexOptions {
  lists: "fresh" | "kept";
  /** stands for the URI of each source that is a mirror of Debian's main archive */
  mirror?: string | undefined;
  /** trusted besides Debian's keys and those that a source names */
  keyrings: readonly Keyring[];
  /** as `apt -t` */
  targetRelease?: string | undefined;
  /** each source as it was then, unless it says a time itself or that it has none */
  snapshot?: string | undefined;
  /** where snapshots are, as {@link snapshotUri} takes it; else where a source's own Release file says */
  snapshots?: string | undefined;
}

/**
 * The packages that a system's sources offer, with those that it has.
 *
 * @throws ReleaseError, FetchError, IntegrityError
 * @throws PolicyError  no source is of the release that is to be preferred
 * @throws MirrorError  a source as it was at another time, and that is no time, or no place is known for it; or a
 *   source that says wrongly who signs it
 */
export async function loadSystemIndex(
  ports: PackagePorts,
  files: SystemFiles,
  system: DebianSystem,
  options: SystemIndexOptions,
  onProgress: OnProgress,
): Promise<PackageIndex> {
  const index = new PackageIndex(system.architecture);
  const { settings } = system;
  for (const name of settings.withoutEffect)
    onProgress({ phase: "warning", name: `apt.conf of the system: ${name}: has no effect here` });
  // What is no time is so whether or not somebody keeps snapshots.
  if (options.snapshot !== undefined) requireSnapshotTime(options.snapshot);
  for (const source of system.sources) {
    if (source.components.length === 0 && !isFlat(source)) {
      onProgress({
        phase: "warning",
        name: `${source.uri} ${source.suite}: a source without components, which is passed over`,
      });
      continue;
    }
    const isMain = options.mirror !== undefined && /\/debian\/?$/.test(source.uri);
    for (const architecture of [system.architecture, ...system.foreignArchitectures]) {
      if (!isForArchitecture(source, architecture)) continue;
      const snapshot = isFlat(source) ? undefined : (source.snapshot ?? options.snapshot);
      const place: RepositorySource = {
        uri: isMain ? options.mirror! : source.uri,
        suite: source.suite,
        components: source.components,
        architecture,
        lists: options.lists,
        isArchitectureOptional: true,
        ...(source.isTrusted === true ? { isTrusted: true } : {}),
        ...(source.isExpiredGood === true || settings.isExpiredGood ? { isExpiredGood: true } : {}),
        keyrings: keyringsOf(source, files, [...trixieKeyrings(), ...options.keyrings], isMain),
      };
      if (snapshot === undefined || snapshot === "no") await loadRepository(ports, place, index, onProgress);
      else {
        requireSnapshotTime(snapshot);
        // What was valid then has expired; the time that was asked for says how old it is.
        const template = options.snapshots ?? (await releaseOf(ports, place, onProgress)).snapshots;
        if (template === undefined) throw new MirrorError(`${place.uri} ${place.suite}: ${NO_SNAPSHOTS}`);
        await loadRepository(
          ports,
          { ...place, uri: snapshotUri(template, source.uri, snapshot), isExpiredGood: true },
          index,
          onProgress,
        );
      }
    }
  }
  const preferred = options.targetRelease ?? settings.defaultRelease;
  if (preferred !== undefined)
    requireRelease(
      preferred,
      index.origins(),
      options.targetRelease === undefined ? "APT::Default-Release" : "--target",
    );
  const pins = preferred === undefined ? system.pins : [...system.pins, targetRelease(preferred)];
  if (pins.length > 0) index.setPriorities(priorities(pins));
  system.state.joinIndex(index);
  return index;
}

/**
 * The keys that a source trusts: a key in the source itself, or files of the system, of which it may want some keys
 * only. @throws MirrorError
 */
function keyringsOf(source: SourceEntry, files: SystemFiles, archives: readonly Keyring[], isMain: boolean): Keyring[] {
  const signedBy = signedByOf(source);
  const keyrings: Keyring[] = [];
  const isOpen = signedBy.key === undefined && signedBy.files.length === 0;
  // Debian's own keys are built in, and count for a source that names no others.
  if (isMain || isOpen || signedBy.files.some((path) => path.includes("/debian-archive-"))) keyrings.push(...archives);
  if (signedBy.key !== undefined) keyrings.push(signedBy.key);
  // apt-key(8), FILES: what the system trusts for every source.
  const trusted = (): string[] => [
    "etc/apt/trusted.gpg",
    ...files
      .list(TRUSTED_PARTS)
      .filter((name) => /^[A-Za-z0-9_.-]+\.(gpg|asc)$/.test(name))
      .map((name) => `${TRUSTED_PARTS}/${name}`),
  ];
  for (const path of isOpen ? trusted() : signedBy.files.map((one) => one.slice(1))) {
    const bytes = files.read(path);
    if (bytes !== undefined) keyrings.push(bytes);
  }
  if (keyrings.length === 0 && signedBy.files.length > 0 && source.isTrusted !== true)
    throw new MirrorError(
      `${source.uri} ${source.suite}: there is no ${signedBy.files.join(" and no ")}, which is to hold the keys ` +
        "that sign it (Signed-By)",
    );
  return withOnly(keyrings, signedBy.fingerprints);
}

/**
 * apt's record of what came for others, after a change.
 *
 * @param text  the record before
 * @param marks  by name (`name:architecture` for foreign ones): whether it is automatic; packages that are gone:
 *   undefined
 */
export function updateExtendedStates(
  text: string,
  marks: ReadonlyMap<string, { architecture: string; isAutomatic: boolean } | undefined>,
  native: string,
): string {
  const stanzas = text
    .split(/\n{2,}/)
    .map((stanza) => stanza.trim())
    .filter((stanza) => stanza !== "");
  const kept = stanzas.filter((stanza) => {
    const name = /^Package: (.*)$/m.exec(stanza)?.[1] ?? "",
      architecture = /^Architecture: (.*)$/m.exec(stanza)?.[1] ?? native;
    return !marks.has(architecture === native ? name : `${name}:${architecture}`);
  });
  for (const [key, mark] of marks)
    if (mark?.isAutomatic === true)
      kept.push(`Package: ${key.split(":")[0]}\nArchitecture: ${mark.architecture}\nAuto-Installed: 1`);
  return kept.map((stanza) => `${stanza}\n\n`).join("");
}

/** dpkg's status with packages marked as held or no longer so. @param keys  names, or `name:architecture` */
export function markHeld(status: string, keys: ReadonlySet<string>, isHeld: boolean, native: string): string {
  return status
    .split(/\n\n/)
    .map((stanza) => {
      const name = /^Package: (.*)$/m.exec(stanza)?.[1] ?? "",
        architecture = /^Architecture: (.*)$/m.exec(stanza)?.[1] ?? "";
      const key = architecture === native || architecture === "all" ? name : `${name}:${architecture}`;
      return keys.has(key)
        ? stanza.replace(/^Status: (?:install|hold) /m, `Status: ${isHeld ? "hold" : "install"} `)
        : stanza;
    })
    .join("\n\n");
}
