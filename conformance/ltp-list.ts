/**
 * The list of LTP programs that are known not to pass (`ltp-expected.txt`):
 *
 *     class NAME  what the programs of this class want, in words
 *     PROGRAM OUTCOME CLASS  what LTP said first
 *     pass PROGRAM PROGRAM …
 */

const OUTCOMES = ["pass", "fail", "brok", "warn", "conf", "slow", "helper"] as const;
/** `helper`: started by other programs, never by itself. */
export type Outcome = (typeof OUTCOMES)[number];

export interface Expectation {
  readonly outcome: Outcome;
  readonly class: string;
  readonly words?: string;
}
interface List {
  readonly head: string;
  readonly classes: Map<string, string>;
  readonly expected: Map<string, Expectation>;
  readonly passing: Set<string>;
}

function isOutcome(word: string): word is Outcome {
  return (OUTCOMES as readonly string[]).includes(word);
}

/** Bits of an LTP program's exit status (include/tst_res_flags.h); others are of timeout(1) and of signals. */
const TFAIL = 1,
  TBROK = 2,
  TWARN = 4,
  TCONF = 32;

export function outcomeOf(status: number): Outcome {
  if (status === 0) return "pass";
  if (status === 124 || status === 137) return "slow";
  if (status > 63) return "brok";
  if ((status & TFAIL) !== 0) return "fail";
  if ((status & TBROK) !== 0) return "brok";
  if ((status & TWARN) !== 0) return "warn";
  return (status & TCONF) !== 0 ? "conf" : "brok";
}

/** The class of programs that measure time: one that passes stays in it, as a busy machine lets it fail. */
const TIME = "time";
const RANKS: Readonly<Record<Outcome, number>> = { pass: 0, helper: 0, conf: 1, warn: 2, fail: 3, brok: 3, slow: 3 };

/**
 * What didn't pass before may fail in another way; what measures time says nothing on a busy machine.
 */
export function isForTheWorse(outcome: Outcome, expected: Expectation): boolean {
  return expected.class !== TIME && RANKS[outcome] > RANKS[expected.outcome];
}

/** @throws Error with the line that is wrong */
export function parseList(text: string): List {
  const head: string[] = [];
  const list: List = { head: "", classes: new Map(), expected: new Map(), passing: new Set() };
  for (const [index, line] of text.split("\n").entries()) {
    if (line.startsWith("#")) head.push(line);
    if (line === "" || line.startsWith("#")) continue;
    const [first = "", second = "", third = "", ...words] = line.split(" ");
    const wrong = (why: string): Error => new Error(`conformance/ltp-expected.txt:${index + 1}: ${why}`);
    if (first === "class") {
      list.classes.set(second, [third, ...words].join(" ").trim());
      continue;
    }
    if (first === "pass") {
      for (const name of [second, third, ...words]) if (name !== "") list.passing.add(name);
      continue;
    }
    if (!isOutcome(second) || (second === "pass" && third !== TIME)) throw wrong(`"${second}" is no outcome`);
    if (!list.classes.has(third)) throw wrong(`there is no class "${third}"`);
    if (list.expected.has(first)) throw wrong(`${first} stands here twice`);
    list.expected.set(first, { outcome: second, class: third, words: words.join(" ").trim() });
  }
  return { ...list, head: head.join("\n") };
}

export function formatList(list: List): string {
  const used = new Set([...list.expected.values()].map((each) => each.class));
  const classes = [...list.classes].filter(([name]) => used.has(name)).sort(([one], [other]) => (one < other ? -1 : 1));
  const programs = [...list.expected].sort(([one], [other]) => (one < other ? -1 : 1));
  return [
    list.head,
    "",
    ...classes.map(([name, words]) => `class ${name}  ${words}`),
    "",
    ...programs.map(
      ([name, { outcome, class: group, words }]) =>
        `${name} ${outcome} ${group}${words === undefined || words === "" ? "" : `  ${tidy(words)}`}`,
    ),
    "",
    ...passLines([...list.passing].sort()),
    "",
  ].join("\n");
}

/** Puts what was measured into the list; who is new in it is of the class "unsorted" until somebody has looked. */
export function recordOutcomes(
  list: List,
  results: Iterable<{ readonly name: string; readonly outcome: Outcome; readonly words: string }>,
): void {
  list.classes.set("unsorted", "differs since the list was recorded last, and nobody has looked why");
  for (const { name, outcome, words } of results) {
    list.passing.delete(name);
    if (outcome === "pass" && list.expected.get(name)?.class === TIME) {
      list.expected.set(name, { outcome, class: TIME, words: "" });
    } else if (outcome === "pass") {
      list.expected.delete(name);
      list.passing.add(name);
    } else list.expected.set(name, { outcome, class: list.expected.get(name)?.class ?? "unsorted", words });
  }
}

/** How many programs of each class end how; helpers are no tests. */
export function tallyClasses(
  list: List,
): { readonly name: string; readonly group: string; readonly counts: Record<string, number> }[] {
  const groups = new Map<string, Record<string, number>>([["passes", { pass: list.passing.size }]]);
  for (const { outcome, class: group } of list.expected.values()) {
    if (outcome === "helper") continue;
    const counts = groups.get(group) ?? {};
    counts[outcome] = (counts[outcome] ?? 0) + 1;
    groups.set(group, counts);
  }
  return [...groups].map(([group, counts]) => ({ name: group, group, counts }));
}

const LINE_MAX = 120;

function passLines(names: readonly string[]): string[] {
  const lines: string[] = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last === undefined || last.length + name.length + 1 > LINE_MAX) lines.push(`pass ${name}`);
    else lines[lines.length - 1] = `${last} ${name}`;
  }
  return lines;
}

/** What changes from run to run (numbers of processes, addresses) would make each recording a difference. */
function tidy(words: string): string {
  const first = words.split(" | ")[0]!;
  const plain = first
    .replace(/\S*\/([\w.-]+\.[ch])\b/g, "$1")
    .replace(/^\S+\.[ch]:\d+: /, "")
    .replace(/\/tmp\/\S+/g, "PATH");
  return plain
    .replace(/0x[0-9a-f]{4,}/g, "ADDRESS")
    .replace(/\b\d{3,}\b/g, "N")
    .slice(0, 110)
    .trim();
}
