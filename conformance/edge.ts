/**
 * The edge sample (docs/edge.md), as its user meets it: its disk boots, takes a signed commit from
 * `stratos ostree serve`, starts it and keeps what is its own; goes back to the commit before by hand, and by itself
 * when a commit does not come up or is not fit; and takes no commit whose signature is another's. Under QEMU without
 * hardware help.
 *
 *     npm run conformance:edge -- [--record] [--keep FOLDER] [--architecture amd64|riscv64] [--from NAME]
 *
 * With `--keep` the machine stays in the folder, and `--from` goes on with it at the first step whose name holds NAME.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Machine, machineObstacle, PATIENT } from "./emulator.ts";
import { recordBoots, type BootRow } from "./results.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const BOOT_TIMEOUT_MS = 1_500_000,
  ANSWER_TIMEOUT_MS = 900_000;
const PASSWORD = "boot",
  PASSWORD_HASH = "$6$stratos$5fUcXOTDHFflBiKd.UYj3LYEVWsHaF1dalKwcVzSfFKL2U9nzJtXYqlHMc6clCRZ4A181kbCoYOVFjG99HZ4y.";

/** A trial ends some time after the login. */
const SETTLED =
  "while ls /efi/loader/entries | grep -q $(ls -d /sysroot/ostree/deploy/edge/deploy/*.0 | while read d; do [ " +
  "$d/usr -ef /usr ] && basename $d | cut -c 1-16; done).*+; do sleep 1; done";
const STATE = "echo marker $(cat /etc/marker); ostree admin status";

const GIVEN_UP = /marker 2[\s\S]*\* edge [\s\S]*Version: 2[\s\S]*has been tried, and did not come up/;

/** What is done one after the other to one machine, and what its console answers for the last. */
const STEPS: readonly { readonly name: string; readonly ask: () => Promise<string>; readonly wanted: RegExp }[] = [
  {
    name: "the first disk boots",
    ask: () => ask(`${STATE}; systemctl is-system-running --wait; touch /etc/kept /var/kept; edge-update`),
    wanted: /marker 1[\s\S]*\* edge [0-9a-f]{64}\.0[\s\S]*running[\s\S]*is what runs/,
  },
  {
    name: "an upgrade is started, and keeps what is the machine's",
    ask: async () => {
      compose("2", "");
      await restart("edge-update --reboot");
      return ask(`${SETTLED}; ${STATE}; ls /etc/kept /var/kept; ls /efi/loader/entries`);
    },
    wanted:
      // wide: one pattern
      /marker 2[\s\S]*\* edge [\s\S]*Version: 2[\s\S]*edge [0-9a-f]{64}\.0 \(rollback\)[\s\S]*\/etc\/kept\s+\/var\/kept\s+ostree-[0-9a-f]{16}\.0\.conf\s+ostree-[0-9a-f]{16}\.0\.conf/,
  },
  {
    name: "an administrator goes back",
    wanted: /marker 1[\s\S]*\* edge [\s\S]*Version: 1/,
    ask: async () => {
      await restart("ostree admin set-default 1 && systemctl reboot");
      return ask(STATE);
    },
  },
  {
    name: "and forth",
    wanted: /marker 2[\s\S]*\* edge [\s\S]*Version: 2/,
    ask: async () => {
      await restart("ostree admin set-default 1 && systemctl reboot");
      return ask(`${SETTLED}; ${STATE}`);
    },
  },
  {
    name: "a commit that does not come up is left for the one before",
    wanted: GIVEN_UP,
    ask: async () => {
      // Its first program is none.
      compose("3", `files: {/usr/lib/systemd/systemd: {content: "nothing", mode: "755"}}\n`);
      await restart("edge-update --reboot");
      return ask(`${SETTLED}; ${STATE}; edge-update --reboot`);
    },
  },
  {
    name: "a commit that is not fit is left for the one before",
    wanted: GIVEN_UP,
    ask: async () => {
      compose("4", `files: {/usr/lib/edge/health.d/never: {content: "#!/bin/sh\\nexit 1\\n", mode: "755"}}\n`);
      // After the update it starts three times, is not fit, and starts again before anybody could log in.
      await restart("edge-update --reboot", 4);
      return ask(`${SETTLED}; ${STATE}; edge-update --reboot`);
    },
  },
  {
    name: "a commit that another has signed is not taken",
    wanted: /(GPG|signature|public key)[\s\S]*status 1/i,
    ask: () => {
      compose("5", "", "other");
      return ask("edge-update --reboot; echo status $?");
    },
  },
];

const { values } = parseArgs({
  options: {
    record: { type: "boolean", default: false },
    keep: { type: "string" },
    architecture: { type: "string", default: "amd64" },
    from: { type: "string" },
  },
});
const architecture = values.architecture === "riscv64" ? "riscv64" : "amd64",
  firmware = architecture === "riscv64" ? "u-boot" : "uefi";
const image = `edge-default-${architecture}.raw`;
const folder = values.keep ?? mkdtempSync(join(tmpdir(), "stratos-edge-"));
const target = join(folder, "edge");
let server: ChildProcess | undefined, machine: Machine | undefined;
process.once("exit", () => {
  server?.kill();
  if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
mkdirSync(folder, { recursive: true });

const rows: BootRow[] = [];
const port =
  values.from === undefined
    ? await freePort()
    : Number(/http:\/\/10\.0\.2\.2:(\d+)/.exec(readFileSync(join(folder, "machine.yaml"), "utf8"))![1]);
let started = Date.now();
try {
  const obstacle = machineObstacle({ architecture, firmware });
  if (obstacle !== null) throw new Error(obstacle);
  await run();
} catch (error) {
  report("what came next", (error as Error).message);
} finally {
  await machine?.kill();
}
const failed = rows.filter(({ isRight }) => !isRight).length;
if (values.record)
  recordBoots(
    "edge",
    { title: "The edge sample, updating itself under QEMU (TCG)", command: "npm run conformance:edge -- --record" },
    rows,
  );
console.log(`${rows.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 && rows.length > 0 ? 0 : 1);

async function run(): Promise<void> {
  const disk = join(folder, "machine.raw");
  if (values.from === undefined) {
    for (const key of ["edge", "other"]) stratos("pkg", "key", "create", key);
    writeFileSync(join(folder, "edge.asc"), stratos("pkg", "key", "export", "edge"));
    compose("1", "");
    console.log(`disk: ${(statSync(join(target, image)).blocks / 2048).toFixed(0)} MiB of files`);
    copyFileSync(join(target, image), disk);
  }
  server = spawn(
    process.execPath,
    [join(root, "stratos.mjs"), "ostree", "serve", join(target, "repo"), "--listen", `127.0.0.1:${port}`, "--quiet"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  await new Promise((resolve) => server!.stdout!.once("data", resolve));
  const seen = (machine = new Machine({
    architecture,
    firmware,
    memory: 1024,
    media: [{ path: disk, kind: "disk", keep: true }],
    reachesHost: true,
    restarts: true,
  }));
  if (values.keep !== undefined)
    setInterval(() => writeFileSync(join(folder, "console.log"), seen.output), 2000).unref();
  await login(0);
  const first = STEPS.findIndex(({ name }) => values.from === undefined || name.includes(values.from));
  for (const { name, wanted, ask: steps } of STEPS.slice(first === -1 ? STEPS.length : first))
    check(name, await steps(), wanted);
}

/**
 * Types what restarts the machine, and logs in again. @param restarts  how often it starts again before anybody could
 */
async function restart(command: string, restarts = 0): Promise<void> {
  let at = machine!.output.length;
  machine!.type(`${command}\r`);
  for (let count = 0; count < restarts; count++) at = await appears(/reboot: Restarting system/, at);
  await login(at);
}

function compose(version: string, more: string, key = "edge"): void {
  const treefile = join(folder, "machine.yaml");
  // In the words of docs/edge.md, and a password for this console.
  writeFileSync(
    treefile,
    `include: [${join(root, "images/edge.yaml")}, machine-own.yaml]\nversion: "${version}"\nostree: {sign: ` +
      `${join(folder, "home/keys", `${key}.asc`)}}\nfiles:\n  /usr/share/edge/updates.asc: {source: edge.asc}\n  ` +
      '/etc/ostree/remotes.d/updates.conf:\n    content: |\n      [remote "updates"]\n      ' +
      `url=http://10.0.2.2:${port}\n      gpg-verify=true\n      gpgkeypath=/usr/share/edge/updates.asc\n  ` +
      `/etc/marker: {content: "${version}\\n"}\nusers: {root: {password: "${PASSWORD_HASH}"}}\noutputs: {disk: ` +
      `${version === "1" ? `{command-line: "panic=5 ${PATIENT}"}` : "null"}}\n`,
  );
  writeFileSync(join(folder, "machine-own.yaml"), more === "" ? "custom: {}\n" : more);
  stratos("compose", "run", treefile, "--arch", architecture, "-o", target);
}

async function appears(pattern: RegExp, at: number): Promise<number> {
  const found = await machine!.shows(pattern, BOOT_TIMEOUT_MS, at);
  if (found === null)
    throw new Error(
      `no ${pattern.source}; the console ended with\n${machine!.output.split("\n").slice(-15).join("\n")}`,
    );
  return at + found.index + found[0].length;
}

/** @returns where the console stood when the shell asked */
async function login(from: number): Promise<number> {
  let at = await appears(/ login: /, from);
  machine!.type("root\r");
  at = await appears(/Password: /, at);
  machine!.type(`${PASSWORD}\r`);
  return appears(/root@[^\n]*# /, at);
}

async function ask(command: string): Promise<string> {
  const start = machine!.output.length;
  machine!.type(`dmesg -n 1; echo "beg""in"; ${command}; echo "en""d"\r`);
  const found = await machine!.shows(/[\r\n]begin\r\n([\s\S]*?\r\n)end\r\n/, ANSWER_TIMEOUT_MS, start);
  return found?.[1] ?? `no answer; the console ended with\n${machine!.output.slice(start)}`;
}

function check(name: string, answer: string, wanted: RegExp): void {
  report(name, wanted.test(answer) ? null : `answered\n${answer}`);
  if (!wanted.test(answer)) throw new Error("the machine is not where it should be");
}

function report(name: string, failure: string | null): void {
  const seconds = Math.round((Date.now() - started) / 1000);
  started = Date.now();
  console.log(failure === null ? `ok ${name} (${seconds} s)` : `FAILED ${name}: ${failure}`);
  rows.push({ name: architecture === "amd64" ? name : `${architecture}: ${name}`, isRight: failure === null, seconds });
}

function stratos(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "stratos.mjs"), ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
    env: { ...process.env, ...(args[0] === "pkg" ? { STRATOS_HOME: join(folder, "home") } : {}) },
  });
  if (status !== 0 && !/there is a key of this name already/.test(stderr))
    throw new Error(`stratos ${args.slice(0, 3).join(" ")}: ${stderr.trim().split("\n").slice(-3).join("\n")}`);
  return stdout;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => probe.once("listening", resolve));
  const { port: found } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return found;
}
