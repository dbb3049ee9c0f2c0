/**
 * Steps and what each must wait for. The order is worked out before anything runs, and a circle is told with its way
 * around.
 */

export interface GraphNode {
  readonly id: string;
  /** ids of the steps that must be over before */
  readonly after: readonly string[];
}

export class GraphError extends Error {
  override name = "GraphError";
  /** ids of the steps that wait for each other */
  readonly circle: readonly string[];
  constructor(message: string, circle: readonly string[] = []) {
    super(message);
    this.circle = circle;
  }
}

/**
 * The nodes so that each stands behind those it waits for; ties keep the order given.
 *
 * @throws GraphError  two nodes have one id, one waits for a node that is not there, or they wait in a circle
 */
export function orderNodes<N extends GraphNode>(nodes: readonly N[]): N[] {
  const byId = new Map<string, N>();
  for (const node of nodes) {
    if (byId.has(node.id)) throw new GraphError(`two phases are called ${node.id}`);
    byId.set(node.id, node);
  }
  const ordered: N[] = [];
  const state = new Map<string, "open" | "done">();
  const visit = (node: N, chain: readonly string[]): void => {
    if (state.get(node.id) === "done") return;
    if (state.get(node.id) === "open") {
      const circle = chain.slice(chain.indexOf(node.id));
      throw new GraphError(`phases wait for each other in a circle: ${[...circle, node.id].join(" → ")}`, circle);
    }
    state.set(node.id, "open");
    for (const id of node.after) {
      const other = byId.get(id);
      if (other === undefined)
        throw new GraphError(
          `${node.id} is to wait for ${id}, and there is no such phase; there is ` +
            `${nodes.map((one) => one.id).join(", ")}`,
        );
      visit(other, [...chain, node.id]);
    }
    state.set(node.id, "done");
    ordered.push(node);
  };
  for (const node of nodes) visit(node, []);
  return ordered;
}
