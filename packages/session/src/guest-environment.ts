import { utf8ToByteString } from "@stratos/base";
import type { GuestUser } from "./guest-user.ts";

export const GUEST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface EnvironmentSetting {
  readonly name: string;
  readonly value: string;
}

/**
 * Environment of the first program: nothing of the host's gets in unasked, but what a terminal program needs to know of
 * the terminal that it is on.
 */
export function guestEnvironment(
  user: GuestUser,
  settings: readonly EnvironmentSetting[],
  options: { isTerminal: boolean; host: Readonly<Record<string, string | undefined>> },
): string[] {
  const values = new Map<string, string>([
    ["PATH", GUEST_PATH],
    ["HOME", user.home],
    ["USER", user.name],
    ["LOGNAME", user.name],
    ["SHELL", user.shell],
    ["LANG", "C.UTF-8"],
  ]);
  if (options.isTerminal) {
    values.set("TERM", utf8ToByteString(options.host["TERM"] ?? "linux"));
    if (options.host["COLORTERM"] !== undefined) values.set("COLORTERM", utf8ToByteString(options.host["COLORTERM"]));
  }
  for (const { name, value } of settings) values.set(utf8ToByteString(name), utf8ToByteString(value));
  return [...values].map(([name, value]) => `${name}=${value}`);
}
