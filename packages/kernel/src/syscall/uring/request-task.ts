import { EBADF, ENFILE, RLIMIT_NOFILE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { WaitQueue } from "../../ground/wait-queue.ts";
import { sendSignalToTask } from "../../signal/send-signal.ts";
import { Task } from "../../task/task.ts";
import { FileTable } from "../../vfs/file-table.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import type { Caller } from "../../vfs/vfs-kernel.ts";
import { installFixed, type FixedTable } from "./fixed-files.ts";
import type { Request } from "./request.ts";

/** Descriptors by which the calls that a request is made of find its files. */
export const REQUEST_FD = 0x7ffffff0,
  SOURCE_FD = 0x7ffffff1;

/**
 * Descriptors as a request's calls see them: those of its owner, its own files, and the ring's table, where it asks for
 * a descriptor there.
 */
class RequestFiles extends FileTable {
  under: FileTable | null = null;
  request: Request | null = null;
  ring: FixedTable | null = null;
  /** Where a new file goes: −1 to its owner's descriptors, else as `installFixed` says. */
  fixedIndex = -1;

  override get(fd: number): OpenFile | undefined {
    if (fd === REQUEST_FD) return this.request?.file ?? undefined;
    if (fd === SOURCE_FD) return this.request?.source ?? undefined;
    return this.under?.get(fd);
  }

  override install(file: OpenFile, closeOnExec: boolean, minimum: number, limit: number): number {
    if (this.fixedIndex >= 0) return installFixed(this.ring!, file, this.fixedIndex);
    if (this.under !== null) return this.under.install(file, closeOnExec, minimum, limit);
    file.release();
    return -ENFILE;
  }

  override close(task: Caller, fd: number): number {
    return this.under?.close(task, fd) ?? -EBADF;
  }

  static {
    stateClass("UringRequestFiles", this);
  }
}

/**
 * Who executes requests: a task that never runs. It has what the request's owner has, and when it is to wait, the
 * request does. There is one, which is lent to one request after the other.
 */
export class RequestTask extends Task {
  readonly own: RequestFiles;
  #request: Request | null = null;

  constructor(owner: Task) {
    const own = new RequestFiles();
    const { space, fs, credentials, namespaces } = owner;
    super(owner.kernel, owner.tid, owner.group, { space, files: own, fs, credentials, namespaces }, NO_REGISTERS, 0);
    this.own = own;
  }

  begin(ring: FixedTable, request: Request): void {
    const { owner } = request;
    this.tid = owner.tid;
    this.group = owner.group;
    this.space = owner.space;
    this.fs = owner.fs;
    this.credentials = request.credentials;
    this.namespaces = owner.namespaces;
    this.controlGroup = owner.controlGroup;
    this.keyrings = owner.keyrings;
    this.ownTid = owner.ownTid;
    this.name = owner.name;
    this.syscallState = request.syscallState;
    this.permissions = request.permissions;
    this.kernel.vfs.onBehalf = this;
    this.own.under = owner.files;
    this.own.request = request;
    this.own.ring = ring;
    this.own.fixedIndex = -1;
    this.#request = request;
  }

  /** Signals that its calls have raised are its owner's. */
  end(request: Request): void {
    request.syscallState = this.syscallState;
    request.permissions = this.permissions;
    this.permissions = null;
    this.kernel.vfs.onBehalf = null;
    this.own.request = this.own.ring = null;
    this.own.under = null;
    this.#request = null;
    this.hasWork = false;
    for (let info = this.pending.take(anySignal); info !== null; info = this.pending.take(anySignal))
      sendSignalToTask(request.owner, info);
  }

  get descriptorLimit(): number {
    return this.group.limits[RLIMIT_NOFILE]!.soft;
  }

  override waitOn(queue: WaitQueue): void {
    this.#request?.waitOn(queue);
  }

  override waitUntil(deadlineNs: number): void {
    this.#request?.waitUntil(deadlineNs);
  }

  override endWait(): void {}

  static {
    stateClass("UringRequestTask", this, {
      save: (it) => ({ request: it.#request }),
      load: (it, from) => ({ request: it.#request } = from),
    });
  }
}

const NO_REGISTERS = new Uint8Array(0);

function anySignal(): boolean {
  return true;
}
