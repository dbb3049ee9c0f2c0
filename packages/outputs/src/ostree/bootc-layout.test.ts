/** The layout for OSTree and bootc. Goal: each rule of the layout, on a tree as Debian's packages make it; the result is a whole tree. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFileTree, fileEntry, fileTreeOf, MemoryBlob, readBlob, type FileEntry } from "@stratos/formats";
import { nodeCodecs } from "@stratos/host-node/outputs";
import { bootcImage, bootcLayout } from "./bootc-layout.ts";
import { TreeDraft } from "../tree/tree-draft.ts";

const codecs = nodeCodecs();
const file = (path: string, text: string, fields: Partial<FileEntry> = {}): FileEntry => fileEntry(path, "file", { content: new MemoryBlob(Buffer.from(text), ""), ...fields });
const folders = (...paths: string[]): FileEntry[] => paths.map((path) => fileEntry(path, "directory"));
const textOf = (entry: FileEntry | undefined): string => Buffer.from(readBlob(entry!.content!)).toString();

test("a Debian root becomes one that can be deployed", () => {
  const source = fileTreeOf([
    ...folders("", "boot", "dev", "etc", "home", "home/someone", "root", "opt", "usr", "usr/lib", "usr/lib/modules", "usr/lib/modules/6.12.1", "usr/local", "usr/local/bin", "tmp", "var", "var/lib", "var/lib/dpkg", "var/log"),
    file("boot/vmlinuz-6.12.1", "kernel"), file("boot/initrd.img-6.12.1", "initrd"), file("boot/config-6.12.1", "config"), file("etc/passwd", "root"), file("home/someone/x", "x"),
    file("var/lib/dpkg/status", "status"), file("var/log/dpkg.log", "log"), fileEntry("dev/null", "character", { deviceMajor: 1, deviceMinor: 3 }), fileEntry("var/mail", "directory", { mode: 0o2775, gid: 8 }),
  ]);
  const { tree, kernel } = bootcLayout(source, codecs, 5);
  assert.equal(checkFileTree(tree), undefined);
  assert.equal(kernel, "6.12.1");
  const entries = new Map([...tree.entries()].map((entry) => [entry.path, entry]));
  assert.equal(textOf(entries.get("usr/lib/modules/6.12.1/vmlinuz")), "kernel");
  assert.equal(textOf(entries.get("usr/lib/modules/6.12.1/initramfs.img")), "initrd");
  assert.equal(textOf(entries.get("usr/etc/passwd")), "root");
  assert.equal(textOf(entries.get("usr/lib/sysimage/dpkg/status")), "status");
  assert.deepEqual(["home", "root", "usr/local", "ostree"].map((path) => entries.get(path)?.target), ["var/home", "var/roothome", "../var/usrlocal", "sysroot/ostree"]);
  for (const path of ["etc", "boot/config-6.12.1", "dev/null", "var/lib", "home/someone"]) assert.ok(!entries.has(path), path);
  const conf = textOf(entries.get("usr/lib/tmpfiles.d/stratos-var.conf"));
  assert.match(conf, /^d \/var\/log 0755 root root - -$/m);
  assert.match(conf, /^d \/var\/mail 2775 root 8 - -$/m);
  assert.match(conf, /^L \/var\/lib\/dpkg - - - - \/usr\/lib\/sysimage\/dpkg$/m);
  assert.match(conf, /^d \/var\/roothome 0700 root root - -$/m);
  // An image runs as a container, too, and a commit is made of it as of any root.
  const image = bootcImage(source, codecs, 5), inImage = [...image.tree.entries()].map(({ path }) => path);
  assert.equal(checkFileTree(image.tree), undefined);
  assert.deepEqual([inImage.includes("etc/passwd"), inImage.includes("usr/etc"), image.labels["ostree.linux"]], [true, false, "6.12.1"]);
  assert.deepEqual([...bootcLayout(image.tree, codecs, 5).tree.entries()].map(({ path }) => path), [...entries.keys()]);
  assert.deepEqual([...bootcImage(tree, codecs, 5).tree.entries()].map(({ path }) => path), inImage);
});

test("moving and removing leave hard links whole", () => {
  const draft = new TreeDraft(fileTreeOf([...folders("", "a", "b"), file("a/file", "content"), fileEntry("a/link", "hardLink", { target: "a/file" }), fileEntry("b/link", "hardLink", { target: "a/file" })]), codecs, 0);
  draft.move("a", "z");
  assert.equal(checkFileTree(draft.tree()), undefined);
  draft.remove("z");
  const left = [...draft.tree().entries()];
  assert.deepEqual(left.map(({ path, kind }) => [path, kind]), [["", "directory"], ["b", "directory"], ["b/link", "file"]]);
  assert.equal(textOf(left[2]), "content");
});

test("an initramfs that knows no OSTree gives way to ours, and one that does stays", () => {
  const source = (...more: FileEntry[]) => fileTreeOf([
    ...folders("", "boot", "etc", "usr", "usr/bin", "usr/lib", "usr/lib/modules", "usr/lib/modules/6.1", "usr/share", "usr/share/initramfs-tools", "usr/share/initramfs-tools/hooks", "var"), file("usr/bin/busybox", "no elf", { mode: 0o755 }),
    file("boot/vmlinuz-6.1", "kernel"), file("boot/initrd.img-6.1", "theirs"), file("usr/share/initramfs-tools/hooks/udev", "hook"), ...more,
  ]);
  const initramfsOf = (tree: ReturnType<typeof source>): Uint8Array => readBlob([...bootcLayout(tree, codecs, 5).tree.entries()].find(({ path }) => path === "usr/lib/modules/6.1/initramfs.img")!.content!);
  assert.match(Buffer.from(codecs.gunzip(initramfsOf(source()), 1 << 24)!).toString("latin1"), /ostree-booted/);
  assert.equal(Buffer.from(initramfsOf(source(file("usr/share/initramfs-tools/hooks/ostree", "hook")))).toString(), "theirs");
});
