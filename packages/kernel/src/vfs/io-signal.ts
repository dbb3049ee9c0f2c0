import { stateClass } from "@stratos/base";
import {
  ENOTTY,
  F_OWNER_PID,
  F_OWNER_TID,
  FASYNC,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLMSG,
  POLLOUT,
  POLLPRI,
  POLLRDBAND,
  POLLRDNORM,
  POLLWRBAND,
  POLLWRNORM,
  LANDLOCK_SCOPE_SIGNAL,
  POLL_ERR,
  POLL_HUP,
  POLL_IN,
  POLL_MSG,
  POLL_OUT,
  POLL_PRI,
  SIGIO,
  SI_KERNEL,
  isErrno,
} from "@stratos/abi";
import { isOutOfScope } from "../security/landlock.ts";
import type { Waiter, WaitQueue } from "../ground/wait-queue.ts";
import type { OpenFile } from "./open-file.ts";
import { signalInfo, type SignalInfo } from "../signal/pending-signals.ts";
import { sendSignalToProcess, sendSignalToTask } from "../signal/send-signal.ts";
import type { VfsKernel } from "./vfs-kernel.ts";
import type { SignalProcess } from "../signal/signal-target.ts";

/** Sends to whom F_SETOWN named, where who named them may do so. */
export function signalFileOwner(kernel: VfsKernel, file: OpenFile, info: SignalInfo): void {
  if (file.ownerType === F_OWNER_TID) {
    const thread = kernel.tasks.tasks.get(file.owner);
    if (thread !== undefined && mayNotify(file, thread.group)) sendSignalToTask(thread, { ...info });
    return;
  }
  if (file.ownerType === F_OWNER_PID) {
    const process = kernel.tasks.processes.get(file.owner);
    if (process !== undefined && mayNotify(file, process)) sendSignalToProcess(process, { ...info });
    return;
  }
  const group = kernel.tasks.groups.get(file.owner);
  if (group === undefined) return;
  for (const process of [...group.members])
    if (!process.isZombie && mayNotify(file, process)) sendSignalToProcess(process, { ...info });
}

/** Linux's sigio_perm: null was the kernel itself, for the process that opened the file. */
function mayNotify({ ownerCredentials: sender, ownerNamedBy }: OpenFile, target: SignalProcess): boolean {
  if (sender === null) return true;
  const { uid, suid, landlock } = target.leader.credentials;
  const isItself = target.pid === ownerNamedBy;
  if (!isItself && isOutOfScope(sender.landlock, landlock, LANDLOCK_SCOPE_SIGNAL)) return false;
  if (sender.euid === 0) return true;
  return sender.euid === suid || sender.euid === uid || sender.uid === suid || sender.uid === uid;
}

/** What `si_band` shows with each code, whatever is ready besides (fs/fcntl.c, band_table). */
const BANDS: ReadonlyMap<number, number> = new Map([
  [POLL_IN, POLLIN | POLLRDNORM],
  [POLL_OUT, POLLOUT | POLLWRNORM | POLLWRBAND],
  [POLL_MSG, POLLIN | POLLRDNORM | POLLMSG],
  [POLL_ERR, POLLERR],
  [POLL_PRI, POLLPRI | POLLRDBAND],
  [POLL_HUP, POLLHUP | POLLERR],
]);

/** SIGIO, or with siginfo what F_SETSIG chose. @param fd  by which the description was known when it was asked for */
export function sendIoSignal(kernel: VfsKernel, file: OpenFile, fd: number, code: number): void {
  const signal = file.ioSignal;
  const band = BANDS.get(code)!;
  signalFileOwner(kernel, file, signal === 0 ? signalInfo(SIGIO, SI_KERNEL) : signalInfo(signal, code, { band, fd }));
}

/**
 * O_ASYNC, by F_SETFL or FIOASYNC.
 *
 * @param fd  by which the description was known
 * @returns 0; or −ENOTTY: this kind of file sends no SIGIO; or why this one doesn't. Its flag stays as it was then
 */
export function setAsync(kernel: VfsKernel, file: OpenFile, fd: number, on: boolean): number {
  const queue = file.asyncQueue;
  if (queue === null || isErrno(queue)) return on === ((file.flags & FASYNC) !== 0) ? 0 : (queue ?? -ENOTTY);
  if (on) {
    file.asyncNotification ??= new AsyncNotification(kernel, file, fd, queue);
    file.flags |= FASYNC;
  } else {
    file.asyncNotification?.stop();
    file.asyncNotification = null;
    file.flags &= ~FASYNC;
  }
  return 0;
}

/** O_ASYNC of a description: a signal whenever it becomes ready. */
class AsyncNotification implements Waiter {
  #kernel: VfsKernel;
  #file: OpenFile;
  #fd: number;
  #queue: WaitQueue;

  constructor(kernel: VfsKernel, file: OpenFile, fd: number, queue: WaitQueue) {
    this.#kernel = kernel;
    this.#file = file;
    this.#fd = fd;
    this.#queue = queue;
    queue.add(this);
  }

  wake(_queue: WaitQueue, events: number): void {
    const ready = this.#file.poll() & (events === -1 ? -1 : events | POLLERR | POLLHUP);
    if (ready === 0) return;
    const code =
      (ready & POLLIN) !== 0
        ? POLL_IN
        : (ready & POLLPRI) !== 0
          ? POLL_PRI
          : (ready & POLLERR) !== 0
            ? POLL_ERR
            : (ready & POLLHUP) !== 0
              ? POLL_HUP
              : (ready & POLLOUT) !== 0
                ? POLL_OUT
                : 0;
    if (code !== 0) sendIoSignal(this.#kernel, this.#file, this.#fd, code);
  }

  stop(): void {
    this.#queue.remove(this);
  }

  static {
    stateClass("AsyncNotification", this, {
      save: (it) => ({ kernel: it.#kernel, file: it.#file, fd: it.#fd, queue: it.#queue }),
      load: (it, from) => ({ kernel: it.#kernel, file: it.#file, fd: it.#fd, queue: it.#queue } = from),
    });
  }
}
