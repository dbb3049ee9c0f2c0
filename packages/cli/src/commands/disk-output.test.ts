/** Disks of a compose. Goal: what a treefile asks for is on the disk. Judges: btrfs, fsck.erofs, ostree; blkid. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { execFileSync, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import { checkOutputs, loadTreefile, type OutputJob } from "@stratos/compose";
import { fileEntry, fileTreeOf, MemoryBlob, readGpt, type FileEntry } from "@stratos/formats";
import { ostreeOutput, tarOutput } from "@stratos/tools-node/compose";
import { FileDisk } from "@stratos/tools-node/outputs";
import { signRepository } from "@stratos/systems/packages";
import { diskOutputs } from "@stratos/systems/compose";
import { testFolder } from "../testing/test-folder.ts";

const folder = testFolder("stratos-disk-output");
const sbin = {
  env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
  encoding: "utf8",
} as const;
after(() => rmSync(folder, { recursive: true, force: true }));

const file = (path: string, text: string): FileEntry =>
  fileEntry(path, "file", { content: new MemoryBlob(Buffer.from(text), "") });
const tree = fileTreeOf([
  ...[
    "",
    "boot",
    "etc",
    "home",
    "usr",
    "usr/lib",
    "usr/lib/modules",
    "usr/lib/modules/6.1",
    "usr/lib/systemd",
    "usr/lib/systemd/boot",
    "usr/lib/systemd/boot/efi",
  ].map((path) => fileEntry(path, "directory")),
  file("boot/vmlinuz-6.1", "kernel"),
  file("boot/initrd.img-6.1", "first root"),
  file("usr/lib/systemd/boot/efi/systemd-bootx64.efi", "loader"),
  file("etc/hostname", "box\n"),
]);

async function job(text: string, name = "disk"): Promise<OutputJob> {
  const [target] = (await loadTreefile("t.yaml", async () => text)).targets();
  return {
    name,
    config: target!.config.outputs![name]!,
    tree,
    epochSeconds: 1_700_000_000,
    signal: new AbortController().signal,
    onNote: () => {},
    layers: (own = tree) => [{ name: "all", tree: own }],
    target: target!,
  };
}

/** The bytes of a disk's root partition, in a file of their own. */
function rootOf(path: string): string {
  const { start, size } = rootPlace(path);
  writeFileSync(`${path}.root`, readFileSync(path).subarray(start, start + size));
  return `${path}.root`;
}

function rootPlace(path: string): { readonly start: number; readonly size: number } {
  const disk = new FileDisk(path, { readOnly: true });
  try {
    return readGpt(disk)!.partitions.find(({ name }) => name === "root")!;
  } finally {
    disk.close();
  }
}

extendedTest(
  "a treefile chooses the root's file system and a snapshot, and the same treefile gives the same disk",
  async () => {
    const [raw] = diskOutputs(folder).filter(({ format }) => format === "raw");
    const treefile = (more: string): string =>
      `name: t\narchitectures: [amd64]\noutputs:\n  disk:\n    format: raw\n${more}`;
    for (const [kind, more] of [
      ["ext4", ""],
      ["btrfs", "    filesystem: btrfs\n    snapshot: factory\n    compression: zstd\n"],
      ["xfs", "    filesystem: xfs\n"],
      ["erofs", "    filesystem: erofs\n"],
      ["erofs", "    filesystem: erofs\n    compression: lz4\n"],
    ] as const) {
      const [first] = await raw!.write(await job(treefile(more)), `${kind}.raw`),
        [second] = await raw!.write(await job(treefile(more)), `${kind}-again.raw`);
      assert.equal(first!.sha256, second!.sha256);
      const { start } = rootPlace(join(folder, `${kind}.raw`));
      assert.match(
        execFileSync("blkid", ["-p", "-O", `${start}`, join(folder, `${kind}.raw`)], sbin),
        new RegExp(`TYPE="${kind}"`),
      );
      if (kind === "btrfs")
        assert.match(
          execFileSync(
            "btrfs",
            ["inspect-internal", "dump-tree", "-t", "root", rootOf(join(folder, "btrfs.raw"))],
            sbin,
          ),
          /name @factory/,
        );
    }
    await assert.rejects(
      async () => raw!.write(await job(treefile("    compression: lz4\n")), "none.raw"),
      /lz4 packs EROFS alone/,
    );
    await assert.rejects(
      async () =>
        tarOutput(folder).write(
          await job("name: t\narchitectures: [amd64]\noutputs:\n  root: {format: tar, compression: lz4}\n", "root"),
          "none.tar",
        ),
      /compression: lz4 packs EROFS alone/,
    );
    await assert.rejects(
      job(treefile("    filesystem: zfs\n")),
      /t\.yaml:6:\d+: outputs\.disk\.filesystem: zfs is not written yet; ext4, btrfs, xfs, erofs, aegisfs are/,
    );
  },
);

test("a disk holds the commit that the same treefile writes, deployed, and only where that can be", async () => {
  const laid =
    "name: t\narchitectures: [amd64]\nostree: {ref: r/one, bootc: true, os: box, remote: updates}\noutputs:\n  " +
    "commit: {format: ostree}\n  disk: {format: raw, deploy: true}\n  iso: {format: iso, deploy: true}\n";
  const [commit] = await ostreeOutput(folder).write(await job(laid, "commit"), "deployed-repo");
  const [raw] = diskOutputs(folder).filter(({ format }) => format === "raw"),
    [iso] = diskOutputs(folder).filter(({ format }) => format === "iso");
  await raw!.write(await job(laid), "deployed.raw");
  const root = rootOf(join(folder, "deployed.raw")),
    debugfs = (command: string): string =>
      execFileSync("debugfs", ["-R", command, root], { ...sbin, stdio: ["ignore", "pipe", "ignore"] });
  assert.equal(debugfs("cat /ostree/repo/refs/remotes/updates/r/one"), `${commit!.sha256}\n`);
  assert.equal(debugfs(`cat /ostree/deploy/box/deploy/${commit!.sha256}.0/etc/hostname`), "box\n");
  // What ostree hands on to the next deployment is what this disk needs to start.
  assert.match(
    debugfs("cat /boot/loader.1/entries/ostree-1.conf"),
    // wide: one pattern
    /^options root=UUID=\S+ ro .*console=ttyS0,115200 systemd\.gpt_auto=0 ostree=\/ostree\/boot\.1\/box\/[0-9a-f]{64}\/0$/m,
  );
  // A machine that asks for signatures asks for that of what it runs, too; and each disk has the same one.
  const { privateKey } = generateKeyPairSync("ed25519"),
    key = join(folder, "deploy.pem"),
    signed = laid.replace("remote: updates", `remote: updates, sign-ed25519: ${key}`);
  writeFileSync(key, privateKey.export({ format: "pem", type: "pkcs8" }));
  const [first] = await raw!.write(await job(signed), "signed.raw"),
    [second] = await raw!.write(await job(signed), "signed-again.raw");
  assert.equal(first!.sha256, second!.sha256);
  assert.match(
    execFileSync(
      "debugfs",
      [
        "-R",
        `cat /ostree/repo/objects/${commit!.sha256.slice(0, 2)}/${commit!.sha256.slice(2)}.commitmeta`,
        rootOf(join(folder, "signed.raw")),
      ],
      { ...sbin, stdio: ["ignore", "pipe", "ignore"] },
    ),
    /ostree\.sign\.ed25519/,
  );
  await assert.rejects(
    iso!.write(await job(laid, "iso"), "x.iso"),
    /deploy: iso holds no deployed system; raw, qcow2, vmdk, .* do/,
  );
  await assert.rejects(
    raw!.write(await job(laid.replace("bootc: true", "bootc: false")), "y.raw"),
    /deploy: takes an image that is laid out for it, which ostree\.bootc: false forbids/,
  );
});

test("a treefile's commit is signed by the key that it names", async () => {
  const { privateKey } = generateKeyPairSync("ed25519"),
    key = join(folder, "key.pem");
  writeFileSync(key, privateKey.export({ format: "pem", type: "pkcs8" }));
  const one = await job(
    `name: t\narchitectures: [amd64]\nostree:\n  ref: r\n  sign-ed25519: ${key}\noutputs:\n  commit:\n    ` +
      "format: ostree\n",
    "commit",
  );
  const [commit] = await ostreeOutput(folder, signRepository).write(one, "repo");
  const checksum = commit!.sha256,
    meta = readFileSync(join(folder, "repo/objects", checksum.slice(0, 2), `${checksum.slice(2)}.commitmeta`));
  assert.ok(meta.includes("ostree.sign.ed25519"));
  assert.ok(readFileSync(join(folder, "repo/summary.sig")).includes("ostree.sign.ed25519"));
  assert.equal(spawnSync("ostree", ["fsck", `--repo=${join(folder, "repo")}`]).status, 0);
  await assert.rejects(ostreeOutput(folder).write(one, "other"), /ostree\.sign: there are no keys here/);
});

extendedTest(
  "a treefile divides a disk as it likes, in each format; what cannot be is told at plan with its key",
  async () => {
    const partitions =
      "    partitions:\n      esp: {filesystem: vfat, mount: /boot/efi, size: 64M}\n" +
      "      root: {filesystem: erofs, mount: /}\n      home: {filesystem: ext4, mount: /home, size: 16M}\n";
    const laid = (format: string, more = partitions): string =>
      `name: t\narchitectures: [amd64]\noutputs:\n  disk:\n    format: ${format}\n${more}`;
    const writers = diskOutputs(folder),
      names = {
        raw: "own.raw",
        qcow2: "own.qcow2",
        vmdk: "own.vmdk",
        vhd: "own.vhd",
        "vhd-fixed": "own-fixed.vhd",
        vhdx: "own.vhdx",
        ova: "own.ova",
      } as const;
    const digests = new Map<string, string>();
    for (const round of ["", "again-"]) {
      for (const [format, name] of Object.entries(names)) {
        const [made] = await writers
          .find((one) => one.format === format)!
          .write(
            await job(laid(format)),
            format === "ova" || format === "vmdk" ? `${round}/${name}`.replace(/^\//, "") : `${round}${name}`,
          );
        if (round === "") digests.set(format, made!.sha256);
        else assert.equal(made!.sha256, digests.get(format), `${format}: the same bytes twice`);
      }
    }
    const disk = new FileDisk(join(folder, "own.raw"), { readOnly: true });
    assert.deepEqual(
      readGpt(disk)!.partitions.map(({ name, size }) => [name, size >> 20]),
      [
        ["esp", 64],
        ["root", 1],
        ["home", 16],
      ],
    );
    disk.close();
    for (const [name, kind] of [
      ["own.qcow2", "qcow2"],
      ["own.vmdk", "vmdk"],
      ["own.vhd", "vpc"],
      ["own-fixed.vhd", "vpc"],
      ["own.vhdx", "vhdx"],
    ] as const) {
      execFileSync("qemu-img", ["compare", "-f", "raw", "-F", kind, join(folder, "own.raw"), join(folder, name)]);
      execFileSync("qemu-img", ["convert", "-f", kind, "-O", "raw", join(folder, name), join(folder, "back.raw")]);
      assert.ok(readFileSync(join(folder, "back.raw")).equals(readFileSync(join(folder, "own.raw"))), name);
    }
    // What is inside tells nothing of who wrote it, and when.
    assert.match(readFileSync(join(folder, "own.vmdk")).subarray(512, 2048).toString("latin1"), /SPARSE "own\.vmdk"/);
    assert.deepEqual(
      execFileSync("tar", ["-tf", join(folder, "own.ova")], { encoding: "utf8" })
        .trim()
        .split("\n"),
      ["own.ovf", "own.mf", "own-disk1.vmdk"],
    );
    const told = async (text: string): Promise<string> => {
      const treefile = await loadTreefile("t.yaml", async () => text);
      try {
        checkOutputs(writers, treefile, treefile.targets());
        return "";
      } catch (error) {
        return (error as Error).message;
      }
    };
    assert.equal(await told(laid("raw")), "");
    for (const [text, pattern] of [
      [laid("iso"), /^t\.yaml:6:5: outputs\.disk\.partitions: iso is no disk/],
      [laid("raw", `    filesystem: ext4\n${partitions}`), /^t\.yaml:6:5: outputs\.disk\.filesystem: partitions say/],
      [
        laid("raw", partitions.replace("mount: /home", "mount: /usr")),
        /^t\.yaml:9:32: outputs\.disk\.partitions\.home\.mount: \/usr cannot lie apart/,
      ],
      [laid("raw", `    size: 60M\n${partitions}`), /^t\.yaml:7:5: outputs\.disk\.partitions: the partitions need/],
      [
        laid("raw", partitions.replace("filesystem: ext4, ", "")),
        /^t\.yaml:9:7: outputs\.disk\.partitions\.home: filesystem is missing/,
      ],
    ] as const)
      assert.match(await told(text), pattern);
  },
);
