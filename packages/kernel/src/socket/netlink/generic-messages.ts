/** NETLINK_GENERIC: families by name. There are the controller, and what tells of tasks (taskstats). */
import {
  CAP_NET_ADMIN,
  EINVAL,
  ENOENT,
  EOPNOTSUPP,
  EPERM,
  ERANGE,
  isErrno,
  CTRL_ATTR_FAMILY_ID,
  CTRL_ATTR_FAMILY_NAME,
  CTRL_ATTR_HDRSIZE,
  CTRL_ATTR_MAXATTR,
  CTRL_ATTR_MCAST_GROUPS,
  CTRL_ATTR_MCAST_GRP_ID,
  CTRL_ATTR_MCAST_GRP_NAME,
  CTRL_ATTR_OPS,
  CTRL_ATTR_OP_FLAGS,
  CTRL_ATTR_OP_ID,
  CTRL_ATTR_VERSION,
  CTRL_CMD_GETFAMILY,
  CTRL_CMD_NEWFAMILY,
  GENL_ADMIN_PERM,
  GENL_CMD_CAP_DO,
  GENL_CMD_CAP_DUMP,
  GENL_CMD_CAP_HASPOL,
  GENL_ID_CTRL,
  Genlmsghdr,
  NLM_F_DUMP,
  NLM_F_MULTI,
  TASKSTATS_CMD_ATTR_DEREGISTER_CPUMASK,
  TASKSTATS_CMD_ATTR_PID,
  TASKSTATS_CMD_ATTR_REGISTER_CPUMASK,
  TASKSTATS_CMD_ATTR_TGID,
  TASKSTATS_CMD_GET,
  TASKSTATS_CMD_NEW,
  TASKSTATS_GENL_VERSION,
  TASKSTATS_NAME,
  TASKSTATS_TYPE_AGGR_PID,
  TASKSTATS_TYPE_AGGR_TGID,
  TASKSTATS_TYPE_NULL,
  TASKSTATS_TYPE_PID,
  TASKSTATS_TYPE_STATS,
  TASKSTATS_TYPE_TGID,
} from "@stratos/abi";
import { isCapable } from "../../security/credentials.ts";
import type { SocketCaller } from "../socket-kernel.ts";
import { type NetlinkHeading, NetlinkWriter } from "./netlink-writer.ts";
import { attributeOf, type NetlinkAnswer, type NetlinkRequest, numberOf, textOf } from "./netlink-request.ts";

interface Family {
  readonly id: number;
  readonly name: string;
  readonly version: number;
  readonly attributes: number;
  /** What it can be asked, with flags. */
  readonly operations: readonly (readonly [command: number, flags: number])[];
  readonly groups: readonly (readonly [id: number, name: string])[];
}

const CONTROLLER_VERSION = 2;
/** The first number that is nobody's by right (net/netlink/genetlink.c, GENL_START_ALLOC). */
const TASKSTATS_ID = GENL_ID_CTRL + 3;

const FAMILIES: readonly Family[] = [
  {
    id: GENL_ID_CTRL,
    name: "nlctrl",
    version: CONTROLLER_VERSION,
    attributes: 10,
    operations: [[CTRL_CMD_GETFAMILY, GENL_CMD_CAP_DO | GENL_CMD_CAP_DUMP | GENL_CMD_CAP_HASPOL]],
    // Hears of families that come and go: none does here.
    groups: [[16, "notify"]],
  },
  {
    id: TASKSTATS_ID,
    name: TASKSTATS_NAME,
    version: TASKSTATS_GENL_VERSION,
    attributes: 0,
    operations: [[TASKSTATS_CMD_GET, GENL_ADMIN_PERM | GENL_CMD_CAP_DO | GENL_CMD_CAP_HASPOL]],
    groups: [],
  },
];

/**
 * @returns −EINVAL, −ENOENT for a family that isn't there, −EOPNOTSUPP for another command; −EPERM, −ERANGE,
 * −ESRCH of taskstats
 */
export function answerGeneric(task: SocketCaller, request: NetlinkRequest, port: number): NetlinkAnswer {
  const family = FAMILIES.find(({ id }) => id === request.type);
  if (family === undefined) return -ENOENT;
  if (request.payload.length < Genlmsghdr.size) return -EINVAL;
  const command = request.payload[Genlmsghdr.offset.cmd];
  const operation = family.operations.find(([each]) => each === command);
  if (operation === undefined) return -EOPNOTSUPP;
  // Of the whole machine: whoever rules a user namespace alone is none.
  if ((operation[1] & GENL_ADMIN_PERM) !== 0 && !isCapable(task.credentials, CAP_NET_ADMIN)) return -EPERM;
  return family.id === TASKSTATS_ID ? answerTaskstats(task, request, port) : answerController(request, port);
}

function answerController(request: NetlinkRequest, port: number): NetlinkAnswer {
  const isDump = (request.flags & NLM_F_DUMP) === NLM_F_DUMP;
  const heading = { flags: isDump ? NLM_F_MULTI : 0, sequence: request.sequence, port };
  if (isDump) return { isDump, messages: FAMILIES.map((family) => describe(family, heading)) };
  const name = attributeOf(request.payload, Genlmsghdr.size, CTRL_ATTR_FAMILY_NAME);
  const id = attributeOf(request.payload, Genlmsghdr.size, CTRL_ATTR_FAMILY_ID);
  if (name === null && (id === null || id.length < 2)) return -EINVAL;
  const asked = FAMILIES.find((family) =>
    name !== null ? textOf(name) === family.name : id![0]! + 256 * id![1]! === family.id,
  );
  return asked === undefined ? -ENOENT : { isDump, messages: [describe(asked, heading)] };
}

function describe({ id, name, version, attributes, operations, groups }: Family, heading: NetlinkHeading): Uint8Array {
  const writer = new NetlinkWriter()
    .begin(GENL_ID_CTRL, heading)
    .fields(Genlmsghdr, { cmd: CTRL_CMD_NEWFAMILY, version: CONTROLLER_VERSION })
    .attributeText(CTRL_ATTR_FAMILY_NAME, name)
    .attribute(CTRL_ATTR_FAMILY_ID, Uint8Array.of(id, 0))
    .attributeU32(CTRL_ATTR_VERSION, version)
    .attributeU32(CTRL_ATTR_HDRSIZE, 0)
    .attributeU32(CTRL_ATTR_MAXATTR, attributes)
    .nest(CTRL_ATTR_OPS, (all) => {
      for (const [index, [command, flags]] of operations.entries())
        all.nest(index + 1, (one) =>
          one.attributeU32(CTRL_ATTR_OP_ID, command).attributeU32(CTRL_ATTR_OP_FLAGS, flags),
        );
    });
  if (groups.length > 0)
    writer.nest(CTRL_ATTR_MCAST_GROUPS, (all) => {
      for (const [index, [group, title]] of groups.entries())
        all.nest(index + 1, (one) =>
          one.attributeU32(CTRL_ATTR_MCAST_GRP_ID, group).attributeText(CTRL_ATTR_MCAST_GRP_NAME, title),
        );
    });
  return writer.finish();
}

/** Who wants to hear of tasks as they end gives a mask of processors: that isn't here (−EOPNOTSUPP). */
function answerTaskstats(task: SocketCaller, request: NetlinkRequest, port: number): NetlinkAnswer {
  const asked = (type: number): Uint8Array | null => attributeOf(request.payload, Genlmsghdr.size, type);
  if (asked(TASKSTATS_CMD_ATTR_REGISTER_CPUMASK) !== null || asked(TASKSTATS_CMD_ATTR_DEREGISTER_CPUMASK) !== null)
    return -EOPNOTSUPP;
  const [threadId, processId] = [asked(TASKSTATS_CMD_ATTR_PID), asked(TASKSTATS_CMD_ATTR_TGID)];
  if ((threadId !== null && threadId.length < 4) || (processId !== null && processId.length < 4)) return -ERANGE;
  const thread = numberOf(threadId);
  const id = thread ?? numberOf(processId);
  if (id === null) return -EINVAL;
  const statistics = task.kernel.socketState.taskStatistics(task, id, thread !== null ? "thread" : "process");
  if (isErrno(statistics)) return statistics;
  const [whole, number] =
    thread !== null ? [TASKSTATS_TYPE_AGGR_PID, TASKSTATS_TYPE_PID] : [TASKSTATS_TYPE_AGGR_TGID, TASKSTATS_TYPE_TGID];
  const message = new NetlinkWriter()
    .begin(TASKSTATS_ID, { flags: 0, sequence: request.sequence, port })
    .fields(Genlmsghdr, { cmd: TASKSTATS_CMD_NEW, version: TASKSTATS_GENL_VERSION })
    .nest(whole, (all) =>
      // The empty one puts the 64-bit words where they belong (nla_reserve_64bit).
      all
        .attributeU32(number, id)
        .attribute(TASKSTATS_TYPE_NULL, new Uint8Array(0))
        .attribute(TASKSTATS_TYPE_STATS, statistics),
    )
    .finish();
  return { isDump: false, messages: [message] };
}
