/** ELF headers. Goal: real shapes are read, each kind of damage is named, and no input makes the parser throw. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import {
  EM_RISCV,
  ET_DYN,
  PF_R,
  PF_X,
  PT_INTERP,
  PT_LOAD,
  isElfError,
  parseElf,
  type ElfImage,
  type ElfReader,
} from "./elf.ts";

interface Phdr {
  type: number;
  flags?: number;
  offset?: bigint;
  vaddr?: bigint;
  filesz?: bigint;
  memsz?: bigint;
  align?: bigint;
}

function makeElf(phdrs: Phdr[], phoff = 64): Uint8Array {
  const bytes = new Uint8Array(phoff + phdrs.length * 56);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
  view.setUint16(16, ET_DYN, true);
  view.setUint16(18, EM_RISCV, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, 0x1234n, true);
  view.setBigUint64(32, BigInt(phoff), true);
  view.setUint32(48, 5, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, phdrs.length, true);
  phdrs.forEach((phdr, index) => {
    const at = phoff + index * 56;
    view.setUint32(at, phdr.type, true);
    view.setUint32(at + 4, phdr.flags ?? 0, true);
    view.setBigUint64(at + 8, phdr.offset ?? 0n, true);
    view.setBigUint64(at + 16, phdr.vaddr ?? 0n, true);
    view.setBigUint64(at + 32, phdr.filesz ?? 0n, true);
    view.setBigUint64(at + 40, phdr.memsz ?? 0n, true);
    view.setBigUint64(at + 48, phdr.align ?? 0n, true);
  });
  return bytes;
}

const TEXT: Phdr = {
  type: PT_LOAD,
  flags: PF_R | PF_X,
  offset: 0x1000n,
  vaddr: 0x2000n,
  filesz: 100n,
  memsz: 200n,
  align: 4096n,
};
const INTERP: Phdr = { type: PT_INTERP, offset: 0x300n, filesz: 33n, memsz: 33n, align: 1n };

test("a position-independent program is read", () => {
  const image = parseElf(makeElf([INTERP, TEXT])) as ElfImage;
  assert.ok(!isElfError(image));
  assert.equal(image.type, ET_DYN);
  assert.equal(image.machine, EM_RISCV);
  assert.equal(image.flags, 5);
  assert.equal(image.entry, 0x1234);
  assert.deepEqual(image.interp, { offset: 0x300, size: 33 });
  assert.deepEqual(image.segments[1], {
    type: PT_LOAD,
    flags: 5,
    offset: 0x1000,
    vaddr: 0x2000,
    filesz: 100,
    memsz: 200,
    align: 4096,
  });
});

test("program headers beyond the first page come from the reader", () => {
  const bytes = makeElf([INTERP, TEXT], 9000);
  const header = bytes.subarray(0, 4096);
  const readAt: ElfReader = (offset, into) => {
    const part = bytes.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  };
  const image = parseElf(header, readAt) as ElfImage;
  assert.equal(image.segments.length, 2);
  assert.equal(parseElf(header), "truncated");
  assert.equal(
    parseElf(header, () => 5),
    "truncated",
  );
  assert.equal(
    parseElf(header, () => -5),
    "truncated",
  );
});

test("each kind of damage has its name", () => {
  const damaged = (change: (view: DataView, bytes: Uint8Array) => void): unknown => {
    const bytes = makeElf([INTERP, TEXT]);
    change(new DataView(bytes.buffer), bytes);
    return parseElf(bytes);
  };
  assert.equal(parseElf(new Uint8Array()), "not-elf");
  assert.equal(parseElf(new Uint8Array([0x23, 0x21, 0x2f])), "not-elf");
  assert.equal(parseElf(makeElf([TEXT]).subarray(0, 63)), "truncated");
  assert.equal(
    damaged((view) => view.setUint8(4, 1)),
    "class",
  );
  assert.equal(
    damaged((view) => view.setUint8(5, 2)),
    "byte-order",
  );
  assert.equal(
    damaged((view) => view.setUint8(6, 0)),
    "version",
  );
  assert.equal(
    damaged((view) => view.setUint16(54, 32, true)),
    "program-headers",
  );
  assert.equal(
    damaged((view) => view.setUint16(56, 0, true)),
    "program-headers",
  );
  assert.equal(
    damaged((view) => view.setUint16(56, 0xffff, true)),
    "program-headers",
  );
  assert.equal(
    damaged((view) => view.setUint16(56, 900, true)),
    "truncated",
  );
  assert.equal(
    damaged((view) => view.setBigUint64(32, 0xffff_ffff_ffff_ffffn, true)),
    "address-range",
  );
  assert.equal(
    damaged((view) => view.setBigUint64(32, (1n << 53n) - 1n, true)),
    "address-range",
  );
  assert.equal(parseElf(makeElf([{ ...TEXT, filesz: 201n }])), "segment-size");
  assert.equal(parseElf(makeElf([{ ...TEXT, offset: 0x1001n }])), "segment-alignment");
  assert.equal(parseElf(makeElf([{ ...TEXT, align: 3n }])), "segment-alignment");
  assert.equal(parseElf(makeElf([{ ...TEXT, vaddr: (1n << 53n) - 4096n, memsz: 4097n }])), "address-range");
  assert.equal(parseElf(makeElf([{ ...INTERP, filesz: 1n }])), "interpreter");
  assert.equal(parseElf(makeElf([{ ...INTERP, filesz: 5000n }])), "interpreter");
  assert.equal(parseElf(makeElf([INTERP, INTERP])), "interpreter");
});

test("an unused segment with senseless values does not stop the load", () => {
  const image = parseElf(makeElf([TEXT, { type: 0x6fffffff, vaddr: 1n << 63n }])) as ElfImage;
  assert.equal(image.segments.length, 2);
  assert.equal(image.segments[1]!.type, 0);
});

test("100 000 damaged files: the parser answers, and what it returns is in range", () => {
  const random = new SeededRandom(7);
  const base = makeElf([INTERP, TEXT, TEXT]);
  for (let round = 0; round < 100_000; round++) {
    const bytes = base.slice(0, random.below(8) === 0 ? random.below(base.length + 1) : base.length);
    for (let flips = random.below(4) + 1; flips > 0; flips--)
      if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256);
    const image = parseElf(bytes);
    if (isElfError(image)) continue;
    for (const segment of image.segments) {
      assert.ok(Number.isSafeInteger(segment.offset + segment.filesz) && segment.offset >= 0);
      assert.ok(Number.isSafeInteger(segment.vaddr + segment.memsz) && segment.vaddr >= 0);
      if (segment.type === PT_LOAD) assert.ok(segment.filesz <= segment.memsz);
    }
  }
});
