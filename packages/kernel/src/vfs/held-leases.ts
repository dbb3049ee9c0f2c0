import { stateClass } from "@stratos/base";
import { WaitQueue } from "../ground/wait-queue.ts";

/** Of a lease that nobody wants given up. */
export const NOT_BREAKING = -1;

interface Lease<File> {
  readonly file: File;
  readonly fd: number;
  /** Who took it. */
  readonly pid: number;
  type: number;
  /** What is left of it when it has given way: F_RDLCK or F_UNLCK. */
  breakingTo: number;
  deadlineNs: number;
}

/** The leases of an inode, and who waits until they are given up. Bound: one for each open description. */
export class FileLeases<File> {
  held: Lease<File>[] = [];
  readonly queue = new WaitQueue();

  static {
    stateClass("FileLeases", this);
  }
}
