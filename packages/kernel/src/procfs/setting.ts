/** What a file below /proc/sys is made of (proc_sys(5)): sysctl.ts and network-sysctl.ts list them. */
import { CAP_SYS_ADMIN, EACCES, EINVAL, EPERM, isErrno } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Changes } from "../ground/changes.ts";
import { KERNEL_INFO } from "../ground/kernel-log.ts";
import { kernelNumber } from "../ground/kernel-number.ts";
import { MAY_WRITE } from "../security/permission.ts";
import { FOUND_BY_NAME, PseudoFile, type PseudoFileSystem, type TextSink } from "../pseudo/pseudo-inodes.ts";
import { isCapable } from "../security/credentials.ts";
import type { UserNamespace } from "../security/user-namespace.ts";
import type { Kernel } from "../task/kernel-state.ts";
import type { Task } from "../task/task.ts";
import type { Mount } from "../vfs/mount.ts";

export interface Setting {
  read: (kernel: Kernel, task: Task) => string;
  /** A negated errno; how many bytes of the text it took; 0: all of them. */
  write?: (kernel: Kernel, text: string, task: Task) => number;
  /** What is not written at the file's start is taken and changes nothing (proc_sys(5), sysctl_writes_strict). */
  isNumeric?: boolean;
  mode?: number;
  changes?: (task: Task) => Changes;
  /** Who may write it; default: who has CAP_SYS_ADMIN over the machine. */
  right?: SettingRight;
  /** The one value that it can have: another is refused, and the kernel's log says so. */
  only?: string;
  /** It is kept and changes nothing (setting-hints.ts): why. */
  hint?: string;
}

/** CAP_SYS_ADMIN, or the setting's own capability, lets one write it in the namespace that it belongs to. */
export interface SettingRight {
  readonly owner: (task: Task) => UserNamespace;
  readonly capability: number;
  /** The file's mode counts for who may write as for the machine's root, whose file it is. */
  readonly opens: boolean;
}

function mayWrite(credentials: Task["credentials"], task: Task, right: SettingRight | undefined): boolean {
  const owner = right?.owner(task);
  return (
    isCapable(credentials, CAP_SYS_ADMIN, owner) ||
    (right !== undefined && isCapable(credentials, right.capability, owner))
  );
}

/** What Linux lets one change and is one way here: the value that it has can be written, any other is EINVAL. */
export function only(value: string): () => Setting {
  const words = (text: string): string => text.trim().replace(/\s+/g, " ");
  return () => ({
    only: value,
    read: () => value,
    write: (_kernel, text) => (words(text) === words(value) ? 0 : -EINVAL),
  });
}

export function fixed(read: (kernel: Kernel, task: Task) => string): () => Setting {
  return () => ({ read });
}

/** A whole number of some subsystem, from `least` to `most`; what lies outside is EINVAL. */
export function bounded(
  range: { least: number; most: number },
  read: (kernel: Kernel, task: Task) => number,
  write: (kernel: Kernel, value: number, task: Task) => void,
  right?: SettingRight,
): () => Setting {
  return numbers(
    1,
    (kernel, task) => [read(kernel, task)],
    (kernel, [value], task) => {
      if (!(value! >= range.least && value! <= range.most)) return -EINVAL;
      write(kernel, value!, task);
      return 0;
    },
    right,
  );
}

/**
 * `count` whole numbers, read with tabs between them; the last ones may be left as they are. What stands behind them is
 * not taken: the write is short (kernel/sysctl.c, do_proc_dointvec).
 * @param write  may refuse them: −EINVAL
 */
export function numbers(
  count: number,
  read: (kernel: Kernel, task: Task) => readonly number[],
  write: (kernel: Kernel, values: readonly number[], task: Task) => number,
  right?: SettingRight,
): () => Setting {
  return () => ({
    ...(right === undefined ? {} : { right }),
    isNumeric: true,
    read: (kernel, task) => read(kernel, task).join("\t"),
    write: (kernel, text, task) => {
      const parsed = leadingNumbers(text, count);
      if (isErrno(parsed)) return parsed;
      const refused = write(kernel, [...parsed.values, ...read(kernel, task).slice(parsed.values.length)], task);
      return refused < 0 ? refused : parsed.length;
    },
  });
}

/** Decimal, octal behind 0, or hexadecimal behind 0x; white space or the end must follow. */
const NUMBER = /[ \t\n]*(-?)(0[xX][0-9a-fA-F]+|[0-9]+)(?![^ \t\n])/y;
const SPACE = /[ \t\n]*/y;

/** The first `most` numbers of a text, and its length up to what follows them; −EINVAL: something else follows. */
function leadingNumbers(text: string, most: number): { values: number[]; length: number } | number {
  const values: number[] = [];
  let length = 0;
  while (values.length < most) {
    NUMBER.lastIndex = length;
    const found = NUMBER.exec(text);
    if (found === null) break;
    const value = kernelNumber(found[2]!);
    if (Number.isNaN(value)) return -EINVAL;
    values.push(found[1] === "-" ? -value : value);
    length = NUMBER.lastIndex;
  }
  SPACE.lastIndex = length;
  SPACE.exec(text);
  const isDone = values.length === most || SPACE.lastIndex === text.length;
  return values.length === 0 || !isDone ? -EINVAL : { values, length: SPACE.lastIndex };
}

/** The file of a setting. */
export class SettingFile extends PseudoFile {
  #right: SettingRight | undefined;
  #isNumeric: boolean;

  constructor(fileSystem: PseudoFileSystem, path: string, setting: Setting) {
    const { kernel } = fileSystem;
    const { write, changes, right } = setting;
    const sink: TextSink = (task, text, opener, at) => {
      if (![task.credentials, opener.credentials].every((each) => mayWrite(each, task, right))) return -EPERM;
      if (text.length === 0 || (setting.isNumeric === true && at > 0)) return 0;
      const result = write!(kernel, setting.isNumeric === true ? text : text.replace(/\n$/, ""), task);
      if (setting.only !== undefined && result < 0)
        kernel.messages.add(KERNEL_INFO, `sysctl: ${path} is always ${setting.only} here`);
      return result;
    };
    super(fileSystem, (task) => `${setting.read(kernel, task)}\n`, {
      ...(write === undefined ? {} : { mode: setting.mode ?? 0o644, sink }),
      ...(write === undefined || changes === undefined ? {} : { watched: changes }),
    });
    this.#right = right;
    this.#isNumeric = setting.isNumeric === true;
  }

  /** fs/proc/proc_sysctl.c, proc_sys_call_handler. */
  override get isReadWhole(): boolean {
    return true;
  }

  /** A zero is nothing that may follow a number. */
  override get endsAtZero(): boolean {
    return !this.#isNumeric;
  }

  override get isSequence(): boolean {
    return false;
  }

  override mayAccess(task: Task, mask: number, mount: Mount): number {
    // Nobody may do more than its mode says (fs/proc/proc_sysctl.c, test_perm).
    if ((mask & MAY_WRITE) !== 0 && (this.mode & 0o222) === 0) return -EACCES;
    if (this.#right?.opens !== true || !mayWrite(task.credentials, task, this.#right))
      return super.mayAccess(task, mask, mount);
    return ((this.mode >> 6) & mask) === mask ? 0 : -EACCES;
  }

  static {
    stateClass("SettingFile", this, null, { ...FOUND_BY_NAME, keeps: ["#right", "#isNumeric"] });
  }
}
