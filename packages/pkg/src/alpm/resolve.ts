/**
 * What a transaction has to install and remove, as pacman would decide it, by a search that is complete: where pacman
 * gives up on its first choice, another one is tried; where there is no answer, the sentences say why.
 *
 * What is installed stays, unless it is asked to go, is replaced by another version, or conflicts with what comes
 * (which the caller confirms). A dependency that was broken before is not mended unasked.
 *
 * Source: pacman(8), "HANDLING CONFIG FILES" apart, sections on -S, -R and -U; PKGBUILD(5), depends, conflicts,
 * replaces.
 */
import { ClauseSet } from "../solver/clause-set.ts";
import type { InstalledPackage } from "./alpm-package.ts";
import { parseAlpmDependency, satisfiesAlpmDependency } from "./dependency.ts";
import { explainAlpm, type AlpmCause } from "./explain.ts";
import type { Candidate, PackagePool } from "./package-pool.ts";

export interface AlpmRequest {
  /** what must be there afterwards; each list is one target, its candidates the preferred first */
  targets: readonly { text: string; candidates: readonly Candidate[] }[];
  /** installed packages that must be gone afterwards */
  remove: readonly string[];
  /** installed packages that must be brought to another candidate; when it may be left, the old one serves too */
  upgrades: readonly { installed: Candidate; to: Candidate; mayStay: boolean }[];
  /** dependency text → name of the package that shall provide it */
  providers?: ReadonlyMap<string, string>;
  /** installed packages that must not be removed because of a conflict */
  keep?: ReadonlySet<string>;
}

interface ChosenPackage {
  candidate: Candidate;
  /** what is installed of that name now */
  replaces: InstalledPackage | undefined;
  isTarget: boolean;
  /** in words: `asked for`, `upgrade`, `needed by bash: readline` */
  because: string;
}

interface RemovedPackage {
  package: InstalledPackage;
  because: string;
  /** who drove it out, when it was a conflict */
  rival: Candidate | undefined;
}

export interface AlpmResolution {
  install: ChosenPackage[];
  remove: RemovedPackage[];
  /** dependencies that several packages could provide, none of them installed or asked for */
  choices: { dependency: string; neededBy: Candidate; providers: Candidate[]; chosen: Candidate }[];
}

/** No set of packages fulfils the request. The message explains it in sentences, one to a line. */
export class AlpmUnsatisfiableError extends Error {
  override name = "AlpmUnsatisfiableError";
  readonly explanation: readonly string[];
  /** names that something needs and nothing is or provides */
  readonly missing: readonly string[];

  constructor(explanation: readonly string[], missing: readonly string[]) {
    super(`the transaction is not possible:\n${explanation.map((line) => `  ${line}`).join("\n")}`);
    this.explanation = explanation;
    this.missing = missing;
  }
}

/** @throws AlpmUnsatisfiableError */
export function resolveAlpm(pool: PackagePool, request: AlpmRequest): AlpmResolution {
  return new AlpmSearch(pool, request).run();
}

class AlpmSearch {
  readonly #pool: PackagePool;
  readonly #request: AlpmRequest;
  readonly #clauses: ClauseSet<Candidate, AlpmCause>;
  /** installed package's name → the variable that says it was driven out */
  readonly #gone = new Map<string, number>();
  readonly #removed: Set<string>;
  readonly #missing = new Set<string>();
  #newcomersByName: ReadonlyMap<string, readonly Candidate[]> | undefined;

  constructor(pool: PackagePool, request: AlpmRequest) {
    this.#pool = pool;
    this.#request = request;
    this.#removed = new Set(request.remove);
    this.#clauses = new ClauseSet((owner, variable) => this.#expand(owner, variable));
  }

  run(): AlpmResolution {
    const root = this.#clauses.newVariable();
    for (const { text, candidates } of this.#request.targets) {
      this.#clauses.add([-root, ...candidates.map((one) => this.#clauses.variableOf(one))], "need", {
        kind: "target",
        text,
        candidates,
      });
    }
    const upgrades = new Map(this.#request.upgrades.map((upgrade) => [upgrade.installed, upgrade]));
    for (const { installed, to, mayStay } of upgrades.values()) {
      if (!mayStay)
        this.#clauses.add([-root, this.#clauses.variableOf(to)], "need", { kind: "upgrade", installed, to });
    }
    for (const installed of this.#pool.allInstalled()) this.#keep(root, installed, upgrades.get(installed));
    this.#clauses.add([root], "fact", undefined);
    const causes = this.#clauses.solve();
    if (causes === undefined) return this.#answer();
    throw new AlpmUnsatisfiableError(explainAlpm(causes, this.#pool), [...this.#missing]);
  }

  /** An installed package stays as it is, or in another version, or is driven out by what conflicts with it. */
  #keep(root: number, installed: Candidate, upgrade: { to: Candidate; mayStay: boolean } | undefined): void {
    const own = this.#clauses.variableOf(installed);
    if (this.#removed.has(installed.package.name)) {
      for (const one of this.#pool.named(installed.package.name))
        this.#clauses.add([-root, -this.#clauses.variableOf(one)], "fact", { kind: "remove", installed });
      return;
    }
    const others = this.#pool
      .named(installed.package.name)
      .filter((one) => !one.isInstalled && !this.#pool.isIgnored(one));
    const order =
      upgrade === undefined
        ? [installed, ...others]
        : [upgrade.to, installed, ...others.filter((one) => one !== upgrade.to)];
    const gone = this.#clauses.newVariable();
    this.#gone.set(installed.package.name, gone);
    this.#clauses.add(
      [-root, ...order.map((one) => (one === installed ? own : this.#clauses.variableOf(one))), gone],
      "need",
      { kind: "keep", installed, candidates: order },
    );
    // Only a conflict with something that comes, or its replacement, drives a package out.
    const drivers = this.#request.keep?.has(installed.package.name) === true ? [] : this.#driversOf(installed);
    this.#clauses.add([-gone, ...drivers.map((one) => this.#clauses.variableOf(one))], "fact", {
      kind: "unforced",
      installed,
    });
  }

  #driversOf(installed: Candidate): Candidate[] {
    const found = new Set<Candidate>();
    for (const text of installed.package.conflicts) {
      for (const one of this.#pool.satisfying(parseAlpmDependency(text)))
        if (!one.isInstalled && one.package.name !== installed.package.name) found.add(one);
    }
    const names = [installed.package.name, ...installed.package.provides.map((text) => parseAlpmDependency(text).name)];
    for (const one of names.flatMap((name) => this.#newcomers().get(name) ?? [])) {
      if (one.package.name === installed.package.name) continue;
      const hits = [...one.package.conflicts, ...one.package.replaces].some((text) =>
        satisfiesAlpmDependency(installed.package, parseAlpmDependency(text)),
      );
      if (hits) found.add(one);
    }
    return [...found];
  }

  /** What could be installed and conflicts with or replaces a name; collected once. */
  #newcomers(): ReadonlyMap<string, readonly Candidate[]> {
    if (this.#newcomersByName !== undefined) return this.#newcomersByName;
    const byName = new Map<string, Candidate[]>();
    for (const own of this.#pool.names()) {
      for (const one of this.#pool.named(own)) {
        if (one.isInstalled) continue;
        for (const text of [...one.package.conflicts, ...one.package.replaces]) {
          const { name } = parseAlpmDependency(text);
          const known = byName.get(name);
          if (known === undefined) byName.set(name, [one]);
          else known.push(one);
        }
      }
    }
    this.#newcomersByName = byName;
    return byName;
  }

  #expand(owner: Candidate, variable: number): void {
    for (const rival of this.#pool.named(owner.package.name)) {
      if (rival !== owner)
        this.#clauses.add([-variable, -this.#clauses.variableOf(rival)], "fact", {
          kind: "rival",
          left: owner,
          right: rival,
        });
    }
    for (const text of owner.package.conflicts) {
      for (const other of this.#pool.satisfying(parseAlpmDependency(text))) {
        // A package never conflicts with itself; two that are installed already are not ours to part.
        if (other.package.name === owner.package.name || (owner.isInstalled && other.isInstalled)) continue;
        this.#clauses.add([-variable, -this.#clauses.variableOf(other)], "fact", {
          kind: "conflict",
          owner,
          text,
          other,
        });
      }
    }
    for (const text of owner.package.depends) {
      const dependency = parseAlpmDependency(text);
      if (satisfiesAlpmDependency(owner.package, dependency)) continue;
      const all = this.#pool.satisfying(dependency);
      if (owner.isInstalled && !all.some((one) => one.isInstalled)) continue;
      const candidates = this.#ordered(
        text,
        all.filter((one) => !this.#pool.isIgnored(one) || this.#isTarget(one)),
      );
      if (candidates.length === 0) this.#missing.add(dependency.name);
      this.#clauses.add([-variable, ...candidates.map((one) => this.#clauses.variableOf(one))], "need", {
        kind: "depends",
        owner,
        dependency,
        text,
        candidates,
      });
    }
  }

  #ordered(text: string, candidates: Candidate[]): Candidate[] {
    const wished = this.#request.providers?.get(text);
    const index = wished === undefined ? -1 : candidates.findIndex((one) => one.package.name === wished);
    return index <= 0 ? candidates : [candidates[index]!, ...candidates.filter((_, at) => at !== index)];
  }

  #isTarget(one: Candidate): boolean {
    return this.#request.targets.some((target) => target.candidates.includes(one));
  }

  #answer(): AlpmResolution {
    const chosen = this.#clauses.chosen();
    const reasons = new Map<Candidate, { because: string; isTarget: boolean }>();
    const choices: AlpmResolution["choices"] = [];
    for (const cause of this.#clauses.causes()) {
      if (cause.kind !== "target" && cause.kind !== "upgrade" && cause.kind !== "keep" && cause.kind !== "depends")
        continue;
      if (cause.kind === "depends" && !chosen.has(cause.owner)) continue;
      const taken = cause.kind === "upgrade" ? cause.to : cause.candidates.find((one) => chosen.has(one));
      if (taken === undefined || !chosen.has(taken)) continue;
      if (
        cause.kind === "depends" &&
        !taken.isInstalled &&
        !reasons.has(taken) &&
        taken.package.name !== cause.dependency.name
      ) {
        const providers = cause.candidates.filter(
          (one, index) => cause.candidates.findIndex((other) => other.package.name === one.package.name) === index,
        );
        if (providers.length > 1 && !cause.candidates.some((one) => one.package.name === cause.dependency.name))
          choices.push({ dependency: cause.text, neededBy: cause.owner, providers, chosen: taken });
      }
      if (!reasons.has(taken)) reasons.set(taken, { because: becauseOf(cause), isTarget: cause.kind === "target" });
    }
    const install: ChosenPackage[] = [];
    for (const candidate of chosen) {
      const isTarget = reasons.get(candidate)?.isTarget ?? false;
      const installed = this.#pool.installed(candidate.package.name);
      if (candidate.isInstalled) continue;
      install.push({
        candidate,
        replaces: installed?.package as InstalledPackage | undefined,
        isTarget,
        because: reasons.get(candidate)?.because ?? "",
      });
    }
    const remove: RemovedPackage[] = [];
    for (const installed of this.#pool.allInstalled()) {
      const { name } = installed.package;
      if (this.#removed.has(name))
        remove.push({ package: installed.package as InstalledPackage, because: "asked for", rival: undefined });
      else if (this.#clauses.isTrue(this.#gone.get(name)!) && !this.#pool.named(name).some((one) => chosen.has(one))) {
        const rival = this.#driversOf(installed).find((one) => chosen.has(one));
        const verb =
          rival?.package.replaces.some((text) =>
            satisfiesAlpmDependency(installed.package, parseAlpmDependency(text)),
          ) === true
            ? "is replaced by"
            : "conflicts with";
        remove.push({
          package: installed.package as InstalledPackage,
          because: `${verb} ${rival?.package.name ?? "what comes"}`,
          rival,
        });
      }
    }
    return { install, remove, choices };
  }
}

function becauseOf(cause: AlpmCause): string {
  switch (cause.kind) {
    case "target":
      return "asked for";
    case "upgrade":
    case "keep":
      return "upgrade";
    case "depends":
      return `needed by ${cause.owner.package.name}: ${cause.text}`;
    default:
      return "";
  }
}
