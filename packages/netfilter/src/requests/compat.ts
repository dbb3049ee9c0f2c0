/** NFNL_SUBSYS_NFT_COMPAT: which matches and targets of iptables there are (net/netfilter/nft_compat.c). */
import {
  EINVAL,
  NFNL_MSG_COMPAT_GET,
  NFNL_SUBSYS_NFT_COMPAT,
  NFTA_COMPAT_NAME,
  NFTA_COMPAT_REV,
  NFTA_COMPAT_TYPE,
  NLM_F_MULTI,
} from "@stratos/abi";
import { askExtension } from "../rules/extension.ts";
import { Attributes } from "../wire/attributes.ts";
import { MessageWriter } from "../wire/message-writer.ts";
import type { NetfilterRequest } from "./batch.ts";

const HEADER_SIZE = 4;

export function answerCompat({ type, sequence, payload }: NetfilterRequest, port: number): Uint8Array[] | number {
  if ((type & 0xff) !== NFNL_MSG_COMPAT_GET) return -EINVAL;
  const all = Attributes.read(payload, HEADER_SIZE);
  const name = all.needText(NFTA_COMPAT_NAME);
  const revision = all.needU32(NFTA_COMPAT_REV);
  const kind = all.needU32(NFTA_COMPAT_TYPE);
  const refused = askExtension(name, revision, kind === 1);
  if (refused !== 0) return -refused;
  const heading = { flags: NLM_F_MULTI, sequence, port, family: payload[0]!, resource: 0 };
  const writer = new MessageWriter().begin((NFNL_SUBSYS_NFT_COMPAT << 8) | NFNL_MSG_COMPAT_GET, heading);
  return [writer.text(NFTA_COMPAT_NAME, name).u32(NFTA_COMPAT_REV, revision).u32(NFTA_COMPAT_TYPE, kind).finish()];
}
