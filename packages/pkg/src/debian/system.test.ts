/** A system's sources. Goal: each is trusted for the keys that it names, and no others. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { makeSigner, publish } from "../testing/test-archive.ts";
import { testPorts } from "../testing/test-ports.ts";
import { loadSystemIndex, readSystem } from "./system.ts";

const CREATED = 1_800_000_000 - 10_000_000;
const archive = await makeSigner(CREATED),
  vendor = await makeSigner(CREATED);
const TRUSTED = "etc/apt/trusted.gpg.d";
const KEYRING = "usr/share/keyrings/vendor.gpg";

/**
 * What a source offers that is signed by `signer`, where the caller trusts the archive's key, and the system has the
 * vendor's.
 */
async function offered(
  source: string,
  signer: typeof archive,
  trusted: Record<string, Uint8Array> = {},
  ports = testPorts(),
): Promise<string | undefined> {
  // What is signed once more is another file.
  if (ports.web.size === 0)
    await publish(ports, [{ control: { Package: "hello", Version: "1", Architecture: "riscv64" } }], signer);
  const contents: Record<string, Uint8Array> = {
    "etc/apt/sources.list": Buffer.from(source),
    [KEYRING]: vendor.publicKey,
    ...Object.fromEntries(Object.entries(trusted).map(([name, bytes]) => [`${TRUSTED}/${name}`, bytes])),
  };
  const files = {
    read: (path: string): Uint8Array | undefined => contents[path],
    list: (path: string): string[] => (path === TRUSTED ? Object.keys(trusted).sort() : []),
  };
  const index = await loadSystemIndex(
    ports,
    files,
    readSystem(files, "riscv64", ports.latin1),
    { lists: "fresh", keyrings: [archive.publicKey] },
    () => {},
  );
  return index.candidate("hello")?.version;
}

test("a release that no source is of is refused, be it apt.conf's or asked for", async () => {
  const ports = testPorts();
  await publish(ports, [{ control: { Package: "hello", Version: "1", Architecture: "riscv64" } }], archive);
  const offers = async (configuration: string, target?: string): Promise<string | undefined> => {
    const texts: Record<string, string> = {
      "etc/apt/sources.list": "deb http://mirror/debian trixie main\n",
      "etc/apt/apt.conf": configuration,
    };
    const files = {
      read: (path: string): Uint8Array | undefined =>
        texts[path] === undefined ? undefined : Buffer.from(texts[path]),
      list: (): string[] => [],
    };
    const system = readSystem(files, "riscv64", ports.latin1);
    const index = await loadSystemIndex(
      ports,
      files,
      system,
      { lists: "fresh", keyrings: [archive.publicKey], targetRelease: target },
      () => {},
    );
    return index.candidate("hello")?.version;
  };
  assert.equal(await offers("", "trixie"), "1");
  assert.equal(await offers('APT::Default-Release "/^trix/";\n'), "1");
  await assert.rejects(offers("", "sid"), /--target: no source is of the release sid, only of trixie/);
  await assert.rejects(
    offers('APT::Default-Release "sid";\n'),
    /APT::Default-Release: no source is of the release sid/,
  );
  assert.equal(await offers('APT::Default-Release "sid";\n', "n=trixie"), "1");
});

test("a source that names a keyring is trusted for its keys alone", async () => {
  const plain = "deb http://mirror/debian trixie main\n",
    named = `deb [signed-by=/${KEYRING}] http://mirror/debian trixie main\n`;
  assert.equal(await offered(named, vendor), "1");
  await assert.rejects(offered(named, archive), /no good signature by a trusted key/);
  assert.equal(await offered(plain, archive), "1");
  await assert.rejects(offered(plain, vendor), /no good signature by a trusted key/);
  assert.equal(
    await offered(
      "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror/debian trixie main\n",
      archive,
    ),
    "1",
    "the archive's keys are known also where their package is not",
  );
});

test("a fingerprint lets that key alone sign, out of those that the source or the system trusts", async () => {
  const own = await makeSigner(CREATED, { withSubkey: true });
  const trusted = { "own.gpg": own.publicKey, "vendor.gpg": vendor.publicKey };
  const by = (words: string): string => `deb [signed-by=${words}] http://mirror/debian trixie main\n`;
  assert.equal(
    await offered("deb http://mirror/debian trixie main\n", own, trusted),
    "1",
    "without one, each that the system trusts",
  );
  for (const words of [
    own.fingerprint,
    own.fingerprint.toUpperCase(),
    own.subkey!,
    `${own.subkey}!`,
    `${vendor.fingerprint},${own.fingerprint}`,
  ])
    assert.equal(await offered(by(words), own, trusted), "1", words);
  await assert.rejects(offered(by(vendor.fingerprint), own, trusted), (error: Error) =>
    error.message.includes(
      `${own.fingerprint.toUpperCase()} is trusted, but this source is to be signed by ` +
        `${vendor.fingerprint.toUpperCase()}`,
    ),
  );
  await assert.rejects(
    offered(by(`${own.fingerprint}!`), own, trusted),
    /is trusted, but this source is to be signed by/,
    "that very key, and none of its subkeys",
  );
  await assert.rejects(
    offered(by(own.fingerprint), own),
    /no good signature by a trusted key/,
    "a fingerprint makes nobody trusted",
  );
  await assert.rejects(
    offered(by(own.fingerprint), archive, trusted),
    /is trusted, but/,
    "nor do the archive's keys count beside it",
  );
  // Of a file that holds more than one.
  const both = { "both.gpg": Buffer.concat([own.publicKey, vendor.publicKey]) };
  const file = `/${TRUSTED}/both.gpg`;
  assert.equal(await offered(by(`${file},${own.fingerprint}`), own, both), "1");
  await assert.rejects(offered(by(`${file},${vendor.fingerprint}`), own, both), /is trusted, but/);
  assert.equal(await offered(`${by(file)}`, own, both), "1");
  await assert.rejects(
    offered(by("own.gpg"), own, both),
    /Signed-By is to name keyrings by their absolute paths, or keys by their fingerprints/,
  );
});

test("a list that was verified for all keys is verified again when a source names one", async () => {
  const ports = testPorts();
  const trusted = { "archive.gpg": archive.publicKey, "vendor.gpg": vendor.publicKey };
  assert.equal(await offered("deb http://mirror/debian trixie main\n", archive, trusted, ports), "1");
  await assert.rejects(
    offered(`deb [signed-by=${vendor.fingerprint}] http://mirror/debian trixie main\n`, archive, trusted, ports),
    /is trusted, but/,
  );
});
