import { EINVAL } from "@stratos/abi";
import { stateClass } from "@stratos/base";

/** /proc/sys/kernel/core_pattern, core_uses_pid and core_pipe_limit, and fs/suid_dumpable (core(5), proc(5)). */
export class CoreSettings {
  pattern = "core";
  usesPid = false;
  /** More cores at a time are not given to programs, and each waits until its program has read it; 0: neither. */
  pipeLimit = 0;
  /** Cores that programs are reading. */
  pipedCount = 0;
  /** How dumpable a process becomes that may know what its user must not. */
  suidDumpable = 0;

  static {
    stateClass("CoreSettings", this);
  }

  /** Does a program read the cores? */
  get isPiped(): boolean {
    return this.pattern.startsWith("|");
  }
}

/** What a write to core_pattern sets: 0; −EINVAL too long, or a program that is no absolute path. */
export function setCorePattern({ coreSettings }: { readonly coreSettings: CoreSettings }, text: string): number {
  if (text.length > PATTERN_MAX) return -EINVAL;
  if (text.startsWith("|") && !/^\| *\//.test(text)) return -EINVAL;
  coreSettings.pattern = text;
  return 0;
}

/** CORENAME_MAX_SIZE of Linux, without its zero byte. */
const PATTERN_MAX = 127;
