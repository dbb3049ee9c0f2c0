/** Programs that choose what a socket hears: SO_ATTACH_FILTER of socket(7). */
import { EINVAL, ENOENT, ENOPROTOOPT, EPERM, isErrno, SockFprog } from "@stratos/abi";
import { BpfFilter, type FilteredPacket } from "../security/bpf-filter.ts";
import { loadBpfProgram, storeBpfProgram } from "../security/bpf-program.ts";
import { get64, viewOf } from "../ground/words.ts";
import type { SocketCaller } from "./socket-kernel.ts";

/** A socket, as far as it has a filter. */
interface FilterHolder {
  readonly heedsFilter: boolean;
  readonly options: { filter: BpfFilter | null; isFilterLocked: boolean };
}

/**
 * @returns 0; −EFAULT, −EINVAL; −EPERM: it is locked; −ENOPROTOOPT for a connection of TCP that has no segments here
 */
export function attachFilter({ heedsFilter, options }: FilterHolder, task: SocketCaller, value: Uint8Array): number {
  if (value.length < SockFprog.size) return -EINVAL;
  if (options.isFilterLocked) return -EPERM;
  if (!heedsFilter) return -ENOPROTOOPT;
  const filter = readFilter(task, value);
  if (isErrno(filter)) return filter;
  options.filter = filter;
  return 0;
}

/** The program of a `sock_fprog`. −EFAULT, −EINVAL */
export function readFilter(task: SocketCaller, value: Uint8Array): BpfFilter | number {
  if (value.length < SockFprog.size) return -EINVAL;
  const view = viewOf(value);
  const count = view.getUint16(SockFprog.offset.len, true);
  const program = loadBpfProgram(task.space, get64(view, SockFprog.offset.filter), count);
  return isErrno(program) ? program : BpfFilter.check(program, true);
}

/** @returns 0; −ENOENT: there is none; −EPERM */
export function detachFilter({ options }: FilterHolder): number {
  if (options.isFilterLocked) return -EPERM;
  if (options.filter === null) return -ENOENT;
  options.filter = null;
  return 0;
}

/** SO_GET_FILTER: the instructions, whose number is the option's length. */
export function filterProgram({ options }: FilterHolder): Uint8Array {
  return options.filter === null ? new Uint8Array(0) : storeBpfProgram(options.filter.program);
}

const NO_RECORD = new Uint32Array(0);
const PLAIN: Omit<FilteredPacket, "bytes"> = {
  start: 0,
  link: -1,
  network: -1,
  protocol: 0,
  packetType: 0,
  interfaceIndex: 0,
  hardwareType: 0,
};

/**
 * What the socket's filter lets through of a message.
 *
 * @param bytes  with what stands before `start`
 * @returns how many bytes from `start` on; −1: none, it is dropped
 */
export function admittedBytes(
  { options }: Pick<FilterHolder, "options">,
  bytes: Uint8Array,
  about: Partial<FilteredPacket> = {},
): number {
  const start = about.start ?? 0;
  if (options.filter === null) return bytes.length - start;
  const most = options.filter.run(NO_RECORD, { ...PLAIN, ...about, bytes });
  return most === 0 ? -1 : Math.min(most, bytes.length - start);
}
