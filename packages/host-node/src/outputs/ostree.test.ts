/** OSTree repositories. Judge: ostree gives the same commit for the same tree, finds our repository whole, checks it out and pulls from it. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileEntry, fileTreeOf, MemoryBlob, OstreeRepository, archiveTree, type FileEntry, type FileTree } from "@stratos/formats";
import { nodeCodecs } from "../node-codecs.ts";
import { RepositoryFolder } from "./repository-folder.ts";

const codecs = nodeCodecs();
const place = mkdtempSync(join(tmpdir(), "stratos-ostree-"));
after(() => rmSync(place, { recursive: true, force: true }));
const ostree = (...args: string[]): string => execFileSync("ostree", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const file = (path: string, bytes: string | Uint8Array, fields: Partial<FileEntry> = {}): FileEntry => fileEntry(path, "file", { content: new MemoryBlob(typeof bytes === "string" ? Buffer.from(bytes) : bytes, ""), ...fields });
const folder = (path: string, fields: Partial<FileEntry> = {}): FileEntry => fileEntry(path, "directory", fields);

/** With `a` and `a-b`, whose order depends on who sorts; large names lists; content of several pieces. */
function tree(change = ""): FileTree {
  const big = Buffer.alloc(9 << 20, "some text that packs ");
  return fileTreeOf([
    folder(""), folder("usr"), folder("usr/a", { mode: 0o700, uid: 7, gid: 9 }), file("usr/a/x", "x"), folder("usr/a-b"), file("usr/a-b/y", `y${change}`), file("usr/a.c", "c"),
    folder("usr/bin"), file("usr/bin/su", "su", { mode: 0o4755 }), fileEntry("usr/bin/sudo", "hardLink", { target: "usr/bin/su" }), fileEntry("bin", "symlink", { target: "usr/bin" }),
    file("usr/big", big), file("usr/empty", ""), folder("many"), ...Array.from({ length: 500 }, (_, index) => file(`many/file number ${index}`, `content ${index}`)),
    file("usr/gr\xc3\xbc\xc3\x9fe", "utf-8"),
  ]);
}

const OPTIONS = { ref: "test/riscv64/one", subject: "A subject", body: "and a body", timestamp: 1_700_000_000 };

test("the same tree has the same commit as ostree gives it", () => {
  const tar = join(place, "tree.tar");
  const pieces: Buffer[] = [];
  for (const piece of archiveTree(tree())) pieces.push(Buffer.from(piece));
  writeFileSync(tar, Buffer.concat(pieces));
  const theirs = join(place, "theirs");
  ostree("init", `--repo=${theirs}`, "--mode=archive");
  const commit = (...more: string[]): string => ostree("commit", `--repo=${theirs}`, `--tree=tar=${tar}`, "-s", "A subject", "-m", "and a body", "--timestamp=2023-11-14 22:13:20 +0000", ...more).trim();
  const ours = new OstreeRepository(new RepositoryFolder(join(place, "ours")), codecs, "archive");
  const first = ours.commit(tree(), OPTIONS);
  assert.equal(first.checksum, commit("-b", "test/riscv64/one"));
  const second = ours.commit(tree(), { ...OPTIONS, metadata: { version: "13.1" } });
  assert.equal(second.checksum, commit("-b", "test/riscv64/one", "--add-metadata-string=version=13.1"));
  assert.deepEqual([second.objectsWritten, second.objectsKnown > 500], [1, true]);
  assert.equal(ours.commit(tree(), { ...OPTIONS, ref: "x", isUnbound: true, parent: null }).checksum, commit("--orphan", "--no-bindings", "--parent=none"));
});

test("ostree finds a repository of ours whole, checks it out, and pulls what changed", () => {
  const repo = join(place, "repo");
  const ours = new OstreeRepository(new RepositoryFolder(repo), codecs, "archive");
  ours.commit(tree(), OPTIONS);
  ours.commit(tree(" changed"), { ...OPTIONS, linux: "6.12.1", metadata: { version: "2" } });
  ours.writeSummary(1_700_000_001);
  ostree("fsck", `--repo=${repo}`);
  assert.match(ostree("log", `--repo=${repo}`, "test/riscv64/one"), /Version: 2[\s\S]*A subject[\s\S]*commit /);
  assert.match(ostree("show", `--repo=${repo}`, "--print-metadata-key=ostree.bootable", "test/riscv64/one"), /true/);
  const summary = ostree("summary", `--repo=${repo}`, "-v");
  assert.match(summary, /test\/riscv64\/one[\s\S]*Timestamp: 2023-11-14|test\/riscv64\/one[\s\S]*2023-11-14T22:13:20/);
  ostree("checkout", `--repo=${repo}`, "-U", "test/riscv64/one", join(place, "out"));
  assert.equal(readFileSync(join(place, "out/usr/a-b/y"), "utf8"), "y changed");
  assert.equal(readlinkSync(join(place, "out/bin")), "usr/bin");
  assert.equal(readFileSync(join(place, "out/usr/big")).length, 9 << 20);
  assert.equal(readdirSync(join(place, "out/many")).length, 500);
  const client = join(place, "client");
  ostree("init", `--repo=${client}`, "--mode=bare-user");
  ostree("pull-local", `--repo=${client}`, repo, "test/riscv64/one");
  ostree("fsck", `--repo=${client}`);
  assert.match(ostree("ls", `--repo=${client}`, "test/riscv64/one", "/usr/bin/su", "/usr/a"), /-04755 0 0 +2 \/usr\/bin\/su[\s\S]*d00700 7 9 +0 \/usr\/a/);
});

test("attributes are part of a file, and a changed object is found by ostree", () => {
  const repo = join(place, "attributes");
  const ours = new OstreeRepository(new RepositoryFolder(repo), codecs, "archive");
  ours.commit(fileTreeOf([folder("", { xattrs: new Map([["user.z", "1"], ["user.a", ""]]) }), file("ping", "ping", { xattrs: new Map([["security.capability", "\x01\0\0\x02"]]) })]), OPTIONS);
  ostree("fsck", `--repo=${repo}`);
  assert.match(ostree("ls", `--repo=${repo}`, "-X", OPTIONS.ref, "/ping"), /security\.capability|\(b'security/);
  const objects = execFileSync("find", [join(repo, "objects"), "-name", "*.filez"], { encoding: "utf8" }).trim().split("\n");
  const bytes = readFileSync(objects[0]!);
  bytes[bytes.length - 2]! ^= 1;
  writeFileSync(objects[0]!, bytes);
  assert.notEqual(spawnSync("ostree", ["fsck", `--repo=${repo}`]).status, 0);
});

test("a repository without owners is taken by ostree, too", () => {
  const repo = join(place, "user");
  const ours = new OstreeRepository(new RepositoryFolder(repo), codecs, "bare-user-only");
  const { checksum } = ours.commit(tree(), OPTIONS);
  ostree("fsck", `--repo=${repo}`);
  const theirs = join(place, "their-user"), root = join(place, "root");
  mkdirSync(root);
  ostree("checkout", `--repo=${repo}`, "-U", "-H", OPTIONS.ref, join(place, "user-out"));
  assert.equal(statSync(join(place, "user-out/usr/bin/su")).mode & 0o7777, 0o755);
  ostree("init", `--repo=${theirs}`, "--mode=bare-user-only");
  ostree("pull-local", `--repo=${theirs}`, repo, OPTIONS.ref);
  assert.equal(ostree("rev-parse", `--repo=${theirs}`, OPTIONS.ref).trim(), checksum);
  assert.throws(() => new OstreeRepository(new RepositoryFolder(repo), codecs, "archive"), /has mode bare-user-only, not archive/);
});

test("devices and impossible names are refused by name", () => {
  const ours = new OstreeRepository(new RepositoryFolder(join(place, "refusing")), codecs, "archive");
  assert.throws(() => ours.commit(fileTreeOf([folder(""), folder("dev"), fileEntry("dev/null", "character", { deviceMajor: 1, deviceMinor: 3 })]), OPTIONS), /dev\/null: OSTree holds files, links and folders only, no character/);
  for (const ref of ["", "/a", "a//b", "../x", "a b", ".hidden"]) assert.throws(() => ours.commit(tree(), { ...OPTIONS, ref }), /not a reference's name/);
  assert.equal(ours.resolve("test/riscv64/one"), null);
});
