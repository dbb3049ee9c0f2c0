import { utf8ToByteString } from "@stratos/base";
import { GUEST_PATH } from "../defaults.ts";
import type { EnvironmentSetting } from "../option-values.ts";
import type { GuestUser } from "./guest-user.ts";

/**
 * Environment of the first program: nothing of the host's gets in unasked, but what a terminal program needs to know of
 * the terminal that it is on.
 */
export function guestEnvironment(
  user: GuestUser,
  settings: readonly EnvironmentSetting[],
  options: { isTerminal: boolean; host: NodeJS.ProcessEnv },
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
