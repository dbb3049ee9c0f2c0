/**
 * Own partitions. Goal: each file lies where it is mounted, sizes and marks are what was asked for, what cannot be is
 * named. Judges: sgdisk, e2fsck, fsck.vfat, fsck.erofs, unsquashfs, veritysetup, blkid, debugfs.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { execFileSync } from "node:child_process";
import { createDecipheriv } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { gunzipSync } from "node:zlib";
import { join } from "node:path";
import {
  DiskWindow,
  FatVolume,
  fileEntry,
  fileTreeOf,
  LUKS_DATA_OFFSET,
  MemoryBlob,
  MemoryDisk,
  readBytes,
  readGpt,
  readPeSections,
  type Disk,
  type FileEntry,
  type FileTree,
} from "@stratos/formats";
import { extendedTest } from "@stratos/base/testing";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { nodeDiskCipher } from "@stratos/tools-node/outputs";
import { partitionProblems, partitionSizes, type DiskPartition } from "./partition-table.ts";
import { planPartitionedDisk, type PartitionedDiskOptions } from "./partitioned-disk.ts";

const codecs = nodeCodecs(),
  MIB = 1 << 20;
const sbin = {
  encoding: "utf8",
  env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
  stdio: "pipe",
} as const;
const file = (path: string, content: string | Uint8Array, fields: Partial<FileEntry> = {}): FileEntry =>
  fileEntry(path, "file", {
    content: new MemoryBlob(typeof content === "string" ? Buffer.from(content) : content, ""),
    ...fields,
  });

function root(...more: FileEntry[]): FileTree {
  const folders = [
    "",
    "boot",
    "etc",
    "home",
    "home/ann",
    "usr",
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/lib/modules",
    "usr/lib/modules/6.1",
    "usr/lib/systemd",
    "usr/lib/systemd/boot",
    "usr/lib/systemd/boot/efi",
    "var",
    "var/lib",
    "srv",
  ];
  return fileTreeOf([
    ...folders.map((path) => fileEntry(path, "directory")),
    file("boot/vmlinuz-6.1", "kernel"),
    file("usr/bin/busybox", "shell", { mode: 0o755 }),
    file("usr/bin/systemd-repart", "repart", { mode: 0o755 }),
    file("usr/lib/systemd/boot/efi/systemd-bootx64.efi", "loader"),
    file("usr/sbin/veritysetup", "opens"),
    file("usr/sbin/cryptsetup", "opens"),
    file("usr/bin/systemd-cryptsetup", "opens"),
    file("usr/sbin/findfs", "finds"),
    file("home/ann/note", "hers"),
    file("var/lib/state", "state"),
    file("srv/page", "page"),
    ...more,
  ]);
}

const OPTIONS: Omit<PartitionedDiskOptions, "partitions"> = { name: "box", architecture: "amd64", time: 1_700_000_000 };
const ESP: DiskPartition = { name: "esp", fileSystem: "vfat", mount: "/boot/efi", size: 64 * MIB };

/** Writes a disk twice, compares, and calls with its file and those of its partitions. */
function withDisk(
  tree: FileTree,
  options: Omit<PartitionedDiskOptions, "name" | "architecture" | "time">,
  check: (disk: Disk, path: string, part: (name: string) => string) => void,
): void {
  const at = mkdtempSync(join(tmpdir(), "stratos-partitions-"));
  try {
    const make = (): MemoryDisk => {
      const plan = planPartitionedDisk(tree, { ...OPTIONS, ...options }, codecs),
        disk = new MemoryDisk(plan.size);
      plan.write(disk, true);
      return disk;
    };
    const disk = make(),
      bytes = readBytes(disk, 0, disk.size),
      path = join(at, "disk");
    writeFileSync(path, bytes);
    assert.ok(Buffer.from(bytes.buffer).equals(readBytes(make(), 0, disk.size)), "the same bytes twice");
    assert.match(execFileSync("sgdisk", ["-v", path], sbin), /No problems found/);
    check(disk, path, (name) => {
      const { start, size } = readGpt(disk)!.partitions.find((one) => one.name === name)!;
      if (!existsSync(join(at, name))) writeFileSync(join(at, name), bytes.subarray(start, start + size));
      return join(at, name);
    });
  } finally {
    rmSync(at, { recursive: true });
  }
}

test("files lie where they are mounted, on the file system that was asked for, and /etc/fstab says so", () => {
  withDisk(
    root(),
    {
      partitions: [
        ESP,
        { name: "root", fileSystem: "ext4", mount: "/" },
        { name: "srv", fileSystem: "squashfs", mount: "/srv" },
        { name: "swap", fileSystem: "swap", size: 8 * MIB },
        { name: "home", fileSystem: "ext4", mount: "/home", size: 16 * MIB, options: "noatime,nodev", label: "people" },
        { name: "spare", fileSystem: "none", size: 4 * MIB, type: "usr" },
        { name: "var", fileSystem: "btrfs", mount: "/var", min: 80 * MIB, grows: true },
      ],
    },
    (disk, _path, part) => {
      const uuid = (name: string): string =>
        /^UUID=(\S+)$/m.exec(execFileSync("blkid", ["-p", "-o", "export", part(name)], sbin))![1]!;
      for (const name of ["root", "people"]) execFileSync("e2fsck", ["-fn", part(name)], sbin);
      execFileSync("btrfs", ["check", part("var")], sbin);
      execFileSync("fsck.vfat", ["-n", part("esp")], sbin);
      assert.match(execFileSync("unsquashfs", ["-l", part("srv")], sbin), /squashfs-root\/page/);
      assert.match(execFileSync("blkid", ["-p", part("swap")], sbin), /TYPE="swap"/);
      const debugfs = (name: string, command: string): string =>
        execFileSync("debugfs", ["-R", command, part(name)], { ...sbin, stdio: ["ignore", "pipe", "ignore"] });
      assert.equal(debugfs("people", "cat /ann/note"), "hers");
      assert.doesNotMatch(debugfs("root", "ls /home"), /ann/);
      assert.deepEqual(debugfs("root", "cat /etc/fstab").trim().split("\n").slice(1), [
        `UUID=${uuid("root")} / ext4 errors=remount-ro 0 1`,
        `UUID=${uuid("esp")} /boot/efi vfat umask=0077 0 2`,
        `UUID=${uuid("people")} /home ext4 noatime,nodev 0 2`,
        `PARTUUID=${readGpt(disk)!.partitions[2]!.id} /srv squashfs ro 0 0`,
        `UUID=${uuid("var")} /var btrfs defaults,x-systemd.growfs 0 0`,
        `UUID=${uuid("swap")} none swap sw 0 0`,
      ]);
      assert.match(
        debugfs("root", "cat /etc/repart.d/070-var.conf"),
        /Type=4d21b016-b534-45c2-a9fb-5c16e091fd2d\nLabel=var\nGrowFileSystem=yes\n/,
      );
      const table = readGpt(disk)!.partitions;
      assert.deepEqual(
        table.map(({ name, attributesHigh = 0 }) => `${name} ${attributesHigh >>> 27}`),
        ["esp 0", "root 0", "srv 2", "swap 0", "people 0", "spare 0", "var 1"],
      );
      assert.equal(table[5]!.type, "8484680c-9521-48c6-9c11-b0720656f69e");
      const fat = FatVolume.open(new DiskWindow(disk, table[0]!));
      assert.match(
        Buffer.from(fat.read("loader/entries/stratos.conf")).toString(),
        new RegExp(`root=UUID=${uuid("root")} ro`),
      );
    },
  );
});

test(
  "a verified root: the hashes hold, the command line has the root hash, and " + "both partitions are found by it",
  () => {
    for (const fileSystem of ["erofs", "squashfs", "ext4"] as const) {
      withDisk(
        root(),
        {
          partitions: [
            ESP,
            {
              name: "root",
              fileSystem,
              mount: "/",
              hasVerity: true,
              ...(fileSystem === "ext4" ? { isReadOnly: true } : {}),
            },
            { name: "var", fileSystem: "ext4", mount: "/var", min: 20 * MIB },
          ],
        },
        (disk, _path, part) => {
          const { partitions } = readGpt(disk)!,
            fat = FatVolume.open(new DiskWindow(disk, partitions[0]!));
          const entry = Buffer.from(fat.read("loader/entries/stratos.conf")).toString(),
            rootHash = /roothash=([0-9a-f]{64})/.exec(entry)![1]!;
          assert.match(entry, /root=\/dev\/mapper\/root/);
          assert.notEqual(rootHash, "0".repeat(64));
          execFileSync("veritysetup", ["verify", part("root"), part("root-verity"), rootHash], sbin);
          assert.deepEqual(
            partitions.slice(1, 3).map(({ type, id }) => [type, id.replaceAll("-", "")]),
            [
              ["4f68bce3-e8cd-4db1-96e7-fbcaf984b709", rootHash.slice(0, 32)],
              ["2c7357ed-ebd2-46d9-aec1-23d437ec2bf5", rootHash.slice(32)],
            ],
          );
          const initrd = execFileSync("cpio", ["-it", "--quiet"], {
            input: execFileSync("gzip", ["-d"], { input: fat.read("6.1/initrd") }),
            encoding: "utf8",
          });
          for (const name of ["bin/veritysetup", "bin/find-partition"]) assert.ok(initrd.includes(`${name}\n`), name);
          if (fileSystem === "erofs")
            assert.match(execFileSync("fsck.erofs", [part("root")], sbin), /No errors found|^$/m);
        },
      );
    }
  },
);

test("a unified kernel holds the root hash, too", () => {
  const stub = new Uint8Array(1024),
    view = new DataView(stub.buffer);
  stub.set(Buffer.from("MZ"));
  view.setUint32(60, 64, true);
  stub.set(Buffer.from("PE\0\0"), 64);
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
  withDisk(
    root(file("usr/lib/systemd/boot/efi/linuxx64.efi.stub", stub)),
    { loader: "unified", partitions: [ESP, { name: "root", fileSystem: "erofs", mount: "/", hasVerity: true }] },
    (disk, _path, part) => {
      const fat = FatVolume.open(new DiskWindow(disk, readGpt(disk)!.partitions[0]!));
      const words = Buffer.from(
        readPeSections(fat.read("EFI/Linux/stratos.efi")).find(({ name }) => name === ".cmdline")!.content,
      ).toString();
      execFileSync(
        "veritysetup",
        ["verify", part("root"), part("root-verity"), /roothash=([0-9a-f]{64})/.exec(words)![1]!],
        sbin,
      );
    },
  );
});

extendedTest("an MBR beside the table has the partitions that were asked for", () => {
  withDisk(
    root(),
    {
      partitions: [
        { ...ESP, inMbr: true },
        { name: "root", fileSystem: "ext4", mount: "/" },
      ],
    },
    (_disk, path) => {
      const record = (index: number): number[] => {
        const at = 446 + index * 16,
          bytes = readFileSync(path).subarray(at, at + 16);
        return [bytes[0]!, bytes[4]!, bytes.readUInt32LE(8), bytes.readUInt32LE(12)];
      };
      assert.deepEqual(
        [record(0), record(1), record(2)],
        [
          [0, 0xee, 1, 2047],
          [0x80, 0xef, 2048, 131_072],
          [0, 0, 0, 0],
        ],
      );
    },
  );
});

test("what a disk has left is shared by weight, within bounds", () => {
  const sized = (
    partition: Partial<DiskPartition> & { name: string },
    usual: number,
    isExact = false,
  ): { partition: DiskPartition; need: number; usual: number; isExact: boolean } => ({
    partition: { fileSystem: "ext4", ...partition },
    need: usual,
    usual,
    isExact,
  });
  const list = [
    sized({ name: "esp", fileSystem: "vfat", mount: "/boot/efi" }, 64 * MIB),
    sized({ name: "root" }, 100 * MIB),
    sized({ name: "var", weight: 3000 }, 10 * MIB),
    sized({ name: "home", max: 50 * MIB }, 20 * MIB),
    sized({ name: "ro", fileSystem: "erofs" }, 30 * MIB, true),
  ];
  assert.deepEqual(
    partitionSizes(list, undefined),
    [64, 100, 10, 20, 30].map((size) => size * MIB),
  );
  const sizes = partitionSizes(list, 1026 * MIB);
  assert.equal(
    sizes.reduce((sum, size) => sum + size, 0),
    1024 * MIB,
  );
  assert.deepEqual([sizes[0], sizes[3], sizes[4]], [64 * MIB, 50 * MIB, 30 * MIB]);
  assert.ok(Math.abs((sizes[2]! - 10 * MIB) / (sizes[1]! - 100 * MIB) - 3) < 0.05);
  assert.throws(() => partitionSizes(list, 200 * MIB), /need .* bytes, and the disk is to have/);
  assert.throws(
    () => partitionSizes([sized({ name: "root", size: 50 * MIB }, 100 * MIB)], undefined),
    /partition root: what lies there needs 104857600 bytes, and it is to have 52428800/,
  );
});

test("what cannot be is named with its partition and key", () => {
  const told = (...partitions: DiskPartition[]): string[] =>
    partitionProblems(partitions, 100 * MIB).map(({ name, key, message }) => `${name} ${key}: ${message}`);
  const base: DiskPartition = { name: "root", fileSystem: "ext4", mount: "/" };
  assert.deepEqual(told(ESP, base), []);
  const checks: [DiskPartition[], RegExp][] = [
    [[base], /no partition is the EFI system partition/],
    [[ESP], /no partition is mounted on \//],
    [[ESP, base, { ...base, name: "two" }], /two mount: \/ is that of the partition root/],
    [[ESP, base, { name: "e", fileSystem: "ext4", mount: "/etc" }], /e mount: \/etc cannot lie apart/],
    [[ESP, base, { name: "s", fileSystem: "swap" }], /s size: is missing/],
    [[ESP, { ...base, hasVerity: true }], /root verity: vouches for what is never written/],
    [
      [ESP, { ...base, grows: true }, { name: "s", fileSystem: "swap", size: MIB }],
      /root grow: grows where there is room behind it, and there is the partition s/,
    ],
    [[ESP, { ...base, size: 90 * MIB }], /need .* bytes at least, and the disk is to have/],
    [[ESP, { ...base, min: 9 * MIB, max: 8 * MIB }], /root min: is more than max/],
    [[ESP, { ...base, type: "rooot" }], /root type: 'rooot' is neither a GUID nor one of esp, /],
    [
      [
        ...[1, 2, 3, 4].map((index): DiskPartition => ({
          name: `p${index}`,
          fileSystem: "none",
          size: MIB,
          inMbr: true,
        })),
        ESP,
        base,
      ],
      /p4 mbr: .*room for 3/,
    ],
  ];
  for (const [partitions, pattern] of checks) assert.match(told(...partitions).join("\n"), pattern);
  assert.throws(
    () => planPartitionedDisk(root(), { ...OPTIONS, partitions: [ESP, { ...base, size: 4 * MIB }] }, codecs),
    /partition root: is too small for ext4/,
  );
  assert.throws(
    () =>
      planPartitionedDisk(
        root(fileEntry("boot/efi", "directory"), fileEntry("boot/efi/link", "symlink", { target: "x" })),
        { ...OPTIONS, partitions: [ESP, base] },
        codecs,
      ),
    /partition esp: \/boot\/efi\/link is no plain file/,
  );
});

test("encryption that grows with its partition is opened so that the system can make it larger", () => {
  const opened = (grows: boolean): string => {
    const one: DiskPartition = {
      name: "root",
      fileSystem: "ext4",
      mount: "/",
      grows,
      encryption: { secret: Buffer.from("correct horse"), derivation: "pbkdf2" },
    };
    const { boot } = planPartitionedDisk(
      root(),
      { ...OPTIONS, cipher: nodeDiskCipher(), partitions: [ESP, one] },
      codecs,
    );
    return gunzipSync(boot.initrd).toString("latin1");
  };
  assert.match(opened(true), /\nopening=--disable-keyring\n/);
  assert.doesNotMatch(opened(false), /disable-keyring/);
});

extendedTest("encrypted partitions: cryptsetup opens each, the first root opens the root, the root the others", () => {
  const secret = Buffer.from("correct horse"),
    encryption = { secret, derivation: "pbkdf2" as const };
  withDisk(
    root(),
    {
      cipher: nodeDiskCipher(),
      partitions: [
        ESP,
        { name: "root", fileSystem: "ext4", mount: "/", encryption },
        { name: "home", fileSystem: "ext4", mount: "/home", encryption: { ...encryption, keepsKey: true } },
      ],
    },
    (disk, _path, part) => {
      for (const name of ["root", "home"])
        execFileSync("cryptsetup", ["open", "--test-passphrase", "--key-file", "-", part(name)], {
          ...sbin,
          input: secret,
        });
      const uuid = (name: string): string => execFileSync("cryptsetup", ["luksUUID", part(name)], sbin).trim();
      const fat = FatVolume.open(new DiskWindow(disk, readGpt(disk)!.partitions[0]!));
      assert.match(
        Buffer.from(fat.read("loader/entries/stratos.conf")).toString(),
        new RegExp(`root=/dev/mapper/root ro .*rd\\.luks\\.name=${uuid("root")}=root`),
      );
      const initrd = execFileSync("cpio", ["-it", "--quiet"], {
        input: execFileSync("gzip", ["-d"], { input: fat.read("6.1/initrd") }),
        encoding: "utf8",
      });
      assert.ok(initrd.includes("bin/cryptsetup\n"));
      // What lies within, as cryptsetup's own key has it.
      const key = `${part("root")}.key`,
        plain = `${part("root")}.plain`;
      execFileSync(
        "cryptsetup",
        ["luksDump", "--dump-volume-key", "--batch-mode", "--key-file", "-", "--volume-key-file", key, part("root")],
        { ...sbin, input: secret },
      );
      const sealed = readFileSync(part("root")).subarray(LUKS_DATA_OFFSET),
        volumeKey = readFileSync(key),
        open = Buffer.alloc(sealed.length),
        tweak = Buffer.alloc(16);
      for (let at = 0; at < sealed.length; at += 4096) {
        tweak.writeUInt32LE(at / 512);
        createDecipheriv("aes-256-xts", volumeKey, tweak)
          .update(sealed.subarray(at, at + 4096))
          .copy(open, at);
      }
      writeFileSync(plain, open);
      execFileSync("e2fsck", ["-fn", plain], sbin);
      const cat = (path: string): string =>
        execFileSync("debugfs", ["-R", `cat ${path}`, plain], { ...sbin, stdio: ["ignore", "pipe", "ignore"] });
      assert.deepEqual(cat("/etc/crypttab").trim().split("\n").slice(1), [
        `root UUID=${uuid("root")} none luks,discard`,
        `home UUID=${uuid("home")} /etc/cryptsetup-keys.d/home.key luks,discard`,
      ]);
      assert.match(
        cat("/etc/fstab"),
        /^\/dev\/mapper\/root \/ ext4 [\s\S]*^\/dev\/mapper\/home \/home ext4 defaults 0 2$/m,
      );
      assert.equal(cat("/etc/cryptsetup-keys.d/home.key"), "correct horse");
    },
  );
  const told = (...partitions: DiskPartition[]): string =>
    partitionProblems(partitions, undefined)
      .map(({ name, key, message }) => `${name} ${key}: ${message}`)
      .join("\n");
  const base: DiskPartition = { name: "root", fileSystem: "ext4", mount: "/" };
  const without = fileTreeOf([...root().entries()].filter(({ path }) => path !== "usr/bin/systemd-cryptsetup"));
  assert.throws(
    () =>
      planPartitionedDisk(
        without,
        { ...OPTIONS, cipher: nodeDiskCipher(), partitions: [ESP, { ...base, encryption }] },
        codecs,
      ),
    /partition root: nothing in the image opens what \/etc\/crypttab names; the package systemd-cryptsetup does/,
  );
  assert.match(told({ ...ESP, encryption }, base), /esp encrypt: firmware reads/);
  assert.match(
    told(ESP, base, {
      name: "home",
      fileSystem: "ext4",
      mount: "/home",
      encryption: { ...encryption, keepsKey: true },
    }),
    /home encrypt\.keep-key: the key would lie in a root that everybody reads/,
  );
});

extendedTest("volumes of LVM, in the open and within encryption: files lie in them, the first root finds them", () => {
  const lvm = file("usr/sbin/lvm", "volumes"),
    secret = Buffer.from("correct horse");
  const group: DiskPartition = {
    name: "system",
    fileSystem: "lvm",
    min: 128 * MIB,
    volumes: [
      { name: "root", fileSystem: "ext4", mount: "/" },
      { name: "swap", fileSystem: "swap", size: 8 * MIB },
      { name: "data", fileSystem: "btrfs", mount: "/var", min: 64 * MIB },
    ],
  };
  withDisk(root(lvm), { partitions: [ESP, group] }, (disk, path, part) => {
    const { partitions } = readGpt(disk)!,
      pv = part("system"),
      bytes = readFileSync(pv);
    assert.equal(partitions[1]!.type, "e6d6d379-f507-44c2-a23c-238f2a3df928");
    const text = bytes.subarray(4608, 4608 + 4000).toString("latin1"),
      volume = (name: string): string => {
        const [, count, start] = new RegExp(
          `^${name} \\{[\\s\\S]*?extent_count = (\\d+)[\\s\\S]*?"pv0", (\\d+)`,
          "m",
        ).exec(text)!;
        writeFileSync(
          `${path}.${name}`,
          bytes.subarray(MIB + Number(start) * 4 * MIB, MIB + (Number(start) + Number(count)) * 4 * MIB),
        );
        return `${path}.${name}`;
      };
    execFileSync("e2fsck", ["-fn", volume("root")], sbin);
    execFileSync("btrfs", ["check", volume("data")], sbin);
    assert.match(execFileSync("blkid", ["-p", volume("swap")], sbin), /TYPE="swap"/);
    const cat = (name: string): string =>
      execFileSync("debugfs", ["-R", `cat ${name}`, volume("root")], { ...sbin, stdio: ["ignore", "pipe", "ignore"] });
    assert.deepEqual(
      cat("/etc/fstab")
        .trim()
        .split("\n")
        .slice(1)
        .map((line) => line.split(" ").slice(0, 3).join(" "))
        .filter((line) => !line.includes("efi")),
      ["/dev/mapper/system-root / ext4", "/dev/mapper/system-data /var btrfs", "/dev/mapper/system-swap none swap"],
    );
    const fat = FatVolume.open(new DiskWindow(disk, partitions[0]!));
    assert.match(
      Buffer.from(fat.read("loader/entries/stratos.conf")).toString(),
      /root=\/dev\/mapper\/system-root ro .*rd\.lvm\.lv=system\/root/,
    );
    const initrd = execFileSync("cpio", ["-it", "--quiet"], {
      input: execFileSync("gzip", ["-d"], { input: fat.read("6.1/initrd") }),
      encoding: "utf8",
    });
    assert.ok(initrd.includes("bin/lvm\n"));
  });
  withDisk(
    root(lvm),
    { cipher: nodeDiskCipher(), partitions: [ESP, { ...group, encryption: { secret, derivation: "pbkdf2" } }] },
    (disk, _path, part) => {
      execFileSync("cryptsetup", ["open", "--test-passphrase", "--key-file", "-", part("system")], {
        ...sbin,
        input: secret,
      });
      const uuid = execFileSync("cryptsetup", ["luksUUID", part("system")], sbin).trim(),
        fat = FatVolume.open(new DiskWindow(disk, readGpt(disk)!.partitions[0]!));
      assert.match(
        Buffer.from(fat.read("loader/entries/stratos.conf")).toString(),
        new RegExp(`root=/dev/mapper/system-root .*rd\\.luks\\.name=${uuid}=system`),
      );
    },
  );
  // Written as it is: what only the system can open is read here, and so is whether it opens the other volumes itself.
  const open = { ...nodeDiskCipher(), encryptSectors: () => {} };
  for (const [volumes, expected] of [
    [group.volumes!, true],
    [group.volumes!.slice(0, 1), false],
  ] as const)
    withDisk(
      root(lvm),
      {
        cipher: open,
        partitions: [ESP, { ...group, volumes, encryption: { secret, derivation: "pbkdf2" } }],
      },
      (_disk, _path, part) =>
        assert.equal(
          readFileSync(part("system")).includes("\nExecStart=/usr/sbin/lvm vgchange -aay system\n"),
          expected,
        ),
    );
  const told = (...partitions: DiskPartition[]): string =>
    partitionProblems(partitions, undefined)
      .map(({ name, key, message }) => `${name} ${key}: ${message}`)
      .join("\n");
  assert.equal(told(ESP, group), "");
  assert.match(told(ESP, { ...group, volumes: [] }), /system volumes: are missing/);
  assert.match(
    told(ESP, { ...group, volumes: [{ name: "root", fileSystem: "squashfs", mount: "/" }] }),
    /root filesystem: squashfs lies on a partition of its own/,
  );
  assert.match(told(ESP, { ...group, name: "root" }), /the name is that of another partition or volume/);
  assert.throws(
    () => planPartitionedDisk(root(), { ...OPTIONS, partitions: [ESP, group] }, codecs),
    /partition system: nothing in box finds volumes of LVM; the package lvm2 does/,
  );
});
