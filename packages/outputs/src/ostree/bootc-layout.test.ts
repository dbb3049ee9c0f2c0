/**
 * The layout for OSTree and bootc. Goal: each rule of the layout, on a tree as Debian's packages make it; the result is
 * a whole tree.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFileTree, fileEntry, fileTreeOf, MemoryBlob, readBlob, type FileEntry } from "@stratos/formats";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { bootcImage, bootcLayout, startedRoot } from "./bootc-layout.ts";
import { TreeDraft } from "../tree/tree-draft.ts";

const codecs = nodeCodecs();
const file = (path: string, text: string, fields: Partial<FileEntry> = {}): FileEntry =>
  fileEntry(path, "file", { content: new MemoryBlob(Buffer.from(text), ""), ...fields });
const folders = (...paths: string[]): FileEntry[] => paths.map((path) => fileEntry(path, "directory"));
const textOf = (entry: FileEntry | undefined): string => Buffer.from(readBlob(entry!.content!)).toString();

test("a Debian root becomes one that can be deployed", () => {
  const source = fileTreeOf([
    ...folders(
      "",
      "boot",
      "dev",
      "etc",
      "home",
      "home/someone",
      "root",
      "opt",
      "usr",
      "usr/lib",
      "usr/lib/modules",
      "usr/lib/modules/6.12.1",
      "usr/local",
      "usr/local/bin",
      "tmp",
      "var",
      "var/lib",
      "var/lib/dpkg",
      "var/log",
    ),
    file("boot/vmlinuz-6.12.1", "kernel"),
    file("boot/initrd.img-6.12.1", "initrd"),
    file("boot/config-6.12.1", "config"),
    file("etc/passwd", "root"),
    file("home/someone/x", "x"),
    file("var/lib/dpkg/status", "status"),
    file("var/log/dpkg.log", "log"),
    fileEntry("dev/null", "character", { deviceMajor: 1, deviceMinor: 3 }),
    fileEntry("var/mail", "directory", { mode: 0o2775, gid: 8 }),
  ]);
  const { tree, kernel } = bootcLayout(source, codecs, 5);
  assert.equal(checkFileTree(tree), undefined);
  assert.equal(kernel, "6.12.1");
  const entries = new Map([...tree.entries()].map((entry) => [entry.path, entry]));
  assert.equal(textOf(entries.get("usr/lib/modules/6.12.1/vmlinuz")), "kernel");
  assert.equal(textOf(entries.get("usr/lib/modules/6.12.1/initramfs.img")), "initrd");
  assert.equal(textOf(entries.get("usr/etc/passwd")), "root");
  assert.equal(textOf(entries.get("usr/lib/sysimage/dpkg/status")), "status");
  assert.deepEqual(
    ["home", "root", "usr/local", "ostree"].map((path) => entries.get(path)?.target),
    ["var/home", "var/roothome", "../var/usrlocal", "sysroot/ostree"],
  );
  for (const path of ["etc", "boot/config-6.12.1", "dev/null", "var/lib", "home/someone"])
    assert.ok(!entries.has(path), path);
  assert.equal(textOf(entries.get("usr/lib/modules/6.12.1/config")), "config");
  const conf = textOf(entries.get("usr/lib/tmpfiles.d/stratos-var.conf"));
  assert.match(conf, /^d \/var\/log 0755 root root - -$/m);
  assert.match(conf, /^d \/var\/mail 2775 root 8 - -$/m);
  assert.match(conf, /^L \/var\/lib\/dpkg - - - - \/usr\/lib\/sysimage\/dpkg$/m);
  assert.match(conf, /^C! \/var\/roothome - - - - \/usr\/share\/stratos\/var\/roothome$/m);
  // An image runs as a container, too, and a commit is made of it as of any root.
  const image = bootcImage(source, codecs, 5),
    inImage = [...image.tree.entries()].map(({ path }) => path);
  assert.equal(checkFileTree(image.tree), undefined);
  assert.deepEqual(
    [inImage.includes("etc/passwd"), inImage.includes("usr/etc"), image.labels["ostree.linux"]],
    [true, false, "6.12.1"],
  );
  assert.deepEqual(
    [...bootcLayout(image.tree, codecs, 5).tree.entries()].map(({ path }) => path),
    [...entries.keys()],
  );
  assert.deepEqual(
    [...bootcImage(tree, codecs, 5).tree.entries()].map(({ path }) => path),
    inImage,
  );
});

test("what users and packages have put where machines have their own is kept, brought there at boot, and told", () => {
  const source = fileTreeOf([
    ...folders(
      "",
      "boot",
      "etc",
      "home",
      "usr",
      "usr/lib",
      "usr/lib/modules",
      "usr/lib/modules/6.1",
      "usr/local",
      "usr/local/bin",
      "usr/local/lib",
      "usr/local/lib/tool",
      "usr/local/share",
      "opt",
      "opt/vendor",
      "opt/vendor/bin",
      "opt/empty",
      "srv",
      "srv/www",
      "mnt",
      "media",
      "var",
      "var/www",
      "var/www/html",
      "var/cache",
      "var/cache/apt",
      "var/lib",
      "var/lib/empty",
      "tmp",
    ),
    file("boot/vmlinuz-6.1", "kernel"),
    file("boot/initrd.img-6.1", "initrd"),
    fileEntry("vmlinuz", "symlink", { target: "boot/vmlinuz-6.1" }),
    fileEntry("initrd.img.old", "symlink", { target: "/boot/initrd.img-6.1" }),
    fileEntry("root", "directory", { mode: 0o700 }),
    file("root/.profile", "p"),
    fileEntry("home/alice", "directory", { mode: 0o700, uid: 1500, gid: 1500 }),
    fileEntry("home/alice/.ssh", "directory", { mode: 0o700, uid: 1500, gid: 1500 }),
    file("home/alice/.ssh/authorized_keys", "ssh-ed25519 AAAA", { mode: 0o600, uid: 1500, gid: 1500 }),
    file("usr/local/bin/start", "#!/bin/sh", { mode: 0o755 }),
    file("usr/local/lib/tool/a", "a"),
    file("usr/local/lib/tool/b", "b"),
    file("opt/vendor/bin/run", "run"),
    file("srv/www/x", "x"),
    file("var/www/html/index.html", "hello"),
    file("var/www/odd name 50% \xc3\xa4", "odd"),
    fileEntry("var/www/link", "hardLink", { target: "var/www/html/index.html" }),
    file("var/cache/apt/pkgcache.bin", "cache"),
    fileEntry("var/run", "symlink", { target: "/run" }),
    ...folders("var/spool"),
    fileEntry("var/spool/mail", "symlink", { target: "../100% mail" }),
    fileEntry("home/alice/link", "symlink", { target: ".ssh" }),
    file("media/left", "left"),
    file("tmp/left", "left"),
  ]);
  const { tree, notes } = bootcLayout(source, codecs, 5);
  assert.equal(checkFileTree(tree), undefined);
  const entries = new Map([...tree.entries()].map((entry) => [entry.path, entry]));
  const key = entries.get("usr/share/stratos/var/home/alice/.ssh/authorized_keys")!;
  assert.deepEqual([textOf(key), key.mode, key.uid], ["ssh-ed25519 AAAA", 0o600, 1500]);
  assert.deepEqual(
    [
      textOf(entries.get("usr/lib/opt/vendor/bin/run")),
      textOf(entries.get("usr/lib/usrlocal/bin/start")),
      textOf(entries.get("usr/share/stratos/var/www/odd name 50% \xc3\xa4")),
    ],
    ["run", "#!/bin/sh", "odd"],
  );
  for (const path of [
    "vmlinuz",
    "initrd.img.old",
    "usr/share/stratos/var/cache",
    "usr/share/stratos/var/run",
    "usr/share/stratos/var/spool",
    "var/www",
  ])
    assert.ok(!entries.has(path), path);
  const conf = Buffer.from(textOf(entries.get("usr/lib/tmpfiles.d/stratos-var.conf"))).toString();
  for (const line of [
    "C! /var/home/alice - - - - /usr/share/stratos/var/home/alice",
    "C! /var/roothome - - - - /usr/share/stratos/var/roothome",
    "C! /var/www/html/index.html - - - - /usr/share/stratos/var/www/html/index.html",
    'C! "/var/www/odd name 50%% ä" - - - - /usr/share/stratos/var/www/odd name 50%% ä',
    "L /var/opt/vendor - - - - /usr/lib/opt/vendor",
    "L /var/usrlocal/bin/start - - - - /usr/lib/usrlocal/bin/start",
    "L /var/usrlocal/lib/tool - - - - /usr/lib/usrlocal/lib/tool",
    "d /var/usrlocal/share 0755 root root - -",
    "d /var/opt/empty 0755 root root - -",
    "d /var/lib/empty 0755 root root - -",
    "d /var/mnt 0755 root root - -",
    // A copy follows links, and fails of one that leads nowhere where the copies lie.
    "L! /var/spool/mail - - - - ../100%% mail",
  ])
    assert.ok(conf.split("\n").includes(line), `${line}\nis not in\n${conf}`);
  assert.deepEqual(notes, [
    "files of /home (2), /root (1), /srv (1), /var (3) are copied to a machine when it first boots, and are its " +
      "own from then on: a later image does not change them there",
    "/opt/vendor, /usr/local/bin/start, /usr/local/lib/tool: now below /usr/lib/opt and /usr/lib/usrlocal, with " +
      "links at the old places, made at boot",
    "/tmp/left, /media/left: left out, since each machine has its own there",
  ]);
  // A shell in it finds what a machine would have after its first boot.
  const started = startedRoot(fileTreeOf([...entries.values()]), codecs),
    there = new Map([...started.entries()].map((entry) => [entry.path, entry]));
  assert.equal(checkFileTree(started), undefined);
  const home = there.get("var/home/alice/.ssh/authorized_keys")!;
  assert.deepEqual([textOf(home), home.mode, home.uid], ["ssh-ed25519 AAAA", 0o600, 1500]);
  assert.equal(textOf(there.get("var/www/odd name 50% \xc3\xa4")), "odd");
  assert.deepEqual(
    ["var/opt/vendor", "var/usrlocal/bin/start", "var/spool/mail"].map((path) => there.get(path)?.target),
    ["/usr/lib/opt/vendor", "/usr/lib/usrlocal/bin/start", "../100% mail"],
  );
  for (const path of ["etc", "var/roothome", "var/lib/empty", "var/mnt"])
    assert.equal(there.get(path)?.kind, "directory", path);
  // A commit of an image for containers says the same.
  const again = [...bootcLayout(bootcImage(source, codecs, 5).tree, codecs, 5).tree.entries()];
  assert.deepEqual(
    again.map(({ path }) => path),
    [...entries.keys()],
  );
  assert.equal(
    Buffer.from(textOf(again.find(({ path }) => path === "usr/lib/tmpfiles.d/stratos-var.conf"))).toString(),
    conf,
  );
});

test("moving and removing leave hard links whole", () => {
  const draft = new TreeDraft(
    fileTreeOf([
      ...folders("", "a", "b"),
      file("a/file", "content"),
      fileEntry("a/link", "hardLink", { target: "a/file" }),
      fileEntry("b/link", "hardLink", { target: "a/file" }),
    ]),
    codecs,
    0,
  );
  draft.move("a", "z");
  assert.equal(checkFileTree(draft.tree()), undefined);
  draft.remove("z");
  const left = [...draft.tree().entries()];
  assert.deepEqual(
    left.map(({ path, kind }) => [path, kind]),
    [
      ["", "directory"],
      ["b", "directory"],
      ["b/link", "file"],
    ],
  );
  assert.equal(textOf(left[2]), "content");
});

test("an initramfs that knows no OSTree gives way to ours, and one that does stays", () => {
  const source = (...more: FileEntry[]) =>
    fileTreeOf([
      ...folders(
        "",
        "boot",
        "etc",
        "usr",
        "usr/bin",
        "usr/lib",
        "usr/lib/modules",
        "usr/lib/modules/6.1",
        "usr/share",
        "usr/share/initramfs-tools",
        "usr/share/initramfs-tools/hooks",
        "var",
      ),
      file("usr/bin/busybox", "no elf", { mode: 0o755 }),
      file("boot/vmlinuz-6.1", "kernel"),
      file("boot/initrd.img-6.1", "theirs"),
      file("usr/share/initramfs-tools/hooks/udev", "hook"),
      ...more,
    ]);
  const initramfsOf = (tree: ReturnType<typeof source>): Uint8Array =>
    readBlob(
      [...bootcLayout(tree, codecs, 5).tree.entries()].find(({ path }) => path === "usr/lib/modules/6.1/initramfs.img")!
        .content!,
    );
  assert.match(Buffer.from(codecs.gunzip(initramfsOf(source()), 1 << 24)!).toString("latin1"), /ostree-booted/);
  assert.equal(
    Buffer.from(initramfsOf(source(file("usr/share/initramfs-tools/hooks/ostree", "hook")))).toString(),
    "theirs",
  );
});
