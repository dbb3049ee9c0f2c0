/**
 * The vDSO: a shared library of one page that every program finds in its memory (vdso(7)), built here.
 *
 * ```
 * ELF header · program headers · .hash .dynsym .dynstr .gnu.version .gnu.version_d .dynamic .eh_frame_hdr .eh_frame
 * 0x800 .text (vdso-code.ts) · .shstrtab · section headers, for debuggers
 * ```
 *
 * Source: System V ABI, chapters 4 and 5; LSB Core 5.0, "Symbol Versioning" and "Exception Frames"; DWARF 5 §6.4;
 * RISC-V ELF psABI. Version and names are Linux's (arch/riscv/kernel/vdso/vdso.lds.S).
 */
import {
  DT_HASH,
  DT_SONAME,
  DT_STRSZ,
  DT_STRTAB,
  DT_SYMENT,
  DT_SYMTAB,
  DT_VERDEF,
  DT_VERDEFNUM,
  DT_VERSYM,
  EF_RISCV_FLOAT_ABI_DOUBLE,
  ELFCLASS64,
  ELFDATA2LSB,
  ELF_MAGIC,
  EM_RISCV,
  ET_DYN,
  EV_CURRENT,
  Elf64Dyn,
  Elf64Ehdr,
  Elf64Phdr,
  Elf64Shdr,
  Elf64Sym,
  Elf64Verdaux,
  Elf64Verdef,
  PAGE_SIZE,
  PF_R,
  PF_X,
  PT_DYNAMIC,
  PT_GNU_EH_FRAME,
  PT_LOAD,
  RtSigframe,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHN_ABS,
  SHT_DYNAMIC,
  SHT_DYNSYM,
  SHT_GNU_VERDEF,
  SHT_GNU_VERSYM,
  SHT_HASH,
  SHT_PROGBITS,
  SHT_STRTAB,
  STB_GLOBAL,
  STT_FUNC,
  STT_OBJECT,
  Sigcontext,
  Ucontext,
  VER_FLG_BASE,
} from "@stratos/abi";
import { assert } from "@stratos/base";
import { put64 } from "../../ground/words.ts";
import { NOP, TEXT_OFFSET, VDSO_FUNCTIONS } from "./vdso-code.ts";

const SONAME = "linux-vdso.so.1";
const VERSION = "LINUX_4.15";
/** Where signal handlers return to, in the page. */
export const SIGRETURN_OFFSET: number = TEXT_OFFSET + 4;

interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly size: number;
  /** Name of the section that this one refers to; "": none. */
  readonly link: string;
  readonly info: number;
  readonly entrySize: number;
}

let image: Uint8Array | null = null;

/** @returns the bytes of the page, the same in each run: made once, for all kernels */
export function vdsoImage(): Readonly<Uint8Array> {
  image ??= new VdsoImage().make();
  return image;
}

class VdsoImage {
  readonly #bytes = new Uint8Array(PAGE_SIZE);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #sections: Section[] = [];
  #at = Elf64Ehdr.size + PROGRAM_HEADERS * Elf64Phdr.size;

  make(): Uint8Array {
    const names = new StringTable();
    const functions = placedFunctions();
    const nameOffsets = functions.map(({ name }) => names.add(name));
    const [soname, version] = [names.add(SONAME), names.add(VERSION)];

    this.#section(".hash", { type: SHT_HASH, link: ".dynsym", entrySize: 4 }, () =>
      this.#hash(functions.map(({ name }) => name)),
    );
    this.#section(".dynsym", { type: SHT_DYNSYM, link: ".dynstr", info: 1, entrySize: Elf64Sym.size }, () => {
      this.#at += Elf64Sym.size; // the symbol of number 0
      for (const [index, { address, size }] of functions.entries())
        this.#symbol(nameOffsets[index]!, TEXT_SECTION, address, size);
      // A global symbol bears the version's name, as a linker makes one.
      this.#symbol(version, SHN_ABS, 0, 0);
    });
    this.#section(".dynstr", { type: SHT_STRTAB }, () => this.#put(names.bytes()));
    this.#section(".gnu.version", { type: SHT_GNU_VERSYM, link: ".dynsym", entrySize: 2 }, () => {
      for (let index = 0; index < functions.length + 2; index++) this.#u16(index === 0 ? 0 : OWN_VERSION);
    });
    this.#section(".gnu.version_d", { type: SHT_GNU_VERDEF, link: ".dynstr", info: 2 }, () => {
      this.#versionDefinition({ number: 1, flags: VER_FLG_BASE, text: SONAME, name: soname, isLast: false });
      this.#versionDefinition({ number: OWN_VERSION, flags: 0, text: VERSION, name: version, isLast: true });
    });
    const dynamic = this.#section(".dynamic", { type: SHT_DYNAMIC, link: ".dynstr", entrySize: Elf64Dyn.size }, () =>
      this.#dynamic(soname),
    );
    const header = this.#section(".eh_frame_hdr", { type: SHT_PROGBITS }, () => (this.#at += FRAME_HEADER_BYTES));
    this.#section(".eh_frame", { type: SHT_PROGBITS }, () => this.#frames(header.address));
    assert(this.#at <= TEXT_OFFSET, "the tables of the vDSO end before its text");
    this.#at = TEXT_OFFSET;
    const text = { type: SHT_PROGBITS, flags: SHF_ALLOC | SHF_EXECINSTR };
    this.#section(".text", text, () => {
      this.#u32(NOP);
      for (const { words } of functions) for (const word of words) this.#u32(word);
    });
    this.#programHeaders(dynamic, header);
    this.#sectionHeaders();
    return this.#bytes;
  }

  #section(
    name: string,
    { type, flags = SHF_ALLOC, link = "", info = 0, entrySize = 0 }: SectionKind,
    write: () => void,
  ): Section {
    this.#at = Math.ceil(this.#at / 8) * 8;
    const address = this.#at;
    write();
    const section = { name, type, flags, address, size: this.#at - address, link, info, entrySize };
    this.#sections.push(section);
    return section;
  }

  /** One bucket: the names are few. */
  #hash(names: readonly string[]): void {
    const count = names.length + 2;
    for (const word of [1, count, count - 1, 0]) this.#u32(word);
    for (let index = 1; index < count; index++) this.#u32(index - 1);
  }

  #symbol(name: number, section: number, address: number, size: number): void {
    const { st_name, st_info, st_shndx, st_value, st_size } = Elf64Sym.offset;
    this.#view.setUint32(this.#at + st_name, name, true);
    this.#view.setUint8(this.#at + st_info, (STB_GLOBAL << 4) | (section === SHN_ABS ? STT_OBJECT : STT_FUNC));
    this.#view.setUint16(this.#at + st_shndx, section, true);
    put64(this.#view, this.#at + st_value, address);
    put64(this.#view, this.#at + st_size, size);
    this.#at += Elf64Sym.size;
  }

  #versionDefinition(of: { number: number; flags: number; text: string; name: number; isLast: boolean }): void {
    const { vd_version, vd_flags, vd_ndx, vd_cnt, vd_hash, vd_aux, vd_next } = Elf64Verdef.offset;
    const size = Elf64Verdef.size + Elf64Verdaux.size;
    this.#view.setUint16(this.#at + vd_version, 1, true);
    this.#view.setUint16(this.#at + vd_flags, of.flags, true);
    this.#view.setUint16(this.#at + vd_ndx, of.number, true);
    this.#view.setUint16(this.#at + vd_cnt, 1, true);
    this.#view.setUint32(this.#at + vd_hash, symbolHash(of.text), true);
    this.#view.setUint32(this.#at + vd_aux, Elf64Verdef.size, true);
    this.#view.setUint32(this.#at + vd_next, of.isLast ? 0 : size, true);
    this.#view.setUint32(this.#at + Elf64Verdef.size + Elf64Verdaux.offset.vda_name, of.name, true);
    this.#at += size;
  }

  #dynamic(soname: number): void {
    const address = (name: string): number => this.#named(name).address;
    const entries: readonly (readonly [number, number])[] = [
      [DT_SONAME, soname],
      [DT_HASH, address(".hash")],
      [DT_STRTAB, address(".dynstr")],
      [DT_SYMTAB, address(".dynsym")],
      [DT_STRSZ, this.#named(".dynstr").size],
      [DT_SYMENT, Elf64Sym.size],
      [DT_VERDEF, address(".gnu.version_d")],
      [DT_VERDEFNUM, 2],
      [DT_VERSYM, address(".gnu.version")],
      [0, 0],
    ];
    for (const [tag, value] of entries) {
      put64(this.#view, this.#at, tag);
      put64(this.#view, this.#at + Elf64Dyn.offset.d_val, value);
      this.#at += Elf64Dyn.size;
    }
  }

  /**
   * How to unwind: out of a signal handler by what `enterHandler` (task/signal-frame.ts) saved, out of the other
   * functions, which save nothing, by ra.
   */
  #frames(headerAt: number): void {
    const text = textBytes();
    const signal = this.#commonFrame("zRS", PC_COLUMN, signalFrameRules());
    const signalFrame = this.#frame(signal, TEXT_OFFSET, SIGRETURN_BYTES);
    const leaf = this.#commonFrame("zR", RA_COLUMN, [DW_CFA_DEF_CFA, SP_COLUMN, 0]);
    const leafFrame = this.#frame(leaf, TEXT_OFFSET + SIGRETURN_BYTES, text - SIGRETURN_BYTES);
    this.#u32(0);
    const table: readonly (readonly [number, number])[] = [
      [TEXT_OFFSET, signalFrame],
      [TEXT_OFFSET + SIGRETURN_BYTES, leafFrame],
    ];
    const end = this.#at;
    this.#at = headerAt;
    this.#put([1, DW_EH_PE_PCREL_SDATA4, DW_EH_PE_UDATA4, DW_EH_PE_DATAREL_SDATA4]);
    this.#u32(signal - this.#at);
    this.#u32(table.length);
    for (const [address, frame] of table) {
      this.#u32(address - headerAt);
      this.#u32(frame - headerAt);
    }
    this.#at = end;
  }

  /** A CIE. @returns its address */
  #commonFrame(augmentation: string, returnColumn: number, rules: readonly number[]): number {
    return this.#entry(() => {
      this.#u32(0);
      this.#put([1, ...[...augmentation].map((letter) => letter.charCodeAt(0)), 0]);
      // Code and data are counted in bytes and in eights of bytes; then the one byte of augmentation data.
      this.#put([1, 8, returnColumn, 1, DW_EH_PE_PCREL_SDATA4]);
      this.#put(rules);
    });
  }

  /** An FDE. @returns its address */
  #frame(common: number, address: number, size: number): number {
    return this.#entry(() => {
      this.#u32(this.#at - common);
      this.#u32(address - this.#at);
      this.#u32(size);
      this.#put([0]);
    });
  }

  /** A length and what it counts, padded by DW_CFA_nop, which is 0. */
  #entry(write: () => void): number {
    const address = this.#at;
    this.#at += 4;
    write();
    this.#at = address + 4 + Math.ceil((this.#at - address - 4) / 4) * 4;
    this.#view.setUint32(address, this.#at - address - 4, true);
    return address;
  }

  #programHeaders(dynamic: Section, frameHeader: Section): void {
    const text = this.#named(".text");
    const headers: readonly (readonly [type: number, flags: number, address: number, size: number, align: number])[] = [
      [PT_LOAD, PF_R | PF_X, 0, text.address + text.size, PAGE_SIZE],
      [PT_DYNAMIC, PF_R, dynamic.address, dynamic.size, 8],
      [PT_GNU_EH_FRAME, PF_R, frameHeader.address, frameHeader.size, 4],
    ];
    assert(headers.length === PROGRAM_HEADERS, "the program headers fit where they are");
    const { p_type, p_flags, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align } = Elf64Phdr.offset;
    for (const [index, [type, flags, address, size, align]] of headers.entries()) {
      const at = Elf64Ehdr.size + index * Elf64Phdr.size;
      this.#view.setUint32(at + p_type, type, true);
      this.#view.setUint32(at + p_flags, flags, true);
      for (const field of [p_offset, p_vaddr, p_paddr]) put64(this.#view, at + field, address);
      for (const field of [p_filesz, p_memsz]) put64(this.#view, at + field, size);
      put64(this.#view, at + p_align, align);
    }
  }

  /** Section headers, and the ELF header, which counts them. */
  #sectionHeaders(): void {
    const names = new StringTable();
    const nameOffsets = [...this.#sections.map(({ name }) => name), ".shstrtab"].map((name) => names.add(name));
    this.#section(".shstrtab", { type: SHT_STRTAB, flags: 0 }, () => this.#put(names.bytes()));
    this.#at = Math.ceil(this.#at / 8) * 8;
    const headersAt = this.#at;
    const { sh_name, sh_type, sh_flags, sh_addr, sh_offset, sh_size, sh_link, sh_info, sh_addralign, sh_entsize } =
      Elf64Shdr.offset;
    assert(headersAt + (this.#sections.length + 1) * Elf64Shdr.size <= PAGE_SIZE, "the vDSO fits a page");
    for (const [index, section] of this.#sections.entries()) {
      const at = headersAt + (index + 1) * Elf64Shdr.size;
      this.#view.setUint32(at + sh_name, nameOffsets[index]!, true);
      this.#view.setUint32(at + sh_type, section.type, true);
      put64(this.#view, at + sh_flags, section.flags);
      put64(this.#view, at + sh_addr, section.flags === 0 ? 0 : section.address);
      put64(this.#view, at + sh_offset, section.address);
      put64(this.#view, at + sh_size, section.size);
      this.#view.setUint32(at + sh_link, this.#sections.findIndex(({ name }) => name === section.link) + 1, true);
      this.#view.setUint32(at + sh_info, section.info, true);
      put64(this.#view, at + sh_addralign, 8);
      put64(this.#view, at + sh_entsize, section.entrySize);
    }
    const { offset } = Elf64Ehdr;
    this.#view.setUint32(0, ELF_MAGIC, true);
    this.#bytes.set([ELFCLASS64, ELFDATA2LSB, EV_CURRENT], 4);
    this.#view.setUint16(offset.e_type, ET_DYN, true);
    this.#view.setUint16(offset.e_machine, EM_RISCV, true);
    this.#view.setUint32(offset.e_version, EV_CURRENT, true);
    put64(this.#view, offset.e_phoff, Elf64Ehdr.size);
    put64(this.#view, offset.e_shoff, headersAt);
    this.#view.setUint32(offset.e_flags, EF_RISCV_FLOAT_ABI_DOUBLE, true);
    this.#view.setUint16(offset.e_ehsize, Elf64Ehdr.size, true);
    this.#view.setUint16(offset.e_phentsize, Elf64Phdr.size, true);
    this.#view.setUint16(offset.e_phnum, PROGRAM_HEADERS, true);
    this.#view.setUint16(offset.e_shentsize, Elf64Shdr.size, true);
    this.#view.setUint16(offset.e_shnum, this.#sections.length + 1, true);
    this.#view.setUint16(offset.e_shstrndx, this.#sections.length, true);
  }

  #named(name: string): Section {
    return this.#sections.find((section) => section.name === name)!;
  }

  #u16(value: number): void {
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
  }

  #u32(value: number): void {
    this.#view.setUint32(this.#at, value >>> 0, true);
    this.#at += 4;
  }

  #put(bytes: ArrayLike<number>): void {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }
}

type SectionKind = Pick<Section, "type"> & Partial<Pick<Section, "flags" | "link" | "info" | "entrySize">>;

const PROGRAM_HEADERS = 3;
/** Number of .text among the sections, from 1. */
const TEXT_SECTION = 9;
/** Version indices: 0 local, 1 the library itself. */
const OWN_VERSION = 2;

/** The instruction before rt_sigreturn's, and its two. */
const SIGRETURN_BYTES = 12;
/** Of .eh_frame_hdr: three words and two pairs. */
const FRAME_HEADER_BYTES = 28;
const DW_EH_PE_UDATA4 = 0x03,
  DW_EH_PE_PCREL_SDATA4 = 0x1b,
  DW_EH_PE_DATAREL_SDATA4 = 0x3b;
const DW_CFA_OFFSET = 0x80,
  DW_CFA_OFFSET_EXTENDED = 0x05,
  DW_CFA_DEF_CFA = 0x0c;
/** Columns 0 … 31 are x, 32 … 63 are f; 64 stands for the pc of a signal frame (psABI, "DWARF Register Numbers"). */
const RA_COLUMN = 1,
  SP_COLUMN = 2,
  F_COLUMN = 32,
  PC_COLUMN = 64;

/** sp is the frame's address; all registers lie in its `ucontext`. */
function signalFrameRules(): number[] {
  const context = RtSigframe.offset.uc + Ucontext.offset.uc_mcontext;
  const rules = [DW_CFA_DEF_CFA, SP_COLUMN, 0];
  const savedAt = (opcode: readonly number[], offset: number): number =>
    rules.push(...opcode, ...uleb((context + offset) / 8));
  savedAt([DW_CFA_OFFSET_EXTENDED, PC_COLUMN], Sigcontext.offset.pc);
  for (let x = 1; x < 32; x++) savedAt([DW_CFA_OFFSET | x], Sigcontext.offset.x + (x - 1) * 8);
  for (let f = 0; f < 32; f++) savedAt([DW_CFA_OFFSET | (F_COLUMN + f)], Sigcontext.offset.f + f * 8);
  return rules;
}

function uleb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...uleb(value >>> 7)];
}

interface PlacedFunction {
  readonly name: string;
  readonly words: readonly number[];
  readonly address: number;
  readonly size: number;
}

function placedFunctions(): PlacedFunction[] {
  let address = TEXT_OFFSET + 4;
  return VDSO_FUNCTIONS.map(({ name, words }) => {
    const placed = { name, words, address, size: words.length * 4 };
    address += placed.size;
    return placed;
  });
}

function textBytes(): number {
  return VDSO_FUNCTIONS.reduce((sum, { words }) => sum + words.length * 4, 4);
}

/** Strings ended by NUL, the empty one first. */
class StringTable {
  #text = "\0";

  add(text: string): number {
    const offset = this.#text.length;
    this.#text += `${text}\0`;
    return offset;
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#text, (letter) => letter.charCodeAt(0));
  }
}

/** The hash function of the System V ABI, "Hash Table". */
function symbolHash(name: string): number {
  let hash = 0;
  for (let index = 0; index < name.length; index++) {
    hash = ((hash << 4) + name.charCodeAt(index)) >>> 0;
    const high = hash & 0xf0000000;
    hash = (hash ^ (high >>> 24) ^ high) >>> 0;
  }
  return hash;
}
