/**
 * NETLINK_GENERIC: families by name. There is the controller alone, as in a kernel whose subsystems have registered
 * none.
 */
import {
  EINVAL,
  ENOENT,
  EOPNOTSUPP,
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
  GENL_CMD_CAP_DO,
  GENL_CMD_CAP_DUMP,
  GENL_CMD_CAP_HASPOL,
  GENL_ID_CTRL,
  Genlmsghdr,
  NLM_F_DUMP,
  NLM_F_MULTI,
} from "@stratos/abi";
import { NetlinkWriter } from "./netlink-writer.ts";
import { attributeOf, type NetlinkAnswer, type NetlinkRequest, textOf } from "./netlink-request.ts";

const CONTROLLER = "nlctrl",
  CONTROLLER_VERSION = 2,
  CONTROLLER_ATTRIBUTES = 10;
/** The controller's one group, which hears of families that come and go: none does here. */
const NOTIFY = "notify",
  NOTIFY_ID = 16;

/** @returns −EINVAL, −ENOENT for a family that isn't there, −EOPNOTSUPP for another command */
export function answerGeneric(request: NetlinkRequest, port: number): NetlinkAnswer {
  if (request.type !== GENL_ID_CTRL) return -ENOENT;
  if (request.payload.length < Genlmsghdr.size) return -EINVAL;
  if (request.payload[Genlmsghdr.offset.cmd] !== CTRL_CMD_GETFAMILY) return -EOPNOTSUPP;
  const isDump = (request.flags & NLM_F_DUMP) === NLM_F_DUMP;
  if (!isDump) {
    const name = attributeOf(request.payload, Genlmsghdr.size, CTRL_ATTR_FAMILY_NAME);
    const id = attributeOf(request.payload, Genlmsghdr.size, CTRL_ATTR_FAMILY_ID);
    if (name === null && id === null) return -EINVAL;
    const isController = name !== null ? textOf(name) === CONTROLLER : id![0] === GENL_ID_CTRL && id![1] === 0;
    if (!isController) return -ENOENT;
  }
  const message = new NetlinkWriter()
    .begin(GENL_ID_CTRL, { flags: isDump ? NLM_F_MULTI : 0, sequence: request.sequence, port })
    .fields(Genlmsghdr, { cmd: CTRL_CMD_NEWFAMILY, version: CONTROLLER_VERSION })
    .attributeText(CTRL_ATTR_FAMILY_NAME, CONTROLLER)
    .attribute(CTRL_ATTR_FAMILY_ID, Uint8Array.of(GENL_ID_CTRL, 0))
    .attributeU32(CTRL_ATTR_VERSION, CONTROLLER_VERSION)
    .attributeU32(CTRL_ATTR_HDRSIZE, 0)
    .attributeU32(CTRL_ATTR_MAXATTR, CONTROLLER_ATTRIBUTES)
    .nest(CTRL_ATTR_OPS, (operations) =>
      operations.nest(1, (first) =>
        first
          .attributeU32(CTRL_ATTR_OP_ID, CTRL_CMD_GETFAMILY)
          .attributeU32(CTRL_ATTR_OP_FLAGS, GENL_CMD_CAP_DO | GENL_CMD_CAP_DUMP | GENL_CMD_CAP_HASPOL),
      ),
    )
    .nest(CTRL_ATTR_MCAST_GROUPS, (groups) =>
      groups.nest(1, (first) =>
        first.attributeU32(CTRL_ATTR_MCAST_GRP_ID, NOTIFY_ID).attributeText(CTRL_ATTR_MCAST_GRP_NAME, NOTIFY),
      ),
    )
    .finish();
  return { isDump, messages: [message] };
}
