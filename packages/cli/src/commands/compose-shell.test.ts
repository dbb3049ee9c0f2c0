/**
 * `compose shell`: a command runs in a copy of what was made, sees nothing of the host's root, and what it changes is
 * gone.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { nativeObstacle } from "@stratos/tools-node/compose";
import { commandArguments } from "../testing/command-line.ts";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

test("a shell of the host's architecture runs natively, in a root of its own", (context) => {
  if (nativeObstacle() !== undefined) return context.diagnostic(nativeObstacle()!);
  const folder = testFolder("stratos-shell"),
    root = join(folder, "root");
  try {
    // A root of this host's own programs.
    for (const program of ["/bin/sh", "/bin/ls", "/bin/cat"]) {
      const libraries = execFileSync("ldd", [program], { encoding: "utf8" })
        .split("\n")
        .map((line) => /(\/\S+)/.exec(line)?.[1])
        .filter((path) => path !== undefined);
      for (const path of [program, ...libraries]) {
        const to = join(root, path!);
        mkdirSync(dirname(to), { recursive: true });
        copyFileSync(realpathSync(path!), to);
      }
    }
    mkdirSync(join(root, "etc"));
    writeFileSync(join(root, "etc/mark"), "inside\n");
    const architecture = { x64: "amd64", arm64: "arm64" }[process.arch as string] ?? "amd64";
    const shell = (...command: string[]): { status: number | null; stdout: string; stderr: string } =>
      spawnSync(process.execPath, [...commandArguments, "compose", "shell", "--arch", architecture, root, ...command], {
        encoding: "utf8",
        env: { ...process.env, STRATOS_HOME: join(folder, "home") },
      });
    const looked = shell(
      "/bin/sh",
      "-c",
      "cat /etc/mark; echo changed > /etc/mark; cat /etc/mark; [ -e /proc/self ] && [ ! -e /work ] && echo " +
        "alone; exit 7",
    );
    assert.deepEqual([looked.stdout, looked.status], ["inside\nchanged\nalone\n", 7], looked.stderr);
    assert.equal(shell("--", "/bin/cat", "/etc/mark").stdout, "inside\n");
    assert.ok(existsSync(join(root, "etc/mark")));
    assert.equal(looked.stderr, "");
    writeFileSync(
      join(root, "etc/fstab"),
      "# UUID=1 /old ext4\nUUID=2 / ext4 defaults 0 1\nUUID=3 /boot/efi vfat umask=0077\n" +
        "/dev/mapper/vg-var /var ext4 rw\nUUID=4 none swap sw\n/srv/x /mnt none bind\nLABEL=home /home xfs\n",
    );
    assert.equal(
      shell("/bin/sh", "-c", "true").stderr,
      "stratos: /home, /var: on partitions of their own, and empty here; `stratos compose boot` has all\n",
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("what is no root is told by its name", async () => {
  const folder = testFolder("stratos-shell-no-root");
  try {
    for (const [name, path, words] of [
      ["ova", "all.ovf", /is an appliance \(OVA\)/],
      ["deployed", `ostree/deploy/web/deploy/${"a".repeat(64)}.0/x`, /is a disk with a deployed commit/],
      ["sysext", "usr/lib/extension-release.d/extension-release.x", /is an extension: files to lay over a system/],
      ["confext", "etc/extension-release.d/extension-release.x", /is an extension/],
    ] as const) {
      mkdirSync(dirname(join(folder, name, path)), { recursive: true });
      writeFileSync(join(folder, name, path), "ID=debian\n");
      const { status, stderr } = await runCommand("compose", "shell", "--arch", "riscv64", join(folder, name), "true");
      assert.equal(status, 1);
      assert.match(stderr, words);
    }
    // What a compose's folder says: a commit goes by its repository and reference, a medium is for machines.
    const made = join(folder, "made"),
      told = async (path: string): Promise<string> => (await runCommand("compose", "shell", path, "true")).stderr;
    mkdirSync(join(made, "repo"), { recursive: true });
    for (const name of ["a.iso", "b.tar"]) writeFileSync(join(made, name), "");
    const artifacts = [
      { path: "repo:web/amd64", format: "ostree" },
      { path: "a.iso", format: "iso" },
    ];
    const say = (): void =>
      writeFileSync(join(made, "composeinfo.json"), JSON.stringify({ images: [{ architecture: "amd64", artifacts }] }));
    say();
    assert.match(await told(made), /made\/repo: is no OSTree repository/);
    assert.match(await told(join(made, "a.iso")), /format iso: its files are not read here; `stratos compose boot` st/);
    artifacts.push({ path: "b.tar", format: "tar" });
    say();
    assert.match(await told(made), /say which one: ostree:.*made\/repo:web\/amd64, .*made\/b\.tar\n/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("what no processor here runs is told", async () => {
  const folder = testFolder("stratos-shell-none");
  try {
    mkdirSync(join(folder, "etc"), { recursive: true });
    assert.match(
      (await runCommand("compose", "shell", folder)).stderr,
      /holds no programs that tell for which processor it is; --arch says it/,
    );
    assert.match(
      (await runCommand("compose", "shell", "--arch", "s390x", folder)).stderr,
      /this host does not run programs of s390x/,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
