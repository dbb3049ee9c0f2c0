/**
 * The resolver beside the host's apt, on random requests over the real index of a suite:
 *
 *     npm run conformance:apt -- [--count N] [--seed S] [--architecture A] [--suite S] [--mirror URL] [--large] [--verbose]
 *
 * Requests are: install on an empty system; install, remove, upgrade and dist-upgrade on a system that a random request made,
 * of which some packages are older than the index. A case passes when
 *
 *   same      apt would do exactly the same
 *   fewer     we install a part of what apt would, and remove no more, since some alternative is fulfilled already; and
 *             told our choice, apt does exactly that
 *   accepted  we choose otherwise among equals, or apt gives up: told our choice, apt does exactly that
 *   refused   apt refuses too
 *
 * and when, besides, the set has no violation by the words of Policy. It fails when apt finds an answer where we refuse, or
 * does not take ours. The last line is `N passed, N failed`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SeededRandom } from "@stratos/base";
import { homeFolder, stratosHome } from "@stratos/host-node";
import { findMirror, nodePackagePorts } from "@stratos/host-node/packages";
import {
  compareVersions, findViolations, InstalledState, loadRepository, PackageIndex, parseInstalledState, planChange, SolverLimitError, trixieKeyrings, UnsatisfiableError,
  type BinaryPackage, type ChangeRequest, type PlannedChange,
} from "@stratos/pkg";
import { AptPeer, type AptAnswer } from "./apt-peer.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "50" }, seed: { type: "string", default: "1" }, architecture: { type: "string", default: "riscv64" }, suite: { type: "string", default: "trixie" },
    mirror: { type: "string" }, large: { type: "boolean", default: false }, verbose: { type: "boolean", default: false },
  },
});
const { architecture, suite } = values;
const random = new SeededRandom(Number(values.seed));

type Verdict = "same" | "fewer" | "accepted" | "refused" | "FAILED";
interface Case { title: string; args: string[]; request: ChangeRequest; state: InstalledState }

const mirror = findMirror({ given: values.mirror });
const ports = nodePackagePorts(homeFolder(stratosHome(), "downloads"));
const folder = mkdtempSync(join(tmpdir(), "stratos-apt-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
const keyrings = [...trixieKeyrings(), ...mirror.keyrings];
const freshIndex = async (): Promise<PackageIndex> => {
  const index = new PackageIndex();
  await loadRepository(ports, { uri: mirror.uri, suite, components: ["main"], architecture, keyrings, lists: "kept" }, index, () => {});
  return index;
};
await loadRepository(ports, { uri: mirror.uri, suite, components: ["main"], architecture, keyrings }, new PackageIndex(), () => {});
const apt = new AptPeer(folder, architecture);
apt.update([`deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror.uri} ${suite} main`]);

const first = await freshIndex();
const names = [...first.names()];
/** What every system has. */
const essential = [...new Set([...first.essential().map((one) => one.name), ...first.required().map((one) => one.name), "apt"])];
const counts = new Map<Verdict, number>();
let passed = 0, failed = 0;
let ours = 0, theirs = 0;
if (values.large) await judge(await largeCase());
for (let index = 0; index < Number(values.count); index++) await judge(await randomCase());
await ports.close();
console.log(`seed ${values.seed}: ${[...counts].map(([verdict, count]) => `${count} ${verdict}`).join(", ")}; CPU seconds ours ${ours.toFixed(2)}, apt's ${theirs.toFixed(2)}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function judge(one: Case): Promise<void> {
  // Lists are the same each time, but installed versions become part of an index: each case has its own.
  const index = await freshIndex();
  one.state.joinIndex(index);
  const start = process.cpuUsage();
  const own = solve(index, one);
  const usage = process.cpuUsage(start);
  ours += (usage.user + usage.system) / 1e6;
  const answer = apt.ask([...one.args, ...(one.request.recommends === false ? ["--no-install-recommends"] : [])]);
  theirs += answer.cpuSeconds;
  const { verdict, detail } = compare(index, one, own, answer);
  counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  if (verdict === "FAILED") failed++;
  else passed++;
  if (verdict === "FAILED" || values.verbose) console.log(`${verdict.padEnd(8)} ${one.title}${detail === "" ? "" : `\n${detail.replaceAll(/^/gm, "         ")}`}`);
}

function solve(index: PackageIndex, one: Case): PlannedChange | UnsatisfiableError {
  try {
    return planChange(index, one.state, one.request);
  } catch (error) {
    if (error instanceof UnsatisfiableError) return error;
    if (error instanceof SolverLimitError) throw new Error(`${one.title}: ${error.message}`, { cause: error });
    throw error;
  }
}

function compare(index: PackageIndex, one: Case, own: PlannedChange | UnsatisfiableError, answer: AptAnswer): { verdict: Verdict; detail: string } {
  if (own instanceof UnsatisfiableError) {
    if (answer.isRefused) return { verdict: "refused", detail: own.explanation.join("\n") };
    return { verdict: "FAILED", detail: `apt has an answer of ${answer.install.size} packages, and we refuse:\n${own.message}` };
  }
  const install = new Set(own.install.map((planned) => `${planned.package.name} ${planned.package.version}`)), remove = new Set(own.remove.map((removal) => removal.package.name));
  const violations = findViolations(resultOf(one.state, own), architecture);
  if (violations.length > 0) return { verdict: "FAILED", detail: `the answer has violations:\n${violations.slice(0, 5).join("\n")}` };
  const difference = `ours only: ${[...minus(install, answer.install), ...[...minus(remove, answer.remove)].map((name) => `${name}-`)].join(", ") || "nothing"}\napt's only: ${[...minus(answer.install, install), ...[...minus(answer.remove, remove)].map((name) => `${name}-`)].join(", ") || "nothing"}`;
  if (!answer.isRefused && minus(install, answer.install).size === 0 && minus(remove, answer.remove).size === 0) {
    if (install.size === answer.install.size && remove.size === answer.remove.size) return { verdict: "same", detail: "" };
  }
  const isPart = !answer.isRefused && one.request.upgrade === undefined && minus(install, answer.install).size === 0 && minus(remove, answer.remove).size === 0;
  // Told each of our changes and nothing else, apt must find it consistent and do just that.
  const told = [...[...install].map((text) => text.replace(" ", "=")), ...[...remove].map((name) => `${name}-`)];
  if (told.length === 0) {
    return answer.isRefused ? { verdict: "FAILED", detail: "we change nothing, and apt refuses" } : { verdict: "FAILED", detail: `we change nothing\n${difference}` };
  }
  const again = apt.ask(["install", "--no-install-recommends", "--allow-downgrades", ...told]);
  if (again.isRefused || !equal(again.install, install) || !equal(again.remove, remove)) return { verdict: "FAILED", detail: `apt does not take our answer\n${difference}\ntold so, it ${again.isRefused ? "refuses" : `adds ${[...minus(again.install, install), ...minus(again.remove, remove)].join(", ")}, leaves out ${[...minus(install, again.install), ...minus(remove, again.remove)].join(", ")}`}\n${again.text.split("\n").filter((line) => /^(E:| .*(Depends|Conflicts|Breaks))/.test(line)).join("\n")}` };
  return { verdict: isPart ? "fewer" : "accepted", detail: answer.isRefused ? "apt gives up" : difference };
}

/** The system after the change. */
function resultOf(state: InstalledState, change: PlannedChange): BinaryPackage[] {
  const gone = new Set([...change.remove.map((removal) => removal.package), ...change.install.flatMap((planned) => planned.from ?? [])]);
  return [...state.entries().map((entry) => entry.package).filter((one) => !gone.has(one)), ...change.install.map((planned) => planned.package)];
}

async function largeCase(): Promise<Case> {
  apt.setSystem("", "");
  return { title: "install gnome kde-full", args: ["install", "gnome", "kde-full"], request: { install: ["gnome", "kde-full"] }, state: new InstalledState(architecture, []) };
}

function pick<T>(from: readonly T[]): T {
  return from[random.below(from.length)]!;
}

function someNames(atMost: number): string[] {
  return Array.from({ length: 1 + random.below(atMost) }, () => pick(names));
}

async function randomCase(): Promise<Case> {
  const recommends = random.below(2) === 0;
  const kind = pick(["fresh", "fresh", "install", "install", "remove", "autoremove", "upgrade", "dist-upgrade"] as const);
  const tail = recommends ? "" : " without Recommends";
  if (kind === "fresh") {
    apt.setSystem("", "");
    const install = someNames(4);
    return { title: `install ${install.join(" ")}${tail}`, args: ["install", ...install], request: { install, recommends }, state: new InstalledState(architecture, []) };
  }
  const { state, base } = await randomSystem(kind === "upgrade" || kind === "dist-upgrade" || random.below(2) === 0);
  const on = ` on ${base} (${state.entries().length} packages)`;
  switch (kind) {
    case "install": {
      const install = someNames(3);
      return { title: `install ${install.join(" ")}${tail}${on}`, args: ["install", ...install], request: { install, recommends }, state };
    }
    case "remove":
    case "autoremove": {
      const installed = state.entries().filter((entry) => !entry.isEssential).map((entry) => entry.package.name);
      const remove = installed.length === 0 ? someNames(1) : [...new Set(Array.from({ length: 1 + random.below(2) }, () => pick(installed)))];
      const isAuto = kind === "autoremove";
      return { title: `${kind} ${remove.join(" ")}${tail}${on}`, args: ["remove", ...(isAuto ? ["--auto-remove"] : []), ...remove], request: { remove, autoremove: isAuto, recommends }, state };
    }
    case "upgrade": return { title: `upgrade${tail}${on}`, args: ["upgrade"], request: { upgrade: "safe", recommends }, state };
    case "dist-upgrade": return { title: `dist-upgrade${tail}${on}`, args: ["dist-upgrade"], request: { upgrade: "full", recommends }, state };
  }
}

/** A system on which a random request has been carried out, and of which some packages may be older than the index has them. */
async function randomSystem(withOld: boolean): Promise<{ state: InstalledState; base: string }> {
  const index = await freshIndex();
  for (;;) {
    const base = someNames(4);
    const change = solve(index, { title: "base", args: [], request: { install: [...essential, ...base], recommends: random.below(2) === 0 }, state: new InstalledState(architecture, []) });
    if (change instanceof UnsatisfiableError || change.install.length > 500) continue;
    const old = withOld ? oldVersions(change.install.map((planned) => planned.package)) : new Map<string, string>();
    let status = "", extended = "";
    for (const { package: one, isAutomatic } of change.install) {
      const { stanza } = one;
      let text = "";
      for (const [field, value] of stanza) {
        if (["Filename", "Size", "SHA256", "MD5sum", "Description-md5"].includes(field)) continue;
        text += `${field}: ${field === "Version" ? (old.get(one.name) ?? value) : olderWords(value, field, old)}\n`;
        if (field === "Package") text += "Status: install ok installed\n";
      }
      status += `${text}\n`;
      if (isAutomatic) extended += `Package: ${one.name}\nArchitecture: ${one.architecture === "all" ? architecture : one.architecture}\nAuto-Installed: 1\n\n`;
    }
    const state = parseInstalledState(status, extended, architecture);
    if (findViolations(state.entries().map((entry) => entry.package), architecture).length > 0) continue;
    apt.setSystem(status, extended);
    return { state, base: `${base.join(" ")}${old.size === 0 ? "" : `, ${old.size} old`}` };
  }
}

/** Packages of some sources, with a version just below theirs. */
function oldVersions(packages: readonly BinaryPackage[]): Map<string, string> {
  const sources = new Set(packages.map((one) => one.source).filter(() => random.below(3) === 0));
  const old = new Map<string, string>();
  for (const one of packages) if (sources.has(one.source)) old.set(one.name, `${one.version}~~`);
  for (const [name, version] of old) if (compareVersions(version, packages.find((one) => one.name === name)!.version) >= 0) old.delete(name);
  return old;
}

/** Relations on exactly the new version of a package that is old here are on its old one. */
function olderWords(value: string, field: string, old: ReadonlyMap<string, string>): string {
  if (!["Depends", "Pre-Depends", "Recommends"].includes(field)) return value;
  return value.replace(/([a-z0-9][a-z0-9+.-]*)(:[a-z0-9]+)? \((=|>=) ([^)]+)\)/g, (whole, name: string, qualifier: string | undefined, relation: string, version: string) =>
    old.get(name) === `${version}~~` ? `${name}${qualifier ?? ""} (${relation} ${version}~~)` : whole);
}

function minus(left: ReadonlySet<string>, right: ReadonlySet<string>): Set<string> {
  return new Set([...left].filter((one) => !right.has(one)));
}

function equal(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  return left.size === right.size && minus(left, right).size === 0;
}
