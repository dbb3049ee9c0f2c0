/**
 * What a person can do about what a program asked for in vain. The program has said it in its own words ("Operation not
 * permitted"), which name neither Stratos nor the way round; so this is said once, when the run is over, and only when
 * it failed.
 */
import { accessSync, constants, existsSync } from "node:fs";
import { join } from "node:path";
import { stratosHome } from "@stratos/host-node/home";
import type { Notice } from "@stratos/images/run";
import { formatSize } from "@stratos/operation";

interface EndedRun {
  /** As a shell would say it. */
  readonly status: number;
  /** The first program as it was called. */
  readonly program: string;
  readonly memoryBytes: number;
}

/** What a shell says of a command that it has not found; so do env(1), timeout(1) and their like. */
const COMMAND_NOT_FOUND = 127;
const STARTS_OTHERS =
  /^(.*\/|-)?(sh|bash|dash|zsh|ksh|fish|env|timeout|nice|nohup|setsid|xargs|sudo|time|stdbuf|setpriv|chroot)$/;
const SYSTEMD = /^(.*\/)?(systemctl|journalctl|loginctl|systemd-cgls)$/;

const HINT = "image build NAME --packages PACKAGE,… makes an image that has what Debian has (run -i NAME)";

/**
 * What to do about a program that is not in the guest. Container engines take the image's name first, so that is looked
 * for.
 *
 * @param program  as it was called
 */
export function adviceForMissing(program: string, environment = process.env): string {
  if (program.includes("/")) return "";
  return existsSync(join(stratosHome(environment), "images", program, "image.json"))
    ? `; ${program} is an image: run -i ${program} CMD`
    : `; ${HINT}`;
}

/** `run -it`, as container engines have it, asks for an image named "t". */
export function adviceForImage(name: string): string {
  if (!/^td?$/.test(name)) return "";
  return " (-i is --image: a run has this terminal by itself, one with -d takes -t, and exec takes -it)";
}

/** What to do where the host refuses to write what Stratos keeps: the folder is somebody else's, or read-only. */
export function adviceForHome({ code, path }: NodeJS.ErrnoException, environment = process.env): string {
  if (path === undefined || !["EACCES", "EPERM", "EROFS"].includes(code ?? "")) return "";
  const home = stratosHome(environment);
  const isAbove = home === path || home.startsWith(path === "/" ? path : `${path}/`);
  if (!isAbove && !(path.startsWith(`${home}/`) && !mayWrite(home))) return "";
  return (environment["STRATOS_HOME"] ?? "") === ""
    ? "; set STRATOS_HOME to a folder that you may write"
    : "; STRATOS_HOME has to be a folder that you may write";
}

function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Lines without a newline, without "stratos: ". */
export function adviceFor(notices: ReadonlyMap<Notice, string>, run: EndedRun): string[] {
  const lines: string[] = [];
  const victim = notices.get("out-of-memory");
  // A process is gone: that is told even when its parent took it in its stride.
  if (victim !== undefined) {
    lines.push(
      `out of memory: ended ${victim}; the machine has ${formatSize(run.memoryBytes)}, --memory gives it another size`,
    );
  }
  if (run.status === 0) return lines;
  if (notices.has("network"))
    lines.push("this machine has no network: run with --net host to let programs use the host's");
  if (notices.has("packets")) {
    lines.push(
      "the host has no ping program to send echo requests by: install one (iputils-ping), or, to see whether another " +
        "host is there, connect to a port of it",
    );
  }
  if (run.status === COMMAND_NOT_FOUND && STARTS_OTHERS.test(run.program))
    lines.push(`a command was not found; ${HINT}`);
  if (SYSTEMD.test(run.program)) {
    lines.push(
      "systemd runs where it is the first program: run -d --name NAME -- /usr/lib/systemd/systemd, " +
        `then exec NAME -- ${run.program} …`,
    );
  }
  return lines;
}
