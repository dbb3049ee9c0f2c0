import { stateClass } from "@stratos/base";
import type { Flowtable } from "../rules/ruleset.ts";
import { type Tuple, TUPLE_WORDS } from "./tuple.ts";

/** A connection from one of its sides, as the table finds it. */
export class TupleNode {
  readonly connection: Connection;
  readonly isReply: boolean;
  readonly tuple: Tuple = new Uint32Array(TUPLE_WORDS);
  next: TupleNode | null = null;

  constructor(connection: Connection, isReply: boolean) {
    this.connection = connection;
    this.isReply = isReply;
  }

  static {
    stateClass("TupleNode", this);
  }
}

/** Packets that belong together (conntrack(8)): what a TCP connection, or datagrams between two ports, are. */
export class Connection {
  readonly id: number;
  readonly original: TupleNode;
  /** What comes back, as it comes: with NAT it isn't the other side of the first. */
  readonly reply: TupleNode;
  /** IPS_*. */
  status = 0;
  /** Until when it is remembered. */
  expiresNs = 0;
  mark = 0;
  /** Of TCP: TCP_CONNTRACK_*. */
  state = 0;
  /** Where IPS_OFFLOAD is set: by which table; null otherwise. */
  flowtable: Flowtable | null = null;
  /** When the first packet came. */
  readonly beganNs: number;
  /** Packets and bytes of the original direction, and of replies. */
  readonly counts = new Float64Array(4);

  constructor(id: number, beganNs: number) {
    this.id = id;
    this.beganNs = beganNs;
    this.original = new TupleNode(this, false);
    this.reply = new TupleNode(this, true);
  }

  has(status: number): boolean {
    return (this.status & status) !== 0;
  }

  static {
    stateClass("Connection", this);
  }
}
