/** Tasks that belong together, and what waits for what. */
import type { WorkflowView } from "@stratos/hub-api";
import type { Queryable } from "../database/database.ts";
import { notFound } from "./hub-error.ts";

const WORKFLOW_TASKS_MAX = 10_000;
const WORKFLOW_EDGES_MAX = 50_000;

/** @throws HubError 404 */
export async function findWorkflow(on: Queryable, id: number): Promise<WorkflowView> {
  const [workflow] = await on.query<{ name: string; owner: string; created: Date }>(
    "select name, owner, created from workflow where id = $1",
    [id],
  );
  if (workflow === undefined) throw notFound(`workflow ${id}`);
  const tasks = await on.query<WorkflowView["tasks"][number]>(
    `select id, label, kind, state from task where workflow_id = $1 order by id limit ${WORKFLOW_TASKS_MAX}`,
    [id],
  );
  const edges = await on.query<WorkflowView["edges"][number]>(
    "select e.parent, e.child, e.needs from edge e join task t on t.id = e.child where t.workflow_id = $1 order by " +
      `e.child, e.parent limit ${WORKFLOW_EDGES_MAX}`,
    [id],
  );
  return { id, ...workflow, created: workflow.created.toISOString(), tasks, edges };
}
