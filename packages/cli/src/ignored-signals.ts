/**
 * Signals that whoever started us had ignored, as nohup(1) does with SIGHUP, and a shell's script with SIGINT of what
 * it puts into the background. Node gives them their default action when it starts; `stratos`, which becomes Node, says
 * which they were (the mask of proc(5), in hexadecimal).
 */
import { constants } from "node:os";

/** What we would listen to, and what would end us. */
const NAMES = ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM"] as const;
type SignalName = (typeof NAMES)[number];

const ignored = new Set<SignalName>();

/** They are ignored from now on, and by nobody whom we start. */
export function keepIgnoredSignals(): void {
  const { STRATOS_IGNORED_SIGNALS: hexadecimal = "" } = process.env;
  delete process.env["STRATOS_IGNORED_SIGNALS"];
  const mask = Number.parseInt(hexadecimal.slice(-8), 16);
  for (const name of NAMES) {
    if ((mask & (1 << (constants.signals[name] - 1))) === 0) continue;
    ignored.add(name);
    process.on(name, () => {});
  }
}

/** Those of `names` that are not ignored. */
export function heeded<Name extends SignalName>(names: readonly Name[]): readonly Name[] {
  return names.filter((name) => !ignored.has(name));
}
