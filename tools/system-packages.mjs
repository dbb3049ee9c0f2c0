/**
 * What the whole-system tests take from Debian: the judge (qemu-user) and the cross compiler. Installed when missing,
 * where that is possible (root, as in CI); otherwise the message says what to install.
 */
import { spawn, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LaunchError } from "./launch/launch-error.mjs";

/** A mirror that stands still is a failure, not a wait for ever. */
const APT_MS = 15 * 60_000;
const NEEDED = [
  { program: "qemu-riscv64-static", package: "qemu-user-static" },
  { program: "riscv64-linux-gnu-gcc", package: "gcc-riscv64-linux-gnu" },
  { program: "/usr/riscv64-linux-gnu/lib/libc.a", package: "libc6-dev-riscv64-cross" },
  { program: "powerpc64le-linux-gnu-as", package: "binutils-powerpc64le-linux-gnu" },
  { program: "git", package: "git" },
  { program: "gdb-multiarch", package: "gdb-multiarch" },
  // The judges of what is written to disks, repositories and registries.
  { program: "qemu-img", package: "qemu-utils" },
  { program: "sgdisk", package: "gdisk" },
  { program: "cryptsetup", package: "cryptsetup-bin" },
  { program: "veritysetup", package: "cryptsetup-bin" },
  { program: "lvm", package: "lvm2" },
  { program: "fsck.vfat", package: "dosfstools" },
  { program: "mdir", package: "mtools" },
  { program: "debugfs", package: "e2fsprogs" },
  { program: "ostree", package: "ostree" },
  { program: "skopeo", package: "skopeo" },
  { program: "umoci", package: "umoci" },
  { program: "docker-registry", package: "docker-registry" },
  { program: "runc", package: "runc" },
  { program: "xorriso", package: "xorriso" },
  { program: "unsquashfs", package: "squashfs-tools" },
  { program: "fsck.erofs", package: "erofs-utils" },
  { program: "btrfs", package: "btrfs-progs" },
  { program: "xfs_repair", package: "xfsprogs" },
  { program: "cpio", package: "cpio" },
  { program: "openssl", package: "openssl" },
  // What mounted volumes are used by.
  { program: "gcc", package: "gcc" },
  { program: "/usr/include/stdio.h", package: "libc6-dev" },
  { program: "make", package: "make" },
  { program: "setfattr", package: "attr" },
  { program: "setfacl", package: "acl" },
  { program: "rsync", package: "rsync" },
  { program: "sqlite3", package: "sqlite3" },
  { program: "fio", package: "fio" },
  { program: "dbench", package: "dbench" },
  { program: "stress-ng", package: "stress-ng" },
  { program: "python3", package: "python3" },
  { program: "fusermount3", package: "fuse3" },
  { program: "pacman", package: "pacman-package-manager" },
  // The hub's other database; and what unprivileged builds map their users by.
  { program: "/usr/share/postgresql-common/pg_wrapper", package: "postgresql" },
  { program: "newuidmap", package: "uidmap" },
  { program: "dpkg-source", package: "dpkg-dev" },
  // A realm of Kerberos, and who shows its tickets to the hub.
  { program: "/usr/sbin/krb5kdc", package: "krb5-kdc" },
  { program: "/usr/sbin/kadmin.local", package: "krb5-admin-server" },
  { program: "/usr/bin/kinit", package: "krb5-user" },
  { program: "curl", package: "curl" },
  // Who judges the units of deploy/; and what stands before several hubs.
  { program: "systemd-analyze", package: "systemd" },
  { program: "haproxy", package: "haproxy" },
  // The browser that pages are tried in, without windows of its own.
  { program: "chromium-headless-shell", package: "chromium-headless-shell" },
];

export async function installSystemPackages() {
  const missing = [...new Set(NEEDED.filter(({ program }) => !exists(program)).map((entry) => entry.package))];
  if (missing.length === 0) return;
  const command = `apt-get install --no-install-recommends ${missing.join(" ")}`;
  if (process.getuid?.() !== 0)
    throw new LaunchError(`the system tests need ${missing.join(", ")}: run \`${command}\` as root`);
  process.stdout.write(`installing ${missing.join(", ")} …\n`);
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [
    ["update", "-qq"],
    // On a new machine its own upgrades may hold dpkg's lock.
    ["install", "-qq", "-y", "-o", "DPkg::Lock::Timeout=300", "--no-install-recommends", ...missing],
  ]) {
    // Into a file: a service that a package starts would hold our own output open.
    const folder = mkdtempSync(join(tmpdir(), "stratos-apt-"));
    const errors = openSync(join(folder, "errors"), "w+");
    const stdio = ["ignore", "ignore", errors];
    const status = await statusOf(
      spawn("apt-get", args, { env: environment, stdio, timeout: APT_MS, killSignal: "SIGKILL" }),
    );
    const told = readFileSync(join(folder, "errors"), "utf8");
    closeSync(errors);
    rmSync(folder, { recursive: true });
    process.stderr.write(told);
    if (status !== 0)
      throw new LaunchError(
        `the system tests need ${missing.join(", ")}: \`apt-get ${args.join(" ")}\` ` +
          (status === null ? "did not end" : "failed"),
      );
  }
}

/** Null: it was ended by a signal, or cannot be started. */
function statusOf(child) {
  return new Promise((resolve) => {
    child.on("error", () => resolve(null));
    child.on("close", (code) => resolve(code));
  });
}

function exists(program) {
  // Some of them are an administrator's, and not in everybody's PATH.
  const environment = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` };
  return (
    spawnSync("sh", ["-c", program.startsWith("/") ? `test -e ${program}` : `command -v ${program}`], {
      stdio: "ignore",
      env: environment,
    }).status === 0
  );
}
