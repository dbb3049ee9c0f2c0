/**
 * `stratos image disk`: what a person does with disk images. Judges: qemu-img, e2fsck, mtools; each failure is told in
 * one line and leaves what was there.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandArguments } from "../testing/command-line.ts";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

const folder = testFolder("stratos-disk");
const raw = join(folder, "disk.raw");
const MIB = 1 << 20;
const sbin = { env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` } };
const sha = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

async function ok(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await runCommand("image", "disk", ...args);
  assert.equal(status, 0, stderr);
  assert.equal(stderr, "");
  return stdout;
}

before(() => {
  // A disk as others make it: sgdisk, mkfs.vfat, mke2fs.
  writeFileSync(raw, "");
  truncateSync(raw, 100 * MIB);
  execFileSync(
    "sgdisk",
    ["-n", "1:2048:+40M", "-t", "1:ef00", "-c", "1:esp", "-n", "2:0:0", "-t", "2:8304", "-c", "2:root", raw],
    { ...sbin, stdio: "pipe" },
  );
  const esp = join(folder, "esp"),
    root = join(folder, "root");
  writeFileSync(esp, "");
  truncateSync(esp, 40 * MIB);
  execFileSync("mkfs.vfat", ["-F", "32", esp], { ...sbin, stdio: "pipe" });
  mkdirSync(join(folder, "tree/etc"), { recursive: true });
  writeFileSync(join(folder, "tree/etc/hostname"), "before\n");
  writeFileSync(join(folder, "tree/large"), randomBytes(3 * MIB));
  mkdirSync(join(folder, "tree/many"));
  for (let index = 0; index < 800; index++)
    writeFileSync(join(folder, "tree/many", `a-name-of-some-length-${index}`), "");
  execFileSync("mke2fs", ["-q", "-t", "ext4", "-d", join(folder, "tree"), root, "50M"], sbin);
  execFileSync("dd", [`if=${esp}`, `of=${raw}`, "bs=1M", "seek=1", "conv=notrunc", "status=none"]);
  execFileSync("dd", [`if=${root}`, `of=${raw}`, "bs=1M", "seek=41", "conv=notrunc", "status=none"]);
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("info shows the partitions and what is on them", async () => {
  const info = JSON.parse(await ok("info", "--json", raw)) as {
    format: string;
    table: string;
    parts: { name: string; type: string; fileSystem: string }[];
  };
  assert.deepEqual([info.format, info.table], ["raw", "gpt"]);
  assert.deepEqual(
    info.parts.map(({ name, type, fileSystem }) => [name, type, fileSystem]),
    [
      ["esp", "esp", "fat"],
      ["root", "root-amd64", "ext4"],
    ],
  );
  assert.match(await ok("info", raw), /^raw disk of 104857600 bytes, GPT partition table\nPART +NAME/);
});

test("a reader of a pipe gets all that was printed, however slow it is", () => {
  const piped = (reader: string, ...args: readonly string[]): string => {
    const command = [process.execPath, ...commandArguments, "image", "disk", ...args];
    return execFileSync("sh", ["-c", `"$@" | (sleep 0.5; ${reader})`, "sh", ...command], { encoding: "utf8" });
  };
  for (const args of [
    ["cat", `${raw}:/large`],
    ["cp", `${raw}:/large`, "-"],
  ])
    assert.equal(piped("sha256sum", ...args).slice(0, 64), sha(join(folder, "tree/large")));
  // Longer than a pipe holds.
  const listing = piped("cat", "ls", "--json", `${raw}:/many`);
  assert.equal((JSON.parse(listing) as unknown[]).length, 800);
});

test("files are listed, read, copied in and out, made and removed, in raw and QCOW2 alike", async () => {
  for (const image of [raw, join(folder, "disk.qcow2")]) {
    if (image !== raw) await ok("convert", "-c", "zstd", raw, image);
    assert.match(await ok("ls", "-l", `${image}:/`), /drwx------ .* lost\+found\n/);
    assert.equal(await ok("cat", `${image}:/etc/hostname`), image === raw ? "before\n" : "changed\n");
    writeFileSync(join(folder, "new"), "changed\n");
    await ok("cp", join(folder, "new"), `${image}:/etc/hostname`);
    await ok("cp", "-r", join(folder, "tree"), `${image}:/copy`);
    await ok("cp", join(folder, "new"), `${image}@esp:/loader.conf`);
    await ok("mkdir", `${image}@1:/EFI`);
    assert.equal(await ok("ls", `${image}@esp:/`), "EFI\nloader.conf\n");
    await ok("cp", "-r", `${image}:/copy`, join(folder, "out"));
    assert.equal(sha(join(folder, "out/large")), sha(join(folder, "tree/large")));
    await ok("rm", "-r", `${image}:/copy`);
    assert.equal(await ok("cat", `${image}:/etc/hostname`), "changed\n");
    rmSync(join(folder, "out"), { recursive: true });
    await ok("rm", "-r", `${image}@esp:/EFI`, `${image}@esp:/loader.conf`);
    if (image !== raw) execFileSync("qemu-img", ["check", "-q", image]);
  }
  execFileSync("dd", [`if=${raw}`, `of=${join(folder, "root2")}`, "bs=1M", "skip=41", "count=50", "status=none"]);
  execFileSync("e2fsck", ["-fn", join(folder, "root2")], { ...sbin, stdio: "pipe" });
});

test("an image on another keeps its own changes, grows, and converts back", async () => {
  const top = join(folder, "top.qcow2");
  const digest = sha(raw);
  await ok("create", "--backing", raw, top);
  await ok("rm", `${top}:/etc/hostname`);
  await ok("resize", top, "200M");
  assert.equal(await ok("ls", `${top}:/etc`), "");
  assert.equal(sha(raw), digest);
  await ok("convert", "--to", "raw", top, join(folder, "flat"));
  execFileSync("qemu-img", ["compare", "-q", "-f", "qcow2", "-F", "raw", top, join(folder, "flat")]);
  assert.match(
    execFileSync("sgdisk", ["-v", join(folder, "flat")], { ...sbin, encoding: "utf8" }),
    /No problems found/,
  );
  assert.match(
    (await runCommand("image", "disk", "resize", "--shrink", top, "60M")).stderr,
    /has partitions up to byte \d+, and would end before\n$/,
  );
  assert.match(
    (await runCommand("image", "disk", "resize", top, "1M")).stderr,
    /is larger \(209715200 bytes\); --shrink/,
  );
});

test("what cannot be is told in a line and leaves no half file", async () => {
  const told: [string[], RegExp][] = [
    [["cat", `${raw}:/nothing`], /^stratos: .*disk\.raw: \/nothing: no such file\n$/],
    [["ls", `${raw}@9:/`], /no partition 9; there are partition 1 \(esp\), partition 2 \(root\)\n$/],
    [["cp", "/etc/hostname", join(folder, "nowhere")], /^stratos: cp: one of the two is a place in an image/],
    [["rm", `${raw}:/etc`], /is a directory; -r/],
    [["convert", raw, join(folder, "disk.qcow2")], /is there already/],
    [["info", join(folder, "none")], /none: no such file or directory\n$/],
    [["cp", join(folder, "tree/large"), `${raw}:/no/such/folder`], /no\/such: no such folder/],
  ];
  // What other tools keep disks in goes by its name.
  for (const [kind, offset, mark] of [
    ["luks", 0, "LUKS\xba\xbe"],
    ["vmdk", 0, "KDMV"],
    ["vdi", 64, "\x7f\x10\xda\xbe"],
    ["vhdx", 0, "vhdxfile"],
    ["vhd", 0, "conectix"],
  ] as const) {
    const bytes = Buffer.alloc(MIB);
    bytes.write(mark, offset, "latin1");
    writeFileSync(join(folder, `other.${kind}`), bytes);
    told.push([
      ["ls", `${join(folder, `other.${kind}`)}:/`],
      kind === "luks"
        ? /the disk is encrypted \(LUKS\), and its files are not read here\n$/
        : new RegExp(`the disk is a ${kind.toUpperCase()} image, whose files are not read here; .*convert -O raw`),
    ]);
  }
  // A root that can't be read is not passed over for what else has files.
  const sealed = readFileSync(raw);
  sealed.write("LUKS\xba\xbe", 41 * MIB, "latin1");
  writeFileSync(join(folder, "sealed.raw"), sealed);
  told.push([["ls", `${join(folder, "sealed.raw")}:/`], /partition 2 \(root\) is encrypted \(LUKS\)/]);
  // At the end of a VHDX lies the backup of the table of the disk in it.
  await ok("convert", raw, join(folder, "whole.vhdx"));
  told.push([["ls", `${join(folder, "whole.vhdx")}:/`], /the disk is a VHDX image, whose files are not read here/]);
  for (const [args, pattern] of told) {
    const { status, stderr } = await runCommand("image", "disk", ...args);
    assert.ok(status === 1 || status === 2, args.join(" "));
    assert.match(stderr, pattern);
  }
  assert.ok(!existsSync(join(folder, "nowhere")));
  assert.ok(readdirSync(folder).every((name) => !/\.stratos-|\.new$/.test(name)));
});

test("a disk becomes what other hypervisors take, and qemu-img finds the same in it", async () => {
  for (const [name, kind, more] of [
    ["out.vmdk", "vmdk", []],
    ["out.vhd", "vpc", []],
    ["fixed.vhd", "vpc", ["--to", "vhd-fixed"]],
    ["out.vhdx", "vhdx", []],
  ] as const) {
    await ok("convert", ...more, raw, join(folder, name));
    execFileSync("qemu-img", ["compare", "-f", "raw", "-F", kind, raw, join(folder, name)]);
  }
  const { status, stderr } = await runCommand("image", "disk", "convert", "-c", "zstd", raw, join(folder, "no.vmdk"));
  assert.deepEqual([status === 0, /a vmdk disk cannot be packed by choice; qcow2 can/.test(stderr)], [false, true]);
});
