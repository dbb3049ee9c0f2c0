/** Goal: programs and the kernel agree on the time. Method: the page that programs read is looked at. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestKernel } from "../../testing/fake-task.ts";
import { Elf64Ehdr, Elf64Phdr, Elf64Sym, SHN_ABS } from "@stratos/abi";
import { vdsoImage } from "./vdso-image.ts";
import { PROBED_VALUES } from "./hwprobe.ts";

test("a fork without memory tells programs the time that was set as soon as it has a page for it", () => {
  const { kernel } = createTestKernel();
  const { frames, memory, vdso } = kernel;
  memory.shortage = { makeRoom: () => false };
  // As after a fork: another kernel has the page, too.
  frames.share(vdso.data.frame(0), memory);
  const told = (): bigint => new BigInt64Array(kernel.physical.u8.buffer, vdso.data.frame(0) * 4096, 1)[0]!;
  const held: number[] = [];
  for (let frame = 0; (frame = frames.allocate(memory)) >= 0;) held.push(frame);
  const before = told();
  kernel.setRealtime(5, 0);
  kernel.followHostClock();
  assert.equal(told(), before, "nowhere to tell it");
  for (const frame of held) frames.release(frame);
  kernel.followHostClock();
  assert.equal(told() + BigInt(kernel.now()), 5_000_000_000n);
});

test("programs are told how many keys of riscv_hwprobe(2) are answered without a call, and what they say", () => {
  const { physical, vdso } = createTestKernel().kernel;
  for (const data of [vdso.data, vdso.askingData]) {
    const view = new DataView(physical.u8.buffer, data.frame(0) * 4096, 4096);
    assert.equal(view.getUint32(104, true), PROBED_VALUES.length);
    assert.deepEqual(
      PROBED_VALUES.map((_value, key) => Number(view.getBigUint64(112 + key * 8, true))),
      [...PROBED_VALUES],
    );
  }
});

test("the symbols that a dynamic linker finds are defined: in the text, or as numbers", () => {
  const image = vdsoImage();
  const view = new DataView(image.buffer, image.byteOffset, image.length);
  // The hash table stands first: its chains are as many as there are symbols, which stand behind it.
  const hash = Math.ceil((Elf64Ehdr.size + view.getUint16(Elf64Ehdr.offset.e_phnum, true) * Elf64Phdr.size) / 8) * 8;
  const count = view.getUint32(hash + 4, true);
  const first = Math.ceil((hash + 4 * (3 + count)) / 8) * 8;
  const sections = Array.from({ length: count - 1 }, (_, index) =>
    view.getUint16(first + (index + 1) * Elf64Sym.size + Elf64Sym.offset.st_shndx, true),
  );
  assert.ok(count > 5, String(count));
  assert.deepEqual([...new Set(sections)].length, 2);
  assert.ok(sections[0]! > 0 && sections[0]! < view.getUint16(Elf64Ehdr.offset.e_shnum, true));
  assert.equal(sections.at(-1), SHN_ABS);
});
