/** What the audit and the tables say of a span of time, for reports: facts, without a judgement. */
import type { Queryable } from "../database/database.ts";
import { chainHead, chainStart, verifyChain } from "../store/event-chain.ts";

export interface Span {
  readonly from: Date;
  readonly until: Date;
}

export interface Evidence {
  /** rotated: the last seal whose events lie in files; 0: none do. */
  readonly chain: {
    readonly number: number;
    readonly hash: string;
    readonly fault: string | null;
    readonly rotated: number;
  };
  readonly decisions: { readonly allowed: number; readonly refused: number; readonly failedSignIns: number };
  readonly alerts: readonly { readonly at: Date; readonly rule: string; readonly text: string }[];
  /** Who may everything now. */
  readonly administrators: readonly string[];
  readonly keys: {
    readonly active: number;
    readonly endless: readonly string[];
    /** For 90 days, or never since they were made as long ago. */
    readonly unused: readonly string[];
    readonly created: number;
    readonly revoked: number;
  };
  readonly privilegeChanges: readonly {
    readonly at: Date;
    readonly actor: string;
    readonly what: string;
    readonly principal: string | null;
    readonly role: string | null;
  }[];
  readonly releases: readonly {
    readonly at: Date;
    readonly actor: string;
    readonly channel: string;
    readonly packages: number;
    readonly task: number | null;
    /** Who had it built; null: the task is gone. */
    readonly owner: string | null;
  }[];
  readonly principals: { readonly count: number; readonly addresses: number; readonly oldest: Date | null };
  readonly retention: readonly { readonly channel: string; readonly days: number | null }[];
  readonly isTls: boolean;
}

/** A report is read by people. */
export const ROWS_MAX = 500;
const UNUSED = "interval '90 days'";
const PRIVILEGE_CHANGES = [
  "ROLE_GRANTED",
  "ROLE_TAKEN",
  "ROLE_CHANGED",
  "ROLE_REMOVED",
  "TOKEN_CREATED",
  "TOKEN_REVOKED",
  "POLICY_CHANGED",
  "POLICY_REMOVED",
];

/** @param on  of one moment, if it is to be */
export async function gatherEvidence(on: Queryable, { from, until }: Span, isTls: boolean): Promise<Evidence> {
  const span = [from, until];
  const [decisions] = await on.query<Evidence["decisions"]>(
    `select count(*) filter (where what = 'ALLOWED') as allowed,
       count(*) filter (where what = 'REFUSED' and detail->>'permission' <> 'authenticate') as refused,
       count(*) filter (where what = 'REFUSED' and detail->>'permission' = 'authenticate') as "failedSignIns"
     from event where at >= $1 and at < $2 and what in ('ALLOWED', 'REFUSED')`,
    span,
  );
  const keys = await on.query<{ id: string; principal: string; expires: Date | null; isUnused: boolean }>(
    `select id, principal, expires, coalesce(last_used, created) < now() - ${UNUSED} as "isUnused" from api_key
     where revoked is null and (expires is null or expires > now()) order by principal, id`,
  );
  const nameOf = ({ id, principal }: { id: string; principal: string }): string => `${principal} (${id})`;
  const [changed] = await on.query<{ created: number; revoked: number }>(
    `select count(*) filter (where what = 'TOKEN_CREATED') as created,
       count(*) filter (where what = 'TOKEN_REVOKED') as revoked from event
     where at >= $1 and at < $2 and what in ('TOKEN_CREATED', 'TOKEN_REVOKED')`,
    span,
  );
  const [principals] = await on.query<Evidence["principals"]>(
    `select count(distinct actor) as count, count(distinct detail->>'from') as addresses, min(at) as oldest from event`,
  );
  return {
    chain: {
      ...(await chainHead(on)),
      rotated: (await chainStart(on)).number,
      fault: (await verifyChain(on))?.words ?? null,
    },
    decisions: decisions!,
    alerts: await on.query(
      `select at, detail->>'rule' as rule, detail->>'text' as text from event
       where what = 'ALERT' and at >= $1 and at < $2 order by at, id limit ${ROWS_MAX}`,
      span,
    ),
    administrators: (
      await on.query<{ principal: string }>(
        `with recursive mighty (name) as (
           select name from role where '*' = any(permissions)
           union select role.name from role join mighty on mighty.name = any(role.inherits)
         )
         select principal from role_grant where role in (select name from mighty)
         union select principal from api_key where revoked is null and (expires is null or expires > now())
           and roles && array(select name from mighty) order by principal`,
      )
    ).map(({ principal }) => principal),
    keys: {
      active: keys.length,
      endless: keys.filter(({ expires }) => expires === null).map(nameOf),
      unused: keys.filter(({ isUnused }) => isUnused).map(nameOf),
      ...changed!,
    },
    privilegeChanges: await on.query(
      `select at, actor, what, detail->>'principal' as principal,
         coalesce(detail->>'role', detail->>'roles', detail->>'policy') as role
       from event where at >= $1 and at < $2 and what = any($3) order by at, id limit ${ROWS_MAX}`,
      [...span, PRIVILEGE_CHANGES],
    ),
    releases: await on.query(
      `select e.at, e.actor, e.detail->>'channel' as channel, jsonb_array_length(e.detail->'packages') as packages,
         e.task_id as task, t.owner
       from event e left join task t on t.id = e.task_id
       where e.at >= $1 and e.at < $2 and e.what = 'PUBLISHED' order by e.at, e.id limit ${ROWS_MAX}`,
      span,
    ),
    principals: principals!,
    retention: await on.query("select name as channel, retention_days as days from channel order by name"),
    isTls,
  };
}
