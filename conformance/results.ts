/**
 * What suites from outside last said: `results/SUITE.json` holds one row for each part of a suite, and
 * `docs/conformance.md` shows them all. A run with `--record` replaces the rows of what it ran and writes the page
 * anew.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** How a part of a suite went in one place. */
export interface Outcome {
  /** −1: it never came to its end. */
  readonly ran: number;
  readonly failed: number;
  readonly seconds: number;
}

export interface Row {
  readonly name: string;
  readonly stratos: Outcome;
  /** Null: it was not run under qemu-user. */
  readonly qemu: Outcome | null;
  /** Tests that fail in Stratos and not under qemu-user. */
  readonly worse: readonly string[];
}

interface Suite {
  title: string;
  command: string;
  rows: Row[];
}

/** Something that was started, and did what it should or did not. */
export interface BootRow {
  readonly name: string;
  readonly isRight: boolean;
  readonly seconds: number;
}
interface Boots {
  title: string;
  command: string;
  boots: BootRow[];
}

/** Random questions of one seed that were put to somebody else too, by how the answers went together. */
interface TallyRow {
  readonly name: string;
  readonly group: string;
  readonly counts: Readonly<Record<string, number>>;
}
/** What tallies are of; `verdicts` are the columns. */
interface AboutTallies {
  title: string;
  command: string;
  verdicts: readonly string[];
  words?: { group: string; counted: string; hasSum: boolean; isSeeded?: boolean; meaning: string };
}
interface Tallies extends AboutTallies {
  tallies: TallyRow[];
}

/**
 * Heads of the first two columns, what the table shows, and whether its rows are of different questions, so that their
 * sum says something.
 */
const REQUEST_WORDS = {
  group: "systems",
  counted: "sets",
  hasSum: true,
  meaning: "What the columns mean stands in [pkg's architecture](../packages/pkg/ARCHITECTURE.md#the-resolver).",
};

/** A root that was made beside somebody else's. */
interface RootRow {
  readonly name: string;
  readonly files: number;
  readonly documented: number;
  readonly others: readonly string[];
}
interface Roots {
  title: string;
  command: string;
  roots: RootRow[];
}

/** A source package that was built beside somebody else's builder; seconds of the processor, with all children's. */
interface BuildRow {
  readonly name: string;
  readonly packages: number;
  readonly differing: readonly string[];
  readonly cpu: number;
  readonly peerCpu: number;
  /** Of ours what is spent outside of dpkg-buildpackage. */
  readonly outside: number;
}
interface Builds {
  title: string;
  command: string;
  builds: BuildRow[];
}

/** What was seen once, in words. */
interface Told {
  title: string;
  told: string;
}

const FOLDER = join(import.meta.dirname, "results");
const PAGE = join(import.meta.dirname, "../docs/conformance.md");

export function recordRows(suite: string, about: { title: string; command: string }, rows: readonly Row[]): void {
  replaceRows(suite, about, "rows", rows);
}

/** As it was recorded last. */
export function recordedRow(suite: string, name: string): Row | undefined {
  const file = join(FOLDER, `${suite}.json`);
  if (!existsSync(file)) return undefined;
  return (JSON.parse(readFileSync(file, "utf8")) as { rows: Row[] }).rows.find((row) => row.name === name);
}

export function recordBoots(name: string, about: { title: string; command: string }, rows: readonly BootRow[]): void {
  replaceRows(name, about, "boots", rows);
}

export function recordTallies(name: string, about: AboutTallies, rows: readonly TallyRow[]): void {
  replaceRows(name, about, "tallies", rows);
}

/** The same in the place of all rows that were there. */
export function recordAllTallies(name: string, about: AboutTallies, rows: readonly TallyRow[]): void {
  rmSync(join(FOLDER, `${name}.json`), { force: true });
  recordTallies(name, about, rows);
}

export function recordRoots(name: string, about: { title: string; command: string }, rows: readonly RootRow[]): void {
  replaceRows(name, about, "roots", rows);
}

export function recordBuilds(name: string, about: { title: string; command: string }, rows: readonly BuildRow[]): void {
  replaceRows(name, about, "builds", rows);
}

export function recordTold(name: string, told: Told): void {
  writeFileSync(join(FOLDER, `${name}.json`), `${JSON.stringify(told)}\n`);
  writeFileSync(PAGE, page());
}

function replaceRows(
  name: string,
  about: { title: string; command: string },
  key: "rows" | "boots" | "tallies" | "roots" | "builds",
  rows: readonly { readonly name: string }[],
): void {
  mkdirSync(FOLDER, { recursive: true });
  const path = join(FOLDER, `${name}.json`);
  const before = existsSync(path)
    ? (JSON.parse(readFileSync(path, "utf8")) as Record<typeof key, { name: string }[]>)[key]
    : [];
  const merged = new Map([...before, ...rows].map((row) => [row.name, row]));
  const sorted = [...merged.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const lines = sorted.map((row) => `  ${JSON.stringify(row)}`).join(",\n");
  writeFileSync(path, `${JSON.stringify(about).slice(0, -1)}, "${key}": [\n${lines}\n]}\n`);
  writeFileSync(PAGE, page());
}

/** The whole of `docs/conformance.md`. */
export function page(): string {
  const suites = readdirSync(FOLDER)
    .sort()
    .map(
      (name) => JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as Suite | Boots | Tallies | Roots | Builds | Told,
    );
  const head = [
    "# Conformance",
    "",
    "Suites that others wrote, run in Stratos and, from the same files, under qemu-user (on the Linux of the " +
      "host). Written by the commands below with `--record`; do not edit.",
    "What counts is a test that passes there and fails here: the last column. Seconds are of busy machines, and " +
      "say no more than how long a part takes.",
    "Of the suites of other programs only what failed in Stratos ran under qemu-user. The tests of system calls " +
      "in `tests/abi` are compared with what Linux itself printed.",
  ];
  return (
    [
      ...head,
      ...suites.flatMap((suite) =>
        "boots" in suite
          ? bootSection(suite)
          : "tallies" in suite
            ? tallySection(suite)
            : "roots" in suite
              ? rootSection(suite)
              : "builds" in suite
                ? buildSection(suite)
                : "told" in suite
                  ? ["", `## ${suite.title}`, "", suite.told]
                  : section(suite),
      ),
    ].join("\n") + "\n"
  );
}

function section(suite: Suite): string[] {
  const sum = (get: (row: Row) => number): number =>
    suite.rows.reduce((total, row) => total + Math.max(0, get(row)), 0);
  const worse = sum((row) => row.worse.length);
  return [
    "",
    `## ${suite.title}`,
    "",
    `\`${suite.command}\`. ${suite.rows.length} parts, ${sum((row) => row.stratos.ran)} tests ran in Stratos; ` +
      `${worse} ${worse === 1 ? "is" : "are"} worse than under qemu-user.`,
    "",
    "| part | ran | failed | s | qemu-user: ran | failed | s | worse here |",
    "|---|--:|--:|--:|--:|--:|--:|---|",
    ...suite.rows.map(
      (row) =>
        `| ${row.name} | ${cells(row.stratos)} | ${row.qemu === null ? "not run | | " : cells(row.qemu)} | ` +
        `${row.worse.map((test) => `\`${test.replaceAll("|", "\\|")}\``).join(", ")} |`,
    ),
  ];
}

function bootSection({ title, command, boots }: Boots): string[] {
  return [
    "",
    `## ${title}`,
    "",
    `\`${command}\`: ${boots.filter(({ isRight }) => isRight).length} of ${boots.length}. Seconds are of a busy ` +
      "machine, and those of a first row of a tree hold its composing.",
    "",
    "| what | | s |",
    "|---|---|--:|",
    ...boots.map(({ name, isRight, seconds }) => `| ${name} | ${isRight ? "right" : "**wrong**"} | ${seconds} |`),
  ];
}

function tallySection({ title, command, verdicts, tallies, words = REQUEST_WORDS }: Tallies): string[] {
  const sum = (rows: readonly TallyRow[], verdict: string): number =>
    rows.reduce((total, { counts }) => total + (counts[verdict] ?? 0), 0);
  const line = (name: string, rows: readonly TallyRow[]): string => {
    const counts = verdicts.map((verdict) => sum(rows, verdict));
    return `| ${name} | ${counts.reduce((total, one) => total + one, 0)} | ${counts.join(" | ")} |`;
  };
  const groups = [...new Set(tallies.map(({ group }) => group))];
  const seeds = new Set(tallies.map(({ name }) => name.split(" ").at(-1))).size;
  return [
    "",
    `## ${title}`,
    "",
    `\`${command}\`${words.isSeeded === false ? "" : `, ${seeds} ${seeds === 1 ? "seed" : "seeds"}`}. ${words.meaning}`,
    "",
    `| ${words.group} | ${words.counted} | ${verdicts.join(" | ")} |`,
    `|---|--:|${verdicts.map(() => "--:|").join("")}`,
    ...groups.map((group) =>
      line(
        group,
        tallies.filter((row) => row.group === group),
      ),
    ),
    ...(words.hasSum ? [line("all", tallies)] : []),
  ];
}

function rootSection({ title, command, roots }: Roots): string[] {
  return [
    "",
    `## ${title}`,
    "",
    `\`${command}\`. Every file's kind, mode, owner, time, target and content. Which differences are documented, ` +
      "and why they are there, stands in [compose's " +
      "architecture](../packages/compose/ARCHITECTURE.md#compared-with-mmdebstrap).",
    "",
    "| root | files | documented differences | others |",
    "|---|--:|--:|---|",
    ...roots.map(
      ({ name, files, documented, others }) =>
        `| ${name} | ${files} | ${documented} | ` +
        `${others.length === 0 ? "none" : others.map((one) => one.split(": ")[0]!).join(", ")} |`,
    ),
  ];
}

function buildSection({ title, command, builds }: Builds): string[] {
  return [
    "",
    `## ${title}`,
    "",
    `\`${command}\`: the same sources, suite and mirror, each \`.deb\` byte for byte. Seconds of the processor, with ` +
      "all children's; layers and sbuild's root were made before.",
    "",
    "| source | packages | same bytes | s | sbuild's | ratio | outside of the build, s |",
    "|---|--:|---|--:|--:|--:|--:|",
    ...builds.map(({ name, packages, differing, cpu, peerCpu, outside }) => {
      const same = differing.length === 0 ? "yes" : `no: ${differing.join(", ")}`;
      const times = [cpu.toFixed(1), peerCpu.toFixed(1), (cpu / peerCpu).toFixed(2), outside.toFixed(1)];
      return `| ${name} | ${packages} | ${same} | ${times.join(" | ")} |`;
    }),
  ];
}

function cells(outcome: Outcome): string {
  return outcome.ran < 0
    ? `no end | | ${outcome.seconds.toFixed(0)}`
    : `${outcome.ran} | ${outcome.failed} | ${outcome.seconds.toFixed(0)}`;
}
