/** `stratos hub restore|migrate`: into another database, without a hub that serves either. */
import { open, type FileHandle } from "node:fs/promises";
import {
  countRows,
  DatabaseError,
  dumpDatabase,
  HUB_DEFAULTS,
  linesOf,
  openHubPlace,
  openLasting,
  openUsedPlace,
  restoreDatabase,
  schemaVersion,
  type HubPlaceOptions,
  withoutPassword,
} from "@stratos/hub";
import { OperationError } from "@stratos/operation";
import { CommandError, hostReason } from "../command-error.ts";
import { printJson } from "../hub/hub-listing.ts";
import { formatTable } from "../text-table.ts";

/** Into an empty database, of a hub that does not run. */
export async function restoreHub(file: string, options: HubPlaceOptions & { readonly json?: true }): Promise<number> {
  if (options.database === "memory") await openLasting(options.database);
  // Before a database is made; a stream of its own would fail while nobody listens yet.
  const source = file === "-" ? null : await openFile(file);
  const place = await openHubPlace(options).catch(async (error: unknown) => {
    await source?.close();
    throw error;
  });
  try {
    const lines = linesOf(source === null ? process.stdin : source.createReadStream({ autoClose: false }));
    const counts = await restoreDatabase(place.database, lines, HUB_DEFAULTS.leaseSeconds);
    tellCounts(counts, options.json === true);
    return 0;
  } catch (error) {
    throw databaseFailure(error, file);
  } finally {
    await source?.close();
    await place.close();
  }
}

/** @throws CommandError */
async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (error) {
    throw new CommandError(path, hostReason(error), { cause: error });
  }
}

/** One database into another: each table's rows are counted on both sides. */
export async function migrateHub(
  options: HubPlaceOptions & { readonly to: string; readonly json?: true },
): Promise<number> {
  const place = await openUsedPlace(options);
  const stop = new AbortController();
  let target: Awaited<ReturnType<typeof openLasting>> | null = null;
  try {
    // Another program's, or of a name that was mistyped.
    if ((await schemaVersion(place.database)) === 0)
      throw new CommandError(place.database.name, "there is no database of a hub");
    target = await openLasting(options.to);
    const text = dumpDatabase(place.database, stop.signal);
    const counts = await restoreDatabase(target.database, linesOf(text), HUB_DEFAULTS.leaseSeconds);
    const [before, after] = [await countRows(place.database), await countRows(target.database)];
    const differing = Object.keys(before).filter((table) => before[table] !== after[table]);
    if (differing.length > 0)
      throw new CommandError(
        options.to,
        "counts differ: " + differing.map((table) => `${table} ${after[table]} of ${before[table]}`).join(", "),
      );
    tellCounts(counts, options.json === true);
    return 0;
  } catch (error) {
    throw databaseFailure(error, options.to);
  } finally {
    stop.abort();
    await target?.close();
    await place.close();
  }
}

function tellCounts(counts: Readonly<Record<string, number>>, isJson: boolean): void {
  if (isJson) printJson(counts);
  else
    process.stdout.write(
      formatTable(
        ["TABLE", "ROWS"],
        Object.entries(counts)
          .filter(([, count]) => count > 0)
          .map(([table, count]) => [table, String(count)]),
      ),
    );
}

function databaseFailure(error: unknown, what: string): unknown {
  if (error instanceof OperationError || error instanceof CommandError || !(error instanceof Error)) return error;
  const name = withoutPassword(what);
  const words = error instanceof DatabaseError ? error.message : hostReason(error);
  // What is wrong with a database begins with its name.
  return new CommandError(name, words.startsWith(`${name}: `) ? words.slice(name.length + 2) : words, { cause: error });
}
