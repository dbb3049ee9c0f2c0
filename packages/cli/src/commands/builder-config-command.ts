import { configPlaces, readSettings } from "@stratos/systems/builder";
import { EXIT_SUCCESS } from "../exit-status.ts";
import type { ConfigShowOptions } from "./builder-rows.ts";
import { formatTable } from "../text-table.ts";

export async function showConfig(options: ConfigShowOptions): Promise<number> {
  const settings = readSettings(options);
  if (options.json === true) {
    process.stdout.write(
      JSON.stringify(
        {
          places: configPlaces(),
          settings: Object.fromEntries(settings.map(({ key, value, origin }) => [key, { value, origin }])),
        },
        null,
        2,
      ) + "\n",
    );
    return EXIT_SUCCESS;
  }
  const rows = settings.map(({ key, value, origin }) => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
    ...(options.origin === true ? [origin] : []),
  ]);
  process.stdout.write(formatTable(["setting", "value", ...(options.origin === true ? ["origin"] : [])], rows));
  return EXIT_SUCCESS;
}
