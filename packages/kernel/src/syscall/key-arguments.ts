/** What calls about keys are given: types, descriptions, and what a key holds. */
import { EFAULT, EINVAL, EPERM, isErrno } from "@stratos/abi";
import { KEY_TYPES, type KeyType } from "../keys/key.ts";
import type { Task } from "../task/task.ts";

/** A type's name: −EFAULT, −EINVAL, −EPERM (those with a dot are the kernel's own). */
export function loadType(task: Task, address: number): string | number {
  const type = task.space.loadString(address, 31);
  if (isErrno(type)) return type === -EFAULT ? -EFAULT : -EINVAL;
  if (type === "") return -EINVAL;
  return type.startsWith(".") ? -EPERM : type;
}

/** A description, "" for none: −EFAULT, −EINVAL. */
export function loadDescription(task: Task, address: number): string | number {
  if (address === 0) return "";
  const text = task.space.loadString(address, 4095);
  return isErrno(text) ? (text === -EFAULT ? -EFAULT : -EINVAL) : text;
}

/** @param length  KEY_TYPES.big_key.payloadMost at most */
export function loadPayload(task: Task, address: number, length: number): Uint8Array | number {
  const payload = new Uint8Array(length);
  task.kernel.work.charge(length >> 12);
  return length > 0 && task.space.copyIn(address, payload, 0, length) < 0 ? -EFAULT : payload;
}

export function payloadFits(type: KeyType, { length }: Uint8Array): boolean {
  return type === "keyring" ? length === 0 : length > 0 && length <= KEY_TYPES[type].payloadMost;
}
