/** The real cipher: known answers, and that nothing changed opens. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { nodeCipher } from "./node-cipher.ts";

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

test("AES-256-GCM gives the answers of the specification", () => {
  // The Galois/Counter Mode of Operation (McGrew, Viega), appendix B, test case 16.
  const key = nodeCipher.importKey(hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  const nonce = hex("cafebabefacedbaddecaf888");
  const plain = hex(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0d" +
      "e657ba637b39",
  );
  const associated = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const output = new Uint8Array(plain.length + 16 + 2);
  nodeCipher.seal(key, nonce, associated, plain, 0, plain.length, output, 1);
  assert.deepEqual(
    output.subarray(1, 1 + plain.length),
    hex(
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393" +
        "ba7a0abcc9f662",
    ),
  );
  assert.deepEqual(output.subarray(1 + plain.length, 17 + plain.length), hex("76fc6ece0f4e1768cddf8853bb2d551b"));
  const opened = new Uint8Array(plain.length);
  assert.equal(nodeCipher.open(key, nonce, associated, output, 1, plain.length, opened, 0), true);
  assert.deepEqual(opened, plain);
  for (const at of [1, 30, 1 + plain.length, 16 + plain.length]) {
    output[at]! ^= 1;
    assert.equal(nodeCipher.open(key, nonce, associated, output, 1, plain.length, opened, 0), false);
    output[at]! ^= 1;
  }
  assert.equal(nodeCipher.open(key, nonce, new Uint8Array(20), output, 1, plain.length, opened, 0), false);
});

test("scrypt gives the answers of RFC 7914", () => {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  // Argon2's own tests (github.com/P-H-C/phc-winner-argon2, src/test.c).
  assert.deepEqual(
    nodeCipher
      .derive(text("password"), text("somesalt"), { kind: "argon2id", memoryKiB: 65536, passes: 2, lanes: 1 })
      .subarray(0, 32),
    hex("09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"),
  );
  assert.deepEqual(
    nodeCipher.derive(text("pleaseletmein"), text("SodiumChloride"), { kind: "scrypt", logN: 14, r: 8, p: 1 }),
    hex("7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"),
  );
});
