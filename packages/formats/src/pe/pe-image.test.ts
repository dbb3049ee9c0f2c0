/**
 * UEFI programs. Judge: objdump reads the sections that are added, from a program that it knows; damage is told and
 * never followed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SeededRandom } from "@stratos/base";
import { FormatError } from "../format-error.ts";
import { run, withFolder } from "../testing/disk-file.ts";
import { sampleBytes } from "../testing/sample-tree.ts";
import { addPeSections, readPeSections } from "./pe-image.ts";

/** A program with one section, `.text`, and room for some more. */
function program(room = 20): Uint8Array {
  const headers = 0x40 + 4 + 20 + 240,
    sizeOfHeaders = Math.ceil((headers + 40 * (1 + room)) / 512) * 512;
  const bytes = new Uint8Array(sizeOfHeaders + 512),
    view = new DataView(bytes.buffer);
  bytes.set(Buffer.from("MZ"));
  view.setUint32(60, 0x40, true);
  bytes.set(Buffer.from("PE\0\0"), 0x40);
  const coff = 0x44,
    optional = coff + 20,
    table = optional + 240;
  view.setUint16(coff, 0x8664, true);
  view.setUint16(coff + 2, 1, true);
  view.setUint16(coff + 16, 240, true);
  view.setUint16(coff + 18, 0x22, true);
  view.setUint16(optional, 0x20b, true);
  view.setUint32(optional + 16, 0x1000, true);
  view.setUint32(optional + 32, 4096, true);
  view.setUint32(optional + 36, 512, true);
  view.setUint32(optional + 56, 0x2000, true);
  view.setUint32(optional + 60, sizeOfHeaders, true);
  view.setUint16(optional + 68, 10, true);
  view.setUint32(optional + 108, 16, true);
  bytes.set(Buffer.from(".text"), table);
  view.setUint32(table + 8, 100, true);
  view.setUint32(table + 12, 0x1000, true);
  view.setUint32(table + 16, 512, true);
  view.setUint32(table + 20, sizeOfHeaders, true);
  view.setUint32(table + 36, 0x60000020, true);
  return bytes;
}

test("added sections stand behind the program's own, where they are loaded and in the file", () =>
  withFolder((folder) => {
    const linux = sampleBytes(70_001, 5);
    const whole = addPeSections(program(), [
      { name: ".cmdline", content: Buffer.from("root=x") },
      { name: ".linux", content: linux },
    ]);
    const found = readPeSections(whole);
    assert.deepEqual(
      found.map(({ name, content }) => [name, content.length]),
      [
        [".text", 100],
        [".cmdline", 6],
        [".linux", 70_001],
      ],
    );
    assert.deepEqual(found[2]!.content, linux);
    const path = join(folder, "program.efi");
    writeFileSync(path, whole);
    const { output } = run("objdump", ["-h", path]);
    assert.match(output, /pei-x86-64/);
    assert.match(output, /\.cmdline +00000006 +0000000000002000[\s\S]*\.linux +00011171 +0000000000003000/);
    // The image as it is loaded ends behind the last section.
    assert.equal(new DataView(whole.buffer).getUint32(0x44 + 20 + 56, true), 0x3000 + 0x12000);
  }));

test("signed programs, full tables and damage are refused in words", () => {
  const add = (image: Uint8Array, count = 1): void =>
    void addPeSections(
      image,
      Array.from({ length: count }, (_, index) => ({ name: `.s${index}`, content: new Uint8Array(1) })),
    );
  assert.throws(() => add(program(3), 30), /no room for 30 more sections/);
  const signed = program();
  new DataView(signed.buffer).setUint32(0x44 + 20 + 112 + 4 * 8 + 4, 100, true);
  assert.throws(() => add(signed), /is signed/);
  assert.throws(() => add(new Uint8Array(100)), /not a UEFI program: no MZ header/);
  const seed = 77,
    random = new SeededRandom(seed);
  for (let round = 0; round < 3000; round++) {
    const image = program().slice(0, random.below(1500));
    for (let hits = 0; hits < 4 && image.length > 0; hits++)
      image[random.below(Math.min(image.length, 420))] = random.below(256);
    try {
      add(image);
      readPeSections(image);
    } catch (error) {
      assert.ok(error instanceof FormatError, `seed ${seed}, round ${round}: ${String(error)}`);
    }
  }
});
