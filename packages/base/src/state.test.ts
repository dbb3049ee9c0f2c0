/**
 * A graph of objects is written and read back: identity, cycles, private fields, views of one buffer, what is given by
 * name; and whatever is not what was written is refused by name.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { blankOf, stateClass, stateClassNamed, stateConstant } from "./state-classes.ts";
import { StateError } from "./state-error.ts";
import { crc32c } from "./crc.ts";
import { LoneBytes } from "./lone-bytes.ts";
import { loadState } from "./state-reader.ts";
import { saveState } from "./state-writer.ts";
import { SeededRandom } from "./seeded-random.ts";

class Base {
  #hidden: number;
  open: Leaf | null = null;

  constructor(hidden: number) {
    this.#hidden = hidden;
  }

  get hidden(): number {
    return this.#hidden;
  }

  static {
    stateClass("test.Base", this, {
      save: (it) => ({ hidden: it.#hidden }),
      load: (it, from) => ({ hidden: it.#hidden } = from),
    });
  }
}

class Leaf extends Base {
  readonly bytes: Uint8Array;
  #own: string;
  hook: (() => void) | null = null;

  constructor(parent: Base, options: { size: number; names: string[] }) {
    super(options.names.length);
    this.bytes = new Uint8Array(options.size);
    this.#own = `${parent.hidden} ${[...options.names].join()}`;
  }

  get own(): string {
    return this.#own;
  }

  static {
    stateClass(
      "test.Leaf",
      this,
      { save: (it) => ({ own: it.#own }), load: (it, from) => ({ own: it.#own } = from) },
      { keeps: ["hook"] },
    );
  }
}

/** Holds what only its maker can give it. */
class Made {
  readonly owner: Base;
  readonly name: string;
  count = 0;
  readonly text: () => string;

  constructor(owner: Base, name: string) {
    this.owner = owner;
    this.name = name;
    this.text = () => `${name} of ${owner.hidden}`;
  }

  static {
    stateClass("test.Made", this, null, {
      remake: {
        describe: ({ owner, name }: Made) => ({ owner, name }),
        make: ({ owner, name }: { owner: Base; name: string }) => new Made(owner, name),
      },
    });
  }
}

const TABLE = stateConstant("test.TABLE", { rows: [() => 1] });
const NONE = { ports: new Map<string, object>(), given: new Map<string, object>() };

function sample(): { base: Base; leaf: Leaf; all: Record<string, unknown> } {
  const base = new Base(7);
  const leaf = new Leaf(base, { size: 8, names: ["a", "b"] });
  base.open = leaf;
  leaf.open = leaf;
  leaf.bytes.set([1, 2, 3]);
  leaf.hook = () => {};
  const made = new Made(leaf, "text");
  made.count = 3;
  const all = {
    base,
    words: new Uint16Array(leaf.bytes.buffer, 2, 2),
    map: new Map<unknown, unknown>([
      [base, 1],
      ["made", made],
      [made, made],
    ]),
    set: new Set([leaf, -0, Number.NaN, Infinity, 2 ** 40, -2147483648, undefined, null, true, 12n ** 30n]),
    text: "grün — \u{1f600}",
    TABLE,
    sparse: [[], {}],
    lone: new LoneBytes(leaf.bytes.buffer as ArrayBuffer, 1, 2),
  };
  return { base, leaf, all };
}

test("objects come back with their identity, cycles, private fields and shared bytes", () => {
  const { all } = sample();
  const back = loadState(saveState(all, new Map()), NONE) as typeof all;
  const base = back["base"] as Base;
  const leaf = base.open!;
  assert.equal(base.hidden, 7);
  assert.ok(leaf instanceof Leaf && leaf.open === leaf);
  assert.equal(leaf.hidden, 2);
  assert.equal(leaf.own, "7 a,b");
  assert.deepEqual([...leaf.bytes], [1, 2, 3, 0, 0, 0, 0, 0]);
  assert.equal(leaf.hook, null, "what is no state stays as its blank has it");
  (back["words"] as Uint16Array)[0] = 0x0605;
  assert.deepEqual([...leaf.bytes.subarray(0, 4)], [1, 2, 5, 6]);
  const lone = back["lone"] as LoneBytes;
  assert.ok(lone instanceof LoneBytes && lone.buffer.byteLength === 2, "what lies beside it stays behind");
  assert.deepEqual([...lone], [2, 3]);
  const map = back["map"] as Map<unknown, unknown>;
  const made = map.get("made") as Made;
  assert.equal(map.get(base), 1);
  assert.equal(map.get(made), made);
  assert.equal(made.text(), "text of 2");
  assert.equal(made.owner, leaf);
  assert.equal(made.count, 3);
  assert.deepEqual([...(back["set"] as Set<unknown>)].slice(1), [...(all["set"] as Set<unknown>)].slice(1));
  assert.equal(back["text"], all["text"]);
  assert.equal(back["TABLE"], TABLE);
});

test("what is replaced is written by its stand-in wherever it is referred to, and nothing of it is", () => {
  const { base, leaf, all } = sample();
  const other = new Base(9);
  leaf.bytes.set([6, 6, 6, 6, 6, 6, 6, 6]);
  const bytes = saveState({ all, base, other }, new Map(), {
    replaced: new Map<object, object>([
      [base, other],
      [leaf, other],
    ]),
  });
  const back = loadState(bytes, NONE) as { all: typeof all; base: Base; other: Base };
  assert.equal(back.base, back.other);
  assert.equal(back.base.hidden, 9);
  assert.deepEqual([...(back.all["map"] as Map<unknown, unknown>).keys()][0], back.other);
  assert.equal(((back.all["map"] as Map<unknown, unknown>).get("made") as Made).owner, back.other);
});

test("a state that is saved again is the same bytes", () => {
  const first = saveState(sample().all, new Map());
  assert.deepEqual(saveState(loadState(first, NONE), new Map()), first);
});

test("what the outside gives is bound by name, and its absence refused by name", () => {
  const [before, after] = [{ port: 1 }, { port: 2 }];
  const file = saveState({ clock: before }, new Map([[before, "clock"]]));
  const sources = { ...NONE, ports: new Map([["clock", after]]) };
  assert.equal((loadState(file, sources) as { clock: object }).clock, after);
  assert.throws(() => loadState(file, NONE), { kind: "foreign", message: /needs clock, which it was not given/ });
  const given = new Base(0);
  const filled = loadState(saveState(new Base(9), new Map()), { ...NONE, given: new Map([["test.Base", given]]) });
  assert.ok(filled === given && given.hidden === 9);
});

test("functions and objects without a name are refused, with the way that leads to them", () => {
  class Stranger {}
  const { base, leaf, all } = sample();
  (base as unknown as { open: unknown }).open = { list: [new Stranger()] };
  assert.throws(
    () => saveState(all, new Map()),
    (error: StateError) =>
      error.kind === "unsavable" &&
      /\.base test\.Base\.open\.list\[0\] holds an object of the class Stranger/.test(error.message),
  );
  (base as unknown as { open: unknown }).open = leaf;
  all["map"] = new Map([["f", function named(): void {}]]);
  assert.throws(() => saveState(all, new Map()), { kind: "unsavable", message: ".map[f] holds a function (named)" });
});

test("a blank has each field of its class", () => {
  const blank = blankOf(stateClassNamed("test.Leaf")!) as Leaf;
  assert.deepEqual(Object.keys(blank), Object.keys(sample().leaf));
  assert.equal(blank.bytes.length, 0);
});

test("each flipped byte, each cut and each class of another version is refused by name", () => {
  const file = saveState(sample().all, new Map());
  for (let at = 0; at < file.length; at++) {
    const other = file.slice();
    other[at]! ^= 0x10;
    assert.throws(() => loadState(other, NONE), StateError, `byte ${at}`);
    assert.throws(() => loadState(file.subarray(0, at), NONE), StateError, `cut at ${at}`);
  }
  const foreign = new TextDecoder("latin1").decode(file).replace("test.Leaf#own", "test.Leaf#old");
  const bytes = sealed(Uint8Array.from(foreign, (unit) => unit.charCodeAt(0)));
  assert.throws(() => loadState(bytes, NONE), {
    kind: "foreign",
    message: /its test\.Leaf is another version's: without test\.Leaf#own and with test\.Leaf#old/,
  });
});

test("bytes that only a checksum vouches for end in a refusal or in a graph, never otherwise", () => {
  const file = saveState(sample().all, new Map());
  const random = new SeededRandom(1);
  for (let round = 0; round < 2000; round++) {
    const other = file.slice();
    for (let count = 1 + random.below(3); count > 0; count--)
      other[16 + random.below(file.length - 16)] = random.below(256);
    try {
      loadState(sealed(other), NONE);
    } catch (error) {
      assert.ok(error instanceof StateError, `round ${round}: ${String(error)}`);
    }
  }
});

function sealed(file: Uint8Array): Uint8Array {
  new DataView(file.buffer).setUint32(12, crc32c(file, 16), true);
  return file;
}
