/**
 * Goal: what a person does with files of a volume that is not mounted. Method: the command line, on volumes in real
 * files; the host's own files are the judge of what was copied.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { S_IFREG } from "@stratos/abi";
import { AuditLog, mount, ROOT_INO } from "@stratos/aegisfs";
import { FileBlockDevice } from "@stratos/host-node";
import { matches } from "@stratos/volumes";
import { commandArguments } from "../testing/command-line.ts";
import { testFolder } from "../testing/test-folder.ts";
import { runCommand, type CommandResult } from "../testing/run-command.ts";

let folder: string, volume: string;
const fs = (...args: string[]): Promise<CommandResult> => runCommand("fs", ...args);
const json = async <T>(...args: string[]): Promise<T> => {
  const result = await fs(...args, "--json");
  assert.equal(result.stderr, "");
  return JSON.parse(result.stdout) as T;
};
const works = async (...args: string[]): Promise<string> => {
  const { status, stdout, stderr } = await fs(...args);
  assert.equal(`${stderr}${status}`, "0", args.join(" "));
  return stdout;
};
const fails = async (message: RegExp | string, ...args: string[]): Promise<void> => {
  const { status, stderr } = await fs(...args);
  assert.ok(status === 1 || status === 2, `status ${status} of ${args.join(" ")}`);
  if (typeof message === "string") assert.equal(stderr, `stratos: ${message}\n`);
  else assert.match(stderr, message);
};

before(() => {
  folder = testFolder("stratos-fs");
  volume = join(folder, "v");
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("format makes a volume, and loses nothing unasked", async () => {
  await fails(`--size: ${volume} is not there: how large is it to be?`, "format", volume);
  await fails("--size: a volume needs at least 4M", "format", volume, "--size", "1M");
  assert.equal(existsSync(volume), false);
  await works("format", volume, "--size", "64M", "--label", "daten");
  assert.equal(statSync(volume).size, 64 << 20);
  await works("mkdir", `${volume}:/kept`);
  await fails(
    /: holds an AegisFS volume labelled "daten" \(\d+ blocks of 4 KiB in use\); --force replaces it/,
    "format",
    volume,
  );
  const plan = await json<{ needsForce: boolean }>("format", volume, "--dry-run", "--force");
  assert.equal(plan.needsForce, true);
  assert.equal(await works("ls", volume), "kept\n");
  const other = join(folder, "other");
  writeFileSync(other, Buffer.alloc(8 << 20, "x"));
  await fails(/holds data of another kind; --force replaces it/, "format", other);
  await works("format", other, "--force");
  assert.equal(await works("ls", other), "");
  await fails(`${folder}: is neither a file nor a block device`, "format", folder, "--force");
});

/** Our own process has the arguments of the test: only another one is given bytes. */
const shell = (script: string): string =>
  execFileSync("bash", ["-c", `S() { "$0" "$@" || echo "status $?"; }; ${script}`, process.execPath], {
    cwd: folder,
    encoding: "latin1",
    stdio: ["ignore", "pipe", "pipe"],
  });

test("names are bytes, whatever they are, and where a command takes text alone that is told", async () => {
  const exact = join(folder, "exact");
  await works("format", exact, "--size", "16M");
  const S = `S ${commandArguments.join(" ")}`;
  assert.equal(
    shell(
      `printf content > $'bad\\xff'; ${S} fs cp $'bad\\xff' exact:/$'copy\\xfe€'; ${S} fs mkdir exact:/$'dir\\xfd'
       ${S} fs mv exact:/$'copy\\xfe€' exact:/$'dir\\xfd'; ${S} fs ls -R exact
       ${S} fs cat exact:/$'dir\\xfd/copy\\xfe€'
       ${S} fs format --size 16M $'no\\xffvolume' 2>&1; ls -d no* 2>&1 | head -c 2; rm $'bad\\xff'`,
    ),
    `/:\ndir\xfd\n\n/dir\xfd:\ncopy\xfe${Buffer.from("€").toString("latin1")}\ncontent` +
      `stratos: no${Buffer.from("\ufffd").toString("latin1")}volume: is not UTF-8, as names here have to be; ` +
      "a link with another name, or a folder that it lies in, can stand for it\nstatus 2\nls",
  );
});

test("trees go in and out, and come back as they were", async () => {
  const tree = join(folder, "tree");
  mkdirSync(join(tree, "a/b"), { recursive: true });
  writeFileSync(join(tree, "a/small"), "hello\n", { mode: 0o640 });
  writeFileSync(join(tree, "a/large"), Buffer.alloc(3_000_000, "0123456789"));
  execFileSync(
    "sh",
    [
      "-c",
      "ln a/small a/b/hard; ln -s ../small a/b/soft; ln -s nowhere dangling; mkfifo pipe; truncate -s 40M " +
        "sparse; printf x | dd of=sparse bs=1 seek=30000000 conv=notrunc 2>/dev/null; touch -d @1000000000.25 " +
        "a/small; chmod 1777 a; touch 'ümlaut name'",
    ],
    { cwd: tree },
  );
  const count = await json<{ files: number; directories: number; others: number; bytes: number }>(
    "cp",
    "-a",
    tree,
    `${volume}:/tree`,
  );
  assert.deepEqual({ ...count, bytes: 0 }, { files: 4, directories: 3, others: 3, bytes: 0 });
  const back = join(folder, "back");
  await works("cp", "-a", `${volume}:/tree`, back);
  const list = (of: string): string =>
    execFileSync(
      "sh",
      ["-c", "find . -printf '%P %y %m %U %G %n %T@ %l\\n' | sed 's/\\.\\([0-9][0-9]\\)[0-9]* /.\\1 /' | sort"],
      { cwd: of, encoding: "utf8" },
    );
  assert.equal(list(back), list(tree));
  execFileSync("diff", ["-r", "--no-dereference", join(tree, "a"), join(back, "a")]);
  execFileSync("cmp", [join(tree, "sparse"), join(back, "sparse")]);
  assert.ok(statSync(join(back, "sparse")).blocks < 8000, "holes stay holes");
  const { usedBytes } = (await json<{ usedBytes: number }[]>("df", volume))[0]!;
  assert.ok(usedBytes < 6_000_000, `${usedBytes} bytes are used: holes were stored`);
  // Within a volume, and to another one.
  await works("cp", "-r", `${volume}:/tree/a`, `${volume}:/copy`);
  assert.equal(await works("cat", `${volume}:/copy/b/soft`), "hello\n");
  await works("cp", "-a", `${volume}:/tree/a`, `${join(folder, "other")}:/`);
  assert.equal(await works("cat", `${join(folder, "other")}:/a/b/hard`), "hello\n");
  await fails(/cannot be copied into itself/, "cp", "-r", `${volume}:/copy`, `${volume}:/copy/b`);
  await fails(/is a directory; -r copies it/, "cp", `${volume}:/copy`, join(folder, "x"));
  await fails(/nothing here is in a volume/, "cp", tree, back);
});

test("extended attributes go along, and what stays behind is told", async () => {
  const tree = join(folder, "attributed");
  mkdirSync(join(tree, "folder"), { recursive: true });
  // One that its owner may not write, and a name that is not UTF-8.
  execFileSync(
    "bash",
    [
      "-c",
      "printf x > closed; setfattr -n user.bytes -v 0x00410a closed; setfattr -n user.of -v folder folder; " +
        "mkdir $'bad\\xff'; setfattr -n user.name -v bytes $'bad\\xff'; chmod 444 closed",
    ],
    { cwd: tree },
  );
  const listener = createServer().listen(join(tree, "socket"));
  await once(listener, "listening");
  const place = join(folder, "attributes");
  await works("format", place, "--size", "16M");
  await works("cp", "-a", tree, `${place}:/tree`);
  await works("cp", "-rp", join(tree, "folder"), `${place}:/folder`);
  await works("cp", tree, `${place}:/plain`, "-r");
  listener.close();
  const attributesOf = (of: string): string =>
    execFileSync("sh", ["-c", "getfattr -R -P -h -d -m '^user' -e hex . | sort"], { cwd: of, encoding: "latin1" });
  const back = join(folder, "attributed-back");
  const { status, stderr } = await fs("cp", "-a", `${place}:/tree`, back);
  assert.equal(`${stderr}${status}`, `stratos: ${back}/socket: a socket, left out\n0`);
  assert.equal(attributesOf(back), attributesOf(tree));
  assert.match(attributesOf(back), /user\.bytes=0x00410a/);
  assert.equal(statSync(join(back, "closed")).mode & 0o777, 0o444);
  await works("cp", "-a", `${place}:/folder`, join(folder, "folder-back"));
  assert.match(attributesOf(join(folder, "folder-back")), /user\.of=/);
  await fs("cp", "-a", `${place}:/plain`, join(folder, "plain-back"));
  assert.doesNotMatch(attributesOf(join(folder, "plain-back")), /user/);
});

test("what a file cannot keep is told, beside the rest that it keeps", async () => {
  const place = join(folder, "attributes");
  const device = new FileBlockDevice(place);
  const mounted = mount(device);
  if (typeof mounted === "string") return assert.fail(mounted);
  const files = mounted.root;
  const ino = files.create(ROOT_INO, "labelled", S_IFREG | 0o644, 0, 0);
  for (const name of ["user.kept", "wrong.space"]) assert.ok(files.setXattr(ino, name, new Uint8Array([65]), 0) >= 0);
  assert.ok(mounted.sync() >= 0);
  device.close();
  const copy = join(folder, "labelled");
  const { status, stderr } = await fs("cp", "-a", `${place}:/labelled`, copy);
  assert.match(stderr, /^stratos: .*labelled: an extended attribute, left out: Operation /);
  assert.equal(status, 0);
  assert.match(execFileSync("getfattr", ["-d", copy], { encoding: "utf8" }), /user\.kept="A"/);
});

test("holes are found, not read, and small ones stay, too", async () => {
  const sparse = join(folder, "wide");
  // 2 TiB would be read for a quarter of an hour. Beside it 400 blocks with a hole behind each.
  execFileSync(
    "sh",
    [
      "-c",
      "truncate -s 2T wide && printf begin | dd of=wide conv=notrunc 2>/dev/null && printf middle | dd of=wide bs=1M " +
        "seek=1M conv=notrunc 2>/dev/null",
    ],
    { cwd: folder },
  );
  const comb = Buffer.alloc(400 * 16384);
  for (let tooth = 0; tooth < 400; tooth++) comb.fill(65 + (tooth % 26), tooth * 16384, tooth * 16384 + 4096);
  const teeth = join(folder, "teeth");
  writeFileSync(teeth, comb);
  execFileSync("fallocate", ["--dig-holes", teeth]);
  const place = join(folder, "holes");
  await works("format", place, "--size", "16M");
  await works("cp", sparse, teeth, `${place}:/`);
  const { usedBytes } = (await json<{ usedBytes: number }[]>("df", place))[0]!;
  assert.ok(usedBytes < 3_000_000, `${usedBytes} bytes are used: holes were stored`);
  assert.deepEqual(readFileSync(teeth), comb);
  const back = join(folder, "holes-back");
  mkdirSync(back);
  await works("cp", "-r", `${place}:/wide`, `${place}:/teeth`, back);
  assert.equal(statSync(join(back, "wide")).size, 2 ** 41);
  const at = (position: number, length: number): string => {
    const script = `dd if=wide iflag=skip_bytes,count_bytes skip=${position} count=${length} 2>/dev/null`;
    return execFileSync("sh", ["-c", script], { cwd: back, encoding: "latin1" });
  };
  assert.equal(at(0, 6), "begin\0");
  assert.equal(at(2 ** 40, 7), "middle\0");
  assert.deepEqual(readFileSync(join(back, "teeth")), comb);
  assert.ok(statSync(join(back, "teeth")).blocks < 6000, "small holes were written");
});

test("a device or a FIFO of the host is not replaced by a file", async () => {
  const place = join(folder, "channel");
  symlinkSync("/dev/null", place);
  writeFileSync(join(folder, "content"), "content");
  await works("cp", join(folder, "content"), `${volume}:/content`);
  await fails(
    `${place}: is a device, a FIFO or a socket, and no file takes its place; as target, - is standard output`,
    "cp",
    `${volume}:/content`,
    place,
  );
  assert.equal(readlinkSync(place), "/dev/null");
  await works("rm", `${volume}:/content`);
});

test("listings, patterns, links and moves", async () => {
  await works("mkdir", "-p", `${volume}:/p/q/r`);
  await works("ln", "-s", "/p/q", `${volume}:/way`);
  for (const name of ["one.txt", "two.txt", ".hidden", "three"])
    await works("cp", join(folder, "tree/a/small"), `${volume}:/way/${name}`);
  assert.equal(await works("ls", `${volume}:/way`), "one.txt\nr\nthree\ntwo.txt\n");
  assert.equal(await works("ls", "-a", `${volume}:/p/q/`), ".hidden\none.txt\nr\nthree\ntwo.txt\n");
  assert.equal(await works("ls", `${volume}:/p/*/*.txt`), "/p/q/one.txt\n/p/q/two.txt\n");
  assert.equal(await works("ls", `${volume}:/**/t[hw]*`), "/p/q/three\n/p/q/two.txt\n");
  await fails(/nothing matches/, "cat", `${volume}:/p/*.none`);
  assert.match(
    await works("ls", "-l", `${volume}:/way/one.txt`),
    /^-rw-r----- 1 \d+ \d+ 6 \d{4}-\d\d-\d\d \d\d:\d\d \/way\/one.txt\n$/,
  );
  assert.match(await works("ls", "-l", volume), /^lrwxrwxrwx .* way -> \/p\/q$/m);
  await works("ln", `${volume}:/p/q/one.txt`, `${volume}:/p/again`);
  assert.equal((await json<{ links: number }[]>("ls", `${volume}:/p/again`))[0]!.links, 2);
  await works("mv", `${volume}:/p/again`, `${volume}:/p/q/r`);
  assert.equal(await works("ls", `${volume}:/p/q/r`), "again\n");
  await fails(/file already exists/, "mv", "--no-clobber", `${volume}:/p/q/one.txt`, `${volume}:/p/q/two.txt`);
  await fails(/not possible here/, "mv", `${volume}:/p`, `${volume}:/p/q/p`);
  await fails(/no such file or directory/, "ls", `${volume}:/none`);
  await fails(/expected VOLUME:\/PATH/, "cat", volume);
  await fails(
    /too many symbolic links|too many levels/,
    ...(await works("ln", "-s", "loop", `${volume}:/loop`), ["cat", `${volume}:/loop`]),
  );
});

test("removing, with a look before", async () => {
  await fails(/is a directory; -r removes it/, "rm", `${volume}:/p`);
  assert.match(
    await works("rm", "-r", "--dry-run", `${volume}:/p`),
    /^would remove \/p\/q\/\.hidden\n[^]*would remove \/p\n$/,
  );
  assert.match(await works("ls", volume), /^p$/m);
  await works("rm", "-r", `${volume}:/p`, `${volume}:/loop`);
  assert.doesNotMatch(await works("ls", volume), /^p$/m);
  await fails(/no such file or directory/, "rm", `${volume}:/p`);
  await works("rm", "-f", `${volume}:/p`);
  await fails(/is the root/, "rm", "-r", `${volume}:/`);
  assert.notEqual(await works("ls", volume), "", "nothing of the root is gone");
  assert.equal(await works("check", volume), `${volume}: clean\n`);
});

test("a volume that someone changes is left alone by other writers, and can be read", async () => {
  const code =
    `import { FileBlockDevice } from ${JSON.stringify(import.meta.resolve("@stratos/host-node"))}; new ` +
    `FileBlockDevice(${JSON.stringify(volume)}); process.stdout.write("locked"); setInterval(() => {}, 1000);`;
  const holder = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--input-type=module-typescript", "-e", code],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  try {
    await once(holder.stdout, "data");
    await fails(
      new RegExp(`: in use by process ${holder.pid} \\(.*\\): it is mounted, or another command changes it$`, "m"),
      "mkdir",
      `${volume}:/x`,
    );
    await fails(/in use by process/, "check", volume);
    await fails(/in use by process/, "format", volume, "--force");
    assert.notEqual(await works("ls", volume), "");
  } finally {
    holder.kill("SIGKILL");
    await once(holder, "exit");
  }
  await works("mkdir", `${volume}:/x`);
});

test("a volume whose mount is ending is waited for: umount(8) returns before its server has committed", async () => {
  const code =
    `import { FileBlockDevice } from ${JSON.stringify(import.meta.resolve("@stratos/host-node"))}; new ` +
    `FileBlockDevice(${JSON.stringify(volume)}); process.stdout.write("locked"); setTimeout(() => process.exit(), ` +
    "700);";
  const server = spawn(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      "--input-type=module-typescript",
      "-e",
      code,
      "--",
      "fs",
      "mount",
      "--foreground",
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = once(server, "exit");
  await once(server.stdout, "data");
  await works("mkdir", `${volume}:/after-the-mount`);
  assert.deepEqual(await ended, [0, null]);
});

test("a copy that finds no space leaves the volume as it was", async () => {
  const small = join(folder, "small");
  await works("format", small, "-s", "8M");
  writeFileSync(join(folder, "big"), Buffer.alloc(20 << 20, "y"));
  await fails(/no space left/, "cp", join(folder, "big"), `${small}:/big`);
  assert.equal(await works("ls", small), "");
  assert.equal(await works("check", small), `${small}: clean\n`);
  await works("resize", small, "64M");
  await works("cp", join(folder, "big"), `${small}:/big`);
  assert.equal((await json<{ sizeBytes: number }[]>("df", small))[0]!.sizeBytes, 64 << 20);
  await fails(/what is stored does not fit into 16M/, "resize", small, "16M");
  await works("resize", small, "48M");
  assert.equal((await json<{ sizeBytes: number }[]>("df", small))[0]!.sizeBytes, 48 << 20);
  assert.equal(await works("check", small), `${small}: clean\n`);
});

test("check names damage, and stats say where the space went", async () => {
  const statistics = await json<{
    regularFiles: number;
    contentBytes: number;
    largestFile: { path: string };
    subvolumes: { exclusiveBytes: number; dataBytes: number }[];
  }>("stats", join(folder, "small"));
  assert.deepEqual(
    [statistics.regularFiles, statistics.contentBytes, statistics.largestFile.path],
    [1, 20 << 20, "/big"],
  );
  assert.equal(statistics.subvolumes[0]!.dataBytes, 20 << 20);
  assert.match(await works("stats", join(folder, "small")), /^Largest +\/big \(20M\)$/m);
  const bytes = readFileSync(join(folder, "small"));
  const at = bytes.lastIndexOf(Buffer.alloc(4096, "y"));
  bytes[at + 7]! ^= 1;
  writeFileSync(join(folder, "small"), bytes);
  const { status, stdout } = await fs("check", join(folder, "small"));
  assert.equal(status, 1);
  assert.match(stdout, /data block is damaged \(subvolume 1, inode \d+, block \d+\)/);
  await fails(/i\/o error|input\/output error/, "cat", `${join(folder, "small")}:/big`);
});

test(
  "a file of 2^63 − 1 bytes is told with all its digits, copied between volumes, and refused where only numbers " +
    "reach",
  async () => {
    const far = join(folder, "far"),
      other = join(folder, "far-copy");
    await works("format", far, "-s", "64M");
    await works("format", other, "-s", "64M");
    const device = new FileBlockDevice(far);
    const mounted = mount(device);
    assert.ok(typeof mounted !== "string");
    assert.equal(AuditLog.enable(mounted), 0);
    const size = 2n ** 63n - 1n;
    const ino = mounted.root.create(ROOT_INO, "largest", S_IFREG | 0o644, 0, 0);
    mounted.root.write(ino, size - 4n, Buffer.from("last"), 0, 4);
    mounted.root.write(ino, 2 ** 53 - 2, Buffer.from("middle"), 0, 6);
    assert.equal(mounted.sync(), 0);
    device.close();
    assert.match(await works("ls", "-l", `${far}:/largest`), / 9223372036854775807 /);
    assert.match(await works("ls", "--json", far), /"sizeBytes": 9223372036854775807,/);
    assert.match(
      await works("stats", "--json", far),
      // wide: one pattern
      /"contentBytes": 9223372036854775807,[^]*"largestFile": \{\s+"path": "\/largest",\s+"sizeBytes": 9223372036854775807\s/,
    );
    assert.match(await works("stats", far), /^Largest +\/largest \(8E\)$/m);
    assert.match(await works("audit", "show", far), /write .* at 9223372036854775803, 4 bytes$/m);
    await works("cp", "-a", `${far}:/largest`, `${other}:/copy`);
    assert.match(await works("ls", "-l", `${other}:/copy`), / 9223372036854775807 /);
    const copied = new FileBlockDevice(other, { readOnly: true });
    const copy = mount(copied, { readOnly: true });
    assert.ok(typeof copy !== "string");
    const bytes = Buffer.alloc(6);
    assert.equal(copy.root.read(copy.root.lookup(ROOT_INO, "copy"), size - 4n, bytes, 0, 6), 4);
    assert.equal(copy.root.read(copy.root.lookup(ROOT_INO, "copy"), 2 ** 53 - 2, bytes, 0, 6), 6);
    assert.equal(bytes.toString(), "middle");
    copied.close();
    await fails(
      /is larger than 2\^53 bytes, which Node cannot write: mount the volume/,
      "cp",
      `${far}:/largest`,
      join(folder, "host-copy"),
    );
    // Only a few file systems have such files; tmpfs is one.
    const memory = mkdtempSync("/dev/shm/stratos-far-");
    try {
      execFileSync("truncate", ["-s", "9007199254740993", join(memory, "sparse")]);
      await fails(
        /is larger than 2\^53 bytes, whose holes Node cannot see/,
        "cp",
        join(memory, "sparse"),
        `${other}:/sparse`,
      );
    } finally {
      rmSync(memory, { recursive: true });
    }
    assert.equal(await works("check", other), `${other}: clean\n`);
  },
);

test("patterns match as glob(7) says", () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["*", "abc", true],
    ["*", ".abc", false],
    [".*", ".abc", true],
    ["a*c", "abbbc", true],
    ["a*c", "abbbd", false],
    ["?b", "ab", true],
    ["[a-c]x", "bx", true],
    ["[!a-c]x", "bx", false],
    ["[]]x", "]x", true],
    ["a[", "a[", true],
    ["*a*b*", "xxaxxbxx", true],
    ["\\*", "*", true],
    ["\\*", "x", false],
    ["", "", true],
    ["a", "", false],
  ];
  for (const [pattern, name, expected] of cases) assert.equal(matches(pattern, name), expected, `${pattern} ${name}`);
  assert.equal(matches("*a".repeat(40), "b".repeat(2000)), false, "a hostile pattern ends soon");
});
