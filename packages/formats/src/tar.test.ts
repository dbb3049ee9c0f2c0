/**
 * tar archives. Goal: the three dialects mean the same, whatever pieces the bytes come in; GNU tar is the judge for
 * what we write and the source of what we read; damage is named, never thrown.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync, linkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom, byteString, byteStringOf } from "@stratos/base";
import { TarType, tarEntry, type TarEntry } from "./tar-entry.ts";
import { TarReader, type TarError } from "./tar-reader.ts";
import { tarEnd, tarHeader, tarPadding } from "./tar-writer.ts";

interface Read {
  entry: TarEntry;
  data: string;
}

function read(archive: Uint8Array, pieceSize = archive.length): { members: Read[]; error: TarError | undefined } {
  const members: Read[] = [];
  let ends = 0;
  const reader = new TarReader({
    entry: (entry) => {
      members.push({ entry, data: "" });
    },
    data: (bytes) => {
      members.at(-1)!.data += byteString(bytes);
    },
    end: () => {
      ends++;
    },
  });
  let error: TarError | undefined;
  for (let at = 0; at < archive.length && error === undefined; at += pieceSize)
    error = reader.push(archive.subarray(at, at + pieceSize));
  error ??= reader.finish();
  if (error === undefined) assert.equal(ends, members.length);
  return { members, error };
}

function write(members: readonly Read[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { entry, data } of members)
    parts.push(tarHeader(entry), byteStringOf(data), new Uint8Array(tarPadding(data.length)));
  parts.push(tarEnd());
  return Buffer.concat(parts);
}

const MEMBERS: Read[] = [
  { entry: tarEntry(".", TarType.directory, { mtime: 5 }), data: "" },
  {
    entry: tarEntry("./a", TarType.file, {
      size: 3,
      uid: 1000,
      gid: 100,
      uname: "me",
      gname: "users",
      mode: 0o4755,
      mtime: 1234567890,
    }),
    data: "abc",
  },
  { entry: tarEntry(`d/${"x".repeat(120)}`, TarType.file, { size: 512 }), data: "y".repeat(512) },
  { entry: tarEntry(`${"p/".repeat(60)}name`, TarType.file), data: "" },
  { entry: tarEntry("h\xc3\xa4", TarType.hardLink, { linkPath: `d/${"x".repeat(120)}` }), data: "" },
  { entry: tarEntry("s", TarType.symbolicLink, { linkPath: "a", mode: 0o777 }), data: "" },
  { entry: tarEntry("null", TarType.characterDevice, { deviceMajor: 1, deviceMinor: 3, mode: 0o666 }), data: "" },
  {
    entry: tarEntry("big", TarType.file, {
      uid: 4_000_000_000,
      mtime: 1.5,
      xattrs: new Map([["security.capability", "\x01\0\0\x02"]]),
    }),
    data: "",
  },
];

test("what is written is read back, in pieces of any size", () => {
  const archive = write(MEMBERS);
  for (const pieceSize of [archive.length, 511, 512, 513, 7, 1])
    assert.deepEqual(read(archive, pieceSize), { members: MEMBERS, error: undefined });
});

test("GNU tar lists what we write", () => {
  const listing = execFileSync("tar", ["-tf", "-"], {
    input: write(MEMBERS),
    encoding: "latin1",
    stdio: ["pipe", "pipe", "ignore"],
    env: { ...process.env, LC_ALL: "C" },
  });
  assert.deepEqual(listing.trim().split("\n"), [
    "./",
    "./a",
    `d/${"x".repeat(120)}`,
    `${"p/".repeat(60)}name`,
    "h\\303\\244",
    "s",
    "null",
    "big",
  ]);
});

test("what GNU tar writes is read, in its three formats", () => {
  const folder = mkdtempSync(join(tmpdir(), "tar-"));
  try {
    const long = "n".repeat(140);
    mkdirSync(join(folder, "sub"));
    writeFileSync(join(folder, "sub", long.slice(0, 90)), "content");
    linkSync(join(folder, "sub", long.slice(0, 90)), join(folder, "zlink"));
    symlinkSync("t".repeat(90), join(folder, "sym"));
    for (const format of ["ustar", "gnu", "pax"]) {
      if (format !== "ustar") {
        symlinkSync("t".repeat(190), join(folder, `sym-${format}`));
        writeFileSync(join(folder, `${long}-${format}`), "1234");
      }
      const archive = execFileSync("tar", [`--format=${format}`, "--sort=name", "-C", folder, "-cf", "-", "."]);
      const { members, error } = read(archive, 1000);
      assert.equal(error, undefined, format);
      const byPath = new Map(members.map((one) => [one.entry.path, one]));
      assert.equal(byPath.get("./sub")!.entry.type, TarType.directory);
      assert.equal(byPath.get(`./sub/${long.slice(0, 90)}`)!.data, "content");
      assert.equal(byPath.get("./zlink")!.entry.linkPath, `./sub/${long.slice(0, 90)}`);
      assert.equal(byPath.get("./sym")!.entry.linkPath, "t".repeat(90));
      if (format !== "ustar") {
        assert.equal(byPath.get(`./sym-${format}`)!.entry.linkPath, "t".repeat(190));
        assert.equal(byPath.get(`./${long}-${format}`)!.data, "1234");
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("damage is named", () => {
  const archive = write(MEMBERS);
  assert.equal(read(archive.subarray(0, 700)).error, "truncated");
  const flipped = archive.slice();
  flipped[3] = 0x41;
  assert.equal(read(flipped).error, "checksum");
  assert.equal(read(byteStringOf("x".repeat(512))).error, "checksum");
  const typed = (flag: string, size = 0): Uint8Array => {
    const header = tarHeader(tarEntry("a", TarType.file, { size }));
    header[156] = flag.charCodeAt(0);
    let sum = 0;
    header.fill(0x20, 148, 156);
    for (const byte of header) sum += byte;
    header.set(byteStringOf(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    return header;
  };
  assert.equal(read(typed("S")).error, "unsupported");
  assert.equal(read(typed("L", 1 << 20)).error, "extension");
  assert.equal(read(typed("x", 0)).error, "extension");
  assert.equal(read(Buffer.concat([typed("x", 9), byteStringOf("99 a=b\n\0\0".padEnd(512, "\0"))])).error, "extension");
});

test("20 000 damaged archives are answered", () => {
  const random = new SeededRandom(13);
  const base = write(MEMBERS.slice(0, 4));
  for (let round = 0; round < 20_000; round++) {
    const bytes = base.slice(0, random.below(4) === 0 ? random.below(base.length) : base.length);
    for (let flips = random.below(6); flips > 0; flips--) {
      const header = random.below(Math.max(1, bytes.length >> 9)) * 512;
      if (header + 512 > bytes.length) continue;
      bytes[header + random.below(512)] = random.below(256);
      // Half of them get a right checksum, to reach the fields behind it.
      if (random.below(2) === 0) {
        bytes.fill(0x20, header + 148, header + 156);
        let sum = 0;
        for (let at = header; at < header + 512; at++) sum += bytes[at]!;
        bytes.set(byteStringOf(`${sum.toString(8).padStart(6, "0")}\0 `), header + 148);
      }
    }
    for (const { entry } of read(bytes, 300).members) {
      assert.ok(
        Number.isSafeInteger(entry.size) && entry.size >= 0 && entry.uid >= 0 && entry.gid >= 0 && entry.path !== "",
      );
      assert.ok(Number.isFinite(entry.mtime));
    }
  }
});
