import { assert } from "@stratos/base";
import { formNamed } from "./instruction-forms.ts";

/**
 * A small assembler for test programs: instructions go into a byte buffer at a fixed address; branches to labels are
 * patched when the program is finished.
 */
export class Assembler {
  readonly origin: number;
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;
  readonly #labels = new Map<string, number>();
  readonly #fixups: { at: number; label: string; kind: "b" | "j" | "cb" | "cj" | "pcrel" }[] = [];

  /** @param origin  virtual address of the first byte */
  constructor(origin: number) {
    this.origin = origin;
    this.#bytes = new Uint8Array(1 << 16);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Address of the next instruction. */
  get here(): number {
    return this.origin + this.#length;
  }

  label(name: string): void {
    assert(!this.#labels.has(name), `the label ${name} is defined once`);
    this.#labels.set(name, this.#length);
  }

  addressOf(label: string): number {
    const offset = this.#labels.get(label);
    assert(offset !== undefined, `the label ${label} is defined`);
    return this.origin + offset;
  }

  word(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value >>> 0, true);
    this.#length += 4;
  }

  half(value: number): void {
    this.#reserve(2);
    this.#view.setUint16(this.#length, value, true);
    this.#length += 2;
  }

  /** A 32-bit instruction by name with its register fields. */
  r(name: string, rd: number, rs1: number, rs2 = 0): void {
    this.word(formNamed(name).match | (rd << 7) | (rs1 << 15) | (rs2 << 20));
  }

  i(name: string, rd: number, rs1: number, immediate: number): void {
    this.word(formNamed(name).match | (rd << 7) | (rs1 << 15) | ((immediate & 0xfff) << 20));
  }

  store(name: string, source: number, base: number, offset: number): void {
    this.word(
      formNamed(name).match | ((offset & 31) << 7) | (base << 15) | (source << 20) | (((offset >> 5) & 127) << 25),
    );
  }

  ecall(): void {
    this.word(0x73);
  }
  jumpRegister(rs1: number): void {
    this.word(0x67 | (rs1 << 15));
  }
  csr(name: "csrrw" | "csrrs", rd: number, csr: number, rs1: number): void {
    this.i(name, rd, rs1, csr);
  }

  branch(funct3: number, rs1: number, rs2: number, label: string): void {
    this.#fixups.push({ at: this.#length, label, kind: "b" });
    this.word(0x63 | (funct3 << 12) | (rs1 << 15) | (rs2 << 20));
  }

  jump(rd: number, label: string): void {
    this.#fixups.push({ at: this.#length, label, kind: "j" });
    this.word(0x6f | (rd << 7));
  }

  /** c.beqz / c.bnez on x8 … x15; reaches ±256 bytes. */
  compressedBranch(whenZero: boolean, register: number, label: string): void {
    this.#fixups.push({ at: this.#length, label, kind: "cb" });
    this.half(0xc001 | (whenZero ? 0 : 0x2000) | ((register - 8) << 7));
  }

  /** c.j; reaches ±2 KiB. */
  compressedJump(label: string): void {
    this.#fixups.push({ at: this.#length, label, kind: "cj" });
    this.half(0xa001);
  }

  /** auipc + addi: rd = address of the label. */
  loadAddress(rd: number, label: string): void {
    this.#fixups.push({ at: this.#length, label, kind: "pcrel" });
    this.word(0x17 | (rd << 7));
    this.word(0x13 | (rd << 7) | (rd << 15));
  }

  /** rd = a 32-bit constant, sign-extended: lui + addiw. */
  loadConstant(rd: number, value: number): void {
    this.word(0x37 | (rd << 7) | ((value + 0x800) & 0xfffff000));
    this.word(0x1b | (rd << 7) | (rd << 15) | ((value & 0xfff) << 20));
  }

  finish(): Uint8Array {
    for (const { at, label, kind } of this.#fixups) {
      const target = this.#labels.get(label);
      assert(target !== undefined, `the label ${label} is defined`);
      this.#patch(at, target - at, kind, label);
    }
    this.#fixups.length = 0;
    return this.#bytes.slice(0, this.#length);
  }

  #patch(at: number, offset: number, kind: "b" | "j" | "cb" | "cj" | "pcrel", label: string): void {
    const reach = { b: 4096, j: 1 << 20, cb: 256, cj: 2048, pcrel: 2 ** 31 }[kind];
    assert(offset >= -reach && offset < reach, `the label ${label} is within reach of its ${kind} branch`);
    const view = this.#view;
    if (kind === "b") {
      view.setUint32(
        at,
        view.getUint32(at, true) |
          (((offset >> 11) & 1) << 7) |
          (((offset >> 1) & 15) << 8) |
          (((offset >> 5) & 63) << 25) |
          (((offset >> 12) & 1) << 31),
        true,
      );
    } else if (kind === "j") {
      view.setUint32(
        at,
        view.getUint32(at, true) |
          (((offset >> 12) & 255) << 12) |
          (((offset >> 11) & 1) << 20) |
          (((offset >> 1) & 1023) << 21) |
          (((offset >> 20) & 1) << 31),
        true,
      );
    } else if (kind === "cb") {
      // offset[8|4:3] to 12:10, offset[7:6|2:1|5] to 6:2
      view.setUint16(
        at,
        view.getUint16(at, true) |
          (((offset >> 8) & 1) << 12) |
          (((offset >> 3) & 3) << 10) |
          (((offset >> 6) & 3) << 5) |
          (((offset >> 1) & 3) << 3) |
          (((offset >> 5) & 1) << 2),
        true,
      );
    } else if (kind === "cj") {
      // offset[11|4|9:8|10|6|7|3:1|5] to 12:2
      view.setUint16(
        at,
        view.getUint16(at, true) |
          (((offset >> 11) & 1) << 12) |
          (((offset >> 4) & 1) << 11) |
          (((offset >> 8) & 3) << 9) |
          (((offset >> 10) & 1) << 8) |
          (((offset >> 6) & 1) << 7) |
          (((offset >> 7) & 1) << 6) |
          (((offset >> 1) & 7) << 3) |
          (((offset >> 5) & 1) << 2),
        true,
      );
    } else {
      view.setUint32(at, view.getUint32(at, true) | ((offset + 0x800) & 0xfffff000), true);
      view.setUint32(at + 4, view.getUint32(at + 4, true) | ((offset & 0xfff) << 20), true);
    }
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(this.#bytes.length * 2);
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** One loadable piece of a static program. */
interface Segment {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly writable: boolean;
}
export interface StaticProgram {
  readonly entry: number;
  readonly segments: readonly Segment[];
}

/**
 * The program as an ELF64 executable for riscv64 with double-float ABI and RVC (ELF header, program headers,
 * page-aligned segments).
 */
export function staticElf(program: StaticProgram): Uint8Array {
  const PAGE = 4096;
  let fileOffset = PAGE;
  const placed = program.segments.map((segment) => {
    const offset = fileOffset + (segment.address % PAGE);
    fileOffset = Math.ceil((offset + segment.bytes.length) / PAGE) * PAGE;
    return { segment, offset };
  });
  const bytes = new Uint8Array(fileOffset);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 243, true);
  view.setUint32(20, 1, true);
  view.setUint32(24, program.entry, true);
  view.setUint32(32, 64, true);
  view.setUint32(48, 5, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, placed.length, true);
  placed.forEach(({ segment, offset }, index) => {
    const at = 64 + index * 56;
    view.setUint32(at, 1, true);
    view.setUint32(at + 4, segment.writable ? 6 : 5, true);
    view.setUint32(at + 8, offset, true);
    view.setUint32(at + 16, segment.address, true);
    view.setUint32(at + 24, segment.address, true);
    view.setUint32(at + 32, segment.bytes.length, true);
    view.setUint32(at + 40, segment.bytes.length, true);
    view.setUint32(at + 48, PAGE, true);
    bytes.set(segment.bytes, offset);
  });
  return bytes;
}
