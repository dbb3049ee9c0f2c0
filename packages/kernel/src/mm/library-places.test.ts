/** Goal: a library lies at one place in all processes, and two never at the same. Method: places for made-up files. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Inode } from "../vfs/inode.ts";
import type { AddressSpace } from "./address-space.ts";
import { LibraryPlaces, libraryPlace } from "./library-places.ts";

const MIB = 1 << 20;

/** Do `[at, at + length)` of two libraries meet? */
function meet(one: readonly [number, number], other: readonly [number, number]): boolean {
  return one[0] < other[0] + other[1] && other[0] < one[0] + one[1];
}

test("the same content has one place, other content another one, which does not reach into it", () => {
  const places = new LibraryPlaces();
  const lengths = [5000, 65536, 3 * MIB, 1];
  const given = lengths.map((length, index) => [places.place(`library ${index}`, length), length] as const);
  for (const [index, one] of given.entries()) {
    assert.ok(one[0] > 0 && one[0] % 65536 === 0);
    assert.equal(places.place(`library ${index}`, one[1]), one[0]);
    for (const other of given.slice(index + 1)) assert.ok(!meet(one, other), `${one} and ${other}`);
  }
  assert.equal(places.place("too large for all", 2 ** 40), 0);
});

test("when there is no room any more they begin anew, and who was placed before has no claim", () => {
  const places = new LibraryPlaces();
  const length = 64 * MIB;
  const first = places.place("0", length);
  let count = 1;
  while (places.place(String(count), length) !== first) assert.ok(++count < 10_000);
  assert.ok(!meet([places.place("0", length), length], [first, length]), "its place is another's");
});

test("in a repeatable kernel a place follows from the file, whatever was placed before", () => {
  const taken: [number, number][] = [];
  const isFree = (start: number, end: number): boolean => !taken.some((each) => meet(each, [start, end - start]));
  const space = { kernel: { isRepeatable: true }, isFree } as unknown as AddressSpace;
  const place = (ino: number): number =>
    libraryPlace(space, { ino, fileSystem: { device: 1 } } as unknown as Inode, "0:5000", 5000);
  const first = place(7);
  assert.ok(first > 0 && first % 65536 === 0);
  for (let ino = 8; ino < 100; ino++) place(ino);
  assert.equal(place(7), first);
  taken.push([first, 5000]);
  const second = place(7);
  assert.ok(second > 0 && !meet([second, 5000], [first, 5000]), "what lies there stays");
});
