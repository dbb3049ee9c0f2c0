/**
 * A graph of objects is copied as saving and loading it would: identity, cycles, private fields, views of one buffer,
 * what is made anew, what stands for the outside; and what nobody can copy is refused by name.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LoneBytes } from "./lone-bytes.ts";
import { stateClass, stateConstant } from "./state-classes.ts";
import { copyState, rehearseCopy } from "./state-copy.ts";

const told: string[] = [];

class Room {
  #guests: Set<Guest> = new Set();
  readonly bytes = new Uint8Array(8);
  readonly view = new DataView(this.bytes.buffer, 4);
  outside: object | null = null;
  hook: (() => void) | null = null;

  get guests(): Set<Guest> {
    return this.#guests;
  }

  static {
    stateClass(
      "copied.Room",
      this,
      { save: (it) => ({ guests: it.#guests }), load: (it, from) => ({ guests: it.#guests } = from) },
      {
        keeps: ["hook"],
        copied: (it, from) => told.push(`copied ${it.bytes[4]} from ${from.bytes[4]}`),
        loaded: (it) => told.push(`loaded with ${it.guests.size}`),
      },
    );
  }
}

class Guest {
  readonly room: Room;
  badge: Badge | null = null;

  constructor(room: Room) {
    this.room = room;
  }

  static {
    stateClass("copied.Guest", this);
  }
}

/** Its text is a closure that only its maker can give it. */
class Badge {
  readonly guest: Guest;
  uses = 0;
  readonly text: () => string;

  constructor(guest: Guest) {
    this.guest = guest;
    this.text = () => `guest of ${guest.room.bytes[4]}`;
  }

  static {
    stateClass("copied.Badge", this, null, {
      remake: { describe: ({ guest }: Badge) => ({ guest }), make: ({ guest }: Badge) => new Badge(guest) },
    });
  }
}

const SHELF = stateConstant("copied.SHELF", { name: "shelf" });
const NOTHING = { replaced: new Map<object, object>(), given: new Map<object, object>() };

function fullRoom(): Room {
  const room = new Room();
  const guest = new Guest(room);
  guest.badge = new Badge(guest);
  guest.badge.uses = 3;
  room.guests.add(guest);
  room.bytes[4] = 7;
  return room;
}

test("a copy has what its original has, and nothing in common with it", () => {
  const room = fullRoom();
  room.hook = () => {};
  told.length = 0;
  const lone = new LoneBytes(room.bytes.buffer, 3, 2);
  const copy = copyState({ room, list: [room, SHELF, 1n, undefined], byName: new Map([[room, "r"]]), lone }, NOTHING);
  const [guest] = [...copy.room.guests];
  assert.deepEqual(copy.list, [copy.room, SHELF, 1n, undefined]);
  assert.equal(copy.byName.get(copy.room), "r");
  assert.equal(guest!.room, copy.room);
  assert.deepEqual([copy.room.hook, guest!.badge!.uses, guest!.badge!.guest], [null, 3, guest]);
  assert.ok(copy.lone instanceof LoneBytes && copy.lone.buffer.byteLength === 2);
  assert.deepEqual([...copy.lone], [0, 7]);
  copy.room.view.setUint8(0, 9);
  assert.deepEqual([copy.room.bytes[4], room.bytes[4]], [9, 7]);
  assert.equal(guest!.badge!.text(), "guest of 9");
  assert.deepEqual(told, ["copied 7 from 7", "loaded with 1"]);
});

test("what is given is filled, what is replaced is the other's, and a stand-in comes for what has no name", () => {
  const room = fullRoom();
  const [inside, other] = [new (class Socket {})(), {}];
  room.outside = inside;
  const given = new Room();
  const [guest] = [...room.guests];
  const replacement = new Guest(given);
  const copy = copyState(room, {
    replaced: new Map<object, object>([[guest!, replacement]]),
    given: new Map<object, object>([[room, given]]),
    standIn: (object) => (object === inside ? other : undefined),
  });
  assert.equal(copy, given);
  assert.deepEqual([...given.guests], [replacement]);
  assert.equal(given.outside, other);
});

const SHARED = new Map([["shared", 1]]);

class Drawer {
  /** Two for each, one for all of them, and one by two names. */
  readonly papers = new Map<string, number>();
  readonly labels = new Set<string>();
  readonly shared = SHARED;
  readonly first = new Guest(null as unknown as Room);
  readonly again = this.first;
  #hidden = new Map<string, Drawer>();

  get hidden(): Map<string, Drawer> {
    return this.#hidden;
  }

  static {
    stateClass("copied.Drawer", this, {
      save: (it) => ({ hidden: it.#hidden }),
      load: (it, from) => ({ hidden: it.#hidden } = from),
    });
  }
}

test("what a blank has for itself alone becomes part of its copy; what others have, too, stays as it is", () => {
  const [one, other] = [new Drawer(), new Drawer()];
  for (const [index, drawer] of [one, other].entries()) {
    drawer.papers.set("page", index);
    drawer.labels.add(`label ${index}`);
    drawer.hidden.set("self", drawer);
    drawer.shared.set("of", 2);
    Object.assign(drawer, { again: new Guest(null as unknown as Room) });
  }
  // In one place of its original it is one object, in two of its blank two.
  const third = Object.assign(new Drawer(), { papers: one.papers });
  for (let round = 0; round < 3; round++) {
    const copies = copyState([one, other, third], NOTHING);
    for (const [index, copy] of copies.entries()) {
      const original = [one, other, third][index]!;
      assert.deepEqual([[...copy.papers], [...copy.labels]], [[...original.papers], [...original.labels]]);
      assert.notEqual(copy.first, original.first);
      assert.equal(copy.again === copy.first, original.again === original.first);
      assert.equal(copy.hidden.get("self"), index === 2 ? undefined : copy);
    }
    assert.equal(copies[2]!.papers, copies[0]!.papers);
    assert.equal(
      new Set(copies.flatMap(({ papers, labels, first, hidden }) => [papers, labels, first, hidden])).size,
      11,
    );
    copies[0]!.papers.set("page", 9);
    copies[0]!.shared.set("of", 3);
    assert.deepEqual([one.papers.get("page"), other.papers.get("page"), copies[1]!.papers.get("page")], [0, 1, 1]);
  }
  assert.deepEqual(
    [...SHARED],
    [
      ["shared", 1],
      ["of", 2],
    ],
  );
  assert.deepEqual([...new Drawer().shared], [...SHARED]);
});

test("functions and objects without a name are refused, with the class that holds them", () => {
  const room = fullRoom();
  room.outside = new (class Window {})();
  assert.throws(() => copyState(room, NOTHING), { kind: "unsavable", message: /copied.Room holds .* class Window/ });
  room.outside = () => {};
  assert.throws(() => copyState(room, NOTHING), { kind: "unsavable", message: /copied.Room holds a function/ });
});

test("a rehearsal copies by pieces what may change meanwhile, and leaves it as it is, told to nobody", () => {
  const room = new Room();
  for (let index = 0; index < 40; index++) room.guests.add(new Guest(room));
  const before = [...room.guests];
  let made = 0;
  stateClass("copied.Counted", Counted, null, { blank: () => (made++, Object.create(Counted.prototype) as Counted) });
  const counted = Array.from({ length: 40 }, () => new Counted());
  told.length = 0;
  let pieces = 0;
  for (const _ of rehearseCopy({ room, counted }, { replaced: new Map(), given: new Map() }, 8)) {
    pieces++;
    room.bytes[4] = pieces;
    if (pieces === 2) room.guests.delete(before.pop()!);
  }
  assert.ok(pieces >= 5, `${pieces} pieces`);
  // One more to compare with.
  assert.equal(made, 41);
  assert.deepEqual([[...room.guests], told], [before, []]);
  assert.ok([...room.guests].every((guest) => guest.room === room));
});

class Counted {}
