/**
 * What follows from ends of tasks, done by one hub at a time: children become free or are canceled, pauses end. Any two
 * hubs that did it together would only wait for each other's rows.
 */
import type { Queryable } from "../database/database.ts";

/**
 * Takes ended tasks off the outbox, once the packages that they left are in their channel: a child may build on
 * them. A child whose last open parent ended becomes FREE; one that needed the success of a
 * parent that had none is CANCELED, and goes into the outbox itself when it has children. A parent that ended, was
 * retried and ended again may be in the outbox twice: of two hubs that find it, one settles its edges.
 */
const SETTLE = `
with o as materialized (
  select id, task_id from outbox where not exists (select 1 from to_publish p where p.task_id = outbox.task_id)
  order by id limit $1 for update skip locked
), x as (delete from outbox where id = any(array(select id from o))),
p as materialized (select id, state from task where id = any(array(select task_id from o))),
g as materialized (
  select e.parent, e.child, e.needs = 'success' and p.state <> 'COMPLETED' as is_lost, p.state as parent_state
  from p cross join lateral (select * from edge where parent = p.id and not settled offset 0) e
  where p.state in ('COMPLETED','FAILED','CANCELED')
), gone as (
  update edge set settled = true from g
  where edge.parent = any(array(select parent from g)) and edge.parent = g.parent and edge.child = g.child
    and not edge.settled
  returning g.parent, g.child, g.is_lost, g.parent_state
),
c as materialized (
  select child, count(*) as ended, bool_or(is_lost) as is_lost, min(parent) filter (where is_lost) as lost_parent,
    min(parent_state) filter (where is_lost) as lost_state
  from gone group by child
), l as materialized (
  select t.id, t.blockers from task t where t.id = any(array(select child from c)) and t.state = 'BLOCKED' \
order by t.id for update
), u as (
  update task t set version = t.version + 1,
    state = case when c.is_lost then 'CANCELED' when l.blockers <= c.ended then 'FREE' else 'BLOCKED' end,
    blockers = case when c.is_lost then 0 else greatest(l.blockers - c.ended, 0) end,
    finished = case when c.is_lost then now() end,
    message = case when c.is_lost then 'task ' || c.lost_parent || ', which it needs, is ' || c.lost_state end
  from c join l on l.id = c.child
  where t.id = any(array(select child from c)) and t.id = c.child and t.state = 'BLOCKED'
  returning t.*
), q as (
  insert into runnable (task_id, channel, arch, priority, rank, weight, requires, owner)
  select u.id, u.channel, u.arch, case ch.policy when 'fifo' then 0 else u.priority end, u.rank, u.weight, \
u.requires, u.owner
  from u join channel ch on ch.name = u.channel where u.state = 'FREE'
), again as (insert into outbox (task_id) select id from u where state = 'CANCELED' and has_children order by id),
e as (
  insert into event (actor, what, task_id, detail)
  select 'hub', u.state, u.id, case when u.message is null then null else jsonb_build_object('message', u.message) end
  from u where u.state <> 'BLOCKED' order by u.id
), n as (
  select pg_notify('hub_runnable', channel || ' ' || arch || ' ' || count(*)) from u where state = 'FREE' group by \
channel, arch
)
select (select count(*) from o) as taken, (select count(*) from n) as woken`;

/** @returns how many ends were settled; fewer than `limit`: none is left */
export async function settleEnded(database: Queryable, limit: number): Promise<number> {
  const [row] = await database.query<{ taken: number }>(SETTLE, [limit]);
  return row!.taken;
}

const WAKE = `
with w as (
  delete from waiting where task_id in (select task_id from waiting where due <= now() order by due limit $1 for \
update skip locked)
  returning task_id
), t as materialized (
  select * from task where id = any(array(select task_id from w)) and state = 'FREE' order by id for update
), q as (
  insert into runnable (task_id, channel, arch, priority, rank, weight, requires, owner)
  select t.id, t.channel, t.arch, case c.policy when 'fifo' then 0 else t.priority end, t.rank, t.weight, t.requires, \
t.owner
  from t join channel c on c.name = t.channel returning \
channel, arch
), n as (select pg_notify('hub_runnable', channel || ' ' || arch || ' ' || count(*)) from q group by channel, arch)
select (select count(*) from w) as taken, (select count(*) from n) as woken`;

/** Tasks whose pause is over may run again. Their rows are locked, so that a priority set meanwhile is seen. */
export async function endPauses(database: Queryable, limit: number): Promise<number> {
  const [row] = await database.query<{ taken: number }>(WAKE, [limit]);
  return row!.taken;
}
