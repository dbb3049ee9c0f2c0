/**
 * Programs of UEFI (PE32+): their sections, and adding more. Source: Microsoft PE Format, "COFF File Header", "Optional
 * Header", "Section Table".
 */
import { byteString, byteStringOf } from "@stratos/base";
import { viewOf } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";

export interface PeSection {
  /** at most eight bytes */
  readonly name: string;
  readonly content: Uint8Array;
}

const SECTION_HEADER = 40;
const CERTIFICATES = 4;
const INITIALIZED_DATA = 0x40,
  READABLE = 0x40000000;
const PE32_PLUS = 0x20b;

interface PeLayout {
  readonly coff: number;
  readonly optional: number;
  readonly table: number;
  readonly sections: readonly {
    readonly name: string;
    readonly address: number;
    readonly size: number;
    readonly rawOffset: number;
    readonly rawSize: number;
  }[];
  readonly sectionAlignment: number;
  readonly fileAlignment: number;
}

/** Sections of a program, as they are loaded. @throws FormatError when it is none, or damaged */
export function readPeSections(image: Uint8Array): PeSection[] {
  return parse(image).sections.map(({ name, size, rawOffset, rawSize }) => ({
    name,
    content: image.subarray(rawOffset, rawOffset + Math.min(size, rawSize)),
  }));
}

/**
 * The program with further sections behind its own, readable and nothing else.
 * @throws FormatError when it is no program, has no room for their headers, or is signed (a signature is of what it
 *   was)
 */
export function addPeSections(image: Uint8Array, added: readonly PeSection[]): Uint8Array {
  const layout = parse(image);
  const { coff, optional, table, sections, sectionAlignment, fileAlignment } = layout;
  const view = viewOf(image);
  if (
    view.getUint32(optional + 108, true) > CERTIFICATES &&
    view.getUint32(optional + 112 + CERTIFICATES * 8 + 4, true) !== 0
  )
    throw new FormatError("the program is signed, and nothing can be added to it");
  const tableEnd = table + (sections.length + added.length) * SECTION_HEADER;
  const firstContent = sections.reduce(
    (least, { rawOffset, rawSize }) => (rawSize > 0 ? Math.min(least, rawOffset) : least),
    view.getUint32(optional + 60, true),
  );
  if (tableEnd > firstContent) throw new FormatError(`the program has no room for ${added.length} more sections`);
  let fileAt = roundUp(image.length, fileAlignment),
    address = roundUp(
      sections.reduce((end, section) => Math.max(end, section.address + Math.max(section.size, section.rawSize)), 0),
      sectionAlignment,
    );
  const size = added.reduce((sum, { content }) => sum + roundUp(content.length, fileAlignment), fileAt);
  const bytes = new Uint8Array(size),
    out = viewOf(bytes);
  bytes.set(image);
  let initialized = view.getUint32(optional + 8, true);
  added.forEach(({ name, content }, index) => {
    if (name.length > 8 || name.length === 0) throw new FormatError(`${name}: no name for a section`);
    const at = table + (sections.length + index) * SECTION_HEADER,
      rawSize = roundUp(content.length, fileAlignment);
    bytes.fill(0, at, at + SECTION_HEADER);
    bytes.set(byteStringOf(name), at);
    out.setUint32(at + 8, content.length, true);
    out.setUint32(at + 12, address, true);
    out.setUint32(at + 16, rawSize, true);
    out.setUint32(at + 20, fileAt, true);
    out.setUint32(at + 36, INITIALIZED_DATA | READABLE, true);
    bytes.set(content, fileAt);
    fileAt += rawSize;
    address = roundUp(address + content.length, sectionAlignment);
    initialized += rawSize;
  });
  if (address > 0xffffffff) throw new FormatError("the program would be larger than 4 GiB");
  out.setUint16(coff + 2, sections.length + added.length, true);
  out.setUint32(optional + 8, initialized >>> 0, true);
  out.setUint32(optional + 56, address, true);
  // Firmware does not look at the sum of programs, and zero says that there is none.
  out.setUint32(optional + 64, 0, true);
  return bytes;
}

function parse(image: Uint8Array): PeLayout {
  const bad = (what: string): never => {
    throw new FormatError(`not a UEFI program: ${what}`);
  };
  const view = viewOf(image);
  if (image.length < 64 || byteString(image, 0, 2) !== "MZ") return bad("no MZ header");
  const start = view.getUint32(60, true);
  if (start + 24 > image.length || byteString(image, start, start + 4) !== "PE\0\0") return bad("no PE header");
  const coff = start + 4,
    optional = coff + 20,
    count = view.getUint16(coff + 2, true),
    optionalSize = view.getUint16(coff + 16, true);
  const table = optional + optionalSize;
  if (optionalSize < 112 || table + count * SECTION_HEADER > image.length) return bad("its headers are cut off");
  if (view.getUint16(optional, true) !== PE32_PLUS) return bad("it is not of 64 bits");
  const sectionAlignment = view.getUint32(optional + 32, true),
    fileAlignment = view.getUint32(optional + 36, true);
  for (const alignment of [sectionAlignment, fileAlignment])
    if (alignment === 0 || alignment > 1 << 24 || (alignment & (alignment - 1)) !== 0)
      bad("its alignment is no power of two");
  if (view.getUint32(optional + 108, true) > CERTIFICATES && optionalSize < 112 + (CERTIFICATES + 1) * 8)
    return bad("its directories are cut off");
  const sections = Array.from({ length: count }, (_, index) => {
    const at = table + index * SECTION_HEADER;
    const section = {
      name: byteString(image, at, at + 8).replace(/\0+$/, ""),
      size: view.getUint32(at + 8, true),
      address: view.getUint32(at + 12, true),
      rawSize: view.getUint32(at + 16, true),
      rawOffset: view.getUint32(at + 20, true),
    };
    if (section.rawSize > 0 && section.rawOffset + section.rawSize > image.length)
      bad(`section ${section.name} reaches beyond its end`);
    return section;
  });
  return { coff, optional, table, sections, sectionAlignment, fileAlignment };
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
