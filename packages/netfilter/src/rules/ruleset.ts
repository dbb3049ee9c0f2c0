/**
 * The rules of one network: tables with chains of rules, sets and objects; rules are made of expressions.
 */
import { NFT_SET_ANONYMOUS } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { type KeyShape, KeyStore, StoredKey } from "./key-store.ts";

/** What becomes of a packet: NF_* (0 and above) or NFT_* (below 0); with the chain that NFT_JUMP and NFT_GOTO name. */
export class Verdict {
  readonly code: number;
  readonly chain: Chain | null;

  constructor(code: number, chain: Chain | null) {
    this.code = code;
    this.chain = chain;
  }

  static {
    stateClass("Verdict", this);
  }
}

/** What a register or an element of a map holds. */
export type Data = Uint8Array | Verdict;
type ExpressionValue = number | string | Uint8Array | Verdict;

export class Expression {
  /** As messages call it: "payload", "cmp". */
  readonly kind: string;
  /** By the number of its attribute; registers as the word of the register file where they begin. */
  readonly values: (ExpressionValue | undefined)[] = [];
  set: NftSet | null = null;
  object: StatefulObject | null = null;
  flowtable: Flowtable | null = null;
  /** Of those that elements of a set get, which packets add. */
  readonly templates: Expression[] = [];
  /** What it counts (expression-kinds.ts says what); packets change it. */
  readonly state: Float64Array;

  constructor(kind: string, stateSize: number) {
    this.kind = kind;
    this.state = new Float64Array(stateSize);
  }

  /** A number attribute; 0 where it isn't given. */
  number(attribute: number): number {
    const value = this.values[attribute];
    return typeof value === "number" ? value : 0;
  }

  has(attribute: number): boolean {
    return this.values[attribute] !== undefined;
  }

  bytes(attribute: number): Uint8Array {
    return this.values[attribute] as Uint8Array;
  }

  /** The same, which counts from the beginning. */
  copy(): Expression {
    const copy = new Expression(this.kind, this.state.length);
    for (const [at, value] of this.values.entries()) if (value !== undefined) copy.values[at] = value;
    copy.state.set(this.state);
    return copy;
  }

  static {
    stateClass("Expression", this);
  }
}

/** A counter, a quota or a limit with a name: what rules refer to (nft(8), STATEFUL OBJECTS). */
export class StatefulObject {
  readonly table: Table;
  readonly name: string;
  /** NFT_OBJECT_*. */
  readonly type: number;
  readonly handle: number;
  readonly expression: Expression;
  readonly userdata: Uint8Array | null;
  /** Rules and elements that refer to it. */
  use = 0;

  constructor(
    table: Table,
    name: string,
    { type, handle, expression, userdata }: Pick<StatefulObject, "type" | "handle" | "expression" | "userdata">,
  ) {
    this.table = table;
    this.name = name;
    this.type = type;
    this.handle = handle;
    this.expression = expression;
    this.userdata = userdata;
  }

  static {
    stateClass("StatefulObject", this);
  }
}

/** Connections that go by the rules, where they come in by some devices. */
export class Flowtable {
  readonly table: Table;
  readonly name: string;
  readonly handle: number;
  readonly priority: number;
  /** NFT_FLOWTABLE_*. */
  readonly flags: number;
  /** As a chain's. */
  devices: readonly string[];
  /** Rules that refer to it. */
  use = 0;

  constructor(
    table: Table,
    name: string,
    { handle, priority, flags, devices }: Pick<Flowtable, "handle" | "priority" | "flags" | "devices">,
  ) {
    this.table = table;
    this.name = name;
    this.handle = handle;
    this.priority = priority;
    this.flags = flags;
    this.devices = devices;
  }

  static {
    stateClass("Flowtable", this);
  }
}

/** One name may be that of an object of each type. */
export function objectKey(type: number, name: string): string {
  return `${type} ${name}`;
}

export class SetElement extends StoredKey {
  data: Data | null = null;
  object: StatefulObject | null = null;
  userdata: Uint8Array | null = null;
  expressions: Expression[] = [];

  static {
    stateClass("SetElement", this);
  }
}

interface SetShape extends KeyShape {
  readonly handle: number;
  readonly keyType: number;
  readonly dataType: number;
  readonly dataLength: number;
  readonly objectType: number;
  readonly policy: number;
  readonly timeoutMs: number;
  readonly gcIntervalMs: number;
  readonly userdata: Uint8Array | null;
}

/** A set, or a map. */
export class NftSet extends KeyStore<SetElement, SetShape> {
  readonly table: Table;
  readonly name: string;
  /** Each element gets its own of these. */
  readonly templates: Expression[] = [];
  /** Rules that look into it; an anonymous one goes with its rule. */
  use = 0;

  constructor(table: Table, name: string, shape: SetShape) {
    super(shape);
    this.table = table;
    this.name = name;
  }

  static {
    stateClass("NftSet", this);
  }
}

export class Rule {
  readonly chain: Chain;
  readonly handle: number;
  readonly expressions: readonly Expression[];
  readonly userdata: Uint8Array | null;

  constructor(chain: Chain, { handle, expressions, userdata }: Pick<Rule, "handle" | "expressions" | "userdata">) {
    this.chain = chain;
    this.handle = handle;
    this.expressions = expressions;
    this.userdata = userdata;
  }

  static {
    stateClass("Rule", this);
  }
}

/** Where packets enter a chain. */
export interface ChainHook {
  /** "filter", "nat" or "route". */
  readonly type: string;
  /** NF_INET_*. */
  readonly hook: number;
  /** Lower ones come first. */
  readonly priority: number;
  /** Names of interfaces, and, with PREFIX, how they begin; where a chain is that of devices (chain-places.ts). */
  devices: readonly string[];
}

/** Ends a name that is only the beginning of one; no interface's has it. */
export const PREFIX = "/";

/** Is an interface one of those? */
export function isDeviceOf(devices: readonly string[], name: string): boolean {
  for (const one of devices)
    if (one === name || (one.endsWith(PREFIX) && name.startsWith(one.slice(0, -1)))) return true;
  return false;
}

export class Chain {
  readonly table: Table;
  name: string;
  readonly handle: number;
  readonly hook: ChainHook | null;
  /** NF_ACCEPT or NF_DROP, for those with a hook. */
  policy = 1;
  /** Packets and bytes that the policy decided on; null: nobody counts. */
  counters: Float64Array | null = null;
  flags = 0;
  userdata: Uint8Array | null = null;
  readonly rules: Rule[] = [];
  /** Its rules, and what jumps to it. */
  use = 0;
  /** Where it begins in the program (packet/compile.ts), as long as that is. */
  start = -1;

  constructor(table: Table, name: string, handle: number, hook: ChainHook | null) {
    this.table = table;
    this.name = name;
    this.handle = handle;
    this.hook = hook;
  }

  static {
    stateClass("Chain", this, null, { keeps: ["start"] });
  }
}

export class Table {
  /** NFPROTO_*. */
  readonly family: number;
  readonly name: string;
  readonly handle: number;
  flags = 0;
  userdata: Uint8Array | null = null;
  /** Socket that rules it alone, by its port (NFT_TABLE_F_OWNER); 0: nobody. */
  owner = 0;
  /** All that is in it counts for ITEMS_MAX. */
  readonly chains = new Map<string, Chain>();
  readonly sets = new Map<string, NftSet>();
  /** By type and name. */
  readonly objects = new Map<string, StatefulObject>();
  readonly flowtables = new Map<string, Flowtable>();
  /** The last handle that was given to something within. */
  #lastHandle = 0;

  constructor(family: number, name: string, handle: number) {
    this.family = family;
    this.name = name;
    this.handle = handle;
  }

  takeHandle(): number {
    return ++this.#lastHandle;
  }

  /** What is in it by a name of its own: a set that only a rule has is that rule's. */
  get use(): number {
    let sets = 0;
    for (const { shape, use } of this.sets.values()) if ((shape.flags & NFT_SET_ANONYMOUS) === 0 || use === 0) sets++;
    return this.chains.size + sets + this.objects.size + this.flowtables.size;
  }

  static {
    stateClass("Table", this, {
      save: (it) => ({ lastHandle: it.#lastHandle }),
      load: (it, from) => ({ lastHandle: it.#lastHandle } = from),
    });
  }
}

/** Tables, chains, rules, sets, elements and objects of a network: more is ENOMEM. */
const ITEMS_MAX = 1 << 20;

export class Ruleset {
  /** In the order in which they were made. */
  readonly tables: Table[] = [];
  /** Rises with each transaction. */
  generation = 1;
  lastHandle = 0;
  /** The number of the next set without a name of its own. */
  nextAnonymous = 0;
  #items = 0;

  /** @returns is there room for so many more? */
  take(count: number): boolean {
    if (this.#items + count > ITEMS_MAX) return false;
    this.#items += count;
    return true;
  }

  table(family: number, name: string): Table | undefined {
    return this.tables.find((one) => one.family === family && one.name === name);
  }

  static {
    stateClass("Ruleset", this, {
      save: (it) => ({ items: it.#items }),
      load: (it, from) => ({ items: it.#items } = from),
    });
  }
}
