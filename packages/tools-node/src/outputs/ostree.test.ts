/**
 * OSTree repositories. Judge: ostree gives the same commit for the same tree, finds our repository whole, checks it out
 * and pulls from it.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { execFileSync, spawnSync } from "node:child_process";
import { generateKeyPairSync, sign, verify } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import {
  checkFileTree,
  digestOf,
  fileEntry,
  fileTreeOf,
  FormatError,
  MemoryBlob,
  OstreeReader,
  OstreeRepository,
  archiveTree,
  type FileEntry,
  type FileTree,
  type OstreeSignature,
} from "@stratos/formats";
import { bootcLayout, deployedTree } from "@stratos/outputs";
import { createSigningKey, signDetached } from "@stratos/pkg";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { RepositoryFolder } from "./repository-folder.ts";

const codecs = nodeCodecs();
const place = mkdtempSync(join(tmpdir(), "stratos-ostree-"));
after(() => rmSync(place, { recursive: true, force: true }));
const ostree = (...args: string[]): string =>
  execFileSync("ostree", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const file = (path: string, bytes: string | Uint8Array, fields: Partial<FileEntry> = {}): FileEntry =>
  fileEntry(path, "file", {
    content: new MemoryBlob(typeof bytes === "string" ? Buffer.from(bytes) : bytes, ""),
    ...fields,
  });
const folder = (path: string, fields: Partial<FileEntry> = {}): FileEntry => fileEntry(path, "directory", fields);

/** With `a` and `a-b`, whose order depends on who sorts; large names lists; content of several pieces. */
function tree(change = ""): FileTree {
  const big = Buffer.alloc(9 << 20, "some text that packs ");
  return fileTreeOf([
    folder(""),
    folder("usr"),
    folder("usr/a", { mode: 0o700, uid: 7, gid: 9 }),
    file("usr/a/x", "x"),
    folder("usr/a-b"),
    file("usr/a-b/y", `y${change}`),
    file("usr/a.c", "c"),
    folder("usr/bin"),
    file("usr/bin/su", "su", { mode: 0o4755 }),
    fileEntry("usr/bin/sudo", "hardLink", { target: "usr/bin/su" }),
    fileEntry("bin", "symlink", { target: "usr/bin" }),
    file("usr/big", big),
    file("usr/empty", ""),
    folder("many"),
    ...Array.from({ length: 500 }, (_, index) => file(`many/file number ${index}`, `content ${index}`)),
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
  const commit = (...more: string[]): string =>
    ostree(
      "commit",
      `--repo=${theirs}`,
      `--tree=tar=${tar}`,
      "-s",
      "A subject",
      "-m",
      "and a body",
      "--timestamp=2023-11-14 22:13:20 +0000",
      ...more,
    ).trim();
  const ours = new OstreeRepository(new RepositoryFolder(join(place, "ours")), codecs, "archive");
  const first = ours.commit(tree(), OPTIONS);
  assert.equal(first.checksum, commit("-b", "test/riscv64/one"));
  const second = ours.commit(tree(), { ...OPTIONS, metadata: { version: "13.1" } });
  assert.equal(second.checksum, commit("-b", "test/riscv64/one", "--add-metadata-string=version=13.1"));
  assert.deepEqual([second.objectsWritten, second.objectsKnown > 500], [1, true]);
  assert.equal(
    ours.commit(tree(), { ...OPTIONS, ref: "x", isUnbound: true, parent: null }).checksum,
    commit("--orphan", "--no-bindings", "--parent=none"),
  );
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
  assert.match(
    ostree("ls", `--repo=${client}`, "test/riscv64/one", "/usr/bin/su", "/usr/a"),
    /-04755 0 0 +2 \/usr\/bin\/su[\s\S]*d00700 7 9 +0 \/usr\/a/,
  );
});

test("attributes are part of a file, and a changed object is found by ostree", () => {
  const repo = join(place, "attributes");
  const ours = new OstreeRepository(new RepositoryFolder(repo), codecs, "archive");
  ours.commit(
    fileTreeOf([
      folder("", {
        xattrs: new Map([
          ["user.z", "1"],
          ["user.a", ""],
        ]),
      }),
      file("ping", "ping", { xattrs: new Map([["security.capability", "\x01\0\0\x02"]]) }),
    ]),
    OPTIONS,
  );
  ostree("fsck", `--repo=${repo}`);
  assert.match(ostree("ls", `--repo=${repo}`, "-X", OPTIONS.ref, "/ping"), /security\.capability|\(b'security/);
  const objects = execFileSync("find", [join(repo, "objects"), "-name", "*.filez"], { encoding: "utf8" })
    .trim()
    .split("\n");
  const bytes = readFileSync(objects[0]!);
  bytes[bytes.length - 2]! ^= 1;
  writeFileSync(objects[0]!, bytes);
  assert.notEqual(spawnSync("ostree", ["fsck", `--repo=${repo}`]).status, 0);
});

extendedTest("a repository without owners is taken by ostree, too", () => {
  const repo = join(place, "user");
  const ours = new OstreeRepository(new RepositoryFolder(repo), codecs, "bare-user-only");
  const { checksum } = ours.commit(tree(), OPTIONS);
  ostree("fsck", `--repo=${repo}`);
  const theirs = join(place, "their-user"),
    root = join(place, "root");
  mkdirSync(root);
  ostree("checkout", `--repo=${repo}`, "-U", "-H", OPTIONS.ref, join(place, "user-out"));
  assert.equal(statSync(join(place, "user-out/usr/bin/su")).mode & 0o7777, 0o755);
  ostree("init", `--repo=${theirs}`, "--mode=bare-user-only");
  ostree("pull-local", `--repo=${theirs}`, repo, OPTIONS.ref);
  assert.equal(ostree("rev-parse", `--repo=${theirs}`, OPTIONS.ref).trim(), checksum);
  assert.throws(
    () => new OstreeRepository(new RepositoryFolder(repo), codecs, "archive"),
    /has mode bare-user-only, not archive/,
  );
});

test("devices and impossible names are refused by name", () => {
  const ours = new OstreeRepository(new RepositoryFolder(join(place, "refusing")), codecs, "archive");
  assert.throws(
    () =>
      ours.commit(
        fileTreeOf([folder(""), folder("dev"), fileEntry("dev/null", "character", { deviceMajor: 1, deviceMinor: 3 })]),
        OPTIONS,
      ),
    /dev\/null: OSTree holds files, links and folders only, no character/,
  );
  assert.throws(() => ours.commit(fileTreeOf([folder(""), file("\xff", "x")]), OPTIONS), /a name that is no UTF-8/);
  assert.throws(
    () => ours.commit(fileTreeOf([folder(""), fileEntry("l", "symlink", { target: "\xff" })]), OPTIONS),
    /l: leads to a name that is no UTF-8/,
  );
  for (const ref of ["", "/a", "a//b", "../x", "a b", ".hidden"])
    assert.throws(() => ours.commit(tree(), { ...OPTIONS, ref }), /not a reference's name/);
  assert.equal(ours.resolve("test/riscv64/one"), null);
});

/** Whether files here can have attributes of their owner's: a tmpfs of older kernels has none. */
function hasUserAttributes(): boolean {
  const probe = join(place, "probe");
  writeFileSync(probe, "");
  return spawnSync("setfattr", ["-n", "user.probe", "-v", "x", probe]).status === 0;
}

extendedTest("a repository of mode bare-user carries owners and attributes beside plain files", () => {
  const repo = join(place, "bare-user"),
    store = new RepositoryFolder(repo);
  const with_ = fileTreeOf([
    ...tree().entries(),
    file("ping", "ping", { uid: 3, gid: 4, mode: 0o6711, xattrs: new Map([["user.note", "text"]]) }),
    fileEntry("far", "symlink", { target: "some where", uid: 5 }),
  ]);
  const ours = new OstreeRepository(store, codecs, "bare-user");
  if (!hasUserAttributes()) {
    assert.throws(() => ours.commit(with_, OPTIONS), /extended attributes cannot be set here/);
    assert.equal(ours.resolve(OPTIONS.ref), null);
    return;
  }
  const { checksum } = ours.commit(with_, OPTIONS);
  ours.writeSummary(1_700_000_001);
  ostree("fsck", `--repo=${repo}`);
  const archive = new OstreeRepository(new RepositoryFolder(join(place, "bare-user-archive")), codecs, "archive");
  assert.equal(
    archive.commit(with_, OPTIONS).checksum,
    checksum,
    "the same files have the same commit in each mode with owners",
  );
  assert.match(
    ostree("ls", `--repo=${repo}`, "-X", OPTIONS.ref, "/ping", "/far"),
    /-06711 3 4 +4 .*user\.note.* \/ping\nl00777 5 0 +0 .*\/far -> /s,
  );
  ostree("checkout", `--repo=${repo}`, "-U", OPTIONS.ref, join(place, "bare-user-out"));
  assert.equal(readlinkSync(join(place, "bare-user-out/far")), "some where");
  assert.equal(ours.commit(with_, { ...OPTIONS, ref: "again" }).objectsWritten, 1);
});

test("a repository of mode bare has files as they are checked out", () => {
  const repo = join(place, "bare"),
    ours = new OstreeRepository(new RepositoryFolder(repo), codecs, "bare");
  if (process.getuid?.() !== 0)
    return assert.throws(() => ours.commit(tree(), OPTIONS), /mode bare gives files their owners, which takes root/);
  const xattrs = hasUserAttributes() ? new Map([["user.note", "text"]]) : new Map<string, string>();
  const owned = fileTreeOf([
    ...tree().entries(),
    file("own", "own", { uid: 3, gid: 4, mode: 0o6711, xattrs }),
    fileEntry("far", "symlink", { target: "away", uid: 5, gid: 6 }),
  ]);
  const { checksum } = ours.commit(owned, OPTIONS);
  ostree("fsck", `--repo=${repo}`);
  const out = join(place, "bare-out");
  ostree("checkout", `--repo=${repo}`, "-H", OPTIONS.ref, out);
  const stat = statSync(join(out, "own"));
  assert.deepEqual(
    [stat.mode & 0o7777, stat.uid, stat.gid, stat.nlink, lstatSync(join(out, "far")).uid],
    [0o6711, 3, 4, 2, 5],
  );
  assert.equal(
    new OstreeRepository(new RepositoryFolder(join(place, "bare-archive")), codecs, "archive").commit(owned, OPTIONS)
      .checksum,
    checksum,
  );
});

test("ostree takes a signed commit and refuses one whose signature is another's", async () => {
  const repo = join(place, "signed"),
    client = join(place, "signed-client"),
    key = await createSigningKey("Test <test@example.org>", Math.floor(Date.now() / 1000) - 60);
  const ours = new OstreeRepository(new RepositoryFolder(repo), codecs, "archive");
  const { checksum } = ours.commit(tree(), OPTIONS),
    now = Math.floor(Date.now() / 1000);
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const signed = async (bytes: Uint8Array, by = key.privateKey): Promise<OstreeSignature> => ({
    kind: "gpg",
    bytes: await signDetached(bytes, by, now),
  });
  const commit = ours.commitBytes(checksum);
  ours.signCommit(checksum, [{ kind: "ed25519", bytes: sign(null, commit, privateKey) }]);
  // A second signature leaves the first where it is, and the same one again changes nothing.
  ours.signCommit(checksum, [await signed(commit)]);
  const meta = join(repo, "objects", checksum.slice(0, 2), `${checksum.slice(2)}.commitmeta`),
    once = readFileSync(meta);
  ours.signCommit(checksum, [{ kind: "ed25519", bytes: sign(null, commit, privateKey) }]);
  assert.ok(readFileSync(meta).equals(once));
  ours.signSummary([await signed(ours.writeSummary(now))]);
  const keyFile = join(place, "key.asc");
  writeFileSync(keyFile, key.publicKey);
  ostree("init", `--repo=${client}`, "--mode=archive");
  ostree(
    "remote",
    "add",
    `--repo=${client}`,
    "--set=gpg-verify=true",
    "--set=gpg-verify-summary=true",
    `--gpg-import=${keyFile}`,
    "origin",
    `file://${repo}`,
    OPTIONS.ref,
  );
  ostree("pull", `--repo=${client}`, "origin", OPTIONS.ref);
  assert.match(
    ostree("show", `--repo=${client}`, "--gpg-verify-remote=origin", `origin:${OPTIONS.ref}`),
    /Found 1 signature:[\s\S]*Good signature from "Test <test@example\.org>"/,
  );
  // The dictionary is what `ostree sign` reads, too, where it is built with Ed25519; Debian 12's is not.
  const ed25519 = spawnSync(
    "ostree",
    [
      "sign",
      `--repo=${repo}`,
      "--verify",
      "--sign-type=ed25519",
      checksum,
      Buffer.from(publicKey.export({ format: "jwk" }).x!, "base64url").toString("base64"),
    ],
    { encoding: "utf8" },
  );
  if (!/not implemented/.test(ed25519.stderr)) assert.equal(ed25519.status, 0, ed25519.stderr);
  assert.ok(
    verify(
      null,
      commit,
      publicKey,
      readFileSync(meta).subarray(signatureStart(readFileSync(meta)), signatureStart(readFileSync(meta)) + 64),
    ),
  );
  const stranger = await createSigningKey("Other", now - 60),
    second = ours.commit(tree("!"), OPTIONS).checksum;
  ours.signCommit(second, [await signed(ours.commitBytes(second), stranger.privateKey)]);
  ours.signSummary([await signed(ours.writeSummary(now))]);
  const refused = spawnSync("ostree", ["pull", `--repo=${client}`, "origin", OPTIONS.ref], { encoding: "utf8" });
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /GPG|signature|public key/i);
  // A summary that was written again has no signature of the one before.
  ours.writeSummary(now);
  assert.equal(existsSync(join(repo, "summary.sig")), false);
});

test("a commit that ostree made of an archive is read as the same tree, byte for byte", () => {
  const tar = join(place, "read.tar"),
    repo = join(place, "read"),
    bytes = Buffer.concat(Array.from(archiveTree(tree()), (piece) => Buffer.from(piece)));
  writeFileSync(tar, bytes);
  ostree("init", `--repo=${repo}`, "--mode=archive");
  const checksum = ostree(
    "commit",
    `--repo=${repo}`,
    `--tree=tar=${tar}`,
    "-b",
    "x/y",
    "-s",
    "A subject",
    "-m",
    "and a body",
    "--timestamp=2023-11-14 22:13:20 +0000",
    "--add-metadata-string=version=13.1",
  ).trim();
  const reader = new OstreeReader(new RepositoryFolder(repo, { readOnly: true }), codecs),
    commit = reader.commit("x/y");
  assert.deepEqual(
    [commit.checksum, commit.parent, commit.subject, commit.body, commit.timestamp, commit.metadata.get("version")],
    [checksum, null, "A subject", "and a body", 1_700_000_000, "13.1"],
  );
  const shape = (of: FileTree): unknown[] =>
    [...of.entries()].map(({ path, kind, mode, uid, gid, target, content, xattrs }) => ({
      path,
      kind: kind === "hardLink" ? "file" : kind,
      mode,
      uid,
      gid,
      target: kind === "hardLink" ? "" : target,
      bytes: content === null ? "" : digestOf(content, codecs),
      xattrs: [...xattrs],
    }));
  const wanted = [...tree().entries()],
    named = new Map(wanted.map((entry) => [entry.path, entry]));
  // To ostree each name of a file is a file.
  assert.deepEqual(
    shape(reader.tree(commit)),
    shape({
      entries: () =>
        wanted.map((entry) => (entry.kind === "hardLink" ? { ...named.get(entry.target)!, path: entry.path } : entry)),
    }),
  );
  assert.throws(() => reader.commit("x/z"), /^FormatError: x\/z: no such reference/);
  assert.throws(() => new OstreeReader(new RepositoryFolder(join(place, "none")), codecs), /no OSTree repository/);
});

test(
  "each kind of object that was changed or is missing is refused by its " + "name, as ostree's own check finds it",
  () => {
    const repo = join(place, "changed"),
      ours = new OstreeRepository(new RepositoryFolder(repo), codecs, "archive");
    const { checksum } = ours.commit(tree(), OPTIONS);
    const read = (): void => {
      for (const { content } of new OstreeReader(new RepositoryFolder(repo), codecs)
        .tree(new OstreeReader(new RepositoryFolder(repo), codecs).commit(OPTIONS.ref))
        .entries())
        content?.read(0, new Uint8Array(16));
    };
    read();
    const objects = readdirSync(join(repo, "objects"), { recursive: true, encoding: "utf8" });
    for (const kind of ["commit", "dirtree", "dirmeta", "filez"]) {
      const path = objects.find((name) => name.endsWith(`.${kind}`))!,
        own = join(repo, "objects", path),
        bytes = readFileSync(own),
        name = path.replace(/\/|\..*/g, "");
      const hurt = Buffer.from(bytes);
      hurt[Math.floor(hurt.length * 0.7)]! ^= 0x40;
      writeFileSync(own, hurt);
      assert.throws(
        read,
        (error) =>
          error instanceof FormatError &&
          (error.message.includes(`${name} has been changed`) ||
            (kind === "filez" && error.message.includes("serialised"))),
        kind,
      );
      assert.notEqual(spawnSync("ostree", ["fsck", `--repo=${repo}`]).status, 0, kind);
      rmSync(own);
      assert.throws(read, new RegExp(`${kind.replace("filez", "file")} ${name} is missing`));
      writeFileSync(own, bytes);
    }
    // What is damaged is neither signed nor announced, and no child is given to it.
    const commit = join(repo, "objects", checksum.slice(0, 2), `${checksum.slice(2)}.commit`);
    writeFileSync(commit, readFileSync(commit).subarray(0, 20));
    assert.throws(() => ours.writeSummary(1), new RegExp(`the commit ${checksum} has been changed`));
    assert.throws(() => ours.signCommit(checksum, []), /has been changed/);
    writeFileSync(join(repo, "refs/heads", OPTIONS.ref), "nonsense\n");
    assert.throws(() => ours.commit(tree(), OPTIONS), /test\/riscv64\/one: the reference is damaged/);
  },
);

extendedTest(
  "commits are read from repositories of every mode, whoever wrote them, and what was changed there is refused",
  () => {
    const tar = join(place, "modes.tar"),
      withXattrs = hasUserAttributes();
    const whole = fileTreeOf([
      ...tree().entries(),
      file("own", "own", {
        uid: 3,
        gid: 4,
        mode: 0o6711,
        ...(withXattrs ? { xattrs: new Map([["user.note", "text"]]) } : {}),
      }),
      fileEntry("far", "symlink", { target: "a/way", uid: 5, gid: 6 }),
    ]);
    const shape = (of: FileTree): unknown[] =>
      [...of.entries()].map(({ path, kind, mode, uid, gid, target, content, xattrs, mtime }) => ({
        path,
        kind,
        mode,
        uid,
        gid,
        target,
        bytes: content === null ? "" : digestOf(content, codecs),
        xattrs: [...xattrs],
        mtime,
      }));
    const read = (repo: string): FileTree => {
      const reader = new OstreeReader(new RepositoryFolder(repo, { readOnly: true }), codecs);
      return reader.tree(reader.commit(OPTIONS.ref));
    };
    writeFileSync(tar, Buffer.concat(Array.from(archiveTree(whole), (piece) => Buffer.from(piece))));
    const archive = join(place, "modes-archive");
    new OstreeRepository(new RepositoryFolder(archive), codecs, "archive").commit(whole, OPTIONS);
    const wanted = shape(read(archive));
    for (const mode of ["bare", "bare-user", "bare-user-only"] as const) {
      if ((mode === "bare" && process.getuid?.() !== 0) || (mode === "bare-user" && !withXattrs)) continue;
      const ours = join(place, `modes-${mode}`),
        theirs = join(place, `modes-their-${mode}`);
      new OstreeRepository(new RepositoryFolder(ours), codecs, mode).commit(whole, OPTIONS);
      ostree("init", `--repo=${theirs}`, `--mode=${mode}`);
      // Without owners a commit is another: only one of that kind is taken.
      ostree("pull-local", `--repo=${theirs}`, mode === "bare-user-only" ? ours : archive, OPTIONS.ref);
      if (mode !== "bare-user-only") assert.deepEqual([shape(read(ours)), shape(read(theirs))], [wanted, wanted], mode);
      else assert.deepEqual(shape(read(theirs)), shape(read(ours)));
      const object = execFileSync("find", [join(theirs, "objects"), "-name", "*.file", "-type", "f", "-size", "1"], {
        encoding: "utf8",
      })
        .trim()
        .split("\n")[0]!;
      writeFileSync(object, `${readFileSync(object, "latin1")}!`);
      assert.throws(
        () => {
          for (const { content } of read(theirs).entries()) content?.read(0, new Uint8Array(16));
        },
        /has been changed|has lost its attribute/,
        mode,
      );
      rmSync(object);
      assert.throws(() => read(theirs), /the file [0-9a-f]{64} is missing/);
    }
    writeFileSync(join(archive, "config"), "[core]\nmode=other\n");
    assert.throws(() => read(archive), /has mode other, which is none of archive, bare/);
  },
);

test("a disk's root with a commit deployed in it is what ostree itself makes of the commit", () => {
  const repo = join(place, "to-deploy"),
    ours = join(place, "our-root"),
    theirs = join(place, "their-root");
  const root = fileTreeOf([
    ...["", "boot", "etc", "usr", "usr/bin", "usr/lib", "usr/lib/modules", "usr/lib/modules/6.1", "var"].map((path) =>
      folder(path),
    ),
    file("usr/empty", ""),
    file("usr/same", "tool", { mode: 0o755 }),
    file("boot/vmlinuz-6.1", "kernel"),
    file("boot/initrd.img-6.1", "first root"),
    file("etc/hostname", "box\n"),
    fileEntry("etc/link", "symlink", { target: "hostname" }),
    file("usr/lib/os-release", 'PRETTY_NAME="Debian of a test"\n'),
    file("usr/bin/tool", "tool", { mode: 0o755 }),
    fileEntry("usr/bin/tool2", "hardLink", { target: "usr/bin/tool" }),
    folder("etc/own", { mode: 0o700, uid: 5 }),
  ]);
  const layout = bootcLayout(root, codecs, OPTIONS.timestamp),
    commit = { ...OPTIONS, linux: layout.kernel! };
  const { checksum } = new OstreeRepository(new RepositoryFolder(repo), codecs, "archive").commit(layout.tree, commit);
  const deployed = deployedTree(layout, { commit, os: "debian", remote: "updates" }, codecs);
  assert.equal(deployed.checksum, checksum);
  assert.equal(checkFileTree(deployed.tree), undefined);
  for (const name of ["a/b", "", ".x"])
    assert.throws(() => deployedTree(layout, { commit, os: name, remote: "updates" }, codecs), /not a system's name/);
  // Files have their owners only where root unpacks them.
  if (process.getuid?.() !== 0) return;
  for (const path of [ours, theirs]) mkdirSync(path);
  const tar = join(place, "deployed.tar");
  writeFileSync(tar, Buffer.concat(Array.from(archiveTree(deployed.tree), (piece) => Buffer.from(piece))));
  execFileSync("tar", ["-C", ours, "-xpf", tar]);
  ostree("admin", "init-fs", "--modern", theirs);
  ostree("admin", "os-init", "debian", `--sysroot=${theirs}`);
  ostree("config", `--repo=${theirs}/ostree/repo`, "set", "sysroot.bootloader", "none");
  ostree("pull-local", `--repo=${theirs}/ostree/repo`, repo, OPTIONS.ref);
  ostree("admin", "deploy", `--sysroot=${theirs}`, "--os=debian", OPTIONS.ref);
  const immutable = join(theirs, `ostree/deploy/debian/deploy/${checksum}.0`);
  try {
    ostree("fsck", `--repo=${ours}/ostree/repo`);
    assert.match(
      ostree("admin", "status", `--sysroot=${ours}`),
      new RegExp(`debian ${checksum}\\.0\\n[\\s\\S]*origin refspec: updates:test/riscv64/one`),
    );
    const listed = (path: string): string =>
      execFileSync(
        "sh",
        [
          "-c",
          "cd \"$0\" && find ostree/deploy ostree/boot.* boot/ostree \\( -type d -printf '%p %m %U %G\\n' \\) -o " +
            "-printf '%p %y %m %U %G %l\\n' | grep -v -e ' 0/$' -e '\\.origin ' -e '/backing' -e " +
            "'/.ostree-selabeled ' | sort",
          path,
        ],
        { encoding: "utf8" },
      );
    assert.equal(listed(ours), listed(theirs));
    assert.equal(
      statSync(join(ours, `ostree/deploy/debian/deploy/${checksum}.0/usr/bin/tool`)).nlink,
      4,
      "two names, a file of the same content, and the object",
    );
    assert.equal(statSync(join(ours, `ostree/deploy/debian/deploy/${checksum}.0/etc/hostname`)).nlink, 1);
    // The next commit is deployed beside it, by ostree.
    const second = new OstreeRepository(new RepositoryFolder(repo), codecs, "archive").commit(
      bootcLayout(fileTreeOf([...root.entries(), file("etc/new", "new")]), codecs, OPTIONS.timestamp).tree,
      commit,
    ).checksum;
    ostree("remote", "add", "--no-gpg-verify", `--repo=${ours}/ostree/repo`, "updates", `file://${repo}`);
    ostree("admin", "upgrade", `--sysroot=${ours}`, "--os=debian");
    assert.match(
      ostree("admin", "status", `--sysroot=${ours}`),
      new RegExp(`debian ${second}\\.0[\\s\\S]*debian ${checksum}\\.0`),
    );
    ostree("fsck", `--repo=${ours}/ostree/repo`);
  } finally {
    for (const path of [
      immutable,
      ...readdirSync(join(ours, "ostree/deploy/debian/deploy")).map((name) =>
        join(ours, "ostree/deploy/debian/deploy", name),
      ),
    ])
      spawnSync("chattr", ["-i", path]);
  }
});

test("ostree deploys a root that is laid out for it, and the boot entry names its kernel", () => {
  const repo = join(place, "bootable"),
    sysroot = join(place, "sysroot"),
    deployed = join(sysroot, "ostree/deploy/debian/deploy");
  const root = fileTreeOf([
    ...[
      "",
      "boot",
      "etc",
      "home",
      "root",
      "usr",
      "usr/bin",
      "usr/lib",
      "usr/lib/modules",
      "usr/lib/modules/6.1",
      "var",
      "var/lib",
    ].map((path) => folder(path)),
    file("boot/vmlinuz-6.1", "kernel"),
    file("boot/initrd.img-6.1", "first root"),
    file("etc/hostname", "box\n"),
    file("usr/lib/os-release", 'ID=debian\nPRETTY_NAME="Debian of a test"\n'),
    file("usr/bin/tool", "tool", { mode: 0o755 }),
    folder("home/alice", { mode: 0o700, uid: 1500, gid: 1500 }),
    folder("home/alice/.ssh", { mode: 0o700, uid: 1500, gid: 1500 }),
    file("home/alice/.ssh/authorized_keys", "ssh-ed25519 AAAA\n", { mode: 0o600, uid: 1500, gid: 1500 }),
    ...["usr/local", "usr/local/sbin", "opt", "opt/vendor"].map((path) => folder(path)),
    file("usr/local/sbin/start", "start", { mode: 0o755 }),
    file("opt/vendor/run", "run"),
    folder("var/lib/tool"),
    file("var/lib/tool/odd 5% name", "state"),
    fileEntry("vmlinuz", "symlink", { target: "boot/vmlinuz-6.1" }),
  ]);
  const layout = bootcLayout(root, codecs, OPTIONS.timestamp);
  const { checksum } = new OstreeRepository(new RepositoryFolder(repo), codecs, "archive").commit(layout.tree, {
    ...OPTIONS,
    linux: layout.kernel!,
  });
  // A deployment's files have owners, which only root gives.
  if (process.getuid?.() !== 0) return void ostree("fsck", `--repo=${repo}`);
  mkdirSync(sysroot);
  ostree("admin", "init-fs", "--modern", sysroot);
  ostree("admin", "os-init", "debian", `--sysroot=${sysroot}`);
  const own = `--repo=${join(sysroot, "ostree/repo")}`;
  ostree("config", own, "set", "sysroot.bootloader", "none");
  ostree("pull-local", own, repo, OPTIONS.ref);
  ostree("admin", "deploy", `--sysroot=${sysroot}`, "--os=debian", "--karg=root=LABEL=x", OPTIONS.ref);
  try {
    assert.match(ostree("admin", "status", `--sysroot=${sysroot}`), new RegExp(`debian ${checksum}\\.0`));
    assert.equal(readFileSync(join(deployed, `${checksum}.0/etc/hostname`), "utf8"), "box\n");
    assert.equal(readlinkSync(join(deployed, `${checksum}.0/home`)), "var/home");
    // What its first boot does, systemd's own program does here.
    const system = join(deployed, `${checksum}.0`),
      boots = (): string =>
        spawnSync("systemd-tmpfiles", ["--create", "--boot", `--root=${system}`, "stratos-var.conf"], {
          encoding: "utf8",
        }).stderr;
    assert.deepEqual([boots(), readdirSync(system).includes("vmlinuz")], ["", false]);
    const found = (path: string): string => readFileSync(join(system, path), "utf8"),
      keys = statSync(join(system, "var/home/alice/.ssh/authorized_keys"));
    assert.deepEqual(
      [
        found("home/alice/.ssh/authorized_keys"),
        keys.mode & 0o777,
        keys.uid,
        statSync(join(system, "home/alice")).mode & 0o777,
      ],
      ["ssh-ed25519 AAAA\n", 0o600, 1500, 0o700],
    );
    assert.deepEqual(
      [
        readlinkSync(join(system, "var/usrlocal/sbin/start")),
        readlinkSync(join(system, "var/opt/vendor")),
        found("var/lib/tool/odd 5% name"),
      ],
      ["/usr/lib/usrlocal/sbin/start", "/usr/lib/opt/vendor", "state"],
    );
    assert.equal(found("usr/lib/usrlocal/sbin/start"), "start");
    // They are the machine's from now on: what it has changed stays, and a key that was removed does not come back.
    rmSync(join(system, "var/home/alice/.ssh/authorized_keys"));
    writeFileSync(join(system, "var/lib/tool/odd 5% name"), "its own");
    assert.deepEqual(
      [boots(), readdirSync(join(system, "var/home/alice/.ssh")), found("var/lib/tool/odd 5% name")],
      ["", [], "its own"],
    );
    const entry = readFileSync(join(sysroot, "boot/loader/entries/ostree-1-debian.conf"), "utf8");
    assert.match(entry, /^title Debian of a test \(ostree:0\)$[\s\S]*^options root=LABEL=x ostree=/m);
    for (const [key, content] of [
      ["linux", "kernel"],
      ["initrd", "first root"],
    ] as const)
      assert.equal(
        readFileSync(join(sysroot, "boot", new RegExp(`^${key} (\\S+)`, "m").exec(entry)![1]!), "utf8"),
        content,
      );
  } finally {
    // It takes care that nobody removes what is deployed.
    spawnSync("chattr", ["-i", join(deployed, `${checksum}.0`)]);
  }
});

/** In a dictionary the list of Ed25519 stands behind its key, aligned to eight bytes. */
function signatureStart(meta: Buffer): number {
  return Math.ceil((meta.indexOf("ostree.sign.ed25519") + "ostree.sign.ed25519".length + 1) / 8) * 8;
}
