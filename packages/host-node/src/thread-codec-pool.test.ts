/**
 * The pool of threads makes the same bytes as one thread, whatever the number of helpers; what is damaged is told piece
 * by piece.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { check, COMPRESS_ZSTD, format, lz4, mount, ROOT_INO, withCompression } from "@stratos/aegisfs";
import { SeededRandom } from "@stratos/base";
import { MemoryBlockDevice, PIECE_SIZE_MAX, PIECES_MAX, SerialCodecPool, type CodecPool } from "@stratos/host";
import { ThreadCodecPool } from "./thread-codec-pool.ts";
import { zstdCodec } from "./zstd-codec.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260202);

interface Batch {
  readonly plain: Uint8Array;
  readonly lengths: readonly number[];
  readonly level: number;
}

function batch(random: SeededRandom): Batch {
  const lengths = Array.from({ length: 1 + random.below(PIECES_MAX) }, () => 4096 * (1 + random.below(16)));
  const plain = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0) + 100);
  random.fill(plain);
  // Pieces from what shrinks to almost nothing to what does not shrink.
  let at = 100;
  for (const length of lengths) {
    const mask = [0, 1, 7, 63, 255][random.below(5)]!;
    for (let byte = 0; byte < length; byte++) plain[at + byte]! &= mask;
    at += length;
  }
  return { plain, lengths, level: 1 + random.below(3) };
}

/** Sizes and packed bytes of each piece, and what comes out again. */
function there(
  pool: CodecPool,
  codec: typeof lz4,
  { plain, lengths, level }: Batch,
): { packed: (string | null)[]; back: Uint8Array } {
  let at = 0;
  lengths.forEach((length, index) => {
    pool.setPiece(index, at, length, index * PIECE_SIZE_MAX + 4, length - 4096);
    at += length;
  });
  pool.compress(codec, level, lengths.length, plain, 100);
  const sizes = lengths.map((_, index) => pool.result(index));
  const packed = sizes.map((size, index) =>
    size === 0
      ? null
      : Buffer.from(pool.packed.subarray(index * PIECE_SIZE_MAX + 4, index * PIECE_SIZE_MAX + 4 + size)).toString(
          "base64",
        ),
  );
  const back = new Uint8Array(plain.length);
  let pieces = 0;
  at = 0;
  lengths.forEach((length, index) => {
    if (sizes[index]! > 0) pool.setPiece(pieces++, index * PIECE_SIZE_MAX + 4, sizes[index]!, at, length);
    at += length;
  });
  pool.decompress(codec, pieces, back, 100);
  for (let piece = 0; piece < pieces; piece++) assert.equal(pool.result(piece), 1);
  return { packed, back };
}

test(`pieces are the same whoever makes them (seed ${SEED})`, () => {
  const pools = [new ThreadCodecPool(1), new ThreadCodecPool(3), new ThreadCodecPool(0)];
  for (let round = 0; round < 40; round++) {
    for (const codec of [lz4, zstdCodec]) {
      const work = batch(new SeededRandom(SEED + round));
      const expected = there(new SerialCodecPool(), codec, work);
      for (const pool of pools) assert.deepEqual(there(pool, codec, work), expected, `round ${round}`);
    }
  }
});

test("helpers take their part", () => {
  const pool = new ThreadCodecPool(1);
  const work = batch(new SeededRandom(SEED));
  // A thread needs a moment to start, and on a busy host it needs many.
  for (const end = Date.now() + 60_000; pool.helped === 0 && Date.now() < end;) there(pool, zstdCodec, work);
  assert.ok(pool.helped > 0);
});

test("a damaged piece is told from its neighbours", () => {
  const pool = new ThreadCodecPool(1);
  const plain = new Uint8Array(PIECES_MAX * 8192).map((_, index) => index >> 7);
  for (let round = 0; round < 20; round++) {
    for (let index = 0; index < PIECES_MAX; index++)
      pool.setPiece(index, index * 8192, 8192, index * PIECE_SIZE_MAX, 4096);
    pool.compress(zstdCodec, 1, PIECES_MAX, plain, 0);
    const sizes = Array.from({ length: PIECES_MAX }, (_, index) => pool.result(index));
    const bad = round % PIECES_MAX;
    pool.packed[bad * PIECE_SIZE_MAX + 1]! ^= 0xff;
    sizes.forEach((size, index) => pool.setPiece(index, index * PIECE_SIZE_MAX, size, index * 8192, 8192));
    const back = new Uint8Array(plain.length);
    pool.decompress(zstdCodec, PIECES_MAX, back, 0);
    for (let index = 0; index < PIECES_MAX; index++) {
      assert.equal(pool.result(index), index === bad ? 0 : 1, `round ${round}, piece ${index}`);
      if (index !== bad)
        assert.deepEqual(
          back.subarray(index * 8192, (index + 1) * 8192),
          plain.subarray(index * 8192, (index + 1) * 8192),
        );
    }
  }
});

test("a volume has the same bytes with any number of threads, and reads what any of them wrote", () => {
  const text = new Uint8Array(3_000_000);
  const random = new SeededRandom(SEED);
  random.fill(text);
  // Stretches of words and of noise, with borders inside of units.
  for (let at = 0, isNoise = false; at < text.length; isNoise = !isNoise) {
    const end = Math.min(text.length, at + 1000 + random.below(300_000));
    if (!isNoise) for (; at < end; at++) text[at] = 97 + (text[at]! & 3);
    at = end;
  }
  const images: Uint8Array[] = [];
  for (const codecPool of [new SerialCodecPool(), new ThreadCodecPool(1), new ThreadCodecPool(3)]) {
    const device = new MemoryBlockDevice(16 << 20);
    assert.equal(
      format(device, {
        uuid: new Uint8Array(16).fill(1),
        hashSeed: 5,
        properties: withCompression(0, COMPRESS_ZSTD, 1),
      }),
      0,
    );
    const volume = mount(device, { codecs: [zstdCodec], codecPool });
    if (typeof volume === "string") return assert.fail(volume);
    const ino = volume.root.create(ROOT_INO, "text", 0o100644, 0, 0);
    for (let at = 0; at < text.length; at += 1_500_000)
      assert.equal(volume.root.write(ino, at, text, at, 1_500_000), 1_500_000);
    // Over the middle of units that are there.
    assert.equal(volume.root.write(ino, 700_000, text, 0, 900_000), 900_000);
    assert.equal(volume.sync(), 0);
    const bytes = new Uint8Array(16 << 20);
    assert.equal(device.read(0, bytes, 0, bytes.length), 0);
    images.push(bytes);
    assert.deepEqual(check(device, { data: true }), []);
  }
  assert.deepEqual(images[1], images[0]);
  assert.deepEqual(images[2], images[0]);
  const device = new MemoryBlockDevice(16 << 20);
  device.write(0, images[0]!, 0, images[0]!.length);
  const volume = mount(device, { codecs: [zstdCodec], codecPool: new ThreadCodecPool(2) });
  if (typeof volume === "string") return assert.fail(volume);
  const back = new Uint8Array(text.length);
  assert.equal(volume.root.read(volume.root.lookup(ROOT_INO, "text"), 0, back, 0, back.length), back.length);
  text.copyWithin(700_000, 0, 900_000);
  assert.deepEqual(back, text);
});
