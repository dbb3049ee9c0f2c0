/** A system's sources. Goal: each is trusted for the keys that it names, and no others. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { makeSigner, publish } from "../testing/test-archive.ts";
import { testPorts } from "../testing/test-ports.ts";
import { loadSystemIndex, readSystem } from "./system.ts";

const CREATED = 1_800_000_000 - 10_000_000;
const archive = await makeSigner(CREATED), vendor = await makeSigner(CREATED);
const KEYRING = "usr/share/keyrings/vendor.gpg";

/** What a source offers that is signed by `signer`, where the caller trusts the archive's key, and the system has the vendor's. */
async function offered(source: string, signer: typeof archive): Promise<string | undefined> {
  const ports = testPorts();
  await publish(ports, [{ control: { Package: "hello", Version: "1", Architecture: "riscv64" } }], signer);
  const contents: Record<string, Uint8Array> = { "etc/apt/sources.list": Buffer.from(source), [KEYRING]: vendor.publicKey };
  const files = { read: (path: string): Uint8Array | undefined => contents[path], list: (): string[] => [] };
  const index = await loadSystemIndex(ports, files, readSystem(files, "riscv64", ports.latin1), { lists: "fresh", keyrings: [archive.publicKey] }, () => {});
  return index.candidate("hello")?.version;
}

test("a source that names a keyring is trusted for its keys alone", async () => {
  const plain = "deb http://mirror/debian trixie main\n", named = `deb [signed-by=/${KEYRING}] http://mirror/debian trixie main\n`;
  assert.equal(await offered(named, vendor), "1");
  await assert.rejects(offered(named, archive), /no good signature by a trusted key/);
  assert.equal(await offered(plain, archive), "1");
  await assert.rejects(offered(plain, vendor), /no good signature by a trusted key/);
  assert.equal(await offered("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror/debian trixie main\n", archive), "1", "the archive's keys are known also where their package is not");
});
