/**
 * From what was asked to what will be done: targets, upgrades, replacements, removals, and the questions they raise.
 */
import type { AlpmPackage, InstallReason, InstalledPackage, SyncPackage } from "./alpm-package.ts";
import type { AlpmConfiguration } from "./configuration.ts";
import { parseAlpmDependency, satisfiesAlpmDependency } from "./dependency.ts";
import type { AlpmListener } from "./events.ts";
import { matchesGlob } from "./glob.ts";
import type { LocalDatabase } from "./local-database.ts";
import { PackagePool, type Candidate, type Offer } from "./package-pool.ts";
import { AlpmUnsatisfiableError, resolveAlpm, type AlpmRequest, type AlpmResolution } from "./resolve.ts";
import type { SyncDatabase } from "./sync-database.ts";
import { compareAlpmVersions } from "./version.ts";

/** What is wrong with a request. */
export class AlpmRequestError extends Error {
  override name = "AlpmRequestError";
}

export interface TransactionWish {
  /** `name`, `repository/name`, `name>=1.2` or a group */
  install?: readonly string[];
  /** names of packages among the offers that were given as files */
  archives?: readonly string[];
  /** installed names */
  remove?: readonly string[];
  /** with what depends on what is removed (`-Rc`) */
  cascade?: boolean;
  /** with dependencies that nothing needs any more and that nobody asked for (`-Rs`) */
  recursive?: boolean;
  /** bring what is installed to what repositories offer (`-Su`) */
  upgrade?: boolean;
  /** also to older versions (`-Suu`) */
  downgrade?: boolean;
  /** leave what is there in this version already */
  needed?: boolean;
  /** the reason that new packages get when they were asked for */
  reason?: InstallReason;
  /** reasons to write for packages that are installed */
  reasons?: ReadonlyMap<string, InstallReason>;
}

export interface PlannedInstall {
  package: AlpmPackage;
  origin: string;
  /** what is installed of that name now */
  old: InstalledPackage | undefined;
  reason: InstallReason;
  because: string;
}

interface PlannedRemoval {
  package: InstalledPackage;
  because: string;
}

export interface TransactionPlan {
  /** in the order in which they come: what others need first */
  install: PlannedInstall[];
  /** in the order in which they go: what needs others first */
  remove: PlannedRemoval[];
  /** changes of the reason alone */
  reasons: { package: InstalledPackage; reason: InstallReason }[];
}

/** Rounds of questions before the answers must have led somewhere. */
const ROUNDS_MAX = 50;

interface PlanSurroundings {
  configuration: AlpmConfiguration;
  local: LocalDatabase;
  databases: readonly SyncDatabase[];
  /** packages from files, the AUR and the like; preferred to repositories when `first` */
  offers: readonly (Offer & { first?: boolean })[];
  listener: AlpmListener;
}

/** @throws AlpmRequestError, AlpmUnsatisfiableError */
export async function planTransaction(wish: TransactionWish, around: PlanSurroundings): Promise<TransactionPlan> {
  return new Planner(wish, around).plan();
}

class Planner {
  readonly #wish: TransactionWish;
  readonly #around: PlanSurroundings;
  readonly #pool: PackagePool;
  readonly #installUses: SyncDatabase[];
  /** installed name → what takes its place */
  readonly #replaced = new Map<string, string>();

  constructor(wish: TransactionWish, around: PlanSurroundings) {
    this.#wish = wish;
    this.#around = around;
    const use = (name: string, what: "install" | "upgrade"): boolean =>
      around.configuration.repositories.find((one) => one.name === name)?.use.has(what) ?? true;
    this.#installUses = around.databases.filter((one) => use(one.repository, "install"));
    const offers: Offer[] = [
      ...around.offers.filter((offer) => offer.first === true),
      ...around.databases
        .filter((one) => use(one.repository, "install") || use(one.repository, "upgrade"))
        .map((one) => ({ origin: one.repository, packages: one.packages })),
      ...around.offers.filter((offer) => offer.first !== true),
    ];
    const fits = (one: AlpmPackage): boolean =>
      one.architecture === "any" ||
      one.architecture === "" ||
      around.configuration.architectures.length === 0 ||
      around.configuration.architectures.includes(one.architecture);
    this.#pool = new PackagePool(
      around.local.packages(),
      offers.map((offer) => ({ ...offer, packages: offer.packages.filter(fits) })),
      (one) => this.#isIgnored(one),
    );
  }

  async plan(): Promise<TransactionPlan> {
    const remove = await this.#removals();
    const targets = await this.#targets();
    const upgrades = this.#wish.upgrade === true ? await this.#upgrades(targets) : [];
    const answers = {
      providers: new Map<string, string>(),
      asked: new Set<string>(),
      keep: new Set<string>(),
      mayStay: false,
    };
    for (let round = 0; round < ROUNDS_MAX; round++) {
      // What is replaced has to go, even where nothing conflicts with it.
      const request: AlpmRequest = {
        targets,
        remove: [...remove, ...this.#replaced.keys()],
        upgrades: upgrades.map((one) => ({ ...one, mayStay: answers.mayStay })),
        providers: answers.providers,
        keep: answers.keep,
      };
      let resolution: AlpmResolution;
      try {
        resolution = resolveAlpm(this.#pool, request);
      } catch (error) {
        if (!(error instanceof AlpmUnsatisfiableError) || upgrades.length === 0 || answers.mayStay) throw error;
        const held = upgrades
          .map((one) => one.to.package)
          .filter((one) => error.explanation.some((line) => line.includes(one.name)));
        if (
          !(await this.#around.listener.confirm({ kind: "keep-back", packages: held, explanation: error.explanation }))
        )
          throw error;
        answers.mayStay = true;
        continue;
      }
      if (await this.#isSettled(resolution, answers)) return this.#finish(resolution, remove);
    }
    throw new AlpmRequestError("the answers lead in circles");
  }

  /** Asks what the resolution raises; false when an answer asks for another one. */
  async #isSettled(
    resolution: AlpmResolution,
    answers: { providers: Map<string, string>; asked: Set<string>; keep: Set<string> },
  ): Promise<boolean> {
    for (const choice of resolution.choices) {
      if (answers.asked.has(choice.dependency)) continue;
      answers.asked.add(choice.dependency);
      const index = await this.#around.listener.chooseProvider(choice.dependency, choice.neededBy, choice.providers);
      const wished = choice.providers[index];
      if (wished === undefined)
        throw new AlpmRequestError(`${choice.dependency}: there are only ${choice.providers.length} providers`);
      answers.providers.set(choice.dependency, wished.package.name);
      if (wished.package.name !== choice.chosen.package.name) return false;
    }
    for (const removed of resolution.remove) {
      if (removed.rival === undefined) continue;
      const key = `remove ${removed.package.name}`;
      if (answers.asked.has(key)) continue;
      answers.asked.add(key);
      if (
        await this.#around.listener.confirm({
          kind: "conflict",
          incoming: removed.rival.package,
          installed: removed.package,
          because: removed.because,
        })
      )
        continue;
      answers.keep.add(removed.package.name);
      return false;
    }
    return true;
  }

  #isIgnored(one: AlpmPackage): boolean {
    const { ignorePackages, ignoreGroups } = this.#around.configuration;
    return (
      ignorePackages.some((pattern) => matchesGlob(pattern, one.name)) ||
      one.groups.some((group) => ignoreGroups.some((pattern) => matchesGlob(pattern, group)))
    );
  }

  async #targets(): Promise<{ text: string; candidates: Candidate[] }[]> {
    const targets: { text: string; candidates: Candidate[] }[] = [];
    for (const name of this.#wish.archives ?? [])
      targets.push({ text: name, candidates: this.#pool.named(name).filter((one) => one.origin === "archive") });
    for (const text of this.#wish.install ?? []) {
      const slash = text.indexOf("/");
      const repository = slash < 0 ? undefined : text.slice(0, slash);
      if (repository !== undefined && !this.#knowsRepository(repository))
        throw new AlpmRequestError(`${text}: there is no repository ${repository}`);
      const dependency = parseAlpmDependency(text.slice(slash + 1));
      const fits = (one: Candidate): boolean =>
        !one.isInstalled && (repository === undefined || one.origin === repository) && this.#mayInstall(one.origin);
      let candidates = this.#pool
        .named(dependency.name)
        .filter((one) => fits(one) && satisfiesAlpmDependency(one.package, dependency));
      // The first repository that has it decides, as pacman has it; others serve when that does not work out.
      const group = candidates.length > 0 ? [] : this.#group(dependency.name, repository);
      if (group.length > 0) {
        const chosen = await this.#around.listener.chooseMembers(dependency.name, group);
        for (const index of chosen)
          if (group[index] !== undefined)
            targets.push({ text: group[index].package.name, candidates: this.#unlessNeeded([group[index]]) });
        continue;
      }
      if (candidates.length === 0) candidates = this.#pool.satisfying(dependency).filter(fits);
      const asked: Candidate[] = [];
      for (const one of candidates) {
        if (
          !this.#pool.isIgnored(one) ||
          (await this.#around.listener.confirm({ kind: "ignored", package: one.package }))
        )
          asked.push(one);
      }
      targets.push({ text, candidates: this.#unlessNeeded(asked) });
    }
    return targets;
  }

  #knowsRepository(name: string): boolean {
    return (
      this.#around.databases.some((one) => one.repository === name) ||
      this.#around.offers.some((one) => one.origin === name)
    );
  }

  #mayInstall(origin: string): boolean {
    return (
      this.#installUses.some((one) => one.repository === origin) ||
      this.#around.offers.some((one) => one.origin === origin)
    );
  }

  /** With `needed`, the installed one serves when it is the same version. */
  #unlessNeeded(candidates: Candidate[]): Candidate[] {
    const first = candidates[0];
    const installed = first === undefined ? undefined : this.#pool.installed(first.package.name);
    if (this.#wish.needed !== true || first === undefined || installed === undefined) return candidates;
    return compareAlpmVersions(installed.package.version, first.package.version) >= 0
      ? [installed, ...candidates]
      : candidates;
  }

  #group(name: string, repository: string | undefined): Candidate[] {
    const members = new Map<string, Candidate>();
    for (const database of this.#installUses) {
      if (repository !== undefined && database.repository !== repository) continue;
      for (const one of database.group(name)) {
        const candidate = this.#pool.named(one.name).find((other) => other.package === one);
        if (candidate !== undefined && !members.has(one.name) && !this.#pool.isIgnored(candidate))
          members.set(one.name, candidate);
      }
    }
    return [...members.values()];
  }

  /** What `-Su` would change: newer versions, and packages that replace installed ones. */
  async #upgrades(
    targets: { text: string; candidates: Candidate[] }[],
  ): Promise<{ installed: Candidate; to: Candidate; mayStay: boolean }[]> {
    const upgrades: { installed: Candidate; to: Candidate; mayStay: boolean }[] = [];
    const databases = this.#around.databases.filter(
      (one) =>
        this.#around.configuration.repositories
          .find((repository) => repository.name === one.repository)
          ?.use.has("upgrade") ?? true,
    );
    for (const installed of this.#pool.allInstalled()) {
      if (targets.some((target) => target.candidates.some((one) => one.package.name === installed.package.name)))
        continue;
      for (const database of databases) {
        const replacers = database.replacers.filter(
          (one) =>
            one.name !== installed.package.name &&
            one.replaces.some((text) => {
              const replaced = parseAlpmDependency(text);
              return (
                replaced.name === installed.package.name &&
                satisfiesAlpmDependency(
                  { name: installed.package.name, version: installed.package.version, provides: [] },
                  replaced,
                )
              );
            }),
        );
        if (replacers.length > 0) {
          await this.#replace(installed.package as InstalledPackage, replacers, targets);
          break;
        }
        const offered = database.get(installed.package.name);
        if (offered === undefined) continue;
        const order = compareAlpmVersions(offered.version, installed.package.version);
        const candidate = this.#pool.named(offered.name).find((one) => one.package === offered);
        if ((order > 0 || (order < 0 && this.#wish.downgrade === true)) && candidate !== undefined) {
          if (this.#isIgnored(installed.package) || this.#isIgnored(offered))
            this.#around.listener.event({
              kind: "warning",
              text: `${offered.name}: ignoring the upgrade (${installed.package.version} to ${offered.version})`,
            });
          else upgrades.push({ installed, to: candidate, mayStay: false });
        } else if (order < 0)
          this.#around.listener.event({
            kind: "warning",
            text:
              `${offered.name}: what is installed (${installed.package.version}) is newer than in ` +
              `${database.repository} (${offered.version})`,
          });
        break;
      }
    }
    return upgrades;
  }

  async #replace(
    installed: InstalledPackage,
    replacers: readonly SyncPackage[],
    targets: { text: string; candidates: Candidate[] }[],
  ): Promise<void> {
    if (this.#isIgnored(installed)) return;
    for (const replacement of replacers) {
      const candidate = this.#pool.named(replacement.name).find((one) => one.package === replacement);
      if (candidate === undefined || this.#isIgnored(replacement)) continue;
      if (!(await this.#around.listener.confirm({ kind: "replace", installed, replacement }))) continue;
      targets.push({ text: replacement.name, candidates: [candidate] });
      this.#replaced.set(installed.name, replacement.name);
    }
  }

  async #removals(): Promise<string[]> {
    const names = new Set<string>();
    const installed = this.#around.local.packages();
    for (const text of this.#wish.remove ?? []) {
      const members = installed.filter((one) => one.groups.includes(text)).map((one) => one.name);
      const found = this.#around.local.get(text) !== undefined ? [text] : members;
      if (found.length === 0) throw new AlpmRequestError(`${text}: is not installed`);
      for (const name of found) names.add(name);
    }
    if (this.#wish.cascade === true) {
      for (let grew = true; grew;) {
        grew = false;
        const left = installed.filter((one) => !names.has(one.name));
        for (const one of left) {
          const breaks = one.depends.some((text) => {
            const dependency = parseAlpmDependency(text);
            return (
              installed.some((other) => names.has(other.name) && satisfiesAlpmDependency(other, dependency)) &&
              !left.some((other) => other !== one && satisfiesAlpmDependency(other, dependency))
            );
          });
          if (breaks) {
            names.add(one.name);
            grew = true;
            break;
          }
        }
      }
    }
    for (const name of names) {
      const one = this.#around.local.get(name)!.package;
      const isHeld = this.#around.configuration.holdPackages.some((pattern) => matchesGlob(pattern, name));
      if (isHeld && !(await this.#around.listener.confirm({ kind: "hold", package: one })))
        throw new AlpmRequestError(`${name}: is a held package (HoldPkg)`);
    }
    return [...names];
  }

  #finish(resolution: AlpmResolution, asked: readonly string[]): TransactionPlan {
    const remove: PlannedRemoval[] = resolution.remove.map((one) => {
      const replacement = this.#replaced.get(one.package.name);
      return {
        package: one.package,
        because: replacement === undefined ? one.because : `is replaced by ${replacement}`,
      };
    });
    if (this.#wish.recursive === true) this.#addUnneeded(remove, resolution, new Set(asked));
    const install = resolution.install.map((chosen): PlannedInstall => ({
      package: chosen.candidate.package,
      origin: chosen.candidate.origin,
      old: chosen.replaces,
      because: chosen.because,
      reason:
        this.#wish.reasons?.get(chosen.candidate.package.name) ??
        this.#reasonOf(chosen.candidate.package, chosen.isTarget, chosen.replaces, remove),
    }));
    const reasons = [...(this.#wish.reasons ?? [])].flatMap(([name, reason]) => {
      const entry = this.#around.local.get(name);
      const isTouched =
        install.some((one) => one.package.name === name) || remove.some((one) => one.package.name === name);
      return entry === undefined || isTouched || entry.package.reason === reason
        ? []
        : [{ package: entry.package, reason }];
    });
    return {
      install: inDependencyOrder(install, (one) => one.package),
      remove: inDependencyOrder(remove, (one) => one.package).reverse(),
      reasons,
    };
  }

  #reasonOf(
    one: AlpmPackage,
    isTarget: boolean,
    old: InstalledPackage | undefined,
    remove: readonly PlannedRemoval[],
  ): InstallReason {
    const replaced = remove.filter((removed) => this.#replaced.get(removed.package.name) === one.name);
    if (replaced.length > 0)
      return replaced.some((removed) => removed.package.reason === "explicit") ? "explicit" : "dependency";
    if (isTarget && this.#wish.reason !== undefined) return this.#wish.reason;
    if (old !== undefined && !(isTarget && this.#wish.reason !== undefined))
      return isTarget ? (this.#wish.upgrade === true ? old.reason : "explicit") : old.reason;
    return isTarget ? "explicit" : "dependency";
  }

  /** Dependencies of what goes that nobody asked for and nothing that stays or comes needs. */
  #addUnneeded(remove: PlannedRemoval[], resolution: AlpmResolution, asked: ReadonlySet<string>): void {
    const gone = new Set(remove.map((one) => one.package.name));
    const coming = resolution.install.map((one) => one.candidate.package);
    const queue = remove.filter((one) => asked.has(one.package.name)).map((one) => one.package);
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      for (const text of next.depends) {
        const dependency = parseAlpmDependency(text);
        for (const one of this.#around.local.packages()) {
          if (
            gone.has(one.name) ||
            (this.#wish.reasons?.get(one.name) ?? one.reason) === "explicit" ||
            !satisfiesAlpmDependency(one, dependency)
          )
            continue;
          const stays = [
            ...this.#around.local.packages().filter((other) => !gone.has(other.name) && other !== one),
            ...coming,
          ];
          if (
            stays.some((other) => other.depends.some((need) => satisfiesAlpmDependency(one, parseAlpmDependency(need))))
          )
            continue;
          gone.add(one.name);
          remove.push({ package: one, because: `nothing needs it without ${next.name}` });
          queue.push(one);
        }
      }
    }
  }
}

/** What others need first; circles are cut where they are entered. */
function inDependencyOrder<T>(items: readonly T[], packageOf: (item: T) => AlpmPackage): T[] {
  const ordered: T[] = [];
  const state = new Map<T, "open" | "done">();
  const byName = new Map<string, T[]>();
  for (const item of items) {
    const one = packageOf(item);
    for (const name of new Set([one.name, ...one.provides.map((text) => parseAlpmDependency(text).name)]))
      byName.set(name, [...(byName.get(name) ?? []), item]);
  }
  const visit = (item: T): void => {
    if (state.has(item)) return;
    state.set(item, "open");
    for (const text of packageOf(item).depends) {
      const dependency = parseAlpmDependency(text);
      for (const other of byName.get(dependency.name) ?? [])
        if (other !== item && satisfiesAlpmDependency(packageOf(other), dependency)) visit(other);
    }
    state.set(item, "done");
    ordered.push(item);
  };
  for (const item of items) visit(item);
  return ordered;
}
