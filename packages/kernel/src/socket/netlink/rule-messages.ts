/** RTM_GETRULE: in which order routing tables are asked (ip-rule(8)). The rules are those that Linux begins with. */
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  FibRuleHdr,
  FRA_PRIORITY,
  FRA_PROTOCOL,
  FRA_SUPPRESS_PREFIXLEN,
  FRA_TABLE,
  FR_ACT_TO_TBL,
  RTM_NEWRULE,
  RTPROT_KERNEL,
  RT_TABLE_DEFAULT,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
} from "@stratos/abi";
import { type NetlinkHeading, NetlinkWriter } from "./netlink-writer.ts";

/** By priority (net/ipv4/fib_rules.c, net/ipv6/fib6_rules.c). */
const RULES: readonly { readonly family: number; readonly priority: number; readonly table: number }[] = [
  { family: AF_INET, priority: 0, table: RT_TABLE_LOCAL },
  { family: AF_INET, priority: 32766, table: RT_TABLE_MAIN },
  { family: AF_INET, priority: 32767, table: RT_TABLE_DEFAULT },
  { family: AF_INET6, priority: 0, table: RT_TABLE_LOCAL },
  { family: AF_INET6, priority: 32766, table: RT_TABLE_MAIN },
];

export function ruleMessages(family: number, heading: NetlinkHeading): Uint8Array[] {
  return RULES.filter((rule) => family === AF_UNSPEC || rule.family === family).map(({ family, priority, table }) => {
    const writer = new NetlinkWriter()
      .begin(RTM_NEWRULE, heading)
      .fields(FibRuleHdr, { family, table, action: FR_ACT_TO_TBL })
      .attributeU32(FRA_TABLE, table)
      .attributeU32(FRA_SUPPRESS_PREFIXLEN, 0xffffffff)
      .attributeU8(FRA_PROTOCOL, RTPROT_KERNEL);
    if (priority !== 0) writer.attributeU32(FRA_PRIORITY, priority);
    return writer.finish();
  });
}
