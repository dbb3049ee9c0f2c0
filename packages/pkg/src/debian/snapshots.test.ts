/**
 * Archives of the past. Goal: a source that names a time is the archive as it was then, signed as ever, from where the
 * user or the archive says; others stay.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { makeSigner, publish, type TestPackage } from "../testing/test-archive.ts";
import { testPorts, type TestPorts } from "../testing/test-ports.ts";
import { packageFile } from "./repository.ts";
import { snapshotUri } from "./sources.ts";
import { loadSystemIndex, readSystem, type SystemIndexOptions } from "./system.ts";

const signer = await makeSigner(1_800_000_000 - 10_000_000);
const THEN = "20260901T000000Z";
const hello = (version: string): TestPackage => ({
  control: { Package: "hello", Version: version, Architecture: "riscv64" },
});

/** The version of `hello` that a system with that source is offered, and from where. */
async function offered(ports: TestPorts, source: string, options: Partial<SystemIndexOptions> = {}): Promise<string> {
  const files = {
    read: (path: string): Uint8Array | undefined => (path === "etc/apt/sources.list" ? Buffer.from(source) : undefined),
    list: (): string[] => [],
  };
  const system = readSystem(files, "riscv64", ports.latin1);
  const index = await loadSystemIndex(
    ports,
    files,
    system,
    { lists: "fresh", keyrings: [signer.publicKey], ...options },
    () => {},
  );
  const one = index.candidate("hello")!;
  return `${one.version} ${packageFile(one).urls[0]}`;
}

async function web(extra = ""): Promise<TestPorts> {
  const ports = testPorts();
  await publish(ports, [hello("2")], signer, { extra });
  await publish(ports, [hello("1")], signer, {
    root: `http://past/archive/debian/${THEN}`,
    date: "Mon, 31 Aug 2026 20:00:00 UTC",
    extra: "Valid-Until: Mon, 07 Sep 2026 20:00:00 UTC\n",
  });
  return ports;
}

const NOW_IS = "2 http://mirror/debian/pool/hello_2.deb",
  THEN_WAS = `1 http://past/archive/debian/${THEN}/pool/hello_1.deb`;

test("a source is the archive of a time that it, or the command line, names", async () => {
  const snapshots = "http://past/archive";
  assert.equal(await offered(await web(), "deb http://mirror/debian trixie main\n", { snapshots }), NOW_IS);
  assert.equal(
    await offered(await web(), `deb [snapshot=${THEN}] http://mirror/debian trixie main\n`, { snapshots }),
    THEN_WAS,
  );
  assert.equal(
    await offered(await web(), "deb [snapshot=enable] http://mirror/debian trixie main\n", {
      snapshots,
      snapshot: THEN,
    }),
    THEN_WAS,
  );
  assert.equal(
    await offered(await web(), "deb [snapshot=no] http://mirror/debian trixie main\n", { snapshots, snapshot: THEN }),
    NOW_IS,
  );
});

test("where the past is found, the archive's own signed list says, unless the user does", async () => {
  const source = `deb [snapshot=${THEN}] http://mirror/debian trixie main\n`;
  assert.equal(await offered(await web("Snapshots: http://past/archive/debian/@SNAPSHOTID@/\n"), source), THEN_WAS);
  assert.equal(
    await offered(await web("Snapshots: http://nowhere/@SNAPSHOTID@/\n"), source, {
      snapshots: "http://past/archive/@ARCHIVE@/@SNAPSHOTID@",
    }),
    THEN_WAS,
  );
  await assert.rejects(
    offered(await web(), source),
    /http:\/\/mirror\/debian trixie: no snapshots of it are known.*STRATOS_SNAPSHOTS/,
  );
  assert.throws(
    () => snapshotUri("http://past", "http://mirror/debian", "yesterday"),
    /not the time of a snapshot: yesterday/,
  );
});

test(
  "what is no time is refused as that, also where no snapshots are known, " + "and before anything is fetched",
  async () => {
    for (const snapshot of ["2020", "20260101", "20261301T000000Z", "20250229T000000Z", "20260101T240000Z"]) {
      await assert.rejects(
        offered(testPorts(), "deb http://mirror/debian trixie main\n", { snapshot }),
        new RegExp(`not the time of a snapshot: ${snapshot} `),
      );
    }
    await assert.rejects(
      offered(await web(), "deb [snapshot=2020] http://mirror/debian trixie main\n"),
      /not the time of a snapshot: 2020 /,
    );
    await assert.rejects(
      offered(await web(), "deb http://mirror/debian trixie main\n", { snapshot: "20240229T000000Z" }),
      /no snapshots of it are known/,
    );
  },
);
