import type { Exchange } from "./exchange.ts";
import { NO_REPLY, Q_NODE, Q_NODE_TREE, Q_UNIQUE } from "./wire/layout.ts";

/** Callers of fsync that wait for the next flush, which serves them all. */
export class SyncCallers {
  readonly #exchange: Exchange;
  /** Does one of them wait for all of the volume? */
  wantAll = false;
  /** The node that was last asked to be made durable. */
  node = 0;
  tree = 0;
  /** Unique, two words for each. */
  #uniques = new Uint32Array(1024);
  #count = 0;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * The caller's request is answered when what it asked for is durable, which happens before any other request is
   * waited for.
   *
   * @param all  all of the volume, not the files alone that were prepared for it
   */
  add(all: boolean): number {
    const { words } = this.#exchange;
    this.wantAll ||= all;
    this.node = words[Q_NODE]!;
    this.tree = words[Q_NODE_TREE]!;
    if (this.#count * 2 === this.#uniques.length) {
      const larger = new Uint32Array(this.#uniques.length * 2);
      larger.set(this.#uniques);
      this.#uniques = larger;
    }
    this.#uniques[this.#count * 2] = words[Q_UNIQUE]!;
    this.#uniques[this.#count * 2 + 1] = words[Q_UNIQUE + 1]!;
    this.#count++;
    return NO_REPLY;
  }

  /** Answers all of them. */
  answer(result: number): void {
    const { words } = this.#exchange;
    this.wantAll = false;
    for (let index = 0; index < this.#count; index++) {
      words[Q_UNIQUE] = this.#uniques[index * 2]!;
      words[Q_UNIQUE + 1] = this.#uniques[index * 2 + 1]!;
      this.#exchange.reply(result);
    }
    this.#count = 0;
  }
}
