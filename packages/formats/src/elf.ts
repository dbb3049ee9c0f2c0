/**
 * ELF64 little-endian executables and shared objects: the file header and the program headers, as a loader needs
 * them. Sections are not read: a loader may not rely on them (System V gABI, chapter 5).
 *
 *     file  ┌────────────┐ 0
 *           │ Ehdr, 64 B │  e_phoff ─┐
 *           ├────────────┤           │
 *           │ …          │           │
 *           ├────────────┤ ◄─────────┘
 *           │ Phdr × n   │  56 B each
 *           └────────────┘
 *
 * Input is hostile. Every offset, address and size that this module returns is an exact non-negative integer below
 * 2^53, `offset + filesz` and `vaddr + memsz` too, and `filesz ≤ memsz` holds for PT_LOAD. Whether the bytes are
 * there, and whether the addresses suit the address space, is for the loader to judge.
 *
 * Source: System V gABI 4.1 draft, chapters 4 and 5; Linux include/uapi/linux/elf.h; Linux fs/binfmt_elf.c.
 */

export const ET_NONE = 0,
  ET_REL = 1,
  ET_EXEC = 2,
  ET_DYN = 3,
  ET_CORE = 4;
export const EM_RISCV = 243;
export const PT_NULL = 0,
  PT_LOAD = 1,
  PT_DYNAMIC = 2,
  PT_INTERP = 3,
  PT_NOTE = 4,
  PT_SHLIB = 5,
  PT_PHDR = 6,
  PT_TLS = 7;
export const PT_GNU_EH_FRAME = 0x6474e550,
  PT_GNU_STACK = 0x6474e551,
  PT_GNU_RELRO = 0x6474e552,
  PT_GNU_PROPERTY = 0x6474e553;
export const PT_RISCV_ATTRIBUTES = 0x70000003;
export const PF_X = 1,
  PF_W = 2,
  PF_R = 4;
/** e_flags of EM_RISCV (RISC-V ELF psABI, "File Header"). */
export const EF_RISCV_RVC = 1,
  EF_RISCV_FLOAT_ABI = 6,
  EF_RISCV_FLOAT_ABI_DOUBLE = 4;

/** Bytes of the file header and of one program header. */
export const ELF_HEADER_SIZE = 64;
export const ELF_PROGRAM_HEADER_SIZE = 56;
/** Linux refuses program header tables above 64 KiB (fs/binfmt_elf.c, `load_elf_phdrs`). */
const PROGRAM_HEADERS_SIZE_MAX = 65536;
/** Smallest page of any machine we load for: file and memory offsets of a mapped segment agree modulo it. */
const PAGE_SIZE = 4096;
/** PATH_MAX, the bound Linux puts on PT_INTERP. */
const INTERPRETER_SIZE_MAX = 4096;

export interface ElfSegment {
  /** PT_* */
  type: number;
  /** PF_* */
  flags: number;
  offset: number;
  vaddr: number;
  filesz: number;
  memsz: number;
  align: number;
}

export interface ElfImage {
  /** ET_* */
  type: number;
  /** EM_* */
  machine: number;
  /** e_flags, whose meaning the machine gives */
  flags: number;
  /** e_ident[EI_OSABI] */
  osAbi: number;
  entry: number;
  phoff: number;
  phentsize: number;
  phnum: number;
  segments: ElfSegment[];
  /** Where the interpreter's path stands in the file; `size` counts its final NUL. */
  interp: { offset: number; size: number } | undefined;
}

/**
 * Why a file is no ELF image that can be loaded. Linux answers ENOEXEC for all of them; `segment-size`,
 * `segment-alignment` and `address-range` are found by its mmap and come out as EINVAL or ENOMEM.
 *
 *   not-elf            no magic: perhaps a script
 *   class              not ELFCLASS64
 *   byte-order         not ELFDATA2LSB
 *   version            e_version is not 1
 *   truncated          the file header or a program header lies beyond the file's end
 *   program-headers    e_phentsize is not 56, no entries, or a table above 64 KiB
 *   segment-size       a loaded segment has more bytes in the file than in memory
 *   segment-alignment  a segment's alignment is no power of two, or its file and memory offsets disagree modulo 4096
 *   address-range      an offset, address or size of 2^53 or more
 *   interpreter        PT_INTERP is empty, too long, or given twice
 */
export type ElfError =
  | "not-elf"
  | "class"
  | "byte-order"
  | "version"
  | "truncated"
  | "program-headers"
  | "segment-size"
  | "segment-alignment"
  | "address-range"
  | "interpreter";

export function isElfError(result: ElfImage | ElfError): result is ElfError {
  return typeof result === "string";
}

/** Fills `bytes` from `offset` of the file; returns how many bytes were there (or a negative number for an error). */
export type ElfReader = (offset: number, bytes: Uint8Array) => number;

/** Whether `header` begins with the ELF magic. */
export function hasElfMagic(header: Uint8Array): boolean {
  return header.length >= 4 && header[0] === 0x7f && header[1] === 0x45 && header[2] === 0x4c && header[3] === 0x46;
}

/**
 * Reads the headers of an ELF64 file.
 *
 * @param header  the first bytes of the file (all of it, or the first page)
 * @param readAt  reads program headers that lie beyond `header`; absent when `header` is the whole file
 */
export function parseElf(header: Uint8Array, readAt?: ElfReader): ElfImage | ElfError {
  if (!hasElfMagic(header)) return "not-elf";
  if (header.length < ELF_HEADER_SIZE) return "truncated";
  if (header[4] !== 2) return "class";
  if (header[5] !== 1) return "byte-order";
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (header[6] !== 1 || view.getUint32(20, true) !== 1) return "version";

  const entry = u53(view, 24);
  const phoff = u53(view, 32);
  const phentsize = view.getUint16(54, true);
  const phnum = view.getUint16(56, true);
  if (entry < 0 || phoff < 0) return "address-range";
  const tableSize = phnum * phentsize;
  if (phentsize !== ELF_PROGRAM_HEADER_SIZE || phnum === 0 || tableSize > PROGRAM_HEADERS_SIZE_MAX)
    return "program-headers";
  if (!Number.isSafeInteger(phoff + tableSize)) return "address-range";

  let table = header;
  let tableAt = phoff;
  if (phoff + tableSize > header.length) {
    if (readAt === undefined) return "truncated";
    table = new Uint8Array(tableSize);
    tableAt = 0;
    if (readAt(phoff, table) !== tableSize) return "truncated";
  }
  const image: ElfImage = {
    type: view.getUint16(16, true),
    machine: view.getUint16(18, true),
    flags: view.getUint32(48, true),
    osAbi: header[7]!,
    entry,
    phoff,
    phentsize,
    phnum,
    segments: [],
    interp: undefined,
  };
  const entries = new DataView(table.buffer, table.byteOffset, table.byteLength);
  for (let index = 0; index < phnum; index++) {
    const error = addSegment(image, entries, tableAt + index * phentsize);
    if (error !== undefined) return error;
  }
  return image;
}

function addSegment(image: ElfImage, table: DataView, at: number): ElfError | undefined {
  const segment: ElfSegment = {
    type: table.getUint32(at, true),
    flags: table.getUint32(at + 4, true),
    offset: u53(table, at + 8),
    vaddr: u53(table, at + 16),
    filesz: u53(table, at + 32),
    memsz: u53(table, at + 40),
    align: u53(table, at + 48),
  };
  const { type, offset, vaddr, filesz, memsz, align } = segment;
  // What is never mapped may hold anything: strip leaves odd values in PT_NULL and PT_GNU_STACK.
  const isUsed =
    type === PT_LOAD ||
    type === PT_INTERP ||
    type === PT_TLS ||
    type === PT_PHDR ||
    type === PT_DYNAMIC ||
    type === PT_GNU_PROPERTY;
  if (!isUsed) {
    if (
      offset < 0 ||
      vaddr < 0 ||
      filesz < 0 ||
      memsz < 0 ||
      align < 0 ||
      !Number.isSafeInteger(offset + filesz) ||
      !Number.isSafeInteger(vaddr + memsz)
    ) {
      image.segments.push({ type: PT_NULL, flags: 0, offset: 0, vaddr: 0, filesz: 0, memsz: 0, align: 0 });
    } else image.segments.push(segment);
    return undefined;
  }
  if (offset < 0 || vaddr < 0 || filesz < 0 || memsz < 0 || align < 0) return "address-range";
  if (!Number.isSafeInteger(offset + filesz) || !Number.isSafeInteger(vaddr + memsz)) return "address-range";
  if (type === PT_LOAD) {
    if (filesz > memsz) return "segment-size";
    if (!isPowerOfTwoOrZero(align) || (filesz > 0 && offset % PAGE_SIZE !== vaddr % PAGE_SIZE))
      return "segment-alignment";
  }
  if (type === PT_INTERP) {
    // Linux takes the first; a second one can only be meant to confuse.
    if (image.interp !== undefined || filesz < 2 || filesz > INTERPRETER_SIZE_MAX) return "interpreter";
    image.interp = { offset, size: filesz };
  }
  image.segments.push(segment);
  return undefined;
}

/** The little-endian u64 at `at`, or −1 when it does not fit a double exactly. */
function u53(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  return high >= 0x200000 ? -1 : high * 0x100000000 + view.getUint32(at, true);
}

function isPowerOfTwoOrZero(value: number): boolean {
  if (value < 2) return true;
  const bits = Math.log2(value);
  return Number.isInteger(bits) && 2 ** bits === value;
}
