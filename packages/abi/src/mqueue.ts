/** POSIX message queues, mq_overview(7). Source: Linux include/uapi/linux/mqueue.h. */
import { array, hex64, i64, struct } from "./struct.ts";

export const MqAttr = struct("mq_attr", {
  mq_flags: hex64,
  mq_maxmsg: i64,
  mq_msgsize: i64,
  mq_curmsgs: i64,
  _reserved: array(i64, 4),
});
/** What the C library's thread finds in the last byte of its cookie. */
export const NOTIFY_WOKENUP = 1,
  NOTIFY_REMOVED = 2,
  NOTIFY_COOKIE_LEN = 32;
