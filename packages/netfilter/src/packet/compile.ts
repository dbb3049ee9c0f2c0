/** Rules are put together to a program (program.ts), when the first packet comes after they have changed. */
import {
  NFTA_BITWISE_DREG,
  NFTA_BITWISE_LEN,
  NFTA_BITWISE_MASK,
  NFTA_BITWISE_OP,
  NFTA_BITWISE_SREG,
  NFTA_BITWISE_XOR,
  NFTA_CMP_DATA,
  NFTA_CMP_OP,
  NFTA_CMP_SREG,
  NFTA_CT_DIRECTION,
  NFTA_CT_DREG,
  NFTA_CT_KEY,
  NFTA_CT_SREG,
  NFTA_IMMEDIATE_DATA,
  NFTA_IMMEDIATE_DREG,
  NFTA_LOOKUP_DREG,
  NFTA_LOOKUP_FLAGS,
  NFTA_LOOKUP_SREG,
  NFTA_META_DREG,
  NFTA_META_KEY,
  NFTA_META_SREG,
  NFTA_PAYLOAD_BASE,
  NFTA_PAYLOAD_DREG,
  NFTA_PAYLOAD_LEN,
  NFTA_PAYLOAD_OFFSET,
  NFTA_PAYLOAD_SREG,
  NFT_BITWISE_BOOL,
  NFT_BREAK,
  NFT_GOTO,
  NFT_JUMP,
  NFT_LOOKUP_F_INV,
  NFT_RETURN,
  NFT_TABLE_F_DORMANT,
  NF_ACCEPT,
  NF_DROP,
} from "@stratos/abi";
import { type Chain, type Data, type Expression, type NftSet, type Ruleset, Verdict } from "../rules/ruleset.ts";
import { placeOf, PLACES } from "../rules/chain-places.ts";
import { extensionTracks } from "../rules/extension.ts";
import { type Entry, type Program, Step } from "./program.ts";

/** Expressions that need connections to be known. */
const TRACKING = new Set(["ct", "nat", "masq", "redir", "connlimit", "flow_offload"]);

export function compile(ruleset: Ruleset): Program {
  const compiler = new Compiler();
  for (const table of ruleset.tables) {
    for (const chain of table.chains.values()) compiler.chain(chain);
  }
  compiler.link();
  return compiler.finish(ruleset);
}

class Compiler {
  #code: number[] = [];
  #constants: Uint8Array[] = [];
  #sets: NftSet[] = [];
  #counters: Float64Array[] = [];
  #others: Expression[] = [];
  /** Places that get the beginning of a chain. */
  #jumps: { at: number; chain: Chain }[] = [];
  #tracks = false;

  chain(chain: Chain): void {
    const code = this.#code;
    chain.start = code.length;
    for (const { expressions } of chain.rules) {
      const at = code.length;
      code.push(Step.rule, 0);
      for (const expression of expressions) this.#expression(expression);
      code[at + 1] = code.length;
    }
    code.push(Step.end);
  }

  link(): void {
    for (const { at, chain } of this.#jumps) this.#code[at] = chain.start;
  }

  finish(ruleset: Ruleset): Program {
    const entries: Entry[][] = Array.from({ length: PLACES }, () => []);
    let translates = false;
    for (const { family, flags, chains } of ruleset.tables) {
      if ((flags & NFT_TABLE_F_DORMANT) !== 0) continue;
      for (const chain of chains.values()) {
        if (chain.hook === null) continue;
        const { type, hook, priority, devices } = chain.hook;
        if (type === "nat") translates = true;
        const policy = (): number => chain.policy;
        const { start, counters } = chain;
        const at = { family, type, priority, start, policy, counters, devices };
        entries[placeOf(family, hook)]!.push(at);
      }
    }
    for (const list of entries) list.sort((one, other) => one.priority - other.priority);
    return {
      code: Int32Array.from(this.#code),
      constants: this.#constants,
      sets: this.#sets,
      counters: this.#counters,
      others: this.#others,
      entries,
      tracks: this.#tracks || translates,
      translates,
      offloads: ruleset.tables.some(({ flowtables }) => flowtables.size > 0),
    };
  }

  #expression(it: Expression): void {
    if (TRACKING.has(it.kind) || extensionTracks(it)) this.#tracks = true;
    const code = this.#code;
    switch (it.kind) {
      case "payload":
        if (it.has(NFTA_PAYLOAD_SREG)) break;
        code.push(Step.payload, it.number(NFTA_PAYLOAD_BASE), it.number(NFTA_PAYLOAD_OFFSET));
        code.push(it.number(NFTA_PAYLOAD_LEN), 4 * it.number(NFTA_PAYLOAD_DREG));
        return;
      case "cmp": {
        const data = it.bytes(NFTA_CMP_DATA);
        code.push(
          Step.compare,
          it.number(NFTA_CMP_OP),
          4 * it.number(NFTA_CMP_SREG),
          data.length,
          this.#constant(data),
        );
        return;
      }
      case "bitwise":
        if (it.number(NFTA_BITWISE_OP) !== NFT_BITWISE_BOOL) break;
        code.push(Step.mask, 4 * it.number(NFTA_BITWISE_SREG), it.number(NFTA_BITWISE_LEN));
        code.push(this.#constant(it.bytes(NFTA_BITWISE_MASK)), this.#constant(it.bytes(NFTA_BITWISE_XOR)));
        code.push(4 * it.number(NFTA_BITWISE_DREG));
        return;
      case "immediate":
        this.#immediate(it.number(NFTA_IMMEDIATE_DREG), it.values[NFTA_IMMEDIATE_DATA] as Data);
        return;
      case "lookup":
        this.#lookup(it);
        return;
      case "meta":
        if (it.has(NFTA_META_SREG)) break;
        code.push(Step.meta, it.number(NFTA_META_KEY), 4 * it.number(NFTA_META_DREG));
        return;
      case "ct":
        if (it.has(NFTA_CT_SREG)) break;
        code.push(Step.connection, it.number(NFTA_CT_KEY), 4 * it.number(NFTA_CT_DREG));
        code.push(it.has(NFTA_CT_DIRECTION) ? it.number(NFTA_CT_DIRECTION) : -1);
        return;
      case "counter":
        code.push(Step.counter, this.#counters.push(it.state) - 1);
        return;
    }
    code.push(Step.other, this.#others.push(it) - 1);
  }

  #constant(bytes: Uint8Array): number {
    return this.#constants.push(bytes) - 1;
  }

  #immediate(word: number, data: Data): void {
    if (data instanceof Uint8Array) this.#code.push(Step.load, 4 * word, data.length, this.#constant(data));
    else this.#verdict(data);
  }

  #verdict({ code: verdict, chain }: Verdict): void {
    const code = this.#code;
    switch (verdict) {
      case NF_ACCEPT:
        code.push(Step.accept);
        break;
      case NF_DROP:
        code.push(Step.drop);
        break;
      case NFT_RETURN:
        code.push(Step.end);
        break;
      case NFT_BREAK:
        code.push(Step.break);
        break;
      case NFT_JUMP:
      case NFT_GOTO:
        code.push(verdict === NFT_JUMP ? Step.jump : Step.goto, 0);
        this.#jumps.push({ at: code.length - 1, chain: chain! });
    }
  }

  #lookup(it: Expression): void {
    const set = this.#sets.push(it.set!) - 1;
    const register = 4 * it.number(NFTA_LOOKUP_SREG);
    if (!it.has(NFTA_LOOKUP_DREG))
      this.#code.push(Step.lookup, set, register, it.number(NFTA_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV);
    else if (it.number(NFTA_LOOKUP_DREG) === 0) this.#code.push(Step.verdictMap, set, register);
    else this.#code.push(Step.map, set, register, 4 * it.number(NFTA_LOOKUP_DREG));
  }
}
