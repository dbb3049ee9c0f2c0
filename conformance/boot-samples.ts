/**
 * Composes the sample trees and boots what they become, under QEMU without hardware help (TCG): each to a login on the
 * serial console, where root logs in and asks systemd whether all of its units have started. Not part of `npm test`: a
 * boot of a whole system takes a minute or two of a processor.
 *
 *     npm run conformance:samples -- [--record] [--keep FOLDER] [NAME…]
 *
 * With `--keep` what is composed stays in the folder, and is taken from there the next time.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Machine, machineObstacle, PATIENT, type Firmware, type Medium } from "./emulator.ts";
import { deploySample } from "./deploy-sample.ts";
import { recordBoots, type BootRow } from "./results.ts";
import { refuseUnknown } from "../tests/support/known-names.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const BOOT_TIMEOUT_MS = 1_500_000;
const ANSWER_TIMEOUT_MS = 600_000;
const PASSWORD = "boot";
/** Of the password, as crypt(5) has it. */
const PASSWORD_HASH =
  "$6$stratos$5fUcXOTDHFflBiKd.UYj3LYEVWsHaF1dalKwcVzSfFKL2U9nzJtXYqlHMc6clCRZ4A181kbCoYOVFjG99HZ4y.";
/** What a tree without a kernel of its own needs beside itself to start. */
const MACHINE = ["systemd-sysv", "udev", "dbus", "systemd-boot-efi", "busybox", "linux-image-cloud-amd64"];

interface Compose {
  readonly name: string;
  readonly architecture: "amd64" | "riscv64";
  readonly variant?: string;
  readonly text: string;
}

interface Case {
  readonly name: string;
  readonly compose: Compose;
  /** of the compose's folder, or made of it there */
  readonly media: (folder: string) => readonly Medium[];
  readonly firmware: Firmware;
  readonly processors?: number;
  readonly hasNetwork?: true;
  /** what the machine says of its root: file system, and where it comes from */
  readonly expect: RegExp;
  readonly user?: string;
  /** asked for besides, and what the answer holds */
  readonly ask?: readonly [command: string, answer: RegExp];
}

const users = `users: {root: {password: "${PASSWORD_HASH}"}}\n`;
const sample = (file: string): string => `include: [${join(root, "images", file)}]\n${users}`;
const server: Compose = {
  name: "server",
  architecture: "amd64",
  variant: "server",
  text:
    `${sample("server.yaml")}packages: [isolinux, syslinux-common]\noutputs: {root: null, disk: {format: qcow2, ` +
    `compression: zstd, command-line: "${PATIENT}"}, raw: {format: raw, command-line: "${PATIENT}"}, medium: ` +
    `{format: iso, command-line: "${PATIENT}"}}\n`,
};
const cloud: Compose = {
  ...server,
  name: "cloud",
  variant: "cloud",
  text:
    `${sample("server.yaml")}outputs: {root: null, disk: {format: qcow2, compression: zstd, command-line: ` +
    `"${PATIENT}"}}\n`,
};
const machine = (file: string, packages: readonly string[] = []): Compose => ({
  name: file.replace(/\..*/, ""),
  architecture: "amd64",
  text:
    `${sample(file)}packages: [${[...MACHINE, ...packages].join(", ")}]\noutputs: {root: null, disk: {format: raw, ` +
    `filesystem: btrfs, command-line: "${PATIENT}"}}\n`,
});
const bootc: Compose = { name: "bootc", architecture: "amd64", text: `${sample("bootc.toml")}outputs: {root: null}\n` };
const SSH = ["ls /etc/ssh/ssh_host_*_key | wc -l; systemctl is-active ssh", /[1-9]\r\nactive/] as const;
/** Its own, which no other host has. */
const CERTIFICATE = [
  "openssl verify -CAfile /etc/ssl/certs/ssl-cert-snakeoil.pem /etc/ssl/certs/ssl-cert-snakeoil.pem; ls -l " +
    "/etc/ssl/private; systemctl is-active ssl-cert-snakeoil",
  /snakeoil\.pem: OK\r\n[^]*root ssl-cert [^]*\r\nactive/,
] as const;
const disk = (folder: string, name: string): readonly Medium[] => [{ path: join(folder, name), kind: "disk" }];

const CASES: readonly Case[] = [
  {
    name: "server, QCOW2, UEFI, two processors",
    compose: server,
    media: (folder) => disk(folder, "server-server-amd64.qcow2"),
    firmware: "uefi",
    processors: 2,
    expect: /ext4 \/dev\/vda2/,
    ask: SSH,
  },
  {
    name: "server, raw, UEFI",
    compose: server,
    media: (folder) => disk(folder, "server-server-amd64.raw"),
    firmware: "uefi",
    expect: /ext4 \/dev\/vda2/,
    ask: SSH,
  },
  {
    name: "server, ISO, BIOS",
    compose: server,
    media: (folder) => [{ path: join(folder, "server-server-amd64.iso"), kind: "optical" }],
    firmware: "bios",
    expect: /overlay overlay/,
    ask: SSH,
  },
  {
    name: "server, ISO, UEFI",
    compose: server,
    media: (folder) => [{ path: join(folder, "server-server-amd64.iso"), kind: "optical" }],
    firmware: "uefi",
    expect: /overlay overlay/,
    ask: SSH,
  },
  {
    name: "server, ISO on a stick, UEFI",
    compose: server,
    media: (folder) => [{ path: join(folder, "server-server-amd64.iso"), kind: "stick" }],
    firmware: "uefi",
    expect: /overlay overlay/,
  },
  {
    name: "server for clouds, QCOW2 with a medium of cloud-init, UEFI",
    compose: cloud,
    media: seeded,
    firmware: "uefi",
    hasNetwork: true,
    expect: /ext4 \/dev\/vda2/,
    // The root has taken the room that the disk was given after it was made.
    ask: [
      "cloud-init status --wait; echo $?; hostname; id -un 1000; sudo -u admin sudo -n id -u; df --output=size " +
        "-BG / | tail -1",
      /status: done\r\n0\r\nseeded\r\nadmin\r\n0\r\n +20G\r\n/,
    ],
  },
  {
    name: "minimal with a kernel, raw on btrfs, UEFI",
    compose: machine("minimal.yaml", ["ssl-cert"]),
    media: (folder) => disk(folder, "minimal-default-amd64.raw"),
    firmware: "uefi",
    expect: /btrfs \/dev\/vda2/,
    ask: CERTIFICATE,
  },
  {
    name: "development with a kernel, raw on btrfs, UEFI",
    compose: machine("development.yaml"),
    media: (folder) => disk(folder, "development-default-amd64.raw"),
    firmware: "uefi",
    expect: /btrfs \/dev\/vda2/,
    ask: ["id -un 1000; gcc --version | head -1", /dev\r\ngcc /],
  },
  {
    name: "bootc, deployed by ostree, raw, UEFI",
    compose: bootc,
    media: (folder) => [{ path: deploySample(join(folder, "repo"), "stratos/amd64/bootc", folder), kind: "disk" }],
    firmware: "uefi",
    expect: /ext4 \/dev\/vda2/,
    ask: [
      "ostree admin status; touch /usr/x; echo $?; touch /var/x /etc/x && echo kept",
      /\* debian [0-9a-f]{64}\.0[\s\S]*Read-only file system[\s\S]*\r\nkept\r\n/,
    ],
  },
  {
    name: "server, riscv64, QCOW2, U-Boot",
    compose: {
      ...server,
      architecture: "riscv64",
      text:
        `${sample("server.yaml")}outputs: {root: null, disk: {format: qcow2, compression: zstd, command-line: ` +
        `"${PATIENT}"}}\n`,
    },
    media: (folder) => disk(folder, "server-server-riscv64.qcow2"),
    firmware: "u-boot",
    expect: /ext4 \/dev\/vda2/,
    ask: SSH,
  },
];

const { values, positionals } = parseArgs({
  options: { record: { type: "boolean", default: false }, keep: { type: "string" } },
  allowPositionals: true,
});
refuseUnknown(
  positionals,
  CASES.map(({ name }) => name),
);
const folder = values.keep ?? mkdtempSync(join(tmpdir(), "stratos-boot-samples-"));
// Stopped from outside, it leaves nothing either.
if (values.keep === undefined) process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const rows: BootRow[] = [];
const made = new Map<Compose, string | Error>();
for (const one of CASES.filter(
  ({ name }) => positionals.length === 0 || positionals.some((text) => name.includes(text)),
)) {
  const started = Date.now();
  let failure: string | null;
  try {
    failure = await runCase(one);
  } catch (error) {
    failure = (error as Error).message;
  }
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(failure === null ? `ok ${one.name} (${seconds} s)` : `FAILED ${one.name}: ${failure}`);
  rows.push({ name: one.name, isRight: failure === null, seconds });
}
const failed = rows.filter(({ isRight }) => !isRight).length;
if (values.record)
  recordBoots(
    "boots",
    { title: "Sample trees, composed and booted under QEMU (TCG)", command: "npm run conformance:samples -- --record" },
    rows,
  );
console.log(`${rows.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 && rows.length > 0 ? 0 : 1;

/** @returns what went wrong */
async function runCase(one: Case): Promise<string | null> {
  const { architecture } = one.compose,
    obstacle = machineObstacle({ architecture, firmware: one.firmware });
  if (obstacle !== null) return obstacle;
  const machine = new Machine({
    architecture,
    firmware: one.firmware,
    memory: 1024,
    processors: one.processors ?? 1,
    hasNetwork: one.hasNetwork ?? false,
    media: one.media(composed(one.compose)),
  });
  try {
    if ((await machine.shows(/ login: /, BOOT_TIMEOUT_MS)) === null)
      return `no login within ${BOOT_TIMEOUT_MS / 1000} s; the console ended with\n${end(machine)}`;
    machine.type("root\r");
    if ((await machine.shows(/Password: /, ANSWER_TIMEOUT_MS)) === null)
      return `no question for a password; the console ended with\n${end(machine)}`;
    machine.type(`${PASSWORD}\r`);
    // What is typed before the shell asks is lost.
    if ((await machine.shows(/root@[^\n]*# /, ANSWER_TIMEOUT_MS)) === null)
      return `no shell; the console ended with\n${end(machine)}`;
    // Kernel messages go to the console, too; and what is typed comes back, so that marks are put together by the
    // shell.
    const answer = await ask(
      machine,
      "dmesg -n 1; export SYSTEMD_PAGER=cat; systemctl is-system-running --wait; systemctl --failed --plain " +
        "--no-legend; findmnt -rno FSTYPE,SOURCE /",
    );
    if (answer === null) return `no answer; the console ended with\n${end(machine)}`;
    if (!/\brunning\r\n/.test(answer))
      return (
        `units have failed:\n${answer}` +
        `${
          (await ask(
            machine,
            "journalctl -b -p notice | grep -E 'exited|Failed|segfault|memory|trap|BTRFS|EXT4|blocked|timed " +
              "out|jump' | tail -30",
          )) ?? ""
        }`
      );
    if (!one.expect.test(answer)) return `the root is not what it should be:\n${answer}`;
    if (one.ask === undefined) return null;
    const more = await ask(machine, one.ask[0]);
    return more !== null && one.ask[1].test(more) ? null : `${one.ask[0]} answered\n${more ?? end(machine)}`;
  } finally {
    await machine.kill();
  }
}

async function ask(machine: Machine, command: string): Promise<string | null> {
  const start = machine.output.length;
  machine.type(`echo "beg""in"; ${command}; echo "en""d"\r`);
  const found = await machine.shows(/[\r\n]begin\r\n([\s\S]*?\r\n)end\r\n/, ANSWER_TIMEOUT_MS, start);
  return found?.[1] ?? null;
}

function end(machine: Machine): string {
  return machine.output.split("\n").slice(-15).join("\n");
}

/** Folder with what the compose made. */
function composed(compose: Compose): string {
  let place = made.get(compose);
  if (place === undefined) {
    const target = join(folder, `${compose.name}-${compose.architecture}`),
      treefile = join(folder, `${compose.name}-${compose.architecture}.yaml`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(treefile, compose.text);
    const result = existsSync(join(target, "composeinfo.json"))
      ? { status: 0, stderr: "" }
      : stratos(
          "compose",
          "run",
          treefile,
          "--arch",
          compose.architecture,
          ...(compose.variant === undefined ? [] : ["--variant", compose.variant]),
          "-o",
          target,
        );
    made.set(
      compose,
      (place =
        result.status === 0 ? target : new Error(`not composed: ${result.stderr.split("\n").slice(-3).join("\n")}`)),
    );
  }
  if (place instanceof Error) throw place;
  return place;
}

function seeded(place: string): readonly Medium[] {
  const seed = join(place, "seed.iso"),
    keys = join(place, "keys");
  mkdirSync(place, { recursive: true });
  writeFileSync(keys, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f key\n");
  rmSync(seed, { force: true });
  const { status, stderr } = stratos(
    "image",
    "seed",
    seed,
    "--hostname",
    "seeded",
    "--user",
    "admin",
    "--ssh-keys",
    keys,
  );
  if (status !== 0) throw new Error(`image seed: ${stderr}`);
  const larger = join(place, "larger.qcow2"),
    made = spawnSync(
      "qemu-img",
      ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", "server-cloud-amd64.qcow2", larger, "20500M"],
      { encoding: "utf8" },
    );
  if (made.status !== 0) throw new Error(`qemu-img create: ${made.error?.message ?? made.stderr}`);
  return [
    { path: larger, kind: "disk" },
    { path: seed, kind: "stick" },
  ];
}

function stratos(...args: readonly string[]): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, [join(root, "stratos.mjs"), ...args], { encoding: "utf8", maxBuffer: 1 << 26 });
}
