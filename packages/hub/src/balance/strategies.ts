/**
 * Which of the hosts that could take a task is given it. Each strategy is a function of the task, of the hosts that
 * have room, and of what it remembers; what it remembers is plain data, so that any hub goes on where another was.
 *
 * `first` is none of them: whoever asks first takes it, which costs nothing and keeps no host idle, but lets a quick
 * host with much room take all of a small burst.
 */
import { createHash } from "node:crypto";
import type { Balance } from "@stratos/hub-api";

export interface BalancedTask {
  readonly weight: number;
  /** What the caches of a host know it by: the source's name, for builds. */
  readonly key: string;
}

/** A host that could take the task now. */
export interface Candidate {
  readonly name: string;
  /** Units; at least 1. */
  readonly capacity: number;
  /** Units, by runs and by what it was offered. */
  used: number;
  /** How many those are. */
  runs: number;
  /** Mean time of its last runs; 0: none is known. */
  readonly seconds: number;
}

/** What a channel's strategy remembers. Bounded by the hosts that there are. */
export interface BalanceState {
  /** Who was chosen last. */
  last: string;
  /** Of weighted-round-robin: what each host is owed, in units. */
  owed: Record<string, number>;
  /** Of random: its generator, a 32-bit number. */
  random: number;
}

type Strategy = (task: BalancedTask, candidates: readonly Candidate[], state: BalanceState) => Candidate;

const STRATEGIES: Readonly<Record<Exclude<Balance, "first">, Strategy>> = {
  "round-robin": (_task, candidates, state) => nextInTurn(candidates, state),

  // Smooth: a host of 4 units among hosts of 1 is not given 4 tasks in a row. Source: nginx,
  // ngx_http_upstream_get_peer.
  "weighted-round-robin": (_task, candidates, state) => {
    const { owed } = state;
    let total = 0;
    for (const { name, capacity } of candidates) {
      owed[name] = (owed[name] ?? 0) + capacity;
      total += capacity;
    }
    const chosen = candidates.reduce((best, one) => (owed[one.name]! > owed[best.name]! ? one : best));
    owed[chosen.name]! -= total;
    return chosen;
  },

  "least-runs": (_task, candidates, state) => leastOf(candidates, state, ({ runs }) => runs),

  "least-load": ({ weight }, candidates, state) =>
    leastOf(candidates, state, ({ used, capacity }) => (used + weight) / capacity),

  random: (_task, candidates, state) => {
    state.random = (state.random + 0x9e3779b9) | 0;
    let word = state.random;
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    return candidates[Math.floor((((word ^ (word >>> 16)) >>> 0) / 2 ** 32) * candidates.length)]!;
  },

  // Weighted rendezvous hashing: a host that goes takes only its own keys with it, and one that is full only lends
  // them to the next. Source: Thaler and Ravishankar, 1998; the weights by Schindelhauer and Schomaker, 2005.
  hash: ({ key }, candidates) => {
    let best = candidates[0]!;
    let bestScore = -1;
    for (const one of candidates) {
      const digest = createHash("sha256").update(`${key}\0${one.name}`).digest();
      const score = -one.capacity / Math.log((digest.readUIntBE(0, 6) + 1) / (2 ** 48 + 1));
      if (score > bestScore) [best, bestScore] = [one, score];
    }
    return best;
  },

  // A host without a history is tried first; one that is busier is expected to be slower by as much.
  fastest: (_task, candidates, state) =>
    leastOf(candidates, state, ({ seconds, used, capacity }) => seconds * (1 + used / capacity)),

  // Best fit: hosts fill up one after the other, large ones stay free for large tasks, idle ones can be switched off.
  pack: (_task, candidates) =>
    candidates.reduce((best, one) => (one.capacity - one.used < best.capacity - best.used ? one : best)),
};

/** @param candidates  at least one, ordered by name */
export function chooseHost(
  balance: Exclude<Balance, "first">,
  task: BalancedTask,
  candidates: readonly Candidate[],
  state: BalanceState,
): Candidate {
  const chosen = STRATEGIES[balance](task, candidates, state);
  state.last = chosen.name;
  return chosen;
}

export function newBalanceState(seed: string): BalanceState {
  return { last: "", owed: {}, random: createHash("sha256").update(seed).digest().readInt32BE(0) };
}

function nextInTurn(candidates: readonly Candidate[], { last }: BalanceState): Candidate {
  return candidates.find(({ name }) => name > last) ?? candidates[0]!;
}

/** Of those that are equal each in its turn. */
function leastOf(
  candidates: readonly Candidate[],
  state: BalanceState,
  measure: (candidate: Candidate) => number,
): Candidate {
  const least = Math.min(...candidates.map(measure));
  return nextInTurn(
    candidates.filter((one) => measure(one) === least),
    state,
  );
}
