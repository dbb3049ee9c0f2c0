/**
 * Who may use the service: whoever can read the token's file. Without it every user of this computer would be root in
 * the volumes, since all reach 127.0.0.1.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
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
  if (existsSync(path)) return;
  makeFolders(dirname(path));
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, `${newSecret()}\n`, { mode: 0o600 });
  try {
    // It is there whole and with its permissions, or it was there before: of two starts at once one token holds.
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    unlinkSync(draft);
  }
}
