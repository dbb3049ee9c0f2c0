/** `stratos fs install-helper`: what mount(8) runs for volumes. */
import { readFileSync, existsSync, accessSync, chmodSync, constants, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { OperationError } from "@stratos/operation";
import { CommandError, hostReason } from "../command-error.ts";

export interface InstallHelperOptions {
  readonly remove?: true;
}

/** mount(8) looks for helpers of a type there alone (libmount, FS_SEARCH_PATH). */
const HELPER = "/sbin/mount.aegisfs";
const MARK = "# Made by `stratos fs install-helper`";
/**
 * mount(8) starts its helpers without PATH; losetup(8), without which sync(2) would not reach the mount, lies in sbin.
 */
const SET_PATH = 'PATH="${PATH:+$PATH:}/usr/sbin:/usr/bin:/sbin:/bin"\nexport PATH';

/**
 * Makes `mount -t aegisfs` and fstab(5) work: a script where mount(8) looks, which names this very program, whatever
 * the PATH of who mounts.
 */
export function installHelper(options: InstallHelperOptions): number {
  try {
    if (!isOurs())
      throw new CommandError(
        HELPER,
        "is there, and was not made by `stratos fs install-helper`: look at it, and remove it first",
      );
    if (options.remove === true) {
      rmSync(HELPER, { force: true });
      return 0;
    }
    const draft = `${HELPER}.${process.pid}`;
    writeFileSync(
      draft,
      `#!/bin/sh\n${MARK}\n${SET_PATH}\nexec ${quoted(process.execPath)} ${quoted(launcher())} fs mount "$@"\n`,
      { mode: 0o755 },
    );
    chmodSync(draft, 0o755);
    renameSync(draft, HELPER);
  } catch (error) {
    if (error instanceof OperationError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandError(
      HELPER,
      `${hostReason(error)}${code === "EACCES" || code === "EPERM" ? ": run it as root" : ""}`,
      { cause: error },
    );
  }
  process.stdout.write(`${HELPER}: \`mount -t aegisfs VOLUME DIR\` works, and so does a line of fstab(5)\n`);
  return 0;
}

/** Nothing there is nobody's; a link to us was the way before. */
function isOurs(): boolean {
  if (!existsSync(HELPER)) return true;
  const text = readFileSync(HELPER, "utf8");
  return (
    text.includes(MARK) ||
    text.includes("Starts Stratos from a clone") ||
    text.includes("`stratos` of the published package")
  );
}

/** `stratos.mjs` of the published package and the bundle lies beside the program, that of a clone above the sources. */
function launcher(): string {
  const program = process.argv[1]!;
  const places = [join(dirname(program), "stratos.mjs"), join(dirname(program), "../../../stratos.mjs")];
  const found = places.find((place) => {
    try {
      accessSync(place, constants.R_OK);
      return true;
    } catch {
      return false;
    }
  });
  return found ?? program;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
