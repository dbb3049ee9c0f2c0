/**
 * Who may use the service: whoever can read the token's file. Without it every user of this computer would be root in
 * the volumes, since all reach 127.0.0.1.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolders, stratosHome, hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import { newSecret } from "./access/secrets.ts";

export interface ServiceToken {
  readonly text: string;
  readonly path: string;
  /** Others than its owner may read the file. */
  readonly isShared: boolean;
}

/** Where the token is when no file is named. @param service  whose it is */
export function defaultTokenPath(service: "fs-serve" | "serve"): string {
  return join(stratosHome(), `${service}.token`);
}

/**
 * The token in a file, which is made when it is not there. @throws OperationError when it can be neither read nor made,
 * or is empty
 */
export function serviceToken(path: string): ServiceToken {
  try {
    makeTokenFile(path);
    const fd = openSync(path, constants.O_RDONLY);
    try {
      const text = readFileSync(fd, "utf8").trim();
      if (text === "")
        throw new OperationError(
          "volume",
          path,
          "is empty: it should hold the token; remove it, and a new one is made",
        );
      return { text, path, isShared: (fstatSync(fd).mode & 0o077) !== 0 };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw error instanceof OperationError
      ? error
      : new OperationError("volume", path, `the token's file: ${hostReason(error)}`, { cause: error });
  }
}

function makeTokenFile(path: string): void {
  makeFolders(dirname(path));
  let fd: number;
  try {
    // Nobody gets in between: it is there with its permissions, or it was there before.
    fd = openSync(path, "wx", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw error;
  }
  try {
    writeSync(fd, `${newSecret()}\n`);
  } finally {
    closeSync(fd);
  }
}
