/**
 * The resolver beside the host's apt, on random requests over the real index of a suite:
 *
 *     npm run conformance:apt -- [--count N] [--seed S] [--architecture A] [--suite S] [--from S] [--both] [--mirror
 *     URL] [--large] [--versions N [--dpkg-pairs N]] [--failures FOLDER] [--only TEXT] [--record] [--verbose]
 *
 * Requests name one to thirty packages, with and without Recommends: install on an empty system; install, remove, swap,
 * upgrade and dist-upgrade on a system that a random request made (`apt-cases.ts`), with `--from` also on systems of
 * that older suite; with `--both`, whose packages are offered too, some by version (`name=1.2`), suite
 * (`name/bookworm`) or architecture (`name:amd64`). A case passes when
 *
 *   same      apt would do exactly the same
 *   fewer     we install a part of what apt would, and remove no more, since some alternative is fulfilled already
 *   spares    we remove less of what is installed, what was asked for first
 *   smaller   we remove as much and install, or change, fewer packages
 *   equal     we remove and change as many: another choice among equals
 *   larger    we remove or change more, or upgrade less
 *   solved    apt gives up, though there is an answer
 *   refused   apt refuses too
 *
 * where, told our choice package by package, apt does exactly that in all cases from `fewer` to `solved`; and when,
 * besides, the set has no violation by the words of Policy. It fails when apt finds an answer where we refuse, or does
 * not take ours. apt's decision is read from its summary; each 25th is asked with `apt-get -s` as well, and must be the
 * same. `--failures` keeps the system of each failed or larger case, to ask apt again; `--only` asks just those whose
 * title holds a text; `--record` adds the counts to `docs/conformance.md`. `--versions` compares so many pairs of the
 * index's versions with Dpkg::Version, and the first of them (`--dpkg-pairs`) with `dpkg --compare-versions`. The last
 * line is `N passed, N failed`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SeededRandom } from "@stratos/base";
import { homeFolder, stratosHome } from "@stratos/host-node";
import { findMirror, nodePackagePorts } from "@stratos/tools-node/packages";
import {
  findViolations,
  InstalledState,
  loadRepository,
  PackageIndex,
  trixieKeyrings,
  UnsatisfiableError,
  type BinaryPackage,
  type PlannedChange,
} from "@stratos/pkg";
import { AptCases, solve, type Case, type TestSystem } from "./apt-cases.ts";
import { AptPeer, type AptAnswer } from "./apt-peer.ts";
import { recordTallies } from "./results.ts";
import { compareWithDpkg, versionsOf } from "./version-pairs.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "50" },
    seed: { type: "string", default: "1" },
    architecture: { type: "string", default: "riscv64" },
    suite: { type: "string", default: "trixie" },
    from: { type: "string" },
    both: { type: "boolean", default: false },
    mirror: { type: "string" },
    large: { type: "boolean", default: false },
    versions: { type: "string", default: "0" },
    "dpkg-pairs": { type: "string", default: "500" },
    failures: { type: "string" },
    only: { type: "string", default: "" },
    record: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
  },
});
const { architecture, suite } = values;
const count = Number(values.count);
const random = new SeededRandom(Number(values.seed));
/** One in so many of apt's decisions is asked for step by step too. */
const CROSS_CHECK_EVERY = 25;

const VERDICTS = ["same", "fewer", "spares", "smaller", "equal", "larger", "solved", "refused", "FAILED"] as const;
type Verdict = (typeof VERDICTS)[number];
const REQUESTS = {
  title: "Random changes of Debian systems, beside apt",
  command: "npm run conformance:apt -- --architecture A [--from bookworm [--both]] --count N --seed S --record",
  verdicts: VERDICTS,
};
const VERSIONS = {
  title: "Versions in dpkg's order",
  command: "npm run conformance:apt -- --count 0 --versions N --dpkg-pairs N --seed S --record",
  verdicts: ["same", "DIFFERS"],
  words: {
    group: "asked",
    counted: "pairs",
    hasSum: false,
    meaning:
      "Pairs of versions that a suite of Debian has or names, half of them neighbours in the order of their spelling.",
  },
};

const mirror = findMirror({ given: values.mirror });
const ports = nodePackagePorts(homeFolder(stratosHome(), "downloads"));
const folder = mkdtempSync(join(tmpdir(), "stratos-apt-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
const keyrings = [...trixieKeyrings(), ...mirror.keyrings];
const loadIndex = async (...names: string[]): Promise<PackageIndex> => {
  const loaded = new PackageIndex();
  for (const name of names)
    await loadRepository(
      ports,
      { uri: mirror.uri, suite: name, components: ["main"], architecture, keyrings },
      loaded,
      () => {},
    );
  return loaded;
};
if (values.both && values.from === undefined) throw new Error("--both goes with --from");
const suites = values.both ? [suite, values.from!] : [suite];
const index = await loadIndex(...suites);
const older =
  values.from === undefined
    ? undefined
    : { index: await loadIndex(values.from), suite: values.from, isOffered: values.both };
const between = older === undefined ? suite : `${older.suite} ${values.both ? "+" : "→"} ${suite}`;
await ports.close();
const counts = new Map<Verdict, number>(VERDICTS.map((verdict) => [verdict, 0]));
let ours = 0,
  theirs = 0,
  crossChecked = 0,
  areVersionsRight: boolean | undefined;

if (Number(values.versions) > 0) checkVersions(Number(values.versions));
if (count > 0 || values.large) await checkRequests();
const failed = counts.get("FAILED")! + (areVersionsRight === false ? 1 : 0);
const passed =
  [...counts.values()].reduce((sum, one) => sum + one, 0) + (areVersionsRight === undefined ? 0 : 1) - failed;
console.log(
  `seed ${values.seed}, ${architecture}, ${between}: ${[...counts]
    .filter(([, many]) => many > 0)
    .map(([verdict, many]) => `${many} ${verdict}`)
    .join(
      ", ",
    )}; ${crossChecked} asked step by step too; CPU seconds ours ${ours.toFixed(2)}, apt's ${theirs.toFixed(2)}`,
);
if (values.only !== "" && passed + failed === 0) {
  console.error(`--only ${values.only}: in no title of what was asked`);
  process.exit(2);
}
if (values.record && count > 0)
  recordTallies("apt", REQUESTS, [
    {
      name: `${architecture} ${suite} ${values.from ?? "-"} ${values.both ? "both " : ""}${values.seed}`,
      group: `${architecture}, ${between}`,
      counts: Object.fromEntries(counts),
    },
  ]);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function checkVersions(pairs: number): void {
  const versions = versionsOf(index);
  const { judges, differences } = compareWithDpkg(
    versions,
    { pairs, shellPairs: Number(values["dpkg-pairs"]) },
    random,
  );
  for (const one of differences.slice(0, 20)) console.log(`FAILED   ${one}`);
  for (const judge of judges)
    console.log(
      `${judge.pairs} pairs of ${versions.length} versions compared with ${judge.name}, ${judge.differing} differ`,
    );
  areVersionsRight = judges.length > 0 && differences.length === 0;
  if (values.record)
    recordTallies(
      "versions",
      VERSIONS,
      judges.map((judge) => ({
        name: `${judge.name} ${architecture} ${between} ${values.seed}`,
        group: judge.name,
        counts: { same: judge.pairs - judge.differing, DIFFERS: judge.differing },
      })),
    );
}

async function checkRequests(): Promise<void> {
  const apt = new AptPeer(folder, architecture);
  apt.update(
    suites.map((one) => `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror.uri} ${one} main`),
  );
  if (values.large)
    judge(
      apt,
      {
        title: "nothing",
        status: "",
        extended: "",
        size: 0,
        isEmpty: true,
        hasOlder: false,
        state: () => new InstalledState(architecture, []),
      },
      {
        title: "install gnome kde-full",
        args: ["install", "gnome", "kde-full"],
        request: { install: ["gnome", "kde-full"] },
      },
      false,
    );
  const cases = new AptCases(random, architecture, index, older);
  for (let asked = 0; asked < count;) {
    const { system, cases: some } = cases.next();
    apt.setSystem(system.status, system.extended);
    // Signals are heard between systems.
    await new Promise((resolve) => void setImmediate(resolve));
    for (const one of some.slice(0, count - asked)) {
      const isCrossChecked = asked++ % CROSS_CHECK_EVERY === 0;
      if (one.title.includes(values.only)) judge(apt, system, one, isCrossChecked);
    }
    if (values.verbose)
      console.log(`${asked} asked; ${[...counts].map(([verdict, many]) => `${many} ${verdict}`).join(", ")}`);
  }
}

function note(verdict: Verdict): void {
  counts.set(verdict, counts.get(verdict)! + 1);
}

function judge(apt: AptPeer, system: TestSystem, one: Case, isCrossChecked: boolean): void {
  const state = system.state();
  const own = index.withoutInstalled();
  state.joinIndex(own);
  const start = process.cpuUsage();
  const answer = solve(own, state, one.request);
  const usage = process.cpuUsage(start);
  ours += (usage.user + usage.system) / 1e6;
  const args = [...one.args, ...(one.request.recommends === false ? ["--no-install-recommends"] : [])];
  const decision = apt.decide(args);
  theirs += decision.cpuSeconds;
  if (isCrossChecked) {
    const steps = apt.ask(args);
    crossChecked++;
    if (
      steps.isRefused !== decision.isRefused ||
      (!steps.isRefused && (!equal(steps.install, decision.install) || !equal(steps.remove, decision.remove)))
    )
      throw new Error(
        `apt-get -s ${args.join(" ")}: is not what apt's summary says; step by step only ` +
          `${listOf(minus(steps.install, decision.install), minus(steps.remove, decision.remove))}; in the summary ` +
          `only ${listOf(minus(decision.install, steps.install), minus(decision.remove, steps.remove))}` +
          `${steps.isRefused === decision.isRefused ? "" : `\n${steps.text.slice(-2000)}`}`,
      );
  }
  const { verdict, detail } = compare(apt, { system, state, request: one }, answer, decision);
  note(verdict);
  if ((verdict === "FAILED" || verdict === "larger") && values.failures !== undefined)
    keep(
      join(values.failures, `${values.seed}-${verdict}-${counts.get(verdict)}`),
      system,
      `${args.join(" ")}\n${detail}\n`,
    );
  if (verdict === "FAILED" || values.verbose)
    console.log(
      `${verdict.padEnd(8)} ${one.title} on ${system.title}` +
        `${detail === "" ? "" : `\n${detail.replaceAll(/^/gm, "         ")}`}`,
    );
}

function keep(place: string, system: TestSystem, text: string): void {
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "status"), system.status, "latin1");
  writeFileSync(join(place, "extended_states"), system.extended);
  writeFileSync(join(place, "case"), text);
}

function compare(
  apt: AptPeer,
  task: { system: TestSystem; state: InstalledState; request: Case },
  own: PlannedChange | UnsatisfiableError,
  answer: AptAnswer,
): { verdict: Verdict; detail: string } {
  if (own instanceof UnsatisfiableError) {
    if (answer.isRefused) return { verdict: "refused", detail: own.explanation.join("\n") };
    return {
      verdict: "FAILED",
      detail: `apt has an answer of ${answer.install.size} packages, and we refuse:\n${own.message}`,
    };
  }
  const install = new Set(own.install.map((planned) => `${planned.package.name} ${planned.package.version}`)),
    remove = new Set(own.remove.map((removal) => removal.package.name));
  const violations = findViolations(resultOf(task.state, own), architecture);
  if (violations.length > 0)
    return { verdict: "FAILED", detail: `the answer has violations:\n${violations.slice(0, 5).join("\n")}` };
  const isPart =
    !answer.isRefused && minus(install, answer.install).size === 0 && minus(remove, answer.remove).size === 0;
  if (isPart && install.size === answer.install.size && remove.size === answer.remove.size)
    return { verdict: "same", detail: "" };
  const difference =
    `ours only: ${listOf(minus(install, answer.install), minus(remove, answer.remove))}\napt's only: ` +
    `${listOf(minus(answer.install, install), minus(answer.remove, remove))}`;
  // Told each of our changes and nothing else, apt must find it consistent and do just that.
  const told = [...[...install].map((text) => text.replace(" ", "=")), ...[...remove].map((name) => `${name}-`)];
  if (told.length === 0)
    return {
      verdict: "FAILED",
      detail: answer.isRefused ? "we change nothing, and apt refuses" : `we change nothing\n${difference}`,
    };
  // Packages of one source are then left apart: those which our answer keeps together are named already.
  const again = apt.decide([
    "install",
    "--no-install-recommends",
    "--allow-downgrades",
    "-o",
    "APT::Get::Upgrade-By-Source-Package=false",
    ...told,
  ]);
  if (again.isRefused || !equal(again.install, install) || !equal(again.remove, remove))
    return {
      verdict: "FAILED",
      detail: `apt does not take our answer\n${difference}\ntold so, it ${
        again.isRefused
          ? "refuses"
          : `adds ${listOf(minus(again.install, install), minus(again.remove, remove))}, leaves out ` +
            `${listOf(minus(install, again.install), minus(remove, again.remove))}`
      }\n${again.text
        .split("\n")
        .filter((line) => /^(E:| .*(Depends|Conflicts|Breaks))/.test(line))
        .join("\n")}`,
    };
  if (answer.isRefused) return { verdict: "solved", detail: "" };
  if (task.request.request.upgrade !== undefined) {
    // An upgrade is the better for what it upgrades.
    const upgraded = (changes: ReadonlySet<string>): number =>
      [...changes].filter((text) => task.state.get(text.slice(0, text.indexOf(" "))) !== undefined).length;
    const more = upgraded(install) - upgraded(answer.install);
    if (more !== 0 && remove.size >= answer.remove.size)
      return { verdict: more > 0 ? "spares" : "larger", detail: difference };
  }
  if (isPart) return { verdict: "fewer", detail: difference };
  // What somebody asked for weighs more than what came along, such as an old library that a newer one replaces.
  const asked = (names: ReadonlySet<string>): number =>
    [...names].filter((name) => task.state.get(name)?.isAutomatic === false).length;
  const removals = asked(remove) - asked(answer.remove) || remove.size - answer.remove.size,
    changes = install.size - answer.install.size;
  return {
    verdict:
      removals < 0 ? "spares" : removals > 0 ? "larger" : changes < 0 ? "smaller" : changes > 0 ? "larger" : "equal",
    detail: difference,
  };
}

/** The system after the change. */
function resultOf(state: InstalledState, change: PlannedChange): BinaryPackage[] {
  const gone = new Set([
    ...change.remove.map((removal) => removal.package),
    ...change.install.flatMap((planned) => planned.from ?? []),
  ]);
  return [
    ...state
      .entries()
      .map((entry) => entry.package)
      .filter((one) => !gone.has(one)),
    ...change.install.map((planned) => planned.package),
  ];
}

function listOf(install: ReadonlySet<string>, remove: ReadonlySet<string>): string {
  return [...install, ...[...remove].map((name) => `${name}-`)].join(", ") || "nothing";
}

function minus(left: ReadonlySet<string>, right: ReadonlySet<string>): Set<string> {
  return new Set([...left].filter((one) => !right.has(one)));
}

function equal(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  return left.size === right.size && minus(left, right).size === 0;
}
