/**
 * fsopen(2) and fspick(2): a file system that is put together, or changed, option by option. What is wrong with one is
 * told in words, which a read of the descriptor takes. Source: Linux fs/fsopen.c, fs/fs_context.c.
 *
 *     fsopen ─▶ options ─create─▶ made ─fsmount─▶ picked ◀─ fspick
 *                 └─ failed ◀──────────────────────┘ reconfigure, as often as one likes
 */
import { CAP_SYS_ADMIN, EBUSY, EINVAL, EMSGSIZE, ENODATA, ENOSPC, EPERM, ESPIPE, O_RDWR, isErrno } from "@stratos/abi";
import { byteStringOf, stateClass } from "@stratos/base";
import { putWhole, type IoCursor } from "../ground/io-cursor.ts";
import { isCapable } from "../security/credentials.ts";
import { INITIAL_USER_NAMESPACE } from "../security/user-namespace.ts";
import { detach, type DetachedMountFile } from "./detached-mount.ts";
import type { FileSystem } from "./file-system.ts";
import { COMMON_FLAGS, LIST_SEPARATOR } from "./mount-options.ts";
import { createMount, holdFileSystem, perMountFlags, releaseFileSystem } from "./mount-lifetime.ts";
import { createFileSystem, reconfigure, rootFor, showsTooMuch } from "./mounting.ts";
import { UNFINISHED } from "../ground/wait-queue.ts";
import { OpenFile } from "./open-file.ts";
import type { Caller, VfsKernel } from "./vfs-kernel.ts";

/** The newest are kept. */
const MESSAGES_MAX = 8;
/** Bound of what a context holds: options are 256 bytes each. */
const OPTIONS_MAX = 256;
/** What fsconfig(2) was given as a value: none, a string, or what no file system here takes. */
export type OptionValue = { readonly kind: "flag" } | { readonly kind: "string"; readonly text: string } | OtherValue;
interface OtherValue {
  readonly kind: "other";
}

export class ConfigurationFile extends OpenFile {
  readonly kernel: VfsKernel;
  readonly type: string;
  phase: "options" | "made" | "picked" | "failed";
  fileSystem: FileSystem | null;
  #options = new Map<string, string>();
  #source = "";
  #flags = 0;
  /** Which of them were said; of one that is picked, the others stay. */
  #mask = 0;
  #messages: string[] = [];

  /** @param picked  what is to be changed; null: another one is to be made */
  constructor(kernel: VfsKernel, type: string, picked: FileSystem | null) {
    super(O_RDWR, null, null);
    this.kernel = kernel;
    this.type = type;
    this.phase = picked === null ? "options" : "picked";
    this.fileSystem = picked;
    if (picked !== null) holdFileSystem(kernel, picked);
  }

  override get description(): string {
    return "anon_inode:[fscontext]";
  }

  /** The oldest message, whole. */
  override read(task: Caller, to: IoCursor): number {
    const [message] = this.#messages;
    if (message === undefined) return -ENODATA;
    const bytes = byteStringOf(`${message}\n`);
    if (to.remaining < bytes.length) return -EMSGSIZE;
    this.#messages.shift();
    return putWhole(to, bytes, 0, bytes.length);
  }

  override write(): number {
    return -EINVAL;
  }

  override seek(): number {
    return -ESPIPE;
  }

  /** @returns 0, −EBUSY (the phase has no options), −EINVAL, with a message */
  set(key: string, value: OptionValue): number {
    if (this.phase !== "options" && this.phase !== "picked") return -EBUSY;
    const common = COMMON_FLAGS.get(key);
    if (common !== undefined) {
      this.#flags = common.isSet ? this.#flags | common.flag : this.#flags & ~common.flag;
      this.#mask |= common.flag;
      return 0;
    }
    const type = this.kernel.vfs.types.get(this.type)!;
    const isKnown = type.optionNames?.includes(key) ?? key !== "source";
    if (!isKnown && key === "source") return this.#setSource(value);
    if (!isKnown) return this.#complain(`Unknown parameter '${key}'`);
    const isBad =
      value.kind === "other" ||
      (value.kind === "string" && value.text === "") ||
      (type.checkOption?.(this.kernel, key, value.kind === "string" ? value.text : "") ?? 0) < 0;
    if (isBad) return this.#complain(`Bad value for '${key}'`);
    if (!this.#options.has(key) && this.#options.size >= OPTIONS_MAX) return this.#complain("Too many options");
    const text = value.kind === "string" ? value.text : "";
    const before = this.#options.get(key);
    // `lowerdir+` of overlays is given once for each layer.
    const isOneOfMany = key.endsWith("+") && before !== undefined;
    this.#options.set(key, isOneOfMany ? `${before}${LIST_SEPARATOR}${text}` : text);
    return 0;
  }

  #setSource(value: OptionValue): number {
    if (value.kind !== "string") return this.#say("Non-string source");
    if (this.#source !== "") return this.#say("Multiple sources");
    this.#source = value.text;
    return 0;
  }

  #complain(what: string): number {
    return this.#say(`${this.type}: ${what}`);
  }

  #say(what: string): number {
    if (this.#messages.push(`e ${what}`) > MESSAGES_MAX) this.#messages.shift();
    return -EINVAL;
  }

  /** FSCONFIG_CMD_CREATE. @param isExclusive  −EBUSY for one that exists already (FSCONFIG_CMD_CREATE_EXCL) */
  create(task: Caller, isExclusive: boolean): number {
    if (this.phase !== "options") return -EBUSY;
    const { kernel } = this;
    const type = kernel.vfs.types.get(this.type)!;
    if (!isCapable(task.credentials, CAP_SYS_ADMIN, type.userNamespace?.(task) ?? INITIAL_USER_NAMESPACE))
      return -EPERM;
    const made = createFileSystem(task, type, { source: this.#source, flags: this.#flags, options: this.#options });
    if (made === UNFINISHED) return made;
    const isThere = !isErrno(made) && kernel.vfs.roots.has(made);
    if (isErrno(made) || (isExclusive && isThere)) {
      this.phase = "failed";
      return isErrno(made) ? made : -EBUSY;
    }
    holdFileSystem(kernel, made);
    this.fileSystem = made;
    this.phase = "made";
    return 0;
  }

  /** FSCONFIG_CMD_RECONFIGURE. */
  reconfigure(task: Caller): number {
    const { fileSystem } = this;
    if (this.phase !== "picked" || fileSystem === null) return -EBUSY;
    if (!isCapable(task.credentials, CAP_SYS_ADMIN, fileSystem.userNamespace)) {
      this.phase = "failed";
      return -EPERM;
    }
    const failed = reconfigure(task, fileSystem, { flags: this.#flags, mask: this.#mask }, this.#options);
    if (failed === UNFINISHED) return failed;
    this.#clean();
    if (failed < 0) this.phase = "failed";
    return failed;
  }

  /**
   * fsmount(2): a mount of what was made, once; then the context is one that changes it.
   * @param flags  MS_* of the mount
   */
  mount(task: Caller, flags: number): DetachedMountFile | number {
    const { kernel, fileSystem } = this;
    if (fileSystem === null) return -EINVAL;
    if (showsTooMuch(task, kernel.vfs.types.get(this.type)!, flags)) return -EPERM;
    if (this.phase !== "made") return -EBUSY;
    if (!kernel.vfs.hasMountRoom(task.fs.namespace, 1)) return -ENOSPC;
    const root = rootFor(task, kernel.vfs.types.get(this.type)!, kernel.vfs.roots.get(fileSystem)!.dentry);
    if (isErrno(root)) return root;
    const mount = createMount(kernel, fileSystem, root, null, null, perMountFlags(flags), this.#source || "none");
    this.phase = "picked";
    this.#clean();
    return detach(task, [mount], null);
  }

  /** What has had its effect; flags are then no more set, but still said (fs/fs_context.c, vfs_clean_context). */
  #clean(): void {
    this.#options = new Map();
    this.#flags = 0;
  }

  protected override dispose(): void {
    if (this.fileSystem !== null) releaseFileSystem(this.kernel, this.fileSystem);
  }

  static {
    stateClass("ConfigurationFile", this, {
      save: (it) => ({
        options: it.#options,
        source: it.#source,
        flags: it.#flags,
        mask: it.#mask,
        messages: it.#messages,
      }),
      load: (it, from) =>
        ({ options: it.#options, source: it.#source, flags: it.#flags, mask: it.#mask, messages: it.#messages } = from),
    });
  }
}
