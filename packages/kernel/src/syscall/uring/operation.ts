import { EINVAL, ENOBUFS, isErrno } from "@stratos/abi";
import { IOSQE_BUFFER_SELECT } from "@stratos/abi/io-uring";
import type { IoCursor } from "../../ground/io-cursor.ts";
import type { UserCursor } from "../../mm/user-cursor.ts";
import type { Task } from "../../task/task.ts";
import type { Request } from "./request.ts";
import type { RequestTask } from "./request-task.ts";
import type { RingFile } from "./ring-file.ts";

/** Result of an operation that waits for something that no queue tells: a time, a wake-up, or its readiness. */
export const WAITS = -0x20000;

/** A row of the table of operations: `io_issue_defs` of Linux's io_uring/opdef.c. */
export interface Operation {
  readonly needsFile?: true;
  /** `sqe.ioprio` may be set. */
  readonly takesPriority?: true;
  readonly selectsBuffer?: true;
  /** It may stand in a ring of IORING_SETUP_IOPOLL. */
  readonly isPolled?: true;
  /**
   * When it is submitted: 0, or what is wrong with it. What must not be looked at later (IORING_FEAT_SUBMIT_STABLE) is
   * taken in.
   */
  readonly prepare?: (request: Request, ring: RingFile) => number;
  /** Its result; WAITS, or what system calls return that wait (ground/wait-queue.ts). */
  readonly run: (task: RequestTask, request: Request, ring: RingFile) => number;
}

export type OperationTable = Readonly<Record<number, Operation>>;

/** A call of the table that the operation is. */
export function call(task: RequestTask, number: number, a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0): number {
  return task.kernel.calls[number]!.run(task as Task, a0, a1, a2, a3, a4, a5);
}

/** The bytes that the request moves: those of its buffer, its segments, or the buffer that it has chosen. */
export function bytesOf(task: RequestTask, request: Request, from = 0): IoCursor {
  const segments = request.held?.segments ?? request.segments;
  if (segments === null) {
    const only = task.space.cursor(request.address, request.length);
    if (from > 0) only.skip(from);
    return only;
  }
  return cursorOver(task, segments, from);
}

/** @param from  bytes of them that are passed over */
export function cursorOver(task: RequestTask, segments: readonly number[], from = 0): IoCursor {
  const cursor = task.space.cursor(0, 0) as UserCursor;
  cursor.reset();
  for (let at = 0; at < segments.length; at += 2) cursor.addSegment(segments[at]!, segments[at + 1]!);
  if (from > 0) cursor.skip(Math.min(from, cursor.remaining));
  return cursor;
}

export function wantsBuffer({ flags }: Request): boolean {
  return (flags & IOSQE_BUFFER_SELECT) !== 0;
}

/** Takes the buffer that IOSQE_BUFFER_SELECT asks for: 0; −ENOBUFS. */
export function holdBuffer(
  task: RequestTask,
  request: Request,
  ring: RingFile,
  most: number,
  isBundle = false,
): number {
  if (!wantsBuffer(request) || request.held !== null) return 0;
  const group = ring.groups.get(request.bufferIndex);
  if (group === undefined) return -ENOBUFS;
  const held = group.take(task.space, most, isBundle);
  if (isErrno(held)) return held;
  request.held = held;
  return 0;
}

/** Is any of the entry's fields set that the operation does not know? */
export function refuseUnless(isClean: boolean): number {
  return isClean ? 0 : -EINVAL;
}
