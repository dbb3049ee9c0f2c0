/**
 * A package with its parts unpacked, for the dpkg inside a guest: taking xz apart is quick here and slow under
 * emulation, while all that dpkg does with the contents stays dpkg's. Source: deb(5), which allows members without
 * compression.
 */
import { parseAr, writeAr, type ArMember } from "@stratos/formats";
import { UnpackLimitError, type Compression, type Decompress } from "../../ports.ts";
import { DebError } from "../deb-archive.ts";

const SUFFIXES: Readonly<Record<string, Compression>> = { ".gz": "gzip", ".xz": "xz", ".zst": "zstd" };
/** What unpacks to more stays packed: dpkg unpacks it without holding it. */
const SIZE_MAX = 1 << 30;

/**
 * @param name  for messages
 * @returns the package as it came when it is too large to be held unpacked
 * @throws DebError  it is damaged
 */
export async function repackDeb(bytes: Uint8Array, name: string, decompress: Decompress): Promise<Uint8Array> {
  const members = parseAr(bytes);
  if (typeof members === "string") throw new DebError(`${name}: not a Debian package (ar: ${members})`);
  const repacked = await Promise.all(
    members.map(async (member): Promise<ArMember> => {
      const match = /^(control|data)\.tar(\.[a-z]+)$/.exec(member.name);
      const compression = match === null ? undefined : SUFFIXES[match[2]!];
      // What is packed in a way that we don't know, dpkg may.
      if (match === null || compression === undefined) return member;
      try {
        return { ...member, name: `${match[1]}.tar`, data: await decompress(compression, member.data, SIZE_MAX) };
      } catch (cause) {
        if (cause instanceof UnpackLimitError && match[1] === "data") return member;
        throw new DebError(
          `${name}: ${member.name} cannot be unpacked: ${cause instanceof Error ? cause.message : String(cause)}`,
          { cause },
        );
      }
    }),
  );
  return writeAr(repacked);
}
