/**
 * Architectures whose programs the host's kernel hands to an emulator, such as qemu-user's: what binfmt_misc says.
 * Source: Linux Documentation/admin-guide/binfmt-misc.rst; fs/binfmt_misc.c, `entry_status`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ET_EXEC } from "@stratos/abi";
import { isNativeArchitecture } from "./native-runner.ts";

const FOLDER = "/proc/sys/fs/binfmt_misc";
/** ELF's classes and orders of bytes. */
const BITS_32 = 1,
  BITS_64 = 2,
  LITTLE = 1,
  BIG = 2;

/** By Debian's name: class, order of bytes and machine (EM_…) of its ELF files. */
const ELF_KINDS: Readonly<Record<string, readonly [elfClass: number, order: number, machine: number]>> = {
  amd64: [BITS_64, LITTLE, 62],
  arm64: [BITS_64, LITTLE, 183],
  armhf: [BITS_32, LITTLE, 40],
  i386: [BITS_32, LITTLE, 3],
  ppc64el: [BITS_64, LITTLE, 21],
  riscv64: [BITS_64, LITTLE, 243],
  s390x: [BITS_64, BIG, 22],
};

/** Whether the host runs programs of the architecture in any root, by its processor or an emulator. */
export function canRun(architecture: string): boolean {
  return isNativeArchitecture(architecture) || emulatorOf(architecture) !== undefined;
}

/** @returns the emulator that runs its programs in any root (flag F: it was opened when it was registered) */
export function emulatorOf(architecture: string, folder = FOLDER): string | undefined {
  const kind = ELF_KINDS[architecture];
  if (kind === undefined) return undefined;
  const header = elfHeader(...kind);
  for (const name of namesIn(folder)) {
    const entry = parseEntry(readText(join(folder, name)));
    if (entry !== undefined && matches(entry, header)) return entry.interpreter;
  }
  return undefined;
}

interface Entry {
  readonly interpreter: string;
  readonly offset: number;
  readonly magic: Uint8Array;
  readonly mask: Uint8Array;
}

/** undefined: switched off, by a file's name alone, or of no use in another root. */
function parseEntry(text: string): Entry | undefined {
  const field = (name: string): string | undefined => new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1];
  const [interpreter, magic] = [field("interpreter"), field("magic")],
    flags = /^flags: ?(.*)$/m.exec(text)?.[1] ?? "";
  if (!text.startsWith("enabled\n") || !flags.includes("F") || interpreter === undefined || magic === undefined)
    return undefined;
  const bytes = Buffer.from(magic, "hex"),
    mask = field("mask");
  return {
    interpreter,
    offset: Number(field("offset") ?? 0),
    magic: bytes,
    mask: mask === undefined ? new Uint8Array(bytes.length).fill(0xff) : Buffer.from(mask, "hex"),
  };
}

/** The kernel compares as much as the magic is long. */
function matches({ offset, magic, mask }: Entry, header: Uint8Array): boolean {
  return (
    offset + magic.length <= header.length &&
    magic.every((byte, index) => ((header[offset + index]! ^ byte) & mask[index]!) === 0)
  );
}

/** The first bytes of a program. Source: System V gABI, chapter 4. */
function elfHeader(elfClass: number, order: number, machine: number): Uint8Array {
  const header = new Uint8Array(64),
    view = new DataView(header.buffer),
    isLittle = order === LITTLE;
  header.set([0x7f, 0x45, 0x4c, 0x46, elfClass, order, 1]);
  view.setUint16(16, ET_EXEC, isLittle);
  view.setUint16(18, machine, isLittle);
  view.setUint32(20, 1, isLittle);
  return header;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name !== "register" && name !== "status");
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
