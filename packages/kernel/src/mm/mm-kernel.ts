import type { SteadyMap } from "@stratos/base";
import type { Processor } from "@stratos/riscv";
import type { Reaper } from "../frames/reaper.ts";
import type { CallState } from "../ground/call-state.ts";
import type { TaskState } from "../signal/signal-target.ts";
import type { Caller, VfsKernel } from "../vfs/vfs-kernel.ts";
import type { AddressSpace } from "./address-space.ts";
import type { AioUsage } from "./aio-context.ts";
import type { AreaUsage } from "./area-list.ts";
import type { LibraryPlaces } from "./library-places.ts";
import type { SlotPool } from "./slot-pool.ts";
import type { OvercommitPolicy } from "./overcommit-policy.ts";
import type { Frame } from "../frames/frame.ts";
import type { Vdso } from "./vdso/vdso.ts";

/** Who waits for a word (task/futex.ts). */
export interface FutexWaiter {
  readonly state: TaskState;
  readonly syscallState: CallState | null;
  readonly realtimePriority: number;
  endWait(reason: "queue"): void;
}

/** What address spaces need of the kernel. */
export interface MmKernel extends VfsKernel {
  readonly processor: Processor;
  readonly slots: SlotPool;
  readonly reaper: Reaper;
  /** All that have anything to give back, those included that nobody uses any more. */
  readonly spaces: Set<AddressSpace>;
  /** Of the keys of translations that no other kernel of the board may use. */
  readonly codePrefix: string;
  readonly libraryPlaces: LibraryPlaces;
  /** Nothing of the host decides what programs see. */
  readonly isRepeatable: boolean;
  readonly areaUsage: AreaUsage;
  readonly overcommit: OvercommitPolicy;
  readonly maximumAreas: number;
  readonly aioUsage: AioUsage;
  /** Mapped wherever untouched anonymous memory is read. */
  readonly zeroFrame: Frame;
  readonly vdso: Vdso;
  /** Translations were dropped during a system call: translated code on the host's stack must be left. */
  codeChanged: boolean;
  /** Who waits for a word, by its identity. Bound: tasks, and 128 each (futex_waitv(2)). */
  readonly futexes: SteadyMap<string, Set<FutexWaiter>>;
  /** RLIMIT_STACK of whoever uses the space. */
  stackLimit(space: AddressSpace): number;
  countFault(isMajor: boolean): void;
}

/** Whose address space a call changes. */
export interface MmCaller extends Caller {
  readonly kernel: MmKernel;
  readonly space: AddressSpace;
}
