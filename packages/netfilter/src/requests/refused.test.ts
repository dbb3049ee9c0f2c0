/**
 * Goal: what nft(8) and iptables(8) never send is refused with Linux's error. Method: batches by hand; the errors are
 * those of Linux 6.18, by gVisor's socket_netlink_netfilter_test.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  EEXIST,
  EINVAL,
  ENOENT,
  EOPNOTSUPP,
  ERANGE,
  NFNL_MSG_BATCH_BEGIN,
  NFNL_MSG_BATCH_END,
  NFNL_SUBSYS_NFTABLES,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFTA_CHAIN_COUNTERS,
  NFTA_CHAIN_FLAGS,
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_ID,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_TABLE,
  NFTA_CHAIN_TYPE,
  NFTA_COUNTER_BYTES,
  NFTA_COUNTER_PACKETS,
  NFTA_CT_DREG,
  NFTA_CT_KEY,
  NFTA_DATA_VERDICT,
  NFTA_EXPR_DATA,
  NFTA_EXPR_NAME,
  NFTA_HOOK_HOOKNUM,
  NFTA_HOOK_PRIORITY,
  NFTA_IMMEDIATE_DATA,
  NFTA_IMMEDIATE_DREG,
  NFTA_LIST_ELEM,
  NFTA_MASQ_FLAGS,
  NFTA_MATCH_INFO,
  NFTA_MATCH_NAME,
  NFTA_MATCH_REV,
  NFTA_META_DREG,
  NFTA_META_KEY,
  NFTA_NAT_FAMILY,
  NFTA_NAT_REG_ADDR_MIN,
  NFTA_NAT_TYPE,
  NFTA_RULE_CHAIN,
  NFTA_RULE_EXPRESSIONS,
  NFTA_RULE_TABLE,
  NFTA_TABLE_NAME,
  NFTA_VERDICT_CHAIN_ID,
  NFTA_VERDICT_CODE,
  NFT_CHAIN_BASE,
  NFT_CHAIN_BINDING,
  NFT_JUMP,
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWRULE,
  NFT_MSG_NEWTABLE,
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
  NLMSG_ERROR,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_REQUEST,
} from "@stratos/abi";
import { Client } from "../testing/client.ts";
import { MessageWriter } from "../wire/message-writer.ts";

type Fill = (writer: MessageWriter) => MessageWriter;
const FLAGS = NLM_F_REQUEST | NLM_F_CREATE;

function message(type: number, flags: number, family: number, fill: Fill): Uint8Array {
  const heading = { flags, sequence: 1, port: 0, family, resource: NFNL_SUBSYS_NFTABLES };
  return fill(new MessageWriter().begin(type, heading)).finish();
}

class Ruleset {
  readonly #client = new Client();
  readonly #family: number;

  constructor(family: number = NFPROTO_IPV4, table = "nat") {
    this.#family = family;
    assert.equal(this.send([NFT_MSG_NEWTABLE, (w) => w.text(NFTA_TABLE_NAME, table)]), 0);
  }

  /** @returns the first error that is told, 0: none is */
  send(...changes: (readonly [type: number, fill: Fill])[]): number {
    const all = changes.map(([type, fill]) =>
      message((NFNL_SUBSYS_NFTABLES << 8) | type, FLAGS | NLM_F_ACK, this.#family, fill),
    );
    const begin = message(NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, 0, (w) => w);
    const end = message(NFNL_MSG_BATCH_END, NLM_F_REQUEST, 0, (w) => w);
    const answers = this.#client.send(Buffer.concat([begin, ...all, end]));
    for (const answer of answers) {
      const view = new DataView(answer.buffer, answer.byteOffset, answer.length);
      if (view.getUint16(4, true) === NLMSG_ERROR && view.getInt32(16, true) !== 0) return -view.getInt32(16, true);
    }
    assert.ok(answers.length >= changes.length);
    return 0;
  }
}

const chain = (name: string | null, fill: Fill = (w) => w, table = "nat"): readonly [number, Fill] => [
  NFT_MSG_NEWCHAIN,
  (w) => {
    w.text(NFTA_CHAIN_TABLE, table);
    return fill(name === null ? w : w.text(NFTA_CHAIN_NAME, name));
  },
];
const hook =
  (number: number | null, priority: number | null, type = "filter"): Fill =>
  (w) =>
    w
      .nest(NFTA_CHAIN_HOOK, (inner) => {
        if (number !== null) inner.u32(NFTA_HOOK_HOOKNUM, number);
        if (priority !== null) inner.u32(NFTA_HOOK_PRIORITY, priority);
      })
      .text(NFTA_CHAIN_TYPE, type);
const rule = (expression: string, fill: Fill, table = "nat"): readonly [number, Fill] => [
  NFT_MSG_NEWRULE,
  (w) =>
    w
      .text(NFTA_RULE_TABLE, table)
      .text(NFTA_RULE_CHAIN, "c")
      .nest(NFTA_RULE_EXPRESSIONS, (list) => {
        list.nest(NFTA_LIST_ELEM, (one) => {
          one.text(NFTA_EXPR_NAME, expression).nest(NFTA_EXPR_DATA, (data) => void fill(data));
        });
      }),
];
/** `-m` or `-j` with a structure of so many bytes. */
const extension = (
  kind: "match" | "target",
  name: string,
  revision: number,
  info: Uint8Array,
  table = "nat",
): readonly [number, Fill] =>
  rule(kind, (w) => w.text(NFTA_MATCH_NAME, name).u32(NFTA_MATCH_REV, revision).bytes(NFTA_MATCH_INFO, info), table);
const counters: Fill = (w) =>
  w.nest(NFTA_CHAIN_COUNTERS, (inner) => {
    inner.u64(NFTA_COUNTER_PACKETS, 1).u64(NFTA_COUNTER_BYTES, 2);
  });

it("chains: half a hook, a base without one, other hooks than they have, counters of none", () => {
  const it = new Ruleset();
  assert.equal(it.send(chain("a", hook(NF_INET_PRE_ROUTING, null))), ENOENT);
  assert.equal(it.send(chain("a", hook(null, 0))), ENOENT);
  assert.equal(it.send(chain("a", (w) => w.u32(NFTA_CHAIN_FLAGS, NFT_CHAIN_BASE))), EINVAL);
  assert.equal(it.send(chain("a", hook(NF_INET_PRE_ROUTING, 0))), 0);
  assert.equal(it.send(chain("a", hook(NF_INET_PRE_ROUTING, 0))), 0);
  assert.equal(it.send(chain("a", hook(NF_INET_PRE_ROUTING, 1))), EOPNOTSUPP);
  assert.equal(it.send(chain("a", hook(NF_INET_LOCAL_IN, 0))), EOPNOTSUPP);
  assert.equal(it.send(chain("a", hook(NF_INET_PRE_ROUTING, 0, "nat"))), EEXIST);
  assert.equal(it.send(chain("b", counters)), 0, "of no use, and taken");
  assert.equal(it.send(chain("b", counters)), EOPNOTSUPP);
  assert.equal(it.send(chain("b", hook(NF_INET_PRE_ROUTING, 0))), EEXIST);
});

it("a chain without a name is another one's: a rule leads to it, and nobody changes it", () => {
  const it = new Ruleset();
  const binding: Fill = (w) => w.u32(NFTA_CHAIN_FLAGS, NFT_CHAIN_BINDING).u32(NFTA_CHAIN_ID, 7);
  const jump = rule("immediate", (w) =>
    w.u32(NFTA_IMMEDIATE_DREG, 0).nest(NFTA_IMMEDIATE_DATA, (data) => {
      data.nest(NFTA_DATA_VERDICT, (verdict) => {
        verdict.u32(NFTA_VERDICT_CODE, NFT_JUMP).u32(NFTA_VERDICT_CHAIN_ID, 7);
      });
    }),
  );
  assert.equal(it.send(chain("c")), 0);
  assert.equal(it.send(chain(null, binding)), EINVAL);
  assert.equal(it.send(chain("named", binding)), EINVAL);
  assert.equal(it.send(chain("named", binding), jump), 0);
  assert.equal(it.send(chain("named", binding)), EINVAL);
});

it("expressions: keys and kinds that there are not, flags, nothing to translate to", () => {
  const it = new Ruleset();
  assert.equal(it.send(chain("c", hook(NF_INET_POST_ROUTING, 0, "nat"))), 0);
  const key = (of: "meta" | "ct", value: number): number => {
    const [register, named] = of === "meta" ? [NFTA_META_DREG, NFTA_META_KEY] : [NFTA_CT_DREG, NFTA_CT_KEY];
    return it.send(rule(of, (w) => w.u32(register, 1).u32(named, value)));
  };
  assert.deepEqual([key("meta", 256), key("meta", 255), key("ct", 256), key("ct", 255)].map(String), [
    String(ERANGE),
    String(EOPNOTSUPP),
    String(ERANGE),
    String(EOPNOTSUPP),
  ]);
  const nat: Fill = (w) => w.u32(NFTA_NAT_TYPE, 0).u32(NFTA_NAT_FAMILY, NFPROTO_IPV4);
  assert.equal(it.send(rule("nat", nat)), EINVAL);
  const other: Fill = (w) => w.u32(NFTA_NAT_TYPE, 2).u32(NFTA_NAT_FAMILY, NFPROTO_IPV4).u32(NFTA_NAT_REG_ADDR_MIN, 1);
  assert.equal(it.send(rule("nat", other)), EOPNOTSUPP);
  assert.equal(it.send(rule("masq", (w) => w.u32(NFTA_MASQ_FLAGS, 0xffffffff))), EINVAL);
});

it("matches and targets of iptables: a byte too few, in the wrong table, at the wrong hook", () => {
  const sizes: readonly (readonly [string, number, number])[] = [
    ["addrtype", 0, 12],
    ["addrtype", 1, 8],
    ["conntrack", 1, 152],
    ["conntrack", 2, 156],
    ["conntrack", 3, 164],
  ];
  const filter = new Ruleset();
  assert.equal(filter.send(chain("c", hook(NF_INET_FORWARD, 0))), 0);
  for (const [name, revision, size] of sizes) {
    assert.equal(filter.send(extension("match", name, revision, new Uint8Array(size - 1))), EINVAL, name);
    assert.equal(filter.send(extension("match", name, revision, new Uint8Array(size))), 0, `${name} ${revision}`);
  }
  const masquerade = Uint8Array.from({ length: 20 }, (_, at) => (at === 0 ? 1 : 0));
  assert.equal(filter.send(extension("target", "MASQUERADE", 0, masquerade)), EINVAL, "a chain of filters");

  const nat = new Ruleset();
  assert.equal(nat.send(chain("c", hook(NF_INET_POST_ROUTING, 0, "nat"))), 0);
  assert.equal(nat.send(extension("target", "MASQUERADE", 0, masquerade)), 0);
  assert.equal(nat.send(extension("target", "MASQUERADE", 0, masquerade.with(4, 1))), EINVAL, "to an address");
  assert.equal(nat.send(extension("target", "DNAT", 1, new Uint8Array(40))), EINVAL);
  for (const [revision, size] of [
    [1, 40],
    [2, 44],
  ] as const) {
    assert.equal(nat.send(extension("target", "SNAT", revision, new Uint8Array(size - 1))), EINVAL);
    assert.equal(nat.send(extension("target", "SNAT", revision, new Uint8Array(size))), 0);
  }
  const six = new Ruleset(NFPROTO_IPV6);
  assert.equal(six.send(chain("c", hook(NF_INET_POST_ROUTING, 0, "nat"))), 0);
  assert.equal(six.send(extension("target", "MASQUERADE", 0, new Uint8Array(39))), EINVAL);
  assert.equal(six.send(extension("target", "MASQUERADE", 0, new Uint8Array(40))), 0);

  const others = new Ruleset(NFPROTO_IPV4, "other");
  assert.equal(others.send(chain("c", hook(NF_INET_POST_ROUTING, 0, "nat"), "other")), 0);
  assert.equal(others.send(extension("target", "MASQUERADE", 0, masquerade, "other")), EINVAL);
  const first = new Ruleset();
  assert.equal(first.send(chain("c", hook(NF_INET_PRE_ROUTING, 0, "nat"))), 0);
  assert.equal(first.send(extension("target", "SNAT", 1, new Uint8Array(40))), EINVAL);
  assert.equal(first.send(extension("target", "MASQUERADE", 0, masquerade)), EINVAL);
});

it("addrtype asks for an interface where the packet has one", () => {
  const outcome = (at: number, flags: number): number => {
    const it = new Ruleset();
    assert.equal(it.send(chain("c", hook(at, 0))), 0);
    const info = new Uint8Array(8);
    info[2] = 4;
    info[4] = flags;
    return it.send(extension("match", "addrtype", 1, info));
  };
  const IN = 4,
    OUT = 8;
  assert.equal(outcome(NF_INET_FORWARD, IN | OUT), EINVAL);
  assert.deepEqual(
    [NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_POST_ROUTING].map((at) => outcome(at, OUT)),
    [EINVAL, EINVAL, 0, 0],
  );
  assert.deepEqual(
    [NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_POST_ROUTING].map((at) => outcome(at, IN)),
    [0, 0, 0, EINVAL],
  );
});
