import {
  CAP_SYS_ADMIN,
  CAP_SYS_NICE,
  EINVAL,
  EPERM,
  IOPRIO_CLASS_BE,
  IOPRIO_CLASS_IDLE,
  IOPRIO_CLASS_MASK,
  IOPRIO_CLASS_NONE,
  IOPRIO_CLASS_RT,
  IOPRIO_CLASS_SHIFT,
  IOPRIO_NR_LEVELS,
} from "@stratos/abi";
import { type Credentials, isCapable } from "../security/credentials.ts";

/** May who has these credentials ask for this priority of a process, or of one request? 0, −EINVAL, −EPERM. */
export function checkIoPriority(credentials: Credentials, value: number): number {
  switch ((value >> IOPRIO_CLASS_SHIFT) & IOPRIO_CLASS_MASK) {
    case IOPRIO_CLASS_RT:
      return isCapable(credentials, CAP_SYS_ADMIN) || isCapable(credentials, CAP_SYS_NICE) ? 0 : -EPERM;
    case IOPRIO_CLASS_BE:
    case IOPRIO_CLASS_IDLE:
      return 0;
    case IOPRIO_CLASS_NONE:
      return (value & (IOPRIO_NR_LEVELS - 1)) === 0 ? 0 : -EINVAL;
    default:
      return -EINVAL;
  }
}
