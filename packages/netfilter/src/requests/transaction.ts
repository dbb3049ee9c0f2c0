/**
 * What one batch of requests does: each changes the ruleset at once, and says how that is undone. A batch runs to its
 * end in one call, so that nobody sees it half done: packets and other programs have what was before or all of it.
 */
import {
  type Chain,
  type Expression,
  type NftSet,
  type Rule,
  type Ruleset,
  type Table,
  Verdict,
} from "../rules/ruleset.ts";
import { ENOMEM, NFT_SET_ANONYMOUS } from "@stratos/abi";
import type { ReadingContext } from "../rules/read-expression.ts";
import type { Attributes } from "../wire/attributes.ts";
import type { MessageWriter } from "../wire/message-writer.ts";
import { refuse } from "../wire/refusal.ts";

export interface ChangeRequest {
  /** NFPROTO_*. */
  readonly family: number;
  /** NLM_F_*. */
  readonly flags: number;
  readonly attributes: Attributes;
}

/** What listeners hear of, when all of the batch has been done. */
export interface Notice {
  readonly message: number;
  readonly family: number;
  readonly flags: number;
  /** Who asked wants to hear of it, too (NLM_F_ECHO). */
  readonly isEchoed: boolean;
  readonly sequence: number;
  fill(writer: MessageWriter): void;
}

const DYNAMIC_SIZE = 0xffff;

export class Transaction {
  readonly ruleset: Ruleset;
  readonly nowNs: number;
  /** Of the socket that asks. */
  readonly port: number;
  readonly notices: Notice[] = [];
  readonly #undo: (() => void)[] = [];
  readonly #sets = new Map<number, NftSet>();
  readonly #chains = new Map<number, Chain>();
  readonly #rules = new Map<number, Rule>();
  /** Names in the order that they had before some were taken out. */
  readonly #orders = new Map<Map<string, unknown>, readonly string[]>();
  readonly #loose: Chain[] = [];
  /** Put to sleep or woken by this batch. */
  readonly toggled = new Set<Table>();
  /** Tables whose jumps must be looked at again. */
  readonly touched = new Set<Table>();
  #echo = false;
  #sequence = 0;

  constructor(ruleset: Ruleset, { nowNs, port }: { nowNs: number; port: number }) {
    this.ruleset = ruleset;
    this.nowNs = nowNs;
    this.port = port;
  }

  begin(sequence: number, isEchoed: boolean): void {
    this.#sequence = sequence;
    this.#echo = isEchoed;
  }

  /** Does something that can be taken back. */
  do(change: () => void, undo: () => void): void {
    change();
    this.#undo.push(undo);
  }

  /** Takes a name out; when the batch is taken back, it stands where it stood. */
  takeOut<Named>(from: Map<string, Named>, name: string, named: Named): void {
    if (!this.#orders.has(from)) this.#orders.set(from, [...from.keys()]);
    this.do(
      () => from.delete(name),
      () => from.set(name, named),
    );
  }

  rollBack(): void {
    for (let at = this.#undo.length - 1; at >= 0; at--) this.#undo[at]!();
    for (const [map, names] of this.#orders)
      for (const name of names) {
        const named = map.get(name);
        if (!map.delete(name)) continue;
        map.set(name, named);
      }
  }

  get hasChanged(): boolean {
    return this.#undo.length > 0;
  }

  /** @throws Refusal ENOMEM the ruleset is full */
  take(count = 1): void {
    if (!this.ruleset.take(count)) refuse(ENOMEM);
    this.#undo.push(() => this.ruleset.take(-count));
  }

  give(count = 1): void {
    this.ruleset.take(-count);
    this.#undo.push(() => this.ruleset.take(count));
  }

  notify(message: number, family: number, flags: number, fill: Notice["fill"]): void {
    this.notices.push({ message, family, flags, isEchoed: this.#echo, sequence: this.#sequence, fill });
  }

  nameSet(id: number | null, set: NftSet): void {
    if (id !== null) this.#sets.set(id, set);
  }

  nameChain(id: number | null, chain: Chain): void {
    if (id !== null) this.#chains.set(id, chain);
  }

  /** A chain without a name of its own is another one's part: a rule must lead to it at the end. */
  expectJumpTo(chain: Chain): void {
    this.#loose.push(chain);
  }

  get hasLooseChains(): boolean {
    return this.#loose.some((chain) => chain.table.chains.get(chain.name) === chain && chain.use <= chain.rules.length);
  }

  nameRule(id: number | null, rule: Rule): void {
    if (id !== null) this.#rules.set(id, rule);
  }

  rule(id: number): Rule | undefined {
    return this.#rules.get(id);
  }

  chain(id: number): Chain | undefined {
    return this.#chains.get(id);
  }

  set(id: number): NftSet | undefined {
    return this.#sets.get(id);
  }

  context(table: Table, chain: Chain | null = null): ReadingContext {
    return {
      table,
      chain,
      setById: (id) => this.#sets.get(id),
      chainById: (id) => this.#chains.get(id),
      nowNs: this.nowNs,
      written: 0,
    };
  }

  /** Chains, sets and objects count who refers to them; a set without a name goes with its last user. */
  hold(expressions: readonly Expression[], by: 1 | -1): void {
    for (const expression of expressions) {
      for (const value of expression.values) if (isVerdict(value) && value.chain !== null) this.#count(value.chain, by);
      if (expression.set !== null) this.holdSet(expression.set, by);
      if (expression.kind === "dynset" && by > 0) this.#bound(expression.set!);
      if (expression.object !== null) this.#count(expression.object, by);
      if (expression.flowtable !== null) this.#count(expression.flowtable, by);
    }
  }

  /** What packets add to has a bound (net/netfilter/nft_dynset.c). */
  #bound({ shape }: NftSet): void {
    if (shape.sizeMost !== 0) return;
    this.do(
      () => (shape.sizeMost = DYNAMIC_SIZE),
      () => (shape.sizeMost = 0),
    );
  }

  holdSet(set: NftSet, by: 1 | -1): void {
    this.#count(set, by);
    if (by > 0 || set.use > 0 || (set.shape.flags & NFT_SET_ANONYMOUS) === 0) return;
    this.dropSet(set);
  }

  /** It goes with all that is in it. */
  dropSet(set: NftSet): void {
    this.takeOut(set.table.sets, set.name, set);
    for (const element of set.inOrder()) this.holdData(element.data, element.object, -1);
    this.give(1 + set.elements.size);
  }

  holdData(data: unknown, object: { use: number } | null, by: 1 | -1): void {
    if (isVerdict(data) && data.chain !== null) this.#count(data.chain, by);
    if (object !== null) this.#count(object, by);
  }

  #count(one: { use: number }, by: number): void {
    this.do(
      () => (one.use += by),
      () => (one.use -= by),
    );
  }
}

function isVerdict(value: unknown): value is Verdict {
  return value instanceof Verdict;
}
