import {
  BUS_MCEERR_AR,
  EAGAIN,
  EFAULT,
  EINVAL,
  ESPIPE,
  O_NONBLOCK,
  O_RDWR,
  POLLIN,
  SIGBUS,
  SiginfoChild,
  SiginfoFault,
  SiginfoPoll,
  SiginfoSender,
  SiginfoSystemCall,
  SiginfoTimer,
  SignalfdSiginfo,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { hex64 } from "../ground/words.ts";
import type { SignalInfo } from "../signal/pending-signals.ts";
import { takeSignal } from "../signal/send-signal.ts";
import { siginfoLayout, writeSignalInfo } from "../signal/siginfo.ts";
import type { SignalSet } from "../signal/signal-set.ts";
import { BLOCKED, WaitQueue } from "../ground/wait-queue.ts";
import type { IoCursor } from "../ground/io-cursor.ts";
import { PositionlessFile } from "../vfs/positionless-file.ts";
import type { EventKernel } from "./event-kernel.ts";
import type { Caller } from "../vfs/vfs-kernel.ts";

const INFO_SIZE = SignalfdSiginfo.size;
const record = new Uint8Array(INFO_SIZE);
const view = new DataView(record.buffer);

/**
 * signalfd(2): shows the signals that are pending for whoever asks, so its readiness is that of the task on the hart.
 */
export class SignalFile extends PositionlessFile {
  #kernel: EventKernel;
  #mask: SignalSet;
  /** Used while no task runs: nothing wakes it. */
  #nobody = new WaitQueue();

  constructor(kernel: EventKernel, mask: SignalSet, nonblock: boolean) {
    super(O_RDWR | (nonblock ? O_NONBLOCK : 0), null, null);
    this.#kernel = kernel;
    this.#mask = mask;
  }

  get mask(): SignalSet {
    return this.#mask;
  }

  setMask(mask: SignalSet): void {
    this.#mask = mask;
    this.waitQueue.wakeAll(POLLIN);
  }

  override get waitQueue(): WaitQueue {
    return this.#kernel.scheduler.current?.group.signalQueue ?? this.#nobody;
  }

  override get description(): string {
    return "anon_inode:[signalfd]";
  }

  override details(): string {
    return `sigmask:\t${hex64(this.#mask.low, this.#mask.high).padStart(16, "0")}\n`;
  }

  override poll(): number {
    const task = this.#kernel.scheduler.current;
    if (task === null) return 0;
    const low = (task.pending.set.low | task.group.pending.set.low) & this.#mask.low;
    const high = (task.pending.set.high | task.group.pending.set.high) & this.#mask.high;
    return low !== 0 || high !== 0 ? POLLIN : 0;
  }

  /** As many records as fit; −EINVAL for fewer than 128 bytes; −EAGAIN. */
  override read(task: Caller, to: IoCursor, offset = -1): number {
    if (offset >= 0) return -ESPIPE;
    if (to.remaining < INFO_SIZE) return -EINVAL;
    let moved = 0;
    while (to.remaining >= INFO_SIZE) {
      const info = takeSignal(task, (signal) => this.#mask.has(signal));
      if (info === null) break;
      fillRecord(info);
      if (to.put(record, 0, INFO_SIZE) !== INFO_SIZE) return moved > 0 ? moved : -EFAULT;
      moved += INFO_SIZE;
    }
    if (moved > 0) return moved;
    if ((this.flags & O_NONBLOCK) !== 0) return -EAGAIN;
    task.waitOn(task.group.signalQueue);
    return BLOCKED;
  }

  static {
    stateClass("SignalFile", this, {
      save: (it) => ({ kernel: it.#kernel, mask: it.#mask, nobody: it.#nobody }),
      load: (it, from) => ({ kernel: it.#kernel, mask: it.#mask, nobody: it.#nobody } = from),
    });
  }
}

const bytes = new Uint8Array(SiginfoSender.size);
const siginfo = new DataView(bytes.buffer);

/** What the layout tells of the signal's siginfo_t (fs/signalfd.c, signalfd_copyinfo). */
function fillRecord(info: SignalInfo): void {
  bytes.fill(0);
  writeSignalInfo(siginfo, 0, info);
  record.fill(0);
  view.setUint32(SignalfdSiginfo.offset.ssi_signo, info.signal, true);
  view.setInt32(SignalfdSiginfo.offset.ssi_errno, info.errno, true);
  view.setInt32(SignalfdSiginfo.offset.ssi_code, info.code, true);
  switch (siginfoLayout(info.signal, info.code)) {
    case "timer":
      copyWord(SignalfdSiginfo.offset.ssi_tid, SiginfoTimer.offset.si_timerid);
      copyWord(SignalfdSiginfo.offset.ssi_overrun, SiginfoTimer.offset.si_overrun);
      copyValue();
      break;
    case "poll":
      copyWord(SignalfdSiginfo.offset.ssi_band, SiginfoPoll.offset.si_band);
      copyWord(SignalfdSiginfo.offset.ssi_fd, SiginfoPoll.offset.si_fd);
      break;
    case "fault":
      copyLong(SignalfdSiginfo.offset.ssi_addr, SiginfoFault.offset.si_addr);
      if (info.signal === SIGBUS && info.code >= BUS_MCEERR_AR)
        view.setUint16(
          SignalfdSiginfo.offset.ssi_addr_lsb,
          siginfo.getUint16(SiginfoFault.offset.si_addr_lsb, true),
          true,
        );
      break;
    case "call":
      copyLong(SignalfdSiginfo.offset.ssi_call_addr, SiginfoSystemCall.offset.si_call_addr);
      copyWord(SignalfdSiginfo.offset.ssi_syscall, SiginfoSystemCall.offset.si_syscall);
      copyWord(SignalfdSiginfo.offset.ssi_arch, SiginfoSystemCall.offset.si_arch);
      break;
    case "child":
      copySender();
      copyWord(SignalfdSiginfo.offset.ssi_status, SiginfoChild.offset.si_status);
      copyLong(SignalfdSiginfo.offset.ssi_utime, SiginfoChild.offset.si_utime);
      copyLong(SignalfdSiginfo.offset.ssi_stime, SiginfoChild.offset.si_stime);
      break;
    case "value":
      copySender();
      copyValue();
      break;
    case "sender":
      copySender();
  }
}

function copySender(): void {
  copyWord(SignalfdSiginfo.offset.ssi_pid, SiginfoSender.offset.si_pid);
  copyWord(SignalfdSiginfo.offset.ssi_uid, SiginfoSender.offset.si_uid);
}

function copyValue(): void {
  copyWord(SignalfdSiginfo.offset.ssi_int, SiginfoSender.offset.si_value);
  copyLong(SignalfdSiginfo.offset.ssi_ptr, SiginfoSender.offset.si_value);
}

function copyWord(to: number, from: number): void {
  view.setUint32(to, siginfo.getUint32(from, true), true);
}

function copyLong(to: number, from: number): void {
  copyWord(to, from);
  copyWord(to + 4, from + 4);
}
