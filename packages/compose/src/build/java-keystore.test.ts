/**
 * Java's key stores. Goal: two that differ by the clock alone become the same, which Java still reads; all else stays
 * as it is.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withoutClock } from "./java-keystore.ts";

const sha1 = () => {
  const hash = createHash("sha1");
  return {
    update: (bytes: Uint8Array) => {
      hash.update(bytes);
    },
    hex: () => hash.digest("hex"),
  };
};

function storeOf(dates: readonly bigint[], { password = "changeit", tag = 2 } = {}): Uint8Array {
  const text = (value: string): Buffer => {
    const size = Buffer.alloc(2);
    size.writeUInt16BE(value.length);
    return Buffer.concat([size, Buffer.from(value)]);
  };
  const number = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const entries = dates.map((date, index) => {
    const at = Buffer.alloc(8);
    at.writeBigUInt64BE(date);
    return Buffer.concat([
      number(tag),
      text(`debian:ca${index}.pem`),
      at,
      text("X.509"),
      number(5),
      Buffer.from(`cert${index}`),
    ]);
  });
  const body = Buffer.concat([number(0xfeedfeed), number(2), number(dates.length), ...entries]);
  return Buffer.concat([
    body,
    createHash("sha1")
      .update(Buffer.from(password, "utf16le").swap16())
      .update("Mighty Aphrodite")
      .update(body)
      .digest(),
  ]);
}

test("stores that differ by the clock become the same", () => {
  const one = withoutClock(storeOf([1_700_000_000_123n, 5n]), 1000, sha1),
    other = withoutClock(storeOf([9n, 9n]), 1000, sha1);
  assert.deepEqual(one, other);
  assert.deepEqual(Buffer.from(one!), Buffer.from(storeOf([1_000_000n, 1_000_000n])));
});

test("what is no such store stays as it is", () => {
  const store = storeOf([1n]);
  for (const damaged of [
    store.subarray(0, 20),
    Buffer.from("no store, but long enough for one"),
    storeOf([1n], { password: "secret" }),
    storeOf([1n], { tag: 1 }),
    Buffer.concat([store, Buffer.of(0)]),
  ])
    assert.equal(withoutClock(damaged, 0, sha1), undefined);
  const short = Buffer.from(store.subarray(0, store.length - 22));
  assert.equal(
    withoutClock(
      Buffer.concat([
        short,
        createHash("sha1")
          .update(Buffer.from("changeit", "utf16le").swap16())
          .update("Mighty Aphrodite")
          .update(short)
          .digest(),
      ]),
      0,
      sha1,
    ),
    undefined,
  );
});

test(
  "Java reads the store, and its dates",
  {
    skip: spawnSync("keytool", ["-help"]).error === undefined ? false : "the host has no keytool",
  },
  () => {
    const folder = mkdtempSync(join(tmpdir(), "stratos-jks-"));
    try {
      const path = join(folder, "store"),
        keytool = (...words: string[]): string =>
          execFileSync("keytool", [...words, "-keystore", path, "-storepass", "changeit"], {
            encoding: "utf8",
            stdio: ["ignore", "pipe", "ignore"],
            env: { ...process.env, LC_ALL: "C", TZ: "UTC" },
          });
      execFileSync(
        "openssl",
        [
          "req",
          "-x509",
          "-newkey",
          "ed25519",
          "-nodes",
          "-subj",
          "/CN=test",
          "-keyout",
          join(folder, "key"),
          "-out",
          join(folder, "cert"),
        ],
        { stdio: "ignore" },
      );
      keytool("-importcert", "-noprompt", "-storetype", "JKS", "-alias", "test", "-file", join(folder, "cert"));
      writeFileSync(path, withoutClock(readFileSync(path), 86_400 * 365, sha1)!);
      assert.match(keytool("-list", "-v"), /Creation date: Jan 1, 1971[\s\S]*CN=test/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
