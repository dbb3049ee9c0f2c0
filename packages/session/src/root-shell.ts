import type { Volume } from "@stratos/aegisfs";
import { guestEnvironment } from "./guest-environment.ts";
import { findGuestUser } from "./guest-user.ts";
import type { ProgramRequest } from "./machine-session.ts";
import { readerOf } from "./volume-file.ts";

/** Root's own shell as a login shell, for a terminal. @param term  the terminal's kind (environ(7), TERM) */
export function rootShell(volume: Volume, term: string): ProgramRequest {
  const user = findGuestUser(readerOf(volume.root), "root");
  return {
    program: user.shell,
    argv: [`-${user.shell.slice(user.shell.lastIndexOf("/") + 1)}`],
    environment: guestEnvironment(user, [], { isTerminal: true, host: { TERM: term } }),
    workingDirectory: user.home,
    user,
  };
}
