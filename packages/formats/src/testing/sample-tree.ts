/** A tree with everything that formats find hard: long names, large folders, holes, links, devices, attributes. */
import { createHash } from "node:crypto";
import { SeededRandom } from "@stratos/base";
import { fileEntry, fileTreeOf, MemoryBlob, type FileEntry, type FileTree } from "../tree/file-tree.ts";

export const SAMPLE_TIME = 1_700_000_000;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** @param bytes  content, or text */
export function sampleFile(path: string, bytes: Uint8Array | string, fields: Partial<FileEntry> = {}): FileEntry {
  return fileEntry(path, "file", {
    mtime: SAMPLE_TIME,
    content: new MemoryBlob(typeof bytes === "string" ? Buffer.from(bytes) : bytes, sha256),
    ...fields,
  });
}

export function sampleBytes(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  new SeededRandom(seed).fill(bytes);
  return bytes;
}

/** @param options.devices  without them for formats (OSTree) that refuse them */
export function sampleTree(options: { devices?: boolean; files?: number } = {}): FileTree {
  const folder = (path: string, fields: Partial<FileEntry> = {}): FileEntry =>
    fileEntry(path, "directory", { mtime: SAMPLE_TIME, ...fields });
  const sparse = new Uint8Array(3 << 20);
  sparse.set(sampleBytes(5000, 9), 2 << 20);
  const entries = [
    folder(""),
    folder("bin"),
    folder("etc", { mode: 0o751, uid: 3, gid: 4 }),
    folder("empty"),
    folder("tmp", { mode: 0o1777 }),
    folder("many"),
    folder("deep"),
    folder("deep/er"),
    folder("deep/er/still"),
    sampleFile("bin/tool", sampleBytes(100_001, 1), { mode: 0o4755 }),
    fileEntry("bin/tool2", "hardLink", { target: "bin/tool", mode: 0o4755, mtime: SAMPLE_TIME }),
    sampleFile("etc/passwd", "root:x:0:0::/root:/bin/sh\n", { mode: 0o640, uid: 1000, gid: 70_000 }),
    sampleFile("etc/empty", ""),
    sampleFile("etc/gr\xc3\xbc\xc3\x9fe", "utf-8 name"),
    sampleFile("etc/\xff\x01odd", "a name that is no text"),
    sampleFile("deep/er/still/sparse", sparse),
    sampleFile("deep/er/block", sampleBytes(4096, 3)),
    sampleFile("deep/large", sampleBytes(2_500_000, 4)),
    sampleFile(`deep/${"n".repeat(250)}`, "a long name"),
    sampleFile("bin/ping", "capable", {
      mode: 0o755,
      xattrs: new Map([
        ["security.capability", "\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"],
        ["user.comment", "hello"],
      ]),
    }),
    fileEntry("lib", "symlink", { target: "usr/lib", mtime: SAMPLE_TIME }),
    fileEntry("etc/long-link", "symlink", { target: `/${"x".repeat(200)}`, mtime: SAMPLE_TIME }),
  ];
  for (let index = 0; index < (options.files ?? 300); index++)
    entries.push(sampleFile(`many/file-with-a-rather-long-name-${index}`, `content of ${index}\n`));
  if (options.devices !== false) {
    entries.push(
      folder("dev"),
      fileEntry("dev/null", "character", { mode: 0o666, deviceMajor: 1, deviceMinor: 3, mtime: SAMPLE_TIME }),
      fileEntry("dev/big", "block", { mode: 0o660, gid: 6, deviceMajor: 259, deviceMinor: 70_000, mtime: SAMPLE_TIME }),
      fileEntry("dev/pipe", "fifo", { mtime: SAMPLE_TIME }),
    );
  }
  return fileTreeOf(entries);
}
