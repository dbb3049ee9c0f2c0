/**
 * PR_SET_MM of prctl(2): a program says where its code, data, heap, stack, arguments and environment are, for those who
 * read /proc. Titles of processes are set so, and restored processes.
 *
 * @see kernel/sys.c, prctl_set_mm
 */
import {
  CAP_SYS_RESOURCE,
  EFAULT,
  EINVAL,
  EPERM,
  PR_SET_MM_AUXV,
  PR_SET_MM_MAP,
  PR_SET_MM_MAP_SIZE,
  PrctlMmMap,
  RLIMIT_DATA,
} from "@stratos/abi";
import { getU64, viewOf } from "../ground/words.ts";
import { type AddressSpace, MMAP_MIN, WIDE_TOP } from "../mm/address-space.ts";
import { isCapable } from "../security/credentials.ts";
import type { Task } from "../task/task.ts";

/** In the order of the options that name one, which begin at 1. */
const PLACES = [
  "codeStart",
  "codeEnd",
  "dataStart",
  "dataEnd",
  "stackStart",
  "brkStart",
  "brkEnd",
  "argumentsStart",
  "argumentsEnd",
  "environmentStart",
  "environmentEnd",
] as const;
type Places = Record<(typeof PLACES)[number], number>;
/** From the stack on, there must be memory at the address or above. */
const MAPPED_PLACES: readonly string[] = ["stackStart", ...PLACES.slice(PLACES.indexOf("argumentsStart"))];

/** AT_VECTOR_SIZE of riscv (arch/riscv/include/uapi/asm/auxvec.h), in bytes. */
const VECTOR_SIZE = 2 * (10 + 22 + 1) * 8;
const NO_FILE = 0xffffffff;

export function setMemoryMap(task: Task, option: number, address: number, size: number, rest: number): number {
  const { space, credentials } = task;
  const takesSize = option === PR_SET_MM_AUXV || option === PR_SET_MM_MAP || option === PR_SET_MM_MAP_SIZE;
  if (rest !== 0 || (size !== 0 && !takesSize)) return -EINVAL;
  if (option === PR_SET_MM_MAP_SIZE) return space.storeU32(address, PrctlMmMap.size);
  if (option === PR_SET_MM_MAP) return setAll(task, address, size);
  if (!isCapable(credentials, CAP_SYS_RESOURCE)) return -EPERM;
  if (option === PR_SET_MM_AUXV) return setVector(space, address, size, space.auxiliaryVector);
  const place = PLACES[option - 1];
  if (place === undefined || address < MMAP_MIN || address >= WIDE_TOP) return -EINVAL;
  const refused = check(task, { ...placesOf(space), [place]: address });
  if (refused < 0) return refused;
  if (MAPPED_PLACES.includes(place) && space.areas.startingBefore(Infinity)!.end <= address) return -EFAULT;
  space[place] = address;
  return 0;
}

function placesOf(space: AddressSpace): Places {
  return Object.fromEntries(PLACES.map((place) => [place, space[place]])) as Places;
}

/** As validate_prctl_map_addr; 0 or −EINVAL. */
function check(task: Task, places: Places): number {
  if (PLACES.some((place) => !(places[place] >= MMAP_MIN && places[place] < WIDE_TOP))) return -EINVAL;
  const { codeStart, codeEnd, dataStart, dataEnd, brkStart, brkEnd } = places;
  const isOrdered =
    codeStart < codeEnd &&
    dataStart <= dataEnd &&
    brkStart <= brkEnd &&
    places.argumentsStart <= places.argumentsEnd &&
    places.environmentStart <= places.environmentEnd;
  const limit = task.group.limits[RLIMIT_DATA]!.soft;
  return isOrdered && brkEnd - brkStart + dataEnd - dataStart <= limit ? 0 : -EINVAL;
}

function setAll(task: Task, address: number, size: number): number {
  const { space } = task;
  const { offset } = PrctlMmMap;
  if (size !== PrctlMmMap.size) return -EINVAL;
  const bytes = new Uint8Array(size);
  if (space.copyIn(address, bytes, 0, size) < 0) return -EFAULT;
  const view = viewOf(bytes);
  const places: Places = {
    codeStart: getU64(view, offset.start_code),
    codeEnd: getU64(view, offset.end_code),
    dataStart: getU64(view, offset.start_data),
    dataEnd: getU64(view, offset.end_data),
    stackStart: getU64(view, offset.start_stack),
    brkStart: getU64(view, offset.start_brk),
    brkEnd: getU64(view, offset.brk),
    argumentsStart: getU64(view, offset.arg_start),
    argumentsEnd: getU64(view, offset.arg_end),
    environmentStart: getU64(view, offset.env_start),
    environmentEnd: getU64(view, offset.env_end),
  };
  const refused = check(task, places);
  if (refused < 0) return refused;
  const vector = getU64(view, offset.auxv);
  const vectorSize = view.getUint32(offset.auxv_size, true);
  if (vectorSize !== 0 && vector === 0) return -EINVAL;
  if (view.getUint32(offset.exe_fd, true) !== NO_FILE) return -EINVAL;
  const failed = vectorSize === 0 ? 0 : setVector(space, vector, vectorSize, new Uint8Array(0));
  if (failed < 0) return failed;
  Object.assign(space, places);
  return 0;
}

/** What the new one doesn't reach is as `before`; the last pair is AT_NULL in any case. */
function setVector(space: AddressSpace, address: number, size: number, before: Uint8Array): number {
  if (size < 0 || size > VECTOR_SIZE) return -EINVAL;
  const vector = new Uint8Array(VECTOR_SIZE);
  vector.set(before.subarray(0, VECTOR_SIZE));
  if (space.copyIn(address, vector, 0, size) < 0) return -EFAULT;
  vector.fill(0, VECTOR_SIZE - 16);
  const view = viewOf(vector);
  let end = 0;
  while (getU64(view, end) !== 0) end += 16;
  space.auxiliaryVector = vector.slice(0, end + 16);
  return 0;
}
