/**
 * Goal: what later runs add joins what is there, within a bound; what nobody would find any more goes. Method: modules
 * of a unit or two, by size.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ArchivePieces } from "@stratos/host";
import { ArchiveContents, type KeptModule } from "./archive-contents.ts";
import { type KeptUnit, MODULES_MAX } from "./archive-index.ts";

function moduleOf(bytes: number, ...entries: number[]): KeptModule {
  const units = entries.map((entry, number): KeptUnit => {
    const ranges = [entry, 4];
    return {
      number,
      entry,
      instructionCount: 1,
      entries: [entry],
      ranges,
      exits: [],
      jumps: [],
      bytes: new Uint8Array(4),
    };
  });
  return { bytes: new Uint8Array(bytes), code: new Uint8Array(0), units };
}

function kept(pieces: readonly Uint8Array[]): ArchivePieces {
  return { count: pieces.length, read: (index) => pieces[index] ?? null };
}

const entriesOf = (contents: ArchiveContents): number[] => contents.units.map(({ entry }) => entry);
const never = (): boolean => false;

test("what a later run adds stands beside what was there", () => {
  const first = new ArchiveContents(null);
  first.add([moduleOf(10, 0, 8), moduleOf(10, 16)], never);
  const second = new ArchiveContents(kept(first.pieces()));
  second.add([moduleOf(10, 24)], never);
  assert.deepEqual(entriesOf(new ArchiveContents(kept(second.pieces()))), [0, 8, 16, 24]);
});

test("a module all of whose units were made anew goes, and one that has another one stays", () => {
  const contents = new ArchiveContents(null);
  contents.add([moduleOf(10, 0), moduleOf(10, 8, 16)], never);
  contents.add([moduleOf(10, 0, 8)], never);
  assert.deepEqual(entriesOf(contents), [8, 16, 0, 8]);
});

test("of what is too much the oldest goes that the run hasn't used, and what is new stays", () => {
  const contents = new ArchiveContents(null, 30);
  contents.add([moduleOf(10, 0), moduleOf(10, 8), moduleOf(10, 16)], never);
  contents.add([moduleOf(10, 24)], ({ entry }) => entry === 0);
  assert.deepEqual(entriesOf(contents), [0, 16, 24]);
  contents.add([moduleOf(25, 32)], ({ entry }) => entry === 16);
  assert.deepEqual(entriesOf(contents), [32]);
  contents.add([moduleOf(20, 40), moduleOf(20, 48)], never);
  assert.deepEqual(entriesOf(contents), [48]);
});

test("of more modules than an archive holds the oldest goes", () => {
  const contents = new ArchiveContents(null);
  const offsets = Array.from({ length: MODULES_MAX + 2 }, (_, number) => number * 8);
  contents.add(
    offsets.slice(0, -2).map((offset) => moduleOf(10, offset)),
    never,
  );
  contents.add(
    offsets.slice(-2).map((offset) => moduleOf(10, offset)),
    ({ entry }) => entry === 0,
  );
  const later = new ArchiveContents(kept(contents.pieces()));
  assert.deepEqual(entriesOf(later), [0, ...offsets.slice(3)]);
});

test("of an archive with damaged pieces what is sound is kept", () => {
  const contents = new ArchiveContents(null);
  contents.add([moduleOf(10, 0), moduleOf(10, 8)], never);
  const pieces = contents.pieces();
  const without = (...gone: number[]): ArchivePieces => ({
    count: pieces.length,
    read: (index) => (gone.includes(index) ? null : pieces[index]!),
  });
  assert.deepEqual(entriesOf(new ArchiveContents(without(2))), [8]);
  assert.deepEqual(entriesOf(new ArchiveContents(without(0))), []);
});
