/**
 * `stratos image convert|push|pull`: one root in each format, and back. Judges: skopeo, ostree, e2fsck, tar; a registry
 * of Debian's.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { commandArguments } from "../testing/command-line.ts";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

const folder = testFolder("stratos-outputs");
const root = join(folder, "root");
const at = (name: string): string => join(folder, name);
const sbin = { env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` } };
let registry: ChildProcess | undefined;
let host = "";

async function ok(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await runCommand("image", ...args);
  assert.equal(status, 0, stderr);
  return stdout;
}

before(async () => {
  process.env["STRATOS_HOME"] = at("home");
  mkdirSync(join(root, "etc"), { recursive: true });
  mkdirSync(join(root, "usr/lib/modules/6.1.0"), { recursive: true });
  mkdirSync(join(root, "boot"));
  writeFileSync(join(root, "boot/vmlinuz-6.1.0"), "kernel");
  writeFileSync(join(root, "boot/initrd.img-6.1.0"), "first root");
  writeFileSync(join(root, "etc/hostname"), "box\n");
  writeFileSync(join(root, "usr/data"), Buffer.alloc(400_000, "data "));
  linkSync(join(root, "usr/data"), join(root, "usr/again"));
  symlinkSync("usr/data", join(root, "link"));
  for (const path of ["etc/hostname", "usr/data", "boot/vmlinuz-6.1.0", "boot/initrd.img-6.1.0"])
    utimesSync(join(root, path), 1_700_000_000, 1_700_000_000);
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise((resolve) => server.close(resolve));
  writeFileSync(
    at("registry.yml"),
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${at("registry")}}}\nhttp: {addr: ` +
      `"${host}"}\n`,
  );
  registry = spawn("docker-registry", ["serve", at("registry.yml")], { stdio: "ignore" });
  for (
    let tries = 0;
    tries < 600 &&
    !(await fetch(`http://${host}/v2/`).then(
      (answer) => answer.ok,
      () => false,
    ));
    tries++
  )
    await sleep(100);
});
after(() => {
  registry?.kill();
  rmSync(folder, { recursive: true, force: true });
});

test("a folder becomes a tar archive, an OCI layout, an archive of one, and ext4; each again the same", async () => {
  const digest = (
    await ok(
      "convert",
      root,
      at("oci"),
      "--to",
      "oci",
      "--arch",
      "amd64",
      "--name",
      "box",
      "--root",
      "--time",
      "1700000000",
    )
  ).trim();
  assert.match(digest, /^sha256:[0-9a-f]{64}$/);
  assert.equal(
    (
      await ok(
        "convert",
        root,
        at("image.tar"),
        "--to",
        "oci-archive",
        "--arch",
        "amd64",
        "--name",
        "box",
        "--root",
        "--time",
        "1700000000",
      )
    ).trim(),
    digest,
  );
  for (const place of [`oci:${at("oci")}:box`, `oci-archive:${at("image.tar")}`]) {
    assert.equal(
      (JSON.parse(execFileSync("skopeo", ["inspect", place], { encoding: "utf8" })) as { Architecture: string })
        .Architecture,
      "amd64",
    );
  }
  await ok("convert", `oci:${at("oci")}:box`, at("back.tar"));
  await ok("convert", root, at("plain.tar"), "--root");
  // Layers say nothing of the root folder itself, whose header comes first.
  assert.deepEqual(readFileSync(at("back.tar")).subarray(512), readFileSync(at("plain.tar")).subarray(512));
  await ok("convert", at("image.tar"), at("from-image.tar"));
  assert.deepEqual(
    readFileSync(at("from-image.tar")),
    readFileSync(at("back.tar")),
    "an archive of a layout is the image in it, not its files",
  );
  await ok("convert", at("plain.tar"), at("root.ext4"), "--time", "1", "--qcow2", at("root.qcow2"));
  execFileSync("qemu-img", ["compare", "-q", "-f", "raw", "-F", "qcow2", at("root.ext4"), at("root.qcow2")]);
  execFileSync("e2fsck", ["-fn", at("root.ext4")], { ...sbin, stdio: "pipe" });
  await ok("convert", at("root.ext4"), at("again.tar"));
  assert.deepEqual(readFileSync(at("again.tar")), readFileSync(at("plain.tar")));
  assert.match((await runCommand("image", "convert", root, at("plain.tar"))).stderr, /plain\.tar: is there already\n$/);
});

test(
  "a root's own programs say for which processor it is, and archives are packed " +
    "as asked, or the command is refused",
  async () => {
    const own = at("own"),
      head = (name: string): string => readFileSync(at(name)).subarray(0, 4).toString("hex");
    for (const [machine, architecture] of [
      [62, "amd64"],
      [183, "arm64"],
      [243, "riscv64"],
    ] as const) {
      mkdirSync(join(own, "usr/bin"), { recursive: true });
      symlinkSync("usr/bin", join(own, "bin"));
      symlinkSync("dash", join(own, "bin/sh"));
      writeFileSync(
        join(own, "usr/bin/dash"),
        Buffer.concat([
          Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]),
          Buffer.alloc(11),
          Buffer.from([machine, 0]),
          Buffer.alloc(40),
        ]),
      );
      await ok("convert", own, at(`${architecture}.oci`), "--to", "oci", "--root");
      assert.equal(
        (
          JSON.parse(execFileSync("skopeo", ["inspect", `oci:${at(`${architecture}.oci`)}`], { encoding: "utf8" })) as {
            Architecture: string;
          }
        ).Architecture,
        architecture,
      );
      rmSync(own, { recursive: true });
    }
    for (const [name, options, pattern] of [
      ["a.cpio", [], /^30373037/],
      ["b.cpio.gz", [], /^1f8b/],
      ["c.cpio", ["-c", "zstd"], /^28b52ffd/],
      ["d.tar.zst", [], /^28b52ffd/],
    ] as const) {
      await ok("convert", root, at(name), ...options);
      assert.match(head(name), pattern);
    }
    for (const [name, kind, why] of [
      ["x.ext4", "gzip", "ext4 is not packed"],
      ["x.raw", "zstd", "raw is not packed"],
      ["x.iso", "none", "iso is packed by gzip or zstd, not by none"],
      ["x.btrfs", "gzip", "btrfs is packed by zstd, or not, not by gzip"],
    ] as const) {
      const { status, stderr } = await runCommand("image", "convert", root, at(name), "-c", kind);
      assert.deepEqual([status, stderr], [2, `stratos: --compress: ${why}\n`]);
      assert.ok(!existsSync(at(name)));
    }
  },
);

test("a root becomes an OSTree commit with the layout of bootc, and one more makes its child", async () => {
  const first = (
    await ok("convert", root, at("repo"), "--to", "ostree", "--ref", "box/amd64", "--bootc", "--root")
  ).trim();
  execFileSync("ostree", ["fsck", "-q", `--repo=${at("repo")}`]);
  const listing = execFileSync("ostree", ["ls", "-R", `--repo=${at("repo")}`, "box/amd64"], { encoding: "utf8" });
  assert.match(listing, / \/usr\/etc\/hostname\n/);
  assert.match(listing, / \/usr\/lib\/modules\/6\.1\.0\/vmlinuz\n/);
  assert.doesNotMatch(listing, / \/etc\n| \/boot\/vmlinuz/);
  const second = (await ok("convert", root, at("repo"), "--to", "ostree", "--ref", "box/amd64", "--root")).trim();
  assert.equal(
    execFileSync("ostree", ["rev-parse", `--repo=${at("repo")}`, `${second}^`], { encoding: "utf8" }).trim(),
    first,
  );
});

test("an image is pushed, pulled as one of ours and converted from there", async () => {
  const name = `${host}/team/box:v1`;
  const pushed = JSON.parse(await ok("push", root, name, "--arch", "riscv64", "--compress", "zstd", "--json")) as {
    digest: string;
    sentBytes: number;
  };
  assert.ok(pushed.sentBytes > 0);
  assert.equal(
    (
      JSON.parse(
        execFileSync("skopeo", ["inspect", "--tls-verify=false", `docker://${name}`], { encoding: "utf8" }),
      ) as { Digest: string }
    ).Digest,
    pushed.digest,
  );
  await ok("convert", root, at("pushed.tar"), "--to", "oci-archive", "--arch", "riscv64", "--root");
  const archived = (await ok("push", at("pushed.tar"), `${host}/team/box:archive`)).trim();
  assert.equal(
    (
      JSON.parse(
        execFileSync("skopeo", ["inspect", "--tls-verify=false", `docker://${host}/team/box:archive`], {
          encoding: "utf8",
        }),
      ) as { Digest: string }
    ).Digest,
    archived,
  );
  // A manifest that was changed is not put under a tag, and a folder that is not there is not made.
  await ok("convert", root, at("tampered"), "--to", "oci", "--name", "box", "--root");
  const manifest = join(
    at("tampered/blobs/sha256"),
    (
      JSON.parse(readFileSync(at("tampered/index.json"), "utf8")) as { manifests: { digest: string }[] }
    ).manifests[0]!.digest.slice(7),
  );
  writeFileSync(manifest, readFileSync(manifest, "utf8").replace(/"schemaVersion":2/, '"schemaVersion":3'));
  assert.match(
    (await runCommand("image", "push", `oci:${at("tampered")}`, `${host}/team/box:bad`)).stderr,
    /the manifest has been changed; its digest is sha256:[0-9a-f]{64}\n$/,
  );
  assert.match(
    (await runCommand("image", "push", `oci:${at("nothing")}`, name)).stderr,
    /nothing: is no OCI image layout\n$/,
  );
  assert.ok(!existsSync(at("nothing")));
  await ok("pull", name, "pulled");
  assert.match(await ok("ls", "--names"), /^pulled$/m);
  await ok("convert", "pulled", at("pulled.tar"));
  assert.match(
    execFileSync("tar", ["-tvf", at("pulled.tar")], { encoding: "utf8" }),
    /\.\/usr\/data link to \.\/usr\/again/,
  );
  await ok("pull", name, "-o", at("layout"));
  execFileSync("skopeo", ["inspect", `oci:${at("layout")}:v1`]);
  assert.match((await runCommand("image", "pull", `${host}/team/none`)).stderr, /^stratos: 127.*none: .*\(404\)\n$/);
  assert.equal((await runCommand("image", "pull", "UPPER")).status, 2);
});

test("a medium for cloud-init is made, and one that lets nobody in is refused", async () => {
  writeFileSync(at("keys"), "# mine\nssh-ed25519 AAAA me@x\n");
  await ok("seed", at("seed.iso"), "--hostname", "box", "--ssh-keys", at("keys"));
  execFileSync(
    "xorriso",
    ["-osirrox", "on", "-indev", `stdio:${at("seed.iso")}`, "-extract", "/user-data", at("user-data")],
    { stdio: "pipe" },
  );
  assert.match(readFileSync(at("user-data"), "utf8"), /sudo: [\s\S]*ssh-ed25519 AAAA me@x/);
  await ok("seed", at("modest.iso"), "--ssh-keys", at("keys"), "--no-sudo");
  rmSync(at("user-data"));
  execFileSync(
    "xorriso",
    ["-osirrox", "on", "-indev", `stdio:${at("modest.iso")}`, "-extract", "/user-data", at("user-data")],
    { stdio: "pipe" },
  );
  assert.doesNotMatch(readFileSync(at("user-data"), "utf8"), /sudo/);
  for (const [content, why] of [
    ["hostname: box\n", /user-data: its first line is not one that cloud-init knows/],
    ["#cloud-config\n\thostname: box\n", /user-data: .*tab/i],
  ] as const) {
    writeFileSync(at("user-data"), content);
    const { status, stderr } = await runCommand("image", "seed", at("none.iso"), "--user-data", at("user-data"));
    assert.equal(status, 1);
    assert.match(stderr, why);
    assert.ok(!existsSync(at("none.iso")));
  }
  assert.match((await runCommand("image", "seed", at("none.iso"))).stderr, /nobody could log in: give --ssh-keys/);
});

test("a folder becomes a btrfs volume and an EROFS image, by the target's name", async () => {
  const same = ["--root", "--time", "1700000000", "--name", "box"];
  await ok("convert", root, at("root.btrfs"), ...same, "-c", "zstd", "--qcow2", at("btrfs.qcow2"));
  execFileSync("qemu-img", ["compare", "-q", "-f", "raw", "-F", "qcow2", at("root.btrfs"), at("btrfs.qcow2")]);
  execFileSync("btrfs", ["check", "--check-data-csum", at("root.btrfs")], { ...sbin, stdio: "pipe" });
  mkdirSync(at("btrfs"));
  execFileSync("btrfs", ["restore", at("root.btrfs"), at("btrfs")], { ...sbin, stdio: "pipe" });
  assert.ok(readFileSync(at("btrfs/usr/data")).equals(readFileSync(join(root, "usr/data"))));
  await ok("convert", root, at("root.erofs"), ...same);
  execFileSync("fsck.erofs", [at("root.erofs")], { ...sbin, stdio: "pipe" });
  assert.match(await ok("disk", "info", at("root.erofs")), /erofs/);
  assert.match(await ok("disk", "ls", `${at("root.erofs")}:/usr`), /^again\ndata\nlib\n$/);
  await ok("convert", at("root.erofs"), at("erofs.tar"));
  await ok("convert", root, at("same.tar"), "--root");
  assert.deepEqual(readFileSync(at("erofs.tar")), readFileSync(at("same.tar")));
  await ok("convert", root, at("packed.erofs"), ...same, "-c", "lz4");
  assert.ok(statSync(at("packed.erofs")).size * 3 < statSync(at("root.erofs")).size);
  execFileSync("fsck.erofs", [at("packed.erofs")], { ...sbin, stdio: "pipe" });
  await ok("convert", at("packed.erofs"), at("packed.tar"));
  assert.deepEqual(readFileSync(at("packed.tar")), readFileSync(at("same.tar")));
  const refused = await runCommand("image", "convert", root, at("x.tar"), "-c", "lz4");
  assert.deepEqual(
    [refused.status, /tar is packed by gzip or zstd, or not, not by lz4/.test(refused.stderr)],
    [2, true],
    refused.stderr,
  );
});

test(
  "a disk with btrfs is read again: its subvolumes one by one, and as " + "the root that they make together",
  async () => {
    const system = at("system"),
      loader = join(system, "usr/lib/systemd/boot/efi");
    for (const path of ["boot", "etc", "home/anna"]) mkdirSync(join(system, path), { recursive: true });
    mkdirSync(loader, { recursive: true });
    for (const [path, text] of [
      ["boot/vmlinuz-6.1", "kernel"],
      ["boot/initrd.img-6.1", "first root"],
      ["usr/lib/systemd/boot/efi/systemd-bootx64.efi", "loader"],
      ["etc/fstab", "UUID=x / btrfs subvol=@ 0 0\n"],
      ["home/anna/note", "kept"],
    ] as const)
      writeFileSync(join(system, path), text);
    await ok(
      "convert",
      system,
      at("btrfs.raw"),
      "--filesystem",
      "btrfs",
      "--snapshot",
      "factory",
      "-c",
      "zstd",
      "--arch",
      "amd64",
      "--root",
      "--time",
      "1700000000",
    );
    assert.equal(await ok("disk", "ls", `${at("btrfs.raw")}@root:/`), "@\n@factory\n@home\n");
    assert.equal(await ok("disk", "cat", `${at("btrfs.raw")}@root:/@home/anna/note`), "kept");
    assert.match(
      (await runCommand("image", "disk", "mkdir", `${at("btrfs.raw")}@root:/@/new`)).stderr,
      /files on btrfs are read here, not changed/,
    );
    await ok("convert", at("btrfs.raw"), at("from-btrfs.tar"));
    await ok("convert", system, at("from-folder.tar"), "--root");
    assert.deepEqual(readFileSync(at("from-btrfs.tar")), readFileSync(at("from-folder.tar")));
  },
);

test("a disk with AegisFS holds the root, and Stratos imports and runs it", async () => {
  const guest = at("guest"),
    loader = join(guest, "usr/lib/systemd/boot/efi");
  for (const path of ["boot", "usr/bin", "etc"]) mkdirSync(join(guest, path), { recursive: true });
  mkdirSync(loader, { recursive: true });
  for (const [path, text] of [
    ["boot/vmlinuz-6.1", "kernel"],
    ["boot/initrd.img-6.1", "first root"],
    ["usr/lib/systemd/boot/efi/systemd-bootriscv64.efi", "loader"],
    ["etc/hostname", "box\n"],
    ["etc/passwd", "root:x:0:0::/:/usr/bin/hello\n"],
  ] as const)
    writeFileSync(join(guest, path), text);
  writeFileSync(
    at("hello.c"),
    '#include <stdio.h>\nint main(void) { char name[9] = ""; FILE *file = fopen("/etc/hostname", "r"); return ' +
      'file == NULL || fgets(name, 9, file) == NULL || printf("hello from %s", name) < 0; }\n',
  );
  execFileSync("riscv64-linux-gnu-gcc", ["-static", "-O1", "-o", join(guest, "usr/bin/hello"), at("hello.c")]);
  const same = ["--filesystem", "aegisfs", "--arch", "riscv64", "--root", "--time", "1700000000"];
  await ok("convert", guest, at("aegis.raw"), ...same);
  await ok("convert", guest, at("aegis.qcow2"), ...same);
  execFileSync("qemu-img", ["compare", "-q", "-f", "raw", "-F", "qcow2", at("aegis.raw"), at("aegis.qcow2")]);
  assert.match(execFileSync("sgdisk", ["-v", at("aegis.raw")], { ...sbin, encoding: "utf8" }), /No problems found/);
  assert.match(await ok("disk", "cat", `${at("aegis.raw")}@root:/etc/fstab`), /^UUID=\S+ \/ aegisfs defaults 0 0\n/);
  await ok("import", "aegis", at("aegis.qcow2"));
  const result = spawnSync(process.execPath, [...commandArguments, "run", "-i", "aegis", "--", "/usr/bin/hello"], {
    encoding: "utf8",
  });
  assert.deepEqual([result.stdout, result.status], ["hello from box\n", 0], result.stderr);
  assert.match(
    (await runCommand("image", "convert", guest, at("no.raw"), ...same, "--snapshot", "x")).stderr,
    /aegisfs has no snapshots; btrfs has/,
  );
});

test(
  "a commit and the summary are signed by a key of ours and by Ed25519, " + "and ostree asks for the signature",
  async () => {
    const created = await runCommand("pkg", "key", "create", "images", "--owner", "Images <images@example.org>");
    assert.equal(created.status, 0, created.stderr);
    const shown = await runCommand("pkg", "key", "export", "images");
    assert.equal(shown.status, 0, shown.stderr);
    writeFileSync(at("images.asc"), shown.stdout);
    const { privateKey } = generateKeyPairSync("ed25519");
    writeFileSync(at("ed25519.pem"), privateKey.export({ format: "pem", type: "pkcs8" }));
    const made = ["convert", root, at("signed"), "--to", "ostree", "--ref", "box", "--root", "--sign", "images"];
    await ok(...made, "--sign-ed25519", at("ed25519.pem"));
    const pull = (): { status: number | null; stderr: string } =>
      spawnSync("ostree", ["pull", `--repo=${at("client")}`, "origin", "box"], { encoding: "utf8" });
    execFileSync("ostree", ["init", `--repo=${at("client")}`, "--mode=archive"]);
    execFileSync("ostree", [
      "remote",
      "add",
      `--repo=${at("client")}`,
      "--set=gpg-verify=true",
      "--set=gpg-verify-summary=true",
      `--gpg-import=${at("images.asc")}`,
      "origin",
      `file://${at("signed")}`,
      "box",
    ]);
    assert.equal(pull().status, 0);
    // Without a signature the next one is not taken.
    await ok(...made.slice(0, -2), "--time", "1700000001");
    assert.notEqual(pull().status, 0);
    writeFileSync(at("bad.key"), "AAAA\n");
    assert.match(
      (await runCommand("image", ...made, "--sign-ed25519", at("bad.key"))).stderr,
      /bad\.key: is no Ed25519 private key/,
    );
    assert.equal((await runCommand("image", "convert", root, at("x.tar"), "--sign", "images")).status, 2);
  },
);
