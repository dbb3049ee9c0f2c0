/** Machines from what was composed: as an emulator starts them, and with somebody who logs in by SSH. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { plainText } from "@stratos/base/printable";
import { endOfProcess, findProgram } from "@stratos/host-node/home";
import { OperationError, type Guard } from "@stratos/operation";
import {
  canAccelerate,
  emulatorArguments,
  emulatorObstacle,
  emulatorProgram,
  mediumOf,
  usualFirmware,
  type EmulatedArchitecture,
  type EmulatorOptions,
} from "@stratos/tools-node/emulator";
import { findOutput } from "./composed-output.ts";
import { homeOnDisk, loginCredential } from "./login-credential.ts";

export interface ComposedMachineOptions {
  readonly arch?: EmulatedArchitecture;
  /** bytes */
  readonly memory?: number;
  readonly processors?: number;
  readonly firmware?: "uefi" | "bios";
  /** What the machine writes stays. */
  readonly keep?: true;
  readonly kvm?: boolean;
}

export interface ComposedLoginOptions extends ComposedMachineOptions {
  readonly user: string;
  /** milliseconds */
  readonly timeout?: number;
}

type ComposedMachine = Omit<EmulatorOptions, "network">;

const MEMORY_MIB = 2048,
  PROCESSORS = 2;
/** A boot under emulation on a busy host. */
const SSH_WAIT_MS = 900_000;
const TRY_EVERY_MS = 2000;
/** From when a network answers to when sshd has made its keys. */
const SSHD_WAIT_MS = 240_000;
const SHOWN_LINES = 15;

/**
 * The machine that starts from what was made.
 *
 * @param output  a file that a compose has made, or its folder
 * @throws OperationError of kind build
 */
export function machineOf(output: string, options: ComposedMachineOptions): ComposedMachine {
  const found = findOutput(output, "machine"),
    medium = mediumOf(found.path);
  const own =
    found.architecture ?? { x64: "amd64", arm64: "arm64", riscv64: "riscv64" }[process.arch as string] ?? "amd64";
  const architecture = options.arch ?? (own as EmulatedArchitecture);
  if (!["amd64", "arm64", "riscv64"].includes(architecture))
    throw new OperationError(
      "build",
      found.path,
      `machines of ${architecture} are not started here; of amd64, arm64 and riscv64 they are`,
    );
  const firmware = options.firmware ?? usualFirmware(architecture);
  if (firmware === "bios" && architecture !== "amd64")
    throw new OperationError("build", "--firmware", "amd64 alone has a BIOS");
  const obstacle = emulatorObstacle({ architecture, firmware });
  if (obstacle !== null) throw new OperationError("build", found.path, obstacle);
  return {
    architecture,
    firmware,
    memory: Math.ceil((options.memory ?? MEMORY_MIB * 2 ** 20) / 2 ** 20),
    processors: options.processors ?? PROCESSORS,
    media: [{ ...medium, ...(options.keep === true ? { keep: true } : {}) }],
    isAccelerated: options.kvm ?? canAccelerate(architecture),
  };
}

/** The program and its words that have the machine's console on its standard streams. */
export function consoleCommand(
  machine: ComposedMachine,
  { net, forward }: { readonly net: "none" | "user"; readonly forward: NonNullable<EmulatorOptions["forwards"]> },
): readonly [string, readonly string[]] {
  return [
    emulatorProgram(machine.architecture),
    [...emulatorArguments({ ...machine, network: net, forwards: forward }), "-nographic"],
  ];
}

/**
 * Starts the machine, waits until a key of this use alone lets its owner in, and ends the machine after `use`.
 *
 * @param use.started  it runs
 * @param use.said  what its program warns of
 * @param use.guard  what a signal does until somebody is logged in
 * @param use.loggedIn  gets the words of ssh(1) that reach it
 * @throws OperationError of kind build
 */
export async function withSshMachine<T>(
  output: string,
  options: ComposedLoginOptions,
  use: {
    started(machine: ComposedMachine): void;
    said(words: Uint8Array): void;
    guard: Guard;
    loggedIn(ssh: readonly string[]): Promise<T>;
  },
): Promise<T> {
  for (const program of ["ssh", "ssh-keygen"])
    if (findProgram(program, process.env["PATH"] ?? "") === undefined)
      throw new OperationError(
        "build",
        "ssh",
        `needs ${program}: apt-get install --no-install-recommends openssh-client`,
      );
  const machine = machineOf(output, options);
  const folder = mkdtempSync(join(tmpdir(), "stratos-ssh-")),
    key = join(folder, "key"),
    log = join(folder, "console");
  let child: ChildProcess | undefined;
  let isStopped = false;
  const end = (): void => {
    isStopped = true;
    child?.kill("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", end);
  const stopGuarding = use.guard(end);
  try {
    if (
      spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "stratos", "-f", key], {
        stdio: ["ignore", "ignore", "inherit"],
      }).status !== 0
    )
      throw new OperationError("build", "ssh-keygen", "has made no key");
    const port = await freePort();
    const { name, value } = loginCredential(
      options.user,
      options.user === "root" ? "/root" : await homeOnDisk(machine.media[0]!.path, options.user),
      readFileSync(`${key}.pub`, "utf8"),
    );
    const arguments_ = emulatorArguments({
      ...machine,
      network: "user",
      forwards: [{ host: port, guest: 22 }],
      credentials: { [name]: value },
    });
    child = spawn(
      emulatorProgram(machine.architecture),
      [...arguments_, "-display", "none", "-monitor", "none", "-serial", `file:${log}`],
      { stdio: ["ignore", "inherit", "pipe"] },
    );
    // What it says of its end by our signal is nobody's business.
    child.stderr!.on("data", (words: Buffer) => isStopped || use.said(words));
    const machineEnd = endOfProcess(child);
    let isOver = false;
    void machineEnd.then(
      () => (isOver = true),
      () => (isOver = true),
    );
    const ssh = [
      "-i",
      key,
      "-p",
      String(port),
      "-o",
      "IdentitiesOnly=yes",
      "-o",
      "StrictHostKeyChecking=no",
      "-o",
      "UserKnownHostsFile=/dev/null",
      "-o",
      "LogLevel=ERROR",
      `${options.user}@127.0.0.1`,
    ];
    use.started(machine);
    const deadline = performance.now() + (options.timeout ?? SSH_WAIT_MS);
    let silentSince: number | undefined;
    for (;;) {
      if (isOver)
        throw new OperationError("build", output, `the machine has ended before anybody could log in${tailOf(log)}`);
      const now = performance.now();
      if (silentSince !== undefined && (now > deadline || now > silentSince + SSHD_WAIT_MS))
        throw new OperationError(
          "build",
          output,
          "the machine has a network, and no sshd answers there; the image needs openssh-server, with host keys " +
            `where its root is read-only, so that it can make none${tailOf(log)}`,
        );
      if (now > deadline)
        throw new OperationError(
          "build",
          output,
          `nobody could log in by SSH within ${Math.round((options.timeout ?? SSH_WAIT_MS) / 1000)} s; the image ` +
            `needs openssh-server, a network by DHCP, and systemd 252 or later, which takes the key${tailOf(log)}`,
        );
      const answer = await tryLogin(ssh);
      if (answer === "in") break;
      silentSince = answer === "closed" ? (silentSince ?? now) : undefined;
      await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS));
    }
    // From here on signals are the session's.
    stopGuarding();
    return await use.loggedIn(ssh);
  } finally {
    stopGuarding();
    end();
    process.off("exit", end);
  }
}

/** `closed`: the machine's network has ended the connection, at whose other end nobody listens. */
async function tryLogin(ssh: readonly string[]): Promise<"in" | "closed" | "no"> {
  const child = spawn("ssh", ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", ...ssh, "true"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let words = "";
  child.stderr.on("data", (more: Buffer) => (words += more.toString("latin1")));
  return (await endOfProcess(child)) === 0 ? "in" : words.includes("kex_exchange_identification") ? "closed" : "no";
}

function tailOf(log: string): string {
  try {
    const lines = plainText(readFileSync(log, "latin1"))
      .split("\n")
      .filter((line) => line.trim() !== "")
      .slice(-SHOWN_LINES);
    return lines.length === 0 ? "" : `; its console says last:\n${lines.map((line) => `  ${line}`).join("\n")}`;
  } catch {
    return "";
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
