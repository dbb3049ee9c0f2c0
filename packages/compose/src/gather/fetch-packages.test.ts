/** Goal: how far downloads are only grows, however many go on at once. Method: a web of pieces that come by turns. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256, testPorts } from "@stratos/pkg/testing";
import { fetchPackages } from "./resolve-image.ts";
import type { LockedPackage } from "./lock.ts";

test("bytes of downloads that go on at once are counted together", async () => {
  const packages = testPorts();
  const contents = [3000, 2000, 1000].map((size, index) => new Uint8Array(size).fill(index));
  packages.fetcher = {
    open: async (url) => ({
      offset: 0,
      sizeBytes: packages.web.get(url)!.length,
      body: (async function* () {
        for (let at = 0; at < packages.web.get(url)!.length; at += 500)
          yield packages.web.get(url)!.subarray(at, at + 500);
      })(),
    }),
  };
  const locked = contents.map((bytes, index): LockedPackage => {
    const url = `http://archive.test/pool/p${index}.deb`;
    packages.web.set(url, bytes);
    return { name: `p${index}`, version: "1", url, sizeBytes: bytes.length, sha256: sha256(bytes) } as LockedPackage;
  });
  const ports = { packages, readSource: async () => undefined };
  const image = { packages: locked, build: [], mirror: "http://archive.test" };
  for (const kept of [false, true]) {
    const told: number[] = [];
    const onProgress: Parameters<typeof fetchPackages>[3]["onProgress"] = (progress) => {
      if (progress.phase === "download") told.push(progress.doneBytes);
    };
    await fetchPackages(ports, image, image.mirror, { onProgress, signal: new AbortController().signal });
    assert.deepEqual(
      told,
      [...told].sort((a, b) => a - b),
      `kept: ${kept}`,
    );
    assert.equal(told.at(-1), 6000);
  }
});
