/**
 * Installing. Goal: what the configuration says stands on the disk. Judges: sgdisk, e2fsck, fsck.vfat, blkid, debugfs.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DiskWindow,
  FatVolume,
  fileEntry,
  fileTreeOf,
  MemoryBlob,
  MemoryDisk,
  readBlob,
  readBytes,
  readErofs,
  readGpt,
  type FileEntry,
  type FileTree,
} from "@stratos/formats";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { derivedId } from "../disk/disk-image.ts";
import type { RootFileSystem } from "../disk/root-format.ts";
import { planInstall, type InstallOptions } from "./install.ts";
import type { PlannedPartition } from "./partition-plan.ts";
import { readInstallConfig } from "./read-config.ts";

const codecs = nodeCodecs();
const MIB = 1 << 20;
const sbin = {
  encoding: "utf8",
  env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
  stdio: "pipe",
} as const;
const file = (path: string, content: string, fields: Partial<FileEntry> = {}): FileEntry =>
  fileEntry(path, "file", { content: new MemoryBlob(Buffer.from(content), ""), ...fields });
const OPTIONS: InstallOptions = {
  diskSize: 180 * MIB,
  architecture: "amd64",
  time: 1_700_000_000,
  id: (what) => derivedId(`test ${what}`, codecs),
};

function root(): FileTree {
  const folders = [
    "",
    "bin",
    "boot",
    "etc",
    "etc/skel",
    "home",
    "root",
    "usr",
    "usr/bin",
    "usr/lib",
    "usr/lib/modules",
    "usr/lib/modules/6.1",
    "usr/lib/systemd",
    "usr/lib/systemd/boot",
    "usr/lib/systemd/boot/efi",
    "usr/share",
    "usr/share/zoneinfo",
    "usr/share/zoneinfo/Europe",
  ];
  return fileTreeOf([
    ...folders.map((path) => fileEntry(path, "directory", path === "root" ? { mode: 0o700 } : {})),
    file("boot/vmlinuz-6.1", "kernel"),
    file("usr/bin/busybox", "shell", { mode: 0o755 }),
    file("usr/lib/systemd/boot/efi/systemd-bootx64.efi", "loader"),
    file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/usr/sbin/nologin\n"),
    file("etc/group", "root:x:0:\nsudo:x:27:\nshadow:x:42:\n"),
    file("etc/shadow", "root:*:19000:0:99999:7:::\n", { mode: 0o640, gid: 42 }),
    file("etc/gshadow", "root:*::\nsudo:*::\nshadow:*::\n", { mode: 0o640, gid: 42 }),
    file("etc/skel/.profile", "umask 022\n"),
    file("usr/share/zoneinfo/Europe/Berlin", "zone"),
    file("etc/machine-id", "1234\n"),
    file("home/keep", "kept"),
    file("etc/locale.gen", "# de_DE.UTF-8 UTF-8\n"),
  ]);
}

const CONFIG = `
architecture = "amd64"
[disk]
kernel_options = "quiet"
[[partition]]
name = "esp"
size = "64M"
format = "vfat"
mount = "/boot/efi"
[[partition]]
name = "root"
size = "rest"
format = "ext4"
mount = "/"
[[partition]]
name = "home"
size = "20M"
format = "ext4"
mount = "/home"
options = "noatime"
[[partition]]
name = "swap"
size = "16M"
format = "swap"
[system]
hostname = "box.example.org"
locale = "de_DE.UTF-8"
timezone = "Europe/Berlin"
keymap = "de"
[root]
password_hash = "!"
ssh_keys = ["ssh-ed25519 AAAA root@x"]
[[user]]
name = "anna"
comment = "Anna Größe"
groups = ["sudo"]
password_hash = "$6$salt$hash"
ssh_keys = ["ssh-ed25519 BBBB anna@x", "ssh-rsa CCCC"]
[[network]]
interface = "en*"
dhcp = true
[[network]]
interface = "eth1"
addresses = ["192.0.2.5/24"]
gateway = "192.0.2.1"
[[file]]
path = "/etc/motd"
content = "welcome\\n"
`;

test("partitions, file systems, names, places, people and keys stand where the configuration says", () => {
  const plan = planInstall(root(), readInstallConfig(CONFIG), OPTIONS, codecs);
  const disk = new MemoryDisk(OPTIONS.diskSize);
  const steps: string[] = [];
  plan.write(disk, true, (step) => steps.push(step));
  assert.equal(steps.length, 5);
  const folder = mkdtempSync(join(tmpdir(), "stratos-install-"));
  try {
    writeFileSync(join(folder, "disk"), readBytes(disk, 0, disk.size));
    assert.match(
      execFileSync("sgdisk", ["-v", "-p", join(folder, "disk")], sbin),
      /No problems found[\s\S]*EF00 +esp\n[\s\S]*8304 +root\n[\s\S]*8302 +home\n[\s\S]*8200 +swap\n/,
    );
    for (const { config, partition } of plan.partitions)
      writeFileSync(join(folder, config.name), readBytes(disk, partition.start, partition.size));
    for (const name of ["root", "home"]) execFileSync("e2fsck", ["-fn", join(folder, name)], sbin);
    execFileSync("fsck.vfat", ["-n", join(folder, "esp")], sbin);
    const uuid = (name: string): string => plan.partitions.find(({ config }) => config.name === name)!.uuid;
    for (const [name, type] of [
      ["esp", "vfat"],
      ["root", "ext4"],
      ["home", "ext4"],
      ["swap", "swap"],
    ] as const) {
      assert.match(
        execFileSync("blkid", ["-p", join(folder, name)], sbin),
        new RegExp(`UUID="${uuid(name)}".* TYPE="${type}"|TYPE="${type}".*UUID="${uuid(name)}"`),
      );
    }
    const cat = (path: string, name = "root"): string =>
      execFileSync("debugfs", ["-R", `cat ${path}`, join(folder, name)], sbin);
    const stat = (path: string, name = "root"): string =>
      execFileSync("debugfs", ["-R", `stat ${path}`, join(folder, name)], sbin);
    assert.equal(
      cat("/etc/fstab"),
      `# <file system> <mount point> <type> <options> <dump> <pass>\nUUID=${uuid("root")} / ext4 ` +
        `errors=remount-ro 0 1\nUUID=${uuid("esp")} /boot/efi vfat umask=0077 0 2\nUUID=${uuid("home")} /home ext4 ` +
        `noatime 0 2\nUUID=${uuid("swap")} none swap sw 0 0\n`,
    );
    assert.equal(cat("/etc/hostname"), "box.example.org\n");
    assert.match(cat("/etc/hosts"), /^127\.0\.1\.1\tbox\.example\.org box$/m);
    assert.equal(cat("/etc/locale.gen"), "de_DE.UTF-8 UTF-8\n");
    assert.match(stat("/etc/localtime"), /Fast link dest: "\/usr\/share\/zoneinfo\/Europe\/Berlin"/);
    assert.equal(cat("/etc/passwd").split("\n")[2], "anna:x:1000:1000:Anna Größe:/home/anna:/bin/sh");
    assert.match(cat("/etc/group"), /^sudo:x:27:anna$/m);
    assert.match(cat("/etc/gshadow"), /^sudo:\*::anna$/m);
    assert.match(cat("/etc/shadow"), /^root:!:19675:[\s\S]*^anna:\$6\$salt\$hash:19675:/m);
    assert.match(stat("/etc/shadow"), /Mode: +0640[\s\S]*Group: +42/);
    assert.match(stat("/root/.ssh/authorized_keys"), /Mode: +0600[\s\S]*User: +0/);
    assert.equal(cat("/anna/.ssh/authorized_keys", "home"), "ssh-ed25519 BBBB anna@x\nssh-rsa CCCC\n");
    assert.match(stat("/anna/.ssh", "home"), /Mode: +0700[\s\S]*User: +1000 +Group: +1000/);
    assert.match(stat("/anna/.profile", "home"), /User: +1000/);
    assert.equal(cat("/keep", "home"), "kept");
    assert.match(stat("/home"), /Type: directory/);
    assert.equal(cat("/home/keep"), "");
    assert.equal(
      cat("/etc/systemd/network/21-stratos.network"),
      "[Match]\nName=eth1\n\n[Network]\nAddress=192.0.2.5/24\nGateway=192.0.2.1\n",
    );
    assert.equal(cat("/etc/motd"), "welcome\n");
    // Debian's systemd makes vconsole.conf this link at every start; a file there would be lost.
    assert.match(stat("/etc/vconsole.conf"), /Fast link dest: "default\/keyboard"/);
    assert.match(cat("/etc/default/keyboard"), /^XKBLAYOUT="de"$[\s\S]*^KEYMAP=de$/m);
    assert.equal(cat("/etc/machine-id"), "");
    assert.match(plan.boot.commandLine, new RegExp(`^root=UUID=${uuid("root")} ro .* quiet$`));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("btrfs has a subvolume for each place and a snapshot to go back to; swap has its header", () => {
  const config = readInstallConfig(`
[[partition]]
name = "esp"
size = "64M"
format = "vfat"
mount = "/boot/efi"
[[partition]]
name = "swap"
size = "16M"
format = "swap"
[[partition]]
name = "root"
size = "rest"
format = "btrfs"
snapshots = ["@factory"]
[[partition.subvolumes]]
name = "@"
mount = "/"
options = "compress=zstd"
[[partition.subvolumes]]
name = "@home"
mount = "/home"
[[user]]
name = "anna"
ssh_keys = ["ssh-ed25519 BBBB anna@x"]
`);
  const plan = planInstall(root(), config, OPTIONS, codecs),
    disk = new MemoryDisk(OPTIONS.diskSize);
  plan.write(disk, true, () => {});
  const planned = (name: string): PlannedPartition => plan.partitions.find((own) => own.config.name === name)!;
  const folder = mkdtempSync(join(tmpdir(), "stratos-install-"));
  try {
    for (const name of ["root", "swap"])
      writeFileSync(join(folder, name), readBytes(disk, planned(name).partition.start, planned(name).partition.size));
    execFileSync("btrfs", ["check", "--check-data-csum", join(folder, "root")], sbin);
    for (const [id, name] of [
      ["256", "at"],
      ["257", "home"],
      ["258", "factory"],
    ] as const) {
      mkdirSync(join(folder, name));
      execFileSync("btrfs", ["restore", "-r", id, join(folder, "root"), join(folder, name)], sbin);
    }
    const fstab = readFileSync(join(folder, "at/etc/fstab"), "utf8"),
      uuid = planned("root").uuid;
    assert.ok(
      fstab.includes(`UUID=${uuid} / btrfs subvol=@,compress=zstd 0 0\n`) &&
        fstab.includes(`UUID=${uuid} /home btrfs subvol=@home 0 0\n`) &&
        fstab.includes(`UUID=${planned("swap").uuid} none swap sw 0 0\n`),
      fstab,
    );
    assert.equal(readFileSync(join(folder, "home/anna/.ssh/authorized_keys"), "utf8"), "ssh-ed25519 BBBB anna@x\n");
    assert.equal(readFileSync(join(folder, "home/keep"), "utf8"), "kept");
    assert.equal(existsSync(join(folder, "at/home/keep")), false);
    assert.equal(readFileSync(join(folder, "factory/etc/fstab"), "utf8"), fstab);
    assert.match(
      execFileSync("blkid", ["-p", join(folder, "swap")], sbin),
      new RegExp(`UUID="${planned("swap").uuid}".*TYPE="swap"|TYPE="swap".*UUID="${planned("swap").uuid}"`),
    );
    const menu = (name: string): string =>
      Buffer.from(plan.boot.files.find(({ path }) => path === `loader/entries/${name}.conf`)!.content).toString();
    assert.match(menu("stratos"), /rootflags=subvol=@ /);
    assert.match(menu("stratos-factory"), /rootflags=subvol=@factory /);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test(
  "a root that is never changed lies on EROFS, with what changes on partitions of " +
    "its own; AegisFS holds files, too",
  () => {
    const part = (name: string, size: string, format: string, mount: string): string =>
      `[[partition]]\nname = "${name}"\nsize = "${size}"\nformat = "${format}"\nmount = "${mount}"\n`;
    const written: string[] = [];
    const aegisfs: RootFileSystem = {
      isReadOnly: false,
      mountOptions: "",
      checkPass: 0,
      sizeFor: () => MIB,
      write: (_disk, shares) => void written.push(...[...shares[0]!.tree.entries()].map(({ path }) => path)),
    };
    const text =
      `${part("esp", "64M", "vfat", "/efi")}${part("root", "20M", "erofs", "/")}` +
      `${part("home", "20M", "aegisfs", "/home")}`;
    const plan = planInstall(root(), readInstallConfig(text), { ...OPTIONS, aegisfs }, codecs),
      disk = new MemoryDisk(OPTIONS.diskSize);
    plan.write(disk, true, () => {});
    const [, own, home] = plan.partitions as [PlannedPartition, PlannedPartition, PlannedPartition];
    assert.deepEqual(written, ["", "keep"]);
    const files = new Map(
      [...readErofs(new DiskWindow(disk, own.partition), codecs).tree.entries()].map((entry) => [entry.path, entry]),
    );
    assert.ok(files.has("usr/bin/busybox") && files.has("home") && !files.has("home/keep"));
    assert.equal(
      Buffer.from(readBlob(files.get("etc/fstab")!.content!))
        .toString()
        .split("\n")
        .slice(1)
        .join("\n"),
      `UUID=${own.uuid} / erofs ro 0 0\nUUID=${plan.partitions[0]!.uuid} /efi vfat umask=0077 0 2\n` +
        `PARTUUID=${home.partition.id} /home aegisfs nofail 0 0\n`,
    );
    assert.deepEqual(
      plan.warnings.filter((warning) => warning.includes("erofs")),
      ["partition root: erofs is never changed, and /var is on it; partitions of their own keep what changes"],
    );
    assert.throws(
      () =>
        planInstall(root(), readInstallConfig(text.replace('"erofs"', '"aegisfs"')), { ...OPTIONS, aegisfs }, codecs),
      /partition root: the root is on ext4, btrfs, xfs or erofs/,
    );
  },
);

test(
  "what ostree has deployed is installed as it is: its entries get the disk's words, and what its own /etc would " +
    "have to say is refused",
  () => {
    const system = "ostree/deploy/edge/deploy/c.0",
      files = [
        file(
          "boot/loader.1/entries/ostree-1.conf",
          "title Edge\nversion 1\noptions root=UUID=old quiet ostree=/ostree/boot.1/edge/k/0\n" +
            "linux /ostree/edge-k/vmlinuz-6.1\ninitrd /ostree/edge-k/initramfs-6.1.img\n",
        ),
        fileEntry("boot/loader", "symlink", { target: "loader.1" }),
        file("boot/ostree/edge-k/vmlinuz-6.1", "kernel"),
        file("boot/ostree/edge-k/initramfs-6.1.img", "first root"),
        file(`${system}/usr/lib/systemd/boot/efi/systemd-bootx64.efi`, "loader"),
        fileEntry("ostree/boot.1/edge/k/0", "symlink", { target: "../../../deploy/edge/deploy/c.0" }),
      ];
    const folders = new Set([""]);
    for (const { path } of files)
      for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) folders.add(path.slice(0, at));
    const deployed = fileTreeOf([...[...folders].map((path) => fileEntry(path, "directory")), ...files]);
    const plan = (text: string) =>
      planInstall(deployed, readInstallConfig(text), { ...OPTIONS, diskSize: 400 * MIB }, codecs);
    const own = plan(""),
      disk = new MemoryDisk(400 * MIB),
      folder = mkdtempSync(join(tmpdir(), "stratos-install-"));
    own.write(disk, true, () => {});
    try {
      const { partition, uuid } = own.partitions[1]!,
        path = join(folder, "root");
      writeFileSync(path, readBytes(disk, partition.start, partition.size));
      const debugfs = (request: string): string => execFileSync("debugfs", ["-R", request, path], sbin);
      assert.match(
        debugfs("cat /boot/loader.1/entries/ostree-1.conf"),
        new RegExp(`^options root=UUID=${uuid} ro .* quiet ostree=/ostree/boot.1/edge/k/0$`, "m"),
      );
      assert.ok(!/ etc/.test(debugfs("ls -l /")));
    } finally {
      rmSync(folder, { recursive: true });
    }
    assert.deepEqual(own.warnings, []);
    assert.throws(
      () => plan('[system]\nhostname = "box"\n'),
      /system\.hostname: what ostree has deployed has an \/etc of its own/,
    );
    assert.throws(() => plan('[[user]]\nname = "anna"\n'), /user: what ostree has deployed/);
    const part = (name: string, size: string, format: string, mount: string): string =>
      `[[partition]]\nname = "${name}"\nsize = "${size}"\nformat = "${format}"\nmount = "${mount}"\n`;
    assert.throws(
      () => plan(part("esp", "64M", "vfat", "/efi") + part("root", "rest", "btrfs", "/")),
      /partition root: what ostree has deployed lies on ext4, not on btrfs/,
    );
    assert.throws(
      () =>
        plan(
          part("esp", "64M", "vfat", "/efi") + part("root", "rest", "ext4", "/") + part("home", "64M", "ext4", "/home"),
        ),
      /partition home: what ostree has deployed does not mount it/,
    );
  },
);

test("a disk that counts in blocks of 4096 bytes gets a table and an EFI system partition in those", () => {
  const config = readInstallConfig("[disk]\nsector_size = 4096\n"),
    plan = planInstall(root(), config, { ...OPTIONS, diskSize: 400 * MIB, sectorSize: 4096 }, codecs),
    disk = new MemoryDisk(400 * MIB);
  plan.write(disk, true, () => {});
  const table = readGpt(disk)!,
    esp = new DiskWindow(disk, table.partitions[0]!);
  assert.deepEqual(
    [table.sectorSize, table.partitions.map(({ name, start }) => [name, start / MIB])],
    [
      4096,
      [
        ["esp", 1],
        ["root", 257],
      ],
    ],
  );
  // Bytes per sector, in FAT's first sector.
  assert.equal(new DataView(readBytes(esp, 0, 512).buffer).getUint16(11, true), 4096);
  assert.equal(Buffer.from(FatVolume.open(esp).read("EFI/BOOT/BOOTX64.EFI")).toString(), "loader");
  assert.throws(
    () => readInstallConfig("[disk]\nsector_size = 1000\n"),
    /2:1: disk\.sector_size: must be one of 512, 4096/,
  );
});

test("what is hardly meant is said before anything is written", () => {
  const warnings = (text: string): readonly string[] =>
    planInstall(root(), readInstallConfig(text), { ...OPTIONS, diskSize: 400 * MIB }, codecs).warnings;
  assert.deepEqual(warnings(""), ["nobody can log in: no account has a password or an SSH key"]);
  assert.deepEqual(warnings('[root]\npassword_hash = "$6$salt$hash"\n[system]\nlocale = "C.UTF-8"\n'), []);
  assert.deepEqual(
    warnings(
      '[system]\nlocale = "de_DE.UTF-8"\n[[user]]\nname = "anna"\nshell = "/bin/zsh"\n' +
        'ssh_keys = ["ssh-ed25519 AAAA x"]\n[[network]]\ninterface = "en*"\n',
    ),
    [
      "the locale de_DE.UTF-8 is not in the root; install locales-all, or locales and run locale-gen",
      "user anna: the root has no /bin/zsh, and the user cannot log in",
      "SSH keys are given, and the root has no SSH server; install openssh-server",
      "networks are given, and the root has no systemd-networkd, which reads them",
    ],
  );
});

test("a plan tells what cannot be before anything is written", () => {
  const plan =
    (text: string, options: Partial<InstallOptions> = {}) =>
    () =>
      planInstall(root(), readInstallConfig(text), { ...OPTIONS, diskSize: 400 * MIB, ...options }, codecs);
  const part = (name: string, size: string, format: string, mount: string): string =>
    `[[partition]]\nname = "${name}"\nsize = "${size}"\nformat = "${format}"\nmount = "${mount}"\n`;
  const esp = part("esp", "64M", "vfat", "/efi");
  assert.throws(plan("", { diskSize: 100 * MIB }), /the partitions need \d+ bytes, and the disk has 104857600/);
  assert.throws(plan(esp), /no partition is mounted on \//);
  assert.throws(plan(part("root", "rest", "ext4", "/")), /no partition is the EFI system partition/);
  assert.throws(
    plan(esp + part("root", "rest", "ext4", "/") + part("home", "rest", "ext4", "/home")),
    /two partitions cannot both take the rest/,
  );
  assert.throws(plan(esp + part("root", "much", "ext4", "/")), /partition root: 'much' is no size/);
  const volumes = (more: string): string =>
    `${esp}[[partition]]\nname = "root"\nsize = "rest"\nformat = "btrfs"\n${more}`;
  const home = '[[partition.subvolumes]]\nname = "@home"\nmount = "/home"\n';
  assert.throws(plan(volumes(home)), /no partition is mounted on \//);
  assert.throws(plan(volumes(`mount = "/"\n${home}`)), /partition root: its subvolumes are mounted, not itself/);
  assert.throws(
    plan(volumes(`[[partition.subvolumes]]\nname = "@home"\nmount = "/"\n${home}`)),
    /the subvolume @home is there twice/,
  );
  assert.throws(
    plan(`${esp}[[partition]]\nname = "root"\nsize = "rest"\nformat = "ext4"\nmount = "/"\nsnapshots = ["a"]\n`),
    /ext4 has no subvolumes; btrfs has/,
  );
  for (const place of ["/usr", "/etc", "/lib"])
    assert.throws(
      plan(esp + part("root", "rest", "ext4", "/") + part("own", "64M", "ext4", place)),
      new RegExp(`partition own: ${place} cannot lie apart from /`),
    );
  for (const place of ["/proc", "/run/x", "/dev"])
    assert.throws(
      plan(esp + part("root", "rest", "ext4", "/") + part("own", "64M", "ext4", place)),
      new RegExp(`partition own: ${place} is on no disk`),
    );
  plan(esp + part("root", "rest", "ext4", "/") + part("own", "64M", "ext4", "/usr/local"))();
  assert.throws(
    plan(
      volumes(
        `[[partition.subvolumes]]\nname = "@"\nmount = "/"\n[[partition.subvolumes]]\nname = "@etc"\nmount = "/etc"\n`,
      ),
    ),
    /partition root: \/etc cannot lie apart/,
  );
  assert.throws(
    plan(`${esp}${part("root", "rest", "ext4", "/")}${part("more", "64M", "ext4", "/srv")}type = "swap"\n`),
    /partition more: is of type swap, which takes format swap/,
  );
  // Two units of UTF-16 each.
  assert.throws(
    plan(esp + part("root", "rest", "ext4", "/") + part("\u{1f600}".repeat(19), "64M", "ext4", "/srv")),
    /a name has at most 36 characters/,
  );
  assert.throws(
    plan(esp + part("root", "rest", "ext4", "/") + part("own", "64M", "ext4", "/mnt/../srv")),
    /partition\[2\]\.mount: is not what is expected here: an absolute path, without/,
  );
  assert.throws(
    plan(esp.replace("64M", "1M") + part("root", "rest", "ext4", "/")),
    /partition esp: kernel and loader need/,
  );
  assert.throws(plan('[system]\ntimezone = "Mars/Base"\n'), /Mars\/Base: a time zone that the root does not have/);
  assert.throws(plan('[[user]]\nname = "daemon"\n'), /user daemon: the root has one of this name/);
  assert.throws(plan('[[user]]\nname = "anna"\ngroups = ["wheel"]\n'), /the root has no group wheel/);
});

test("a mistaken file is told by line and key", () => {
  const told = (text: string, pattern: RegExp): void => assert.throws(() => readInstallConfig(text), pattern);
  told('[system]\nhostnam = "x"\n', /^FormatError: 2:1: system\.hostnam: unknown key; did you mean hostname\?$/);
  told('[system]\nhostname = "UPPER case"\n', /2:1: system\.hostname: is not what is expected/);
  told(
    '[[partition]]\nname = "x"\nformat = "zfs"\nsize = "1G"\n',
    /3:1: partition\[0\]\.format: must be one of vfat, ext4, btrfs, xfs, erofs, aegisfs, swap, none/,
  );
  told("[[user]]\nuid = 5\n", /1:1: user\[0\]: name is missing/);
  told("x = \n", /^FormatError: 1:\d+: /);
  told('[[file]]\npath = "/etc/../x/"\ncontent = ""\n', /path: is not what/);
});
