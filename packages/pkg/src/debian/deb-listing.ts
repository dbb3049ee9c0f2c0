/** What a package would place, as people read it. */
import { byteStringToUtf8 } from "@stratos/base";
import { type TarEntry, TarType } from "@stratos/formats";
import { type DebArchive, visitData } from "./deb-archive.ts";

interface DebMember {
  readonly path: string;
  readonly type: (typeof TYPE_NAMES)[TarType];
  /** Octal. */
  readonly mode: string;
  /** USER/GROUP, by names where there are. */
  readonly owner: string;
  readonly sizeBytes: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Of links. */
  readonly target?: string;
}

const TYPE_NAMES = {
  [TarType.file]: "file",
  [TarType.hardLink]: "hard link",
  [TarType.symbolicLink]: "link",
  [TarType.characterDevice]: "character device",
  [TarType.blockDevice]: "block device",
  [TarType.directory]: "folder",
  [TarType.fifo]: "pipe",
} as const satisfies Readonly<Record<TarType, string>>;

/** @param name  of the package, for what is damaged. @throws DebError */
export async function listDebMembers(archive: DebArchive, name: string): Promise<DebMember[]> {
  const members: DebMember[] = [];
  await visitData(archive, name, { entry: (entry) => void members.push(memberOf(entry)), data() {}, end() {} });
  return members;
}

function memberOf(entry: TarEntry): DebMember {
  const isLink = entry.type === TarType.symbolicLink || entry.type === TarType.hardLink;
  return {
    path: byteStringToUtf8(entry.path),
    type: TYPE_NAMES[entry.type],
    mode: entry.mode.toString(8).padStart(4, "0"),
    owner: `${entry.uname || entry.uid}/${entry.gname || entry.gid}`,
    sizeBytes: entry.size,
    mtime: Math.floor(entry.mtime),
    ...(isLink ? { target: byteStringToUtf8(entry.linkPath) } : {}),
  };
}
