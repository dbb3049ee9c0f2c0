/** Lists of a hub, as a table or as JSON. */
import { formatTable } from "../text-table.ts";
import { withHub, type HubOptions } from "./hub-client.ts";

export interface Listing extends HubOptions {
  readonly json?: true;
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** @param columns  heads, and what stands below each */
export function listOf<Item>(
  path: string,
  options: Listing,
  columns: Readonly<Record<string, (item: Item) => string>>,
): Promise<number> {
  return withHub(options, async (client) => {
    const { items } = await client.call<{ items: readonly Item[] }>("GET", path);
    printItems(items, options, columns);
  });
}

export function printItems<Item>(
  items: readonly Item[],
  { json }: Listing,
  columns: Readonly<Record<string, (item: Item) => string>>,
): void {
  if (json === true) return printJson(items);
  const cells = Object.values(columns);
  process.stdout.write(
    formatTable(
      Object.keys(columns),
      items.map((item) => cells.map((cell) => cell(item))),
    ),
  );
}
