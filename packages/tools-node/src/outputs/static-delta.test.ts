/**
 * Static deltas. Judge: ostree lists, shows, pulls and applies ours; we apply its own, with its binary patches and
 * rolling sums; both give the commit byte for byte.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import {
  deltaPath,
  fileEntry,
  fileTreeOf,
  FormatError,
  listDeltas,
  MemoryBlob,
  OstreeReader,
  OstreeRepository,
  parseDelta,
  parseDeltaName,
  type FileEntry,
  type FileTree,
  type OstreeMode,
  type RepositoryStore,
} from "@stratos/formats";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { applyDelta, readDelta, writeDelta } from "./delta-folder.ts";
import { RepositoryFolder } from "./repository-folder.ts";

const codecs = nodeCodecs();
const place = mkdtempSync(join(tmpdir(), "stratos-delta-"));
after(() => rmSync(place, { recursive: true, force: true }));
const at = (name: string): string => join(place, name);
const ostree = (...args: string[]): string =>
  execFileSync("ostree", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const file = (path: string, bytes: string | Uint8Array, fields: Partial<FileEntry> = {}): FileEntry =>
  fileEntry(path, "file", {
    content: new MemoryBlob(typeof bytes === "string" ? Buffer.from(bytes) : bytes, ""),
    ...fields,
  });
const folder = (path: string, fields: Partial<FileEntry> = {}): FileEntry => fileEntry(path, "directory", fields);
const isRoot = process.getuid?.() === 0;
const OWNED: OstreeMode = isRoot ? "bare" : "bare-user-only";
const REF = "a/b";

/** Bytes without any order, always the same. */
function noise(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let index = 0, state = seed; index < size; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

const program = noise(600_000, 7),
  shifted = Buffer.concat([
    program.subarray(0, 1000),
    Buffer.from("inserted"),
    program.subarray(1000, 300_000),
    program.subarray(301_000),
    noise(5000, 8),
  ]);
/** Small changes everywhere, as of a program that was linked again: what binary patches are for. */
const linked = Buffer.from(program.subarray(0, 200_000)).map((byte, index) => (index % 50 === 0 ? byte + 1 : byte));
function tree(isNew: boolean): FileTree {
  const uid = isRoot ? 5 : 0;
  return fileTreeOf([
    folder(""),
    folder("usr"),
    folder("usr/d", isRoot ? { mode: 0o700, gid: 9 } : {}),
    file("usr/same", "same"),
    file("usr/program", isNew ? shifted : program, { mode: 0o755 }),
    file("usr/linked", isNew ? linked : program.subarray(0, 200_000)),
    file("usr/text", isNew ? "new text" : "old text"),
    fileEntry("usr/link", "symlink", { target: isNew ? "program" : "text" }),
    ...(isNew
      ? [folder("new"), file("new/empty", ""), file("new/owned", "owned", isRoot ? { uid, gid: 6, mode: 0o4711 } : {})]
      : [file("gone", "gone")]),
    ...Array.from({ length: 90 }, (_, index) =>
      file(`usr/d/${index}`, `file ${index} ${isNew && index % 3 === 0 ? "changed" : ""}`),
    ),
  ]);
}

/** A repository that is thrown away. */
class MemoryStore implements RepositoryStore {
  readonly #files: Map<string, Uint8Array>;

  constructor(files: ReadonlyMap<string, Uint8Array>) {
    this.#files = new Map(files);
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }
  read(path: string): Uint8Array | undefined {
    return this.#files.get(path);
  }
  inspect(): undefined {
    return undefined;
  }
  write(path: string, pieces: Iterable<Uint8Array>): void {
    this.#files.set(path, Buffer.concat(Array.from(pieces, (piece) => Buffer.from(piece))));
  }
  symlink(): void {}
  flush(): void {}
  makeDirectory(): void {}
  remove(path: string): void {
    this.#files.delete(path);
  }
  list(path: string): string[] {
    return [...this.#files.keys()]
      .filter((name) => name.startsWith(`${path}/`))
      .map((name) => name.slice(path.length + 1));
  }
}

let first = "",
  second = "";
before(() => {
  const ours = new OstreeRepository(new RepositoryFolder(at("repo")), codecs, "archive");
  first = ours.commit(tree(false), { ref: REF, subject: "first", timestamp: 1_700_000_000 }).checksum;
  second = ours.commit(tree(true), {
    ref: REF,
    subject: "second",
    timestamp: 1_700_000_001,
    metadata: { version: "2" },
  }).checksum;
});

/** A repository with the first commit alone. */
function receiver(name: string, mode: OstreeMode): string {
  ostree("init", `--repo=${at(name)}`, `--mode=${mode}`);
  ostree("pull-local", "--disable-fsync", `--repo=${at(name)}`, at("repo"), first);
  return at(name);
}

function make(from: string | null, path?: string): ReturnType<typeof writeDelta> {
  const store = new RepositoryFolder(at("repo")),
    reader = new OstreeReader(store, codecs);
  const made = writeDelta(
    store,
    reader,
    { from: from === null ? null : reader.commit(from), to: reader.commit(second) },
    { time: 1_700_000_002, ...(path === undefined ? {} : { file: path }) },
    (name, bytes) => writeFileSync(name, bytes),
  );
  if (path === undefined) new OstreeRepository(store, codecs, "archive").writeSummary(1_700_000_003);
  return made;
}

test("ostree lists and shows a delta of ours, and pulls by it and nothing else", () => {
  const made = make(first);
  assert.equal(made.patchedFiles, 1, "the shifted program, and not the one that was linked again");
  assert.ok(
    made.parts.reduce((sum, { bytes }) => sum + bytes.length, 0) < 230_000,
    "of the program no more than is new",
  );
  assert.equal(ostree("static-delta", "list", `--repo=${at("repo")}`).trim(), `${first}-${second}`);
  assert.match(
    ostree("static-delta", "show", `--repo=${at("repo")}`, `${first}-${second}`),
    new RegExp(`From: ${first}\\nTo: ${second}\\n[\\s\\S]*PartMeta0: nobjects=\\d+`),
  );
  assert.match(
    ostree("summary", `--repo=${at("repo")}`, "-v"),
    new RegExp(`Static Deltas \\(ostree\\.static-deltas\\)[\\s\\S]*${first}-${second}`),
  );
  const client = receiver("client", OWNED);
  ostree("remote", "add", "--no-gpg-verify", `--repo=${client}`, "origin", `file://${at("repo")}`);
  ostree("refs", `--repo=${client}`, "--create", `origin:${REF}`, first);
  ostree("pull", `--repo=${client}`, "--require-static-deltas", "--disable-fsync", "origin", REF);
  assert.equal(ostree("rev-parse", `--repo=${client}`, `origin:${REF}`).trim(), second);
  ostree("fsck", `--repo=${client}`);
  assert.deepEqual(listDeltas(new RepositoryFolder(at("repo"))), [{ from: first, to: second }]);
  // The same once more is the same delta, and from nothing is a delta, too.
  assert.ok(Buffer.from(make(first).superblock).equals(Buffer.from(made.superblock)));
  make(null);
  assert.deepEqual(
    ostree("static-delta", "list", `--repo=${at("repo")}`)
      .trim()
      .split("\n")
      .sort(),
    [second, `${first}-${second}`].sort(),
  );
  const empty = at("empty");
  ostree("init", `--repo=${empty}`, `--mode=${OWNED}`);
  ostree("remote", "add", "--no-gpg-verify", `--repo=${empty}`, "origin", `file://${at("repo")}`);
  ostree("pull", `--repo=${empty}`, "--require-static-deltas", "--disable-fsync", "origin", REF);
  ostree("fsck", `--repo=${empty}`);
});

test("one file of ours is applied by ostree without a network", () => {
  make(first, at("one.delta"));
  const client = receiver("offline", OWNED);
  ostree("static-delta", "apply-offline", `--repo=${client}`, at("one.delta"));
  ostree("fsck", `--repo=${client}`, "--add-tombstones");
  assert.equal(ostree("cat", `--repo=${client}`, second, "/usr/text"), "new text");
  assert.equal(
    execFileSync("ostree", ["cat", `--repo=${client}`, second, "/usr/program"], { maxBuffer: 1 << 24 }).equals(shifted),
    true,
  );
});

extendedTest(
  "deltas of ostree and of ours are applied by us, in repositories of each kind that keeps what they hold",
  async () => {
    ostree(
      "static-delta",
      "generate",
      `--repo=${at("repo")}`,
      `--from=${first}`,
      `--to=${second}`,
      "--inline",
      "--min-fallback-size=0",
      `--filename=${at("theirs.delta")}`,
    );
    ostree(
      "static-delta",
      "generate",
      `--repo=${at("repo")}`,
      `--from=${first}`,
      `--to=${second}`,
      "--disable-bsdiff",
      "--min-fallback-size=0",
      "--inline",
      `--filename=${at("rollsum.delta")}`,
    );
    ostree(
      "static-delta",
      "generate",
      `--repo=${at("repo")}`,
      "--empty",
      `--to=${second}`,
      "--min-fallback-size=0",
      "--inline",
      `--filename=${at("all.delta")}`,
    );
    make(first, at("ours.delta"));
    const modes: readonly OstreeMode[] = isRoot ? ["archive", "bare"] : ["archive", "bare-user-only"];
    for (const mode of modes) {
      for (const name of ["theirs", "rollsum", "ours", "all"]) {
        const path = name === "all" ? at(`apply-${mode}-all`) : receiver(`apply-${mode}-${name}`, mode);
        if (name === "all") ostree("init", `--repo=${path}`, `--mode=${mode}`);
        const store = new RepositoryFolder(path),
          repository = new OstreeRepository(store, codecs, mode);
        const delta = await applyDelta(at(`${name}.delta`), new OstreeReader(store, codecs), repository);
        assert.equal(delta.to, second);
        repository.setRef(REF, second);
        ostree("fsck", `--repo=${path}`);
        assert.equal(ostree("log", `--repo=${path}`, REF).includes("second"), true);
        // It is all there, so that nothing is to be done again.
        await applyDelta(at(`${name}.delta`), new OstreeReader(store, codecs), repository);
      }
    }
    assert.ok(readDelta(at("theirs.delta")).delta.parts.every(({ inline }) => inline !== null));
  },
);

test("a delta that was changed, or has not what it takes, is refused and leaves no commit", async () => {
  const path = receiver("refusing", "archive"),
    folderStore = new RepositoryFolder(path),
    before_ = new Map(
      folderStore
        .list("")
        .filter((name) => !name.startsWith("tmp"))
        .map((name) => [name, folderStore.read(name)!]),
    );
  const apply = (name: string, store: RepositoryStore): Promise<unknown> =>
    applyDelta(name, new OstreeReader(store, codecs), new OstreeRepository(store, codecs, "archive"));
  make(first, at("good.delta"));
  const good = readFileSync(at("good.delta"));
  // Bytes all over the file: whatever they belong to, what comes out is the commit or a refusal.
  let refused = 0;
  for (let index = 0; index < 120; index++) {
    const bad = Buffer.from(good);
    bad[Math.floor((index * good.length) / 120)]! ^= 1 << (index % 8);
    writeFileSync(at("bad.delta"), bad);
    const store = new MemoryStore(before_);
    try {
      await apply(at("bad.delta"), store);
      const reader = new OstreeReader(store, codecs);
      for (const { content } of reader.tree(reader.commit(second)).entries()) content?.read(0, new Uint8Array(16));
    } catch (error) {
      assert.ok(error instanceof FormatError, `byte ${index}: ${String(error)}`);
      assert.equal(store.has(`objects/${second.slice(0, 2)}/${second.slice(2)}.commit`), false);
      refused++;
    }
  }
  assert.ok(refused > 100, `${refused} were refused`);
  for (const cut of [0, 7, 100, good.length - 1]) {
    writeFileSync(at("bad.delta"), good.subarray(0, cut));
    await assert.rejects(apply(at("bad.delta"), new MemoryStore(before_)), FormatError);
  }
  mkdirSync(at("alone"));
  const made = make(first);
  writeFileSync(at("alone/superblock"), made.superblock);
  await assert.rejects(
    apply(at("alone/superblock"), new MemoryStore(before_)),
    /part 0 of superblock is not beside it/,
  );
  ostree("init", `--repo=${at("nothing")}`, "--mode=archive");
  const other = new RepositoryFolder(at("nothing"));
  await assert.rejects(
    applyDelta(at("good.delta"), new OstreeReader(other, codecs), new OstreeRepository(other, codecs, "archive")),
    new RegExp(`the delta is from ${first}, which is not here`),
  );
  await apply(at("good.delta"), folderStore);
  ostree("fsck", `--repo=${path}`);
  assert.throws(() => parseDeltaName("x"), /not a delta's name/);
  assert.equal(parseDelta(good, codecs).to, second);
  assert.equal(deltaPath(null, "00".repeat(32), "superblock"), `deltas/AA/${"A".repeat(41)}/superblock`);
  assert.notEqual(spawnSync("ostree", ["static-delta", "apply-offline", `--repo=${path}`, at("bad.delta")]).status, 0);
});
