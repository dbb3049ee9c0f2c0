/**
 * What a system has: dpkg's `status` and apt's `extended_states`. Source: dpkg's lib/dpkg/parse.c; apt's
 * `Dir::State::extended_states`.
 */
import { BinaryPackage, type PackageOrigin } from "./binary-package.ts";
import { parseControl } from "./control.ts";
import type { PackageIndex } from "./package-index.ts";

/** apt_preferences(5): the version that is installed has priority 100. */
export const INSTALLED_ORIGIN: PackageOrigin = { name: "installed", baseUrl: "", priority: 100 };

export interface InstalledEntry {
  /** the same object as the index's, once it has been added there */
  package: BinaryPackage;
  isHeld: boolean;
  /** came because others need it */
  isAutomatic: boolean;
  /** or `Protected`, or `Important` as that was called before: must not go of itself */
  isEssential: boolean;
  /** `installed`, or what a failed or interrupted run left: `unpacked`, `half-configured`, … */
  state: string;
}

export class InstalledState {
  readonly architecture: string;
  readonly #entries = new Map<string, InstalledEntry>();
  /** removed, but for their configuration files */
  readonly configFiles: ReadonlySet<string>;

  constructor(architecture: string, entries: Iterable<InstalledEntry>, configFiles: ReadonlySet<string> = new Set()) {
    this.architecture = architecture;
    this.configFiles = configFiles;
    for (const entry of entries) this.#entries.set(keyOf(entry.package, architecture), entry);
  }

  /** Installed packages, by name. */
  entries(): InstalledEntry[] {
    return [...this.#entries.values()];
  }

  /** Names of the packages that somebody asked for. */
  manualNames(): Set<string> {
    const manual = this.entries().filter((entry) => !entry.isAutomatic);
    return new Set(manual.map((entry) => entry.package.name));
  }

  /** By `name`, or `name:architecture` for a foreign one. */
  get(key: string): InstalledEntry | undefined {
    return this.#entries.get(key);
  }

  /** The installed version of the same name and architecture. */
  sameAs(one: BinaryPackage): InstalledEntry | undefined {
    return this.#entries.get(keyOf(one, this.architecture));
  }

  has(one: BinaryPackage): boolean {
    return this.sameAs(one)?.package === one;
  }

  /** Makes the installed versions part of `index`, so that both speak of the same objects. */
  joinIndex(index: PackageIndex): void {
    for (const entry of this.#entries.values()) entry.package = index.addInstalled(entry.package);
  }
}

/**
 * Whether a package must not go of itself. As apt has it, what one version says of that holds for all; and apt does not
 * remove itself. Source: apt-pkg/deb/deblistparser.cc, `UsePackage`.
 */
export function isVital(index: PackageIndex, entry: InstalledEntry): boolean {
  return (
    entry.isEssential ||
    entry.package.name === "apt" ||
    index.versions(entry.package.name).some((one) => one.isEssential || one.isProtected)
  );
}

/** A package's name, with its architecture when that is a foreign one. */
export function keyOf(one: Pick<BinaryPackage, "name" | "architecture">, native: string): string {
  return one.architecture === "all" || one.architecture === native ? one.name : `${one.name}:${one.architecture}`;
}

/**
 * Reads a system's state.
 *
 * @param status  `/var/lib/dpkg/status`, a byte string
 * @param extendedStates  `/var/lib/apt/extended_states`, or ""
 * @throws ControlError  either is malformed
 */
export function parseInstalledState(status: string, extendedStates: string, architecture: string): InstalledState {
  const automatic = new Set<string>();
  for (const stanza of parseControl(extendedStates, "extended_states")) {
    if (stanza.get("Auto-Installed") === "1")
      automatic.add(
        keyOf(
          { name: stanza.get("Package") ?? "", architecture: stanza.get("Architecture") ?? architecture },
          architecture,
        ),
      );
  }
  const entries: InstalledEntry[] = [];
  const configFiles = new Set<string>();
  for (const stanza of parseControl(status, "dpkg's status")) {
    const name = stanza.get("Package") ?? "",
      version = stanza.get("Version"),
      own = stanza.get("Architecture") ?? "";
    const [want, , state] = (stanza.get("Status") ?? "").split(" ");
    if (state === "config-files") configFiles.add(keyOf({ name, architecture: own }, architecture));
    if (version === undefined || state === undefined || state === "not-installed" || state === "config-files") continue;
    const text = stanza.toString();
    const one = new BinaryPackage({ name, version, architecture: own }, INSTALLED_ORIGIN, {
      text,
      start: 0,
      end: text.length,
    });
    entries.push({
      package: one,
      isHeld: want === "hold",
      isAutomatic: automatic.has(keyOf(one, architecture)),
      isEssential: one.isEssential || one.isProtected,
      state,
    });
  }
  return new InstalledState(architecture, entries, configFiles);
}
