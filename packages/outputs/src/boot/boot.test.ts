/**
 * What is made for booting: modules in order, programs with their libraries, loaders and their menus, disks and media
 * whole. Judges: cpio, sgdisk, e2fsck, fsck.vfat, xorriso; booting itself is `npm run conformance:boot`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DiskWindow,
  fileEntry,
  fileTreeOf,
  MemoryBlob,
  MemoryDisk,
  readBytes,
  readLayout,
  readPeSections,
  FatVolume,
  type FileEntry,
  type FileTree,
} from "@stratos/formats";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { planDiskImage, type DiskImageOptions, type DiskPlan } from "../disk/disk-image.ts";
import { writeIsoImage } from "../disk/iso-image.ts";
import { bootFiles, type BootOptions } from "./boot-files.ts";
import { librariesOf } from "./elf-libraries.ts";
import { initramfs } from "./initramfs.ts";
import { loadOrder, readModules } from "./kernel-modules.ts";
import { TreePaths } from "../tree/tree-paths.ts";

const codecs = nodeCodecs();
const sbin = { env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` } };
const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const file = (path: string, content: string | Uint8Array, fields: Partial<FileEntry> = {}): FileEntry =>
  fileEntry(path, "file", {
    content: new MemoryBlob(typeof content === "string" ? Buffer.from(content) : content, ""),
    ...fields,
  });

/** Entries with the folders that they need. */
function treeOf(...entries: FileEntry[]): FileTree {
  const all = new Map<string, FileEntry>([["", fileEntry("", "directory")]]);
  for (const entry of entries) {
    for (let slash = entry.path.indexOf("/"); slash !== -1; slash = entry.path.indexOf("/", slash + 1))
      all.set(
        entry.path.slice(0, slash),
        all.get(entry.path.slice(0, slash)) ?? fileEntry(entry.path.slice(0, slash), "directory"),
      );
    all.set(entry.path, entry);
  }
  return fileTreeOf(all.values());
}

const VERSION = "6.12.9-amd64";
const module = (name: string, depends = ""): FileEntry =>
  file(`usr/lib/modules/${VERSION}/kernel/${name}.ko`, `\0license=GPL\0depends=${depends}\0name=${name}\0`);
const bootable = (): FileTree =>
  treeOf(
    file(`boot/vmlinuz-${VERSION}`, "kernel"),
    file("boot/vmlinuz-6.9.1", "old"),
    file("usr/bin/busybox", "no elf", { mode: 0o755 }),
    fileEntry("bin", "symlink", { target: "usr/bin" }),
    fileEntry("lib", "symlink", { target: "usr/lib" }),
    module("ext4", "jbd2,mbcache"),
    module("jbd2"),
    module("mbcache"),
    module("virtio_blk", "virtio_ring"),
    module("virtio_ring", "virtio"),
    module("virtio"),
    module("other"),
    file("usr/lib/systemd/boot/efi/systemd-bootx64.efi", "loader"),
    file("usr/lib/grub/x86_64-efi/monolithic/grubx64.efi", "grub"),
    file("usr/lib/ISOLINUX/isolinux.bin", Buffer.alloc(5000, 1)),
    file("usr/lib/syslinux/modules/bios/ldlinux.c32", "library"),
  );

/** Headers of a program of UEFI without sections, and room for some. */
function smallestProgram(): Uint8Array {
  const bytes = new Uint8Array(1024),
    view = new DataView(bytes.buffer);
  bytes.set(Buffer.from("MZ"));
  view.setUint32(60, 64, true);
  bytes.set(Buffer.from("PE\0\0"), 64);
  view.setUint16(68 + 16, 240, true);
  view.setUint16(88, 0x20b, true);
  for (const [at, value] of [
    [32, 4096],
    [36, 512],
    [56, 4096],
    [60, 1024],
    [108, 16],
  ] as const)
    view.setUint32(88 + at, value, true);
  return bytes;
}

test("modules come after what they need, from modules.dep or from themselves", () => {
  const order = (tree: FileTree): string[] =>
    loadOrder(
      readModules(
        new TreePaths(tree),
        [...tree.entries()].map(({ path }) => path),
        VERSION,
      ),
      ["ext4", "virtio-blk", "absent"],
    ).map((path) => path.split("/").at(-1)!);
  const expected = ["jbd2.ko", "mbcache.ko", "ext4.ko", "virtio.ko", "virtio_ring.ko", "virtio_blk.ko"];
  assert.deepEqual(order(bootable()), expected);
  const packed = (name: string): FileEntry => file(`usr/lib/modules/${VERSION}/kernel/${name}.ko.xz`, "packed");
  const dep = file(
    `usr/lib/modules/${VERSION}/modules.dep`,
    "kernel/ext4.ko.xz: kernel/mbcache.ko.xz kernel/jbd2.ko.xz\nkernel/jbd2.ko.xz:\nkernel/mbcache.ko.xz:\n",
  );
  assert.deepEqual(order(treeOf(dep, packed("ext4"), packed("jbd2"), packed("mbcache"))), [
    "mbcache.ko.xz",
    "jbd2.ko.xz",
    "ext4.ko.xz",
  ]);
  assert.throws(() => order(treeOf(packed("ext4"))), /depmod has to run/);
});

test("a program's libraries are those that the dynamic linker takes", () => {
  const names = [
    "/bin/mount",
    ...execFileSync("ldd", ["/bin/mount"], { encoding: "utf8" })
      .split("\n")
      .map((line) => /(\/\S+)/.exec(line)?.[1])
      .filter((path) => path !== undefined),
  ];
  const tree = treeOf(
    ...names.map((path) => file(path!.replace(/^\/(usr\/)?/, "usr/"), readFileSync(realpathSync(path!)))),
    ...["bin", "lib", "lib64"].map((name) => fileEntry(name, "symlink", { target: `usr/${name}` })),
  );
  const found = librariesOf("bin/mount", new TreePaths(tree))
    .map((path) => path.split("/").at(-1)!)
    .sort();
  assert.deepEqual(
    found,
    names
      .slice(1)
      .map((path) => path!.split("/").at(-1)!)
      .sort(),
  );
  assert.throws(
    () => librariesOf("bin/mount", new TreePaths(treeOf(file("bin/mount", readFileSync(realpathSync("/bin/mount")))))),
    /needs .*, which the tree does not have/,
  );
});

test("an initramfs holds init, programs and modules; a root without a shell is told what to install", () => {
  const archive = initramfs(bootable(), { kernel: VERSION, mtime: 5 }, codecs);
  const listing = execFileSync("cpio", ["-it", "--quiet"], { input: archive, encoding: "utf8" }).split("\n");
  for (const name of ["init", "bin/busybox", "bin/switch_root", "modules/ext4.ko", "modules/order", "sysroot"])
    assert.ok(listing.includes(name), name);
  assert.ok(!listing.includes("modules/other.ko"));
  assert.equal(sha(archive), sha(initramfs(bootable(), { kernel: VERSION, mtime: 5 }, codecs)));
  const folder = mkdtempSync(join(tmpdir(), "stratos-init-"));
  try {
    execFileSync("cpio", ["-id", "--quiet", "init"], { input: archive, cwd: folder });
    execFileSync("sh", ["-n", join(folder, "init")]);
    // ostree has turned from boot.0 to boot.1 since the loader was told.
    const inner = /^deployment\(\) \{[^]*?^\}$/m.exec(readFileSync(join(folder, "init"), "utf8"))![0];
    const system = join(realpathSync(folder), "ostree/deploy/os/deploy/abc.0");
    mkdirSync(system, { recursive: true });
    mkdirSync(join(folder, "ostree/boot.1.1/os/sum"), { recursive: true });
    symlinkSync("../../../deploy/os/deploy/abc.0", join(folder, "ostree/boot.1.1/os/sum/0"));
    symlinkSync("boot.1.1", join(folder, "ostree/boot.1"));
    const lead = (named: string): string =>
      execFileSync("sh", ["-c", `${inner}\ndeployment "$1" "$2" || echo none`, "sh", folder, named], {
        encoding: "utf8",
      });
    assert.equal(lead("/ostree/boot.1/os/sum/0"), `${system}\n`);
    assert.equal(lead("/ostree/boot.0/os/sum/0"), `${system}\n`);
    assert.equal(lead("/ostree/boot.0/os/other/0"), "none\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
  assert.throws(
    () => initramfs(treeOf(module("ext4")), { kernel: VERSION, mtime: 0 }, codecs),
    /install busybox-static/,
  );
});

test("the newest kernel is taken, and what is missing is named", () => {
  const boot = bootFiles(bootable(), { architecture: "amd64", title: "Test", root: "UUID=1", mtime: 0 }, codecs);
  assert.deepEqual(
    [boot.kernel, boot.loader, boot.commandLine],
    [VERSION, "systemd-boot", "root=UUID=1 ro console=tty0 console=ttyS0,115200"],
  );
  assert.equal(
    bootFiles(bootable(), { architecture: "amd64", title: "Test", root: "UUID=1", mtime: 0, loader: "grub" }, codecs)
      .loader,
    "grub",
  );
  assert.throws(
    () => bootFiles(bootable(), { architecture: "riscv64", title: "", root: "", mtime: 0 }, codecs),
    /no boot loader; install systemd-boot-efi/,
  );
  assert.throws(
    () => bootFiles(treeOf(file("etc/x", "")), { architecture: "amd64", title: "", root: "", mtime: 0 }, codecs),
    /no kernel; install linux-image/,
  );
});

test("systemd-boot is found signed, too, as Debian's package systemd-boot brings it alone", () => {
  const unsigned = "usr/lib/systemd/boot/efi/systemd-bootx64.efi",
    others = [...bootable().entries()].filter(({ path }) => path !== "" && !path.includes("grub") && path !== unsigned);
  const manager = (...own: FileEntry[]): string => {
    const { files } = bootFiles(
      treeOf(...others, ...own),
      { architecture: "amd64", title: "", root: "UUID=1", mtime: 0 },
      codecs,
    );
    return Buffer.from(files.find(({ path }) => path === "EFI/BOOT/BOOTX64.EFI")!.content).toString();
  };
  assert.equal(manager(file(`${unsigned}.signed`, "signed")), "signed");
  assert.equal(manager(file(unsigned, "plain"), file(`${unsigned}.signed`, "signed")), "signed");
  assert.equal(manager(file(unsigned, "plain")), "plain");
});

test("a disk image is whole in the eyes of sgdisk, fsck.vfat and e2fsck, and twice the same", () => {
  const options = { name: "test", architecture: "amd64", time: 1_700_000_000 } as const;
  const make = (): { disk: MemoryDisk; plan: ReturnType<typeof planDiskImage> } => {
    const plan = planDiskImage(bootable(), options, codecs);
    const disk = new MemoryDisk(plan.size);
    plan.write(disk, true);
    return { disk, plan };
  };
  const { disk, plan } = make();
  const bytes = readBytes(disk, 0, disk.size);
  assert.equal(sha(bytes), sha(readBytes(make().disk, 0, disk.size)));
  const folder = mkdtempSync(join(tmpdir(), "stratos-image-"));
  try {
    writeFileSync(join(folder, "disk"), bytes);
    assert.match(
      execFileSync("sgdisk", ["-v", join(folder, "disk")], { ...sbin, encoding: "utf8" }),
      /No problems found/,
    );
    plan.partitions.forEach(({ start, size }, index) =>
      writeFileSync(join(folder, String(index)), bytes.subarray(start, start + size)),
    );
    execFileSync("fsck.vfat", ["-n", join(folder, "0")], { ...sbin, stdio: "pipe" });
    execFileSync("e2fsck", ["-fn", join(folder, "1")], { ...sbin, stdio: "pipe" });
  } finally {
    rmSync(folder, { recursive: true });
  }
  assert.deepEqual(
    readLayout(disk).parts.map(({ name, type }) => [name, type]),
    [
      ["esp", "esp"],
      ["root", "root-amd64"],
    ],
  );
  const esp = FatVolume.open(new DiskWindow(disk, plan.partitions[0]!));
  assert.match(
    Buffer.from(esp.read("loader/entries/stratos.conf")).toString(),
    new RegExp(`linux /${VERSION}/linux\ninitrd /${VERSION}/initrd\noptions root=UUID=${plan.rootUuid} ro`),
  );
  assert.equal(Buffer.from(esp.read("EFI/BOOT/BOOTX64.EFI")).toString(), "loader");
  assert.throws(
    () => planDiskImage(bootable(), { ...options, size: 66 << 20 }, codecs),
    /the disk needs \d+ bytes, and is to have 69206016/,
  );
});

test("a root on btrfs has subvolumes, and a snapshot that the menu offers; one on EROFS is read-only", () => {
  const make = (options: Partial<DiskImageOptions>): { plan: DiskPlan; esp: FatVolume; root: Uint8Array } => {
    const plan = planDiskImage(
        bootable(),
        { name: "test", architecture: "amd64", time: 1_700_000_000, ...options },
        codecs,
      ),
      disk = new MemoryDisk(plan.size);
    plan.write(disk, true);
    return {
      plan,
      esp: FatVolume.open(new DiskWindow(disk, plan.partitions[0]!)),
      root: readBytes(disk, plan.partitions[1]!.start, plan.partitions[1]!.size),
    };
  };
  const folder = mkdtempSync(join(tmpdir(), "stratos-root-"));
  const path = join(folder, "root");
  try {
    const btrfs = make({ rootFormat: "btrfs", snapshot: "factory" }),
      entry = (name: string): string => Buffer.from(btrfs.esp.read(`loader/entries/${name}.conf`)).toString();
    assert.match(entry("stratos"), /^options root=UUID=\S+ rootflags=subvol=@ ro /m);
    assert.match(
      entry("stratos-factory"),
      /^title test \(factory\)$[\s\S]*^options root=UUID=\S+ rootflags=subvol=@factory ro /m,
    );
    writeFileSync(path, btrfs.root);
    execFileSync("btrfs", ["check", "--check-data-csum", path], { ...sbin, stdio: "pipe" });
    const roots = execFileSync("btrfs", ["inspect-internal", "dump-tree", "-t", "root", path], {
      ...sbin,
      encoding: "utf8",
    });
    assert.deepEqual(
      [...roots.matchAll(/ROOT_BACKREF[\s\S]*?name (\S+)/g)].map(([, name]) => name),
      ["@", "@home", "@factory"],
    );
    execFileSync("btrfs", ["restore", "-r", "256", path, folder], { ...sbin, stdio: "pipe" });
    assert.equal(
      readFileSync(join(folder, "etc/fstab"), "utf8"),
      `UUID=${btrfs.plan.rootUuid} / btrfs subvol=@ 0 0\nUUID=${btrfs.plan.rootUuid} /home btrfs subvol=@home 0 ` +
        `0\n${/^.*boot\/efi.*$/m.exec(readFileSync(join(folder, "etc/fstab"), "utf8"))![0]}\n`,
    );
    writeFileSync(path, make({ rootFormat: "erofs" }).root);
    execFileSync("fsck.erofs", [path], { ...sbin, stdio: "pipe" });
    assert.throws(() => make({ snapshot: "factory" }), /ext4 has no snapshots; btrfs has/);
    assert.throws(() => make({ rootFormat: "aegisfs" }), /AegisFS: not written here/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a unified kernel holds kernel, first root and command line in one program, and each choice has one", () => {
  const tree = treeOf(
    ...[...bootable().entries()].filter(({ path }) => path !== ""),
    file("usr/lib/systemd/boot/efi/linuxx64.efi.stub", smallestProgram()),
    file("etc/os-release", 'ID=debian\nPRETTY_NAME="Debian"\n'),
  );
  const boot = (entries: FileTree, more: Partial<BootOptions> = {}): ReturnType<typeof bootFiles> =>
    bootFiles(
      entries,
      { architecture: "amd64", title: "Test", root: "UUID=1", mtime: 0, loader: "unified", ...more },
      codecs,
    );
  const found = boot(tree, { entries: [{ id: "old", title: "Test (old)", rootFlags: "subvol=@old" }] });
  assert.deepEqual(
    found.files.map(({ path }) => path),
    [
      "EFI/BOOT/BOOTX64.EFI",
      "EFI/systemd/systemd-bootx64.efi",
      "loader/loader.conf",
      "EFI/Linux/stratos.efi",
      "EFI/Linux/stratos-old.efi",
    ],
  );
  const sections = (path: string, from = found): Record<string, string> =>
    Object.fromEntries(
      readPeSections(from.files.find((own) => own.path === path)!.content).map(({ name, content }) => [
        name,
        Buffer.from(content).toString(),
      ]),
    );
  const old = sections("EFI/Linux/stratos-old.efi");
  assert.deepEqual(
    [old[".linux"], old[".uname"], old[".cmdline"]],
    ["kernel", VERSION, "root=UUID=1 rootflags=subvol=@old ro console=tty0 console=ttyS0,115200"],
  );
  assert.equal(old[".osrel"], 'ID=debian\nPRETTY_NAME="Test (old)"\n');
  assert.equal(sha(Buffer.from(old[".initrd"]!, "utf8")), sha(Buffer.from(Buffer.from(found.initrd).toString())));
  // Without a menu firmware starts the one program itself.
  const alone = boot(
    treeOf(...[...tree.entries()].filter(({ path }) => path !== "" && !path.endsWith("systemd-bootx64.efi"))),
  );
  assert.deepEqual(
    alone.files.map(({ path }) => path),
    ["EFI/BOOT/BOOTX64.EFI"],
  );
  assert.equal(sections("EFI/BOOT/BOOTX64.EFI", alone)[".linux"], "kernel");
  assert.throws(() => boot(bootable()), /no EFI stub of systemd; install systemd-boot-efi/);
});

test("a medium starts under BIOS and UEFI, in the eyes of xorriso", () => {
  const iso = new MemoryDisk();
  writeIsoImage(
    iso,
    new MemoryDisk(),
    bootable(),
    { name: "My image", architecture: "amd64", time: 1_700_000_000 },
    codecs,
  );
  const folder = mkdtempSync(join(tmpdir(), "stratos-iso-"));
  try {
    writeFileSync(join(folder, "iso"), readBytes(iso, 0, iso.size));
    const report = execFileSync("xorriso", ["-indev", join(folder, "iso"), "-report_el_torito", "plain"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    assert.match(report, /BIOS +y[\s\S]*UEFI +y/);
    execFileSync(
      "xorriso",
      ["-osirrox", "on", "-indev", join(folder, "iso"), "-extract", "/isolinux/isolinux.cfg", join(folder, "cfg")],
      { stdio: "pipe" },
    );
    assert.match(
      readFileSync(join(folder, "cfg"), "utf8"),
      /append root=LABEL=MY_IMAGE .*stratos\.live=live\/root\.squashfs/,
    );
    assert.ok(existsSync(join(folder, "cfg")));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test(
  "a root into which ostree has deployed systems starts them by its entries, the newest first, and they bring the " +
    "loader",
  () => {
    const deployed = (name: string): FileEntry[] => [
      file(`ostree/deploy/debian/deploy/${name}.0/usr/lib/systemd/boot/efi/systemd-bootx64.efi`, `loader of ${name}`),
      fileEntry(`ostree/boot.1/debian/${name}/0`, "symlink", { target: `../../../deploy/debian/deploy/${name}.0` }),
    ];
    const entry = (number: number, name: string, kernel: string): FileEntry[] => [
      file(
        `boot/loader.1/entries/ostree-${number}-debian.conf`,
        `title Debian (${name})\nversion ${number}\noptions root=LABEL=gone quiet ` +
          `ostree=/ostree/boot.1/debian/${name}/0\nlinux /ostree/debian-${kernel}/vmlinuz-6.1\ninitrd ` +
          `/ostree/debian-${kernel}/initramfs-6.1.img\n`,
      ),
      file(`boot/ostree/debian-${kernel}/vmlinuz-6.1`, `kernel ${kernel}`),
      file(`boot/ostree/debian-${kernel}/initramfs-6.1.img`, `root ${kernel}`),
    ];
    const parts = [
      fileEntry("boot/loader", "symlink", { target: "loader.1" }),
      ...deployed("old"),
      ...deployed("new"),
      ...entry(1, "old", "aa"),
      ...entry(2, "new", "bb"),
    ];
    const options: BootOptions = { architecture: "amd64", title: "box", root: "UUID=x", mtime: 5 };
    const { files, kernel, loader } = bootFiles(treeOf(...parts), options, codecs),
      texts = new Map(files.map(({ path, content }) => [path, Buffer.from(content).toString()]));
    assert.deepEqual([kernel, loader, texts.get("EFI/BOOT/BOOTX64.EFI")], ["6.1", "systemd-boot", "loader of new"]);
    assert.match(texts.get("loader/loader.conf")!, /^default ostree-\*$/m);
    assert.equal(
      texts.get("loader/entries/ostree-new.0.conf"),
      "title Debian (new)\nversion 2\nsort-key ostree\nlinux /ostree/debian-bb/vmlinuz-6.1\n" +
        "initrd /ostree/debian-bb/initramfs-6.1.img\n" +
        "options root=UUID=x ro console=tty0 console=ttyS0,115200 systemd.gpt_auto=0 quiet " +
        "ostree=/ostree/boot.1/debian/new/0\n",
    );
    assert.deepEqual(
      [texts.get("ostree/debian-aa/vmlinuz-6.1"), texts.get("ostree/debian-bb/initramfs-6.1.img")],
      ["kernel aa", "root bb"],
    );
    assert.throws(
      () => bootFiles(treeOf(...parts.filter(({ path }) => !path.includes("vmlinuz"))), options, codecs),
      /ostree-\d-debian\.conf: linux is \/ostree\/debian-\w\w\/vmlinuz-6\.1, and not in the tree/,
    );
    assert.throws(
      () => bootFiles(treeOf(...parts.filter(({ path }) => !path.startsWith("ostree/boot.1"))), options, codecs),
      /its system \/ostree\/boot\.1\/debian\/\w+\/0 is not in the tree/,
    );
    const plan = planDiskImage(treeOf(...parts), { name: "box", architecture: "amd64", time: 5 }, codecs);
    assert.ok(plan.boot.files.some(({ path }) => path === "loader/entries/ostree-old.0.conf"));
    assert.throws(
      () =>
        planDiskImage(treeOf(...parts), { name: "box", architecture: "amd64", time: 5, rootFormat: "btrfs" }, codecs),
      /not divided into subvolumes/,
    );
  },
);
