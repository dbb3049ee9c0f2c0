/**
 * Tables. Goal: what is read back answers as what was made; damage, another format and a changed text are seen; a kept
 * table saves the download and the parsing, and gives way to the next list's.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { makeSigner, publish, type TestPackage } from "../../testing/test-archive.ts";
import { testPorts, type TestPorts } from "../../testing/test-ports.ts";
import { ControlError } from "../control.ts";
import { PackageIndex } from "../package-index.ts";
import { loadRepository } from "../repository.ts";
import { buildPackageTable, PackageTable, PackageTableError, tableHeader } from "./package-table.ts";

const TEXT = [
  "Package: a\nVersion: 1\nArchitecture: riscv64\nEssential: yes\nPriority: required\n",
  "Package: a\nVersion: 2\nArchitecture: all\nProvides: v (= 3), w\n",
  "Package: b\nVersion: 1\nArchitecture: amd64\nPriority: required\nProvides: v\n",
].join("\n");

function named(table: PackageTable, name: string): string[] {
  const found: string[] = [];
  table.eachNamed(name, (id) => found.push(`${table.nameAt(id)} ${table.versionAt(id)} ${table.architectureAt(id)}`));
  return found;
}

test("a table that is read back answers as the one that was made", () => {
  const made = buildPackageTable(TEXT, "test");
  for (const table of [made, new PackageTable(new Uint8Array(made.bytes), TEXT)]) {
    assert.equal(table.count, 3);
    assert.deepEqual(named(table, "a"), ["a 1 riscv64", "a 2 all"]);
    assert.deepEqual(named(table, "nothing"), []);
    const providers: string[] = [],
      flags: string[] = [];
    table.eachProviding("v", (id) => providers.push(table.text.slice(table.startAt(id), table.endAt(id)).slice(0, 10)));
    table.eachFlagged((id, { isEssential, isRequired }) =>
      flags.push(`${table.nameAt(id)} ${isEssential} ${isRequired}`),
    );
    assert.deepEqual(providers, ["Package: a", "Package: b"]);
    assert.deepEqual(flags, ["a true true", "b false true"]);
  }
  assert.equal(tableHeader(made.bytes).textBytes, TEXT.length);
});

test("a package's turn is where its name is first mentioned, in the order in which apt reads fields", () => {
  const text = [
    "Package: a\nVersion: 1\nArchitecture: all\nProvides: v\nDepends: d (>= 1) | c:any, e [amd64]\n" +
      "Pre-Depends: f\nDescription: b\n",
    ...["b", "c", "d", "e", "f"].map((name) => `Package: ${name}\nVersion: 1\nArchitecture: all\n`),
  ].join("\n");
  const table = buildPackageTable(text, "test");
  assert.deepEqual(
    ["a", "f", "d", "e", "v", "b", "c"].map((name) => table.turnOf(name)),
    [0, 1, 2, 3, 4, 5, 6],
    "also of what is only provided",
  );
  assert.equal(table.turnOf("c:any"), -1);
  const read = new PackageTable(table.bytes, text);
  assert.deepEqual([read.turnOf("v"), read.turnOf("c"), read.turnOf("w")], [4, 6, -1]);
});

test("more names than slots to begin with are all found", () => {
  const names = Array.from({ length: 5000 }, (_, index) => `p${index}`);
  const table = buildPackageTable(
    names.map((name) => `Package: ${name}\nVersion: 1\nArchitecture: all\n`).join("\n"),
    "test",
  );
  for (const name of names) assert.deepEqual(named(table, name), [`${name} 1 all`]);
});

test("each changed byte of a table is seen, and so is another format", () => {
  const { bytes } = buildPackageTable(TEXT, "test");
  for (let at = 0; at < bytes.length; at++) {
    if (at >= 24 && at < 28) continue; // the length of the text, which is compared with the file's
    if (at >= 40 && at < 64) continue; // not used
    const changed = new Uint8Array(bytes);
    changed[at] = changed[at]! ^ 0x21;
    assert.throws(() => new PackageTable(changed, TEXT), PackageTableError, `byte ${at}`);
  }
  assert.throws(() => new PackageTable(bytes.slice(0, bytes.length - 4), TEXT), PackageTableError);
  assert.throws(() => new PackageTable(new Uint8Array(8), TEXT), PackageTableError);
});

test("a text that is no longer what the table describes is refused", () => {
  const { bytes } = buildPackageTable(TEXT, "test");
  const index = new PackageIndex();
  index.addTable(
    new PackageTable(bytes, TEXT.replace("Version: 1", "Version: 7")),
    { name: "test", baseUrl: "", priority: 500 },
    ["riscv64"],
  );
  assert.throws(() => index.versions("a").find((one) => one.version === "1")!.stanza, ControlError);
});

const NOW = 1_800_000_000;
const signer = await makeSigner(NOW - 100_000);

async function load(ports: TestPorts, lists: "fresh" | "kept" = "fresh"): Promise<PackageIndex> {
  const index = new PackageIndex();
  await loadRepository(
    ports,
    {
      uri: "http://mirror/debian",
      suite: "trixie",
      components: ["main"],
      architecture: "riscv64",
      keyrings: [signer.publicKey],
      lists,
    },
    index,
    () => {},
  );
  return index;
}

const hello = (version: string): TestPackage => ({
  control: { Package: "hello", Version: version, Architecture: "riscv64", Description: "says hello" },
});

test(
  "a kept table serves without the net, is made anew when it is damaged, " + "and goes when the list changes",
  async () => {
    const ports = testPorts();
    await publish(ports, [hello("1")], signer);
    await load(ports);
    const tables = (): string[] => [...ports.files.keys()].filter((path) => path.endsWith(".table"));
    const [first] = tables();
    ports.opened.length = 0;
    assert.equal((await load(ports, "kept")).candidate("hello")?.field("Description"), "says hello");
    assert.deepEqual(ports.opened, []);

    const damaged = new Uint8Array(ports.files.get(first!)!);
    damaged[70]! ^= 1;
    ports.files.set(first!, damaged);
    assert.equal((await load(ports, "kept")).candidate("hello")?.version, "1");
    assert.notDeepEqual(ports.files.get(first!), damaged);

    await publish(ports, [hello("2")], signer, { date: "Fri, 15 Jan 2027 07:30:00 UTC" });
    assert.equal((await load(ports, "kept")).candidate("hello")?.version, "1");
    assert.equal((await load(ports)).candidate("hello")?.version, "2");
    assert.equal(tables().length, 1);
    assert.ok(!tables().includes(first!));
  },
);

test("lists that have expired since are not used, however they are kept", async () => {
  const ports = testPorts();
  await publish(ports, [hello("1")], signer, { extra: "Valid-Until: Fri, 22 Jan 2027 07:00:00 UTC\n" });
  await load(ports);
  ports.now += 14 * 86_400;
  await assert.rejects(load(ports, "kept"), /valid until 2027-01-22/);
  const past = {
    uri: "http://mirror/debian",
    suite: "trixie",
    components: ["main"],
    architecture: "riscv64",
    keyrings: [signer.publicKey],
    isExpiredGood: true,
  };
  const index = new PackageIndex();
  await loadRepository(ports, past, index, () => {});
  assert.equal(index.candidate("hello")?.version, "1", "unless the source says that it is of the past");
});

test("a list that another key has verified is verified again for these", async () => {
  const ports = testPorts();
  await publish(ports, [hello("1")], signer);
  await load(ports);
  const stranger = await makeSigner(NOW - 100_000);
  const source = {
    uri: "http://mirror/debian",
    suite: "trixie",
    components: ["main"],
    architecture: "riscv64",
    keyrings: [stranger.publicKey],
    lists: "kept" as const,
  };
  await assert.rejects(
    loadRepository(ports, source, new PackageIndex(), () => {}),
    /no good signature by a trusted key/,
  );
});
