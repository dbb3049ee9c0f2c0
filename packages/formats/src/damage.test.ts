/**
 * Damage, over every format that is read. Goal: whatever bytes of an image are changed, its reader answers or refuses
 * in the words of a {@link FormatError}, in bounded time and memory. Method: a small image, seeded changes of up to
 * eight bytes (mostly where there is something, at half of the rounds to values that break bounds), checksums put right
 * again where they would find all; then the whole is read, and where the format can be written, something is written.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, crc32, crc32c, SeededRandom } from "@stratos/base";
import { sampleCount } from "@stratos/base/testing";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { writeAr, parseAr } from "./ar.ts";
import { readBtrfs } from "./btrfs/btrfs-reader.ts";
import { writeBtrfs } from "./btrfs/btrfs-writer.ts";
import { MemoryDisk, readBytes, type Disk } from "./disk/disk.ts";
import { readLayout } from "./gpt/partitions.ts";
import { readErofs } from "./erofs/erofs-reader.ts";
import { writeErofs } from "./erofs/erofs-writer.ts";
import { Ext4Files } from "./ext4/ext4-files.ts";
import { Ext4Reader } from "./ext4/ext4-reader.ts";
import { ext4Tree } from "./ext4/ext4-tree.ts";
import { writeExt4 } from "./ext4/ext4-writer.ts";
import { FatVolume } from "./fat/fat-volume.ts";
import { FormatError } from "./format-error.ts";
import { readGpt, writeGpt } from "./gpt/gpt.ts";
import { PARTITION_TYPES } from "./gpt/partition-types.ts";
import { writeIso } from "./iso9660/iso-writer.ts";
import { parseVariant } from "./ostree/gvariant.ts";
import { commitObject, dirmetaObject, dirtreeObject } from "./ostree/ostree-objects.ts";
import { addSignatures } from "./ostree/ostree-signatures.ts";
import { addPeSections, readPeSections } from "./pe/pe-image.ts";
import { copyToQcow2, Qcow2Image } from "./qcow2/qcow2-image.ts";
import { sampleBytes, sampleFile, sampleTree, SAMPLE_TIME } from "./testing/sample-tree.ts";
import { archiveEntries } from "./tree/archive-tree.ts";
import { fileEntry, fileTreeOf, type FileTree } from "./tree/file-tree.ts";
import { archiveTree } from "./tree/tree-archive.ts";
import { xzUnpackedSize } from "./xz-size.ts";

const ROUNDS = sampleCount(2000, 0.3);
const codecs = nodeCodecs();
const UUID = "6b8a1f0e-3a55-4d2c-9d3e-0f6d2f1c7a11";
const MIB = 1 << 20;

interface Format {
  readonly name: string;
  readonly image: () => MemoryDisk;
  /** where damage matters: not in contents */
  readonly areas: (image: MemoryDisk) => readonly (readonly [start: number, size: number])[];
  /** puts a checksum right, so that what lies is believed. @param at  where something was changed */
  readonly reseal?: (image: Disk, at: number) => void;
  readonly use: (image: MemoryDisk) => void;
}

/** Small contents: it is names, numbers and places that can mislead. */
const smallTree = (): FileTree =>
  fileTreeOf(
    [...sampleTree({ files: 12 }).entries()]
      .filter(
        ({ content, kind, path }) =>
          kind !== "hardLink" && (content?.sizeBytes ?? 0) < 20_000 && path !== "deep/er/still/sparse",
      )
      .concat(sampleFile("some", sampleBytes(70_000, 5))),
  );
const diskOf = (bytes: Uint8Array): MemoryDisk => {
  const disk = new MemoryDisk(bytes.length);
  disk.write(0, bytes);
  return disk;
};
const written = (size: number, write: (disk: MemoryDisk) => void): MemoryDisk => {
  const disk = new MemoryDisk(size);
  write(disk);
  return disk;
};
const everything = (image: MemoryDisk): readonly (readonly [number, number])[] => [[0, image.size]];

function readTree(tree: FileTree): void {
  const buffer = new Uint8Array(1 << 16);
  for (const { content } of tree.entries())
    content?.read(0, buffer.subarray(0, Math.min(buffer.length, content.sizeBytes)));
}

const btrfsBlocks = (image: MemoryDisk): (readonly [number, number])[] => {
  const found: (readonly [number, number])[] = [[65536, 4096]],
    volume = Buffer.from(readBytes(image, 65536 + 32, 16));
  for (let at = MIB; at + 16384 <= image.size; at += 16384)
    if (Buffer.from(readBytes(image, at + 32, 16)).equals(volume)) found.push([at, 16384]);
  return found;
};
const sealBtrfs = (image: Disk, at: number): void => {
  const start = at < MIB ? 65536 : at - (at % 16384),
    block = readBytes(image, start, at < MIB ? 4096 : 16384);
  new DataView(block.buffer).setUint32(0, crc32c(block, 32), true);
  image.write(start, block);
};
const sealGpt = (image: Disk): void => {
  for (const at of [512, image.size - 512]) {
    const header = readBytes(image, at, 92),
      view = new DataView(header.buffer),
      entries = readBytes(image, at === 512 ? 1024 : image.size - 512 - 16384, 16384);
    view.setUint32(88, crc32(entries), true);
    view.setUint32(16, 0, true);
    view.setUint32(16, crc32(header), true);
    image.write(at, header);
  }
};
const program = (): MemoryDisk => {
  const bytes = new Uint8Array(1024),
    view = new DataView(bytes.buffer);
  bytes.set(Buffer.from("MZ"));
  view.setUint32(60, 64, true);
  bytes.set(Buffer.from("PE\0\0"), 64);
  view.setUint16(68 + 16, 240, true);
  view.setUint16(88, 0x20b, true);
  for (const [at, value] of [
    [32, 4096],
    [36, 512],
    [56, 4096],
    [60, 1024],
    [108, 16],
  ] as const)
    view.setUint32(88 + at, value, true);
  return diskOf(
    addPeSections(bytes, [
      { name: ".linux", content: sampleBytes(3000, 1) },
      { name: ".cmdline", content: Buffer.from("quiet") },
    ]),
  );
};
const volumeOptions = { uuid: UUID, label: "damage", time: SAMPLE_TIME };

const OBJECTS = [
  {
    signature: "(a(say)a(sayay))",
    bytes: dirtreeObject(
      [
        { name: "a", checksum: "1".repeat(64) },
        { name: "b c", checksum: "2".repeat(64) },
      ],
      [{ name: "folder", tree: "3".repeat(64), meta: "4".repeat(64) }],
    ),
  },
  {
    signature: "(uuua(ayay))",
    bytes: dirmetaObject(
      fileEntry("", "directory", {
        xattrs: new Map([
          ["user.a", "1"],
          ["security.b", "22"],
        ]),
      }),
    ),
  },
  {
    signature: "(a{sv}aya(say)sstayay)",
    bytes: commitObject({
      metadata: [
        ["version", { type: "s", value: "1" }],
        ["bound", { type: "as", value: ["x", "y"] }],
      ],
      parent: "5".repeat(64),
      subject: "A subject",
      body: "and a body",
      timestamp: SAMPLE_TIME,
      tree: "6".repeat(64),
      meta: "7".repeat(64),
    }),
  },
];

const FORMATS: readonly Format[] = [
  {
    name: "GPT",
    areas: (image) => [
      [0, 1024 + 512],
      [image.size - 16896, 512],
      [image.size - 512, 512],
    ],
    reseal: sealGpt,
    use: (image) => void readLayout(image),
    image: () =>
      written(4 * MIB, (disk) =>
        writeGpt(disk, {
          diskId: UUID,
          partitions: [0, 1].map((index) => ({
            type: PARTITION_TYPES.esp,
            id: UUID,
            name: `part ${index}`,
            start: (index + 1) * MIB,
            size: MIB,
            attributes: 0,
          })),
        }),
      ),
  },
  {
    name: "FAT",
    areas: () => [
      [0, 96],
      [512, 24_576],
    ],
    image: () =>
      written(2 * MIB, (disk) => {
        const volume = FatVolume.format(disk, { label: "ESP", volumeId: 7 });
        volume.makeDirectory("a folder", SAMPLE_TIME);
        volume.write("a folder/a long name of a file", sampleBytes(9000, 1), SAMPLE_TIME);
        volume.flush();
      }),
    use: (image) => {
      const volume = FatVolume.open(image);
      const visit = (path: string, depth: number): void => {
        for (const { name, isDirectory } of volume.list(path)) {
          const inner = path === "" ? name : `${path}/${name}`;
          if (!isDirectory) volume.read(inner);
          else if (depth < 4) visit(inner, depth + 1);
        }
      };
      visit("", 0);
      volume.write("new", sampleBytes(5000, 2), SAMPLE_TIME);
      volume.remove("new");
      volume.flush();
    },
  },
  {
    name: "ext4",
    areas: () => [
      [1024, 256],
      [4096, 64],
      [4096, 256 * 1024],
    ],
    image: () => written(8 * MIB, (disk) => writeExt4(disk, smallTree(), { ...volumeOptions, isZeroed: true })),
    use: (image) => {
      readTree(ext4Tree(new Ext4Reader(image), codecs));
      const files = new Ext4Files(image);
      files.write(
        "/new",
        { sizeBytes: 9000, read: (_offset, into) => into.length },
        { mode: 0o644, uid: 0, gid: 0, mtime: SAMPLE_TIME },
      );
      files.remove("/new");
      files.flush();
    },
  },
  {
    name: "EROFS",
    areas: (image) => [
      [1024, 128],
      [image.size - 65536, 65536],
    ],
    use: (image) => readTree(readErofs(image, codecs).tree),
    // Without its checksum, which would find all damage of the first block.
    image: () =>
      written(0, (disk) => {
        writeErofs(disk, smallTree(), volumeOptions);
        disk.write(1024 + 8, new Uint8Array(4));
      }),
  },
  {
    name: "btrfs",
    areas: btrfsBlocks,
    reseal: sealBtrfs,
    image: () =>
      written(0, (disk) => {
        disk.resize(64 * MIB);
        writeBtrfs(
          disk,
          [
            { name: "", tree: smallTree() },
            { name: "sub", tree: fileTreeOf([...sampleTree({ files: 0 }).entries()].slice(0, 1)) },
          ],
          { ...volumeOptions, id: () => UUID, zstd: codecs.zstd },
        );
      }),
    use: (image) => readTree(readBtrfs(image, codecs).tree),
  },
  ...(["zlib", "zstd"] as const).map((compression): Format => ({
    name: `QCOW2, ${compression}`,
    areas: (image) => [
      [0, 112],
      [65536, 256],
      [2 * 65536, 64],
      [3 * 65536, 64],
      [4 * 65536, 256],
      [0, image.size],
    ],
    image: () =>
      written(0, (disk) => {
        const source = new MemoryDisk(2 * MIB),
          image = Qcow2Image.create(disk, codecs, { virtualSize: 2 * MIB, compression });
        source.write(0, Buffer.from("abc".repeat(200_000)));
        source.write(MIB, sampleBytes(100_000, 3));
        copyToQcow2(source, image, { pack: true });
        image.flush();
      }),
    use: (file) => {
      const image = Qcow2Image.open(file, codecs);
      readBytes(image, 0, Math.min(image.size, 2 * MIB));
      image.write(0, new Uint8Array(100));
      image.flush();
      if (image.size < 1 << 30) image.resize(image.size + 3 * MIB);
    },
  })),
  {
    name: "tar",
    areas: everything,
    image: () => diskOf(Buffer.concat(Array.from(archiveTree(smallTree()), (piece) => Buffer.from(piece)))),
    use: (image) => readTree(fileTreeOf(archiveEntries(image, codecs))),
  },
  {
    name: "ar",
    areas: everything,
    image: () =>
      diskOf(
        writeAr(
          [
            { name: "debian-binary", data: Buffer.from("2.0\n") },
            { name: "data.tar", data: sampleBytes(999, 1) },
          ].map((member) => ({ ...member, mtime: 0, mode: 0o644, uid: 0, gid: 0 })),
        ),
      ),
    use: (image) => void parseAr(readBytes(image, 0, image.size)),
  },
  {
    name: "UEFI program",
    areas: () => [
      [0, 512],
      [0, 96],
    ],
    image: program,
    use: (image) => {
      readPeSections(readBytes(image, 0, image.size));
      addPeSections(readBytes(image, 0, image.size), [{ name: ".more", content: sampleBytes(100, 2) }]);
    },
  },
  {
    name: "signatures of OSTree",
    areas: everything,
    image: () =>
      diskOf(
        addSignatures(undefined, [
          { kind: "gpg", bytes: sampleBytes(300, 1) },
          { kind: "ed25519", bytes: sampleBytes(64, 2) },
        ]),
      ),
    use: (image) =>
      void addSignatures(readBytes(image, 0, image.size), [{ kind: "ed25519", bytes: sampleBytes(64, 3) }]),
  },
  {
    name: "objects of OSTree",
    areas: everything,
    image: () =>
      diskOf(
        concatBytes(OBJECTS.flatMap(({ bytes }) => [Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes])),
      ),
    use: (image) => {
      const bytes = readBytes(image, 0, image.size);
      // Sizes are the test's own, and as they were.
      let at = 2;
      for (const object of OBJECTS) {
        parseVariant(object.signature, bytes.subarray(at, at + object.bytes.length));
        at += object.bytes.length + 2;
      }
    },
  },
  {
    name: "xz",
    areas: everything,
    image: () =>
      diskOf(
        Buffer.from(
          "/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAMaGVsbG8gd29ybGQhCgAAAAAo7Cn0/ZpNkgABJQ3Lg8UXH7bzfQEAAAAABFla",
          "base64",
        ),
      ),
    use: (image) => void xzUnpackedSize(readBytes(image, 0, image.size)),
  },
  {
    name: "what is on a disk",
    areas: () => [
      [0, 1536],
      [32768, 2048],
    ],
    image: () =>
      written(0, (disk) =>
        writeIso(disk, fileTreeOf([fileEntry("", "directory"), sampleFile("file", "x")]), {
          volumeId: "DAMAGE",
          time: SAMPLE_TIME,
        }),
      ),
    use: (image) => {
      readLayout(image);
      readGpt(image);
    },
  },
];

for (const [number, { name, image, areas, reseal, use }] of FORMATS.entries()) {
  test(`${name}: ${ROUNDS} changes are answered, or refused in words`, () => {
    const seed = 1000 + number,
      random = new SeededRandom(seed);
    const whole = image(),
      places = areas(whole),
      bytes = readBytes(whole, 0, whole.size);
    let refused = 0;
    // Undamaged it is read, so that what follows is damage's doing.
    use(diskOf(bytes));
    for (let round = 0; round < ROUNDS; round++) {
      const own = new CopiedDisk(bytes);
      for (let hits = 1 + random.below(8); hits > 0; hits--) {
        const [start, size] = places[random.below(places.length)]!;
        let at = start + random.below(size);
        // Where there are zeros, most often nothing is.
        for (let tries = 0; tries < 4 && bytes[at] === 0; tries++) at = start + random.below(size);
        const value = random.below(2) === 0 ? [0, 1, 0x7f, 0x80, 0xff][random.below(5)]! : random.below(256);
        own.write(at, Uint8Array.of(value));
        if (round % 8 !== 7) reseal?.(own, at);
      }
      try {
        use(own);
      } catch (error) {
        assert.ok(error instanceof FormatError, `seed ${seed}, round ${round}: ${(error as Error).stack}`);
        assert.match(error.message, /\S{3}/);
        refused++;
      }
    }
    // These say what is wrong by a value, or know what they find by its mark alone.
    assert.ok(refused > 0 || ["ar", "xz", "what is on a disk"].includes(name), `of ${ROUNDS} changes none was refused`);
  });
}

/** Changes of a disk over bytes that stay as they are. */
class CopiedDisk extends MemoryDisk {
  readonly #below: Uint8Array;
  readonly #own = new Map<number, Uint8Array>();
  #size: number;

  constructor(below: Uint8Array) {
    super(0);
    this.#below = below;
    this.#size = below.length;
  }

  override get size(): number {
    return this.#size;
  }

  override read(offset: number, into: Uint8Array): void {
    if (!(offset >= 0 && offset + into.length <= this.#size))
      throw new FormatError(`bytes ${offset} to ${offset + into.length} are not on the disk`);
    for (let at = 0; at < into.length;) {
      const page = Math.floor((offset + at) / PAGE),
        inside = (offset + at) % PAGE,
        count = Math.min(PAGE - inside, into.length - at);
      into.set(this.#page(page).subarray(inside, inside + count), at);
      at += count;
    }
  }

  override write(offset: number, source: Uint8Array): void {
    if (!(offset >= 0 && offset + source.length <= this.#size))
      throw new FormatError(`bytes ${offset} to ${offset + source.length} are not on the disk`);
    for (let at = 0; at < source.length;) {
      const page = Math.floor((offset + at) / PAGE),
        inside = (offset + at) % PAGE,
        count = Math.min(PAGE - inside, source.length - at);
      let own = this.#own.get(page);
      if (own === undefined) this.#own.set(page, (own = this.#page(page).slice()));
      own.set(source.subarray(at, at + count), inside);
      at += count;
    }
  }

  override resize(size: number): void {
    this.#size = size;
  }

  #page(page: number): Uint8Array {
    const own = this.#own.get(page);
    if (own !== undefined) return own;
    const below = this.#below.subarray(page * PAGE, (page + 1) * PAGE);
    if (below.length === PAGE) return below;
    const whole = new Uint8Array(PAGE);
    whole.set(below);
    return whole;
  }
}

const PAGE = 4096;
