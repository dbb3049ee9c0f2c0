/**
 * Which host a task is given. Goal: each strategy's distribution, which is what somebody chooses it for. Method: ten
 * thousand tasks over hosts that never get full, and over some that do; keys and sizes come from a seed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { BALANCES } from "@stratos/hub-api";
import { chooseHost, newBalanceState, type BalancedTask, type Candidate } from "./strategies.ts";

const SEED = 20_260_131;
const TASKS = 10_000;

type Chosen = Exclude<(typeof BALANCES)[number], "first">;
const host = (name: string, rest: Partial<Candidate> = {}): Candidate => ({
  name,
  capacity: 4,
  used: 0,
  runs: 0,
  seconds: 0,
  ...rest,
});

/** Where the tasks went, each ended before the next came. */
function deal(
  balance: Chosen,
  hosts: readonly Candidate[],
  task: (index: number) => Partial<BalancedTask> = () => ({}),
  count = TASKS,
): string[] {
  const state = newBalanceState(`${SEED}`);
  return Array.from({ length: count }, (_, index) => {
    const copies = hosts.map((one) => ({ ...one }));
    return chooseHost(balance, { weight: 1, key: `source${index}`, ...task(index) }, copies, state).name;
  });
}
const counted = (names: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};
const isNear = (actual: number | undefined, expected: number, share: number, what: string): void =>
  assert.ok(
    actual !== undefined && Math.abs(actual - expected) <= expected * share,
    `${what}: ${actual}, and not about ${expected} (seed ${SEED})`,
  );

test("round-robin gives each in turn the same, whatever their size, and goes on past one that is full", () => {
  const hosts = [host("a"), host("b", { capacity: 64 }), host("c")];
  assert.deepEqual(deal("round-robin", hosts, undefined, 6), ["a", "b", "c", "a", "b", "c"]);
  const state = newBalanceState("x");
  const next = (names: readonly string[]): string =>
    chooseHost(
      "round-robin",
      { weight: 1, key: "" },
      names.map((name) => host(name)),
      state,
    ).name;
  assert.deepEqual([next(["a", "b", "c"]), next(["a", "c"]), next(["a", "b", "c"])], ["a", "c", "a"]);
});

test("weighted-round-robin gives by capacity, and no host two in a row that need not be", () => {
  const names = deal("weighted-round-robin", [
    host("big", { capacity: 5 }),
    host("one", { capacity: 1 }),
    host("two", { capacity: 1 }),
  ]);
  // nginx's own example of weights 5, 1, 1.
  assert.deepEqual(names.slice(0, 7), ["big", "big", "one", "big", "two", "big", "big"]);
  const counts = counted(names.slice(0, 7_000));
  assert.deepEqual(counts, { big: 5_000, one: 1_000, two: 1_000 });
});

test("least-runs takes who has the fewest, and equals in turn", () => {
  assert.deepEqual(
    deal("least-runs", [host("a", { runs: 2 }), host("b", { runs: 1, used: 4 }), host("c", { runs: 1 })], undefined, 4),
    ["b", "c", "b", "c"],
  );
});

test("least-load takes who is the least used for its size when it has the task", () => {
  const hosts = [host("big", { capacity: 10, used: 5, runs: 5 }), host("small", { capacity: 4, used: 1, runs: 1 })];
  assert.deepEqual(deal("least-load", hosts, undefined, 1), ["small"], "6/10 against 2/4");
  assert.deepEqual(
    deal("least-load", hosts, () => ({ weight: 3 }), 1),
    ["big"],
    "8/10 against 4/4",
  );
});

test("least-runs and least-load keep hosts level while tasks of any size come and go", () => {
  const random = new SeededRandom(SEED);
  for (const balance of ["least-runs", "least-load"] as const) {
    const hosts = ["a", "b", "c", "d"].map((name) => host(name, { capacity: 1_000 }));
    const state = newBalanceState("level");
    const held: { on: Candidate; weight: number }[] = [];
    for (let step = 0; step < TASKS; step++) {
      const weight = 1 + random.below(3);
      const on = chooseHost(balance, { weight, key: "" }, hosts, state);
      on.used += weight;
      on.runs++;
      held.push({ on, weight });
      if (held.length > 100) {
        const [done] = held.splice(random.below(held.length), 1);
        done!.on.used -= done!.weight;
        done!.on.runs--;
      }
    }
    const measure = hosts.map(({ runs, used }) => (balance === "least-runs" ? runs : used));
    assert.ok(
      Math.max(...measure) - Math.min(...measure) <= 8,
      `${balance}: ${measure.join(", ")} at the end (seed ${SEED})`,
    );
  }
});

test("random is even, knows no order, and goes on from what was remembered", () => {
  const hosts = [host("a"), host("b"), host("c"), host("d")];
  const names = deal("random", hosts);
  // Six standard deviations of a binomial of 10,000 and 1/4 are about a tenth.
  for (const name of ["a", "b", "c", "d"]) isNear(counted(names)[name], TASKS / 4, 0.1, name);
  const repeats = names.filter((name, index) => name === names[index - 1]).length;
  isNear(repeats, TASKS / 4, 0.1, "the same twice");
  const state = newBalanceState(`${SEED}`);
  const first = Array.from({ length: 50 }, () => chooseHost("random", { weight: 1, key: "" }, hosts, state).name);
  const copy = JSON.parse(JSON.stringify(state)) as typeof state;
  const second = Array.from({ length: 50 }, () => chooseHost("random", { weight: 1, key: "" }, hosts, copy).name);
  assert.deepEqual([...first, ...second], names.slice(0, 100));
});

test("hash gives a source the same host always, sources by capacity, and moves only those of a host that goes", () => {
  const hosts = [host("a", { capacity: 2 }), host("b", { capacity: 4 }), host("c", { capacity: 4 })];
  const names = deal("hash", hosts);
  assert.deepEqual(deal("hash", hosts), names);
  const counts = counted(names);
  isNear(counts["a"], TASKS / 5, 0.1, "a");
  isNear(counts["b"], (TASKS * 2) / 5, 0.1, "b");
  isNear(counts["c"], (TASKS * 2) / 5, 0.1, "c");
  const without = deal("hash", [hosts[0]!, hosts[2]!]);
  assert.ok(without.every((name, index) => names[index] === "b" || name === names[index]));
});

test("fastest takes who was quickest of late, tries who has no history, and counts how busy they are", () => {
  const quick = host("quick", { seconds: 10 });
  const slow = host("slow", { seconds: 15 });
  assert.deepEqual(deal("fastest", [quick, slow], undefined, 3), ["quick", "quick", "quick"]);
  assert.deepEqual(deal("fastest", [quick, slow, host("new")], undefined, 1), ["new"]);
  assert.deepEqual(deal("fastest", [{ ...quick, used: 3 }, slow], undefined, 1), ["slow"], "10 × 1.75 against 15");
});

test("pack fills one host after the other, and leaves large ones free for large tasks", () => {
  const random = new SeededRandom(SEED);
  const fill = (balance: Chosen): number => {
    const hosts = Array.from({ length: 20 }, (_, index) => host(`h${String(index).padStart(2, "0")}`, { capacity: 8 }));
    const state = newBalanceState("fill");
    for (let index = 0; index < 30; index++) {
      const weight = 1 + random.below(3);
      const free = hosts.filter(({ capacity, used }) => capacity - used >= weight);
      chooseHost(balance, { weight, key: "" }, free, state).used += weight;
    }
    return hosts.filter(({ used }) => used > 0).length;
  };
  // 30 tasks of 2 units on average need 8 hosts of 8 units.
  assert.ok(fill("pack") <= 10, `seed ${SEED}`);
  assert.equal(fill("round-robin"), 20);
  assert.deepEqual(deal("pack", [host("large", { capacity: 32 }), host("small")], undefined, 1), ["small"]);
});
