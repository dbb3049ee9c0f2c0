import {
  EINVAL,
  ELIBBAD,
  ENOEXEC,
  ENOMEM,
  MAP_PRIVATE,
  PAGE_SIZE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  isErrno,
} from "@stratos/abi";
import { BytesCursor } from "@stratos/base";
import {
  EM_RISCV,
  ET_DYN,
  ET_EXEC,
  type ElfImage,
  isElfError,
  parseElf,
  PF_R,
  PF_W,
  PF_X,
  PT_GNU_STACK,
  PT_LOAD,
  PT_PHDR,
} from "@stratos/formats/elf";
import { Area } from "../mm/area.ts";
import { type AddressSpace, EXECUTABLE_BASE, MMAP_MIN, USER_TOP, VDSO_BASE } from "../mm/address-space.ts";
import { libraryPlace } from "../mm/library-places.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { readFileBytes } from "../vfs/read-file.ts";
import type { Task } from "./task.ts";

/** Where a program came to lie. */
export interface LoadedImage {
  /** Added to the file's addresses. */
  bias: number;
  entry: number;
  /** User address of the program headers. */
  headers: number;
  headerCount: number;
  /** First address and end of all segments. */
  start: number;
  end: number;
  codeStart: number;
  codeEnd: number;
  dataStart: number;
  dataEnd: number;
}

/** Bytes `[offset, offset + bytes.length)` of a file; returns how many were there. */
export function readAt(task: Task, file: OpenFile, offset: number, bytes: Uint8Array): number {
  const { inode } = file;
  // Its pages are there already (openExecutable), and nobody can wait here.
  if (inode?.fileSystem.isServed === true) return readFileBytes(task.kernel, inode, offset, bytes, 0, bytes.length);
  const cursor = new BytesCursor(bytes);
  while (cursor.remaining > 0) {
    const count = file.read(task, cursor, offset + cursor.position);
    if (count < 0) return count;
    if (count === 0) break;
  }
  return cursor.position;
}

/** Parses a file's ELF headers; −ENOEXEC (or −ELIBBAD for an interpreter) for what Linux would not load. */
export function readElf(task: Task, file: OpenFile, header: Uint8Array): ElfImage | number {
  const image = parseElf(header, (offset, bytes) => readAt(task, file, offset, bytes));
  if (isElfError(image))
    return image === "address-range"
      ? -ENOMEM
      : image === "segment-size" || image === "segment-alignment"
        ? -EINVAL
        : -ENOEXEC;
  if (image.machine !== EM_RISCV || (image.type !== ET_EXEC && image.type !== ET_DYN)) return -ENOEXEC;
  if (!image.segments.some((segment) => segment.type === PT_LOAD)) return -ENOEXEC;
  return image;
}

/** The path in PT_INTERP; null when the program is static. */
export function readInterpreter(task: Task, file: OpenFile, image: ElfImage): string | null | number {
  if (image.interp === undefined) return null;
  const bytes = new Uint8Array(image.interp.size);
  if (readAt(task, file, image.interp.offset, bytes) !== bytes.length) return -ELIBBAD;
  const end = bytes.indexOf(0);
  if (end < 0) return -ENOEXEC;
  return String.fromCharCode(...bytes.subarray(0, end));
}

/**
 * Maps the segments of an image into a new address space.
 *
 * @param isInterpreter  the dynamic linker: goes to its own place among the libraries
 * @returns where it lies, or EINVAL, ENOEXEC, ENOMEM
 */
export function loadImage(
  task: Task,
  space: AddressSpace,
  file: OpenFile,
  image: ElfImage,
  isInterpreter: boolean,
): LoadedImage | number {
  const loads = image.segments.filter((segment) => segment.type === PT_LOAD && segment.memsz > 0);
  if (loads.length === 0) return -ENOEXEC;
  let low = Infinity;
  let high = 0;
  for (const segment of loads) {
    low = Math.min(low, pageDown(segment.vaddr));
    high = Math.max(high, pageUp(segment.vaddr + segment.memsz));
  }
  let bias = 0;
  if (image.type === ET_DYN) {
    const inode = file.inode!;
    const place = isInterpreter
      ? space.findGap(high - low, libraryPlace(space, inode, "ld", high - low), false)
      : EXECUTABLE_BASE;
    if (place < 0) return place;
    const align = Math.max(PAGE_SIZE, ...loads.map((segment) => segment.align));
    bias = Math.ceil(place / align) * align - low;
  }
  if (low + bias < MMAP_MIN || high + bias > VDSO_BASE || high + bias > USER_TOP) return -ENOMEM;

  const loaded: LoadedImage = {
    bias,
    entry: image.entry + bias,
    headers: 0,
    headerCount: image.phnum,
    start: low + bias,
    end: high + bias,
    codeStart: 0,
    codeEnd: 0,
    dataStart: 0,
    dataEnd: 0,
  };
  for (const segment of loads) {
    const failed = mapSegment(space, file, segment, bias);
    if (failed < 0) return failed;
    const start = segment.vaddr + bias;
    if ((segment.flags & PF_X) !== 0) {
      loaded.codeStart ||= start;
      loaded.codeEnd = start + segment.filesz;
    } else if ((segment.flags & PF_W) !== 0) {
      loaded.dataStart ||= start;
      loaded.dataEnd = start + segment.filesz;
    }
    const holdsHeaders = image.phoff >= segment.offset && image.phoff < segment.offset + segment.filesz;
    if (holdsHeaders) loaded.headers = image.phoff - segment.offset + start;
  }
  const own = image.segments.find((segment) => segment.type === PT_PHDR);
  if (own !== undefined) loaded.headers = own.vaddr + bias;
  return loaded;
}

function mapSegment(space: AddressSpace, file: OpenFile, segment: ElfImage["segments"][number], bias: number): number {
  const protection =
    ((segment.flags & PF_R) !== 0 ? PROT_READ : 0) |
    ((segment.flags & PF_W) !== 0 ? PROT_WRITE : 0) |
    ((segment.flags & PF_X) !== 0 ? PROT_EXEC : 0);
  const start = segment.vaddr + bias;
  const from = pageDown(start);
  const fileEnd = start + segment.filesz;
  const memoryEnd = start + segment.memsz;
  const mapEnd = pageUp(fileEnd);
  const pages = file.mapping();
  if (isErrno(pages)) return pages;
  if (!space.isFree(from, pageUp(memoryEnd))) return -ENOMEM;
  if (segment.filesz > 0) {
    if (segment.offset - (start - from) < 0) return -EINVAL;
    space.insert(
      new Area(from, mapEnd, protection, MAP_PRIVATE, {
        file: file.retain(),
        pages,
        offset: segment.offset - (start - from),
        label: "",
      }),
    );
  }
  const zeroFrom = segment.filesz > 0 ? mapEnd : from;
  if (pageUp(memoryEnd) > zeroFrom) {
    space.insert(
      new Area(zeroFrom, pageUp(memoryEnd), protection, MAP_PRIVATE, { file: null, pages: null, offset: 0, label: "" }),
    );
  }
  // The rest of the last file page is bss: zero, though the file goes on. Also beyond the segment's end, as on Linux
  // (fs/binfmt_elf.c, padzero): glibc's dynamic linker takes its first memory there, and clears none.
  if (memoryEnd > fileEnd && segment.filesz > 0 && (protection & PROT_WRITE) !== 0 && fileEnd < mapEnd) {
    if (space.clear(fileEnd, mapEnd - fileEnd) < 0) return -EINVAL;
  }
  return 0;
}

/** Is the stack to be executable (PT_GNU_STACK with PF_X)? */
export function wantsExecutableStack(image: ElfImage): boolean {
  return image.segments.some((segment) => segment.type === PT_GNU_STACK && (segment.flags & PF_X) !== 0);
}

const pageDown = (address: number): number => address - (address % PAGE_SIZE);
const pageUp = (address: number): number => Math.ceil(address / PAGE_SIZE) * PAGE_SIZE;
