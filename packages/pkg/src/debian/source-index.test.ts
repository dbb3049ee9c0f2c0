/**
 * Source packages of a suite. Goal: the list hangs on the signed release; the newest version comes first; names and
 * places that would lead elsewhere are refused.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeSigner, publish } from "../testing/test-archive.ts";
import { testPorts, type TestPorts } from "../testing/test-ports.ts";
import { loadSources, SourceIndex, wantedSourceFiles } from "./source-index.ts";
import { parseSource, sourceFiles, SourceError } from "./source-package.ts";

const signer = await makeSigner(1_799_900_000);
const stanza = (name: string, version: string, fields = ""): string =>
  `Package: ${name}\nBinary: ${name}\nVersion: ${version}\nArchitecture: linux-any all\nDirectory: pool/x\n` +
  `Checksums-Sha256:\n ${"a".repeat(64)} 10 ${name}_1.dsc\n${fields}\n`;

async function load(
  sources: string | undefined,
  change: (ports: TestPorts) => void = () => {},
  mayHaveNone = false,
): Promise<SourceIndex> {
  const ports = testPorts(),
    index = new SourceIndex();
  await publish(ports, [], signer, { ...(sources === undefined ? {} : { sources }), byHash: false });
  change(ports);
  await loadSources(
    ports,
    {
      uri: "http://mirror/debian/",
      suite: "trixie",
      components: ["main"],
      architecture: "riscv64",
      keyrings: [signer.publicKey],
      mayHaveNone,
    },
    index,
    () => {},
  );
  return index;
}

test("the newest version comes first, and what is only kept for its binaries last", async () => {
  const index = await load(
    stanza("x", "1") + stanza("y", "5") + stanza("x", "1:0.5") + stanza("x", "2:9", "Extra-Source-Only: yes\n"),
  );
  assert.deepEqual(
    index.versions("x").map(({ version }) => version),
    ["1:0.5", "1", "2:9"],
  );
  assert.deepEqual(index.versions("z"), []);
  const [file] = wantedSourceFiles(index.versions("y")[0]!);
  assert.deepEqual([file!.name, file!.urls, file!.sizeBytes], ["y_1.dsc", ["http://mirror/debian/pool/x/y_1.dsc"], 10]);
});

test("a list that the release does not vouch for is refused", async () => {
  await assert.rejects(
    load(stanza("x", "1"), ({ web }) => {
      web.set("http://mirror/debian/dists/trixie/main/source/Sources.gz", Buffer.from("other"));
    }),
  );
});

test("a repository of binary packages alone has no sources, where it may", async () => {
  assert.deepEqual((await load(undefined, () => {}, true)).versions("x"), []);
  await assert.rejects(load(undefined), /lists no main\/source\/Sources/);
});

test("a folder outside of the repository is refused", async () => {
  const index = await load(stanza("x", "1").replace("pool/x", "pool/../../x"));
  assert.throws(() => index.versions("x"), SourceError);
});

test("a .dsc is read without its signature, and without what stands around it", () => {
  const dsc =
    "Source: other\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nSource: xx\nVersion: 1-2\n" +
    `Checksums-Sha256:\n ${"b".repeat(64)} 3 x_1.tar.gz\n-----BEGIN PGP SIGNATURE-----\n\nabc\n` +
    "-----END PGP SIGNATURE-----\n";
  const read = parseSource(dsc.slice(dsc.indexOf("-----")), "x.dsc");
  assert.deepEqual(
    [read.get("Source"), sourceFiles(read, "x.dsc")],
    ["xx", [{ name: "x_1.tar.gz", sizeBytes: 3, sha256: "b".repeat(64) }]],
  );
  assert.throws(() => parseSource("Version: 1\n", "x.dsc"), /names no source package/);
  for (const name of ["../x", "a/b", ".hidden", "-option"])
    assert.throws(
      () => sourceFiles(parseSource(dsc.slice(dsc.indexOf("-----")).replace("x_1.tar.gz", name), "x.dsc"), "x.dsc"),
      SourceError,
      name,
    );
});
