import { configPlaces, readSettings } from "@stratos/systems/builder";
import { EXIT_SUCCESS } from "../exit-status.ts";
import { formatTable } from "../text-table.ts";
import type { BuilderOptions } from "./builder-terminal.ts";

export interface ConfigShowOptions extends BuilderOptions {
  readonly origin?: true;
}

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
