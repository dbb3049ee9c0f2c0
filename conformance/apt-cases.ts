/**
 * Random systems, and random requests on them, for the resolver and apt alike. A system is empty, or what a random
 * request made of the essential packages; of some, packages are a little older than the index, and some come from an
 * older suite whole.
 */
import type { SeededRandom } from "@stratos/base";
import {
  compareVersions,
  findViolations,
  InstalledState,
  isVital,
  parseInstalledState,
  planChange,
  UnsatisfiableError,
  type BinaryPackage,
  type ChangeRequest,
  type PackageIndex,
  type PlannedChange,
} from "@stratos/pkg";

/** One question, in apt's words and in ours. */
export interface Case {
  title: string;
  args: string[];
  request: ChangeRequest;
}

/** What is installed, as the two files that apt reads and, made anew for each question, as our state. */
export interface TestSystem {
  title: string;
  status: string;
  extended: string;
  size: number;
  isEmpty: boolean;
  hasOlder: boolean;
  state(): InstalledState;
}

/** Systems beyond this take apt long and say little more. */
const SYSTEM_PACKAGES_MAX = 500;
/** Packages that one request names. */
const REQUEST_NAMES_MAX = 30;

/** A suite that systems come from. */
interface OlderSuite {
  index: PackageIndex;
  suite: string;
  /** whether its packages are offered beside the newer ones */
  isOffered: boolean;
}

export class AptCases {
  readonly #random: SeededRandom;
  readonly #architecture: string;
  readonly #index: PackageIndex;
  readonly #names: readonly string[];
  /** what systems of an older suite are made from */
  readonly #older: OlderSuite | undefined;

  /** @param index  without installed packages */
  constructor(random: SeededRandom, architecture: string, index: PackageIndex, older: OlderSuite | undefined) {
    this.#random = random;
    this.#architecture = architecture;
    this.#index = index;
    this.#names = [...index.names()];
    this.#older = older;
  }

  /** A system and the questions to ask of it. */
  next(): { system: TestSystem; cases: Case[] } {
    const kind = this.#random.below(this.#older === undefined ? 8 : 12);
    const system =
      kind < 3
        ? this.#emptySystem()
        : kind < 8
          ? this.#systemFrom(this.#index, "", kind >= 5)
          : this.#systemFrom(this.#older!.index, ` of ${this.#older!.suite}`, false);
    const cases: Case[] = [];
    for (let count = 0; count < 6; count++) cases.push(this.#installCase());
    if (system.isEmpty) {
      for (let count = 0; count < 4; count++) cases.push(this.#installCase());
    } else {
      cases.push(this.#removeCase(system, false), this.#removeCase(system, true), this.#swapCase(system));
      if (system.hasOlder) {
        cases.push(
          ...(["upgrade", "dist-upgrade"] as const).flatMap((command) =>
            [true, false].map((recommends): Case => ({
              title: `${command}${tailOf(recommends)}`,
              args: [command],
              request: { upgrade: command === "upgrade" ? "safe" : "full", recommends },
            })),
          ),
        );
      }
    }
    return { system, cases };
  }

  #installCase(): Case {
    const recommends = this.#random.below(2) === 0;
    // Few names more often than many: of thirty random ones, two nearly always conflict.
    const install = this.#someNames(this.#random.below(4) === 0 ? REQUEST_NAMES_MAX : 5).map((name) =>
      this.#pinned(name),
    );
    return {
      title: `install ${install.join(" ")}${tailOf(recommends)}`,
      args: ["install", ...install],
      request: { install, recommends },
    };
  }

  #removeCase(system: TestSystem, isAuto: boolean): Case {
    const recommends = this.#random.below(2) === 0;
    const remove = this.#installedNames(system, 3);
    return {
      title: `${isAuto ? "autoremove" : "remove"} ${remove.join(" ")}`,
      args: ["remove", ...(isAuto ? ["--auto-remove"] : []), ...remove],
      request: { remove, autoremove: isAuto, recommends },
    };
  }

  /** One in six says which version, suite or architecture it is to be, where several are offered. */
  #pinned(name: string): string {
    const versions = this.#index.versions(name);
    if (this.#older?.isOffered !== true || this.#random.below(6) !== 0) return name;
    const one = this.#pick(versions);
    switch (this.#random.below(3)) {
      case 0:
        return `${name}=${one.version}`;
      case 1:
        return `${name}/${this.#index.originsOf(one).at(-1)!.release!.codename}`;
      default:
        return `${name}:${this.#architecture}`;
    }
  }

  /** Installs some and removes others at once. */
  #swapCase(system: TestSystem): Case {
    const recommends = this.#random.below(2) === 0;
    const install = [...this.#someNames(2), ...this.#installedNames(system, 1).map((name) => `${name}-`)];
    return {
      title: `install ${install.join(" ")}${tailOf(recommends)}`,
      args: ["install", ...install],
      request: { install, recommends },
    };
  }

  #installedNames(system: TestSystem, atMost: number): string[] {
    // To remove what is vital, apt asks for a sentence to be typed.
    const installed = system
      .state()
      .entries()
      .filter((entry) => !isVital(this.#index, entry))
      .map((entry) => entry.package.name);
    return installed.length === 0
      ? this.#someNames(1)
      : [...new Set(Array.from({ length: 1 + this.#random.below(atMost) }, () => this.#pick(installed)))];
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)]!;
  }

  #someNames(atMost: number, names: readonly string[] = this.#names): string[] {
    return [...new Set(Array.from({ length: 1 + this.#random.below(atMost) }, () => this.#pick(names)))];
  }

  #emptySystem(): TestSystem {
    return {
      title: "nothing",
      status: "",
      extended: "",
      size: 0,
      isEmpty: true,
      hasOlder: false,
      state: () => new InstalledState(this.#architecture, []),
    };
  }

  #systemFrom(index: PackageIndex, origin: string, withOld: boolean): TestSystem {
    const architecture = this.#architecture;
    const essential = [
      ...new Set([...index.essential().map((one) => one.name), ...index.required().map((one) => one.name), "apt"]),
    ];
    const names = index === this.#index ? this.#names : [...index.names()];
    for (;;) {
      const base = this.#someNames(5, names);
      const change = solve(index, new InstalledState(architecture, []), {
        install: [...essential, ...base],
        recommends: this.#random.below(2) === 0,
      });
      if (change instanceof UnsatisfiableError || change.install.length > SYSTEM_PACKAGES_MAX) continue;
      const old = withOld
        ? this.#oldVersions(change.install.map((planned) => planned.package))
        : new Map<string, string>();
      let status = "",
        extended = "";
      for (const { package: one, isAutomatic } of change.install) {
        status += `${statusStanza(one, old)}\n`;
        if (isAutomatic)
          extended +=
            `Package: ${one.name}\nArchitecture: ${one.architecture === "all" ? architecture : one.architecture}\n` +
            "Auto-Installed: 1\n\n";
      }
      const state = (): InstalledState => parseInstalledState(status, extended, architecture);
      if (
        findViolations(
          state()
            .entries()
            .map((entry) => entry.package),
          architecture,
        ).length > 0
      )
        continue;
      const size = change.install.length;
      return {
        title: `${base.join(" ")}${origin}${old.size === 0 ? "" : `, ${old.size} old`} (${size} packages)`,
        status,
        extended,
        size,
        isEmpty: false,
        hasOlder: old.size > 0 || origin !== "",
        state,
      };
    }
  }

  /** Packages of some sources, with a version just below theirs. */
  #oldVersions(packages: readonly BinaryPackage[]): Map<string, string> {
    const sources = new Set(packages.map((one) => one.source).filter(() => this.#random.below(3) === 0));
    const old = new Map<string, string>();
    for (const one of packages) if (sources.has(one.source)) old.set(one.name, `${one.version}~~`);
    for (const [name, version] of old)
      if (compareVersions(version, packages.find((one) => one.name === name)!.version) >= 0) old.delete(name);
    return old;
  }
}

/** What the resolver answers; a refusal is an answer. */
export function solve(
  index: PackageIndex,
  state: InstalledState,
  request: ChangeRequest,
): PlannedChange | UnsatisfiableError {
  try {
    return planChange(index, state, request);
  } catch (error) {
    if (error instanceof UnsatisfiableError) return error;
    throw error;
  }
}

function tailOf(recommends: boolean): string {
  return recommends ? "" : " without Recommends";
}

function statusStanza(one: BinaryPackage, old: ReadonlyMap<string, string>): string {
  let text = "";
  for (const [field, value] of one.stanza) {
    if (["Filename", "Size", "SHA256", "MD5sum", "Description-md5"].includes(field)) continue;
    text += `${field}: ${field === "Version" ? (old.get(one.name) ?? value) : olderWords(value, field, old)}\n`;
    if (field === "Package") text += "Status: install ok installed\n";
  }
  return text;
}

/** Relations on exactly the new version of a package that is old here are on its old one. */
function olderWords(value: string, field: string, old: ReadonlyMap<string, string>): string {
  if (!["Depends", "Pre-Depends", "Recommends"].includes(field)) return value;
  return value.replace(
    /([a-z0-9][a-z0-9+.-]*)(:[a-z0-9]+)? \((=|>=) ([^)]+)\)/g,
    (whole, name: string, qualifier: string | undefined, relation: string, version: string) =>
      old.get(name) === `${version}~~` ? `${name}${qualifier ?? ""} (${relation} ${version}~~)` : whole,
  );
}
