/**
 * Goal: a volume that one host made opens in the other, whatever it holds. Method: handles as OPFS gives them, in
 * memory, beside Node's own cipher and codec; and the package joined as a page would load it.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import {
  ARGON2ID,
  check,
  COMPRESS_LZ4,
  COMPRESS_ZSTD,
  EncryptedDevice,
  Files,
  format,
  mount,
  SCRYPT,
  withCompression,
} from "@stratos/aegisfs";
import type { KeyDerivation } from "@stratos/host";
import { nodeCipher, zstdCodec } from "@stratos/host-node";
import {
  browserCipher,
  browserClock,
  formatVolume,
  loadZstd,
  OpfsBlockDevice,
  openVolume,
  type SyncAccessHandle,
} from "./host-browser.ts";

const MIB = 1 << 20;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const zstdUrl = createRequire(import.meta.url).resolve("@bokuweb/zstd-wasm");
const CHEAP: KeyDerivation = { kind: "scrypt", logN: 8, r: 8, p: 1 };

/** A file of the origin, in memory. */
class MemoryHandle implements SyncAccessHandle {
  bytes = new Uint8Array(0);
  isClosed = false;

  read(buffer: Uint8Array, { at }: { at: number }): number {
    // A handle may give less than was asked for.
    const part = this.bytes.subarray(at, at + Math.min(buffer.length, 100_000));
    buffer.set(part);
    return part.length;
  }

  write(buffer: Uint8Array, { at }: { at: number }): number {
    const part = buffer.subarray(0, 70_000);
    this.bytes.set(part, at);
    return part.length;
  }

  flush(): void {}

  getSize(): number {
    return this.bytes.length;
  }

  truncate(size: number): void {
    if (size > 64 * MIB) throw Object.assign(new Error("too much"), { name: "QuotaExceededError" });
    const bytes = new Uint8Array(size);
    bytes.set(this.bytes.subarray(0, size));
    this.bytes = bytes;
  }

  close(): void {
    this.isClosed = true;
  }
}

function nodeFiles(handle: MemoryHandle, passphrase: string | null, readOnly = false): Files {
  const raw = new OpfsBlockDevice(handle, { readOnly });
  let device: Parameters<typeof mount>[0] = raw;
  if (passphrase !== null) {
    const opened = EncryptedDevice.open(raw, nodeCipher, text(passphrase));
    assert.ok(typeof opened !== "string", String(opened));
    device = opened.device;
  }
  const volume = mount(device, { codecs: [zstdCodec] });
  assert.ok(typeof volume !== "string", String(volume));
  return new Files(volume, { clock: browserClock });
}

for (const [name, compression] of [
  ["zstd", COMPRESS_ZSTD],
  ["lz4", COMPRESS_LZ4],
] as const) {
  test(`an encrypted volume with ${name} goes from Node to the browser and back`, async () => {
    const handle = new MemoryHandle();
    handle.truncate(16 * MIB);
    const uuid = new Uint8Array(16).fill(4);
    const made = EncryptedDevice.create(new OpfsBlockDevice(handle), nodeCipher, uuid, text("pässphrase"), {
      derivation: CHEAP,
    });
    assert.ok(typeof made !== "string");
    assert.equal(format(made.device, { uuid, hashSeed: 8, properties: withCompression(0, compression, 3) }), 0);
    const content = text("from Node, again and again; ".repeat(20_000));
    const there = nodeFiles(handle, "pässphrase");
    assert.equal(there.writeFile("/from-node", content), content.length);
    assert.equal(there.sync(), 0);

    await assert.rejects(openVolume(handle), /encrypted: a passphrase is needed/);
    await assert.rejects(openVolume(handle, { passphrase: "other" }), /passphrase is wrong/);
    const opened = await openVolume(handle, { passphrase: "pässphrase" });
    assert.deepEqual(opened.files.contentOf("/from-node"), content);
    const answer = text("from the browser, again and again; ".repeat(20_000));
    assert.equal(opened.files.writeFile("/from-browser", answer), answer.length);
    opened.close();
    assert.ok(handle.isClosed);

    const back = nodeFiles(handle, "pässphrase", true);
    assert.deepEqual(back.contentOf("/from-browser"), answer);
    assert.deepEqual(back.contentOf("/from-node"), content);
    assert.ok(back.volume.usage().freeBlocks > (16 * MIB) / 4096 - 1200, "both are compressed");
    assert.deepEqual(check(back.volume.store.devices[0]!.device!, { data: true }), []);
  });
}

test("a volume that the browser made opens in Node", async () => {
  const handle = new MemoryHandle();
  assert.throws(() => formatVolume(handle, { size: 128 * MIB }), /does not give the origin that much space/);
  formatVolume(handle, {
    size: 16 * MIB,
    label: "made here",
    passphrase: "x",
    key: { derivation: { kind: "argon2id", memoryKiB: 64, passes: 1, lanes: 1 } },
  });
  const { files, close } = await openVolume(handle, { passphrase: "x" });
  assert.equal(files.mkdir("/folder"), 0);
  assert.equal(files.writeFile("/folder/file", text("content")), 7);
  close();
  const there = nodeFiles(handle, "x");
  assert.equal(there.volume.superblock.label, "made here");
  assert.deepEqual(there.contentOf("/folder/file"), text("content"));
});

test("keys and seals are Node's, byte for byte", () => {
  for (const derivation of [CHEAP, { kind: "argon2id", memoryKiB: 256, passes: 2, lanes: 2 } as const]) {
    assert.deepEqual(
      browserCipher.derive(text("passphrase"), text("salt salt"), derivation),
      nodeCipher.derive(text("passphrase"), text("salt salt"), derivation),
    );
  }
  assert.equal(SCRYPT.kind + ARGON2ID.kind, "scryptargon2id");
  const nonce = new Uint8Array(12).fill(1);
  const bytes = new Uint8Array(32);
  browserCipher.random(bytes);
  assert.ok(bytes.some((byte) => byte !== 0));
  const [ours, theirs] = [browserCipher, nodeCipher].map((cipher) => {
    const output = new Uint8Array(200);
    cipher.seal(cipher.importKey(bytes), nonce, text("place"), text("some content of a block"), 5, 12, output, 3);
    return output;
  });
  assert.deepEqual(ours, theirs);
  const plain = new Uint8Array(12);
  assert.equal(
    browserCipher.open(browserCipher.importKey(bytes), nonce, text("place"), theirs!, 3, 12, plain, 0),
    true,
  );
  assert.deepEqual(plain, text("content of a"));
  theirs![4]! ^= 1;
  assert.equal(
    browserCipher.open(browserCipher.importKey(bytes), nonce, text("place"), theirs!, 3, 12, plain, 0),
    false,
  );
});

test("damaged and forged frames are refused, whatever size they claim", async () => {
  const zstd = await loadZstd();
  const content = text("abc ".repeat(4000));
  const packed = new Uint8Array(16_000);
  const length = zstd.compress(content, 0, content.length, packed, 1);
  assert.ok(length > 0 && length < 200);
  assert.equal(zstd.compress(content, 0, content.length, new Uint8Array(8), 1), 0, "it does not fit");
  const output = new Uint8Array(content.length);
  assert.equal(zstd.decompress(packed, 0, length, output, 0, content.length), true);
  assert.deepEqual(output, content);
  assert.equal(zstd.decompress(packed, 0, length, output, 0, content.length - 1), false);
  for (let at = 0; at < length; at++) {
    for (const bit of [1, 128]) {
      const forged = packed.slice(0, length);
      forged[at]! ^= bit;
      const isTaken = zstd.decompress(forged, 0, length, output, 0, content.length);
      assert.equal(typeof isTaken, "boolean");
    }
  }
  // The library is whole afterwards.
  assert.equal(zstd.decompress(packed, 0, length, output, 0, content.length), true);
  assert.deepEqual(output, content);
});

test("the package is one that browsers can load", async () => {
  assert.ok(zstdUrl.includes("zstd-wasm"));
  const entry = join(dirname(fileURLToPath(import.meta.url)), "host-browser.ts");
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    logLevel: "silent",
    metafile: true,
  });
  assert.deepEqual(result.errors, []);
  const inputs = Object.keys(result.metafile.inputs);
  assert.ok(
    inputs.some((path) => path.includes("zstd-wasm/dist/web/")),
    "the library's form for pages is taken",
  );
  assert.ok(result.outputFiles[0]!.text.length > 100_000);
  assert.doesNotMatch(result.outputFiles[0]!.text, /from "node:|require\("fs/);
});
