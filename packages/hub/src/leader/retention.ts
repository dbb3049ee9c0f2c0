/** What is old goes, in small batches. Events stay: they are the audit. */
import type { Database } from "../database/database.ts";

/** Of tasks that ended, when their channel says so; a task stays while one that waits for it is open. */
export async function removeOldTasks(database: Database, limit: number): Promise<number> {
  const [row] = await database.query<{ taken: number }>(
    `
    with t as materialized (
      select t.id from task t join channel c on c.name = t.channel
      where t.finished < now() - make_interval(days => c.retention_days)
        and not exists (select 1 from edge e join task k on k.id = e.child where e.parent = t.id and k.finished is null)
      order by t.finished limit $1
    ), r as (delete from run where task_id = any(array(select id from t)) returning id),
    l as (delete from log_chunk where run_id in (select id from run where task_id = any(array(select id from t)))),
    y as (delete from to_diagnose where run_id in (select id from run where task_id = any(array(select id from t)))),
    f as (delete from failed_run where task_id = any(array(select id from t))),
    a as (delete from task_artefact where task_id = any(array(select id from t))),
    s as (
      delete from built_source b where task_id = any(array(select id from t))
        and not exists (select 1 from channel_package c where c.task_id = b.task_id)
    ),
    g as (delete from edge where parent = any(array(select id from t)) or child = any(array(select id from t))),
    d as (delete from task where id = any(array(select id from t)) returning id),
    e as (insert into event (actor, what, task_id) select 'hub', 'REMOVED', id from d order by id)
    select count(*) as taken from d`,
    [limit],
  );
  return row!.taken;
}

const IDEMPOTENCY_HOURS = 48;

export async function removeOldKeys(database: Database, limit: number): Promise<number> {
  const rows = await database.query(
    `
    delete from idempotency where (principal, key) in (
      select principal, key from idempotency where created < now() - interval '${IDEMPOTENCY_HOURS} hours' limit $1) \
returning 1`,
    [limit],
  );
  await database.query("delete from web_session where expires < now()");
  return rows.length;
}
